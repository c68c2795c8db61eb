#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live [BUILD]: inpath flows, paths, why and report, asked of the running daemon: what they say of living connections, and
# of those that have ended as much as a log of all paths would.
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

# Its exit status, and what it says; at one moment, for the next trace may change both.
says() { # STATUS PATTERN
	local status=0
	inpath why >"$NET_WORK/text" || status=$?
	[ "$status" -eq "$1" ] && grep -q "$2" "$NET_WORK/text"
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
wait_for_record 30 ev=path cl="$TV4" stop=reached >/dev/null
tap_ok "flows: a living connection, and how often it was traced" \
	wait_for 30 eval '[ "$(value flows "all[0][\"traces\"]" --client livingroom-tv)" -ge 4 ]'
tap_is "flows: whose, to where" "$(value flows '[all[0][k] for k in ("cl", "dev", "host", "proto", "dst", "nhop")]')" \
	"['$TV4', 'livingroom-tv', '$S1_NAME', 'tcp', '$S1_4', 6]"
for verb in flows paths; do
	for wanted in "--client $TV4" "--client Livingroom-TV" "--service $S1_NAME" "--service ${S1_NAME#*.}" "--service all" "--since 1h"; do
		# shellcheck disable=SC2086 # an option and its value
		tap_is "$verb: $wanted is there" "$(value "$verb" 'len(all) >= 1' $wanted)" True
	done
	for other in "--client laptop" "--client 192.168.1.99" "--service x${S1_NAME#*.}" "--since 2099-01-01"; do
		# shellcheck disable=SC2086 # likewise
		tap_is "$verb: $other is not" "$(value "$verb" 'len(all)' $other)" 0
	done
done
tap_is "why: only what was asked for" "$(value why 'all["verdict"]' --client laptop)" "not enough data"
for wrong in "--since noon" "--nonsense" "one.log two.log"; do
	status=0
	# shellcheck disable=SC2086 # likewise
	inpath flows $wrong >"$NET_WORK/text" 2>&1 || status=$?
	tap_is "flows $wrong: called wrongly" "$status" 64
done
# Of several ways, for each connection may take another.
told=$(value report '[(s["svc"], d["dev"], [h.get("addr") for h in d["hops"]][:2]) for s in all["services"] for d in s["devices"]]' \
	--client livingroom-tv)
tap_is "report: whose, to where, by which routers ($told)" \
	"$(value paths "$told in [[(way['svc'], way['dev'], [h.get('addr') for h in way['hops']][:2])] for way in all]" --client livingroom-tv)" True
tap_is "report: only what was asked for" "$(value report 'all["traces"]' --service "x${S1_NAME#*.}")" 0
for form in html md json csv; do
	tap_ok "report: $form, in a file" eval 'inpath report -o "$NET_WORK/report.$form" && grep -q livingroom-tv "$NET_WORK/report.$form"'
done
tap_ok "report: the page has the records" grep -q '^ev=path .*livingroom-tv' "$NET_WORK/report.html"
# Of several ways, for each connection may take another.
tap_ok "paths: a way, hop by hop" grep -qx "$(record_addresses "$(wait_for_record 1 ev=path cl="$TV4" stop=reached)" | paste -sd' ')" \
	<(value paths '"\n".join(" ".join(hop.get("addr", "*") for hop in way["hops"]) for way in all)')
tap_ok "paths: with all its traces' round trips" \
	wait_for 30 eval '[ "$(value paths "max(min(hop[\"answered\"] for hop in way[\"hops\"]) for way in all)")" -ge 2 ]'
tap_ok "paths: for people, as wide as the terminal" eval \
	'[ -z "$(COLUMNS=60 inpath paths | grep "^ " | grep -E "^.{61}")" ]'
router=$(record_addresses "$(wait_for_record 1 ev=path cl="$TV4" stop=reached)" | sed -n 3p)
printf '%s core-3.transit.example\n' "$router" >"$NET_WORK/names/routers"
tap_ok "paths --resolve: a router's name" wait_for 30 eval \
	'[ "$(value paths "\"core-3.transit.example\" in [hop.get(\"name\") for way in all for hop in way[\"hops\"]]" --resolve)" = True ]'
tap_ok "paths --resolve: for people" eval 'inpath paths --resolve >"$NET_WORK/text" && grep -q " $router core-3.transit.example " "$NET_WORK/text"'
tap_is "no name is asked for otherwise" "$(value paths 'any("name" in hop for way in all for hop in way["hops"])')" False
cp "$NET_WORK/gw/resolv.conf" "$NET_WORK/resolv.kept"
echo "nameserver 192.168.1.99" >"$NET_WORK/gw/resolv.conf"
began=$SECONDS
tap_is "paths --resolve: a resolver that is not there is not waited for" \
	"$(value paths 'any("name" in hop for way in all for hop in way["hops"])' --resolve) $((SECONDS - began < 30))" "False 1"
cat "$NET_WORK/resolv.kept" >"$NET_WORK/gw/resolv.conf"
tap_ok "why: nothing is wrong, from what the daemon holds" wait_for 40 why_is none
tap_ok "why: and says so in words" wait_for 60 says 0 '^No problem'

# The configuration that the command reads is the machine's, whose /etc the gateway sees as another.
python3 "$NET_ROOT/tests/cli/mmdb.py" "$NET_WORK/networks.mmdb" "$router/32" 64500 "Example Transit"
network() {
	{
		cat "$INPATH_CONF"
		printf 'mmdb = "%s";\n' "$1"
	} >"$NET_WORK/networks.conf"
	on gw sh -c 'mount -t tmpfs etc /etc && mkdir /etc/inpath && cp "$1" /etc/inpath/inpath.conf && exec "$2" paths' sh \
		"$NET_WORK/networks.conf" "$NET_BUILD/inpath" >"$NET_WORK/text" 2>&1
}
if inpath paths --mmdb "$NET_WORK/networks.mmdb" >"$NET_WORK/text" 2>&1; then
	tap_ok "paths --mmdb: a router's network" grep -q " $router .*AS64500 Example Transit" "$NET_WORK/text"
	tap_ok "... the same where the configuration names the file" eval \
		'network "$NET_WORK/networks.mmdb" && grep -q " $router .*AS64500 Example Transit" "$NET_WORK/text"'
	tap_ok "... which may be missing: said, and done without" eval \
		'network "$NET_WORK/gone.mmdb" && grep -q "gone.mmdb: No such file" "$NET_WORK/text" && grep -q " $router " "$NET_WORK/text"'
else
	tap_ok "paths --mmdb: built without libmaxminddb: said" grep -q libmaxminddb "$NET_WORK/text"
fi

# A probe is one byte behind headers of 52: from here on the server's last router lets only the client's own packets through.
on r5 iptables -A FORWARD -p tcp -d "$S1_4" -m length --length 53 -j DROP
tap_ok "why: a server that does not answer any more" wait_for 60 why_is service
tap_ok "why: in words, with the server's name" wait_for 60 says 1 "$S1_NAME does not answer"
on r5 iptables -F FORWARD

touch "$NET_WORK/enough"
wait "$stream"
# But for the time when it was asked.
same() {
	diff <(inpath "$1" --json | sed '2s/"ts": [0-9.]*//') <(inpath "$1" --json "$INPATH_LOG" | sed '2s/"ts": [0-9.]*//') >"$NET_WORK/diff"
}
for verb in flows paths why report; do
	tap_ok "$verb: of what has ended it tells what a log of all paths does" wait_for 30 same "$verb"
done
tap_ok "only for root" eval '! on gw setpriv --reuid 65534 --regid 65534 --clear-groups "$NET_BUILD/inpath" flows 2>"$NET_WORK/text" &&
	grep -q root "$NET_WORK/text"'
tap_ok "inpathd ends well" stop_inpathd

# The log need not have it all: what the daemon knows is the same.
inpath_conf 'probe = { interval = 1; };' 'paths = "none"' 'names = false'
start_inpathd "$NET_WORK/inpath.conf"
home_curl tv 4 --max-time 4 "https://$S1_NAME/paced/large.bin" -o /dev/null || true
tap_ok "without paths in the log, too" wait_for 30 eval '[ "$(value flows "all[0][\"traces\"]")" -ge 2 ]'
tap_ok "report, too" eval '[ "$(value report "all[\"traces\"]")" -ge 2 ]'
tap_is "names stay out of the answers, too" "$(value flows '[k for k in ("dev", "host") if k in all[0]]' --no-names)" "[]"
tap_is "... but this machine knows its devices" "$(value flows 'all[0]["dev"]' --client livingroom-tv)" livingroom-tv
tap_is "and the log holds none" "$(records ev=path proto=tcp | grep -vc ' host=' || true)" 0
tap_ok "inpathd ends well again" stop_inpathd

# A device that the other DHCP server knows, which is OpenWrt's; it puts a new file in the old one's place.
inpath_conf 'probe = { interval = 1; };'
: >"$NET_WORK/odhcpd"
chmod 755 "$NET_WORK"
INPATH_LEASES=/nonexistent/leases:$NET_WORK/odhcpd start_inpathd "$NET_WORK/inpath.conf"
printf '# br-lan %s ipv4 tv-of-odhcpd -1 c0a80139 32 %s/32\n%s\ttv-of-odhcpd.lan\ttv-of-odhcpd\n' "${TV_MAC//:/}" "$TV4" "$TV4" >"$NET_WORK/.odhcpd"
mv "$NET_WORK/.odhcpd" "$NET_WORK/odhcpd"
named() {
	home_curl tv 4 --max-time 4 "https://$S1_NAME/hls/seg-0.ts" -o /dev/null || true
	record_exists ev=path cl="$TV4" dev=tv-of-odhcpd
}
tap_ok "odhcpd's lease names its device" wait_for 30 named
tap_ok "inpathd ends well, too" stop_inpathd
tap_done
