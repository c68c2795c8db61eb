#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib: faults and attacks under a load that tells what became of it (load.py). Source it:
#
#	. "$(dirname "$0")/lib.sh"
#	safety_begin mytest "${1:-build}"
#	load_begin			# connections and datagrams through the gateway, until
#	...the fault...
#	load_end			# then $BROKEN, $LOST, $GAP, $SENT, $CONNECTIONS
#	row "what" "what was done" [QUEUE_LEN [MS [MORE]]]
#
# A row is right where no connection broke, at most QUEUE_LEN (0) datagrams were lost, and no UDP flow stood still
# for longer than MS (not judged). MORE stands in the table. A row is a TAP line, and behind it `#row|...` for the table;
# $SHOWN is the command that shows it, where that is not `make safety`.
#
# All flows are traced all the time, at an interval at which none rests, so that every packet of theirs comes to the
# queue: in use, between two traces, hardly any does.
#
# SHORT=1: fewer repetitions, and thrice the time, for `make check`, beside which other tests run. CASES="signals full": only these.
# On an emulated machine it is short, the load is what such a one carries, and no time is judged: it stands still by itself.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"
# shellcheck source=tests/bench/still.sh
. "$NET_ROOT/tests/bench/still.sh"

LOAD=$NET_ROOT/tests/safety/load.py
LOAD_PORT=9000
# shellcheck disable=SC2034 # for those who source it
QUEUE_LEN=256
LOAD_RATE=1000 BEHIND=
if [ -n "${INPATH_VM:-}" ]; then
	# shellcheck disable=SC2016 # Markdown
	SHORT=1 LOAD_RATE=50 BEHIND=", with nft" SHOWN='`make vm ONLY=safety`'
	export LOAD_PAUSE=0.2
fi
EVERYTHING="probe = { interval = 1; }; budget = { gateway = 400; client = 400; first_hops = 100; };
policies = ( { name = \"all\"; action = \"trace\"; protocols = [ \"tcp\", \"quic\", \"udp\" ]; } );"

safety_begin() { # NAME BUILD [nat6|routed6]
	net_begin "safety-$1" "$2"
	home_up "${3:-nat6}"
	: >"$NET_WORK/load-serve"
	spawn s1 "$NET_WORK/load-serve" python3 "$LOAD" serve "$LOAD_PORT"
	wait_for 120 grep -q ready "$NET_WORK/load-serve"
	inpath_conf "$EVERYTHING"
	trap safety_end EXIT
}

# Why something was not as it should be, inpathd may know.
safety_end() {
	local status=$?
	set +e
	[ "$status" -eq 0 ] || tail -n 5 "$NET_WORK/inpathd.err" | sed 's/^/# inpathd: /'
	(exit "$status")
	net_end
}

wanted() { # CASE
	[[ " ${CASES:-$1} " == *" $1 "* ]]
}

fresh() {
	[ -z "$INPATHD_PID" ] || net_gone "$INPATHD_PID" || finish "$INPATHD_PID" || true
	rm -f "$INPATH_LOG"
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
}

stat() { # COUNTER
	on gw "$NET_BUILD/inpath" status --json | tr -d '", ' | tr ':' ' ' | awk -v key="$1" '$1 == key { print $2 }'
}

load_begin() { # [RATE [ADDRESS...]]
	local rate=${1:-$LOAD_RATE}
	shift || true
	[ $# -gt 0 ] || set -- "$S1_4" "$S1_6"
	rm -f "$NET_WORK/enough"
	: >"$NET_WORK/load"
	spawn tv "$NET_WORK/load" python3 "$LOAD" run "$NET_WORK/enough" "$LOAD_PORT" "$rate" "$@"
	LOAD_PID=$SPAWNED
	wait_for 120 grep -q 'under way' "$NET_WORK/load" || { cat "$NET_WORK/load" >&2; return 1; }
	sleep "${LOAD_LEAD:-1}" # so that there is something before the fault, too: the first traces
}

load_end() {
	local line
	sleep "${LOAD_TRAIL:-1}"
	: >"$NET_WORK/enough"
	wait_for 90 net_gone "$LOAD_PID" || true
	finish "$LOAD_PID" || true
	line=$(grep '^connections=' "$NET_WORK/load") || { cat "$NET_WORK/load" >&2; line="connections=0 broken=- sent=0 lost=- gap=-"; }
	grep '^#' "$NET_WORK/load" || true
	echo "# $line"
	CONNECTIONS=$(field "$line" connections) BROKEN=$(field "$line" broken) SENT=$(field "$line" sent)
	LOST=$(field "$line" lost) GAP=$(field "$line" gap)
}

row() { # WHAT DONE [LOST [MS [MORE]]]
	local allowed=${3:-0} bound=${4:--} more=${5:-}
	[ -z "${INPATH_VM:-}" ] || bound=-
	[ "$bound" = - ] || [ -z "${SHORT:-}" ] || bound=$((3 * bound))
	set -- "$1$BEHIND" "${@:2}"
	tap_ok "$1: no connection broken, at most $allowed datagrams lost$([ "$bound" = - ] || echo ", none later than $bound ms")" \
		row_is_right "$allowed" "$bound"
	[ -n "${SHOWN:-}" ] || tap_ok "$1: SECURITY.md has such a row" grep -qF "| $1 |" "$NET_ROOT/SECURITY.md"
	echo "#row|$1|$2|$BROKEN of $CONNECTIONS|$LOST of $SENT|$allowed|$GAP|$more|${SHOWN:--}"
}

row_is_right() {
	[ "$BROKEN" = 0 ] && [ "$CONNECTIONS" -gt 4 ] && [ "$LOST" -le "$1" ] && { [ "$2" = - ] || [ "$GAP" -le "$2" ]; }
}
