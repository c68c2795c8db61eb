#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# restart [BUILD]: inpathd killed, stopped and started again, rules taken away and put back, all in the
# middle of transfers: these end as if nothing had been, and flows met in mid-stream are traced.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

NEXT_PORT=20000
declare -A PLAYER=() # "KIND FAMILY" -> PID
declare -A SPORT=()

# A download (paced by the server) and an upload (by the client) of either family, some seconds long.
begin_transfers() {
	local family
	for family in 4 6; do
		SPORT["down $family"]=$((NEXT_PORT++))
		home_curl tv "$family" --local-port "${SPORT["down $family"]}" \
			"https://$S1_NAME/paced/medium.bin" -o "$NET_WORK/down$family" 2>>"$NET_WORK/clients.err" &
		PLAYER["down $family"]=$!
		SPORT["up $family"]=$((NEXT_PORT++))
		home_curl laptop "$family" --local-port "${SPORT["up $family"]}" --limit-rate 600k \
			-T "$NET_WORK/s1/www/medium.bin" "https://$S1_NAME/upload/up$family" 2>>"$NET_WORK/clients.err" &
		PLAYER["up $family"]=$!
	done
	for family in 4 6; do
		wait_for 30 on_its_way "${SPORT["down $family"]}" && wait_for 20 on_its_way "${SPORT["up $family"]}"
	done
}

# What is shown is shown in the middle of transfers: where they ended before the step did, they are made
# longer, and the step is done again.
during_transfers() { # STEP...
	local try
	for try in 1 2 3 4 5; do
		begin_transfers || true
		"$@"
		if [ "$try" = 5 ] || still_under_way; then
			return 0
		fi
		transfers_end_whole || return 0
		head -c "$((SIZE *= 3))" /dev/urandom >"$NET_WORK/s1/www/medium.bin"
	done
}

# Is the connection there, established?
on_its_way() {
	[ -n "$(on gw conntrack -L -p tcp -f "ipv$([ $((($1 - 20000) / 2 % 2)) = 0 ] && echo 4 || echo 6)" \
		--orig-port-src "$1" --state ESTABLISHED 2>/dev/null)" ]
}

still_under_way() {
	local one
	for one in "${!PLAYER[@]}"; do
		kill -0 "${PLAYER["$one"]}" 2>/dev/null || { echo "# $one ended too early to show anything"; return 1; }
	done
}

transfers_end_whole() {
	local one family bad=0
	for one in "${!PLAYER[@]}"; do
		wait "${PLAYER["$one"]}" || bad=1
	done
	for family in 4 6; do
		cmp "$NET_WORK/s1/www/medium.bin" "$NET_WORK/down$family" || bad=1
		cmp "$NET_WORK/s1/www/medium.bin" "$NET_WORK/s1/www/upload/up$family" || bad=1
		rm -f "$NET_WORK/down$family" "$NET_WORK/s1/www/upload/up$family"
	done
	[ "$bad" -eq 0 ] || { cat "$NET_WORK/clients.err" >&2; return 1; }
}

# The log since inpathd was started last.
since_start() {
	awk '/ev=start/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$INPATH_LOG"
}

was_met() {
	since_start | grep "ev=path .* sport=$1 " >/dev/null
}

queue_is_bound() {
	on gw grep -q "^ *537 " /proc/net/netfilter/nfnetlink_queue
}

queue_is_free() {
	! queue_is_bound
}

inpathd_is_up() {
	! net_gone "$INPATHD_PID"
}

kill_inpathd() {
	kill -KILL "$INPATHD_PID"
	wait_for 30 net_gone "$INPATHD_PID"
	wait "$INPATHD_PID" 2>/dev/null || true
}

net_begin restart "${1:-}"
home_up nat6
# Seconds long.
SIZE=3000000
head -c "$SIZE" /dev/urandom >"$NET_WORK/s1/www/medium.bin"
inpath_conf 'probe = { interval = 1; }; budget = { gateway = 1000; client = 500; first_hops = 100; };'
start_inpathd "$NET_WORK/inpath.conf"

die_in_the_middle() {
	inpathd_is_up || start_inpathd "$NET_WORK/inpath.conf"
	kill_inpathd
}

during_transfers die_in_the_middle
tap_ok "killed: the transfers are still under way" still_under_way
tap_ok "killed: every transfer ends whole without it" transfers_end_whole

