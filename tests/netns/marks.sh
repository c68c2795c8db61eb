#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# marks [BUILD]: everything is traced, rests and is woken again beside others that mark connections: a choice of the
# uplink as mwan3 makes it (0x3f00), classes of service (0xff) and somebody in the bits next to ours. No bit of
# theirs is changed on any connection, as conntrack's events tell; and when the rules are taken down and the
# daemon ended or killed, in either order, connections are as they are where inpath has never been.
#
# LONG=1: ten minutes of it, else half of one.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/uplinks.sh"

OURS=0x0c000000 NEXT=0x12000000
# A class changes once, when a connection has carried much.
CLASSES="12-78/ff"
TIME=$([ -n "${LONG:-}" ] && echo 600 || echo 30)
KINDS=(down up poll)
if [ -n "${INPATH_VM:-}" ]; then # what an emulated machine carries
	KINDS=(down)
	export SLOWER=10
fi
PIDS=() TALKERS=() PINGS=() SERVERS=()

classes_of_service() {
	local tables
	for tables in iptables ip6tables; do
		on gw "$tables" -t mangle -A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
		on gw "$tables" -t mangle -A POSTROUTING -p tcp -m connmark --mark 0/0xff -j CONNMARK --set-xmark 0x12/0xff
		on gw "$tables" -t mangle -A POSTROUTING -p udp -m connmark --mark 0/0xff -j CONNMARK --set-xmark 0x34/0xff
		on gw "$tables" -t mangle -A POSTROUTING -m connmark --mark 0/0xff -j CONNMARK --set-xmark 0x56/0xff
		on gw "$tables" -t mangle -A POSTROUTING -p tcp -m connmark --mark 0x12/0xff -m connbytes --connbytes 400000: \
			--connbytes-mode bytes --connbytes-dir both -j CONNMARK --set-xmark 0x78/0xff
		# The bits on either side of ours: all set, one, the other.
		on gw "$tables" -t mangle -A POSTROUTING -p udp -j CONNMARK --set-xmark "$NEXT/$NEXT"
		on gw "$tables" -t mangle -A POSTROUTING -p tcp --sport 20000:20009 -j CONNMARK --set-xmark "0x02000000/$NEXT"
		on gw "$tables" -t mangle -A POSTROUTING -p tcp --sport 20010:20019 -j CONNMARK --set-xmark "0x10000000/$NEXT"
	done
}

# Packets behind all others' rules: what forwarded packets must not have, counted.
watch_packets() {
	on gw nft -f - <<-END
		table inet watch {
			counter wears_ours { }
			counter lost_mark { }
			counter wrong_door { }
			chain postrouting {
				type filter hook postrouting priority 150; policy accept
				iifname { lan, wan1, wan2 } meta mark & $OURS != 0 counter name wears_ours
				iifname { lan, wan1, wan2 } ct mark & 0x3f00 == 0x100 meta mark & 0x3f00 != 0x100 counter name lost_mark
				iifname { lan, wan1, wan2 } ct mark & 0x3f00 == 0x200 meta mark & 0x3f00 != 0x200 counter name lost_mark
				ct mark & 0x3f00 == 0x100 oifname wan2 counter name wrong_door
				ct mark & 0x3f00 == 0x200 oifname wan1 counter name wrong_door
			}
		}
	END
}

watched() { # COUNTER
	on gw nft list counter inet watch "$1" | awk '/packets/ { print $2 }'
}

serve() { # LOG TOOL ARGUMENT...
	: >"$1"
	spawn s1 "$1" python3 "$NET_ROOT/tests/netns/tools/$2" "${@:3}"
	SERVERS+=("$SPAWNED")
	wait_for 60 grep -q ready "$1"
}

