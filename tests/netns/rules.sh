#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rules.sh: what rules/inpath-rules promises. First the loading and removing, in one namespace, with
# both kinds of iptables and two small shells; then what the rules do to packets between a client,
# a gateway with NAT, a router and a server. No inpathd runs: an empty queue is part of the promise.
#
# INPATH_BACKEND=nft leaves out what is about iptables alone.
set -euo pipefail
shopt -s inherit_errexit
root=$(cd "$(dirname "$0")/../.." && pwd)
rules=$root/rules/inpath-rules
work=$(mktemp -d)
tag=ipr$$
gw=$tag-gw client=$tag-cl router=$tag-rt server=$tag-sv box=$tag-bx
started=()
failures=0

cleanup() {
	local pid ns
	for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || :; done
	for ns in "$gw" "$client" "$router" "$server" "$box"; do
		if [ -e "/run/netns/$ns" ]; then
			for pid in $(ip netns pids "$ns"); do kill "$pid" 2>/dev/null || :; done
			ip netns del "$ns"
		fi
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# promise NAME COMMAND...: one TAP line.
promise() {
	local name=$1 status
	shift
	# Not in the condition itself: there, bash would pass over every failure but the last.
	set +e
	(
		set -e
		"$@"
	) >"$work/log" 2>&1
	status=$?
	set -e
	if [ "$status" -eq 0 ]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' "$work/log"
		failures=$((failures + 1))
	fi
}

skip() {
	echo "ok - $1 # SKIP $2"
}

same() {
	diff -u <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

# none COMMAND...: the command finds nothing, or fails.
none() {
	if "$@"; then return 1; fi
}

raw() {
	local ns=$1
	shift
	ip netns exec "$ns" python3 "$root/tests/netns/rules_raw.py" "$@"
}

is() {
	[ "$1" = "$2" ] || {
		echo "$1, not $2"
		return 1
	}
}

# --- an inpathd that only prints its configuration -----------------------------------------------

cat >"$work/inpathd" <<'EOF'
#!/bin/sh
cat "${STUB:-$(dirname "$0")/settings}"
case $1 in -x*) echo "$*" >>"$(dirname "$0")/cleared" ;; esac
EOF
cat >"$work/settings" <<'EOF'
INPATH_QUEUE='537'
INPATH_QUEUE_LEN='256'
INPATH_MARK_PROBE='0x4000000'
INPATH_MARK_REST='0x8000000'
INPATH_LAN='lan0 lan1'
INPATH_WAN='wan0'
INPATH_LOG_FILE=''
EOF
sed "s/537/600/;s/lan0 lan1/br-lan/;s/0x8000000/0x00800000/" "$work/settings" >"$work/settings2"
chmod +x "$work/inpathd"
export INPATHD=$work/inpathd

in_box() { ip netns exec "$box" "$@"; }
inpath_rules() { in_box $shell "$rules" "$@"; }

fresh_box() {
	[ ! -e "/run/netns/$box" ] || ip netns del "$box"
	ip netns add "$box"
}

# All that iptables holds, without counters and dates.
saved() {
	{ in_box iptables-save && in_box ip6tables-save; } | sed '/^#/d;s/ \[[0-9:]*\]$//'
}

nft_tables() {
	in_box nft list tables
}

# Somebody else's rules, in every table that inpath-rules touches and in two that it does not.
foreign() {
	local tool
	for tool in iptables ip6tables; do
		in_box $tool-restore <<'EOF'
*mangle
:THEIRS - [0:0]
-A OUTPUT -j THEIRS
-A OUTPUT -p tcp -j MARK --set-xmark 0x1/0xff
-A PREROUTING -j CONNMARK --restore-mark
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A INPUT -i eth9 -j ACCEPT
-A POSTROUTING -j CONNMARK --save-mark
-A THEIRS -m comment --comment "a chain of theirs -j INPATH_NOT" -j RETURN
COMMIT
*security
:SECMARKS - [0:0]
-A FORWARD -j SECMARKS
-A SECMARKS -m mark --mark 0x1 -j RETURN
COMMIT
*filter
-A FORWARD -i lan0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
EOF
	done
}

# --- loading and removing ------------------------------------------------------------------------

one_jump_each() {
	local save=$1 jump
	for jump in "OUTPUT -j INPATH_OUT" "INPUT -j INPATH_IN" "POSTROUTING -j INPATH_POST" "FORWARD -j INPATH_FWD"; do
		is "$(grep -c -- "^-A $jump\$" <<<"$save")" 2
	done
	is "$(grep -m 1 -- '^-A OUTPUT' <<<"$save")" "-A OUTPUT -j INPATH_OUT"
	is "$(grep -A 1 -- '^-A FORWARD -j SECMARKS' <<<"$save" | tail -n 1)" "-A FORWARD -j INPATH_FWD"
	is "$(grep -A 1 -- '^-A INPUT -i eth9' <<<"$save" | tail -n 1)" "-A INPUT -j INPATH_IN"
}

status_is() {
	local want=$1 status=0
	shift
	inpath_rules status "$@" || status=$?
	is "$status" "$want"
}

life_among_others() {
	local before once
	fresh_box
	foreign
	before=$(saved)
	status_is 3
	same "$before" "$(saved)"
	inpath_rules up --backend iptables
	once=$(saved)
	one_jump_each "$once"
	status_is 0
	inpath_rules up --backend iptables
	same "$once" "$(saved)"
	same "$(grep -vE '^:INPATH_|^-A INPATH_|-j INPATH_[A-Z]+$' <<<"$once")" "$before"
	inpath_rules down
	same "$before" "$(saved)"
	status_is 3
	inpath_rules down
	same "$before" "$(saved)"
}

# Only the legacy kind keeps a table that was once used.
life_alone() {
	local before
	fresh_box
	in_box iptables -V | grep -q nf_tables || foreign
	before=$(saved) tables=$(nft_tables)
	inpath_rules up --backend iptables
	inpath_rules up --backend iptables
	inpath_rules down
	same "$before" "$(saved)"
	same "$tables" "$(nft_tables)"
}

# Each chain in a hook costs each packet that passes.
nothing_on_the_way() {
	fresh_box
	inpath_rules up --backend iptables
	saved | none grep -E '^-A (PREROUTING|POSTROUTING) '
	saved | grep -- '-A INPATH_RESTED -j CONNMARK --save-mark' >/dev/null
	status_is 0
}

another_configuration() {
	fresh_box
	foreign
	inpath_rules up --backend iptables
	STUB=$work/settings2 status_is 4
	STUB=$work/settings2 inpath_rules up --backend iptables
	STUB=$work/settings2 status_is 0
	saved | none grep -E 'queue-num 537|nflog-group 537|lan0 .*INPATH|lan1|0x8000000'
	saved | grep -- '-i br-lan -o wan0 -j INPATH_CROSS' >/dev/null
}

# Connections lose the bits that they could have got, whatever the configuration says by now: even nothing.
cleared() {
	is "$(cat "$work/cleared" 2>/dev/null)" "$1"
	rm -f "$work/cleared"
}

old_marks_are_cleared() { # BACKEND
	fresh_box
	rm -f "$work/cleared"
	inpath_rules up --backend "$1"
	inpath_rules up --backend "$1"
	cleared ""
	STUB=$work/settings2 inpath_rules up --backend "$1"
	cleared -x0x8000000
	STUB=/dev/null inpath_rules down
	cleared -x0x4800000
	inpath_rules down
	cleared -x
}

# Whatever single rule, jump or place is missing, status says so, and up mends it.
every_loss_is_seen() {
	local tool=$1 table rule lost=0
	fresh_box
	foreign
	inpath_rules up --backend iptables
	for table in mangle security; do
		in_box "$tool-save" -t $table | grep -E '^-A .*INPATH_' >"$work/ours"
		while read -r _ rule; do
			[[ $rule != THEIRS* ]] || continue
			# shellcheck disable=SC2086
			in_box "$tool" -w -t $table -D $rule
			status_is 4 --backend iptables
			inpath_rules up --backend iptables
			lost=$((lost + 1))
		done <"$work/ours"
	done
	[ $lost -ge 24 ]
	for rule in "-t mangle -I OUTPUT -j ACCEPT" "-t security -A FORWARD -j ACCEPT" \
		"-t mangle -A INPATH_POST -j ACCEPT" "-t mangle -A OUTPUT -j INPATH_OUT" \
		"-t mangle -N INPATH_OLD"; do
		inpath_rules up --backend iptables
		# shellcheck disable=SC2086
		in_box ip6tables $rule
		status_is 4
	done
	in_box ip6tables -t mangle -D OUTPUT -j ACCEPT
	in_box ip6tables -t security -D FORWARD -j ACCEPT
	inpath_rules up --backend iptables
	status_is 0
}

# fails COMMAND...: ends with 1 and one line of explanation.
fails() {
	local status=0
	"$@" >"$work/out" 2>"$work/err" || status=$?
	cat "$work/err"
	is "$status" 1
	is "$(wc -l <"$work/err")" 1
	[ ! -s "$work/out" ]
}

# A tool in front of the real one: refuses a transaction on TABLE unless it is only a test.
breaking() {
	local tool=$1 table=$2 real
	real=$(command -v "$tool")
	mkdir -p "$work/breaking"
	cat >"$work/breaking/$tool" <<EOF
#!/bin/sh
text=\$(cat)
case " \$* " in *" --test "*) ;; *)
	case \$text in *"*$table"*) echo "$tool: broken on purpose" >&2; exit 1 ;; esac ;;
