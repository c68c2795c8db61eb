#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# traceroute.sh: a client's own traceroute and mtr, by ICMP, UDP and TCP, show the same with inpath as
# without, while connections from the same client to the same server are traced once a second.
#
# The routers choose branches by ports. Where a tool lets both ports be fixed, its addresses are
# compared; mtr's TCP, and its UDP over IPv6, change ports with each probe: there, which router
# answers at each TTL, either branch's being as good.
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
tools=$NET_ROOT/tests/netns/tools

# What a traceroute shows, without times.
traced_hops() {
	tail -n +2 | sed 's/ *[0-9.]* ms//g'
}

# What a report of mtr shows, without times: TTL, address, loss; further addresses on lines of their own.
report_hops() {
	awk '/\|--/ { print $1, $2, $3; next } /^ +[0-9a-f]+[.:]/ { print $1 }'
}

# Routers by name instead of addresses, both branches under one. Not how many probes were lost: mtr
# loses TCP's itself where the error is there before connect() has returned.
routers() {
	report_hops | sed -E \
		-e "s/\b($GW4|$GW6)( |\$)/gw\2/; s/ ($S1_4|$S1_6)( |\$)/ s1\2/" \
		-e 's/\b(203\.0\.113\.1|2001:db8:ff::1)( |$)/r1\2/' \
		-e 's/\b(10\.1\.[12]\.2|2001:db8:ff::2[ab])( |$)/r2\2/' \
		-e 's/\b(10\.1\.[34]\.2|2001:db8:ff::3)( |$)/r3\2/' \
		-e 's/\b(10\.1\.[56]\.2|2001:db8:ff::4[ab])( |$)/r4\2/' \
		-e 's/\b(10\.1\.[78]\.2|2001:db8:ff::5)( |$)/r5\2/' |
		awk 'NF > 1 { print $1, last = $2; next } $1 != last'
}

# A client's tools, one after the other: mtr takes another's answers for its own. The families do not
# meet. traceroute is to wait for an answer, not to guess how long from the answers before.
run_tools() {
	local pids=() pid family server
	mkdir -p "$1"
	for family in 4 6; do
		server=S1_$family
		server=${!server}
		spawn tv "$1/log-$family" bash -c "$tools_of_family" bash "$1" "$family" "$server"
		pids+=("$SPAWNED")
	done
	for pid in "${pids[@]}"; do
		wait_for 60 net_gone "$pid" || true
		finish "$pid" || true
	done
}

# shellcheck disable=SC2016 # expanded by the inner shell
tools_of_family='
dir=$1 family=$2 server=$3
trace="traceroute -n -w 5,0,0" mtr="mtr -n -r -c 3 -i 0.2 -G 2"
$trace -I $server >$dir/traceroute-icmp-$family
$trace -U --sport=3300$family $server >$dir/traceroute-udp-$family
$trace -T --sport=3310$family -p 443 $server >$dir/traceroute-tcp-$family
$mtr $server >$dir/mtr-icmp-$family
$mtr --tcp -P 443 $server >$dir/mtr-tcp-$family
if [ $family = 4 ]; then ports="-L 33200 -P 33201"; fi
$mtr --udp $ports $server >$dir/mtr-udp-$family'

seven() {
	[ "$(grep -c '^ *[1-7][. ]' "$1")" -eq 7 ]
}

compare() {
	local name=$1 filter=$2
	tap_is "$name shows the same" "$("$filter" <"$NET_WORK/with/$name")" \
		"$("$filter" <"$NET_WORK/without/$name")"
}

# Has each connection at least this many path records more than when it was asked last?
traced() {
	local sport
	for sport in 20004 20006; do
		[ "$(records ev=path sport="$sport" | wc -l)" -ge $((seen["$sport"] + $1)) ] || return 1
	done
}

look() {
	local sport
	for sport in 20004 20006; do
		seen["$sport"]=$(records ev=path sport="$sport" | wc -l)
	done
}

net_begin traceroute "${1:-build}"
for command in mtr python3; do
	command -v "$command" >/dev/null || {
		echo "traceroute.sh: $command is missing: run \`make deps\`" >&2
		exit 1
	}
done
home_up nat6
# The server answers all, like the routers; and all of them know their neighbours, on both branches.
net_sysctl s1 net/ipv4/icmp_ratelimit=0 net/ipv4/icmp_msgs_per_sec=1000000 \
	net/ipv4/icmp_msgs_burst=1000000 net/ipv6/icmp/ratelimit=0
for server in "$S1_4" "$S1_6"; do
	on tv traceroute -n -q 10 "$server" >"$NET_WORK/first"
done
run_tools "$NET_WORK/without"

inpath_conf 'probe = { interval = 1; };' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
declare -A seen=()
spawn tv "$NET_WORK/flows" python3 "$tools/flows.py" run "$NET_WORK/enough" "$NET_WORK/ca.pem" \
	"$S1_NAME" "$NET_WORK/s1/www" "poll,$S1_4,443,20004" "poll,$S1_6,443,20006"
flows=$SPAWNED
look
tap_ok "connections to the same server are traced" wait_for 30 traced 1
look
run_tools "$NET_WORK/with"
tap_ok "and are traced while the tools run" traced 1
: >"$NET_WORK/enough"
wait_for 60 net_gone "$flows" || true
tap_ok "without being disturbed" finish "$flows"
stop_inpathd

for family in 4 6; do
	for way in icmp udp tcp; do
		tap_ok "traceroute-$way-$family shows 7 hops without inpath" \
			seven "$NET_WORK/without/traceroute-$way-$family"
		compare "traceroute-$way-$family" traced_hops
	done
	tap_ok "mtr-icmp-$family shows 7 hops without inpath" seven "$NET_WORK/without/mtr-icmp-$family"
	compare "mtr-icmp-$family" report_hops
	compare "mtr-tcp-$family" routers
done
compare mtr-udp-4 report_hops
compare mtr-udp-6 routers
echo "# $(records ev=stats | grep -o 'probes=.* icmp_foreign=[0-9]*' | tail -n 1)"
tap_done
