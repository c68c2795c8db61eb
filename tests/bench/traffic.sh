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

# pinned ROLE COMMAND...: each role has the same processor in every turn, where there are four: else chance decides
# who shares one, and that is worth more than what is measured here.
declare -A ROLE=([server]=1 [client]=2 [queue]=3)

pinned() {
	taskset -c $((ROLE[$1] % $(nproc))) "${@:2}"
}

# As if no rule had ever been in these tables, not even a chain.
no_rules() {
	local family table
	if [[ $(iptables -V) != *nf_tables* ]]; then
		inpath_rules down
		on gw iptables -t mangle -F FORWARD
		return
	fi
	for family in ip ip6; do
		for table in mangle security; do
			printf 'table %s %s\ndelete table %s %s\n' "$family" "$table" "$family" "$table"
		done
		echo 'table inet inpath; delete table inet inpath'
	done | on gw nft -f -
}

# What the nft backend would load, where the kernel cannot queue from it: the first packet that it would queue puts its
# flow to rest.
as_nft() {
	INPATH_BACKEND=nft inpath_rules print | sed "s/counter queue num [0-9]* bypass\$/ct mark set ct mark or 0x8000000 counter accept/"
}

# iptables-save lists all chains that a table may have, and iptables-restore then makes them, each in its hook.
only_used() {
	awk '{ line[NR] = $0 } $1 == "-A" { used[":" $2] = 1 }
		END { for (i = 1; i <= NR; i++) { split(line[i], w); if (w[1] !~ /^:/ || w[2] == "-" || w[1] in used) print line[i] } }'
}

# mode KIND: the gateway's rules as this kind of turn has them; made once, by what makes them, and then put back, so that
# turns can be short. `rule`: a single one, that matches no packet; `nft`: as_nft; `hello`: the accept loop gets what a client
# says until it has greeted, which is the least that a queue must have to know what a connection is. With $NO_REST nothing is put
# to rest.
MODE=
mode() {
	local kind=$1 kept table
	case $kind in
	ours* | rest) kind=ours ;;
	esac
	[ "$kind" != "$MODE" ] || return 0
	MODE=$kind
	kept=$NET_WORK/rules.$kind
	no_rules
	case $kind in
	none) ;;
	nft) as_nft | on gw nft -f - ;;
	hello)
		on gw iptables -t mangle -A FORWARD -p tcp -m connbytes --connbytes 0:3 --connbytes-mode packets --connbytes-dir original \
			-j NFQUEUE --queue-num 538 --queue-bypass
		;;
	rule) on gw iptables -t mangle -A FORWARD -m connmark --mark 0x8000000/0x8000000 -j RETURN ;;
	*)
		if [ -e "$kept" ]; then
			on gw iptables-restore "$kept"
			return
		fi
		INPATH_CONF=$NET_WORK/$([ "$kind" = ours ] && echo inpath || echo "$kind").conf inpath_rules up >/dev/null
		[ -z "${NO_REST:-}" ] || no_rest
		for table in mangle security; do
			on gw iptables-save -t "$table" 2>/dev/null || true
		done | only_used >"$kept"
		;;
	esac
}

# both OPTIONS: inpathd with these options, and the accept loop on a queue of its own; the one whose rules are up
# gets the packets. $LOOP_AS are words before the loop.
both() {
	local pid
	inpath_conf "gateway = { queue = 538; };"
	cp "$NET_WORK/inpath.conf" "$NET_WORK/loop.conf"
	inpath_conf "$1"
	# shellcheck disable=SC2086 # words
	spawn gw "$NET_WORK/loop.log" ${LOOP_AS:-} "$NET_BUILD/bench/accept_loop" 538
	wait_for 10 grep -q ready "$NET_WORK/loop.log"
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	for pid in "$SPAWNED" "$(pgrep -P "$INPATHD_PID")" "$(pgrep -f "^$NET_BUILD/bench/accept_loop 538")"; do
		taskset -pc $((ROLE[queue] % $(nproc))) "$pid" >/dev/null
	done
}

declare -A VALUE=() COST=() HELD99=()

