#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rest [BUILD]: between two traces a traced flow is the kernel's alone, and comes back for the next one: downloads
# and uploads, IPv4 behind NAT and IPv6, beside marks of somebody else, and over a restart of inpathd.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

REST=0x08000000
OURS=$((0x0c000000))
FOREIGN=0x00002300 # as mwan3 marks connections
declare -A PLAYER=() SPORT=() SEEN=()

conntrack_of() { # "KIND FAMILY"
	on gw conntrack -L -p tcp -f "ipv${1#* }" --orig-port-src "${SPORT["$1"]}" "${@:2}" 2>/dev/null
}

rests() {
	[ -n "$(conntrack_of "$1" -m "$REST/$REST")" ]
}

# Packets that came to the queue since inpathd was started.
queued() {
	# shellcheck disable=SC2016 # awk's own words
	on gw awk '$1 == 537 { print $8 }' /proc/net/netfilter/nfnetlink_queue
}

traces_of() {
	records ev=path sport="${SPORT["$1"]}" | wc -l
}

traced() { # "KIND FAMILY" COUNT
	[ "$(traces_of "$1")" -ge "$2" ]
}

begin() { # FIRST_PORT
	local family port=$1
	for family in 4 6; do
		SPORT["down $family"]=$((++port))
		home_curl tv "$family" --local-port "$port" "https://$S1_NAME/paced/long.bin" -o "$NET_WORK/down$family" &
		PLAYER["down $family"]=$!
		SPORT["up $family"]=$((++port))
		home_curl laptop "$family" --local-port "$port" --limit-rate 500k -T "$NET_WORK/s1/www/long.bin" \
			"https://$S1_NAME/upload/up$family" &
		PLAYER["up $family"]=$!
	done
}

end_whole() {
	local one family bad=0
	for one in "${!PLAYER[@]}"; do
		wait "${PLAYER["$one"]}" || bad=1
	done
	for family in 4 6; do
		cmp "$NET_WORK/s1/www/long.bin" "$NET_WORK/down$family" || bad=1
		cmp "$NET_WORK/s1/www/long.bin" "$NET_WORK/s1/www/upload/up$family" || bad=1
	done
	return "$bad"
}

each_is_true() {
	local one family client line bad=0 server
	for one in "${!SPORT[@]}"; do
		family=${one#* } client=$([ "${one% *}" = down ] && echo tv || echo laptop) server=S1_${one#* }
		while IFS= read -r line; do
			[ "$(record_addresses "$line")" = "$(true_path "$family" "$(home_client "$client" "$family")" \
				"${!server}" "${SPORT["$one"]}" 443)" ] || { echo "# $one: $line"; bad=1; }
		done < <(records ev=path sport="${SPORT["$one"]}")
	done
	return "$bad"
}

net_begin rest "${1:-}"
home_up nat6
head -c 24000000 /dev/urandom >"$NET_WORK/s1/www/long.bin"
# Somebody marks all connections, and restores his own bits alone.
for tables in iptables ip6tables; do
	on gw "$tables" -t mangle -A PREROUTING -j CONNMARK --set-xmark "$FOREIGN/$FOREIGN"
done
# An upload's traces wait 5 seconds for a moment in which the server says something, and what is to be traced within two
# does not rest: so that it rests again and again, and not behind its first trace alone, the interval is more than both.
# On a busy machine a router may take its time.
inpath_conf 'probe = { interval = 12; timeout_ms = 3000; }; budget = { gateway = 1000; client = 500; first_hops = 100; };' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf"
begin 24000
for one in "down 4" "up 4" "down 6" "up 6"; do
	tap_ok "$one: traced, and then at rest" wait_for 120 rests "$one"
	tap_ok "$one: with a record" traced "$one" 1
done
for one in "down 4" "up 4" "down 6" "up 6"; do
	tap_ok "$one: traced again, three times in all" wait_for 90 traced "$one" 3
done
tap_ok "every path is true" each_is_true
wait_for 120 rests "down 4"
before=$(queued) seen=$(date +%s%N)
sleep 1 # a time that is shorter than any rest
tap_ok "a second of them costs the queue few packets ($(($(queued) - before)) in $((($(date +%s%N) - seen) / 1000000)) ms)" \
	test $(($(queued) - before)) -lt 2000

tap_ok "every byte arrives" end_whole

# Nobody but who put them to rest would wake them.
begin 24100
for one in "down 4" "up 4" "down 6" "up 6"; do
	tap_ok "$one: at rest" wait_for 120 rests "$one"
done
kill -KILL "$INPATHD_PID"
wait_for 30 net_gone "$INPATHD_PID"
wait "$INPATHD_PID" 2>/dev/null || true
tap_ok "killed: what rests, rests on" rests "down 6"
for one in "${!SPORT[@]}"; do
	SEEN["${SPORT["$one"]}"]=$(traces_of "$one")
done
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
for one in "down 4" "up 4" "down 6" "up 6"; do
	tap_ok "started again: $one is traced on" wait_for 30 traced "$one" $((SEEN["${SPORT["$one"]}"] + 1))
done
tap_ok "killed and started: every byte arrives" end_whole
marks=
for one in "${!SPORT[@]}"; do
	mark=$(conntrack_of "$one" | sed -n 's/.* mark=\([0-9]*\).*/\1/p')
	marks+="$((mark & ~OURS)) "
done
tap_is "nobody else's mark was changed" "$marks" "$((FOREIGN)) $((FOREIGN)) $((FOREIGN)) $((FOREIGN)) "
# A packet that a verdict puts to rest goes through FORWARD's rules again; here it comes to the queue again, too.
for tables in iptables ip6tables; do
	on gw "$tables" -t security -I FORWARD 1 -j MARK --set-xmark "0x0/$REST" 2>/dev/null ||
		on gw "$tables" -t mangle -I FORWARD 1 -j MARK --set-xmark "0x0/$REST"
done
for family in 4 6; do
	tap_ok "where others take the rest bit off, packets go round once: IPv$family" home_curl tv "$family" --max-time 60 \
		"https://$S1_NAME/hls/seg-0.ts" -o "$NET_WORK/bitless$family"
	tap_ok "IPv$family: every byte arrives" cmp "$NET_WORK/s1/www/hls/seg-0.ts" "$NET_WORK/bitless$family"
done
tap_ok "inpathd ends well" stop_inpathd
tap_done