esac
printf '%s\n' "\$text" | $real "\$@"
EOF
	chmod +x "$work/breaking/$tool"
}

failure_changes_nothing() {
	local tool table before
	for tool in iptables-restore ip6tables-restore; do
		for table in mangle security; do
			fresh_box
			foreign
			rm -rf "$work/breaking"
			breaking $tool $table
			before=$(saved)
			PATH=$work/breaking:$PATH fails inpath_rules up --backend iptables
			same "$before" "$(saved)"
			inpath_rules up --backend iptables
			before=$(saved)
			STUB=$work/settings2 PATH=$work/breaking:$PATH fails inpath_rules up --backend iptables
			same "$before" "$(saved)"
			PATH=$work/breaking:$PATH fails inpath_rules down
			same "$before" "$(saved)"
			status_is 0
			# Rules that the user moved are put back where they were.
			in_box iptables -t mangle -D INPUT -j INPATH_IN
			in_box iptables -t mangle -I INPUT -j INPATH_IN
			before=$(saved)
			PATH=$work/breaking:$PATH fails inpath_rules up --backend iptables
			same "$before" "$(saved)"
		done
	done
	fresh_box
	in_box iptables -V | grep -q nf_tables || return 0
	before=$(nft_tables)
	PATH=$work/breaking:$PATH fails inpath_rules up --backend iptables
	same "$before" "$(nft_tables)"
}

