#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# internet: what the synthetic internet carries, beside which the daemon is judged. Sourced by run.

# Small packets go in at one TUN as fast as they come; counted is what comes out at the other. Nobody has the
# address there, so nothing answers.
internet() {
	local i pid received cpu before before_cpu started hz rates=() per_cpu=()
	host near far
	for i in near:wan far:srv; do
		ip -n "$NET_PREFIX-${i%:*}" tuntap add "${i#*:}" mode tun
		ip -n "$NET_PREFIX-${i%:*}" link set "${i#*:}" up
	done
	ip -n "$NET_PREFIX-near" addr add 192.0.2.2/32 dev wan
	ip -n "$NET_PREFIX-near" route add default dev wan
	{
		printf 'router r%d\n' {1..10}
		printf 'server s1 addr 198.51.100.1\npath gw'
		printf ' r%d' {1..10}
		echo ' s1'
	} >"$NET_WORK/topology"
	: >"$NET_WORK/netsim.log"
	"$NET_BUILD/netsim" -w "$NET_PREFIX-near/wan" -s "$NET_PREFIX-far/srv" "$NET_WORK/topology" </dev/null >"$NET_WORK/netsim.log" &
	pid=$!
	NET_PIDS+=("$pid")
	wait_for 10 grep -q ready "$NET_WORK/netsim.log"
	hz=$(getconf CLK_TCK)
	for ((i = 0; i < 7; i++)); do
		before=$(on far cat /sys/class/net/srv/statistics/rx_packets)
		before_cpu=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
		started=$(date +%s.%N)
		on near "$NET_BUILD/bench/blast" 198.51.100.1 9 2 >/dev/null
		received=$(($(on far cat /sys/class/net/srv/statistics/rx_packets) - before))
		cpu=$(($(awk '{ print $14 + $15 }' "/proc/$pid/stat") - before_cpu))
		rates+=("$(awk -v n="$received" -v a="$started" -v b="$(date +%s.%N)" 'BEGIN { printf "%.0f", n / (b - a) }')")
		per_cpu+=("$(awk -v n="$received" -v c="$cpu" -v hz="$hz" 'BEGIN { printf "%.0f", c ? n / c * hz : 0 }')")
		progress "netsim $((i + 1))/7: ${rates[i]} packets/s, ${per_cpu[i]} for each CPU second"
	done
	figure netsim value packets/s more 50000 "${rates[@]}"
	figure netsim_cpu value packets/s more - "${per_cpu[@]}"
}
