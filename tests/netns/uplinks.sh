#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# uplinks [BUILD [CASE]]: two uplinks, chosen in the ways that people choose them. No probe leaves by another door
# than its flow, no flow is harmed, each is traced, and its path is the way that it took.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/uplinks.sh"

COUNT=20
FLOWS=() # "FAMILY CLIENT_ADDRESS PORT"

downloads() {
	local i family client server pids=() pid bad=0
	FLOWS=()
	for i in $(seq 0 $((COUNT - 1))); do
		case $CASE in
		prefixes) family=6 client=$([ $((i % 2)) = 0 ] && echo "$UP_TV6A" || echo "$UP_TV6B") ;;
		*) family=$((i % 2 ? 6 : 4)) client=$([ $((i % 2)) = 0 ] && echo "$UP_TV4" || echo "$UP_TV6") ;;
		esac
		server=$([ "$family" = 4 ] && echo "$UP_S4" || echo "[$UP_S6]")
		FLOWS+=("$family $client $(($1 + i))")
		on tv curl -sS --max-time 30 --interface "$client" --local-port $(($1 + i)) "http://$server/paced/medium.bin" \
			-o "$NET_WORK/got-$i" 2>>"$NET_WORK/clients.err" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || bad=1
	done
	for i in $(seq 0 $((COUNT - 1))); do
		cmp "$NET_WORK/s1/www/medium.bin" "$NET_WORK/got-$i" || bad=1
	done
	rm -f "$NET_WORK"/got-*
	[ "$bad" -eq 0 ] || { cat "$NET_WORK/clients.err" >&2; return 1; }
}

each_is_true() {
	local one family client sport server line bad=0
	for one in "${FLOWS[@]}"; do
		read -r family client sport <<<"$one"
		server=UP_S$family
		line=$(wait_for_record 30 ev=path why=start "sport=$sport") || { bad=1 && continue; }
		if [ "$(record_addresses "$line")" != "$(true_path "$family" "$client" "${!server}" "$sport" 80)" ]; then
			echo "# not the way it took: $line"
			bad=1
		fi
	done
	[ "$bad" -eq 0 ]
}

# The client ports whose packets left by an uplink.
ports_by() {
	tcpdump -nn -r "$NET_WORK/$1.pcap" 'dst port 80' 2>/dev/null | sed 's/.* IP6\{0,1\} [^ ]*\.\([0-9]*\) > .*/\1/' | sort -u
}

# ... of probes: no other packet's TTL is as low. (tcpdump cannot filter by hop limit under NAT's eyes: all are read.)
probes_by() {
	tcpdump -nn -v -r "$NET_WORK/$1.pcap" 'dst port 80 and ((ip and ip[8] < 30) or (ip6 and ip6[7] < 30))' 2>/dev/null |
		grep -c ' > ' || true
}

no_flow_uses_both() {
	local both
	both=$(comm -12 <(ports_by wan1) <(ports_by wan2))
	[ -z "$both" ] || { echo "# both uplinks carried: ${both//$'\n'/ }"; return 1; }
}

whole_marks() {
	local tables ns=$NET_PREFIX-gw way
	for way in -4 -6; do
		tables=$([ "$way" = -4 ] && echo iptables || echo ip6tables)
		ip -n "$ns" "$way" rule add fwmark 1 lookup 1
		ip -n "$ns" "$way" rule add fwmark 2 lookup 2
		on gw "$tables" -t mangle -A PREROUTING -j CONNMARK --restore-mark
		on gw "$tables" -t mangle -A PREROUTING -m mark ! --mark 0 -j ACCEPT
		on gw "$tables" -t mangle -A PREROUTING -i lan -m statistic --mode nth --every 2 --packet 0 -j MARK --set-mark 1
		on gw "$tables" -t mangle -A PREROUTING -i lan -m mark --mark 0 -j MARK --set-mark 2
		on gw "$tables" -t mangle -A PREROUTING -j CONNMARK --save-mark
	done
}

CASE=${2:-}
if [ -z "$CASE" ]; then
	# Each ground is a process of its own, so that its end is the ground's end too.
	status=0
	for CASE in ecmp masked whole prefixes; do
		"$0" "${1:-}" "$CASE" | sed 's/^1\.\.[0-9]*$//' || status=1
	done
	exit "$status"
fi

