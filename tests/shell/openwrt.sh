#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# openwrt: what the scripts for OpenWrt do, under busybox's ash, with everything that they call put in the
# place of by something that writes down how it was called.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0 failed=0

is() { # WHAT GOT WANT
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count - $1"
	else
		failed=$((failed + 1))
		printf 'not ok %s - %s\n# got:\n%s\n# want:\n%s\n' "$count" "$1" "$2" "$3"
	fi
}

# Programs that note their call; `uci get` knows what $work/uci says. Absolute paths lead into the work folder.
mkdir -p "$work/bin" "$work/usr/sbin" "$work/usr/share/inpath" "$work/etc/init.d"
stub() {
	printf '#!/bin/sh\necho "%s $*" | sed "s/ \\$//" >>"%s"\n%s\n' "${1##*/}" "$work/calls" "${2:-}" >"$work/$1"
	chmod +x "$work/$1"
}
reset() {
	: >"$work/calls"
	: >"$work/uci"
	stub bin/uci "case \"\$2\" in get) awk -v key=\"\$3=\" 'index(\$0, key) == 1 { print substr(\$0, length(key) + 1); found = 1 } END { exit !found }' $work/uci ;; batch) cat >>$work/calls ;; esac"
	stub bin/logger 'cat >/dev/null'
	stub usr/sbin/inpathd
	stub usr/sbin/inpath-rules
	stub usr/sbin/inpath
	stub usr/share/inpath/fw4-offload
	stub etc/init.d/inpath
}
for script in inpath.init inpath.hotplug firewall.inpath uci-defaults fw4-offload; do
	sed "s#/usr/#$work/usr/#g; s#/etc/init.d/#$work/etc/init.d/#g; s#/var/run#$work/var/run#; s#/sbin/ujail#$work/sbin/ujail#; s#/etc/capabilities#$work/etc/capabilities#" \
		"$root/etc/openwrt/$script" >"$work/$script"
done
mkdir -p "$work/var/run"
ash() {
	PATH="$work/bin:$PATH" busybox ash "$@"
}

# What rc.common and procd would do: the script is read, then one of its functions called.
init() {
	cat >"$work/procd" <<-END
		for one in open_instance set_param close_instance add_reload_trigger add_jail send_signal; do
			eval "procd_\$one() { echo \"procd_\$one \\\$*\" >>$work/calls; }"
		done
		user_exists() { [ -e $work/has_user ]; }
		chown() { echo "chown \$*" >>$work/calls; }
		. $work/inpath.init
		$1
	END
	ash "$work/procd"
}

reset
echo 'dhcp.@dnsmasq[0].leasefile=/tmp/my.leases' >"$work/uci"
init start_service
is "start: the configuration is checked first, then one instance, respawned, with the leases of UCI" \
	"$(grep -v '^uci' "$work/calls" | sed "s#$work##g; s/ \$//")" "inpathd -t
procd_open_instance
procd_set_param command /usr/sbin/inpathd
procd_set_param env INPATH_LEASES=/tmp/my.leases
procd_set_param file /etc/inpath/inpath.conf
procd_set_param stdout 1
procd_set_param stderr 1
procd_set_param respawn 3600 5 0
procd_set_param term_timeout 15
procd_close_instance"
is "start: the folder of the control socket is root's alone" "$(stat -c %a "$work/var/run/inpath")" 700
reset
stub usr/sbin/inpathd 'exit 1'
status=0
init start_service || status=$?
is "start: nothing is started with a bad configuration" "$status $(grep -c procd "$work/calls" || true)" "1 0"
reset
init start_service
is "start: without a lease file in UCI none is handed over" "$(grep -c LEASES "$work/calls" || true)" 0
touch "$work/has_user"
mkdir -p "$work/sbin" "$work/etc/capabilities"
printf '#!/bin/sh\n' >"$work/sbin/ujail"
chmod +x "$work/sbin/ujail"
reset
init start_service
is "start: without a list of capabilities procd leaves the user to inpathd, whose the folder is" \
	"$(grep -c 'user\|jail' "$work/calls" || true) $(grep chown "$work/calls" | sed "s#$work##")" "0 chown inpath:inpath /var/run/inpath"
cp "$root/etc/openwrt/inpath.json" "$work/etc/capabilities/"
reset
init start_service
is "start: with one procd starts it as its user, with two capabilities" \
	"$(sed -n '/term_timeout/,$p' "$work/calls" | sed "s#$work##g; s/ \$//")" "procd_set_param term_timeout 15
