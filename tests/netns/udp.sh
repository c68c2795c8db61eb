#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# udp [BUILD]: flows of UDP that are not QUIC, an echo, a call and a tunnel's keep-alives (tools/udp.py),
# through inpathd: neither end loses a datagram, gets one that its peer did not send, or hears of an
# error; and an ICMP error for a client's own datagram reaches it. First under no policy that asks for
# UDP: the flows rest. Then under one: they are traced, and no probe comes to the server. A stream that looks
# like QUIC is named as nDPI names it, where that is installed. Last, a flood of
# forged QUIC Initials: it costs a bounded amount, and what goes on beside it goes on.
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/lib/ndpi.sh
. "$(dirname "$0")/lib/ndpi.sh"
tool=$NET_ROOT/tests/netns/tools/udp.py
port=5000 sport=21000
declare -A COUNT=([echo]=80 [rtp]=200 [wireguard]=20) SERVERS=() TALKERS=() PORTS=()

# A pair of each kind and family, all at once.
begin() {
	local kind family server
	for kind in echo rtp wireguard; do
		for family in 4 6; do
			port=$((port + 1)) sport=$((sport + 1)) server=S1_$family
			PORTS[$kind-$family]="$sport $port"
			: >"$NET_WORK/serve-$kind-$family"
			spawn s1 "$NET_WORK/serve-$kind-$family" python3 "$tool" serve "$kind" "${!server}" "$port"
			SERVERS[$kind-$family]=$SPAWNED
			wait_for 30 grep -q ready "$NET_WORK/serve-$kind-$family"
			spawn tv "$NET_WORK/talk-$kind-$family" python3 "$tool" talk "$kind" "${!server}" "$port" "$sport" \
				"$([ "$kind" = wireguard ] && echo 0.2)" "${COUNT[$kind]}"
			TALKERS[$kind-$family]=$SPAWNED
		done
	done
}

# What an end has to say, but for how many it sent and received and which came late.
faults() {
	grep -vx 'ready\|talking' "$1" | sed 's/^sent=[0-9]* received=[0-9]* //; s/late=[0-9]* //'
}

check() {
	local pair
	for pair in "${!TALKERS[@]}"; do
		wait_for 60 net_gone "${TALKERS[$pair]}" || true
		finish "${TALKERS[$pair]}" || true
		finish "${SERVERS[$pair]}" || true
		echo "# $phase, $pair: client $(tail -n 1 "$NET_WORK/talk-$pair")"
		tap_is "$phase, $pair: the client sends all that it has to" \
			"$(field "$(tail -n 1 "$NET_WORK/talk-$pair")" sent)" "${COUNT[${pair%-*}]}"
		tap_is "$phase, $pair: the server gets them all, nothing else and no error" \
			"$(faults "$NET_WORK/serve-$pair")" "lost=0 duplicates=0 foreign=0 errors=0"
		tap_is "$phase, $pair: the client gets its answers, nothing else and no error" \
			"$(faults "$NET_WORK/talk-$pair")" "lost=0 duplicates=0 foreign=0 errors=0"
		rm -f "$NET_WORK/talk-$pair" "$NET_WORK/serve-$pair"
	done
}

stat() { # COUNTER
	on gw "$NET_BUILD/inpath" status --json | tr -d '", ' | tr ':' ' ' | awk -v key="$1" '$1 == key { print $2 }'
}

# --- no policy asks for UDP ------------------------------------------------------------------------

# Of each flow the packets before its rest come, and those that were behind them at that moment.
unasked() {
	local before rises all
	phase=unasked
	before=$(stat packets)
	begin
	check
	rises=$(($(stat packets) - before))
	all=$(((COUNT[echo] + COUNT[rtp] + COUNT[wireguard]) * 2 * 2))
	tap_ok "unasked: the flows rest ($rises of about $all packets came to the queue)" \
		test "$rises" -ge 6 -a "$rises" -le $((all / 5))
	tap_is "unasked: no flow was taken up, and none has a record" \
		"$(stat flows_traced) $(records ev=path proto=udp | wc -l)" "0 0"
}

