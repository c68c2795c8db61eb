#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# udp [BUILD]: flows of UDP that are not QUIC, an echo, a call and a tunnel's keep-alives (tools/udp.py),
# through inpathd: neither end loses a datagram, gets one that its peer did not send, or hears of an
# error; and an ICMP error for a client's own datagram reaches it.
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
tool=$NET_ROOT/tests/netns/tools/udp.py
declare -A COUNT=([echo]=80 [rtp]=200 [wireguard]=20) SERVERS=() TALKERS=()

# A pair of each kind and family, all at once.
begin() {
	local kind family server port=5000 sport=21000
	for kind in echo rtp wireguard; do
		for family in 4 6; do
			port=$((port + 1)) sport=$((sport + 1)) server=S1_$family
			spawn s1 "$NET_WORK/serve-$kind-$family" python3 "$tool" serve "$kind" "${!server}" "$port"
			SERVERS[$kind-$family]=$SPAWNED
			wait_for 20 grep -q ready "$NET_WORK/serve-$kind-$family"
			spawn tv "$NET_WORK/talk-$kind-$family" python3 "$tool" talk "$kind" "${!server}" "$port" "$sport" \
				"$([ "$kind" = wireguard ] && echo 0.2)" "${COUNT[$kind]}"
			TALKERS[$kind-$family]=$SPAWNED
		done
	done
}

# What an end has to say, but for how many it sent and received and which came late.
faults() {
	grep -vx 'ready\|talking' "$1" | sed 's/^sent=[0-9]* received=[0-9]* //; s/late=[0-9]* //'
}

check() {
	local pair
	for pair in "${!TALKERS[@]}"; do
		wait_for 60 net_gone "${TALKERS[$pair]}" || true
		finish "${TALKERS[$pair]}" || true
		finish "${SERVERS[$pair]}" || true
		echo "# $pair: client $(tail -n 1 "$NET_WORK/talk-$pair")"
		tap_is "$pair: the client sends all that it has to" \
			"$(field "$(tail -n 1 "$NET_WORK/talk-$pair")" sent)" "${COUNT[${pair%-*}]}"
		tap_is "$pair: the server gets them all, nothing else and no error" \
			"$(faults "$NET_WORK/serve-$pair")" "lost=0 duplicates=0 foreign=0 errors=0"
		tap_is "$pair: the client gets its answers, nothing else and no error" \
			"$(faults "$NET_WORK/talk-$pair")" "lost=0 duplicates=0 foreign=0 errors=0"
	done
}

refused() { # FAMILY
	local server=S1_$1 file=$NET_WORK/refused-$1 pid
	spawn tv "$file" python3 "$tool" talk echo "${!server}" 5999 2200"$1"
	pid=$SPAWNED
	tap_ok "IPv$1: a closed port's ICMP error reaches the client that sent there" \
		wait_for 20 grep -q 'error ECONNREFUSED' "$file"
	finish "$pid" || true
}

net_begin udp "${1:-build}"
HOME_LARGE_MB=1
home_up nat6
inpath_conf "" 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf"
begin
check
refused 4
refused 6
stop_inpathd
tap_done
