#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# records [BUILD]: what `inpath` makes of a log that was written down (tests/cli/evening.log): the tables, as wide as
# the terminal and no wider, and the same as JSON; what is wrong in a log or a command line is said.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-build}
inpath=$build/inpath
log=$root/tests/cli/evening.log
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC
unset COLUMNS INPATH_CONTROL
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

# The exit status, and what standard error said.
wrong() {
	local status=0
	"$inpath" "$@" >/dev/null 2>"$work/said" </dev/null || status=$?
	echo "$status: $(cat "$work/said")"
}

said() {
	"$inpath" "$@" 2>/dev/null
}

is "flows: the latest first, nothing cut where there is no terminal" "$(said flows "$log")" \
	"$(cat "$root/tests/cli/flows.txt")"
is "paths: each way hop by hop" "$(said paths "$log")" "$(cat "$root/tests/cli/paths.txt")"
is "a log may come on standard input" "$(said paths - <"$log")" "$(cat "$root/tests/cli/paths.txt")"
is "flows --json" "$(said flows --json "$log")" "$(cat "$root/tests/cli/flows.json")"
is "paths --json" "$(said paths --json "$log")" "$(cat "$root/tests/cli/paths.json")"
is "a table is as wide as the terminal" \
	"$(COLUMNS=72 said flows "$log" | sed 's/…/./g' | awk '{ if (length > most) most = length } END { print most }')" 72
is "... and what had to be cut is marked" "$(COLUMNS=72 said flows "$log" | grep -c …)" 3
is "only one device" "$(said flows --client livingroom-tv "$log" | tail -n +2 | wc -l)" 1
is "only one domain" "$(said flows --service googlevideo.com "$log" | tail -n +2 | wc -l)" 1
is "only since a time" "$(said flows --since 2025-10-09T08:56 "$log" | tail -n +2 | wc -l)" 2
is "a log without a record is an empty table" "$(said flows /dev/null | wc -l)" 1
is "no byte of a stranger drives the terminal" "$(said flows "$log" | tr -d '\n\40-\176' | sed 's/…//g' | wc -c)" 0
is "lines that are cut are said" "$("$inpath" flows "$log" 2>&1 >/dev/null)" \
	"inpath: $log: 1 lines that are no whole records are left out"
is "a log that is not there" "$(wrong flows "$work/none")" "2: inpath: $work/none: No such file or directory"
is "two logs" "$(wrong paths "$log" x)" "64: inpath: one log at a time: x is too much"
is "no log, and no daemon" "$(INPATH_CONTROL=$work/none wrong why)" \
	"2: inpath: inpathd does not run: start it (systemctl start inpathd)"
epochs=$root/tests/cli/epochs.log
is "epochs: flows" "$(said flows "$epochs")" "$(cat "$root/tests/cli/epochs_flows.txt")"
is "epochs: paths" "$(said paths "$epochs")" "$(cat "$root/tests/cli/epochs_paths.txt")"
is "no time" "$(wrong paths --since noon "$log")" \
	"64: inpath: --since noon is no time: 90s, 10m, 2h, 3d, or 2026-11-21T20:14"
for verb in flows paths; do
	is "$verb --help has an example" "$(said "$verb" --help | grep -c ^Example:)" 1
done

echo "1..$count"
[ "$failed" -eq 0 ]
