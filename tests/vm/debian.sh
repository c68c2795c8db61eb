#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debian [BUILD]: a gateway that is a Debian of its own, systemd booted: inpath's package installed, which starts it; the
# firewall reloaded, the daemon crashed and hung, stopped, upgraded, purged; flows are traced all along, and nothing is left.
# shellcheck disable=SC2016,SC2317 # what is evaluated in there is meant to be
set -euo pipefail
. "$(dirname "$0")/../netns/lib.sh"

# A command in the booted Debian.
inside() {
	nsenter -t "$INIT" -m -p -C -n -r -w /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C "$@"
}

# Its own mounts, processes and cgroups; of the network, gw's. No device but the harmless ones.
boot() {
	cat >"$NET_WORK/boot" <<-END
		set -e
		mount --make-rprivate /
		mkdir -p $NET_WORK/up $NET_WORK/debian
		mount -t tmpfs up $NET_WORK/up
		mkdir $NET_WORK/up/upper $NET_WORK/up/work
		mount -t overlay -o lowerdir=$DEBIAN,upperdir=$NET_WORK/up/upper,workdir=$NET_WORK/up/work overlay $NET_WORK/debian
		cd $NET_WORK/debian
		mount -t proc proc proc
		mount -t sysfs sys sys
		mount -t cgroup2 cgroup sys/fs/cgroup
		mount -t tmpfs run run
		mount -t tmpfs dev dev
		for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 dev/\${node%:*} c 1 \${node#*:}; done
		mkdir dev/shm dev/pts
		ln -s /proc/self/fd dev/fd
		cp "$PACKAGE" root/inpath.deb
		# This root is no mount of its own as systemd wants one to put another /dev there.
		mkdir -p etc/systemd/system/service.d
		printf '[Service]\nPrivateDevices=no\n' >etc/systemd/system/service.d/here.conf
		cp $NET_WORK/nftables.conf etc/nftables.conf
		ln -sf /lib/systemd/system/nftables.service etc/systemd/system/multi-user.target.wants/nftables.service
		exec env -i container=other PATH=/usr/sbin:/usr/bin chroot . /lib/systemd/systemd --system --unit=multi-user.target
	END
	spawn gw "$NET_WORK/boot.log" unshare -p -m -C -u -f --kill-child bash "$NET_WORK/boot"
	wait_for 60 first_process || { cat "$NET_WORK/boot.log" >&2; return 1; }
	INIT=$(pgrep -P "$SPAWNED")
	wait_for 120 booted || { inside systemctl --no-pager list-jobs >&2; return 1; }
}

dpkg_inside() {
	if ! inside DEBIAN_FRONTEND=noninteractive dpkg "$@" >"$NET_WORK/dpkg" 2>&1 || grep -qi warning "$NET_WORK/dpkg"; then
		cat "$NET_WORK/dpkg" >&2
		return 1
	fi
}

# To the same program, under a later version's number.
upgrade() {
	dpkg-deb -R "$PACKAGE" "$NET_WORK/next"
	sed -i 's/^Version: .*/Version: 99/' "$NET_WORK/next/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip -b "$NET_WORK/next" "/proc/$INIT/root/root/next.deb" >/dev/null
	dpkg_inside -i /root/next.deb
}

first_process() {
	[ "$(cat "/proc/$(pgrep -P "$SPAWNED")/comm" 2>/dev/null)" = systemd ]
}

booted() {
	case $(inside systemctl is-system-running 2>/dev/null) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

active() {
	[ "$(inside systemctl is-active "$1" 2>/dev/null)" = active ]
}

rules_complete() {
	inside inpath-rules status >/dev/null
}

NEXT=20000
# A flow on a port of its own has its record, and the content arrives whole.
traced() {
	local family=$1 sport=$((NEXT++))
	INPATH_LOG=/proc/$INIT/root/var/log/inpath/inpath.log
	home_curl tv "$family" --local-port "$sport" "https://$S1_NAME/large.bin" -o "$NET_WORK/got" &&
		cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin" && wait_for_record 20 ev=path "sport=$sport" >/dev/null
}

main_pid() {
	inside systemctl show -p MainPID --value inpathd
}

# The worker as its own namespace numbers it.
worker() {
	inside pgrep -P "$(main_pid)" inpathd
}

restarted_since() {
	local now
	now=$(main_pid)
	[ "$now" != 0 ] && [ "$now" != "$1" ] && active inpathd && rules_complete
}

if ! DEBIAN=$("$NET_ROOT/tests/vm/debian_root" 2>&1); then
	tap_skip "a Debian of its own" "${DEBIAN%%$'\n'*}"
	tap_done
fi
PACKAGE=$(echo "$(cd "${1:-build}" && pwd)"/inpath_*.deb)
if [ ! -e "$PACKAGE" ]; then
	tap_skip "a Debian of its own" "there is no package: run \`make deb\`"
	tap_done
fi
HOME_LARGE_MB=1
net_begin debian "${1:-}"
home_up nat6
for tables in iptables ip6tables; do
	on gw "$tables" -P FORWARD ACCEPT
	on gw "$tables" -F FORWARD
	on gw "$tables" -t nat -F
done
cat >"$NET_WORK/nftables.conf" <<-'END'
	flush ruleset
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			iifname "br-lan" oifname "wan" accept
		}
		chain postrouting {
			type nat hook postrouting priority srcnat;
			oifname "wan" masquerade
		}
	}
