#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# slow [BUILD]: a stream at rest whose way is cut is traced within seconds, to where it is cut; players that
# pause, transfers that end and other people's connections are left alone; nf_conntrack_acct is as it was.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

REST=$((0x08000000))
OURS=$((0x0c000000))
FOREIGN=$((0x00002300)) # as mwan3 marks connections
FOREIGNERS=20000

acct() { on gw cat /proc/sys/net/netfilter/nf_conntrack_acct; }

conntrack_of() { # FAMILY SPORT
	on gw conntrack -L -p tcp -f "ipv$1" --orig-port-src "$2" 2>/dev/null
}

rests() { # FAMILY SPORT
	local mark
	mark=$(conntrack_of "$1" "$2" | sed -n 's/.* mark=\([0-9]*\).*/\1/p')
	[ $((${mark:-0} & REST)) -ne 0 ]
}

# Has the server sent so many bytes by now? Without accounting nobody knows.
has_sent() { # FAMILY SPORT BYTES
	local bytes
	bytes=$(conntrack_of "$1" "$2" | sed -n 's/.*bytes=.*bytes=\([0-9]*\).*/\1/p')
	[ "${bytes:-0}" -ge "$3" ]
}

# curl's transfers may fail: their way is cut.
stream() { # CLIENT FAMILY SPORT ARGUMENT...
	home_curl "$1" "$2" --local-port "$3" "${@:4}" -o /dev/null 2>>"$NET_WORK/clients.err" &
	STREAMS+=($!)
}

# Router 3 drops a flow's packets, both ways, without a word.
cut_off() { # FAMILY SPORT
	local tables=iptables side
	[ "$1" = 4 ] || tables=ip6tables
	for side in --sport --dport; do
		on r3 "$tables" -A FORWARD -p tcp "$side" "$2" -j DROP
	done
}

slow_of() { # SPORT
	records ev=path why=slow sport="$1" | wc -l
}

slow_came() {
	[ "$(slow_of "$1")" -ge 1 ]
}

stat_of() { # NAME [of=shells]
	local before
	before=$(records ev=stats of=shells | wc -l)
	kill -USR1 "$INPATHD_PID"
	wait_for 30 more_stats "$before"
	field "$(records ev=stats | grep "${2:- packets=}" | tail -n 1)" "$1"
}

more_stats() {
	[ "$(records ev=stats of=shells | wc -l)" -gt "$1" ]
}

# Its routers as far as the third, and no further.
ends_at_the_cut() { # FAMILY SPORT
	local line true_addresses
	line=$(records ev=path why=slow sport="$2" | tail -n 1)
	true_addresses=$(records ev=path why=start sport="$2" | tail -n 1)
	[ "$(record_addresses "$line" | head -n 3)" = "$(record_addresses "$true_addresses" | head -n 3)" ] &&
		[ "$(record_addresses "$line" | tail -n +4 | sort -u)" = "*" ] && [ "$(field "$line" stop)" = gap ]
}

foreigners() {
	on gw conntrack -L -p udp -f ipv4 --dst 203.0.113.77 -m "$FOREIGN/$((0xffffffff))" 2>/dev/null | wc -l
}

STREAMS=()
net_begin slow "${1:-}"
home_up nat6
head -c 40000000 /dev/urandom >"$NET_WORK/s1/www/long.bin"
head -c 7000000 /dev/urandom >"$NET_WORK/s1/www/medium.bin"
inpath_conf 'gateway = { accounting = true; }; probe = { interval = 300; };
	budget = { gateway = 1000; client = 500; first_hops = 100; };'

tap_is "accounting is off to begin with" "$(acct)" 0
# shellcheck disable=SC2119 # no argument: the configuration written above
start_inpathd >/dev/null
tap_is "asked for, it is switched on" "$(acct) $(field "$(records ev=start | tail -n 1)" accounting)" "1 on"

# Connections of somebody else's, marked and so many that asking for them would be seen. Nobody is at that address.
on gw ip neigh replace 203.0.113.77 lladdr 02:00:00:00:00:77 dev wan nud permanent
on gw iptables -t mangle -A OUTPUT -p udp -d 203.0.113.77 -j CONNMARK --set-xmark "$FOREIGN/$FOREIGN"
net_sysctl gw net/netfilter/nf_conntrack_udp_timeout=600
on gw python3 -c '
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(10000, 10000 + int(sys.argv[1])):
    out.sendto(b"x", ("203.0.113.77", port))' "$FOREIGNERS"