# Neither the other backend's failure nor a kernel without nft queue disturbs what is loaded.
nft_failure_changes_nothing() {
	local before
	fresh_box
	foreign
	inpath_rules up --backend iptables
	before=$(saved)
	mkdir -p "$work/nonft"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n[ "$1" != -f ] || { echo "Error: refused" >&2; exit 1; }\nexec %s "$@"\n' \
		"$(command -v nft)" >"$work/nonft/nft"
	chmod +x "$work/nonft/nft"
	PATH=$work/nonft:$PATH fails inpath_rules up --backend nft
	same "$before" "$(saved)"
	status_is 0
}

without_ipv6() {
	local status
	fresh_box
	in_box unshare -m sh -c "mount -t tmpfs none /proc/sys/net && $shell $rules up --backend iptables" \
		2>"$work/err"
	grep -q 'no IPv6' "$work/err"
	in_box iptables-save | grep 'queue-num 537' >/dev/null
	in_box ip6tables-save | none grep INPATH
	in_box unshare -m sh -c "mount -t tmpfs none /proc/sys/net && $shell $rules status"
	status_is 4
}

without_security_table() {
	local tool before
	fresh_box
	foreign
	before=$(saved)
	mkdir -p "$work/nosec"
	for tool in iptables ip6tables; do
		cat >"$work/nosec/$tool" <<EOF
#!/bin/sh
case " \$* " in *" security "*) exit 3 ;; esac
exec $(command -v $tool) "\$@"
EOF
		chmod +x "$work/nosec/$tool"
	done
	PATH=$work/nosec:$PATH inpath_rules up --backend iptables 2>"$work/err"
	grep -q 'no security table for IPv4' "$work/err"
	in_box iptables-save -t security | none grep INPATH
	is "$(in_box iptables-save -t mangle | grep '^-A FORWARD' | tail -n 1)" "-A FORWARD -j INPATH_FWD"
	PATH=$work/nosec:$PATH status_is 0
	# A kernel that has learnt it: the chains move.
	inpath_rules up --backend iptables
	in_box iptables-save -t mangle | none grep INPATH_FWD
	status_is 0
	inpath_rules down
	same "$before" "$(saved)"
}

# refused LINE WORDS: a setting that must not get into the rules, and the words of the refusal.
refused() {
	{
		cat "$work/settings"
		printf '%s\n' "$1"
	} >"$work/settings3"
	STUB=$work/settings3 fails inpath_rules up --backend iptables
	grep -q "$2" "$work/err"
	saved | none grep INPATH
}

