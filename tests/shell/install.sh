#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install [BUILD]: make install and uninstall into a folder: everything at its place, what a person changed kept, and the
# manual complete.
# shellcheck disable=SC2012,SC2013 # the names are our own, without spaces
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

into() {
	make --no-print-directory -s -C "$root" BUILD="$build" DESTDIR="$work/root" "$@" >"$work/said" 2>&1 ||
		{ cat "$work/said"; return 1; }
}

installed() {
	(cd "$work/root" && find . -type f ! -path './etc/inpath/services/*' | sed 's/^\.//' | sort)
}

into PREFIX=/usr install
tap_is "every file is at its place" "$(installed)" "/etc/inpath/inpath.conf
/etc/logrotate.d/inpath
/usr/lib/systemd/system/inpathd.service
/usr/lib/sysusers.d/inpath.conf
/usr/sbin/inpath
/usr/sbin/inpath-rules
/usr/sbin/inpathd
/usr/share/bash-completion/completions/inpath
/usr/share/fish/vendor_completions.d/inpath.fish
/usr/share/inpath/examples/rsyslog.conf
/usr/share/inpath/inpath.iptables
/usr/share/inpath/inpath.nft
/usr/share/man/man5/inpath.conf.5
/usr/share/man/man8/inpath-rules.8
/usr/share/man/man8/inpath.8
/usr/share/man/man8/inpathd.8
/usr/share/zsh/vendor-completions/_inpath"
tap_is "programs can be run" "$(stat -c '%a' "$work"/root/usr/sbin/* | sort -u)" 755
tap_is "the unit names them" "$(grep -c '/usr/sbin/inpath' "$work/root/usr/lib/systemd/system/inpathd.service") $(grep -c '@[A-Z]' \
	<(grep -v '^#' "$work/root/usr/lib/systemd/system/inpathd.service") || true)" "5 0"
tap_is "all service lists are there" "$(ls "$work/root/etc/inpath/services" | wc -l)" "$(ls "$root"/etc/services/*.conf | wc -l)"
tap_is "the rules find their text" "$(INPATHD="$root/$build/inpathd" "$work/root/usr/sbin/inpath-rules" print --backend nft \
	-c <(printf 'gateway = { lan = "l"; wan = "w"; };') | grep -c '^table')" 1
tap_is "the default configuration is good" "$("$work/root/usr/sbin/inpathd" -t -c "$work/root/etc/inpath/inpath.conf" 2>&1)" \
	"$("$work/root/usr/sbin/inpathd" -t -c /dev/null 2>&1)"
defaults() {
	"$work/root/usr/sbin/inpathd" -p -c "$1" 2>/dev/null
}
# An option's comment shows its default: all of them written out change nothing.
sed 's|^\(	*\)// \([a-z_]* = .*;\)|\1\2|; s|^// \(services = \)|\1|' "$root/etc/inpath.conf" |
	sed 's|"/etc/inpath/services"|"'"$work/root"'/etc/inpath/services"|' >"$work/written"
tap_is "the defaults that it shows are the real ones" "$(defaults "$work/written" | grep -v SERVICES=)" \
	"$(defaults /dev/null | grep -v SERVICES=)"
tap_is "and it shows nearly all of them" "$([ "$(grep -c '^	[a-z_]* = ' "$work/written")" -ge 25 ] && echo yes)" yes

echo '# mine' >>"$work/root/etc/inpath/inpath.conf"
echo 'my.example' >"$work/root/etc/inpath/services/mine.conf"
into PREFIX=/usr install
tap_is "installed again: a changed configuration is kept, and it says so" \
	"$(tail -n 1 "$work/root/etc/inpath/inpath.conf") $(grep -c 'is kept' "$work/said")" "# mine 1"
into PREFIX=/usr uninstall
tap_is "uninstalled: the configuration is left, and nothing else" "$(installed)" "/etc/inpath/inpath.conf
/etc/inpath/inpath.conf.new"
into PREFIX=/usr uninstall
tap_is "uninstalled again: nothing to say against" "$?" 0

into install
tap_is "by default to /usr/local, and the unit where a machine's own are" \
	"$(installed | grep -c '^/usr/local/sbin') $(installed | grep service)" "3 /etc/systemd/system/inpathd.service"

# --- the manual -------------------------------------------------------------------------------------

page() {
	cat "$work/root/usr/local/share/man/man${1##*.}/$1"
}
missing=
for word in $(sed -n 's/^\tX(\([a-z_]*\),.*/\1/p' "$root/include/inpath/stats.h"); do
	grep -q "^\.It Cm $word\$" <(page inpathd.8) || missing+=" $word"
done
tap_is "inpathd(8) has every counter" "$missing" ""
missing=
for word in $(sed -n 's/^[	 ]*{ "\([a-z_]*\)", CONFIG_KIND_.*/\1/p' "$root"/gateway/daemon/config*.c | sort -u); do
	grep -qw "$word" <(page inpath.conf.5) || missing+=" $word"
done
tap_is "inpath.conf(5) has every option" "$missing" ""
missing=
for verb in $("$root/$build/inpath" --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p'); do
	grep -q "^\.It Cm $verb" <(page inpath.8) || missing+=" $verb"
	for option in $("$root/$build/inpath" "$verb" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'); do
		grep -q "^\.It.* Fl -$option" <(page inpath.8) || missing+=" $verb--$option"
	done
done
tap_is "inpath(8) has every verb and option" "$missing" ""
if command -v groff >/dev/null; then
	for name in inpath.8 inpathd.8 inpath.conf.5 inpath-rules.8; do
		tap_is "$name: no warning" "$(groff -mandoc -ww -Tutf8 <(page "$name") 2>&1 >"$work/text")" ""
	done
fi
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/local/sbin|$work/root/usr/local/sbin|" "$work/root/etc/systemd/system/inpathd.service" >"$work/inpathd.service"
	tap_is "systemd finds nothing wrong with the unit" "$(systemd-analyze verify --man=no "$work/inpathd.service" 2>&1 | grep inpathd || true)" ""
fi
tap_done