tap_is "$FOREIGNERS connections of others" "$(foreigners)" "$FOREIGNERS"

stream tv 4 25004 "https://$S1_NAME/paced/long.bin"
stream laptop 6 25006 "https://$S1_NAME/paced/long.bin"
# A player with short cycles: a segment every four seconds, on one connection.
segments=()
for i in 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4; do
	segments+=("https://$S1_NAME/hls/seg-$i.ts" -o /dev/null)
done
stream laptop 4 25104 --rate 15/m "${segments[@]}"
# A transfer that ends, on a connection that stays.
stream tv 6 25206 --rate 1/m "https://$S1_NAME/paced/medium.bin" -o /dev/null "https://$S1_NAME/hls/seg-0.ts"
for one in "4 25004" "6 25006" "4 25104" "6 25206"; do
	# shellcheck disable=SC2086 # two words
	tap_ok "$one: at rest" wait_for 30 rests $one
done
for one in "4 25004" "6 25006"; do
	# shellcheck disable=SC2086
	tap_ok "$one: streams" wait_for 60 has_sent $one 7000000
	# shellcheck disable=SC2086
	cut_off $one
done
for one in "4 25004" "6 25006"; do
	tap_ok "$one: cut, it is traced for being slow" wait_for 30 slow_came "${one#* }"
	# shellcheck disable=SC2086
	tap_ok "$one: the path ends where it is cut" ends_at_the_cut $one
done
tap_ok "the transfer that ended is traced once for it" wait_for 40 slow_came 25206
counted=$(stat_of counted of=shells)
tap_ok "ours were counted, and nobody else's ($counted answers)" test "$counted" -lt 200
sleep 8 # a time in which further ones would be said
tap_is "each was said once, and the player never" \
	"$(slow_of 25004) $(slow_of 25006) $(slow_of 25206) $(slow_of 25104)" "1 1 1 0"
tap_is "the engine counted them" "$(stat_of slow_stall)" 3
tap_is "nobody else's connection was changed" "$(foreigners)" "$FOREIGNERS"
tap_ok "inpathd ends well" stop_inpathd
tap_is "accounting is off again" "$(acct)" 0

# --- not asked for ----------------------------------------------------------------------------------

inpath_conf 'probe = { interval = 300; }; budget = { gateway = 1000; client = 500; first_hops = 100; };'
# shellcheck disable=SC2119 # no argument: the configuration written above
start_inpathd >/dev/null
tap_is "not asked for: it stays off" "$(acct) $(field "$(records ev=start | tail -n 1)" accounting)" "0 off"
stream tv 4 26004 "https://$S1_NAME/paced/long.bin"
tap_ok "not asked for: traced and at rest as ever" wait_for 30 rests 4 26004
sleep 14 # so long it would have had to move
cut_off 4 26004
sleep 12
tap_is "not asked for: nothing is slow, nothing was asked" "$(slow_of 26004) $(stat_of counted of=shells)" "0 0"
tap_ok "inpathd ends well" stop_inpathd

# --- on already -------------------------------------------------------------------------------------

net_sysctl gw net/netfilter/nf_conntrack_acct=1
# shellcheck disable=SC2119 # no argument: the configuration written above
start_inpathd >/dev/null
tap_is "on already: it is used" "$(field "$(records ev=start | tail -n 1)" accounting)" on
tap_ok "inpathd ends well" stop_inpathd
tap_is "on already: it stays on" "$(acct)" 1
for pid in "${STREAMS[@]}"; do
	kill "$pid" 2>/dev/null || true
done
marks=0
for one in "4 25004" "6 25006" "4 26004"; do
	# shellcheck disable=SC2086
	marks=$((marks | $(conntrack_of $one | sed -n 's/.* mark=\([0-9]*\).*/\1/p') & ~OURS))
done
tap_is "no mark bit but ours was set" "$marks" 0
tap_done
