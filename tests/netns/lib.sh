#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib: networks of real kernel parts in namespaces, for tests and the demo. Source it:
#
#	. "$(dirname "$0")/lib.sh"
#	net_begin mytest "${1:-build}"		# ends by itself, however the script ends
#	home_up nat6				# clients, gateway, internet, services: lib/home.sh
#	inpath_conf 'policies = ( ... );'	# lib/daemon.sh
#	start_inpathd
#	home_curl tv 4 https://www.movies.example/large.bin -o /dev/null
#	line=$(wait_for_record 30 ev=path cl="$TV4")
#	true_path 4 "$TV4" "$S1_4" "$sport" 443	# lib/truth.sh: the addresses that line must show
#	tap_is "the record is the true path" "$(record_addresses "$line")" "$(true_path ...)"
#	tap_done
#
# Words: a host is a network namespace under a short name; its real name has a prefix of its own
# (from the script's name and PID), so that any number of scripts may run side by side.
#
# Nothing outside the namespaces is touched: no file in /etc, no interface, rule or sysctl of the
# machine itself. What differs from host to host (resolv.conf, /run, /var/lib/misc), and /etc/passwd and /etc/group with inpathd's user, are bind-mounted in
# the private mount namespace that `ip netns exec` makes for each command.
#
# Owns:   namespaces, processes (by PID) and one work folder, $NET_WORK; all gone when the script ends.
#         NET_KEEP=1 keeps the folder, to read its logs.
# Time:   waiting is always for a condition, with a generous bound (wait_for); nothing sleeps to be right.
# Output: TAP on standard output (tap_*); what went wrong, on standard error.
#
# net_begin NAME [BUILD]	makes $NET_WORK, sets the traps; BUILD is where inpathd is
# net_end			undoes everything; called by the traps
# host HOST...			makes hosts
# on HOST COMMAND...		runs a command in a host
# spawn HOST LOG COMMAND...	starts a command in a host; its PID is in $SPAWNED, its output in LOG
# finish PID			ends a started command and waits for its end
# link A IF_A B IF_B [ADDRS_A ADDRS_B]
#				joins two hosts; addresses as ADDR/LEN, by comma, `-` for none. IPv6
#				link-local addresses are always fe80::1 at A and fe80::2 at B
# router HOST [ADDR6]		makes a host forward and answer like a router, without limits on ICMP
#				errors. IPv4 errors come from the interface that the packet came in by;
#				IPv6 errors from ADDR6, its only global address (RFC 6724). With ADDR6 it
#				also notes flows for true_path
# wait_for SECONDS COMMAND...	polls until the command succeeds; 1 if it does not in that time
#
# and what tests/tap.sh has.

NET_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NET_WORK=
NET_BUILD=
NET_PREFIX=
NET_USER=64537 # of no user that a system makes by itself
NET_HOSTS=()
NET_PIDS=()
declare -A NET_PEER=() # "HOST IF" -> "HOST IF" at the link's other end
declare -A NET_ADDR4=() # "HOST IF" -> its IPv4 address
declare -A NET_OWNER=() # address -> HOST
declare -A NET_ADDR6=() # HOST -> the address of its ICMPv6 errors

# --- life ----------------------------------------------------------------------------------------

net_begin() {
	local tool
	if [ "$(id -u)" -ne 0 ]; then
		tap_skip "$1" "network namespaces need root"
		tap_done
	fi
	for tool in ip iptables ip6tables nft conntrack nginx dnsmasq openssl curl busybox tcpdump traceroute; do
		command -v "$tool" >/dev/null || {
			echo "$1: $tool is missing: run \`make deps\`" >&2
			exit 1
		}
	done
	NET_BUILD=$(cd "${2:-$NET_ROOT/build}" 2>/dev/null && pwd) || NET_BUILD=${2:-$NET_ROOT/build}
	NET_PREFIX=inpath-$1-$$
	NET_WORK=$(mktemp -d)
	chmod 755 "$NET_WORK"
	net_users
	mkdir "$NET_WORK/etc" && cp -r "$NET_ROOT/etc/services" "$NET_WORK/etc"
	trap net_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Users and groups as they are here, and inpathd's, which it becomes, beside them.
net_users() {
	cp /etc/passwd /etc/group "$NET_WORK"
	grep -q ^inpath: "$NET_WORK/passwd" || echo "inpath:x:$NET_USER:$NET_USER::/nonexistent:/bin/false" >>"$NET_WORK/passwd"
	grep -q ^inpath: "$NET_WORK/group" || echo "inpath:x:$NET_USER:" >>"$NET_WORK/group"
}

net_end() {
	local status=$? host pid
	trap - EXIT
	trap '' HUP INT TERM
	set +e
	for pid in "${NET_PIDS[@]}"; do
		kill -TERM "$pid" 2>/dev/null
	done
	for pid in "${NET_PIDS[@]}"; do
		wait_for 3 net_gone "$pid" || kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for host in "${NET_HOSTS[@]}"; do
		# Children of what was started: nginx's workers and the like.
		for pid in $(ip netns pids "$NET_PREFIX-$host" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$NET_PREFIX-$host" 2>/dev/null
	done
	if [ -n "${NET_KEEP:-}" ]; then
		echo "# logs are in $NET_WORK" >&2
	elif [ -n "$NET_WORK" ]; then
		rm -rf "$NET_WORK"
	fi
	exit "$status"
}

# Has a process ended? One that only waits to be waited for has.
net_gone() {
	local state
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ]
}

# --- hosts and processes -------------------------------------------------------------------------

host() {
	local name
	for name in "$@"; do
		ip netns add "$NET_PREFIX-$name"
		NET_HOSTS+=("$name")
		mkdir -p "$NET_WORK/$name/run" "$NET_WORK/$name/misc"
		: >"$NET_WORK/$name/resolv.conf"
		ip -n "$NET_PREFIX-$name" link set lo up
		# Addresses are usable at once, and are those that were given.
		net_sysctl "$name" net/ipv6/conf/{all,default}/{accept_dad,accept_ra}=0 \
			net/ipv4/conf/{all,default}/rp_filter=0
	done
}

# Sets KEY=VALUE of a host, where the kernel has it.
net_sysctl() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	ip netns exec "$NET_PREFIX-$name" sh -c 'for pair; do
		[ ! -e "/proc/sys/${pair%%=*}" ] || echo "${pair#*=}" >"/proc/sys/${pair%%=*}"
	done' sh "$@"
}

