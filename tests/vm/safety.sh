#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# safety [BUILD]: faults that only a machine of its own can have: conntrack's table is full, the wall clock is set; and
# on a stock kernel with the nft backend what tests/safety/process.sh shows: killed, hung, started and stopped. There the
# rules are loaded anew, taken down and put up, too: nothing that waits in the queue may go with them.
# CASES="rules clock": only these.
# shellcheck disable=SC2317 # what wait_for calls
set -euo pipefail
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/../safety/lib.sh"

# What an emulated machine carries.
RATE=100
export LOAD_PAUSE=0.2
TIMES=3
MAX=/proc/sys/net/netfilter/nf_conntrack_max

table_full() {
	[ "$(on gw conntrack -S | grep -o '\bdrop=[0-9]*' | cut -d= -f2 | awk '{ n += $1 } END { print n + 0 }')" -gt 0 ]
}

# What is known goes on, and is traced; what is new waits until there is room.
case_conntrack() {
	local before probes
	before=$(cat "$MAX")
	fresh
	load_begin "$RATE"
	probes=$(stat probes)
	on gw cat /proc/sys/net/netfilter/nf_conntrack_count >"$MAX"
	tap_ok "conntrack's table full: it is" wait_for 30 table_full
	sleep 2
	probes=$(($(stat probes) - probes))
	echo "$before" >"$MAX"
	load_end
	row "conntrack's table full" "\`nf_conntrack_max\` set to what there is, for 2 s" 0 - "what is known is traced on, $probes probes meanwhile"
}

set_clock() {
	python3 -c 'import sys, time
time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + float(sys.argv[1]))' "$1"
}

traced_more() { # THAN
	[ "$(stat traces)" -gt "$1" ]
}

case_clock() {
	local step traces
	fresh
	load_begin "$RATE"
	for step in 86400 -86400 -1000000000 1000000000; do
		set_clock "$step"
		sleep 0.5
	done
	traces=$(stat traces)
	tap_ok "wall clock set: it traces still" wait_for 30 traced_more "$traces"
	load_end
	row "wall clock set" "a day forth and back, 31 years back and forth" 0 -
}

case_process() {
	fresh
	load_begin "$RATE"
	kill -KILL "$(worker)"
	load_end
	row "killed, with nft" "SIGKILL to the worker" "$QUEUE_LEN" -
	fresh
	load_begin "$RATE"
	kill -STOP "$(worker)"
	load_end
	row "hangs, with nft" "SIGSTOP to the worker for good" "$QUEUE_LEN" -
}

# repeatedly WHAT: TIMES times.
repeatedly() {
	local i
	for i in $(seq "$TIMES"); do
		"$@" >/dev/null
	done
}

anew() {
	inpath_rules up
}

down_and_up() {
	inpath_rules down
	inpath_rules up
}

case_rules() {
	fresh
	load_begin "$RATE"
	repeatedly anew
	load_end
	row "rules loaded anew, with nft" "$TIMES times" 0 -
	load_begin "$RATE"
	repeatedly down_and_up
	load_end
	row "rules down and up, with nft" "$TIMES times" 0 -
}

case_starts() {
	fresh
	load_begin "$RATE"
	repeatedly fresh
	load_end
	row "started and stopped, with nft" "$TIMES times, rules in place" "$TIMES" -
}

# shellcheck disable=SC2016,SC2034 # Markdown, lib.sh's
SHOWN='`make vm ONLY=safety`'
safety_begin vm "${1:-build}"
! wanted conntrack || case_conntrack
! wanted clock || case_clock
! wanted process || case_process
! wanted rules || case_rules
! wanted starts || case_starts
tap_done
