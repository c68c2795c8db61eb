#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# truth: the way that a flow's own packets took through the routers. Sourced by lib.sh.
#
# Each router notes, in nftables sets of its kernel, which flow came in by which interface; only packets
# with a TTL above TRUTH_MIN_TTL, which no probe and no traceroute has, so that what is compared with
# the truth has no part in it. conntrack in gw says what a flow is called beyond NAT. (`ip route get`
# would do for IPv4; for IPv6 it hashes otherwise than forwarding does, where the policy is 3.)
#
# true_path FAMILY CLIENT_ADDR SERVER_ADDR CLIENT_PORT SERVER_PORT [PROTO]
#		one line a TTL from 1 on: the address that a router answers from, at last the server's. 1 if
#		the flow took no way, or more than one. Ask while gw's conntrack knows the flow: while it
#		lives, and for two minutes after TCP's end.
# nat_source FAMILY CLIENT_ADDR SERVER_ADDR CLIENT_PORT SERVER_PORT [PROTO]
#		`ADDRESS PORT` of the flow's client as seen beyond the gateway
# truth_watch HOST		lets a router note; `router` does it
# truth_forget			empties the notes: for a second flow with the ports of a first one
# capture HOST IF FILE FILTER...	records packets; returns when it has begun. Its PID is in $SPAWNED

TRUTH_MIN_TTL=40
TRUTH_HOSTS=()
TRUTH_WANS=wan

truth_watch() {
	local set
	TRUTH_HOSTS+=("$1")
	{
		echo "table inet truth {"
		for set in tcp4 tcp6 udp4 udp6; do
			echo "set $set {"
			echo "type ipv${set#???}_addr . inet_service . ipv${set#???}_addr . inet_service . ifname"
			echo "flags dynamic; size 65536"
			echo "}"
		done
		echo "chain forward {"
		echo "type filter hook forward priority 0; policy accept"
		for set in tcp udp; do
			echo "ip ttl > $TRUTH_MIN_TTL add @${set}4" \
				"{ ip saddr . $set sport . ip daddr . $set dport . iifname }"
			echo "ip6 hoplimit > $TRUTH_MIN_TTL add @${set}6" \
				"{ ip6 saddr . $set sport . ip6 daddr . $set dport . iifname }"
		done
		echo "}"
		echo "}"
	} | ip netns exec "$NET_PREFIX-$1" nft -f -
}

truth_forget() {
	local name set
	for name in "${TRUTH_HOSTS[@]}"; do
		for set in tcp4 tcp6 udp4 udp6; do
			echo "flush set inet truth $set"
		done | ip netns exec "$NET_PREFIX-$name" nft -f -
	done
}

nat_source() {
	local family=ipv4 entry
	[ "$1" = 4 ] || family=ipv6
	entry=$(on gw conntrack -L -f "$family" -p "${6:-tcp}" --orig-src "$2" --orig-dst "$3" \
		--orig-port-src "$4" --orig-port-dst "$5" 2>/dev/null)
	# The second dst= and dport= are those of the answers.
	awk '{
		n = split($0, word, " ")
		for (i = 1; i <= n; i++) {
			if (word[i] ~ /^dst=/ && ++d == 2) addr = substr(word[i], 5)
			if (word[i] ~ /^dport=/ && ++p == 2) port = substr(word[i], 7)
		}
	} END {
		if (addr == "" || port == "") exit 1
		print addr, port
	}' <<<"$entry" || {
		echo "no conntrack entry for $2:$4 -> $3:$5" >&2
		return 1
	}
}

# `:HOST IF:HOST IF:...`: where the routers saw a flow come in.
truth_seen() {
	local set=$1 key=$2 name seen=:
	for name in "${TRUTH_HOSTS[@]}"; do
		seen+=$(ip netns exec "$NET_PREFIX-$name" nft -n list set inet truth "$set" | tr ',{}' '\n' |
			awk -v key="$key" -v name="$name" '{ gsub(/^[ \t]+|[ \t"]+$/, "") }
				index($0, key) == 1 { printf "%s %s:", name, substr($0, length(key) + 1) }')
	done
	echo "$seen"
}

true_path() {
	local family=$1 dst=$3 src seen node in hop peer next wan
	src=$(nat_source "$@") || return 1
	seen=$(truth_seen "${6:-tcp}$family" "${src/ / . } . $dst . $5 . \"")
	next=
	for wan in $TRUTH_WANS; do
		peer=${NET_PEER["gw $wan"]}
		[[ $seen != *":$peer:"* ]] || next+=${next:+:}$peer
	done
	for ((hop = 1; hop <= 64; hop++)); do
		if [[ $next == *:* || $seen != *":$next:"* ]]; then
			echo "$src -> $dst: behind $((hop - 1)) routers it took no way or several: '$next'" >&2
			return 1
		fi
		node=${next% *} in=${next#* } next=
		if [ "$family" = 4 ]; then
			echo "${NET_ADDR4["$node $in"]}"
		else
			echo "${NET_ADDR6["$node"]}"
		fi
		for peer in "${!NET_PEER[@]}"; do
			[ "${peer% *}" = "$node" ] || continue
			peer=${NET_PEER["$peer"]}
			if [ "${NET_OWNER["$dst"]:-}" = "${peer% *}" ]; then
				echo "$dst"
				return 0
			fi
			[[ $seen != *":$peer:"* ]] || next+=${next:+:}$peer
		done
	done
	echo "$src -> $dst: a loop" >&2
	return 1
}

capture() {
	local name=$1 interface=$2 file=$3
	shift 3
	: >"$file.log"
	spawn "$name" "$file.log" tcpdump -i "$interface" --immediate-mode -U -n -w "$file" "$@"
	wait_for 30 grep -q 'listening on' "$file.log"
}