hostile_settings() {
	local canary=$work/canary line
	fresh_box
	refused "INPATH_WAN=''" "no wan interface"
	refused "INPATH_LAN=''" "no lan interface"
	refused "INPATH_LAN='lan0;touch'" "interface"
	refused "INPATH_LAN='wl+'" "interface"
	refused "INPATH_WAN='-j'" "interface"
	refused "INPATH_WAN='a-name-too-long-'" "interface"
	refused "INPATH_LAN='*'" "interface"
	refused "INPATH_QUEUE='65536'" "queue"
	refused "INPATH_QUEUE='-1'" "queue"
	refused "INPATH_QUEUE='1 2'" "queue"
	refused "INPATH_MARK_PROBE='0x0'" "mark"
	refused "INPATH_MARK_PROBE='0x123456789'" "mark"
	refused "INPATH_MARK_REST='0x4000000'" "mark"
	{
		cat "$work/settings"
		for line in "touch $canary" "INPATH_WAN=\$(touch $canary)" "INPATH_WAN='a'; touch '$canary'" \
			"INPATH_LOG_FILE='\$(touch $canary)'" "PATH='/nowhere'" "INPATH_LAN='x'\''y'"; do
			printf '%s\n' "$line"
		done
	} >"$work/settings3"
	STUB=$work/settings3 inpath_rules up --backend iptables
	status_is 0
	[ ! -e "$canary" ]
	INPATHD=$work/nobody inpath_rules down 2>"$work/err"
	grep -q "connections keep inpath's mark bits" "$work/err"
	status_is 3
	INPATHD=$work/nobody fails inpath_rules up
	fails inpath_rules up --backend ebtables
	fails inpath_rules up down
	fails inpath_rules
	fails inpath_rules up -c
	inpath_rules --help | grep 'usage:' >/dev/null
}

print_is_what_up_loads() {
	local loaded
	fresh_box
	in_box iptables -t filter -L >/dev/null
	inpath_rules up --backend iptables
	loaded=$(saved | grep INPATH_ | grep -v INPATH_NEW)
	inpath_rules print --backend iptables >"$work/print"
	inpath_rules down
	sed '/^# ip6tables-restore/,$d' "$work/print" | in_box iptables-restore --noflush
	sed '1,/^# ip6tables-restore/d' "$work/print" | in_box ip6tables-restore --noflush
	same "$loaded" "$(saved | grep INPATH_)"
}

the_config_file_is_passed_on() {
	printf '#!/bin/sh\n[ "$*" = "-p -c some file" ] && cat %s\n' "$work/settings" >"$work/strict"
	chmod +x "$work/strict"
	INPATHD=$work/strict inpath_rules print -c "some file" --backend iptables | grep 'queue-num 537' >/dev/null
}

kernel_has_nft_queue() {
	fresh_box
	printf 'add table inet t\nadd chain inet t c\nadd rule inet t c queue num 0 bypass\n' |
		in_box nft -f - 2>/dev/null
}

auto_prefers_what_works() {
	fresh_box
	inpath_rules up | grep "up ($auto," >/dev/null
	status_is 0
	inpath_rules down
	saved | none grep INPATH
	is "$(nft_tables)" ""
}

# --- nft: where the kernel cannot queue from it, a counter stands in for each queue statement ------

nft_stand_in() {
	mkdir -p "$work/nft"
	cat >"$work/nft/nft" <<EOF
#!/bin/sh
case "\$1 \$2" in
"-f -") sed 's/queue num [0-9]* bypass/counter/' | exec $(command -v nft) -f - ;;
*) exec $(command -v nft) "\$@" ;;
esac
EOF
	chmod +x "$work/nft/nft"
}

nft_life() {
	local before
	fresh_box
	in_box nft add table inet fw4
	in_box nft add chain inet fw4 forward '{ type filter hook forward priority filter; }'
	before=$(in_box nft list ruleset)
	inpath_rules up --backend nft
	status_is 0
	inpath_rules up --backend nft
	status_is 0
	is "$(in_box nft list tables | grep -c inpath)" 1
	STUB=$work/settings2 status_is 4
	inpath_rules down
	status_is 3
	same "$before" "$(in_box nft list ruleset)"
}

nft_every_loss_is_seen() {
	local chain handle
	fresh_box
	inpath_rules up --backend nft
	in_box nft -a list table inet inpath >"$work/listing"
	awk '$1 == "chain" { c = $2 } / # handle / && $1 != "chain" && $1 != "table" { print c, $NF }' \
		"$work/listing" >"$work/ours"
	[ "$(wc -l <"$work/ours")" -ge 14 ]
	while read -r chain nth; do
		handle=$(in_box nft -a list chain inet inpath "$chain" | grep ' # handle ' | sed 1d |
			sed -n "${nth}s/.* //p")
		in_box nft delete rule inet inpath "$chain" handle "$handle"
		status_is 4
		inpath_rules up --backend nft
		status_is 0
	done < <(awk '{ print $1, ++n[$1] }' "$work/ours")
	in_box nft insert rule inet inpath cross accept
	status_is 4
}

