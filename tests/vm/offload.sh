#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# offload [BUILD]: a gateway whose firewall is like OpenWrt's: the table `inet fw4`, a flow table first
# in forward, and includes that run after each load. Without inpath's include flows are lost to the
# flow table, and it is counted and said; with it every selected flow is traced, and the others are
# offloaded as ever.
# shellcheck disable=SC2317 # called by way of wait_for and tap_ok
set -euo pipefail
. "$(dirname "$0")/../netns/lib.sh"

FLOWS=20

# What fw4 makes of the usual UCI configuration, as far as forwarding goes.
fw4_ruleset() {
	cat <<-'END'
		table inet fw4
		delete table inet fw4
		table inet fw4 {
			flowtable ft {
				hook ingress priority 0;
				devices = { "br-lan", "wan" };
				counter;
			}

			chain input {
				type filter hook input priority filter; policy drop;
				iif lo accept
				ct state vmap { established : accept, related : accept }
				iifname "br-lan" accept
				meta l4proto { icmp, ipv6-icmp } accept
			}

			chain forward {
				type filter hook forward priority filter; policy drop;
				meta l4proto { tcp, udp } flow offload @ft
				ct state vmap { established : accept, related : accept }
				iifname "br-lan" oifname "wan" accept
			}

			chain srcnat {
				type nat hook postrouting priority srcnat; policy accept;
				oifname "wan" masquerade
			}
		}
	END
}

INCLUDE=
fw4_reload() {
	fw4_ruleset | on gw nft -f -
	[ -z "$INCLUDE" ] || on gw env INPATHD="$NET_WORK/inpathd" "$INCLUDE"
}

offload_rule() {
	on gw nft list chain inet fw4 forward | grep flow
}

# downloads CLIENT FILE FIRST_PORT COUNT: that many at once, of either family in turn; do all arrive whole?
downloads() {
	local i family pids=() pid bad=0
	for i in $(seq 0 $(($4 - 1))); do
		family=$((i % 2 ? 6 : 4))
		home_curl "$1" "$family" --local-port $(($3 + i)) "https://$S1_NAME/$2" \
			-o "$NET_WORK/got-$i" 2>>"$NET_WORK/clients.err" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || bad=1
	done
	for i in $(seq 0 $(($4 - 1))); do
		cmp "$NET_WORK/s1/www/${2##*/}" "$NET_WORK/got-$i" || bad=1
		rm -f "$NET_WORK/got-$i"
	done
	[ "$bad" -eq 0 ] || { cat "$NET_WORK/clients.err" >&2; return 1; }
}

stat_of() {
	local before
	before=$(records ev=stats | grep -c " $1=" || true)
	kill -USR1 "$INPATHD_PID"
	wait_for 10 stats_came "$1" "$before"
	field "$(records ev=stats | grep " $1=" | tail -n 1)" "$1"
}

stats_came() {
	[ "$(records ev=stats | grep -c " $1=")" -gt "$2" ]
}

stat_reaches() {
	[ "$(stat_of "$1")" -ge "$2" ]
}

# each_is_true FIRST_PORT: each of the flows has its record, and its path is the way it took.
each_is_true() {
	local i sport family server line bad=0
	for i in $(seq 0 $((FLOWS - 1))); do
		sport=$(($1 + i))
		family=$((i % 2 ? 6 : 4))
		server=S1_$family
		line=$(wait_for_record 20 ev=path why=start "sport=$sport") || { bad=1 && continue; }
		if [ "$(record_addresses "$line")" != \
			"$(true_path "$family" "$(home_client tv "$family")" "${!server}" "$sport" 443)" ]; then
			echo "# not the way it took: $line"
			bad=1
		fi
	done
	[ "$bad" -eq 0 ]
}

is_offloaded() {
	on gw conntrack -L -f "$1" -p tcp --orig-port-src "$2" 2>/dev/null | grep -q '\[OFFLOAD\]'
}

