#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# smoke.sh [BUILD]: real programs over a synthetic internet: ping, curl and traceroute, IPv4 and IPv6; and what netsim
# says when it is asked for what it cannot do.
# shellcheck disable=SC2317 # called by way of tap_ok
set -euo pipefail
. "$(dirname "$0")/../netns/lib.sh"

net_begin smoke "${1:-build}"
NETSIM=$NET_BUILD/netsim
WAN=(192.0.2.2/32 2001:db8:2::2/128)
SERVER=(198.51.100.1/32 2001:db8:5::1/128)

# side HOST TUN ADDRESS...
side() {
	local ns=$NET_PREFIX-$1 tun=$2 addr
	shift 2
	ip -n "$ns" tuntap add "$tun" mode tun
	ip -n "$ns" link set "$tun" up
	for addr; do
		ip -n "$ns" addr add "$addr" dev "$tun"
	done
	ip -n "$ns" route add default dev "$tun"
	ip -n "$ns" -6 route add default dev "$tun"
}

cat >"$NET_WORK/topology" <<'EOT'
seed 3
router r1 mpls 100:1:3,200:0:4
router r2
router r3
router r4 interface xe-0/0/1:3:9000
router r5 dscp 10
server s1 addr 198.51.100.1 addr6 2001:db8:5::1
link gw r1 delay 2ms
link r1 r2 delay 1ms jitter 500us
path gw r1 { r2 | r3 } r4 r5 s1
back s1 r5 r2 r1 gw
EOT

# The addresses of a traceroute's lines, those of one hop behind each other, each once.
addresses() {
	awk 'NR > 1 { line = ""; for (i = 2; i <= NF; i++) if ($i ~ /[.:].*[.:]/ && !seen[NR, $i]++) line = line " " $i
		printf "%s%s", (NR > 2 ? "," : ""), substr(line, 2) }'
}

# The second hop is either branch's.
is_path() {
	grep -qxE "$1" <<<"$2"
}

# It enters the namespaces by itself: it has to see them all.
start() { # TOPOLOGY [OPTION...]
	local topology=$1
	shift
	: >"$NET_WORK/netsim.log"
	"$NETSIM" -w "$NET_PREFIX-gw/wan" -s "$NET_PREFIX-server/srv" -t "$NET_WORK/truth.json" "$@" \
		"$topology" </dev/null >"$NET_WORK/netsim.log" 2>&1 &
	NETSIM_PID=$!
	NET_PIDS+=("$NETSIM_PID")
	wait_for 10 grep -qx ready "$NET_WORK/netsim.log"
}

host gw server
# Errors of the server's kernel have no limit.
net_sysctl server net/ipv4/icmp_ratelimit=0 net/ipv6/icmp/ratelimit=0
side gw wan "${WAN[@]}"
side server srv "${SERVER[@]}"
head -c 8M /dev/urandom >"$NET_WORK/large.bin"
start "$NET_WORK/topology"
spawn server "$NET_WORK/http.log" python3 -u -m http.server --bind :: --directory "$NET_WORK" 8080
wait_for 10 on gw curl -s -o "$NET_WORK/none" http://198.51.100.1:8080/topology

tap_ok "ping, IPv4" on gw ping -c 3 -i 0.2 -W 5 198.51.100.1
tap_ok "ping, IPv6" on gw ping -c 3 -i 0.2 -W 5 2001:db8:5::1
for url in 198.51.100.1 "[2001:db8:5::1]"; do
	on gw curl -sS "http://$url:8080/large.bin" -o "$NET_WORK/got"
	tap_ok "a download from $url is the same, byte for byte" cmp "$NET_WORK/got" "$NET_WORK/large.bin"
done

got=$(on gw traceroute -n -w 5 198.51.100.1 | addresses)
tap_ok "traceroute shows the routers: $got" is_path \
	'198\.18\.0\.1,198\.18\.0\.[23]( 198\.18\.0\.[23])?,198\.18\.0\.4,198\.18\.0\.5,198\.51\.100\.1' "$got"
got=$(on gw traceroute -n -w 5 -T -p 8080 198.51.100.1 | addresses)
tap_ok "and by TCP: $got" is_path \
	'198\.18\.0\.1,198\.18\.0\.[23]( 198\.18\.0\.[23])?,198\.18\.0\.4,198\.18\.0\.5,198\.51\.100\.1' "$got"
