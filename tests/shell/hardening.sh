#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hardening [BUILD]: what the compiler and the linker did for the programs; that the same source gives the same bytes in
# another folder at another time; and what systemd thinks of the unit.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
build=$(cd "$root" && cd "${1:-build}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has() { # WORDS, in what readelf says of $program
	grep -qE -- "$1" "$work/elf"
}

for program in inpathd inpath; do
	readelf --wide --headers --dynamic --symbols "$build/$program" >"$work/elf"
	tap_ok "$program: may lie anywhere (PIE)" has 'Type: *DYN'
	tap_ok "$program: full RELRO" eval 'has GNU_RELRO && has "BIND_NOW|FLAGS.* NOW"'
	tap_ok "$program: its stack is not executable" has 'GNU_STACK .* RW '
	tap_ok "$program: no memory is both writable and executable" eval '! has "LOAD .* RWE "'
	tap_ok "$program: its stack is guarded" has __stack_chk_fail
	tap_ok "$program: string functions are checked" has '__(memcpy|snprintf|vsnprintf|read|fprintf)_chk'
	tap_ok "$program: looks for libraries nowhere else" eval '! has "RPATH|RUNPATH"'
done

mkdir "$work/elsewhere"
cp -r "$root/Makefile" "$root/gateway" "$root/include" "$work/elsewhere/"
for name in tests etc rules; do
	ln -s "$root/$name" "$work/elsewhere/$name"
done
make --no-print-directory -s -C "$work/elsewhere" -j2 BUILD=out out/inpathd out/inpath >"$work/said" 2>&1 || cat "$work/said"
for program in inpathd inpath; do
	tap_ok "$program: built in another folder it is the same, byte by byte" cmp "$build/$program" "$work/elsewhere/out/$program"
done

if command -v systemd-analyze >/dev/null; then
	sed 's|@SBIN@|/usr/sbin|; s|@RUN_AS@|inpath|' "$root/etc/systemd/inpathd.service" >"$work/inpathd.service"
	systemd-analyze security --offline=true --no-pager "$work/inpathd.service" >"$work/exposure" 2>/dev/null || true
	figure=$(sed -n 's/.*exposure level for inpathd.service: \([0-9.]*\).*/\1/p' "$work/exposure")
	echo "# exposure by systemd-analyze: ${figure:-unknown}"
	tap_ok "the unit: exposed by 2.0 of 10 at most" awk -v figure="${figure:-10}" 'BEGIN { exit figure > 2.0 }'
else
	tap_skip "the unit: exposed by 2.0 of 10 at most" "no systemd-analyze here"
fi
tap_done
