#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# traffic: what passes the gateway without inpath, with it, and through the accept loop, in turns. Sourced by run.

# Routers that do not note which flow took which way: that costs more than what is measured here.
plain_routers() {
	local name
	for name in "${TRUTH_HOSTS[@]}"; do
		on "$name" nft delete table inet truth
	done
	net_sysctl gw net/netfilter/nf_conntrack_tcp_timeout_{close,time_wait,last_ack}=5
}

mode() {
	case $1 in
	none) inpath_rules down ;;
	ours*) inpath_rules up >/dev/null ;;
	loop) INPATH_CONF=$NET_WORK/loop.conf inpath_rules up >/dev/null ;;
	esac
}

# both OPTIONS: inpathd with these options, and the accept loop on a queue of its own; the one whose rules are up
# gets the packets. $INPATHD_AS and $LOOP_AS are words before the programs.
both() {
	inpath_conf "gateway = { queue = 538; };"
	cp "$NET_WORK/inpath.conf" "$NET_WORK/loop.conf"
	inpath_conf "$1"
	# shellcheck disable=SC2086 # words
	spawn gw "$NET_WORK/loop.log" ${LOOP_AS:-} "$NET_BUILD/bench/accept_loop" 538
	wait_for 10 grep -q ready "$NET_WORK/loop.log"
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
}

declare -A VALUE=() COST=() HELD99=()