got=$(on gw traceroute -n -w 5 2001:db8:5::1 | addresses)
tap_ok "and in IPv6: $got" is_path \
	'2001:db8:ff::1,2001:db8:ff::[23]( 2001:db8:ff::[23])?,2001:db8:ff::4,2001:db8:ff::5,2001:db8:5::1' "$got"
got=$(on gw traceroute -n -e -w 5 198.51.100.1)
tap_ok "extensions are read: MPLS" grep -q '198.18.0.1 <MPLS:L=100,E=1,S=0,T=3/L=200,E=0,S=1,T=4>' <<<"$got"
tap_ok "extensions are read: interface" grep -q '198.18.0.4 <2/15:00000003' <<<"$got"
got=$(on gw traceroute -n -m 2 -w 5 203.0.113.7 || true)
tap_ok "nobody's address has no route" grep -q '198.18.0.1.* !N' <<<"$got"

kill -USR1 "$NETSIM_PID"
tap_ok "the truth is written when it is asked for" wait_for 10 test -s "$NET_WORK/truth.json"
rm "$NET_WORK/truth.json"
status=0
finish "$NETSIM_PID" || status=$?
tap_is "it ends cleanly" "$status" 0
tap_ok "the truth is written at the end, and is JSON" python3 -c 'import json, sys
truth = json.load(open(sys.argv[1]))
large = [f for f in truth["flows"] if f["proto"] == "tcp" and f["packets"] > 50]
assert len(large) == 2, len(large)
for flow in large:
    hops = [[at["router"] for at in hop] for hop in flow["paths"][0]["hops"]]
    assert [hops[0], hops[2], hops[3]] == [["r1"], ["r4"], ["r5"]] and hops[1] in (["r2"], ["r3"]), hops
    assert [[at["router"]] for at in flow["crossed"]] == hops, flow["crossed"]
    assert flow["paths"][0]["server"] == [5]' "$NET_WORK/truth.json"

# Two servers, each in a namespace of its own; then one's interface goes away.
host second
side second srv 198.51.100.2/32 2001:db8:5::2/128
cat >"$NET_WORK/two" <<'EOT'
router r1
router r2
router r3
server s1 addr 198.51.100.1 addr6 2001:db8:5::1
server s2 addr 198.51.100.2 addr6 2001:db8:5::2
path gw r1 r2 s1
path gw r1 r3 r2 s2
EOT
start "$NET_WORK/two" -s "s2=$NET_PREFIX-second/srv"
for address in 198.51.100.1 198.51.100.2 2001:db8:5::2; do
	tap_ok "ping, $address of two servers" on gw ping -c 1 -W 5 "$address"
done
ip -n "$NET_PREFIX-second" link del srv
tap_ok "an interface that goes away ends it" wait_for 10 net_gone "$NETSIM_PID"
tap_ok "it says so" grep -q "interface is gone" "$NET_WORK/netsim.log"

# refuses STATUS TEXT ARGUMENT...
refuses() {
	local want=$1 text=$2 status=0
	shift 2
	"$NETSIM" "$@" >"$NET_WORK/refused" 2>&1 </dev/null || status=$?
	if [ "$status" -ne "$want" ] || ! grep -q -- "$text" "$NET_WORK/refused"; then
		echo "# status $status: $(head -n 3 "$NET_WORK/refused")"
		return 1
	fi
}

echo 'router 9' >"$NET_WORK/malformed"
tap_ok "a malformed topology is refused with its line" refuses 1 "$NET_WORK/malformed:1: " -p "$NET_WORK/malformed"
tap_ok "so is a namespace that is not there" refuses 1 "cannot enter the namespace" \
	-w "$NET_PREFIX-none/wan" -s "$NET_PREFIX-server/srv" "$NET_WORK/topology"
tap_ok "and a server that is not in the topology" refuses 1 "no such server" \
	-w "$NET_PREFIX-gw/wan" -s "s9=$NET_PREFIX-server/srv" "$NET_WORK/topology"
tap_ok "and a server without an interface" refuses 1 "has no -s" \
	-w "$NET_PREFIX-gw/wan" -s "s1=$NET_PREFIX-server/srv" <(sed 's/^server.*/&\nserver s2 addr 198.51.100.2/; $a path gw r1 s2' "$NET_WORK/topology")
tap_ok "usage" refuses 64 usage: -w x
tap_ok "help" refuses 0 usage: -h
"$NETSIM" -p "$NET_WORK/topology" >"$NET_WORK/printed"
tap_ok "what it prints is the same topology" cmp "$NET_WORK/printed" <("$NETSIM" -p "$NET_WORK/printed")
tap_done
