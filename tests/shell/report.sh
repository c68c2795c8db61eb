#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# report [BUILD]: `inpath report` over a household's evening (tests/cli/generate.py) of which some names are meant to do harm:
# the same in all forms, opened in a browser where Chromium is installed, and of a long log no more than of a short one.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
build=${1:-build}
inpath=$build/inpath
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC

ok() { # WHAT COMMAND...
	local what=$1
	shift
	tap_ok "$what" quietly "$@"
}

# What a command said stands there only where it failed.
quietly() {
	"$@" >"$work/out" 2>&1 || {
		sed 's/^/# /' "$work/out" | head -n 40
		return 1
	}
}

status() {
	local status=0
	"$inpath" "$@" </dev/null >/dev/null 2>&1 || status=$?
	echo "$status"
}

holds() { # FILE TEXT
	grep -qF -- "$2" "$1"
}

lacks() {
	! holds "$@"
}

python3 "$root/tests/cli/generate.py" 1500 >"$work/evening.log"
# What devices and servers may be called: markup, a formula, another writing direction, a name without end.
sed -e 's/dev="phone"/dev="<\/script><img src\\x3dx onerror\\x3dalert(1)>"/' -e 's/dev="office-pc"/dev="\\x3dcmd()"/' \
	-e 's/svc=youtube/svc="you<b>tube\\x0a\\xe2\\x80\\xae"/' \
	-e "s/files.example.org/$(printf 'a%.0s' {1..180}).example/" "$work/evening.log" >"$work/hostile.log"

for form in html md json csv; do
	ok "$form: by the name's end" "$inpath" report -o "$work/evening.$form" "$work/evening.log"
	# shellcheck disable=SC2016 # expanded by the inner shell
	ok "... and the same by --format, from standard input" bash -c \
		'"$1" report --format "$2" - <"$3" | sed "s/\"ts\": [0-9.]*,//; s/Written on.*//" | cmp - <(sed "s/\"ts\": [0-9.]*,//; s/Written on.*//" "$4")' \
		sh "$inpath" "$form" "$work/evening.log" "$work/evening.$form"
	ok "$form: names that mean harm" "$inpath" report -o "$work/hostile.$form" "$work/hostile.log"
	ok "$form: no record at all" "$inpath" report -o "$work/none.$form" /dev/null
	ok "$form: one record" "$inpath" report -o "$work/one.$form" <(head -n 1 "$work/evening.log")
done
for form in html md; do
	ok "$form: the answer is that of inpath why" holds "$work/evening.$form" \
		"$("$inpath" why "$work/evening.log" | sed 's/^\[[a-z]*\] //; s/'\''/\&#39;/g' | cut -d, -f1)"
done
ok "json: it is JSON, and has the answer, all ways and devices" python3 - "$work/evening.json" <<'END'
import json
import sys
top = json.load(open(sys.argv[1], encoding="utf-8"))
assert top["why"]["verdict"] == "transit", top["why"]
assert [s["svc"] for s in top["services"]] == ["youtube", "netflix", "twitch", "work"], top["services"]
twitch = top["services"][2]
assert {d["dev"] for d in twitch["devices"]} == {"livingroom-tv", "phone"}
assert {n.get("addr") for n in twitch["ways"]["nodes"] if n["ttl"] == 5} == {"198.51.100.201", "198.51.100.205"}
hop = twitch["devices"][0]["hops"][0]
assert hop["addr"] == "100.64.0.1" and hop["answered"] == hop["traces"] and hop["min"] <= hop["med"] <= hop["max"]
assert sum(b["answered"] for b in hop["series"]) == hop["answered"]
END
ok "csv: each row has all columns, and no cell is a formula" python3 - "$work/hostile.csv" <<'END'
import csv
import sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
assert len(rows) > 40 and {len(row) for row in rows} == {13}, len(rows)
assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell], rows
END
python3 "$root/tests/cli/generate.py" 1500 1 changes >"$work/changes.log"
"$inpath" report -o "$work/changes.html" "$work/changes.log"
"$inpath" report -o "$work/changes.json" "$work/changes.log"
ok "a log of changes alone (ev=epoch) tells of the same traces, routers and changes" python3 - "$work/evening.json" "$work/changes.json" <<'END'
import json
import sys
whole, changes = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
assert whole["traces"] == changes["traces"] == 1493, changes["traces"]
pairs = [{(s["svc"], d["dev"]): d for s in top["services"] for d in s["devices"]} for top in (whole, changes)]
assert pairs[0].keys() == pairs[1].keys()
for key, much in pairs[0].items():
    little = pairs[1][key]
    for what in ("traces", "connections", "servers", "changes"):
        assert much[what] == little[what], (key, what, little[what])
    assert [[c[k] for k in ("ttl", "old", "new")] for c in much["changed"]] == [[c[k] for k in ("ttl", "old", "new")] for c in little["changed"]], key
    hops = [{(h["ttl"], h.get("addr")): h for h in d["hops"]} for d in (much, little)]
    assert hops[0].keys() == hops[1].keys(), (key, hops)
    for place, hop in hops[0].items():
        other = hops[1][place]
        assert hop["traces"] == other["traces"] and abs(hop["answered"] - other["answered"]) <= 4, (key, place, other)
        # The ends are those of all traces; the middle is that of the latest 15 of each connection.
        assert (hop.get("min"), hop.get("max")) == (other.get("min"), other.get("max")), (key, place, other)
        if key[0] != "twitch" and "med" in hop:
            assert 0.6 < hop["med"] / other["med"] < 1.7, (key, place, hop["med"], other["med"])
        if "addr" in hop:
            assert len(other["series"]) > 0.3 * len(hop["series"]), (key, place, len(other["series"]))