backends_replace_each_other() {
	fresh_box
	foreign
	before=$(saved)
	inpath_rules up --backend iptables
	inpath_rules up --backend nft
	same "$before" "$(saved)"
	status_is 0
	inpath_rules up --backend iptables
	none in_box nft list table inet inpath
	status_is 0
	in_box nft add table inet inpath
	status_is 4
	inpath_rules down
	same "$before" "$(saved)"
	none in_box nft list table inet inpath
}

# --- packets -------------------------------------------------------------------------------------

at() { ip netns exec "$@"; }

build_net() {
	local ns
	for ns in "$gw" "$client" "$router" "$server"; do
		ip netns add "$ns"
		at "$ns" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
			net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
			net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
		ip -n "$ns" link set lo up
	done
	ip link add eth0 netns "$client" type veth peer name lan0 netns "$gw"
	ip link add wan0 netns "$gw" type veth peer name gw netns "$router"
	ip link add srv netns "$router" type veth peer name eth0 netns "$server"
	address "$client" eth0 10.1.0.2/24 fd01::2/64
	address "$gw" lan0 10.1.0.1/24 fd01::1/64
	address "$gw" wan0 10.2.0.1/24 fd02::1/64
	address "$router" gw 10.2.0.2/24 fd02::2/64
	address "$router" srv 10.3.0.1/24 fd03::1/64
	address "$server" eth0 10.3.0.2/24 fd03::2/64
	route "$client" 10.1.0.1 fd01::1
	route "$gw" 10.2.0.2 fd02::2
	route "$server" 10.3.0.1 fd03::1
	# The observer, behind every rule; and what a household's own rules do with marks.
	at "$gw" nft -f - <<'EOF'
table inet observer {
	chain out {
		type filter hook postrouting priority 300;
		meta mark & 0x8000000 != 0 counter comment "rest bit left"
		iifname "lan0" tcp dport 7 meta mark & 0xff == 0x22 counter comment "their mark"
		iifname "lan0" tcp dport 7 meta mark & 0xff != 0x22 counter comment "mark lost"
		oifname "wan0" ip saddr 10.1.0.0/24 counter comment "LAN source"
		oifname "wan0" ip6 saddr fd01::/64 counter comment "LAN source 6"
	}
	chain household {
		type filter hook prerouting priority -140;
		iifname "lan0" ct mark set ct mark | 0x11
		iifname "lan0" meta mark set meta mark | 0x22
	}
	# Where a verdict that says rest is played: its packet comes to our rules marked.
	chain rests {
		type filter hook forward priority 10;
	}
	chain redirects {
		type nat hook prerouting priority dstnat;
	}
	chain masquerade_wan {
		type nat hook postrouting priority srcnat;
		oifname "wan0" masquerade
	}
}
EOF
	for ns in "$server 10.3.0.2 7" "$server fd03::2 7" "$server 10.3.0.2 53" "$server fd03::2 53" \
		"$gw 10.1.0.1 53" "$gw fd01::1 53" "$gw 10.1.0.1 5353" "$gw fd01::1 5353"; do
		# shellcheck disable=SC2086
		set -- $ns
		background echo "$1" echo "$2" "$3"
	done
}

address() {
	ip -n "$1" link set "$2" up
	ip -n "$1" address add "$3" dev "$2"
	ip -n "$1" address add "$4" dev "$2" nodad
}

route() {
	ip -n "$1" route add default via "$2"
	ip -n "$1" route add default via "$3"
}

# background NAME NAMESPACE WHAT...: starts it, waits for its first line, leaves that in `answer`.
background() {
	local name=$1 ns=$2
	shift 2
	rm -f "$work/$name.in" "$work/$name.out"
	mkfifo "$work/$name.in" "$work/$name.out"
	ip netns exec "$ns" python3 "$root/tests/netns/rules_raw.py" "$@" <>"$work/$name.in" >"$work/$name.out" 2>"$work/$name.err" &
	started+=($!)
	exec {reader}<"$work/$name.out"
	read -r -t 15 answer <&"$reader" || {
		cat "$work/$name.err"
		return 1
	}
}

observed() {
	at "$gw" nft list table inet observer | sed -n "s/.*counter packets \([0-9]*\) .*\"$1\".*/\1/p"
}

# hits 4|6 WHAT: how many packets a rule of ours has seen.
hits() {
	if [ "$backend" = nft ]; then
		nft_hits "$@"
	else
		ipt_hits "$@"
	fi
}

