#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# uplinks: a household with two uplinks. Sourced by those who want it, behind lib.sh.
#
#	                 +-- (wan1) -- a1 -- a2 --+
#	tv -- (lan) -- gw                         x -- s1
#	                 +-- (wan2) -- b1 -- b2 --+
#
# uplinks_up nat|routed6	builds all of it but the choice of the uplink. nat: both families are masqueraded.
#				routed6: tv has an IPv6 address of each provider, and IPv4 is not used.
#
# uplinks_tables		the routing tables 1 and 2, one for each uplink
# uplinks_by_marks MATCH...	the uplink is chosen as mwan3 does it, by marks in 0x3f00 that are saved and restored with a
#				mask: connections whose first packet iptables matches leave by wan1, others by wan2
#
# The service answers by HTTP on port 80: /paced/medium.bin, 500 kB a second.

UP_TV4=192.168.1.57 UP_TV6=fd00:db8:1::57 UP_S4=198.18.1.10 UP_S6=2001:db8:51::10
UP_TV6A=2001:db8:a:57::57 UP_TV6B=2001:db8:b:57::57
export TRUTH_WANS="wan1 wan2"

uplinks_up() {
	local name
	host tv gw a1 a2 b1 b2 x s1
	router gw
	for name in a1 a2 b1 b2 x; do
		router "$name" "2001:db8:ff::$(printf '%x' "'${name:0:1}")${name:1}"
	done
	if [ "$1" = nat ]; then
		link gw lan tv eth0 192.168.1.1/24,fd00:db8:1::1/64 "$UP_TV4/24,$UP_TV6/64"
	else
		link gw lan tv eth0 192.168.1.1/24,2001:db8:a:57::1/64,2001:db8:b:57::1/64 "$UP_TV4/24,$UP_TV6A/64,$UP_TV6B/64"
	fi
	link a1 gw gw wan1 203.0.113.1/24 203.0.113.2/24,2001:db8:a:1::2/64
	link b1 gw gw wan2 192.0.2.1/24 192.0.2.2/24,2001:db8:b:1::2/64
	link a1 a2 a2 a1 10.1.1.1/24 10.1.1.2/24
	link b1 b2 b2 b1 10.2.1.1/24 10.2.1.2/24
	link a2 x x a2 10.1.2.1/24 10.1.2.2/24
	link b2 x x b2 10.2.2.1/24 10.2.2.2/24
	link x s1 s1 eth0 198.18.1.1/24 "$UP_S4/24,$UP_S6/64"

	home_route tv default 192.168.1.1 default fe80::1:eth0
	home_route a1 default 10.1.1.2 default fe80::2:a2
	home_route b1 default 10.2.1.2 default fe80::2:b2
	home_route a2 default 10.1.2.2 default fe80::2:x
	home_route b2 default 10.2.2.2 default fe80::2:x
	home_route s1 default 198.18.1.1 default fe80::1:eth0
	home_route a1 "" "" 2001:db8:a::/48 fe80::2:gw
	home_route b1 "" "" 2001:db8:b::/48 fe80::2:gw
	home_route a2 203.0.113.0/24 10.1.1.1 2001:db8:a::/48 fe80::1:a1
	home_route b2 192.0.2.0/24 10.2.1.1 2001:db8:b::/48 fe80::1:b1
	home_route x 203.0.113.0/24 10.1.2.1 2001:db8:a::/48 fe80::1:a2
	home_route x 192.0.2.0/24 10.2.2.1 2001:db8:b::/48 fe80::1:b2
	home_route x "" "" 2001:db8:51::/64 :s1
	if [ "$1" = nat ]; then
		for name in wan1 wan2; do
			on gw iptables -t nat -A POSTROUTING -o "$name" -j MASQUERADE
			on gw ip6tables -t nat -A POSTROUTING -o "$name" -j MASQUERADE
		done
	fi
	home_service s1 www.movies.example
	head -c 1500000 /dev/urandom >"$NET_WORK/s1/www/medium.bin"
}

# The routing tables 1 and 2, one for each uplink; main has both, the first one preferred.
uplinks_tables() {
	local ns=$NET_PREFIX-gw table
	ip -n "$ns" route replace default via 203.0.113.1 metric 10
	ip -n "$ns" route add default via 192.0.2.1 metric 20
	ip -n "$ns" route add default via 203.0.113.1 table 1
	ip -n "$ns" route add default via 192.0.2.1 table 2
	# Answers carry their connection's mark, too.
	for table in 1 2; do
		ip -n "$ns" route add 192.168.1.0/24 dev lan table "$table"
		ip -n "$ns" -6 route add fd00:db8:1::/64 dev lan table "$table"
	done
	ip -n "$ns" -6 route add default via fe80::1 dev wan1 metric 10
	ip -n "$ns" -6 route add default via fe80::1 dev wan2 metric 20
	ip -n "$ns" -6 route add default via fe80::1 dev wan1 table 1
	ip -n "$ns" -6 route add default via fe80::1 dev wan2 table 2
}

uplinks_by_marks() {
	local tables ns=$NET_PREFIX-gw way mask="--nfmask 0x3f00 --ctmask 0x3f00"
	for way in -4 -6; do
		tables=$([ "$way" = -4 ] && echo iptables || echo ip6tables)
		ip -n "$ns" "$way" rule add fwmark 0x100/0x3f00 lookup 1 pref 2001
		ip -n "$ns" "$way" rule add fwmark 0x200/0x3f00 lookup 2 pref 2002
		ip -n "$ns" "$way" rule add iif wan1 lookup 1 pref 1001
		ip -n "$ns" "$way" rule add iif wan2 lookup 2 pref 1002
		on gw "$tables" -t mangle -N hook
		# shellcheck disable=SC2086 # a list
		on gw "$tables" -t mangle -A hook -j CONNMARK --restore-mark $mask
		on gw "$tables" -t mangle -A hook -i lan -m mark --mark 0/0x3f00 "$@" -j MARK --set-xmark 0x100/0x3f00
		on gw "$tables" -t mangle -A hook -i lan -m mark --mark 0/0x3f00 -j MARK --set-xmark 0x200/0x3f00
		# shellcheck disable=SC2086
		on gw "$tables" -t mangle -A hook -j CONNMARK --save-mark $mask
		on gw "$tables" -t mangle -A PREROUTING -j hook
		on gw "$tables" -t mangle -A OUTPUT -j hook
	done
}
