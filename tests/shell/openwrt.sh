#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# openwrt [BUILD]: what the scripts for OpenWrt do, under busybox's ash, with everything that they call put in the
# place of by something that writes down how it was called.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
build=$(cd "$root" && cd "${1:-build}" && pwd)
files=$root/etc/openwrt/inpath/files
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
	stub bin/pidof false
	stub usr/sbin/inpathd
	stub usr/sbin/inpath-rules
	stub usr/sbin/inpath
	stub usr/share/inpath/fw4-offload
	stub etc/init.d/inpath
	stub usr/share/inpath/uci-render
	: >"$work/config"
}

# What OpenWrt's /lib/functions.sh does for who reads a configuration: each line of it is a call, of one's own functions too.
cat >"$work/functions.sh" <<-'END'
	config_cb() { :; }
	option_cb() { :; }
	list_cb() { :; }
	config() {
		sections=$((sections + 1))
		CONFIG_SECTION=${2:-cfg0$sections}
		config_cb "$1" "$CONFIG_SECTION"
	}
	option() {
		eval "CONFIG_${CONFIG_SECTION}_$1=\$2"
		option_cb "$1" "$2"
	}
	list() { list_cb "$1" "$2"; }
	config_load() {
		sections=0
		. "$CONFIG_FILE" || return 1
		config_cb
	}
	config_get_bool() {
		eval "$1=\${CONFIG_$2_$3:-$4}"
	}
END
export FUNCTIONS=$work/functions.sh CONFIG_FILE=$work/config
for script in inpath.init inpath.hotplug firewall.inpath inpath.defaults fw4-offload uci-render; do
	sed "s#/usr/#$work/usr/#g; s#/etc/init.d/#$work/etc/init.d/#g; s#/var/run#$work/var/run#; s#/sbin/ujail#$work/sbin/ujail#; s#/etc/capabilities#$work/etc/capabilities#; s#/var/etc#$work/var/etc#; s#logger -#$work/bin/logger -#; s#pidof #$work/bin/pidof #" \
		"$files/$script" >"$work/$script"
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
		. $work/functions.sh
		running() { [ ! -e $work/stopped ]; }
		start() { echo start >>$work/calls; }
		stop() { echo stop >>$work/calls; }
		user_exists() { [ -e $work/has_user ]; }
		chown() { echo "chown \$*" >>$work/calls; }
		. $work/inpath.init
		$1
	END
	ash "$work/procd"
}

reset
printf '%s\n' 'dhcp.@dnsmasq[0].leasefile=/tmp/my.leases' 'dhcp.odhcpd.leasefile=/tmp/hosts/odhcpd' >"$work/uci"
init start_service
tap_is "start: with the leases of both DHCP servers" "$(grep LEASES "$work/calls")" "procd_set_param env INPATH_LEASES=/tmp/my.leases:/tmp/hosts/odhcpd"
reset
echo 'dhcp.@dnsmasq[0].leasefile=/tmp/my.leases' >"$work/uci"
init start_service
tap_is "start: the configuration is checked first, then one instance, respawned, with the leases of UCI" \
	"$(grep -v '^uci ' "$work/calls" | sed "s#$work##g; s/ \$//")" "uci-render
