#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# laws [BUILD]: the laws of the design, each by a test that fails without what upholds it: probes leave
# only inside their connection; what a server says beside the answer to a probe reaches the client; a
# packet that the firewall drops is never repeated; ICMP errors go where they should, however late and
# however often they come; nothing is sent before the handshake, after its end, or in an MPTCP flow.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

FAMILIES="4 6"
MARK=0x04000000 # gateway.mark_probe
SERVER_PORT=7000
MPTCP_PORT=7001
declare -A TALK_FD=() TOLD=()

# The client's addresses: of a client in the household, of the household beyond the gateway, of s1.
address() { # tv|laptop|wan|s1 FAMILY
	case $1$2 in
	wan4) echo "$WAN4" ;;
	wan6) echo "$WAN6" ;;
	s14) echo "$S1_4" ;;
	s16) echo "$S1_6" ;;
	*) home_client "$1" "$2" ;;
	esac
}

packets() { # CAPTURE CONDITION
	"$NET_ROOT/tests/netns/tools/packet.py" list "$NET_WORK/$1.pcap" "$2"
}

count() { # CAPTURE CONDITION
	packets "$@" | wc -l
}

seen() { # CAPTURE CONDITION
	[ "$(count "$@")" -gt 0 ]
}

# Everything that was on its way before is in the captures: a packet of its own size followed it.
FENCE=200
fence() {
	FENCE=$((FENCE + 1))
	on tv ping -n -c 1 -W 10 -s "$FENCE" 203.0.113.1 >/dev/null
	wait_for 30 seen r1 "proto == 1 and type == 0 and size == $((FENCE + 28))"
	wait_for 30 seen tv "proto == 1 and type == 0 and size == $((FENCE + 28))"
}

# --- connections -------------------------------------------------------------------------------

# A connection of CLIENT from port SPORT, which is its name.
open_flow() { # CLIENT FAMILY SPORT [PORT [mptcp]]
	local fifo=$NET_WORK/flow-$3 fd
	mkfifo "$fifo"
	: >"$fifo.log"
	exec {fd}<>"$fifo"
	TALK_FD[$3]=$fd
	TOLD[$3]=0
	spawn "$1" "$fifo.log" "$NET_ROOT/tests/netns/tools/peer.py" talk "$(address s1 "$2")" \
		"${4:-$SERVER_PORT}" "$3" "$fifo" ${5:+"$5"}
	wait_for 30 grep -q connected "$fifo.log"
}