# turns NAME UNIT KIND...: `NAME_once KIND` prints a value, and what it cost in CPU seconds. In each round each KIND has
# its turn twice, on the way there and on the way back, so that a machine that becomes slower or faster meanwhile is so
# for all; who is first changes. One round before that to warm up.
turns() {
	local name=$1 unit=$2 round kind said value cost
	shift 2
	local kinds=("$@") order i
	for ((round = -1; round < PAIRS; round++)); do
		order=("${kinds[@]:(round + 1) % $#}" "${kinds[@]:0:(round + 1) % $#}")
		for kind in "$@"; do
			VALUE["$kind $round"]='' COST["$kind $round"]=''
		done
		for ((i = $# - 1; i >= 0; i--)); do
			order+=("${order[i]}")
		done
		for kind in "${order[@]}"; do
			mode "$kind"
			read -r value cost <<<"$("${name}_once" "$kind")"
			VALUE["$kind $round"]+=" $value" COST["$kind $round"]+=" $cost"
		done
		said=
		for kind in "$@"; do
			# shellcheck disable=SC2086 # lists
			VALUE["$kind $round"]=$(mean ${VALUE["$kind $round"]}) COST["$kind $round"]=$(mean ${COST["$kind $round"]})
			said+=" $kind ${VALUE["$kind $round"]}"
		done
		progress "$name $((round + 1))/$PAIRS:$said $unit"
	done
}

mean() {
	awk 'BEGIN { for (i = 1; i < ARGC; i++) sum += ARGV[i]; if (ARGC > 1) printf "%.6g", sum / (ARGC - 1) }' "$@"
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

# Connections to these ports are not selected, to the others they are.
SELECT='policies = (
	{ name = "none"; action = "ignore"; ports = [ "7000-7999" ]; },
	{ name = "all"; action = "trace"; }
);'

# visits_server PORT PORTS BYTES
visits_server() {
	spawn s1 "$NET_WORK/visits.$1" taskset -c $((ROLE[server] % $(nproc))) "$NET_BUILD/bench/visits" serve "$S1_4" "$@"
	wait_for 10 grep -q ready "$NET_WORK/visits.$1"
}

# visits PORT PORTS PARALLEL COUNT: `CONNECTIONS/s MB/s`. No two connections of all these calls have the same ports, for as
# long as an ended one may linger.
visits() {
	local first
	first=$(cat "$NET_WORK/visited" 2>/dev/null || echo 0)
	echo $((first + $4)) >"$NET_WORK/visited"
	pinned client ip netns exec "$NET_PREFIX-tv" "$NET_BUILD/bench/visits" make "$S1_4" "$@" "$first"
}

bulk_tcp_once() {
	local before after rate
	before=$(busy)
	rate=$(visits 8000 1 1 1)
	after=$(busy)
	awk -v rate="${rate#* }" -v cpu="$after" -v before="$before" -v mb="$FILE_MB" \
		'BEGIN { printf "%.1f %.3f", rate, (cpu - before) / (mb / 1024) }'
}

bulk_tcp() {
	visits_server 8000 1 $((FILE_MB << 20))
	both "$SELECT"
	turns bulk_tcp MB/s none ours loop
	compare bulk_tcp MB/s more 0.99 ours none
	compare bulk_tcp_loop MB/s more - ours loop
	traced dport=8000
}

# stream_server PORT [BYTES [WINDOW]]
stream_server() {
	spawn s1 "$NET_WORK/stream.$1" taskset -c $((ROLE[server] % $(nproc))) "$NET_BUILD/bench/stream" serve "$S1_4" "$@"
	wait_for 10 grep -q ready "$NET_WORK/stream.$1"
}

# stream_rate PORT SECONDS [BYTES [WINDOW]]: `THOUSAND_DATAGRAMS/s CPU_SECONDS_A_MILLION`.
stream_rate() {
	local before after rate
	before=$(busy)
	rate=$(pinned client ip netns exec "$NET_PREFIX-tv" "$NET_BUILD/bench/stream" fetch "$S1_4" "$@")
	after=$(busy)
	awk -v rate="${rate% *}" -v cpu="$after" -v before="$before" -v s="$2" \
		'BEGIN { printf "%.2f %.3f", rate / 1000, (cpu - before) / (rate * s / 1e6) }'
}

bulk_udp_once() {
	stream_rate "$([ "$1" = rest ] && echo 7433 || echo 4433)" 1.5
}

bulk_udp() {
	stream_server 4433
	stream_server 7433
	both "$SELECT"
	turns bulk_udp kpackets/s none ours rest nft rule
	compare bulk_udp kpackets/s more 0.97 ours none
	compare bulk_udp_rest kpackets/s more - rest none
	compare bulk_udp_nft kpackets/s more - nft none
	compare bulk_udp_rule kpackets/s more - rule none
	traced proto=quic
}

# --- unselected, connections ------------------------------------------------------------------------

unselected_once() {
	visits 7000 1 64 64 | awk '{ print $2 }'
}

# How far a receiver's window grows over a way without delay is chance, and decides whether the data are still in the
# processor's caches when they are read: that is worth more than what is measured here. `unselected` has windows that do
# not grow; `unselected_grown` has them as they come, beside a queue that only sees connections begin.
unselected() {
	visits_server 7000 1 $((48 << 20))
	both "$SELECT"
	net_sysctl tv net/ipv4/tcp_rmem="4096 262144 262144"
	turns unselected MB/s none ours
	compare unselected MB/s more 0.99 ours none
	net_sysctl tv net/ipv4/tcp_rmem="4096 131072 33554432"
	turns unselected MB/s none ours hello
	compare unselected_grown MB/s more - ours none
	compare unselected_grown_hello MB/s more - ours hello
}

# Per connection: a greeting of 353 bytes with the server's name, and 1000 bytes of answer.
connections_once() {
	visits "$([ "$1" = ours_selected ] && echo 8000 || echo 7000)" 8 32 12000 | awk '{ print $1 / 1000 }'
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
	local tables table
	for tables in iptables ip6tables; do
		for table in security mangle; do
			{ on gw "$tables" -t $table -S INPATH_RESTED 2>/dev/null || true; } | sed -n '/--save-mark/s/^-A/-D/p' |
				while read -r rule; do
					# shellcheck disable=SC2086 # words
					on gw "$tables" -t $table $rule </dev/null
				done
		done
	done
}

all_queued_once() {
	stream_rate 4434 1 64
}

all_queued() {
	stream_server 4434 64
	NO_REST=yes
	both ''
	turns all_queued kpackets/s none ours loop
	compare all_queued kpackets/s more 0.95 ours loop
	compare all_queued_none kpackets/s more - ours none
	traced proto=quic
}

# `P50 P99` in microseconds, of the packets that came in this turn (held.c), a few at a time.
hold_once() {
	local file=$NET_WORK/held.$1
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f: f.write(bytes(8))' "$file"
	stream_rate 4435 1 64 4 >/dev/null
	python3 -c 'import array, sys
with open(sys.argv[1], "rb") as f:
    count = int.from_bytes(f.read(8), sys.byteorder)
    ns = array.array("I", f.read(4 * count))
ns = sorted(ns)
assert len(ns) > 2000, f"{len(ns)} packets were seen"
print(ns[len(ns) // 2] / 1000, ns[len(ns) * 99 // 100] / 1000)' "$file"
}

hold() {
	local round
	NO_REST=yes
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