END
printf 'log = { syslog = true; file = "/var/log/inpath/inpath.log"; };\n' >"$NET_WORK/inpath.conf"
boot
tap_ok "installed: dpkg has nothing against it" dpkg_inside -i /root/inpath.deb
tap_ok "installed: it runs at once, and will at each boot; its rules are complete" eval \
	'[ "$(inside systemctl is-enabled inpathd 2>/dev/null)" = enabled ] && wait_for 30 active inpathd && wait_for 10 rules_complete'
tap_is "installed: systemd has nothing against the unit" "$(inside systemd-analyze verify --man=no inpathd.service 2>&1 | grep inpath || true)" ""
cp "$NET_WORK/inpath.conf" "/proc/$INIT/root/etc/inpath/inpath.conf"
tap_ok "another configuration: it starts with that" inside systemctl restart inpathd
if ! active inpathd; then
	inside journalctl --no-pager -u inpathd -n 30 >&2
	tap_done
fi
tap_ok "started: it is active, its rules are complete" eval 'active inpathd && rules_complete'
status() { # PID KEY: of /proc/PID/status
	inside sed -n "s/^$2:\t\([^\t]*\).*/\1/p" "/proc/$1/status"
}
RUNS_AS=$(inside id -u inpath)
tap_is "started: the worker is a user of its own, with rights over the network alone, under a filter" \
	"$(for key in Uid CapPrm CapBnd CapAmb NoNewPrivs Seccomp; do status "$(worker)" $key; done | paste -sd' ')" \
	"$RUNS_AS 0000000000003000 0000000000003000 0000000000000000 1 2"
tap_is "started: its keeper has none" \
	"$(for key in Uid CapPrm CapAmb NoNewPrivs Seccomp; do status "$(main_pid)" $key; done | paste -sd' ')" \
	"$RUNS_AS 0000000000000000 0000000000000000 1 2"
tap_ok "started: it says that nothing is lacking" eval 'inside grep -q "ev=start .* unconfined=-" /var/log/inpath/inpath.log'
tap_ok "started: flows are traced, IPv4" traced 4
tap_ok "started: flows are traced, IPv6" traced 6
tap_ok "started: inpath status finds it" eval 'inside inpath status | grep -q "inpathd .* runs since"'
tap_ok "reloaded by systemctl: it goes on" eval 'inside systemctl reload inpathd && active inpathd && rules_complete'
before=$(main_pid)
tap_ok "the firewall reloaded, which flushes all tables: it reloads along" inside systemctl reload nftables
tap_ok "the firewall reloaded: the rules are there again" wait_for 20 rules_complete
tap_is "the firewall reloaded: it is the same process" "$(main_pid)" "$before"
tap_ok "the firewall reloaded: flows are traced" traced 4
tap_ok "the firewall restarted: it is restarted with it" eval \
	'inside systemctl restart nftables && wait_for 30 restarted_since "$before" && traced 6'
before=$(main_pid)
inside kill -SEGV "$(worker)"
tap_ok "crashed: it is started again, rules and all" wait_for 30 restarted_since "$before"
tap_ok "crashed: flows are traced" traced 4
before=$(main_pid)
inside kill -STOP "$(worker)"
tap_ok "stopped by a signal: it is killed and started again" wait_for 30 restarted_since "$before"
tap_ok "stopped by a signal: flows are traced" traced 6
tap_ok "stopped: no rules are left" eval 'inside systemctl stop inpathd && [ "$(inside inpath-rules status; echo $?)" = "inpath-rules: absent
3" ]'
tap_ok "stopped: it has ended well" eval '[ "$(inside systemctl show -p Result --value inpathd)" = success ]'
home_curl tv 4 "https://$S1_NAME/large.bin" -o "$NET_WORK/got"
tap_ok "stopped: traffic flows" cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin"
inside systemctl start inpathd
before=$(main_pid)
tap_ok "upgraded: dpkg has nothing against it, and asks nothing" eval 'upgrade </dev/null'
tap_ok "upgraded: it is restarted, rules and all" wait_for 30 restarted_since "$before"
tap_ok "upgraded: the configuration is the admin's" cmp "$NET_WORK/inpath.conf" "/proc/$INIT/root/etc/inpath/inpath.conf"
tap_ok "upgraded: flows are traced" traced 6
tap_ok "purged while it runs: dpkg has nothing against it" dpkg_inside -P inpath
tap_is "purged: no rules are left" "$(inside nft list tables)" "$(printf 'table inet filter')"
tap_is "purged: no process, no user, no file" "$(inside pgrep inpath || true)$(inside getent passwd inpath || true)$(
	inside find / -xdev -name '*inpath*' ! -path '/proc/*' ! -path '/sys/*' ! -path '/tmp/*' ! -path '/root/*')" ""
tap_is "purged: systemd knows it no more" "$(inside systemctl list-unit-files --no-legend 'inpath*')" ""
home_curl tv 4 "https://$S1_NAME/large.bin" -o "$NET_WORK/got"
tap_ok "purged: traffic flows" cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin"
tap_done