tell() { # SPORT COMMAND...
	local sport=$1
	shift
	printf '%s\n' "$@" >&"${TALK_FD[$sport]}"
	TOLD[$sport]=$((TOLD[$sport] + $#))
	if ! wait_for 30 flow_did "$sport"; then
		echo "flow $sport did not: $*" >&2
		cat "$NET_WORK/flow-$sport.log" >&2
		return 1
	fi
}

flow_did() {
	[ "$(grep -c '^done' "$NET_WORK/flow-$1.log")" -ge "${TOLD[$1]}" ]
}

# A budget is a client's: let earlier connections not take it. Those of icmp_errors are wanted again.
close_flows() {
	local sport
	for sport in "${!TALK_FD[@]}"; do
		[[ $sport != 4080? ]] || continue
		tell "$sport" reset
		unset "TALK_FD[$sport]"
	done
}

# --- what inpathd says -------------------------------------------------------------------------

stat_of() { # NAME: a counter at this moment
	local before
	before=$(records ev=stats of=shells | wc -l)
	kill -USR1 "$INPATHD_PID"
	wait_for 30 more_stats "$before"
	field "$(grep '^ev=stats .* packets=' "$INPATH_LOG" | tail -n 1)" "$1"
}

more_stats() {
	[ "$(records ev=stats of=shells | wc -l)" -gt "$1" ]
}

stat_reaches() { # NAME LEAST
	[ "$(stat_of "$1")" -ge "$2" ]
}

reload() { # the options of inpath_conf
	local before
	before=$(grep -c 'read again' "$NET_WORK/inpathd.err" || true)
	inpath_conf "$@"
	kill -HUP "$INPATHD_PID"
	wait_for 30 reloaded "$before"
}

reloaded() {
	[ "$(grep -c 'read again' "$NET_WORK/inpathd.err")" -gt "$1" ]
}

# What of a flow's packets beyond the gateway is a probe: the clients' own start at a TTL of 64.
PROBE="ttl < 40 and proto == TCP"

# --- law 5 -------------------------------------------------------------------------------------

# A packet as inpathd would send it into the connection SPORT: SEQ is relative to the last byte sent.
marked() { # FAMILY SPORT SEQ
	local last
	last=$(packets tv "proto == TCP and sport == $2 and bytes" | tail -n 1)
	on gw "$NET_ROOT/tests/netns/tools/packet.py" marked wan "$MARK" 3 "$(address tv "$1")" \
		"$(address s1 "$1")" "$2" "$SERVER_PORT" $(($(field "$last" seq) + $3)) "$(field "$last" ack)"
}

law_5_by_hand() {
	local family=$1 sport=4010$1 dst
	dst=$(address s1 "$family")
	open_flow tv "$family" "$sport"
	tell "$sport" "get 1000"
	tell "$sport" "get 1000"
	fence
	tap_is "IPv$family: a marked packet inside its connection leaves" "$(marked "$family" "$sport" 0)" sent
	tap_is "IPv$family: one out of window is refused" "$(marked "$family" "$sport" 1000000000)" EPERM
	on gw conntrack -D -p tcp --orig-dst "$dst" --sport "$sport" >/dev/null 2>&1
	tap_is "IPv$family: one without its connection is refused" "$(marked "$family" "$sport" 0)" EPERM
	fence
	tap_is "IPv$family: and only the first one is on the WAN" \
		"$(packets r1 "proto == TCP and ttl == 3 and dst == '$dst' and payload == b'x'" | wc -l)" 1
	tell "$sport" "get 1000"
}

# One probe a second for a client, so that a trace takes its time.
SLOW='probe = { interval = 1; }; budget = { client = 1; gateway = 1000; first_hops = 1000; };'
# The first probes of a trace at once, those that may reach the server a second later.
HALVES='probe = { interval = 1; }; budget = { client = 3; gateway = 1000; first_hops = 1000; };'
QUICK='probe = { interval = 1; }; budget = { client = 1000; gateway = 1000; first_hops = 1000; };'

law_5_in_mid_trace() {
	local family sport refused
	refused=$(stat_of probes_refused)
	for family in $FAMILIES; do
		sport=4020$family
		open_flow tv "$family" "$sport"
		tell "$sport" "get 1000"
		wait_for 30 seen r1 "$PROBE and sport == $sport"
		on gw conntrack -D -p tcp --orig-dst "$(address s1 "$family")" --sport "$sport" >/dev/null 2>&1
		fence
		packets r1 "$PROBE and sport == $sport" | wc -l >"$NET_WORK/probes-$sport"
	done
	wait_for 30 stat_reaches probes_refused $((refused + 2)) || true
	tap_is "probes of connections that conntrack forgot are refused" \
		"$(stat_of probes_refused)" $((refused + 2))
	fence
	for family in $FAMILIES; do
		sport=4020$family
		tap_is "IPv$family: and none has left since" "$(count r1 "$PROBE and sport == $sport")" \
			"$(cat "$NET_WORK/probes-$sport")"
		tap_ok "IPv$family: the connection goes on as it would have" tell "$sport" "get 60000"
	done
}

# --- law 3: news reaches the client -------------------------------------------------------------

# A part of an upload is lost again and again just before the server, so that its answers to what comes
# behind, probes included, carry SACK blocks. They are the client's.
iptables_of() {
	[ "$1" = 4 ] && echo iptables || echo ip6tables
}

lose() { # HOST FAMILY TABLE CHAIN TEXT
	on "$1" "$(iptables_of "$2")" -t "$3" -I "$4" -m string --algo bm --string "$5" -j DROP
}

lose_no_more() {
	on "$1" "$(iptables_of "$2")" -t "$3" -D "$4" -m string --algo bm --string "$5" -j DROP
}

HOLE=this-part-of-the-upload-is-lost
DSACK_WITH_NEWS="proto == TCP and dport == %s and sack and len(sack) > 1 and
	(sack[0][1] - sack[0][0]) % 2**32 == 1 and (ack - sack[0][1]) % 2**32 < 2**31"

# A budget of its own for each family's client, and a trace that meets the hole before the server.
upload_client() { # FAMILY
	[ "$1" = 4 ] && echo tv || echo laptop
}

uploads() {
	local family condition pids=()
	close_flows
	reload "$HALVES" 'paths = "all"' 'hops = true'
	head -c 300000 /dev/urandom >"$NET_WORK/upload"
	# Twice, since it may lie across two packets.
	printf '%s\n' "$HOLE" "$HOLE" >>"$NET_WORK/upload"
	head -c 1700000 /dev/urandom >>"$NET_WORK/upload"
	for family in $FAMILIES; do
		lose r5 "$family" filter FORWARD "$HOLE"
		home_curl "$(upload_client "$family")" "$family" --local-port "4030$family" -o /dev/null \
			-T "$NET_WORK/upload" "http://$S1_NAME/upload/hole$family" 2>>"$NET_WORK/clients.err" &
		pids+=($!)
		NET_PIDS+=($!)
	done
	for family in $FAMILIES; do
		# shellcheck disable=SC2059 # a condition with the port left open
		condition=${DSACK_WITH_NEWS/\%s/4030$family}
		tap_ok "IPv$family: an answer to a probe that also tells of a hole reaches the client" \
			wait_for 30 seen "$(upload_client "$family")" "$condition"
	done
	for family in $FAMILIES; do
		lose_no_more r5 "$family" filter FORWARD "$HOLE"
	done
	for family in $FAMILIES; do
		tap_ok "IPv$family: and the upload is complete" wait "${pids[0]}"
		pids=("${pids[@]:1}")
		tap_ok "IPv$family: byte for byte" cmp "$NET_WORK/upload" "$NET_WORK/s1/www/upload/hole$family"
	done
	tap_ok "such answers are counted" stat_reaches with_news 2
}

# --- a carrier that the firewall drops after all ------------------------------------------------

# In the firewall's own chain, and behind the queue, where inpathd has seen the packet already.
DROPS="filter:FORWARD mangle:POSTROUTING"

secrets_begin() {
	local family drop sport=40400
	SECRETS=()
	for family in $FAMILIES; do
		for drop in $DROPS; do
			sport=$((sport + 1))
			open_flow laptop "$family" "$sport"
			tell "$sport" "get 1000"
			lose gw "$family" "${drop%:*}" "${drop#*:}" "secret-$sport"
			SECRETS+=("$family $drop $sport $EPOCHREALTIME")
			# What the server says, a byte at a time, keeps the flow before inpathd's eyes.
			tell "$sport" "say drip 60" "say secret-$sport" "say more"
		done
	done
}

secrets_end() {
	local secret family drop sport since first lost
	for secret in "${SECRETS[@]}"; do
		read -r family drop sport since <<<"$secret"
		tap_ok "IPv$family, $drop: probes leave while a packet of the client is dropped" \
			wait_for 30 seen r1 "$PROBE and sport == $sport and time > $since"
	done
	fence
	for secret in "${SECRETS[@]}"; do
		read -r family drop sport since <<<"$secret"
		first=$(packets laptop "proto == TCP and sport == $sport and b'secret' in payload" | sed -n 1p)
		first=$(field "$first" seq)
		lost="proto == TCP and sport == $sport and bytes and (seq + bytes - $first - 1) % 2**32 < 2**31"
		tap_is "IPv$family, $drop: none repeats what was dropped, or what came behind" \
			"$(packets r1 "$lost and ttl < 40")" ""
		tap_is "IPv$family, $drop: nothing of it is on the WAN" \
			"$(packets r1 "$lost and (seq - $first) % 2**32 < 200")" ""
		lose_no_more gw "$family" "${drop%:*}" "${drop#*:}" "secret-$sport"
	done
	for secret in "${SECRETS[@]}"; do
		read -r family drop sport since <<<"$secret"
		tap_ok "IPv$family, $drop: the connection goes on once it is let through" tell "$sport" "read 60" "get 60000"
	done
}

# --- ICMP errors: late, doubled, foreign --------------------------------------------------------

silence() { # -A|-D: r3 answers no probe
	on r3 iptables "$1" OUTPUT -p icmp --icmp-type time-exceeded -j DROP
	on r3 ip6tables "$1" OUTPUT -p icmpv6 --icmpv6-type time-exceeded -j DROP
}

# An ICMP error by the router r3 that quotes a packet seen on the WAN.
forge() { # FAMILY TYPE CODE CONDITION
	local src=10.1.3.2
	[ "$1" = 4 ] || src=2001:db8:ff::3
	on r1 "$NET_ROOT/tests/netns/tools/packet.py" forge "$NET_WORK/r1.pcap" "$4" "$src" "$2" "$3" \
		>>"$NET_WORK/forged.log"
}

time_exceeded() { # FAMILY CONDITION
	forge "$1" $(($1 == 4 ? 11 : 3)) 0 "$2"
}

prohibited() { # FAMILY CONDITION
	forge "$1" $(($1 == 4 ? 3 : 1)) $(($1 == 4 ? 13 : 1)) "$2"
}

errors_at_client() { # SPORT
	count tv "quote and quote.sport == $1"
}

icmp_errors() {
	local family sport late again foreign
	# One family after the other: what is swallowed is so for 30 s after its probe, however slow this is.
	for family in $FAMILIES; do
		silence -A
		open_flow tv "$family" "4080$family"
		tell "4080$family" "get 1000"
		wait_for_record 30 ev=path sport="4080$family" stop=reached >"$NET_WORK/record-$family"
		tap_is "IPv$family: a router that answers nothing is a silent hop" \
			"$(record_addresses "$(cat "$NET_WORK/record-$family")" | sed -n 3p)" "*"
		silence -D
		sport=4080$family
		late=$(stat_of replies_late) again=$(stat_of replies_again) foreign=$(stat_of icmp_foreign)
		time_exceeded "$family" "$PROBE and sport == $sport and ttl == 3"
		tap_ok "IPv$family: an answer that comes after its trace is late" stat_reaches replies_late $((late + 1))
		time_exceeded "$family" "$PROBE and sport == $sport and ttl == 2"
		time_exceeded "$family" "$PROBE and sport == $sport and ttl == 3"
		tap_ok "IPv$family: one that comes again counts as that" stat_reaches replies_again $((again + 2))
		fence
		tap_is "IPv$family: none of them reaches the client" "$(errors_at_client "$sport")" 0
		time_exceeded "$family" "proto == TCP and ttl > 40 and sport == $sport and bytes"
		prohibited "$family" "proto == TCP and ttl > 40 and sport == $sport and bytes"
		tap_ok "IPv$family: errors about the client's own packets are foreign" stat_reaches icmp_foreign $((foreign + 2))
		fence
		tap_is "IPv$family: and reach it" "$(errors_at_client "$sport")" 2
		tap_ok "IPv$family: the connection goes on" tell "$sport" "get 60000"
	done
}

# The same long after, when other things have been tried.
icmp_errors_later() {
	local family sport sent
	for family in $FAMILIES; do
		sport=4080$family
		sent=$(field "$(packets r1 "$PROBE and sport == $sport and ttl == 3" | sed -n 1p)" time)
		time_exceeded "$family" "$PROBE and sport == $sport and ttl == 3"
		fence
		if [ $((${EPOCHREALTIME%.*} - ${sent%.*})) -lt 29 ]; then
			tap_is "IPv$family: a late answer does not reach the client within 30 s" \
				"$(errors_at_client "$sport")" 2
		else
			tap_skip "IPv$family: a late answer within 30 s" "30 s were over"
		fi
	done
}

# --- when nothing is sent -----------------------------------------------------------------------

# A client that never ends the handshake, though it says SYN more often than a flow stays undecided.
handshakes_begin() {
	local family
	for family in $FAMILIES; do
		on laptop "$(iptables_of "$family")" -A OUTPUT -p tcp --tcp-flags RST RST -j DROP
		spawn laptop "$NET_WORK/syns.log" "$NET_ROOT/tests/netns/tools/packet.py" syns 16 0.1 \
			"$(address laptop "$family")" "$(address s1 "$family")" "4050$family" "$SERVER_PORT"
		SYNS+=("$SPAWNED")
	done
}

handshakes_end() {
	local family pid
	for pid in "${SYNS[@]}"; do
		wait_for 30 net_gone "$pid"
	done
	fence
	for family in $FAMILIES; do
		tap_ok "IPv$family: a server answered a client that never ends the handshake" \
			seen laptop "proto == TCP and dport == 4050$family and flags & SYN"
		tap_is "IPv$family: no probe was sent" "$(packets r1 "$PROBE and sport == 4050$family")" ""
		on laptop "$(iptables_of "$family")" -D OUTPUT -p tcp --tcp-flags RST RST -j DROP
	done
}

mptcp_begin() {
	local family
	MPTCP=
	if ! python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_MPTCP)' \
		2>/dev/null; then
		return
	fi
	MPTCP=1
	: >"$NET_WORK/mptcp.log"
	spawn s1 "$NET_WORK/mptcp.log" "$NET_ROOT/tests/netns/tools/peer.py" serve "$MPTCP_PORT" mptcp
	wait_for 30 grep -q ready "$NET_WORK/mptcp.log"
	for family in $FAMILIES; do
		open_flow laptop "$family" "4060$family" "$MPTCP_PORT" mptcp
		tell "4060$family" "say drip 40"
	done
}

mptcp_end() {
	local family
	for family in $FAMILIES; do
		if [ -z "$MPTCP" ]; then
			tap_skip "IPv$family: no probe in an MPTCP flow" "the kernel has no MPTCP"
			continue
		fi
		tell "4060$family" "read 40"
		tell "4060$family" "get 10000"
		tap_ok "IPv$family: a connection speaks MPTCP" \
			seen laptop "proto == TCP and sport == 4060$family and not flags & SYN and b'\\x1e' in options"
	done
	[ -n "$MPTCP" ] || return 0
	fence
	for family in $FAMILIES; do
		tap_is "IPv$family: no probe was sent in it" "$(packets r1 "$PROBE and sport == 4060$family")" ""
	done
	tap_ok "such flows are counted" stat_reaches flows_untraceable 2
}

# Ends that come in the midst of a trace: WHO is client or server, HOW is fin or rst. As in `law 5`, a trace
# takes its time.
ENDS="client:fin client:rst server:fin server:rst"

ends() {
	local end family sport flow client again
	ENDED=()
	again=$(stat_of replies_again)
	close_flows
	sport=40700
	for end in $ENDS; do
		for family in $FAMILIES; do
			sport=$((sport + 1))
			client=tv
			[ "$family" = 4 ] || client=laptop
			open_flow "$client" "$family" "$sport"
			tell "$sport" "get 1000"
			ENDED+=("$client $family $end $sport")
		done
		for flow in "${ENDED[@]: -2}"; do
			read -r client family end sport <<<"$flow"
			wait_for 30 seen r1 "$PROBE and sport == $sport"
			case $end in
			client:fin)
				# An answer that comes twice while its trace goes on counts once.
				time_exceeded "$family" "$PROBE and sport == $sport"
				wait_for 30 stat_reaches replies_again $((again += 1))
				# Its own way may go on: the server still has something to say.
				tell "$sport" "say drip 80"
				tell "$sport" "half"
				;;
			client:rst) tell "$sport" "reset" ;;
			server:*) tell "$sport" "say ${end#*:}" ;;
			esac
		done
	done
}