procd_add_jail inpath
procd_set_param capabilities /etc/capabilities/inpath.json
procd_set_param user inpath
procd_set_param group inpath
procd_set_param no_new_privs 1
procd_close_instance"
is "start: the list of capabilities is JSON, of those two" "$(python3 -c 'import json, sys
print(sorted({cap for caps in json.load(sys.stdin).values() for cap in caps}))' <"$root/etc/openwrt/inpath.json")" "['CAP_NET_ADMIN', 'CAP_NET_RAW']"
rm "$work/has_user"
reset
init start_service
is "start: without the user procd is told of none" "$(grep -c 'set_param user\|jail\|chown' "$work/calls" || true)" 0
reset
init service_started
is "started: rules up, then offload" "$(cat "$work/calls")" "inpath-rules up
fw4-offload"
reset
init service_stopped
is "stopped: rules down, offload as it was" "$(cat "$work/calls")" "inpath-rules down
fw4-offload undo"
rm "$work/usr/share/inpath/fw4-offload"
is "stopped: without fw4-offload it ends well" "$(init service_stopped && echo well)" well
reset
init reload_service
is "reload: HUP, then rules up" "$(cat "$work/calls")" "procd_send_signal inpath * HUP
inpath-rules up"
reset
init service_triggers
is "triggers: its own configuration, and where leases are" "$(cat "$work/calls")" "procd_add_reload_trigger inpath dhcp"
reset
init 'check; status_words'
is "extra commands" "$(cat "$work/calls")" "inpath check
inpath status"

for action in ifup ifupdate ifdown; do
	reset
	ACTION=$action INTERFACE=wan ash "$work/inpath.hotplug"
	is "hotplug $action: rules up" "$(grep rules "$work/calls" | head -n 1)" "inpath-rules up"
done
reset
ACTION=add ash "$work/inpath.hotplug"
is "hotplug, something else: nothing" "$(cat "$work/calls")" ""
reset
stub etc/init.d/inpath 'exit 1'
ACTION=ifup ash "$work/inpath.hotplug"
is "hotplug, not running: no rules" "$(grep -c rules "$work/calls" || true)" 0
ash "$work/firewall.inpath"
is "firewall, not running: no rules" "$(grep -c 'rules\|offload' "$work/calls" || true)" 0
reset
ash "$work/firewall.inpath"
is "firewall loaded: offload first, then rules" "$(grep -v init "$work/calls" | grep -v '^inpath running')" "fw4-offload
inpath-rules up"

reset
ash "$work/uci-defaults"
is "installed: the include is registered" "$(grep -c 'firewall.inpath' "$work/calls")" 5
reset
echo firewall.inpath=include >"$work/uci"
ash "$work/uci-defaults"
is "installed again: it is left alone" "$(grep -c batch "$work/calls" || true)" 0

# fw4-offload with an nft that has such a rule, and takes or refuses what it is given.
marks="INPATH_MARK_PROBE='0x4000000'\nINPATH_MARK_REST='0x8000000'\n"
offload() { # RULE TRANSACTIONS(0|1) ARGUMENT...
	local rule=$1 takes=$2
	shift 2
	stub usr/sbin/inpathd "printf \"$marks\""
	cat >"$work/bin/nft" <<-END
		#!/bin/sh
		case "\$*" in
		'-a list chain inet fw4 forward') printf '%s\n' 'table inet fw4 {' 'chain forward { # handle 2' '$rule' 'ct state established accept # handle 9' '}' '}' ;;
		'list flowtable inet fw4 ft') echo 'table inet fw4 { flowtable ft { devices = { a }; } }' ;;
		'-f -') cat >>$work/calls; [ $takes = 1 ] ;;
		*) echo "nft \$*" >>$work/calls ;;
		esac
	END
	chmod +x "$work/bin/nft"
	INPATHD="$work/usr/sbin/inpathd" ash "$work/fw4-offload" "$@"
}
plain='meta l4proto { tcp, udp } flow add @ft # handle 7'
ours='meta l4proto { tcp, udp } ct mark & 0x0c000000 == 0x08000000 flow add @ft # handle 7'
reset
offload "$plain" 1
is "offload: rule and flow table made anew in one transaction" "$(grep -v '^inpathd' "$work/calls")" "delete rule inet fw4 forward handle 7
delete flowtable inet fw4 ft
table inet fw4 { flowtable ft { devices = { a }; } }
insert rule inet fw4 forward meta l4proto { tcp, udp } ct mark & 0x0c000000 == 0x08000000 flow add @ft"
reset
offload "$plain" 0
is "offload: where that is refused, the rule alone" "$(tail -n 1 "$work/calls")" \
	"nft replace rule inet fw4 forward handle 7 meta l4proto { tcp, udp } ct mark & 0x0c000000 == 0x08000000 flow add @ft"
reset
offload "$ours" 1
is "offload: done already: nothing" "$(grep -v '^inpathd' "$work/calls")" ""
reset
offload "$ours" 1 undo
is "offload undo: the plain rule" "$(tail -n 1 "$work/calls")" "insert rule inet fw4 forward meta l4proto { tcp, udp } flow add @ft"
reset
offload "$plain" 1 undo
is "offload undo: undone already: nothing" "$(grep -v '^inpathd' "$work/calls")" ""
reset
offload 'accept # handle 7' 1
is "offload: no such rule: nothing" "$(grep -v '^inpathd' "$work/calls")" ""
marks=''
status=0
offload "$plain" 1 2>"$work/said" || status=$?
is "offload: an inpathd that names no marks: said, nothing done" "$status $(wc -l <"$work/said")" "1 1"

for script in inpath.init inpath.hotplug firewall.inpath uci-defaults fw4-offload; do
	is "$script: ash can read it" "$(ash -n "$work/$script" 2>&1)" ""
done
ash -n "$root/rules/inpath-rules"
is "inpath-rules: ash can read it" "$?" 0
echo "1..$count"
[ "$failed" -eq 0 ]
