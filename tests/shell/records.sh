#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# records [BUILD]: what `inpath` makes of a log that was written down (tests/cli/evening.log): the tables, as wide as
# the terminal and no wider, and the same as JSON; what is wrong in a log or a command line is said.
# shellcheck disable=SC2016 # what is for other shells, they expand
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
build=${1:-build}
inpath=$(realpath "$build/inpath")
log=$root/tests/cli/evening.log
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC
unset COLUMNS INPATH_CONTROL

# The exit status, and what standard error said.
wrong() {
	local status=0
	"$inpath" "$@" >/dev/null 2>"$work/said" </dev/null || status=$?
	echo "$status: $(cat "$work/said")"
}

said() {
	"$inpath" "$@" 2>/dev/null
}

tap_is "flows: the latest first, nothing cut where there is no terminal" "$(said flows "$log")" \
	"$(cat "$root/tests/cli/flows.txt")"
tap_is "paths: each way hop by hop" "$(said paths "$log")" "$(cat "$root/tests/cli/paths.txt")"
tap_is "a log may come on standard input" "$(said paths - <"$log")" "$(cat "$root/tests/cli/paths.txt")"
tap_is "flows --json" "$(said flows --json "$log")" "$(cat "$root/tests/cli/flows.json")"
tap_is "paths --json" "$(said paths --json "$log")" "$(cat "$root/tests/cli/paths.json")"
tap_is "a table is as wide as the terminal" \
	"$(COLUMNS=72 said flows "$log" | sed 's/…/./g' | awk '{ if (length > most) most = length } END { print most }')" 72
tap_is "... and what had to be cut is marked" "$(COLUMNS=72 said flows "$log" | grep -c …)" 3
tap_is "only one device" "$(said flows --client livingroom-tv "$log" | tail -n +2 | wc -l)" 1
tap_is "no names" "$(said flows --no-names "$log" | awk 'NR > 1 && /netflix/ { print $4 }')" 192.168.1.57
tap_is "only one domain" "$(said flows --service googlevideo.com "$log" | tail -n +2 | wc -l)" 1
tap_is "only since a time" "$(said flows --since 2025-10-09T08:56 "$log" | tail -n +2 | wc -l)" 2
tap_is "a log without a record is an empty table" "$(said flows /dev/null | wc -l)" 1
tap_is "no byte of a stranger drives the terminal" "$(said flows "$log" | tr -d '\n\40-\176' | sed 's/…//g' | wc -c)" 0
tap_is "lines that are cut are said" "$("$inpath" flows "$log" 2>&1 >/dev/null)" \
	"inpath: $log: 1 lines that are no whole records are left out"
tap_is "a log that is not there" "$(wrong flows "$work/none")" "2: inpath: $work/none: No such file or directory"
tap_is "two logs" "$(wrong paths "$log" x)" "64: inpath: one log at a time: x is too much"
tap_is "no log, and no daemon" "$(INPATH_CONTROL=$work/none wrong why)" \
	"2: inpath: inpathd does not run: start it (systemctl start inpathd)"
epochs=$root/tests/cli/epochs.log
tap_is "epochs: flows" "$(said flows "$epochs")" "$(cat "$root/tests/cli/epochs_flows.txt")"
tap_is "epochs: paths" "$(said paths "$epochs")" "$(cat "$root/tests/cli/epochs_paths.txt")"
tap_is "no time" "$(wrong paths --since noon "$log")" \
	"64: inpath: --since noon is no time: 90s, 10m, 2h, 3d, or 2026-11-21T20:14"

# --- whose networks routers are in ------------------------------------------------------------------

networks=$work/networks.mmdb
python3 "$root/tests/cli/mmdb.py" "$networks" 100.64.0.0/10 64500 'Example Access' 10.1.0.0/16 string64501 $'<An\e[2Jother>' \
	45.57.0.0/17 4200000000 "$(printf 'long %.0s' {1..40})" 2001:db8::/32 64502 'Six & Co'
if said paths --mmdb "$networks" "$log" >"$work/networks"; then
	tap_is "--mmdb: paths tells them" "$(sed -n '3,5p' "$work/networks" | awk '{ print $2, $7, $8, $9 }' | sed 's/ *$//')" \
		$'100.64.0.1 AS64500 Example Access\n10.1.0.6 AS64501 <An\\x1b[2Jother>\n* -'
	tap_is "... IPv6 routers', too" "$(grep -c 'AS64502 Six & Co' "$work/networks")" 1
	tap_is "... in a table as wide as the terminal" \
		"$(COLUMNS=72 said paths --mmdb "$networks" "$log" | grep '^ ' | sed 's/…/./g' | awk '{ if (length > most) most = length } END { print most }')" 72
	tap_is "... and as JSON" "$(said paths --json --mmdb "$networks" "$log" | python3 -c 'import json, sys