ipt_hits() {
	local tool=iptables table=security chain='INPATH_\(FWD\|CROSS\|REST\)' pattern
	[ "$1" = 4 ] || tool=ip6tables
	case $2 in
	errors) pattern='ctstate RELATED' ;;
	fin) pattern='tcp-flags' ;;
	rest) pattern='connmark --mark 0x8000000/' ;;
	dns) pattern='53 -j RETURN' ;;
	tcp) pattern='-p tcp -j NFQUEUE' ;;
	udp) pattern='-p udp -j NFQUEUE' ;;
	input) table=mangle chain=INPATH_IN pattern='NFQUEUE' ;;
	drop) table=mangle chain=INPATH_OUT pattern='DROP' ;;
	query) table='mangle security' chain='INPATH_\(OWN_\)\?QUERY' pattern='NFLOG' ;;
	answer) table='mangle security' chain='INPATH_\(OWN_\)\?ANSWER' pattern='NFLOG' ;;
	esac
	for table in $table; do
		at "$gw" $tool-save -c -t "$table"
	done | grep -- "-A $chain " | grep -- "$pattern" |
		sed 's/^\[\([0-9]*\):.*/\1/' | awk '{ n += $1 } END { print n + 0 }'
}

# One table serves both families. Where a counter stands in for a queue, each rule has two.
nft_hits() {
	local chain=cross pattern
	case $2 in
	errors) chain='cross rest' pattern='related' ;;
	fin) chain='cross rest' pattern='tcp flags' ;;
	rest) chain=forward pattern='goto' ;;
	dns)
		echo unknown
		return
		;;
	tcp | udp) pattern='{ tcp, udp }' ;;
	input) chain=input pattern='counter' ;;
	drop) chain=output pattern='drop' ;;
	query | answer) chain=$2 pattern='log' ;;
	esac
	for chain in $chain; do
		at "$gw" nft list chain inet inpath "$chain"
	done | grep -- "$pattern" |
		awk '{ sub(/.*counter packets /, ""); n += $1 } END { print n + 0 }'
}

connmark_of() {
	local dump family=ipv4
	[ "$1" = 4 ] || family=ipv6
	dump=$(at "$gw" conntrack -L -f $family -p tcp --orig-port-src "$2" 2>/dev/null)
	sed -n 's/.* mark=\([0-9]*\).*/\1/p' <<<"$dump"
}

family_is() {
	if [ "$1" = 4 ]; then
		cl=10.1.0.2 srv=10.3.0.2 wan=10.2.0.1 lan=10.1.0.1
	else
		cl=fd01::2 srv=fd03::2 wan=fd02::1 lan=fd01::1
	fi
}

rules_in_gateway() {
	at "$gw" "$rules" down
	at "$gw" "$rules" up --backend "$backend"
}

nobody_listens() {
	family_is "$1"
	rules_in_gateway
	raw "$client" fetch "$srv" 7 20000
	raw "$client" ask "$srv" 7
	[ "$(hits "$1" tcp)" -gt 40 ]
	[ "$(hits "$1" fin)" -ge 2 ]
}

# Sends marked segments of the connection in $flow, then an unmarked end; says what arrived.
arrivals() {
	local mark=$1 sport seq ack token=7001 offset
	shift
	read -r sport seq ack <<<"$flow"
	background sniff "$server" sniff eth0 9999
	for offset; do
		raw "$gw" send wan0 "$cl" "$srv" "$sport" 7 "$((seq + offset))" "$ack" "$mark" 64 "$token"
		token=$((token + 1))
	done
	raw "$gw" udp wan0 "$wan" "$srv" 1234 9999 0 64
	awk '$2 >= 7001 && $2 <= 7009 { print } END { print "end" }' <&"$reader" | paste -s -d ' '
}

open_flow() {
	background hold "$client" hold "$srv" 7 eth0
	flow=$answer
}

still_alive() {
	echo more >"$work/hold.in"
	read -r -t 15 answer <&"$held"
	is "$answer" alive
}

probe_inside_its_connection() {
	local f=$1 mark
	family_is "$f"
	rules_in_gateway
	open_flow
	held=$reader
	is "$(connmark_of "$f" "${flow%% *}")" $((0x11))
	# An old byte goes out, under the WAN's address; it marks the connection and nothing else.
	is "$(arrivals 0x4000033 -50)" "$wan 7001 end"
	is "$(connmark_of "$f" "${flow%% *}")" $((0x4000011))
	# Out of window: not part of the connection for conntrack.
	is "$(arrivals 0x4000000 1000000000)" end
	still_alive
	is "$(connmark_of "$f" "${flow%% *}")" $((0x4000011))
	# Without the mark nothing of this applies.
	is "$(observed 'LAN source')$(observed 'LAN source 6')" "00"
	[ "$(hits "$f" drop)" -eq 1 ]
}