kill_and_start() {
	inpathd_is_up || start_inpathd "$NET_WORK/inpath.conf"
	kill_inpathd
	start_inpathd "$NET_WORK/inpath.conf"
}

start_inpathd "$NET_WORK/inpath.conf"
during_transfers kill_and_start
tap_ok "killed and started again: the transfers are still under way" still_under_way
for one in "down 4" "up 4" "down 6" "up 6"; do
	wait_for 30 was_met "${SPORT["$one"]}" || true
done
tap_ok "killed and started again: every transfer ends whole" transfers_end_whole
for one in "down 4" "up 4" "down 6" "up 6"; do
	line=$(since_start | grep "ev=path .* sport=${SPORT["$one"]} " | head -n 1 || true)
	family=${one#* }
	client=$([ "${one% *}" = down ] && echo tv || echo laptop)
	server=S1_$family
	truth=$(true_path "$family" "$(home_client "$client" "$family")" "${!server}" "${SPORT["$one"]}" 443)
	# A flow that only listens is touched by an empty probe: its answer names no TTL, so the server may
	# stand last behind a silent TTL of its own.
	tap_is "met in mid-stream, $one: traced, named without a greeting, and the routers are true" \
		"$(field "$line" by) $(record_addresses "$line" | head -n 5 | paste -sd' ')" \
		"addr $(head -n 5 <<<"$truth" | paste -sd' ')"
done

stop_in_the_middle() {
	inpathd_is_up || start_inpathd "$NET_WORK/inpath.conf"
	status=0
	finish "$INPATHD_PID" || status=$?
}

during_transfers stop_in_the_middle
tap_is "stopped: it ends well" "$status" 0
tap_ok "stopped: no queue is held" queue_is_free
tap_ok "stopped: the transfers are still under way" still_under_way
tap_ok "stopped: every transfer ends whole without it" transfers_end_whole

start_inpathd "$NET_WORK/inpath.conf"
during_transfers inpath_rules down
tap_ok "rules down: the transfers are still under way" still_under_way
inpath_rules up
tap_ok "rules up again: every transfer ends whole" transfers_end_whole

# At full speed: connections that go on until all is done, whatever moment it is when it is done.
established() {
	[ "$(($(on gw conntrack -L -f ipv4 -p tcp --dport 9000 --state ESTABLISHED 2>/dev/null | wc -l) +
		$(on gw conntrack -L -f ipv6 -p tcp --dport 9000 --state ESTABLISHED 2>/dev/null | wc -l)))" -ge "$1" ]
}

nothing_is_left() {
	queue_is_free && ! on gw grep -q "^ *537 " /proc/net/netfilter/nfnetlink_log &&
		! { on gw iptables-save && on gw ip6tables-save; } | grep INPATH >/dev/null
}

# They take what they get of the processors, but not from what is tested.
flows=$NET_ROOT/tests/netns/tools/flows.py
: >"$NET_WORK/sink"
spawn s1 "$NET_WORK/sink" nice python3 "$flows" sink "$NET_WORK/enough" 9000
wait_for 30 grep -q ready "$NET_WORK/sink"
spawn tv "$NET_WORK/bulk" nice python3 "$flows" run "$NET_WORK/enough" "$NET_WORK/ca.pem" "$S1_NAME" \
	"$NET_WORK/s1/www" "bulk-up,$S1_4,9000,22000" "bulk-up,$S1_6,9000,22001" \
	"bulk-down,$S1_4,9000,22002" "bulk-down,$S1_6,9000,22003"
bulk=$SPAWNED
tap_ok "at full speed: uploads and downloads, IPv4 and IPv6" wait_for 30 established 4
kill_inpathd
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
stop_inpathd
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
for sport in 22000 22001 22002 22003; do
	tap_ok "killed, stopped and started at full speed: $sport is traced at last" wait_for 30 was_met "$sport"
done
tap_ok "killed, stopped and started at full speed: all are still there" established 4
: >"$NET_WORK/enough"
wait_for 60 net_gone "$bulk" || true
status=0
finish "$bulk" || status=$?
tap_is "killed, stopped and started at full speed: every byte arrives" "$(grep ': ' "$NET_WORK/bulk") $status" " 0"
tap_ok "inpathd ends well" stop_inpathd
tap_ok "and nothing of it is left" nothing_is_left
tap_done
