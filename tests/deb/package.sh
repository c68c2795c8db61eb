#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# package: the Debian package on a small Debian of its own, with dpkg and without systemd: installed, run, upgraded over a
# configuration that a person has changed, removed, purged; in the end every file is as it was.
# With systemd booted: tests/vm/debian.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"

skip() {
	tap_skip "a Debian package" "$1"
	tap_done
}

# Mounts, processes and network of its own: all are gone when this ends.
if [ "${1:-}" != --apart ]; then
	[ "$(id -u)" -eq 0 ] || skip "another root needs root"
	command -v dh >/dev/null || skip "debhelper is missing: run \`make deps\`"
	base=$("$here/../vm/debian_root" 2>&1) || skip "$base"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	"$here/build" "$work/build" >"$work/said" 2>&1 && status=0 || status=$?
	tap_is "it builds, and lintian has nothing against it" "$status $(grep -v '^  DEB' "$work/said" || true)" "0 "
	[ "$TAP_FAILED" -eq 0 ] || exit 1
	unshare -m -n -p -f --mount-proc --kill-child "$0" --apart "$base" "$work" "$(echo "$work"/build/inpath_*.deb)"
	exit
fi
base=$2 work=$3 package=$4
TAP_COUNT=1
root=$work/root
mkdir "$root" "$work/up"
mount --make-rprivate /
mount -t tmpfs up "$work/up"
mkdir "$work/up/upper" "$work/up/work"
mount -t overlay -o "lowerdir=$base,upperdir=$work/up/upper,workdir=$work/up/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs run "$root/run"
mount -t tmpfs dev "$root/dev"
for node in null:3 zero:5 urandom:9; do
	mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
mkdir "$root/run/debs"
ip link set lo up
ip link add lan type veth peer name lan-far
ip link add wan type veth peer name wan-far
for interface in lan lan-far wan wan-far; do
	ip link set "$interface" up
done
ip address add 192.168.7.1/24 dev lan
ip address add 192.0.2.2/24 dev wan
ip route add default via 192.0.2.1

inside() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# dpkg ARGUMENT...: its words are shown if it fails; what it asks is answered from the standard input.
dpkg_inside() {
	inside dpkg "$@" >"$work/dpkg" 2>&1 || {
		sed 's/^/# /' "$work/dpkg"
		return 1
	}
}

# Every file, and what is in it; but for the notes and logs of dpkg and its tools, and the copies of /etc/passwd as it was before.
files() {
	(cd "$root" && find . -xdev -printf '%M %u %g %p %l\n' && find . -xdev -type f ! -path './var/lib/dpkg/*' ! -path './var/log/*' \
		! -path './var/cache/*' ! -path './etc/*-' -print0 | xargs -0 sha256sum) | sort
}

# The same program under a later version's number, with another default configuration and another list.
next_version() {
	local tree=$work/next
	dpkg-deb -R "$package" "$tree"
	sed -i "s/^Version: .*/Version: $1/" "$tree/DEBIAN/control"
	echo "# of version $1" >>"$tree/etc/inpath/inpath.conf"
	echo "# of version $1" >>"$tree/etc/inpath/services/netflix.conf"
	echo "# of version $1" >>"$tree/etc/inpath/services/hulu.conf"
	dpkg-deb --root-owner-group -b "$tree" "$root/run/debs/next.deb" >/dev/null
	rm -rf "$tree"
}

state() {
	# shellcheck disable=SC2016 # a word of dpkg's
	inside dpkg-query -W -f '${Status} ${Version}' inpath 2>/dev/null
}

cp "$package" "$root/run/debs/inpath.deb"
version=$(dpkg-deb -f "$package" Version)
files >"$work/before"

# --- installed ---------------------------------------------------------------------------------

dpkg_inside -i /run/debs/inpath.deb
tap_is "installed: all that it depends on is named, and it is configured" "$(state)" "install ok installed $version"
tap_is "installed: every file is as it was packed" "$(inside dpkg -V inpath)" ""
tap_is "installed: all libraries are there" "$(inside ldd /usr/sbin/inpathd /usr/sbin/inpath | grep 'not found' || true)" ""
tap_is "installed: the programs are of the package's version" "$(inside inpath --version) $(inside inpathd --version | head -n 1)" \
	"inpath $version inpathd $version"