# Connections of many kinds, until the file exists.
begin() { # ENOUGH PORT
	local family server enough=$1 flows=() own=() sport=20000 port=5000 kind
	local tools=$NET_ROOT/tests/netns/tools
	PIDS=() TALKERS=() PINGS=() SERVERS=() TRACED=(21004 21006)
	# While nothing else is under way: on a slow machine each takes its time to begin.
	for family in 4 6; do
		server=UP_S$family
		serve "$enough.server-quic$family" stream.py serve "${!server}" 4433
		for kind in echo rtp; do
			port=$((port + 1))
			serve "$enough.server-$kind$family" udp.py serve "$kind" "${!server}" "$port"
		done
	done
	port=5000
	for family in 4 6; do
		server=UP_S$family
		for kind in "${KINDS[@]}"; do
			TRACED+=("$sport")
			flows+=("$kind,${!server},443,$((sport++))" "$kind,${!server},80,$((sport++ + 10))")
		done
		flows+=("poll,${!server},443,$((sport + 1000))")
		own+=("poll,${!server},443,$((sport + 2000))")
		on tv python3 "$tools/stream.py" watch "${!server}" 4433 $((21000 + family)) "$enough" >"$enough.quic$family" &
		PIDS+=($!)
		for kind in echo rtp; do
			port=$((port + 1))
			spawn tv "$enough.$kind$family" python3 "$tools/udp.py" talk "$kind" "${!server}" "$port" "$((port + 17000))"
			TALKERS+=("$SPAWNED")
		done
		spawn tv "$enough.ping$family" ping -q -i 0.2 -e $((1000 + family)) "${!server}"
		PINGS+=("$SPAWNED")
	done
	for kind in "tv ${flows[*]}" "gw ${own[*]}"; do
		# shellcheck disable=SC2086 # a list
		on ${kind%% *} python3 "$tools/flows.py" run "$enough" "$NET_WORK/ca.pem" www.movies.example "$NET_WORK/s1/www" \
			${kind#* } >>"$enough.flows" &
		PIDS+=($!)
	done
	short "$enough" "$2" &
	PIDS+=($!)
}

# Connections that end: 10 from known ports, where no others are, and on from ports that are left to the client.
short() { # ENOUGH PORT
	local i=0 known
	until [ -e "$1" ]; do
		i=$((i + 1)) known=()
		[ "$i" -gt 10 ] || known=(--local-port $(($2 + i)))
		on tv curl -sS -$((i % 2 ? 4 : 6)) --max-time 60 "${known[@]}" -H "Connection: close" -o /dev/null \
			"http://$([ $((i % 2)) = 1 ] && echo "$UP_S4" || echo "[$UP_S6]")/hls/stream.m3u8"
		[ "$i" -ge 10 ] && touch "$1.short" && sleep 0.2
	done
}

# Who is killed takes with it what is queued: of datagrams some may be LOST then. And where the rules are taken down,
# or it is killed, nobody holds back what routers answer to its last probes: ERRORS.
end_whole() { # ENOUGH LOST ERRORS
	local pid bad=0
	touch "$1"
	for pid in "${PIDS[@]}"; do
		wait "$pid" || bad=1
	done
	for pid in "${PINGS[@]}"; do
		kill -INT "$pid" # then it says what was lost
		wait_for 30 net_gone "$pid" || true
	done
	for pid in "${TALKERS[@]}" "${PINGS[@]}"; do
		finish "$pid" || bad=1
	done
	for pid in "${SERVERS[@]}"; do
		finish "$pid" || true
	done
	grep -h . "$1".flows "$1".*[46] | grep -v 'talking\|ready' | sed 's/^/# /'
	[ "$bad" -eq 0 ] || return 1
	[ "$(cat "$1".quic? | grep -c " lost=$2\$")" -eq 2 ] && [ "$(cat "$1".ping? | grep -c ' 0% packet loss')" -eq 2 ] &&
		[ "$(cat "$1".*echo? "$1".*rtp? | grep -c " lost=$2 duplicates=0 .*foreign=0 errors=$3\$")" -eq 8 ]
}

# What conntrack holds of the connections that are the same in each run, without our bits.
connections() {
	on gw conntrack -L -f ipv4 >"$NET_WORK/list" 2>/dev/null
	on gw conntrack -L -f ipv6 >>"$NET_WORK/list" 2>/dev/null
	python3 "$NET_ROOT/tests/netns/tools/marks.py" table "$NET_WORK/list" "$OURS" | awk '
		{ port = 0 }
		match($0, /sport=[0-9]+/) { port = substr($0, RSTART + 6, RLENGTH - 6) }
		port < 32768' | sed 's/port=202\(..\)/port=201\1/g'
}

# What another connection brings about has its mark from the beginning, whatever its protocol; and some have zones.
connections_of_others() {
	local bits=$((OURS | NEXT | 0x56)) to="-d 198.51.100.9 -t 600 -u SEEN_REPLY,ASSURED"
	# shellcheck disable=SC2086 # a list
	{
		on gw conntrack -I -p gre -s 192.0.2.250 $to --srckey 7 --dstkey 8 -m "$bits"
		on gw conntrack -I -p icmp -s 192.0.2.250 $to --icmp-type 8 --icmp-code 0 --icmp-id 9 -m "$bits"
		on gw conntrack -I -p udp -s 192.0.2.250 $to --sport 9 --dport 9 -w 7 -m "$bits"
		on gw conntrack -I -p udp -s 2001:db8::250 -d 2001:db8:9::9 -t 600 -u SEEN_REPLY --sport 9 --dport 9 -w 8 -m "$bits"
	} >/dev/null 2>&1
}

connections_of_others_marks() {
	{
		on gw conntrack -L -s 192.0.2.250 2>/dev/null
		on gw conntrack -L -s 2001:db8::250 -f ipv6 2>/dev/null
	} | sed -n 's/.* mark=\([0-9]*\).*/\1/p' | while read -r mark; do printf '0x%x\n' "$mark"; done | paste -sd' '
}

# One more look at all marks, for a time at which events were missed.
look() {
	on gw conntrack -L -o id -f ipv4 2>/dev/null >>"$NET_WORK/looks"
	on gw conntrack -L -o id -f ipv6 2>/dev/null >>"$NET_WORK/looks"
}

others_changed() { # FILE
	python3 "$NET_ROOT/tests/netns/tools/marks.py" events "$1" "$OURS" "$CLASSES"
}

marked() { # BITS
	[ -n "$(on gw conntrack -L -f ipv4 -m "$1/$1" 2>/dev/null)" ] && [ -n "$(on gw conntrack -L -f ipv6 -m "$1/$1" 2>/dev/null)" ]
}

both_marked() {
	marked 0x04000000 && marked 0x08000000
}

none_of_ours() {
	[ "$(connections | tail -n 1)" = "ours=0" ]
}

settled() { # ENOUGH
	local all
	all=$(connections)
	[ -e "$1.short" ] && [ "$(grep -c 'mark=0x[0-9a-f]*78$' <<<"$all")" -eq "$LARGE" ] &&
		[ "$(grep -c '^udp.*ASSURED' <<<"$all")" -eq 6 ] && [ "$(grep -c '^tcp.*TIME_WAIT' <<<"$all")" -eq 10 ]
}

kill_inpathd() {
	kill -KILL "$INPATHD_PID"
	wait_for 30 net_gone "$INPATHD_PID"
	wait "$INPATHD_PID" 2>/dev/null || true
}

all_traced_on() { # COUNT
	local sport
	for sport in "${TRACED[@]}"; do
		[ "$(records ev=path "sport=$sport" | wc -l)" -ge "$1" ] || return 1
	done
}

net_begin marks "${1:-}"
HOME_LARGE_MB=1
uplinks_up nat
uplinks_tables
uplinks_by_marks -p tcp
classes_of_service
watch_packets
net_sysctl gw net/netfilter/nf_conntrack_acct=1 \
	net/netfilter/nf_conntrack_tcp_timeout_{close,time_wait,last_ack,fin_wait,close_wait}=1200
net_sysctl tv net/ipv4/tcp_tw_reuse=1 # the ports of the first run are those of the second

# Where inpath is not.
LARGE=$((4 * ${#KINDS[@]} + 4)) # connections that carry much: those of flows.py
begin "$NET_WORK/without" 20100
tap_ok "without inpath: each connection has what it gets" wait_for 180 settled "$NET_WORK/without"
without=$(connections)
tap_ok "without inpath: all that is sent arrives" end_whole "$NET_WORK/without" 0 0
on gw conntrack -F 2>/dev/null

: >"$NET_WORK/events"
spawn gw "$NET_WORK/events" conntrack -E -b 16777216 -o id
listener=$SPAWNED
begin "$NET_WORK/with" 20200
inpath_conf 'probe = { interval = 2; }; budget = { gateway = 1000; client = 500; first_hops = 200; };
	policies = ( { name = "not"; action = "ignore"; ports = [ 80 ]; },
		{ name = "seldom"; servers = [ "2001:db8:51::/64" ]; protocols = [ "tcp", "quic", "udp" ]; interval = 6; },
		{ name = "all"; protocols = [ "tcp", "quic", "udp" ]; } );' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
began=$SECONDS
tap_ok "both bits are in use" wait_for 180 both_marked
tap_ok "each connection is traced, and again" wait_for $((180 + TIME)) all_traced_on $((TIME / 10))
until [ $((SECONDS - began)) -ge "$TIME" ]; do
	look
	sleep 1
done
tap_ok "still: each connection has what it gets" wait_for 180 settled "$NET_WORK/with"
tap_is "no forwarded packet goes on with a bit of ours" "$(watched wears_ours)" 0
tap_is "each has its connection's uplink in its mark" "$(watched lost_mark)" 0
tap_is "no ICMP error comes to a client" "$(cat "$NET_WORK"/with.echo? "$NET_WORK"/with.rtp? | grep '^error')" ""

gone() { # WHAT
	look
	tap_ok "$1: no connection has a bit of ours" none_of_ours
	tap_is "$1: connections are as where inpath has never been" "$(connections)" "$without"
}
again() {
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	tap_ok "started again: both bits are in use" wait_for 180 both_marked
}
finish "$INPATHD_PID"
inpath_rules down
gone "TERM, then down"
again
inpath_rules down
gone "down"
finish "$INPATHD_PID"
gone "down, then TERM"
again
kill_inpathd
tap_ok "killed: bits stay while the rules are up" both_marked
inpath_rules down
gone "killed, then down"
again
inpath_rules down
kill_inpathd
gone "down, then killed"
tap_is "no packet has left by the other uplink" "$(watched wrong_door)" 0
connections_of_others
tap_ok "of connections of any protocol, in any zone" inpath_rules down
tap_is "down: no bit of ours is left, and all of theirs" "$(connections_of_others_marks)" "0x12000056 0x12000056 0x12000056 0x12000056"

tap_ok "all that is sent arrives" end_whole "$NET_WORK/with" '[0-9]*' '[0-9]*'
finish "$listener" || true
echo "# times at which events were missed: $(grep -c ENOBUFS "$NET_WORK/events" || true)"
told=$(others_changed "$NET_WORK/events")
echo "# $(tail -n 1 <<<"$told")"
tap_ok "marks changed while they were watched" test "$(field "$(tail -n 1 <<<"$told")" ours)" -ge 50
tap_is "no bit of anybody else's was changed, on any connection" "$(head -n -1 <<<"$told")" ""
told=$(others_changed "$NET_WORK/looks")
echo "# $(tail -n 1 <<<"$told")"
tap_is "whenever one looks, it is as it was" "$(head -n -1 <<<"$told")" ""
tap_done
