#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# attacks [BUILD]: floods through the gateway and forged ICMP errors from either side, forged DNS answers, names with
# control bytes: memory stays flat, what goes on beside it goes on, what comes after is traced, and nobody is lied to.
# What the engine makes of a million flows, and of every kind of forgery: tests/unit/test_engine_strangers.c. SHORT=1
# for `make check`.
set -euo pipefail
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/lib.sh"

COUNT=$([ -n "${SHORT:-}" ] && echo 10000 || echo 100000)
TOOL=$NET_ROOT/tests/safety/strangers.py

stranger() { # HOST ARGUMENT...
	local host=$1
	shift
	on "$host" nice python3 "$TOOL" "$@" | sed "s/^/# $1: /"
}

# A connection that is new now is traced, how soon after it began?
traced_at_once() {
	local sport=$1 began
	began=$(date +%s%N)
	home_curl laptop 4 --local-port "$sport" "https://$S1_NAME/paced/hls/seg-0.ts" -o /dev/null &
	wait_for 30 record_exists ev=path why=start "sport=$sport"
	RECOVERY=$((($(date +%s%N) - began) / 1000000))
	wait $!
}

flat() { # BEFORE AFTER, in MB
	awk -v a="$1" -v b="$2" 'BEGIN { exit b - a > 1 }'
}

# The flood comes first without inpath, for what the machine itself loses; then once ahead of the load, so that the
# tables are full.
flooded() { # WHAT DONE SPORT FLOOD...
	local what=$1 done=$2 sport=$3 lost before after
	shift 3
	[ -z "$INPATHD_PID" ] || net_gone "$INPATHD_PID" || finish "$INPATHD_PID" || true
	load_begin
	"$@"
	load_end
	lost=$LOST
	fresh
	"$@"
	load_begin
	before=$(resident)
	"$@"
	load_end
	after=$(resident)
	RECOVERY=
	tap_ok "$what: what comes after is traced" traced_at_once "$sport"
	row "$what" "$done" $((lost + QUEUE_LEN)) - \
		"$lost lost without inpath; $before MB before, $after MB after; what comes after is traced within $RECOVERY ms"
	tap_ok "$what: memory is flat" flat "$before" "$after"
}

flood_of() { # syn|udp
	stranger laptop "$1" "$COUNT" "$LAPTOP4" "$S2_4"
	stranger laptop "$1" "$COUNT" "$LAPTOP6" "$S2_6"
}

# --- ICMP ------------------------------------------------------------------------------------------

# `SPORT` of a connection of the load, of that family and protocol.
load_sport() { # FAMILY tcp|udp
	local server=S1_$1
	on gw conntrack -L -f "ipv$1" -p "$2" --orig-dst "${!server}" --orig-port-dst "$LOAD_PORT" 2>/dev/null |
		grep -v 'TIME_WAIT\|CLOSE' | grep -o 'sport=[0-9]*' | sed -n '1s/sport=//p'
}

# each_load_flow COMMAND: for one connection of the load of each family and protocol, COMMAND FAMILY PROTO SPORT.
each_load_flow() {
	local family proto sport
	for family in 4 6; do
		for proto in tcp udp; do
			sport=$(load_sport "$family" "$proto") || continue
			[ -n "$sport" ] || continue
			"$1" "$family" "$proto" "$sport"
		done
	done
}

# Who sees the flow, and so knows all of it but the probes.
about_flow_from_wan() { # FAMILY PROTO SPORT
	local family=$1 proto=$2 sport=$3 server=S1_$1 client=TV$1 wan
	read -r wan sport <<<"$(nat_source "$family" "${!client}" "${!server}" "$sport" "$LOAD_PORT" "$proto")"
	stranger r1 icmp $((COUNT / 4)) "$([ "$family" = 4 ] && echo 10.66.66.66 || echo 2001:db8:ff::1)" "$wan" \
		"$proto" "$wan" "${!server}" "$sport" "$LOAD_PORT"
}

icmp_from_wan() {
	each_load_flow about_flow_from_wan
}

about_flow_from_lan() { # FAMILY PROTO SPORT
	local proto=$2 sport=$3 server=S1_$1 client=TV$1 laptop=LAPTOP$1
	stranger laptop icmp $((COUNT / 4)) "${!laptop}" "${!server}" \
		"$proto" "${!server}" "${!client}" "$LOAD_PORT" "$sport"
}

icmp_from_lan() {
	each_load_flow about_flow_from_lan
}

