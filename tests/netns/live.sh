#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live [BUILD]: inpath flows, paths and why, asked of the running daemon: what they say of living connections, and of
# those that have ended as much as a log of all paths would.
# shellcheck disable=SC2016 # what tap_ok and wait_for evaluate, they evaluate later
set -euo pipefail
. "$(dirname "$0")/lib.sh"

inpath() {
	on gw env TZ=UTC COLUMNS="${COLUMNS:-}" "$NET_BUILD/inpath" "$@"
}

# value VERB EXPRESSION OPTION...: of what VERB --json says, as `all`.
value() {
	local verb=$1 expression=$2
	shift 2
	inpath "$verb" --json "$@" | python3 -c 'import json, sys
all = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$expression"
}

why_is() {
	[ "$(value why 'all["verdict"]')" = "$1" ]
}

net_begin live "${1:-}"
home_up nat6
inpath_conf 'probe = { interval = 1; };' 'paths = "all"'
status=0
inpath flows 2>"$NET_WORK/text" || status=$?
tap_is "no daemon: said" "$status $(grep -c 'does not run' "$NET_WORK/text")" "2 1"
start_inpathd "$NET_WORK/inpath.conf"
tap_is "before any trace: empty tables" "$(value flows 'len(all)') $(value paths 'len(all)')" "0 0"
status=0
inpath why >"$NET_WORK/text" || status=$?
tap_is "... and not enough data" "$status $(grep -c '^Not enough data' "$NET_WORK/text")" "3 1"

# A stream, whose connection is made anew now and then.
(while [ ! -e "$NET_WORK/enough" ]; do
	home_curl tv 4 --max-time 25 "https://$S1_NAME/paced/large.bin" -o /dev/null || true
done) >/dev/null 2>&1 &
stream=$!
wait_for_record 20 ev=path cl="$TV4" stop=reached >/dev/null
tap_ok "flows: a living connection, and how often it was traced" \
	wait_for 20 eval '[ "$(value flows "all[0][\"traces\"]" --client livingroom-tv)" -ge 4 ]'
tap_is "flows: whose, to where" "$(value flows '[all[0][k] for k in ("cl", "dev", "host", "proto", "dst", "nhop")]')" \
	"['$TV4', 'livingroom-tv', '$S1_NAME', 'tcp', '$S1_4', 6]"
tap_is "flows: only what was asked for" "$(value flows 'len(all)' --client laptop)" 0
tap_is "paths: one way, hop by hop" "$(value paths '[hop["addr"] for hop in all[0]["hops"]]' | tr -d "[]', ")" \
	"$(record_addresses "$(wait_for_record 1 ev=path cl="$TV4" stop=reached)" | tr -d '\n')"
tap_ok "paths: with all its traces' round trips" \
	eval '[ "$(value paths "min(hop[\"answered\"] for hop in all[0][\"hops\"])")" -ge 2 ]'
tap_ok "paths: for people, as wide as the terminal" eval \
	'[ -z "$(COLUMNS=60 inpath paths | grep "^ " | grep -E "^.{61}")" ]'
router=$(record_addresses "$(wait_for_record 1 ev=path cl="$TV4" stop=reached)" | sed -n 3p)
printf '%s core-3.transit.example\n' "$router" >"$NET_WORK/names/routers"
tap_ok "paths --resolve: a router's name" wait_for 10 eval \
	'[ "$(value paths "all[0][\"hops\"][2][\"name\"]" --resolve)" = core-3.transit.example ]'
tap_ok "paths --resolve: for people" eval 'inpath paths --resolve | grep -q " $router core-3.transit.example "'
tap_is "no name is asked for otherwise" "$(value paths '"name" in all[0]["hops"][2]')" False
cp "$NET_WORK/gw/resolv.conf" "$NET_WORK/resolv.kept"
echo "nameserver 192.168.1.99" >"$NET_WORK/gw/resolv.conf"
began=$SECONDS
tap_is "paths --resolve: a resolver that is not there is not waited for" \
	"$(value paths '"name" in all[0]["hops"][2]' --resolve) $((SECONDS - began < 30))" "False 1"
cat "$NET_WORK/resolv.kept" >"$NET_WORK/gw/resolv.conf"
tap_ok "why: nothing is wrong, from what the daemon holds" wait_for 40 why_is none
status=0
inpath why >"$NET_WORK/text" || status=$?
tap_is "why: and says so in words" "$status $(grep -c '^No problem' "$NET_WORK/text")" "0 1"

# A probe is one byte behind headers of 52: from here on the server's last router lets only the client's own packets through.
on r5 iptables -A FORWARD -p tcp -d "$S1_4" -m length --length 53 -j DROP
tap_ok "why: a server that does not answer any more" wait_for 60 why_is service
status=0
inpath why >"$NET_WORK/text" || status=$?
tap_is "why: in words, with the server's name" "$status $(grep -c "$S1_NAME does not answer" "$NET_WORK/text")" "1 1"
on r5 iptables -F FORWARD

touch "$NET_WORK/enough"
wait "$stream"
same() {
	diff <(inpath "$1" --json) <(inpath "$1" --json "$INPATH_LOG") >"$NET_WORK/diff"
}
for verb in flows paths why; do
	tap_ok "$verb: of what has ended it tells what a log of all paths does" wait_for 20 same "$verb"
done
tap_ok "only for root" eval '! on gw setpriv --reuid 65534 --regid 65534 --clear-groups "$NET_BUILD/inpath" flows 2>"$NET_WORK/text" &&
	grep -q root "$NET_WORK/text"'
tap_ok "inpathd ends well" stop_inpathd

# The log need not have it all: what the daemon knows is the same.
inpath_conf 'probe = { interval = 1; };' 'paths = "none"' 'names = false'
start_inpathd "$NET_WORK/inpath.conf"
home_curl tv 4 --max-time 4 "https://$S1_NAME/paced/large.bin" -o /dev/null || true
tap_ok "without paths in the log, too" wait_for 20 eval '[ "$(value flows "all[0][\"traces\"]")" -ge 2 ]'
tap_is "names stay out of the answers, too" "$(value flows '[k for k in ("dev", "host") if k in all[0]]' --no-names)" "[]"
tap_is "... but this machine knows its devices" "$(value flows 'all[0]["dev"]' --client livingroom-tv)" livingroom-tv
tap_is "and the log holds none" "$(records ev=path proto=tcp | grep -vc ' host=' || true)" 0
tap_ok "inpathd ends well again" stop_inpathd
tap_done