inpathd -t -c /var/etc/inpath.conf.new
procd_open_instance
procd_set_param command /usr/sbin/inpathd
procd_set_param env INPATH_LEASES=/tmp/my.leases
procd_set_param file /var/etc/inpath.conf
procd_set_param stdout 1
procd_set_param stderr 1
procd_set_param respawn 3600 5 0
procd_set_param term_timeout 15
procd_close_instance"
tap_is "start: the checked one is what it reads" "$(cd "$work/var/etc" && echo *)" inpath.conf
tap_is "start: the folder of the control socket is root's alone" "$(stat -c %a "$work/var/run/inpath")" 700
reset
stub usr/sbin/inpathd 'exit 1'
status=0
init start_service || status=$?
tap_is "start: nothing is started with a bad configuration" "$status $(grep -c procd "$work/calls" || true)" "1 0"
tap_is "start: the bad one can be read beside the good one" "$(cd "$work/var/etc" && echo *)" "inpath.conf inpath.conf.new"
rm "$work/var/etc/inpath.conf.new"
reset
stub usr/share/inpath/uci-render 'exit 1'
status=0
init start_service || status=$?
tap_is "start: nothing is started with what cannot be rendered" "$status $(grep -c 'procd\|inpathd' "$work/calls" || true)" "1 0"
rm -f "$work/var/etc/inpath.conf.new"
reset
printf "config inpath 'main'\n\toption enabled '0'\n" >"$work/config"
init 'start_service; service_started'
tap_is "start: switched off in UCI: nothing" "$(cat "$work/calls")" ""
reset
init start_service
tap_is "start: without a lease file in UCI none is handed over" "$(grep -c LEASES "$work/calls" || true)" 0
touch "$work/has_user"
mkdir -p "$work/sbin" "$work/etc/capabilities"
printf '#!/bin/sh\n' >"$work/sbin/ujail"
chmod +x "$work/sbin/ujail"
reset
init start_service
tap_is "start: without a list of capabilities procd leaves the user to inpathd, whose the folder is" \
	"$(grep -c 'user\|jail' "$work/calls" || true) $(grep chown "$work/calls" | sed "s#$work##")" "0 chown inpath:inpath /var/run/inpath"
cp "$files/inpath.json" "$work/etc/capabilities/"
reset
init start_service
tap_is "start: with one procd starts it as its user, with two capabilities" \
	"$(sed -n '/term_timeout/,$p' "$work/calls" | sed "s#$work##g; s/ \$//")" "procd_set_param term_timeout 15
procd_add_jail inpath
procd_set_param capabilities /etc/capabilities/inpath.json
procd_set_param user inpath
procd_set_param group inpath
procd_set_param no_new_privs 1
procd_close_instance"
tap_is "start: the list of capabilities is JSON, of those two" "$(python3 -c 'import json, sys
print(sorted({cap for caps in json.load(sys.stdin).values() for cap in caps}))' <"$files/inpath.json")" "['CAP_NET_ADMIN', 'CAP_NET_RAW']"
rm "$work/has_user"
reset
init start_service
tap_is "start: without the user procd is told of none" "$(grep -c 'set_param user\|jail\|chown' "$work/calls" || true)" 0
reset
init service_started
tap_is "started: rules up, then offload" "$(cat "$work/calls")" "inpath-rules up
fw4-offload"
reset
init service_stopped
tap_is "stopped: rules down, offload as it was" "$(cat "$work/calls")" "pidof inpathd
inpath-rules down
fw4-offload undo"
reset
stub bin/pidof "[ \"\$(grep -c pidof $work/calls)\" -lt 3 ]"
init service_stopped
tap_is "stopped: the rules stay until inpathd has ended" "$(sed 1,2d "$work/calls")" "pidof inpathd
inpath-rules down
fw4-offload undo"
rm "$work/usr/share/inpath/fw4-offload"
tap_is "stopped: without fw4-offload it ends well" "$(init service_stopped && echo well)" well
reset
init reload_service
tap_is "reload: the configuration anew, HUP, then rules up" "$(sed "s#$work##g" "$work/calls")" "uci-render
inpathd -t -c /var/etc/inpath.conf.new
procd_send_signal inpath * HUP
inpath-rules up"
reset
# shellcheck disable=SC2016 # for the stub
stub usr/sbin/inpathd 'echo "$3:2: bad"; exit 1'
status=0
init reload_service || status=$?
tap_is "reload: with a bad configuration it goes on with the old one" "$status $(grep -c 'HUP\|rules\|stop' "$work/calls" || true)" "1 0"
tap_is "reload: and the log says why" "$(grep logger "$work/calls" | sed "s#$work##")" "logger -s -t inpath -p daemon.err /var/etc/inpath.conf.new:2: bad"
reset
printf "config inpath 'main'\n\toption enabled '0'\n" >"$work/config"
init reload_service
tap_is "reload: switched off in UCI: stopped" "$(cat "$work/calls")" stop
reset
touch "$work/stopped"
init reload_service
tap_is "reload: switched on again: started" "$(cat "$work/calls")" start
rm "$work/stopped"
reset
init service_triggers
tap_is "triggers: its own configuration, and where leases are" "$(cat "$work/calls")" "procd_add_reload_trigger inpath dhcp"
reset
init 'check; status_words'
tap_is "extra commands" "$(cat "$work/calls")" "inpath check
inpath status"