# shellcheck disable=SC2016 # expanded by the inner shell
NET_ENTER='d=$1; shift
mount --bind "$d/resolv.conf" /etc/resolv.conf && mount --bind "$d/misc" /var/lib/misc &&
mount --bind "$d/run" /run && mount --bind "$d/../passwd" /etc/passwd && mount --bind "$d/../group" /etc/group && exec "$@"'

on() {
	local name=$1
	shift
	ip netns exec "$NET_PREFIX-$name" sh -c "$NET_ENTER" sh "$NET_WORK/$name" "$@"
}

spawn() {
	local name=$1 log=$2
	shift 2
	(exec ip netns exec "$NET_PREFIX-$name" sh -c "$NET_ENTER" sh "$NET_WORK/$name" "$@") \
		</dev/null >>"$log" 2>&1 &
	SPAWNED=$!
	NET_PIDS+=("$SPAWNED")
}

finish() {
	local pid=$1 i status=0
	kill -TERM "$pid" 2>/dev/null || true
	if ! wait_for 30 net_gone "$pid"; then
		echo "process $pid did not end by itself" >&2
		kill -KILL "$pid" 2>/dev/null || true
	fi
	wait "$pid" 2>/dev/null || status=$?
	for i in "${!NET_PIDS[@]}"; do
		[ "${NET_PIDS[i]}" != "$pid" ] || unset "NET_PIDS[i]"
	done
	return "$status"
}

wait_for() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# --- links and routers ---------------------------------------------------------------------------

link() {
	local a=$1 if_a=$2 b=$3 if_b=$4
	ip link add "$if_a" netns "$NET_PREFIX-$a" type veth peer name "$if_b" netns "$NET_PREFIX-$b"
	NET_PEER["$a $if_a"]="$b $if_b"
	NET_PEER["$b $if_b"]="$a $if_a"
	net_interface "$a" "$if_a" "fe80::1/64,${5:--}"
	net_interface "$b" "$if_b" "fe80::2/64,${6:--}"
}

# Gives an interface its addresses by comma (`-`: none), and no others, and sets it up.
net_interface() {
	local ns=$NET_PREFIX-$1 addr
	ip -n "$ns" link set dev "$2" addrgenmode none
	ip -n "$ns" link set dev "$2" up
	for addr in ${3//,/ }; do
		NET_OWNER["${addr%/*}"]=$1
		case $addr in
		-) ;;
		*:*) ip -n "$ns" addr add "$addr" dev "$2" nodad ;;
		*)
			ip -n "$ns" addr add "$addr" dev "$2"
			NET_ADDR4["$1 $2"]=${addr%/*}
			;;
		esac
	done
}

# Multipath policy 1 (ports) would trust the hash that the sending socket gave its packets, which veth
# keeps and which no wire would carry: random, the same at each router, changing on a retransmission.
# Policy 3 hashes the packet itself: addresses, protocol and ports.
router() {
	local seed
	# Routers that hash alike would make every choice of branch the same one.
	seed=$(($(cksum <<<"$1" | cut -d' ' -f1) % 2147483646 + 1))
	net_sysctl "$1" net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1 \
		net/ipv4/icmp_ratelimit=0 net/ipv4/icmp_msgs_per_sec=1000000 \
		net/ipv4/icmp_msgs_burst=1000000 net/ipv6/icmp/ratelimit=0 \
		net/ipv4/icmp_errors_use_inbound_ifaddr=1 \
		net/ipv4/fib_multipath_hash_policy=3 net/ipv6/fib_multipath_hash_policy=3 \
		net/ipv4/fib_multipath_hash_fields=55 net/ipv6/fib_multipath_hash_fields=55 \
		net/ipv4/fib_multipath_hash_seed="$seed"
	[ -n "${2:-}" ] || return 0
	ip -n "$NET_PREFIX-$1" addr add "$2/128" dev lo nodad
	NET_ADDR6["$1"]=$2
	truth_watch "$1"
}

# shellcheck source=tests/tap.sh
. "$NET_ROOT/tests/tap.sh"
# shellcheck source=tests/netns/lib/home.sh
. "$NET_ROOT/tests/netns/lib/home.sh"
# shellcheck source=tests/netns/lib/truth.sh
. "$NET_ROOT/tests/netns/lib/truth.sh"
# shellcheck source=tests/netns/lib/daemon.sh
. "$NET_ROOT/tests/netns/lib/daemon.sh"