# turns NAME UNIT KIND...: `NAME_once KIND` prints a value, and what it cost in CPU seconds; here each KIND has its
# turn, in an order that changes from round to round, after one to warm up.
turns() {
	local name=$1 unit=$2 round i kind said order
	shift 2
	local kinds=("$@")
	for kind in "${kinds[@]}"; do
		mode "$kind"
		"${name}_once" "$kind" >/dev/null
	done
	for ((round = 0; round < PAIRS; round++)); do
		order=("${kinds[@]:round % $#}" "${kinds[@]:0:round % $#}")
		said=
		for ((i = 0; i < $#; i++)); do
			kind=${order[round % 2 ? $# - 1 - i : i]}
			mode "$kind"
			read -r VALUE["$kind $round"] COST["$kind $round"] <<<"$("${name}_once" "$kind")"
			said+=" $kind ${VALUE["$kind $round"]}"
		done
		progress "$name $((round + 1))/$PAIRS:$said $unit"
	done
}

# compare NAME UNIT BETTER TARGET OURS BASE: a line from what `turns` has measured of two kinds.
compare() {
	local rows=() round
	for ((round = 0; round < PAIRS; round++)); do
		rows+=("${VALUE["$5 $round"]},${VALUE["$6 $round"]}${COST["$5 $round"]:+,${COST["$5 $round"]},${COST["$6 $round"]}}")
	done
	figure "$1" pairs "$2" "$3" "$4" "${rows[@]}"
}

# traced KEY=VALUE...: there must be a path of what was meant to be traced.
traced() {
	[ -n "$(records ev=path "$@")" ] || { echo "bench: nothing was traced" >&2; exit 1; }
}

# --- bulk_tcp, bulk_udp ---------------------------------------------------------------------------

bulk_tcp_once() {
	local before after rate
	before=$(busy)
	rate=$(on tv curl -sS -4 "http://$S1_4/bulk.bin" -o /dev/null -w '%{speed_download}')
	after=$(busy)
	awk -v rate="$rate" -v cpu="$after" -v before="$before" -v mb="$FILE_MB" \
		'BEGIN { printf "%.1f %.3f", rate / 1e6, (cpu - before) / (mb / 1024) }'
}

bulk_tcp() {
	truncate -s "${FILE_MB}M" "$NET_WORK/s1/www/bulk.bin"
	both ''
	turns bulk_tcp MB/s none ours loop
	compare bulk_tcp MB/s more 0.99 ours none
	compare bulk_tcp_loop MB/s more - ours loop
	traced proto=tcp
}

# stream_server PORT [BYTES [WINDOW]]
stream_server() {
	spawn s1 "$NET_WORK/stream.$1" "$NET_BUILD/bench/stream" serve "$S1_4" "$@"
	wait_for 10 grep -q ready "$NET_WORK/stream.$1"
}

# stream_rate PORT SECONDS [BYTES [WINDOW]]: `THOUSAND_DATAGRAMS/s CPU_SECONDS_A_MILLION`.
stream_rate() {
	local before after rate
	before=$(busy)
	rate=$(on tv "$NET_BUILD/bench/stream" fetch "$S1_4" "$@")
	after=$(busy)
	awk -v rate="${rate% *}" -v cpu="$after" -v before="$before" -v s="$2" \
		'BEGIN { printf "%.2f %.3f", rate / 1000, (cpu - before) / (rate * s / 1e6) }'
}

bulk_udp_once() {
	stream_rate 4433 6
}

bulk_udp() {
	stream_server 4433
	both ''
	turns bulk_udp kpackets/s none ours loop
	compare bulk_udp kpackets/s more 0.97 ours none
	compare bulk_udp_loop kpackets/s more - ours loop
	traced proto=quic
}

# --- unselected, connections ------------------------------------------------------------------------

# Connections to these ports are not selected, to the others they are.
SELECT='policies = (
	{ name = "none"; action = "ignore"; ports = [ "7000-7999" ]; },
	{ name = "all"; action = "trace"; }
);'

# visits_server PORT PORTS BYTES
visits_server() {
	spawn s1 "$NET_WORK/visits.$1" "$NET_BUILD/bench/visits" serve "$S1_4" "$@"
	wait_for 10 grep -q ready "$NET_WORK/visits.$1"
}

unselected_once() {
	on tv "$NET_BUILD/bench/visits" make "$S1_4" 7000 1 64 64 | awk '{ print $2 }'
}

unselected() {
	visits_server 7000 1 $((64 << 20))
	both "$SELECT"
	turns unselected MB/s none ours loop
	compare unselected MB/s more 0.99 ours none
	compare unselected_loop MB/s more - ours loop
}

# Per connection: a greeting of 353 bytes with the server's name, and 1000 bytes of answer.
connections_once() {
	local port=7000
	[ "$1" != ours_selected ] || port=8000
	on tv "$NET_BUILD/bench/visits" make "$S1_4" "$port" 8 32 20000 | awk '{ print $1 / 1000 }'
}

connections() {
	visits_server 7000 8 1000
	visits_server 8000 8 1000
	both "$SELECT"
	turns connections kconnections/s none ours ours_selected loop
	compare connections kconnections/s more 0.95 ours loop
	compare connections_selected kconnections/s more 0.85 ours_selected loop
	compare connections_none kconnections/s more - ours none
	compare connections_selected_none kconnections/s more - ours_selected none
	traced dport=8000
}

# --- all_queued, hold -------------------------------------------------------------------------------

# The kernel's rule that puts a connection to rest is taken out again: all packets come to the queue for good.
no_rest() {
	local tables
	for tables in iptables ip6tables; do
		on gw "$tables" -t mangle -S INPATH_POST 2>/dev/null | sed -n '/--save-mark/s/^-A/-D/p' |
			while read -r rule; do
				# shellcheck disable=SC2086 # words
				on gw "$tables" -t mangle $rule </dev/null
			done
	done
}

all_queued_once() {
	[ "$1" = none ] || no_rest
	stream_rate 4434 2 64
}

all_queued() {
	stream_server 4434 64
	both ''
	turns all_queued kpackets/s none ours loop
	compare all_queued kpackets/s more 0.95 ours loop
	compare all_queued_none kpackets/s more - ours none
	traced proto=quic
}

# `P50 P99` in microseconds, of the packets that came in this turn (held.c), a few at a time.
hold_once() {
	local file=$NET_WORK/held.$1
	no_rest
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f: f.write(bytes(8))' "$file"
	stream_rate 4435 2 64 4 >/dev/null
	python3 -c 'import array, sys
with open(sys.argv[1], "rb") as f:
    count = int.from_bytes(f.read(8), sys.byteorder)
    ns = array.array("I", f.read(4 * count))
ns = sorted(ns)
assert len(ns) > 5000, f"{len(ns)} packets were seen"
print(ns[len(ns) // 2] / 1000, ns[len(ns) * 99 // 100] / 1000)' "$file"
}

hold() {
	local round
	stream_server 4435 64 4
	printf '#!/bin/sh\nHELD=%s LD_PRELOAD=%s exec %s "$@"\n' "$NET_WORK/held.ours" "$NET_BUILD/bench/held.so" \
		"${INPATHD:-$NET_BUILD/inpathd}" >"$NET_WORK/inpathd"
	chmod 755 "$NET_WORK/inpathd"
	INPATHD=$NET_WORK/inpathd LOOP_AS="env HELD=$NET_WORK/held.loop LD_PRELOAD=$NET_BUILD/bench/held.so" both ''
	turns hold us ours loop
	# The second value is no cost here.
	for ((round = 0; round < PAIRS; round++)); do
		HELD99["ours $round"]=${COST["ours $round"]} HELD99["loop $round"]=${COST["loop $round"]}
	done
	COST=()
	compare hold_p50 us less 1.2 ours loop
	for ((round = 0; round < PAIRS; round++)); do
		VALUE["ours $round"]=${HELD99["ours $round"]} VALUE["loop $round"]=${HELD99["loop $round"]}
	done
	compare hold_p99 us less 1.2 ours loop
}