for action in ifup ifupdate ifdown; do
	reset
	ACTION=$action INTERFACE=wan ash "$work/inpath.hotplug"
	tap_is "hotplug $action: rules up" "$(grep '^inpath-rules' "$work/calls")" "inpath-rules up"
done
reset
ACTION=add ash "$work/inpath.hotplug"
tap_is "hotplug, something else: nothing" "$(cat "$work/calls")" ""
reset
stub etc/init.d/inpath 'exit 1'
ACTION=ifup ash "$work/inpath.hotplug"
tap_is "hotplug, not running: no rules" "$(grep -c rules "$work/calls" || true)" 0
ash "$work/firewall.inpath"
tap_is "firewall, not running: no rules" "$(grep -c 'rules\|offload' "$work/calls" || true)" 0
reset
ash "$work/firewall.inpath"
tap_is "firewall loaded: offload first, then rules" "$(grep -v init "$work/calls" | grep -v '^inpath running')" "fw4-offload
inpath-rules up"

reset
ash "$work/inpath.defaults"
tap_is "installed: the include is registered" "$(grep -c 'firewall.inpath' "$work/calls")" 5
reset
echo firewall.inpath=include >"$work/uci"
ash "$work/inpath.defaults"
tap_is "installed again: it is left alone" "$(grep -c batch "$work/calls" || true)" 0

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
tap_is "offload: rule and flow table made anew in one transaction" "$(grep -v '^inpathd' "$work/calls")" "delete rule inet fw4 forward handle 7
delete flowtable inet fw4 ft
table inet fw4 { flowtable ft { devices = { a }; } }
insert rule inet fw4 forward meta l4proto { tcp, udp } ct mark & 0x0c000000 == 0x08000000 flow add @ft"
reset
offload "$plain" 0
tap_is "offload: where that is refused, the rule alone" "$(tail -n 1 "$work/calls")" \
	"nft replace rule inet fw4 forward handle 7 meta l4proto { tcp, udp } ct mark & 0x0c000000 == 0x08000000 flow add @ft"
reset
offload "$ours" 1
tap_is "offload: done already: nothing" "$(grep -v '^inpathd' "$work/calls")" ""
reset
offload "$ours" 1 undo
tap_is "offload undo: the plain rule" "$(tail -n 1 "$work/calls")" "insert rule inet fw4 forward meta l4proto { tcp, udp } flow add @ft"
reset
offload "$plain" 1 undo
tap_is "offload undo: undone already: nothing" "$(grep -v '^inpathd' "$work/calls")" ""
reset
offload 'accept # handle 7' 1
tap_is "offload: no such rule: nothing" "$(grep -v '^inpathd' "$work/calls")" ""
marks=''
status=0
offload "$plain" 1 2>"$work/said" || status=$?
tap_is "offload: an inpathd that names no marks: said, nothing done" "$status $(wc -l <"$work/said")" "1 1"

# --- /etc/config/inpath ----------------------------------------------------------------------------

# Prints what inpathd is given for the configuration that stands on the standard input.
render() {
	cat >"$work/config"
	PATH="$work/bin:$PATH" busybox ash "$files/uci-render" 2>&1
}
judged() { # what the real inpathd makes of it: its settings, or what is wrong
	render >"$work/rendered" || { cat "$work/rendered"; return 0; }
	"$build/inpathd" -t -c "$work/rendered" 2>&1 | sed "s#$work/##" | grep -v 'at most' || true
}
reset
tap_is "config: all kinds of values" "$(render <<'END'
config inpath 'main'
	option enabled '1'
	option services '/etc/inpath/services'