tap_is "installed: a user of its own that nobody can log in as" "$(inside getent passwd inpath | cut -d: -f1,6-)" "inpath:/:/usr/sbin/nologin"
tap_is "installed: it starts at the next boot" "$(readlink "$root/etc/systemd/system/multi-user.target.wants/inpathd.service")" \
	/lib/systemd/system/inpathd.service
tap_is "installed: all of its configuration is the admin's to keep" \
	"$(cd "$root" && find etc/inpath etc/logrotate.d/inpath -type f | sed 's|^|/|' | sort)" \
	"$(inside cat /var/lib/dpkg/info/inpath.conffiles | sort)"

# --- run -----------------------------------------------------------------------------------------

tap_is "its configuration is good" "$(inside inpathd -t 2>&1 && echo good)" "$(inside inpathd -t -c /dev/null 2>&1 && echo good)"
tap_is "the rules can be printed" "$(inside inpath-rules print --backend nft 2>&1 | grep -c '^table')" 1
# As the unit has it made.
inside install -d -m 700 -o inpath -g inpath /run/inpath
env -i PATH=/usr/sbin:/usr/bin chroot "$root" inpathd >"$work/daemon" 2>&1 &
keeper=$!
for ((i = 0; i < 100; i++)); do
	! inside inpath status >"$work/status" 2>&1 || break
	sleep 0.1
done
tap_is "it runs, and the command finds it" "$(grep -c 'runs since' "$work/status")" 1
uid=$(inside id -u inpath)
tap_is "it runs as its user" "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$(pgrep -P "$keeper")/status")" "$uid"
kill -TERM "$keeper"
wait "$keeper" && status=0 || status=$?
tap_is "it ends well" "$status" 0
rm -rf "$root/run/inpath"

# --- upgraded ------------------------------------------------------------------------------------

echo '# mine' >>"$root/etc/inpath/inpath.conf"
echo 'my.example' >"$root/etc/inpath/services/mine.conf"
rm "$root/etc/inpath/services/hulu.conf"
next_version 99
tap_is "upgraded: a changed configuration is never replaced unasked" "$(dpkg_inside -i /run/debs/next.deb </dev/null >/dev/null 2>&1 && echo replaced
	tail -n 1 "$root/etc/inpath/inpath.conf")" "# mine"
dpkg_inside -i /run/debs/next.deb <<<$'N\nN' || true
tap_is "upgraded: it asked, and works on" "$(grep -c "^Configuration file '/etc/inpath/inpath.conf'" "$work/dpkg") $(state)" "1 install ok installed 99"
tap_is "upgraded: asked to keep it, it kept it, with the new one beside it" \
	"$(tail -n 1 "$root/etc/inpath/inpath.conf") $(tail -n 1 "$root/etc/inpath/inpath.conf.dpkg-dist")" "# mine # of version 99"
tap_is "upgraded: what nobody had changed is new, what was deleted stays so, one's own is untouched" \
	"$(tail -n 1 "$root/etc/inpath/services/netflix.conf") $([ -e "$root/etc/inpath/services/hulu.conf" ] || echo gone) $(cat "$root/etc/inpath/services/mine.conf")" \
	"# of version 99 gone my.example"

# --- removed, purged -----------------------------------------------------------------------------

mkdir -p "$root/var/log/inpath"
inside chown inpath:inpath /var/log/inpath
echo ev=start >"$root/var/log/inpath/inpath.log"
dpkg_inside -r inpath
tap_is "removed: the configuration and the log stay" "$(tail -n 1 "$root/etc/inpath/inpath.conf") $(cat "$root/var/log/inpath/inpath.log") $(state)" \
	"# mine ev=start deinstall ok config-files 99"
tap_is "removed: the programs are gone" "$(cd "$root/usr" && find . -name '*inpath*')" ""
dpkg_inside -i /run/debs/next.deb
tap_is "installed again: with the configuration as it was" "$(tail -n 1 "$root/etc/inpath/inpath.conf") $(state)" "# mine install ok installed 99"
dpkg_inside -P inpath
tap_is "purged: dpkg knows it no more" "$(state || true)" ""
tap_is "purged: nothing was said against it" "$(grep -i 'warning\|could not' "$work/dpkg" || true)" ""
tap_is "purged: every file is as it was" "$(files | diff "$work/before" - || true)" ""
tap_done