probe_without_connection() {
	family_is "$1"
	rules_in_gateway
	at "$gw" conntrack -F 2>/dev/null
	flow="40000 1000 1000"
	is "$(arrivals 0x4000000 0)" end
	flow="40001 1000 1000"
	is "$(arrivals 0xffffffff 0)" end
	is "$(hits "$1" drop)" 2
	# Not even as the gateway's own.
	cl=$wan
	flow="40002 1000 1000"
	is "$(arrivals 0x4000000 0)" end
	# The same packet without the mark leaves: it was the rule that held it.
	flow="40003 1000 1000"
	is "$(arrivals 0x33 0)" "$wan 7001 end"
}

errors_of_probed_connections() {
	local f=$1 sport seq ack to_gateway
	family_is "$f"
	rules_in_gateway
	open_flow
	held=$reader
	read -r sport seq ack <<<"$flow"
	# Not probed yet: the client's own traceroute is not our business.
	raw "$client" send eth0 "$cl" "$srv" "$sport" 7 "$((seq - 50))" "$ack" 0 2 7001
	still_alive
	is "$(hits "$f" errors)" 0
	raw "$gw" send wan0 "$cl" "$srv" "$sport" 7 "$((seq - 50))" "$ack" 0x4000000 1 7001
	raw "$gw" udp wan0 "$wan" "$srv" 1234 9999 0 64
	still_alive
	is "$(hits "$f" errors)" 1
	# To the gateway itself.
	to_gateway=$(hits "$f" input)
	raw "$gw" udp wan0 "$wan" "$srv" 1234 9998 0 1
	still_alive
	is "$(hits "$f" input)" $((to_gateway + 1))
}

rest_bit() {
	local f=$1 queued sport seq ack
	family_is "$f"
	rules_in_gateway
	open_flow
	held=$reader
	sport=${flow%% *}
	still_alive
	is "$(hits "$f" rest)" 0
	# A packet whose verdict says rest.
	at "$gw" nft add rule inet observer rests tcp sport "$sport" meta mark set meta mark '|' 0x8000000
	still_alive
	is "$(connmark_of "$f" "$sport")" $((0x8000011))
	at "$gw" nft flush chain inet observer rests
	queued=$(hits "$f" tcp)
	still_alive
	is "$(hits "$f" tcp)" "$queued"
	[ "$(hits "$f" rest)" -ge 3 ]
	is "$(connmark_of "$f" "$sport")" $((0x8000011))
	is "$(observed 'rest bit left')" 0
	[ "$(observed 'their mark')" -gt 0 ]
	is "$(observed 'mark lost')" 0
	# A packet of the resting flow still shows its end.
	queued=$(hits "$f" fin)
	kill "${started[-1]}"
	wait "${started[-1]}" 2>/dev/null || :
	raw "$client" fetch "$srv" 7 1000
	[ "$(hits "$f" fin)" -ge $((queued + 3)) ]
}

# Where others put whole marks back and save them whole, behind FORWARD, the rest bit outlives that.
rest_bit_among_whole_marks() {
	local f=$1 queued sport marks after left
	family_is "$f"
	left=$(observed 'rest bit left')
	at "$gw" nft -f - <<'EOF'
table inet whole {
	chain restore {
		type filter hook prerouting priority -145;
		meta mark set ct mark
	}
	chain save {
		type filter hook postrouting priority -155;
		ct mark set meta mark
	}
}
EOF
	rules_in_gateway
	open_flow
	held=$reader
	sport=${flow%% *}
	still_alive
	at "$gw" nft add rule inet observer rests tcp sport "$sport" meta mark set meta mark '|' 0x8000000
	still_alive
	at "$gw" nft flush chain inet observer rests
	marks=$(connmark_of "$f" "$sport")
	queued=$(hits "$f" tcp)
	still_alive
	still_alive
	after=$(hits "$f" tcp)
	marks="$marks $(connmark_of "$f" "$sport")"
	kill "${started[-1]}"
	wait "${started[-1]}" 2>/dev/null || :
	raw "$client" fetch "$srv" 7 1000
	at "$gw" nft delete table inet whole
	is "$after" "$queued"
	is "$marks" "$((0x8000022)) $((0x8000022))"
	is "$(observed 'rest bit left')" "$left"
}