ways = [[{n.get("addr") for n in s["ways"]["nodes"]} for s in top["services"]] for top in (whole, changes)]
assert ways[0] == ways[1], ways
END
ok "... and says what it does not know" holds "$work/changes.html" "from the 27 of 1493 traces"
grep ev=epoch "$work/changes.log" | cat "$work/evening.log" - >"$work/both.log"
"$inpath" report -o "$work/both.md" "$work/both.log"
ok "traces that a log has both ways count once" diff "$work/evening.md" "$work/both.md"
grep ev=epoch "$work/changes.log" >"$work/epochs.log"
tap_is "epochs alone" "$("$inpath" report --format json "$work/epochs.log" | sed -n 's/^  "traces": *\([0-9]*\),/\1/p')" 1493

# Whose networks routers are in, where inpath knows it.
python3 "$root/tests/cli/mmdb.py" "$work/networks.mmdb" 100.64.0.0/10 64500 'Example Access <b>' 10.20.0.0/16 64500 'Example Access <b>' \
	192.0.2.0/24 64501 'Transit of the Two Oceans and Several Seas Holding' 198.51.100.0/24 64502 '=Video()' 2001:db8::/32 64503 Six
if "$inpath" report --mmdb "$work/networks.mmdb" -o "$work/networks.html" "$work/evening.log" 2>"$work/said"; then
	ok "html: networks" holds "$work/networks.html" "<small>AS64500 Example Access &lt;b&gt;</small>"
	ok "... and in the answer" holds "$work/networks.html" "AS64502 =Video()) (1 server"
	for form in md json csv; do
		"$inpath" report --mmdb "$work/networks.mmdb" -o "$work/networks.$form" "$work/evening.log"
	done
	ok "md: networks" holds "$work/networks.md" "192.0.2.17, AS64501 Transit"
	ok "json: networks" holds "$work/networks.json" '"as": "=Video()"'
	ok "csv: networks" holds "$work/networks.csv" '"AS64502 =Video()"'
	ok "why: the network that it begins in" holds <("$inpath" why --mmdb "$work/networks.mmdb" "$work/evening.log") "AS64502 =Video()"
else
	ok "no networks: said why" holds "$work/said" "without libmaxminddb"
	cp "$work/evening.html" "$work/networks.html"
fi

ok "html: a name is no markup" lacks "$work/hostile.html" "<img"
ok "... but is shown" holds "$work/hostile.html" "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"
tap_is "md: a name is no markup" "$(grep -cE '(^|[^\\])<' "$work/hostile.md" || true)" 0
tap_is "html: it names no address to load from" "$(grep -cE 'https?://|url\(|@import|src=[^x]' "$work/hostile.html" || true)" 0
ok "only one device" lacks <("$inpath" report --client phone "$work/evening.log") livingroom-tv
tap_is "no such format" "$(status report --format pdf "$work/evening.log")" 64
tap_is "nowhere to write" "$(status report -o "$work/none/report.html" "$work/evening.log")" 2
tap_is "a full disk is said" "$(status report -o /dev/full "$work/evening.log")" 2
ok "--help has an example" holds <("$inpath" report --help) Example:

# Long logs: the page does not grow with them, nor does memory beyond what the records take (100 bytes each).
python3 "$root/tests/cli/generate.py" 60000 2 >"$work/long.log"
kilobytes() {
	python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}
used=$(kilobytes "$inpath" report -o "$work/long.html" "$work/long.log")
ok "60,000 records: less than 60 MB ($used KB)" [ "$used" -lt 60000 ]
ok "... on a page of less than 600 KB" [ "$(stat -c %s "$work/long.html")" -lt 600000 ]

# Many devices, services and routers.
python3 - "$work/many.log" <<'END'
import random
import sys
rng = random.Random(1)
with open(sys.argv[1], "w", encoding="ascii") as out:
    for n in range(6000):
        dev, svc = rng.randrange(60), rng.randrange(40)
        hops = ",".join(f"{t}/2001:db8:{rng.randrange(65536):x}:{t:x}:1234:5678:9abc:{rng.randrange(9):x}/{t * 3 + rng.random():.2f}" for t in range(1, 13))
        out.write(f'ev=path v=1 ts={1760000000 + n * 7}.000 run={n:08x} cl=192.168.1.{dev} dev="device-of-the-family-{dev}" pol=all svc=service-{svc} '
                  f"by=addr proto=tcp af=6 sport={1024 + n} dst=2001:db8::{svc} dport=443 why=start stop=gap nhop=12 sent=17 "
                  f"fp={rng.getrandbits(32):08x} e2e={rng.random() * 90:.1f} hops={hops}\n")
END
ok "many of everything" "$inpath" report -o "$work/many.html" "$work/many.log"
ok "... what is left out is said" holds "$work/many.html" "with the most traces, of "
ok "... on a page of less than 3 MB" [ "$(stat -c %s "$work/many.html")" -lt 3000000 ]

if chromium=$(command -v chromium-headless-shell || command -v chromium); then
	for page in evening changes networks hostile many none one; do
		ok "in a browser: $page" timeout 300 python3 "$root/tests/cli/browse.py" "$chromium" "$work/$page.html"
	done
else
	tap_skip "in a browser" "neither chromium-headless-shell nor chromium is installed"
fi

tap_done
