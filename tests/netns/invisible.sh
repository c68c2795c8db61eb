#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# invisible.sh: neither the client nor the server sees that a flow is traced. Captures at both ends
# and on the gateway's outer side are compared packet by packet (tools/invisible.py), while
# connections of all kinds (tools/flows.py) are traced as configured by default, then once a second;
# at last connections at full speed. with_news, of all of them, is printed and bounded.
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
tools=$NET_ROOT/tests/netns/tools
touches=0
with_news=0
own_port=9 # of the connection that ends the latest capture

# Kinds of connections, one of each at a time: poll, down and up, TLS and plain, IPv4 and IPv6.
specs() {
	local kind port sport=$1
	for kind in poll down up; do
		for port in 443 80; do
			echo "$kind,$S1_4,$port,$((sport++))"
			echo "$kind,$S1_6,$port,$((sport++))"
		done
	done
}

mac() {
	on "$1" cat "/sys/class/net/$2/address"
}

# capture_begin NAME HOST IF: large buffers, so that nothing is missed; full packets.
capture_begin() {
	local file=$NET_WORK/$phase/$1.pcap
	spawn "$2" "$file.log" tcpdump -i "$3" -B 65536 -s 0 -U -n -w "$file" ip or ip6
	wait_for 30 grep -q 'listening on' "$file.log"
	captures+=("$SPAWNED")
}

# A last packet that all captures must have: then they have all before it.
captures_end() {
	local place pid
	own_port=$((own_port + 1))
	on tv curl -s -o /dev/null --local-port "$own_port" "http://$S1_4/end-of-$phase"
	for place in client wan server; do
		wait_for 30 grep -qa "GET /end-of-$phase" "$NET_WORK/$phase/$place.pcap"
	done
	for pid in "${captures[@]}"; do
		finish "$pid" || true
	done
}

captured_all() {
	local file
	for file in "$NET_WORK/$phase"/*.log; do
		grep -q '^0 packets dropped by kernel' "$file" || return 1
	done
}

closed() {
	[ -z "$(on tv ss -Htn state connected exclude time-wait)" ]
}

# counter NAME: of the engine, when it stopped.
counter() {
	field "$(records ev=stats | grep " $1=" | tail -n 1)" "$1"
}

# Has each connection of this phase at least this many path records?
traced() {
	local spec
	for spec in "${running[@]}"; do
		[ "$(records ev=path sport="${spec##*,}" | wc -l)" -ge "$1" ] || return 1
	done
}

# run_phase NAME TRACES SPEC...: the connections, until each has been traced so often.
run_phase() {
	local enough=$NET_WORK/$1/enough pid status=0
	phase=$1
	wanted=$2
	shift 2
	running=("$@")
	mkdir -p "$NET_WORK/$phase"
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	spawn tv "$NET_WORK/$phase/flows" python3 "$tools/flows.py" run "$enough" "$NET_WORK/ca.pem" \
		"$S1_NAME" "$NET_WORK/s1/www" "$@"
	pid=$SPAWNED
	tap_ok "$phase: each connection is traced, $wanted times" wait_for 30 traced "$wanted"
	: >"$enough"
	wait_for 60 net_gone "$pid" || true
	finish "$pid" || status=$?
	tap_is "$phase: the applications receive what was sent" "$(grep ': ' "$NET_WORK/$phase/flows") $status" " 0"
	wait_for 30 closed || true
	stop_inpathd
	touches=$((touches + $(counter touches)))
	with_news=$((with_news + $(counter with_news)))
	echo "# $phase: $(records ev=stats | tail -n 2 | head -n 1 | cut -d' ' -f4-)"
}

# Besides the connections themselves: what the ends and the gateway's outer side saw.
run_captured() {
	local captures=() what wrong
	phase=$1
	mkdir -p "$NET_WORK/$phase"
	capture_begin client tv eth0
	capture_begin wan gw wan
	capture_begin server s1 eth0
	run_phase "$@"
	captures_end
	tap_ok "$phase: the captures are whole" captured_all
	python3 "$tools/invisible.py" "$NET_WORK/$phase" "$(mac tv eth0)" "$(mac gw wan)" \
		"$(mac s1 eth0)" "$own_port" "$TV4,$TV6" "$WAN4,$WAN6" $(($# - 2)) \
		"swallowed_icmp=$(counter swallowed_icmp)" "swallowed_ack=$(counter swallowed_ack)" \
		"with_news=$(counter with_news)" "probes=$(counter probes)" \
		>"$NET_WORK/$phase/seen"
	while IFS=$'\t' read -r what wrong; do
		case $what in
		'#'*) echo "# $phase: ${what#\# }" ;;
		*) tap_is "$phase: $what" "$wrong" "" ;;
		esac
	done <"$NET_WORK/$phase/seen"
}

net_begin invisible "${1:-build}"
HOME_LARGE_MB=1
home_up nat6

# Nothing may pass unseen by inpathd here, however slow the machine; budgets are other tests' matter.
gateway='gateway = { queue_len = 4096; }; budget = { gateway = 1000; client = 1000; first_hops = 1000; };'
inpath_conf "$gateway" 'paths = "all"'
mapfile -t list < <(specs 20000)
run_captured default 1 "${list[@]}"

inpath_conf "$gateway probe = { interval = 1; };" 'paths = "all"'
mapfile -t list < <(specs 21000)
run_captured often 3 "${list[@]}"

spawn s1 "$NET_WORK/sink" python3 "$tools/flows.py" sink "$NET_WORK/bulk/enough" 9000
wait_for 30 grep -q ready "$NET_WORK/sink"
inpath_conf "$gateway" 'paths = "all"'
run_phase bulk 1 "bulk-up,$S1_4,9000,22000" "bulk-up,$S1_6,9000,22001" \
	"bulk-down,$S1_4,9000,22002" "bulk-down,$S1_6,9000,22003"

echo "# touches=$touches with_news=$with_news"
# On an emulated machine, slow as it is and with ACKs that overtake each other, more comes with each answer: 7 to 14.
most=$([ -n "${INPATH_VM:-}" ] && echo 20 || echo 5)
tap_ok "at most $most in 100 answers to touches carry news" test $((with_news * 100)) -le $((touches * most))
tap_done