print([(h["asn"], len(h["as"])) for h in json.load(sys.stdin)[0]["hops"] if "asn" in h])')" "[(64500, 14), (64501, 13), (4200000000, 95)]"
	tap_is "a file that is not there" "$(wrong paths --mmdb "$work/none" "$log")" "2: inpath: $work/none: No such file or directory"
	tap_is "a file that is none" "$(wrong why --mmdb "$log" "$log")" "2: inpath: $log: The MaxMind DB file contains invalid metadata"
	# Each byte in turn is another, and each length: it is said what is wrong, or something else is read; nothing worse.
	tap_is "a file that is broken is survived" "$(python3 - "$inpath" "$networks" "$log" "$work/broken" <<'END'
import pathlib
import subprocess
import sys
inpath, whole, log, broken = sys.argv[1:]
whole = pathlib.Path(whole).read_bytes()
cases = [whole[:n] for n in range(0, len(whole), 61)]
cases += [whole[:n] + bytes([whole[n] ^ 0xFF]) + whole[n + 1:] for n in range(3, len(whole), 23)]
bad = 0
for case in cases:
    pathlib.Path(broken).write_bytes(case)
    run = subprocess.run([inpath, "paths", "--mmdb", broken, log], capture_output=True, timeout=60)
    if run.returncode not in (0, 2) or run.returncode == 2 and not run.stderr.startswith(b"inpath: " + broken.encode()):
        bad += 1
        print(run.returncode, run.stderr)
print(bad, len(cases) > 50)
END
	)" "0 True"
else
	tap_is "--mmdb: without libmaxminddb it is said" "$(wrong paths --mmdb "$networks" "$log")" \
		"2: inpath: $networks cannot be read: inpath was built without libmaxminddb"
fi

verbs=$(said --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p')
tap_is "there are verbs" "$(wc -w <<<"$verbs")" 8
for verb in $verbs; do
	tap_is "$verb --help has usage, exit status and an example, in lines that fit" \
		"$(said "$verb" --help | grep -cE "^usage: inpath $verb|^Exit status: 0|^Example: ") $(said "$verb" --help | grep -cE '^.{111}' || true)" "3 0"
	tap_is "$verb: what is not an option" "$(wrong "$verb" --nonsense | grep -o '^[0-9]*')" 64
done
tap_is "no verb of that name" "$(wrong nonsense)" "64: inpath: there is no verb 'nonsense': see inpath --help"
tap_is "too much" "$(wrong status x)" "64: inpath status: x is too much: see inpath status --help"

# --- completion ------------------------------------------------------------------------------------

# complete WORD...: what bash offers for the last of them.
complete_bash() {
	bash -c 'eval "$("$1" completion bash)"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_inpath
		printf "%s\n" "${COMPREPLY[@]}"' bash "$inpath" inpath "$@" | paste -sd' '
}
tap_is "bash: verbs" "$(complete_bash st)" status
tap_is "bash: all verbs" "$(complete_bash '')" "$(paste -sd" " <<<"$verbs") --help --version"
for verb in $verbs; do
	tap_is "bash: $verb takes what its help says" "$(complete_bash "$verb" --)" \
		"$(said "$verb" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | paste -sd' ' | sed 's/.$/& /')--help"
done
tap_is "bash: shells" "$(complete_bash completion '')" "bash zsh fish --help"
tap_is "bash: a log" "$(cd "$root/tests/cli" && complete_bash flows even)" evening.log
tap_is "bash: nobody knows devices' names" "$(complete_bash flows --client '')" ""
tap_is "bash: nothing is said against it" "$(said completion bash | bash -n 2>&1)" ""
if command -v shellcheck >/dev/null; then
	tap_is "bash: nor by shellcheck" "$(said completion bash | shellcheck -s bash -)" ""
fi
if command -v zsh >/dev/null; then
	tap_is "zsh: nothing is said against it" "$(zsh -fc 'autoload -U compinit && compinit -D -u && . =("$1" completion zsh) && whence -w _inpath' zsh "$inpath" 2>&1)" \
		"_inpath: function"
fi
if command -v fish >/dev/null; then
	fishes() {
		HOME=$work fish --no-config -c 'eval ($argv[1] completion fish | string collect); complete -C $argv[2]' "$inpath" "$1" 2>&1 | cut -f1 | sort | paste -sd' '
	}
	tap_is "fish: verbs" "$(fishes 'inpath st')" status
	tap_is "fish: options" "$(fishes 'inpath flows --s')" "--service --since"
	tap_is "fish: shells" "$(fishes 'inpath completion ')" "bash fish zsh"
fi

tap_done