config gateway 'gateway'
	option lan 'br-lan br-guest'
	option wan 'auto'
	option queue '600'
	option mark_probe '0x04000000'
	option accounting '1'
config log 'log'
	option clients 'hash'
	option hops 'no'
config policy 'bank'
	option action 'ignore'
	list domains 'bank.example'
	list domains 'safe.example'
config policy 'later'
	option enabled '0'
config policy
	option name 'TV & "films"'
	list clients 'livingroom-tv'
	list ports '443'
	list ports '8000-8100'
	option protocols 'tcp quic'
	option interval '30'
END
)" 'gateway = {
	lan = ( "br-lan", "br-guest" );
	wan = "auto";
	queue = 600;
	mark_probe = 0x04000000;
	accounting = true;
};
log = {
	clients = "hash";
	hops = false;
};
services = "/etc/inpath/services";
policies = (
{
	name = "bank";
	action = "ignore";
	domains = ( "bank.example", "safe.example" );
},
{
	name = "TV & \"films\"";
	clients = ( "livingroom-tv" );
	ports = ( 443, "8000-8100" );
	protocols = ( "tcp", "quic" );
	interval = 30;
}
);'
mv "$work/config" "$work/config.all"
tap_is "config: inpathd takes it" "$(sed '/services/d' "$work/config.all" | judged)" ""
tap_is "config: the shipped one is good, and is what a router of 128 MB wants" "$(judged <"$files/inpath.config") $(
	grep -c 'flows = 8192\|names = 4096\|hellos = 32\|traces = 64\|histories = 256' "$work/rendered")" " 5"
tap_is "config: nothing in it: the defaults" "$(judged </dev/null)$(cat "$work/rendered")" ""
tap_is "config: all policies switched off: nothing is traced" "$(render <<'END'
config policy 'all'
	option enabled 'off'
END
)" 'policies = ( { name = "none"; action = "ignore"; } );'
# shellcheck disable=SC2016,SC1003 # not to be expanded, ever
hostile='"; }; policies = (); x = "\'"'"'$(touch '"$work"'/pwned) `touch '"$work"'/pwned` * ; %s %n'
escaped=$(printf '%s' "$hostile" | sed "s/'/'\\\\''/g")
printf "config policy 'a'\n\toption name '%s'\nconfig gateway\n\toption queue '%s'\n\tlist lan '%s'\nconfig policy 'b'\n\tlist ports '%s'\n" \
	"$escaped" "$escaped" "$escaped" "$escaped" >"$work/hostile"
quoted=\"$(printf '%s' "$hostile" | sed 's/[\\"]/\\&/g')\"
tap_is "config: a value stays a value, whatever it holds" "$(render <"$work/hostile")" "gateway = {
	queue = $quoted;
	lan = ( $quoted );
};
policies = (
{
	name = $quoted;
},
{
	name = \"b\";
	ports = ( $quoted );
}
);"
tap_is "config: and nothing of it was run" "$([ ! -e "$work/pwned" ] && echo nothing)" nothing
tap_is "config: a line's end in a value is none in the result" "$(printf "config policy 'p'\n\toption name 'a\nb\tc'\n" | render)" 'policies = (
{
	name = "a b c";
}
);'
tap_is "config: no number where one belongs: inpathd says where" "$(judged <<'END'
config probe
	option interval 'often'
END
)" "rendered:2: probe.interval: must be a whole number, 1..86400"
refused() { # WHAT WORD: said in one line, and nothing printed
	status=0
	render >"$work/rendered" || status=$?
	tap_is "config: refused: $1" "$status $(wc -l <"$work/rendered") $(grep -c "$2" "$work/rendered" || true)" "1 1 1"
}
refused "an unknown section" "'gatewy'" <<'END'
config policy 'good'
config gatewy
END
refused "an option that is none" "'1nterval'" <<'END'
config probe
	option 1nterval '1'
END
refused "a list where one value belongs" "'interval'" <<'END'
config probe
	list interval '1'