# There must be a load to forge errors about, so the flood is one.
forged() { # WHAT DONE FLOOD
	local before after lost swallowed
	[ -z "$INPATHD_PID" ] || net_gone "$INPATHD_PID" || finish "$INPATHD_PID" || true
	load_begin
	"$3"
	load_end
	lost=$LOST
	fresh
	load_begin
	before=$(resident)
	"$3"
	after=$(resident)
	load_end
	swallowed=$(stat swallowed_icmp)
	row "$1" "$2" $((lost + QUEUE_LEN)) - "no false hop; $(stat icmp_foreign) passed on as not ours; $before MB before, $after MB after"
	tap_ok "$1: no more errors dropped than probes sent" test "$swallowed" -le "$(stat probes)"
	tap_is "$1: no false hop" "$(records ev=path | grep -c '10\.66\.66\.66\|/192\.168\.' || true)" 0
	tap_ok "$1: memory is flat" flat "$before" "$after"
}

# --- names -----------------------------------------------------------------------------------------

case_dns() {
	local line
	fresh
	: >"$NET_WORK/lie"
	spawn s2 "$NET_WORK/lie" python3 "$TOOL" lie 53 "$((COUNT / 5))" "$S1_4"
	wait_for 30 grep -q ready "$NET_WORK/lie"
	load_begin
	tap_ok "forged DNS answers: the client hears them all" test -n "$(on tv python3 "$TOOL" ask "$S2_4" 53)"
	load_end
	home_curl tv 4 --local-port 23000 "http://$S1_4/paced/hls/seg-0.ts" -o /dev/null
	line=$(wait_for_record 30 ev=path sport=23000) || true
	row "forged DNS answers" "$((COUNT / 5)) from the resolver asked: another ID, another question" "$QUEUE_LEN" 1500 \
		"none believed; $(stat dns_unasked) counted"
	tap_is "forged DNS answers: none is believed" "$(field "$line" host || echo none) $(grep -c evil "$INPATH_LOG" || true)" "none 0"
}

case_names() {
	local name sport=24000 callers=()
	fresh
	: >"$NET_WORK/echo"
	spawn s1 "$NET_WORK/echo" python3 "$TOOL" echo 4443
	wait_for 30 grep -q ready "$NET_WORK/echo"
	load_begin
	for name in 'a.example\nev=path v=1 run=forged' '\x1b]0;owned\x07\x1b[2J.example' 'quote" run=forged x="' \
		'\xff\xfe\xc3\x28.example' '\0\0\0' "$(printf 'a%.0s' {1..255})" 'back\\slash.example' '\x9b31m.example'; do
		sport=$((sport + 1))
		on tv python3 "$TOOL" hello "$S1_4" 4443 "$sport" "$name" &
		callers+=($!)
	done
	for name in "${callers[@]}"; do
		wait "$name" || true
	done
	load_end
	row "names that would be more" "TLS names with line ends, quotes, escape sequences, zeros, 255 bytes" "$QUEUE_LEN" 1500 \
		"$(records ev=path dport=4443 | wc -l) records of such flows; no control byte and no forged line in the log"
	tap_ok "names that would be more: such flows are traced" test "$(records ev=path dport=4443 | wc -l)" -ge 8
	tap_is "names that would be more: not a byte in the log is a control" \
		"$(LC_ALL=C tr -d '\n[:print:]' <"$INPATH_LOG" | wc -c)" 0
	tap_is "names that would be more: each line is a record of inpathd's" \
		"$(grep -vc '^ev=[a-z]* v=1 ts=' "$INPATH_LOG" || true) $(records run=forged | wc -l)" "0 0"
}

EVERYTHING="limits = { flows = 4096; }; $EVERYTHING"
safety_begin attacks "${1:-build}"
! wanted syn || flooded "SYN flood" "$((2 * COUNT)) connections, IPv4 and IPv6, from a LAN client; room for 4096" 25001 flood_of syn
! wanted udp || flooded "UDP flood" "$((2 * COUNT)) flows, IPv4 and IPv6, from a LAN client; room for 4096" 25002 flood_of udp
! wanted wan || forged "forged ICMP from the WAN" "$COUNT errors that quote the flows of the load" icmp_from_wan
! wanted lan || forged "forged ICMP from the LAN" "$COUNT errors that quote the flows of the load" icmp_from_lan
! wanted dns || case_dns
! wanted names || case_names
tap_done