net_begin "uplinks-$CASE" "${1:-}"
case $CASE in
ecmp)
	what="two default routes at once"
	uplinks_up nat
	home_route gw default "203.0.113.1 192.0.2.1" default "fe80::1:wan1 fe80::1:wan2"
	;;
masked)
	what="marks, saved and restored with a mask"
	uplinks_up nat
	uplinks_tables
	uplinks_by_marks -m statistic --mode nth --every 2 --packet 0
	;;
whole)
	what="marks, saved and restored whole"
	uplinks_up nat
	uplinks_tables
	whole_marks
	;;
prefixes)
	what="IPv6 routes by the client's prefix"
	uplinks_up routed6
	ip -n "$NET_PREFIX-gw" -6 route add default from 2001:db8:a::/48 via fe80::1 dev wan1
	ip -n "$NET_PREFIX-gw" -6 route add default from 2001:db8:b::/48 via fe80::1 dev wan2
	ip -n "$NET_PREFIX-gw" route add default via 203.0.113.1
	;;
esac
net_sysctl gw net/netfilter/nf_conntrack_tcp_timeout_{close,time_wait,last_ack}=600
inpath_conf 'probe = { interval = 1; }; budget = { gateway = 1000; client = 1000; first_hops = 1000; };' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf" >"$NET_WORK/up" 2>&1 || { cat "$NET_WORK/up" >&2; exit 1; }
sed "s/^/# /" "$NET_WORK/up"
tap_ok "$what: both uplinks are found" grep -q 'lan lan, wan wan[12] wan[12])' "$NET_WORK/up"
capture gw wan1 "$NET_WORK/wan1.pcap" tcp
capture gw wan2 "$NET_WORK/wan2.pcap" tcp
tap_ok "$what: $COUNT downloads arrive whole" downloads 20000
tap_ok "$what: each is traced, and its path is the way it took" each_is_true
sleep 0.5 # until tcpdump has written the last
tap_ok "$what: no flow, and no probe of one, leaves by both" no_flow_uses_both
for wan in wan1 wan2; do
	tap_ok "$what: flows and probes leave by $wan" [ "$(ports_by "$wan" | wc -l)" -ge 1 -a "$(probes_by "$wan")" -ge 6 ]
done
# Where each flow was traced several times, that many touches have not ended it.
tap_ok "$what: they were traced again and again" [ "$(records ev=path why=period | wc -l)" -ge "$COUNT" ]
case $CASE in
whole)
	tap_ok "$what: up says that nothing rests, and why" grep -q 'matches whole marks (fwmark 0x[12]).*nothing rests' "$NET_WORK/up"
	tap_is "$what: no connection holds a bit of inpath's" \
		"$(on gw conntrack -L 2>/dev/null | grep -cE 'mark=(67108|134217|201326)' || true)" 0
	tap_ok "$what: status calls them complete" grep -q "complete (.*, nothing rests:" <(inpath_rules status)
	tap_is "$what: inpath check names it" "$(on gw "$NET_BUILD/inpath" check -c "$INPATH_CONF" |
		grep -c 'matches whole marks (fwmark 0x[12])' || true)" 1
	;;
masked)
	tap_is "$what: inpath check has nothing against it" "$(on gw "$NET_BUILD/inpath" check -c "$INPATH_CONF" |
		grep -c 'whole marks\|ip rule' || true)" 0
	# From now on routing depends on the interface that the client's packets come in by.
	before=$(records ev=path | wc -l)
	ip -n "$NET_PREFIX-gw" rule add iif lan lookup 1 pref 900
	ip -n "$NET_PREFIX-gw" -6 rule add iif lan lookup 1 pref 900
	tap_ok "ip rule iif: it is said" wait_for 30 grep -q 'ip rule iif lan' "$NET_WORK/inpathd.err"
	tap_ok "ip rule iif: downloads arrive whole" downloads 21000
	tap_is "ip rule iif: none is traced" "$(records ev=path | grep -c ' sport=21' || true)" 0
	ip -n "$NET_PREFIX-gw" rule del iif lan
	ip -n "$NET_PREFIX-gw" -6 rule del iif lan
	tap_ok "ip rule iif taken away: that is said, too" wait_for 30 grep -q 'any more: new flows are traced' "$NET_WORK/inpathd.err"
	tap_ok "ip rule iif taken away: downloads arrive whole" downloads 22000
	tap_ok "ip rule iif taken away: each is traced" each_is_true
	;;
esac
tap_ok "$what: inpathd ends well" stop_inpathd
tap_done