# Look-ups of others' resolvers that the gateway takes for itself, under a port of its choice.
redirected_dns_is_copied() {
	local f=$1
	family_is "$f"
	rules_in_gateway
	at "$gw" nft add rule inet observer redirects iifname lan0 udp dport 53 redirect to :5353
	raw "$client" ask "$srv" 53
	is "$(hits "$f" query) $(hits "$f" answer) $(hits "$f" udp)" "1 1 0"
	at "$gw" nft flush chain inet observer redirects
}

dns_is_copied() {
	local f=$1 queued
	family_is "$f"
	rules_in_gateway
	raw "$client" ask "$srv" 53
	is "$(hits "$f" query) $(hits "$f" answer) $(hits "$f" udp)" "1 1 0"
	raw "$client" ask "$lan" 53
	is "$(hits "$f" query) $(hits "$f" answer) $(hits "$f" udp)" "2 2 0"
	raw "$client" ask "$srv" 7
	is "$(hits "$f" query) $(hits "$f" answer) $(hits "$f" udp)" "2 2 2"
	# What the gateway itself asks is nobody's.
	raw "$gw" ask "$srv" 53
	is "$(hits "$f" query) $(hits "$f" answer) $(hits "$f" udp)" "2 2 2"
}

# --- the promises --------------------------------------------------------------------------------

system_path=$PATH
kernel_has_nft_queue && auto=nft || auto=iptables
backends="iptables nft"
[ "${INPATH_BACKEND:-}" != nft ] || backends=nft
for kind in nft legacy; do
	[ "$backends" != nft ] || break
	if ! command -v iptables-$kind >/dev/null || ! command -v ip6tables-$kind >/dev/null; then
		skip "iptables-$kind" "there is no iptables-$kind"
		continue
	fi
	mkdir -p "$work/$kind"
	for tool in iptables ip6tables; do
		for part in '' -save -restore; do
			ln -sf "$(command -v $tool-$kind$part)" "$work/$kind/$tool$part"
		done
	done
	PATH=$system_path
	shell=dash
	[ $kind = nft ] || shell="busybox ash"
	command -v "${shell%% *}" >/dev/null || {
		echo "# no ${shell%% *} here, so sh"
		shell="sh"
	}
	PATH=$work/$kind:$system_path
	say="iptables-$kind, $shell:"
	promise "$say up and down leave everybody else's rules as they were" life_among_others
	promise "$say what up made goes with down" life_alone
	promise "$say nothing stands in PREROUTING or POSTROUTING" nothing_on_the_way
	promise "$say up replaces another configuration" another_configuration
	promise "$say bits that are not ours any more leave the connections" old_marks_are_cleared iptables
	promise "$say a failure changes nothing and says why" failure_changes_nothing
	promise "$say a kernel without IPv6 is served and told" without_ipv6
	promise "$say a kernel without the security table is served and told" without_security_table
	promise "$say settings are read, never run" hostile_settings
	promise "$say print is what up loads" print_is_what_up_loads
	tool=iptables
	[ $kind = legacy ] || tool=ip6tables
	promise "$say status sees every lost rule, jump and place" every_loss_is_seen $tool
done

PATH=$system_path shell="sh"
promise "-c reaches inpathd" the_config_file_is_passed_on
promise "auto takes $auto, as this kernel can" auto_prefers_what_works
promise "a failing nft changes nothing" nft_failure_changes_nothing
if [ "$auto" != nft ]; then
	nft_stand_in
	skip "nft: queue statements" "this kernel has no nft queue; counters stand in for them below"
fi
PATH=$work/nft:$system_path
promise "nft: up and down leave everybody else's tables as they were" nft_life
promise "nft: status sees every lost or added rule" nft_every_loss_is_seen
promise "nft: bits that are not ours any more leave the connections" old_marks_are_cleared nft
promise "one backend replaces the other" backends_replace_each_other

build_net
for backend in $backends; do
	for f in 4 6; do
		say="$backend, IPv$f:"
		promise "$say traffic passes while nobody listens" nobody_listens $f
		promise "$say a probe leaves inside its connection only, and notes that" probe_inside_its_connection $f
		promise "$say a probe without its connection does not leave" probe_without_connection $f
		promise "$say errors of probed connections come to the queue, others do not" errors_of_probed_connections $f
		promise "$say the rest bit moves to the connection, other bits stay" rest_bit $f
		promise "$say the rest bit outlives others' whole marks" rest_bit_among_whole_marks $f
		promise "$say DNS is copied and not held" dns_is_copied $f
		promise "$say redirected DNS is copied, too" redirected_dns_is_copied $f
	done
done
[ "$failures" -eq 0 ]
