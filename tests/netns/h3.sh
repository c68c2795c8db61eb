#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# h3 [BUILD]: a real browser watches a video of a real HTTP/3 server, by IPv4 behind NAT and by routed
# IPv6 at once; first without inpathd, then with it. Captures at both ends, the browser's own network
# log and the page say that nothing is lost, added or said by ICMP. (What the browser *thought* lost is
# printed and not judged: a slow machine makes it impatient; and caddy leaves the second Initial of every
# other handshake without an acknowledgement, inpathd or not.)
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/lib/h3.sh
. "$(dirname "$0")/lib/h3.sh"
# shellcheck source=tests/netns/lib/ndpi.sh
. "$(dirname "$0")/lib/ndpi.sh"
tools=$NET_ROOT/tests/netns/tools
captures=()

capture_whole() { # HOST
	local file=$NET_WORK/$phase-$1.pcap
	capture "$1" eth0 "$file" -B 65536 udp port 443 or icmp or icmp6
	captures+=("$SPAWNED")
}

# A last datagram that both captures of a family must have: then they have all before it.
captures_end() {
	local pid file
	on tv bash -c "echo end-of-$phase >/dev/udp/$S3_4/443"
	on laptop bash -c "echo end-of-$phase >/dev/udp/$S3_6/443"
	for file in "$NET_WORK/$phase"-{tv,laptop,s3}.pcap; do
		wait_for 20 ended "$file"
	done
	for pid in "${captures[@]}"; do
		finish "$pid" || true
	done
	captures=()
}

ended() {
	local marks=1
	[[ $1 != *-s3.pcap ]] || marks=2
	[ "$(grep -ac "end-of-$phase" "$1")" -ge "$marks" ]
}

captured_all() {
	local file
	for file in "$NET_WORK/$phase"-*.pcap.log; do
		grep -q '^0 packets dropped by kernel' "$file" || return 1
	done
}

# facts LINE KEY...: KEY=VALUE for each.
facts() {
	local line=$1 key out=
	shift
	for key in "$@"; do
		out+="${out:+ }$key=$(field "$line" "$key")"
	done
	echo "$out"
}

check() { # ID FAMILY CLIENT SERVER
	local id=$1 what="$phase, IPv$2" log session browser report frames
	report=$(h3_wait 90 "$id") || true
	tap_is "$what: the video is played to its end, by HTTP/3 alone, its bytes as they were" \
		"${report%&frames=*}" \
		"id=$id&played=$H3_SECONDS&protocols=h3&sha256=$(h3_digest)"
	frames=${report##*&frames=}
	tap_ok "$what: it is seen (frames: $frames)" test "$frames" -ge $((H3_SECONDS * 10))
	h3_close "$id"
	log=$(python3 "$tools/netlog.py" "$NET_WORK/s3/$id.netlog")
	browser=$(tail -n 1 <<<"$log")
	session=$(head -n 1 <<<"$log")
	echo "# $what: $session"
	tap_is "$what: one QUIC session and no other connection, no error of a socket or a request" \
		"$(facts "$browser" sessions http2 tcp errors failed hosts)" \
		"sessions=1 http2=0 tcp=- errors=- failed=- hosts=v$2.$H3_NAME"
	tap_is "$what: it stays with its server until the browser closes it" \
		"$(facts "$session" version peer closed by odd duplicate)" \
		"version=RFCv1 peer=$4 closed=QUIC_CONNECTION_CANCELLED by=us odd=0 duplicate=0"
}

# Each of the browser's flows, as the routers saw it.
check_records() { # FAMILY CLIENT_ADDR SERVER_ADDR
	local what="$phase, IPv$1" line sport count=0
	while IFS= read -r line; do
		count=$((count + 1))
		sport=$(field "$line" sport)
		tap_is "$what: the flow from port $sport is named by its greeting, and its path is true" \
			"$(facts "$line" host by stop nhop) $(record_addresses "$line" | paste -sd' ')" \
			"host=v$1.$H3_NAME by=sni stop=inferred nhop=6 $(true_path "$1" "$2" "$3" "$sport" 443 udp | paste -sd' ')"
	done < <(records ev=path proto=quic cl="$2" why=start)
	tap_is "$what: every flow has a record" "$count" 1
}

check_captures() { # FAMILY CLIENT ADDRESS SERVER
	local what="$phase, IPv$1" seen hellos
	seen=$(python3 "$tools/datagrams.py" compare "$NET_WORK/$phase-$2.pcap" "$3" "$NET_WORK/$phase-s3.pcap" "$4" 443)
	echo "# $what: $seen"
	tap_is "$what: each datagram arrives, none comes to the client; no ICMP error" \
		"$(facts "$seen" up_lost down_lost down_foreign icmp)" "up_lost=0 down_lost=0 down_foreign=0 icmp=0"
	# Two TTLs may reach the server, each is tried twice, and what comes is too short to be read. A flow
	# of this length is traced once.
	tap_ok "$what: few others come to the server, of 21 bytes at most" \
		test "$(field "$seen" up_foreign)" -le "$([ "$phase" = with ] && echo 4 || echo 0)" -a \
		"$(field "$seen" up_longest)" -le 21
	# What a flow's name is read from. A post-quantum key share alone fills a datagram.
	hellos=$(python3 "$tools/datagrams.py" initials "$NET_WORK/$phase-$2.pcap" "$3" 443 | wc -l)
	tap_ok "$what: the browser's ClientHello takes several Initials ($hellos)" test "$hellos" -gt 1
}

# A second reader of the names. Some of its versions give up on a ClientHello of several packets.
check_ndpi() { # FAMILY CLIENT ADDRESS
	local what="$phase, IPv$1: nDPI reads the same name" line name
	line=$(records ev=path proto=quic cl="$3" why=start | head -n 1)
	if ! ndpi_can; then
		tap_skip "$what" "ndpiReader is not installed"
		return
	fi
	name=$(ndpi_name "$NET_WORK/$phase-$2.pcap" "$(field "$line" sport)")
	if [ "$name" = - ]; then
		tap_skip "$what" "this ndpiReader reads none out of a ClientHello of several packets"
	else
		tap_is "$what" "$name" "$(field "$line" host)"
	fi
}

watch() {
	phase=$1
	capture_whole tv
	capture_whole laptop
	capture_whole s3
	h3_watch "$phase-4" tv 4
	h3_watch "$phase-6" laptop 6
	check "$phase-4" 4 "$TV4" "$S3_4:443"
	check "$phase-6" 6 "$LAPTOP6" "[$S3_6]:443"
	if [ "$phase" = with ]; then
		check_records 4 "$TV4" "$S3_4"
		check_records 6 "$LAPTOP6" "$S3_6"
	fi
	captures_end
	tap_ok "$phase: the captures are whole" captured_all
	check_captures 4 tv "$TV4" "$S3_4"
	check_captures 6 laptop "$LAPTOP6" "$S3_6"
	if [ "$phase" = with ]; then
		check_ndpi 4 tv "$TV4"
		check_ndpi 6 laptop "$LAPTOP6"
	fi
}

if ! why=$(h3_can); then
	tap_skip "a browser's HTTP/3" "$why"
	tap_done
fi
net_begin h3 "${1:-build}"
HOME_LARGE_MB=1
home_up routed6
h3_up
watch without
# A browser keeps a small machine busy: a router's answer may take its time.
inpath_conf 'probe = { timeout_ms = 3000; };' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf"
watch with
stop_inpathd
tap_done
