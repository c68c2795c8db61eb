#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib_selftest [BUILD]: the ground that other tests stand on: the home network works, and true_path
# says where packets really went, for 16 flows of each family.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

FLOWS=16
FIRST_PORT=20000 # below the range that clients choose from; each family has ports of its own
BRANCHES="r2a r2b r4a r4b"
declare -A BEFORE=([r2a]=r1 [r2b]=r1 [r4a]=r3 [r4b]=r3) # the router before each

fetch_is_whole() {
	local client=$1 family=$2 name=$3 service=$4
	home_curl "$client" "$family" "https://$name/large.bin" -o "$NET_WORK/got" &&
		cmp "$NET_WORK/got" "$NET_WORK/$service/www/large.bin"
}

upload_is_whole() {
	local client=$1 family=$2 name=$3 service=$4
	home_curl "$client" "$family" -T "$NET_WORK/s1/www/large.bin" "https://$name/upload/$client$family" &&
		cmp "$NET_WORK/$service/www/upload/$client$family" "$NET_WORK/s1/www/large.bin"
}

# The client's address and port as the service's side of the network sees them.
ports_seen() {
	tcpdump -n -r "$1" 2>/dev/null | sed -n 's/^.* IP6\{0,1\} \([^ ]*\)\.\([0-9]*\) > .*$/\1 \2/p' | sort -u
}

# Did the branch routers see all flows of both families, each at two of them?
all_seen() {
	local branch total=0
	for branch in $BRANCHES; do
		total=$((total + $(ports_seen "$NET_WORK/$branch.pcap" | wc -l)))
	done
	[ "$total" -ge $((FLOWS * 2 * 2)) ]
}

# The routers that carried packets from a source, in the way's order, by the captures.
captured_branches() {
	local branch
	for branch in $BRANCHES; do
		if ports_seen "$NET_WORK/$branch.pcap" | grep -xF "$1" >/dev/null; then
			echo "$branch"
		fi
	done
}

# The same by true_path: TTL 2 and 4.
told_branches() {
	local family=$1 address branch
	for address in $(true_path "$@" | sed -n '2p;4p'); do
		for branch in $BRANCHES; do
			case $family$address in
			"4${NET_ADDR4["$branch ${BEFORE[$branch]}"]}" | "6${NET_ADDR6["$branch"]}") echo "$branch" ;;
			esac
		done
	done
}

each_flow_goes_where_told() {
	local family=$1 client=$2 server=$3 i port told captured all=""
	for ((i = 0; i < FLOWS; i++)); do
		port=$((FIRST_PORT + family * 100 + i))
		told=$(told_branches "$family" "$client" "$server" "$port" 443 | paste -sd' ')
		captured=$(captured_branches "$(nat_source "$family" "$client" "$server" "$port" 443)" | paste -sd' ')
		if [ "$told" != "$captured" ] || [[ $told != *" "* ]]; then
			echo "# port $port: told '$told', captured '$captured'"
			return 1
		fi
		all+=$told$'\n'
	done
	echo "# IPv$family: $(sort <<<"${all%$'\n'}" | uniq -c | sed 's/^ *//' | paste -sd, | sed 's/,/, /g')"
	# Both branches of each pair were taken, or the test has shown less than it says.
	[ "$(tr ' ' '\n' <<<"${all%$'\n'}" | sort -u | wc -l)" -eq 4 ]
}

# The addresses that routers and server answer a TCP traceroute from, without the gateway's. Its own
# packets do not count for true_path, so one with a high TTL comes first.
traced() {
	on tv traceroute "-$1" -n -T -q 1 -w 2 -f 60 -m 60 -p 443 --sport="$3" "$2" >/dev/null
	on tv traceroute "-$1" -n -T -q 1 -N 1 -w 2 -p 443 --sport="$3" "$2" |
		awk 'NR > 2 { print $2 }'
}

