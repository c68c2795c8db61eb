#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# malformed [BUILD]: law 1 for packets that are malformed, truncated or lie, from both sides: whatever the
# gateway lets through without inpath, it lets through with it, the same bytes, by either kind of iptables;
# inpathd counts them and goes on with its work. The client's segments come all at once and belong to a
# connection that conntrack has never heard of: the queue must not let it drop some of them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

MALFORMED=$NET_ROOT/tests/netns/tools/malformed.py
FENCE=100

mac_of() { # HOST IF
	on "$1" cat "/sys/class/net/$2/address"
}

# Everything that was on its way before is in the captures: a packet of its own size followed it. And all
# neighbours know each other.
fence() {
	local host
	FENCE=$((FENCE + 1))
	on tv ping -n -c 1 -W 10 -s "$FENCE" 203.0.113.1 >/dev/null
	on tv ping -n -c 1 -W 10 -s "$FENCE" 2001:db8:ff::1 >/dev/null
	for host in r1 tv; do
		wait_for 30 fence_seen "$host" "proto == 1 and type == 0 and size == $((FENCE + 28))"
		wait_for 30 fence_seen "$host" "proto == 58 and type == 129 and size == $((FENCE + 48))"
	done
}

fence_seen() { # HOST CONDITION
	[ -n "$("$NET_ROOT/tests/netns/tools/packet.py" list "$NET_WORK/$PHASE-$1.pcap" "$2")" ]
}

# A connection by hand, so that it has the same numbers each time (NAT keeps its port); then everything
# that either side could say.
both_sides_lie() { # FAMILY
	local client wan server lan_mac wan_mac
	client=$(home_client tv "$1") wan=WAN$1 server=S1_$1
	wan=${!wan} server=${!server}
	lan_mac=$(mac_of gw br-lan) wan_mac=$(mac_of gw wan)
	on tv "$MALFORMED" word syn eth0 "$lan_mac" "$client" "$server" 41999 443 1000 0
	on r1 "$MALFORMED" word synack gw "$wan_mac" "$server" "$wan" 443 41999 5000 1001
	on tv "$MALFORMED" word ack eth0 "$lan_mac" "$client" "$server" 41999 443 1001 5001
	on tv "$MALFORMED" lan eth0 "$lan_mac" "$client" "$server"
	on r1 "$MALFORMED" wan gw "$wan_mac" "$server" "$wan" 443 41999 5001 1001
}

lies() { # PHASE
	local family
	PHASE=$1
	on gw conntrack -F 2>/dev/null
	capture r1 gw "$NET_WORK/$PHASE-r1.pcap" -s 2048
	capture tv eth0 "$NET_WORK/$PHASE-tv.pcap" -s 2048
	fence
	for family in 4 6; do
		both_sides_lie "$family"
	done
	fence
	"$MALFORMED" seen "$NET_WORK/$PHASE-r1.pcap" "$WAN4,$WAN6,$TV4,$TV6" "$S1_4,$S1_6" | sort >"$NET_WORK/$PHASE-r1"
	"$MALFORMED" seen "$NET_WORK/$PHASE-tv.pcap" "$S1_4,$S1_6" "$TV4,$TV6" | sort >"$NET_WORK/$PHASE-tv"
}

# What is missing, new or changed: nothing, if all is well.
differences() { # PHASE HOST
	diff "$NET_WORK/without-$2" "$NET_WORK/$1-$2" || true
}

nothing_differs() { # PHASE
	tap_is "$1: what a client sends leaves as it does without inpath" "$(differences "$1" r1)" ""
	tap_is "$1: what a server sends arrives as it does without inpath" "$(differences "$1" tv)" ""
}

# The rules anew, by the older kind of iptables.
rules_by_legacy() {
	local tool path=$PATH
	for tool in iptables ip6tables; do
		on gw "$tool-legacy" -t mangle -S >/dev/null 2>&1 || return 1
	done
	inpath_rules down
	mkdir "$NET_WORK/legacy"
	for tool in {ip,ip6}tables{,-save,-restore}; do
		ln -s "$(command -v "${tool/tables/tables-legacy}")" "$NET_WORK/legacy/$tool"
	done
	PATH=$NET_WORK/legacy:$PATH
	inpath_rules up
	PATH=$path
}

stat_of() { # NAME, of the last ev=stats
	local line
	line=$(grep "^ev=stats .* $1=" "$INPATH_LOG" | tail -n 1)
	field "$line" "$1"
}

net_begin malformed "${1:-build}"
home_up nat6
# Nobody answers but the two: no kernel on the way, nor what lies behind r1. (Packet sockets are no part of
# this.) An answer may have any IP ID, so it could be taken for one of the numbered packets.
nobody_answers() { # -A|-D
	local family tables server host
	for family in 4 6; do
		tables=iptables server=S1_$family
		[ "$family" = 4 ] || tables=ip6tables
		on r1 "$tables" "$1" FORWARD -i gw -j DROP
		for host in tv gw; do
			on "$host" "$tables" "$1" OUTPUT -d "${!server}" -j DROP
		done
	done
}

nobody_answers -A
lies without
inpath_conf 'probe = { touch = false; };'
# shellcheck disable=SC2119 # no argument: the configuration written above
start_inpathd >/dev/null
lies nf_tables
echo "# the gateway lets $(wc -l <"$NET_WORK/without-r1") out and $(wc -l <"$NET_WORK/without-tv") in"
for family in 4 6; do
	for host in r1 tv; do
		tap_ok "IPv$family: there is something to compare at $host" \
			test "$(grep -c "^$family " "$NET_WORK/without-$host")" -ge 10
	done
done
nothing_differs nf_tables
if rules_by_legacy >/dev/null; then
	lies legacy
	nothing_differs legacy
else
	tap_skip "the same by the older kind of iptables" "this system has none"
fi

nobody_answers -D
home_curl tv 4 --local-port 40004 "https://$S1_NAME/large.bin" -o "$NET_WORK/got"
tap_ok "inpathd goes on" cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin"
tap_ok "and traces" wait_for_record 30 ev=path sport=40004
kill -USR1 "$INPATHD_PID"
wait_for 30 record_exists ev=stats of=shells
records ev=stats | sed 's/^/# /'
for name in malformed short_packets other_proto dns_malformed; do
	tap_ok "$name is counted" test "$(stat_of "$name")" -gt 0
done
tap_ok "inpathd ends well" finish "$INPATHD_PID"
tap_done