# --- a policy does ---------------------------------------------------------------------------------

capture_both() {
	local client server
	capture tv eth0 "$NET_WORK/tv.pcap" -B 16384 udp or icmp or icmp6
	client=$SPAWNED
	capture s1 eth0 "$NET_WORK/s1.pcap" -B 16384 udp or icmp or icmp6
	server=$SPAWNED
	CAPTURES="$client $server"
}

capture_has() {
	[ "$(grep -ac end-of-capture "$1")" -ge 2 ]
}

# A last datagram of each family that both captures must have: then they have all before it.
captures_end() {
	local file pid
	on tv bash -c "echo end-of-capture >/dev/udp/$S1_4/9; echo end-of-capture >/dev/udp/$S1_6/9"
	for file in tv s1; do
		wait_for 30 capture_has "$NET_WORK/$file.pcap"
	done
	for pid in $CAPTURES; do
		finish "$pid" || true
	done
}

traced() {
	local pair family client server line sport_of port_of
	phase=traced
	capture_both
	begin
	for pair in "${!TALKERS[@]}"; do
		family=${pair#*-} client=TV$family server=S1_$family
		read -r sport_of port_of <<<"${PORTS[$pair]}"
		line=$(wait_for_record 30 ev=path proto=udp why=start "cl=${!client}" "sport=$sport_of") || true
		tap_is "traced, $pair: the path is the true one, and ends well short of the server" \
			"$(field "$line" stop) $(field "$line" nhop) $(record_addresses "$line" | paste -sd' ')" \
			"short 3 $(true_path "$family" "${!client}" "${!server}" "$sport_of" "$port_of" udp | head -n 3 | paste -sd' ')"
	done
	check
	captures_end
	for pair in "${!TALKERS[@]}"; do
		family=${pair#*-} client=TV$family server=S1_$family
		read -r sport_of port_of <<<"${PORTS[$pair]}"
		line=$(python3 "$NET_ROOT/tests/netns/tools/datagrams.py" compare \
			"$NET_WORK/tv.pcap" "${!client}" "$NET_WORK/s1.pcap" "${!server}" "$port_of")
		echo "# traced, $pair: $line"
		# The client's own end-of-capture meets a closed port: one error a family.
		tap_is "traced, $pair: what arrives is what left, and nothing else" \
			"$(sed 's/\(up\|down\)=[0-9]* //g; s/[a-z]*_longest=0 //g; s/[a-z]*_overtaken=[0-9]* //g' <<<"$line")" \
			"up_lost=0 up_foreign=0 down_lost=0 down_foreign=0 icmp=1"
	done
	tap_ok "traced: probes were sent, and none was refused" test "$(stat probes)" -ge 18 -a "$(stat probes_refused)" -eq 0
}

# A datagram of the client's own that expires amid probes of its flow.
expired() { # FAMILY
	local client=TV$1 server=S1_$1 file=$NET_WORK/expired-$1 serving talking foreign
	touch "$file" "$file-server"
	port=$((port + 1)) sport=$((sport + 1))
	foreign=$(stat icmp_foreign)
	spawn s1 "$file-server" python3 "$tool" serve echo "${!server}" "$port"
	serving=$SPAWNED
	wait_for 30 grep -q ready "$file-server"
	spawn tv "$file" python3 "$tool" expire "${!server}" "$port" "$sport" 2
	talking=$SPAWNED
	tap_ok "IPv$1: ICMP errors for the client's own datagrams reach it" \
		wait_for 30 test_count 5 'error EHOSTUNREACH' "$file"
	tap_ok "IPv$1: while its flow is traced" wait_for 30 record_exists ev=path proto=udp stop=short "cl=${!client}" "sport=$sport"
	tap_ok "IPv$1: and they are counted" test "$(($(stat icmp_foreign) - foreign))" -ge 5
	finish "$talking" || true
	finish "$serving" || true
	tap_is "IPv$1: no other error, and nothing foreign" \
		"$(grep -v 'talking\|error EHOSTUNREACH\|^sent=' "$file")$(grep -v ready "$file-server" | sed 's/.*\(foreign=.*\)/\1/')" \
		"foreign=0 errors=0"
}

test_count() { # COUNT PATTERN FILE
	[ "$(grep -c "$2" "$3")" -ge "$1" ]
}

# The gateway's kernel knows nothing of the flow any more.
forgotten() { # FAMILY CLIENT SERVER SPORT DPORT
	! nat_source "$@" udp >/dev/null 2>&1
}

# A call on hold, for longer than the gateway's kernel remembers it.
hold() { # FAMILY
	local client=TV$1 server=S1_$1 file=$NET_WORK/hold-$1 serving talking flows line refused_probes
	touch "$file" "$file-server"
	port=$((port + 1)) sport=$((sport + 1))
	spawn s1 "$file-server" python3 "$tool" serve echo "${!server}" "$port"
	serving=$SPAWNED
	wait_for 30 grep -q ready "$file-server"
	spawn tv "$file" python3 "$tool" talk echo "${!server}" "$port" "$sport"
	talking=$SPAWNED
	wait_for_record 30 ev=path why=start "cl=${!client}" "sport=$sport" >/dev/null || true
	flows=$(stat flows_new)
	kill -USR1 "$talking"
	wait_for 30 grep -q holding "$file"
	tap_ok "IPv$1: a flow on hold is forgotten by the kernel" \
		wait_for 60 forgotten "$1" "${!client}" "${!server}" "$sport" "$port"
	line=$(records ev=path "cl=${!client}" "sport=$sport" | wc -l)
	refused_probes=$(stat probes_refused)
	kill -USR1 "$talking"
	tap_ok "IPv$1: when it goes on, it is traced again" wait_for 30 more_records "$line" "${!client}" "$sport"
	tap_is "IPv$1: under the name that it had" "$(($(stat flows_new) - flows))" 0
	tap_is "IPv$1: without a probe that the kernel refuses" "$(($(stat probes_refused) - refused_probes))" 0
	line=$(records ev=path "cl=${!client}" "sport=$sport" | tail -n 1)
	tap_is "IPv$1: by the true path" "$(field "$line" why) $(record_addresses "$line" | paste -sd' ')" \
		"period $(true_path "$1" "${!client}" "${!server}" "$sport" "$port" udp | head -n 3 | paste -sd' ')"
	finish "$talking" || true
	finish "$serving" || true
	tap_is "IPv$1: and nothing is lost" "$(faults "$file" | grep -v holding) $(faults "$file-server")" \
		"lost=0 duplicates=0 foreign=0 errors=0 lost=0 duplicates=0 foreign=0 errors=0"
}

more_records() { # COUNT CLIENT SPORT
	[ "$(records ev=path "cl=$2" "sport=$3" | wc -l)" -gt "$1" ]
}

# --- QUIC ------------------------------------------------------------------------------------------

# A flow that begins with RFC 9001's sample of an Initial, and goes on as QUIC does.
stream() {
	local capturing serving line sport_of
	capture tv eth0 "$NET_WORK/stream.pcap" udp port 4433
	capturing=$SPAWNED
	spawn s1 "$NET_WORK/stream.log" "$NET_BUILD/bench/stream" serve "$S1_4" 4433
	serving=$SPAWNED
	wait_for 30 grep -q ready "$NET_WORK/stream.log"
	on tv "$NET_BUILD/bench/stream" fetch "$S1_4" 4433 0.5 >/dev/null
	line=$(wait_for_record 30 ev=path proto=quic "cl=$TV4" dport=4433) || true
	sport_of=$(field "$line" sport)
	tap_is "QUIC: a stream is named by its greeting, its path is true" \
		"$(field "$line" host) $(field "$line" by) $(field "$line" stop) $(record_addresses "$line" | paste -sd' ')" \
		"example.com sni inferred $(true_path 4 "$TV4" "$S1_4" "$sport_of" 4433 udp | paste -sd' ')"
	finish "$capturing" || true
	finish "$serving" || true
	if ndpi_can; then
		tap_is "QUIC: nDPI reads the same name" "$(ndpi_name "$NET_WORK/stream.pcap" "$sport_of")" example.com
	else
		tap_skip "QUIC: nDPI reads the same name" "ndpiReader is not installed"
	fi
}

# --- a flood ----------------------------------------------------------------------------------------

cpu_ticks() {
	awk '{ print $14, $15 }' "/proc/$(worker)/stat"
}

flood() {
	local memory download spent began capped opened line user system user_now system_now
	ip -n "$NET_PREFIX-r1" route add blackhole 198.51.100.0/24
	memory=$(awk '/^VmSize/ { print $2 }' "/proc/$(worker)/status")
	capped=$(stat initials_capped)
	opened=$(($(stat initials_opened) + $(stat initials_sealed)))
	read -r user system <<<"$(cpu_ticks)"
	home_curl tv 4 --local-port 24000 "https://$S1_NAME/paced/large.bin" -o "$NET_WORK/beside" &
	download=$!
	wait_for 30 test -s "$NET_WORK/beside"
	began=$SECONDS
	line=$(on laptop python3 "$NET_ROOT/tests/netns/tools/initials.py" eth0 "$LAPTOP_MAC" \
		"$(on gw cat /sys/class/net/br-lan/address)" "$LAPTOP4" 198.51.100.1 200000)
	spent=$((SECONDS - began + 2))
	opened=$(($(stat initials_opened) + $(stat initials_sealed) - opened))
	read -r user_now system_now <<<"$(cpu_ticks)"
	capped=$(($(stat initials_capped) - capped))
	echo "# flood: $line opened=$opened capped=$capped missed=$(stat missed) user=$((user_now - user)) system=$((system_now - system)) (1/$(getconf CLK_TCK) s)"
	tap_ok "flood: Initials beyond the second's share are left alone, and counted" test "$capped" -gt 1000
	tap_ok "flood: keys are derived for so many a second, no more ($opened in $spent s)" \
		test "$opened" -gt 0 -a "$opened" -le $((400 * (spent + 1)))
	tap_is "flood: no memory is taken" "$(awk '/^VmSize/ { print $2 }' "/proc/$(worker)/status")" "$memory"
	tap_ok "flood: the download beside it ends well" wait "$download"
	tap_ok "flood: and is whole" cmp "$NET_WORK/beside" "$NET_WORK/s1/www/large.bin"
	home_curl tv 4 --local-port 24001 "https://$S1_NAME/paced/hls/seg-0.ts" -o /dev/null
	line=$(wait_for_record 30 ev=path proto=tcp "sport=24001") || true
	tap_is "flood: behind it a path is logged, the true one" "$(record_addresses "$line" | paste -sd' ')" \
		"$(true_path 4 "$TV4" "$S1_4" 24001 443 | paste -sd' ')"
}

# ----------------------------------------------------------------------------------------------------

refused() { # FAMILY
	local server=S1_$1 file=$NET_WORK/refused-$1 pid
	: >"$file"
	spawn tv "$file" python3 "$tool" talk echo "${!server}" 5999 2200"$1"
	pid=$SPAWNED
	tap_ok "IPv$1: a closed port's ICMP error reaches the client that sent there" \
		wait_for 30 grep -q 'error ECONNREFUSED' "$file"
	finish "$pid" || true
}

net_begin udp "${1:-build}"
HOME_LARGE_MB=2
home_up nat6
inpath_conf "" 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf"
unasked
stop_inpathd
inpath_conf 'policies = ( { name = "calls"; protocols = [ "tcp", "quic", "udp" ]; interval = 1; } );' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf"
traced
expired 4
expired 6
refused 4
refused 6
net_sysctl gw net/netfilter/nf_conntrack_udp_timeout{,_stream}=3
hold 4
hold 6
# The truth is read from the gateway's entries, on a busy machine some seconds later.
net_sysctl gw net/netfilter/nf_conntrack_udp_timeout{,_stream}=600
stream
net_sysctl gw net/netfilter/nf_conntrack_udp_timeout{,_stream}=3
flood
stop_inpathd
tap_done