each_router_answers_as_told() {
	local family=$1 client=$2 server=$3 i port traced told
	for ((i = 0; i < FLOWS; i++)); do
		port=$((FIRST_PORT + 1000 + family * 100 + i))
		traced=$(traced "$family" "$server" "$port")
		told=$(true_path "$family" "$client" "$server" "$port" 443)
		if [ "$traced" != "$told" ]; then
			echo "# port $port: traced" "${traced//$'\n'/ }," told "${told//$'\n'/ }"
			return 1
		fi
	done
}

# A script of its own: an IPv6 without NAT, and an end by a signal in the middle.
child() {
	net_begin lib_child
	echo "$NET_PREFIX $NET_WORK"
	home_up routed6
	fetch_is_whole laptop 6 "$S2_NAME" s2
	home_curl laptop 6 --local-port "$FIRST_PORT" -o /dev/null "https://$S2_NAME/hls/seg-1.ts"
	nat_source 6 "$LAPTOP6" "$S2_6" "$FIRST_PORT" 443
	true_path 6 "$LAPTOP6" "$S2_6" "$FIRST_PORT" 443 | wc -l
	kill -TERM $$
	echo "still here"
}

nothing_is_left() {
	! ip netns list | grep "^$1-" && ! [ -e "$2" ]
}

if [ "${1:-}" = --child ]; then
	child
fi
net_begin lib_selftest "${1:-}"
home_up nat6

tap_is "the lease has the TV's name" \
	"$(awk -v ip="$TV4" '$3 == ip { print $2, $4 }' "$NET_WORK/gw/misc/dnsmasq.leases")" "$TV_MAC livingroom-tv"
for family in 4 6; do
	tap_ok "the TV fetches a file from s1, IPv$family" fetch_is_whole tv "$family" "$S1_NAME" s1
	tap_ok "the laptop fetches a file from s2, IPv$family" fetch_is_whole laptop "$family" "$S2_NAME" s2
	tap_ok "the laptop uploads a file to s1, IPv$family" upload_is_whole laptop "$family" "$S1_NAME" s1
done

for branch in $BRANCHES; do
	capture "$branch" "${BEFORE[$branch]}" "$NET_WORK/$branch.pcap" tcp dst port 443
done
for family in 4 6; do
	for ((i = 0; i < FLOWS; i++)); do
		home_curl tv "$family" --local-port $((FIRST_PORT + family * 100 + i)) \
			-o /dev/null "https://$S1_NAME/hls/seg-0.ts"
	done
done
tap_ok "the branches' routers saw every flow" wait_for 30 all_seen
tap_ok "each flow goes where true_path says, IPv4" each_flow_goes_where_told 4 "$TV4" "$S1_4"
tap_ok "each flow goes where true_path says, IPv6" each_flow_goes_where_told 6 "$TV6" "$S1_6"
tap_ok "each router answers from the address that true_path says, IPv4" \
	each_router_answers_as_told 4 "$TV4" "$S1_4"
tap_ok "each router answers from the address that true_path says, IPv6" \
	each_router_answers_as_told 6 "$TV6" "$S1_6"

status=0
said=$("$0" --child) || status=$?
tap_is "IPv6 without NAT works as well, and SIGTERM ends a script" "$status ${said#*$'\n'}" \
	"143 2001:db8:1::58 $FIRST_PORT"$'\n'6
# shellcheck disable=SC2046 # two words
tap_ok "an ended script leaves nothing behind" nothing_is_left $(head -n 1 <<<"$said")

line='ev=path v=1 run=1 cl=192.168.1.57 dev="living room" host="a\x3d.example" hops=1/203.0.113.1/0.42,2/*,3/10.1.3.2+10.1.4.2/0.61'
tap_is "a record's fields are read" "$(field "$line" dev)|$(field "$line" cl)|$(field "$line" ev)" \
	"living room|192.168.1.57|path"
tap_is "a record's hops are read" "$(record_addresses "$line" | paste -sd' ')" "203.0.113.1 * 10.1.3.2+10.1.4.2"
tap_done
