#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# chain: how soon a path is known, and by how many probes. Sourced by run.

# A chain of ten: nine routers and the server, behind a line of 20 ms each way.
chain() {
	local i
	host tv gw line c1 c2 c3 c4 c5 c6 c7 c8 c9 s1
	router gw
	link gw lan tv eth0 192.168.1.1/24 192.168.1.57/24
	link gw wan line a 203.0.113.2/24 -
	link c1 gw line b 203.0.113.1/24 -
	for i in gw:wan c1:gw tv:eth0 gw:lan; do
		ip netns exec "$NET_PREFIX-${i%:*}" ethtool -K "${i#*:}" tx off tso off gso off gro off >/dev/null 2>&1
	done
	for i in 1 2 3 4 5 6 7 8 9; do
		router "c$i"
	done
	for i in 1 2 3 4 5 6 7 8; do
		link "c$i" next "c$((i + 1))" prev "10.0.$i.1/24" "10.0.$i.2/24"
		ip -n "$NET_PREFIX-c$i" route add default via "10.0.$i.2"
		ip -n "$NET_PREFIX-c$((i + 1))" route add 203.0.113.0/24 via "10.0.$i.1"
	done
	link c9 srv s1 eth0 198.18.1.1/24 198.18.1.10/24
	ip -n "$NET_PREFIX-s1" route add default via 198.18.1.1
	ip -n "$NET_PREFIX-gw" route add default via 203.0.113.1
	ip -n "$NET_PREFIX-tv" route add default via 192.168.1.1
	on gw iptables -t nat -A POSTROUTING -o wan -j MASQUERADE
	home_service s1 www.movies.example
	spawn line "$NET_WORK/line.log" "$NET_BUILD/bench/delay" a b 20000
	wait_for 10 grep -q ready "$NET_WORK/line.log"
}

# The instants: the request's packet and the server's next one, as captured at the WAN, and when the record could
# be read in the log's file. The slowest answer is that of the record's hops.
time_to_path() {
	local i sport line hops request answer seen ours=() whole=() slowest bad=0
	chain
	inpath_conf ''
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	capture gw wan "$NET_WORK/wan.pcap" 'tcp port 80'
	spawn gw "$NET_WORK/seen" python3 -u -c 'import sys, time
with open(sys.argv[1]) as log:
    while True:
        line = log.readline()
        if line.startswith("ev=path"):
            print(time.time(), line, end="")
        elif not line:
            time.sleep(0.0005)' "$INPATH_LOG"
	for ((i = 0; i < PAIRS; i++)); do
		sport=$((20000 + i))
		on tv curl -sS --local-port "$sport" http://198.18.1.10/hls/seg-0.ts -o /dev/null
		wait_for 10 grep -q " sport=$sport " "$NET_WORK/seen" || { bad=1; break; }
	done
	sleep 0.3
	[ "$bad" -eq 0 ] || { echo "bench: no record came" >&2; exit 1; }
	for ((i = 0; i < PAIRS; i++)); do
		sport=$((20000 + i))
		line=$(grep " sport=$sport " "$NET_WORK/seen")
		seen=${line%% *}
		hops=$(field "$line" hops)
		slowest=$(tr ',' '\n' <<<"$hops" | cut -d/ -f3 | sort -g | tail -n 1)
		[ "$(tr ',' '\n' <<<"$hops" | grep -vc '\*')" -eq 10 ] || echo "bench: not all of ten hops answered: $hops" >&2
		# The first packet with payload; probes come later.
		request=$(tcpdump -tt -nn -r "$NET_WORK/wan.pcap" "src port $sport" 2>/dev/null | awk '!n && /length [1-9]/ { print $1; n = 1 }')
		answer=$(tcpdump -tt -nn -r "$NET_WORK/wan.pcap" "dst port $sport" 2>/dev/null |
			awk -v after="$request" '!n && $1 > after { print $1; n = 1 }')
		whole+=("$(awk -v a="$request" -v b="$seen" 'BEGIN { printf "%.2f", (b - a) * 1000 }')")
		ours+=("$(awk -v a="$answer" -v b="$seen" -v s="$slowest" 'BEGIN { printf "%.2f,%.2f", (b - a) * 1000, s * 1.1 + 5 }')")
	done
	# The base is the allowance itself: 1.1 times the slowest answer + 5 ms.
	figure time_to_path pairs ms less 1 "${ours[@]}"
	figure time_from_request value ms less - "${whole[@]}"
	stop_inpathd
}

# Ten hops, all of which answer: what a flow's first trace sends, and its second one. Flows one after the other.
probes() {
	local i sport line run=() first=() again=()
	chain
	inpath_conf 'probe = { interval = 5; };' 'paths = "all"'
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	for ((i = 0; i < 3; i++)); do
		sport=$((21000 + i))
		spawn tv "$NET_WORK/curl.log" curl -sS --local-port "$sport" --max-time 30 \
			http://198.18.1.10/paced/large.bin -o /dev/null
		wait_for 25 probes_twice "$sport" || { echo "bench: no second record came" >&2; exit 1; }
		mapfile -t run < <(records ev=path sport="$sport")
		for line in "${run[@]:0:2}"; do
			[ "$(field "$line" hops | tr ',' '\n' | grep -vc '\*')" -eq 10 ] ||
				echo "bench: not all of ten hops answered: $(field "$line" hops)" >&2
		done
		first+=("$(field "${run[0]}" sent)") again+=("$(field "${run[1]}" sent)")
		finish "$SPAWNED" || true
	done
	figure probes_first value probes less 13 "${first[@]}"
	figure probes_again value probes less 11 "${again[@]}"
	stop_inpathd
}

probes_twice() {
	[ "$(records ev=path sport="$1" | wc -l)" -ge 2 ]
}