net_begin offload "${1:-}"
home_up nat6
for tables in iptables ip6tables; do
	on gw "$tables" -P FORWARD ACCEPT
	on gw "$tables" -F FORWARD
	on gw "$tables" -t nat -F
done
head -c 1500000 /dev/urandom >"$NET_WORK/s1/www/medium.bin"
printf '#!/bin/sh\nexec "%s" -c "%s" "$@"\n' "${INPATHD:-$NET_BUILD/inpathd}" "$NET_WORK/inpath.conf" >"$NET_WORK/inpathd"
chmod +x "$NET_WORK/inpathd"
head -c 4000000 /dev/urandom >"$NET_WORK/s1/www/long.bin"
inpath_conf 'probe = { interval = 1; }; budget = { gateway = 1000; client = 500; first_hops = 200; };
	policies = ( { name = "tv"; action = "trace"; clients = [ "'"$TV4"'", "fd00:db8:1::57" ]; } );' \
	'paths = "all"'

fw4_reload
start_inpathd "$NET_WORK/inpath.conf"
tap_ok "without the include: downloads arrive whole" downloads tv paced/long.bin 20000 4
tap_ok "without the include: what offload took is counted" wait_for 20 stat_reaches offloaded 4
tap_ok "without the include: it is said once" [ "$(grep -c "flow offload takes flows away" "$NET_WORK/inpathd.err")" -eq 1 ]
tap_is "without the include: they were not traced" "$(records ev=path | wc -l)" 0

INCLUDE=$NET_ROOT/etc/openwrt/inpath/files/fw4-offload
fw4_reload
tap_is "with it: only what rests and was never probed is offloaded" \
	"$(offload_rule | grep -c 'ct mark & 0x0c000000 == 0x08000000 flow add @ft')" 1
lost=$(stat_of offloaded)
tap_ok "with it: $FLOWS selected downloads arrive whole" downloads tv paced/medium.bin 21000 "$FLOWS"
tap_ok "with it: every selected flow is traced, and shows the way it took" each_is_true 21000
tap_ok "with it: they are traced again" test -n "$(records ev=path why=period sport=21000)"
tap_is "with it: none is lost" "$(stat_of offloaded)" "$lost"
for family in 4 6; do
	home_curl laptop "$family" --local-port "2200$family" "https://$S1_NAME/paced/medium.bin" -o "$NET_WORK/got" &
	player=$!
	tap_ok "with it: an ignored flow is offloaded, IPv$family" \
		wait_for 20 is_offloaded "$([ "$family" = 4 ] && echo ipv4 || echo ipv6)" "2200$family"
	wait "$player" || true
	tap_ok "with it: and arrives whole, IPv$family" cmp "$NET_WORK/s1/www/medium.bin" "$NET_WORK/got"
done

# In the midst of downloads: fw4's plain rule is there for a moment, until the include has run.
downloads tv paced/long.bin 23000 4 &
player=$!
wait_for 20 test -n "$(wait_for_record 20 ev=path why=start sport=23003)"
fw4_reload
before=$(records ev=path sport=23000 | wc -l)
tap_ok "reloaded: the downloads arrive whole" wait "$player"
tap_ok "reloaded: they are traced on" test "$(records ev=path sport=23000 | wc -l)" -gt "$before"
tap_is "reloaded: the condition is there again" "$(offload_rule | grep -c 'ct mark')" 1
tap_ok "run twice it changes nothing" on gw env INPATHD="$NET_WORK/inpathd" "$INCLUDE"
tap_is "run twice: still one rule" "$(offload_rule | grep -c 'ct mark & 0x0c000000 == 0x08000000 flow add @ft')" 1
on gw env INPATHD="$NET_WORK/inpathd" "$INCLUDE" undo
tap_is "undone: the rule is fw4's own again" "$(offload_rule | sed 's/^[[:space:]]*//')" \
	"$(fw4_ruleset | sed -n 's/flow offload/flow add/;s/^[[:space:]]*\(.*flow add.*\)/\1/p' | sed 's/tcp, udp/tcp, udp/')"
tap_ok "inpathd ends well" stop_inpathd
tap_done