ends_check() {
	local flow client family end sport run bits last
	for flow in "${ENDED[@]}"; do
		read -r client family end sport <<<"$flow"
		tap_ok "IPv$family, $end: a trace ends with its flow" \
			wait_for 30 record_exists ev=path sport="$sport" stop=ended
	done
	for flow in "${ENDED[@]:0:2}"; do
		read -r client family end sport <<<"$flow"
		run=$(field "$(records ev=path sport="$sport")" run)
		tap_ok "IPv$family: an answer that came twice counts once" \
			record_exists ev=hop run="$run" ttl=1 sent=1 answered=1
	done
	fence
	for flow in "${ENDED[@]}"; do
		read -r client family end sport <<<"$flow"
		bits=FIN
		[ "${end#*:}" = fin ] || bits=RST
		# What leaves the gateway was released before: no probe may follow it.
		last=$(packets "$client" "proto == TCP and sport == $SERVER_PORT and dport == $sport and flags & $bits" | sed -n 1p)
		[ "${end%:*}" = server ] ||
			last=$(packets r1 "proto == TCP and sport == $sport and ttl > 40 and flags & $bits" | sed -n 1p)
		tap_is "IPv$family, $end: no probe follows" \
			"$(packets r1 "$PROBE and sport == $sport and time > $(field "$last" time)")" ""
	done
}

main() {
	local family
	net_begin laws "${1:-build}"
	home_up nat6
	capture r1 gw "$NET_WORK/r1.pcap" -s 256
	capture tv eth0 "$NET_WORK/tv.pcap" -s 256
	capture laptop eth0 "$NET_WORK/laptop.pcap" -s 256
	: >"$NET_WORK/serve.log"
	spawn s1 "$NET_WORK/serve.log" "$NET_ROOT/tests/netns/tools/peer.py" serve "$SERVER_PORT"
	wait_for 30 grep -q ready "$NET_WORK/serve.log"
	inpath_conf "$QUICK" 'paths = "all"' 'hops = true'
	start_inpathd "$NET_WORK/inpath.conf"
	icmp_errors
	secrets_begin
	handshakes_begin
	mptcp_begin
	for family in $FAMILIES; do
		law_5_by_hand "$family"
	done
	secrets_end
	handshakes_end
	mptcp_end
	icmp_errors_later
	uploads
	reload "$SLOW" 'paths = "all"' 'hops = true'
	law_5_in_mid_trace
	ends
	ends_check
	stop_inpathd
	tap_done
}

main "$@"