END
refused "an unknown option of the first section" "'enable'" <<'END'
config inpath 'main'
	option enable '0'
END
refused "a file that is not there" /no/such/file <<'END'
config inpath 'main'
	option file '/no/such/file'
END
printf '# mine\n' >"$work/mine.conf"
tap_is "config: a file of one's own is taken as it is" "$(render <<END
config inpath 'main'
	option file '$work/mine.conf'
config gateway
	option queue '1'
END
)" "# mine"

# --- the package -----------------------------------------------------------------------------------

# What of OpenWrt's build system its Makefile uses; the programs are those of this machine.
mkdir "$work/sdk"
cat >"$work/sdk/rules.mk" <<-END
	INCLUDE_DIR := $work/sdk
	INSTALL_DIR := install -d -m0755
	INSTALL_BIN := install -m0755
	INSTALL_DATA := install -m0644
	INSTALL_CONF := install -m0600
	CP := cp -fpR
	LN := ln -sf
END
cat >"$work/sdk/package.mk" <<END
PKG_BUILD_DIR := $work/sdk/\$(PKG_NAME)-\$(PKG_VERSION)
define Build/Compile/Default
	mkdir -p \$(PKG_BUILD_DIR)/build
	cp $build/inpathd $build/inpath \$(PKG_BUILD_DIR)/build/
endef
define BuildPackage
all:
	\$(call Build/Prepare)
	\$(call Build/Compile)
	\$(call Package/\$(1)/install,$work/installed)
depends:
	\$(eval \$(Package/\$(1)))
	@echo '\$(DEPENDS)'
endef
END
make --no-print-directory -s -C "$root/etc/openwrt/inpath" TOPDIR="$work/sdk" all >"$work/said" 2>&1 || cat "$work/said"
tap_is "package: every file is at its place" "$(cd "$work/installed" && find . ! -type d ! -path './etc/inpath/services/*' -printf '%m %p\n' | sort -k 2)" \
	"644 ./etc/capabilities/inpath.json
600 ./etc/config/inpath
644 ./etc/hotplug.d/iface/95-inpath
755 ./etc/init.d/inpath
777 ./etc/inpath/inpath.conf
644 ./etc/uci-defaults/95-inpath
755 ./usr/sbin/inpath
755 ./usr/sbin/inpath-rules
755 ./usr/sbin/inpathd
755 ./usr/share/inpath/firewall.inpath
755 ./usr/share/inpath/fw4-offload
644 ./usr/share/inpath/inpath.nft
755 ./usr/share/inpath/uci-render"
tap_is "package: all service lists are there" "$(find "$work/installed/etc/inpath/services" -name '*.conf' | wc -l)" "$(find "$root/etc/services" -name '*.conf' | wc -l)"
tap_is "package: the configuration that all read is the rendered one" "$(readlink "$work/installed/etc/inpath/inpath.conf")" /var/etc/inpath.conf
tap_is "package: its version is the program's" "$(basename "$work"/sdk/inpath-*)" "inpath-$("$build/inpathd" --version | sed 's/.* //')"
tap_is "package: the kernel's modules that it needs are named" "$(make --no-print-directory -s -C "$root/etc/openwrt/inpath" TOPDIR="$work/sdk" depends |
	tr ' ' '\n' | grep kmod | sort | paste -sd' ')" "+kmod-nf-conntrack-netlink +kmod-nfnetlink-log +kmod-nft-queue"
while read -r path; do
	[ -e "$work/installed$path" ] || tap_is "package: $path, which a script names, is in it" absent there
done < <(grep -hoE '/usr/(sbin/inpath|share/inpath/)[a-z0-9.-]+' "$files"/* | sort -u)

for script in inpath.init inpath.hotplug firewall.inpath inpath.defaults fw4-offload uci-render; do
	tap_is "$script: ash can read it" "$(ash -n "$work/$script" 2>&1)" ""
done
ash -n "$root/rules/inpath-rules"
tap_is "inpath-rules: ash can read it" "$?" 0
tap_done
