#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check [BUILD]: inpath check on a gateway that works, and on one where just one thing is broken: the finding about
# that comes, and goes when it is mended. inpath status and reload, and the control socket under bad clients.
# shellcheck disable=SC2016 # what tap_ok and wait_for evaluate, they evaluate later
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Of the gateway, which may have its own tools in front of the system's.
check() {
	on gw env PATH="$NET_WORK/bin:$PATH" "$NET_BUILD/inpath" check --json -c "${CHECK_CONF:-$INPATH_CONF}"
}

# The marks as `ID MARK` lines.
marks() {
	check | python3 -c 'import json, sys
for one in json.load(sys.stdin)["findings"]:
    print(one["id"], one["mark"])'
}

mark() {
	marks | sed -n "s/^$1 //p"
}

finding() {
	check | python3 -c 'import json, sys
for one in json.load(sys.stdin)["findings"]:
    if one["id"] == sys.argv[1]:
        print(one["finding"], "->", one["mend"])' "$1"
}

# breaks WHAT ID MARK: with it broken, only what is about it differs from the good gateway.
breaks() {
	local now
	now=$(marks || true)
	tap_is "$1: $2 is $3" "$(sed -n "s/^$2 //p" <<<"$now")" "$3"
	tap_is "$1: nothing else is" "$(diff <(grep -v "^$2 " <<<"$GOOD") <(grep -v "^$2 " <<<"$now") || true)" ""
}

net_begin check "${1:-}"
home_up nat6
mkdir "$NET_WORK/bin"
inpath_conf ''
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
for family in 4 6; do
	home_curl tv "$family" "https://$S1_NAME/hls/seg-0.ts" -o /dev/null
done
line=$(wait_for_record 30 ev=path af=6)
status=0
check >"$NET_WORK/json" || status=$?
GOOD=$(marks || true)
# The clock of this machine is not ours to set: whatever it is, nothing else is short.
tap_is "a good gateway: nothing is short" "$(grep -v '^clock ' <<<"$GOOD" | grep -v ' ok$' || true)" ""
tap_is "a good gateway: the exit status says so" "$status" "$(grep -q ' limit$' <<<"$GOOD" && echo 1 || echo 0)"
tap_ok "for people: lines of at most 100 columns, and a summary" eval \
	'[ -z "$(on gw "$NET_BUILD/inpath" check -c "$INPATH_CONF" | tee "$NET_WORK/text" | grep -E "^.{101}")" ] &&
	tail -n 1 "$NET_WORK/text" | grep -qE "^(All good|It works)"'
tap_ok "the NAT is seen" grep -q "translates addresses (NAT)" "$NET_WORK/text"

# --- broken, one at a time ------------------------------------------------------------------------

status=0
on gw setpriv --reuid 65534 --regid 65534 --clear-groups "$NET_BUILD/inpath" check -c "$INPATH_CONF" >"$NET_WORK/text" || status=$?
tap_is "no privileges: said, and that it does not work" "$status $(grep -c '^bad .*privileges' "$NET_WORK/text")" "2 1"
printf 'gateway = { lam = "x"; };\n' >"$NET_WORK/bad.conf"
CHECK_CONF=$NET_WORK/bad.conf
tap_is "a bad configuration is named with its line" "$(finding config | grep -c 'bad.conf:1: ')" 1
inpath_conf 'gateway = { lan = "br-gone"; wan = "wan"; };'
cp "$NET_WORK/inpath.conf" "$NET_WORK/gone.conf"
CHECK_CONF=$NET_WORK/gone.conf
tap_is "an interface that is not there" "$(mark lan)" limit
printf 'gateway = { lan = "auto"; wan = [ "wan", "br-lan" ]; };\n' >"$NET_WORK/none.conf"
CHECK_CONF=$NET_WORK/none.conf
tap_is "no interface at all" "$(mark lan)" bad
CHECK_CONF=
inpath_conf ''

on gw iptables -t mangle -F INPATH_IN
breaks "a rule is lost" rules bad
inpath_rules down
breaks "no rules" rules bad
inpath_rules up >/dev/null

on gw iptables -t nat -F POSTROUTING
on gw ip6tables -t nat -F POSTROUTING
tap_is "no NAT: only that none was seen" "$(finding nat)" "No rule that translates addresses was seen. -> "
for tables in iptables ip6tables; do
	on gw "$tables" -t nat -A POSTROUTING -o wan -j MASQUERADE
done

# This kernel has no flow tables: what nft would say of one is said for it.
offload_rule() {
	cat >"$NET_WORK/bin/nft" <<-END
		#!/bin/sh
		[ "\$1" = -j ] || exec $(command -v nft) "\$@"
		cat <<'JSON'
		{"nftables": [{"flowtable": {"family": "inet", "name": "ft", "table": "fw4", "handle": 1, "hook": "ingress",
		"prio": 0, "dev": ["br-lan", "wan"]}}, {"rule": {"family": "inet", "table": "fw4", "chain": "forward",
		"handle": 7, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}},
		$1 {"flow": {"op": "add", "flowtable": "@ft"}}]}}]}
		JSON
	END
	chmod +x "$NET_WORK/bin/nft"
}
offload_rule ''
breaks "flow offload" offload limit
tap_is "flow offload: the rule is named" "$(finding offload | grep -c 'chain forward of table inet fw4')" 1
offload_rule '{"match": {"op": "==", "left": {"&": [{"ct": {"key": "mark"}}, 201326592]}, "right": 134217728}},'
breaks "flow offload of what rests" offload ok
rm "$NET_WORK/bin/nft"

# The rules depend on that: they are to be loaded again.
on gw iptables -t mangle -I PREROUTING -j CONNMARK --restore-mark
breaks "whole marks restored since the rules were loaded" rules bad
inpath_rules up >/dev/null
breaks "whole marks restored, nobody matches them" marks ok
on gw ip rule add fwmark 1 lookup 100
tap_is "whole marks restored and matched" "$(mark marks)" limit
on gw ip rule del fwmark 1
on gw ip rule add fwmark 1/0xff lookup 100
breaks "whole marks restored, matched with a mask" marks ok
on gw ip rule del fwmark 1/0xff
on gw iptables -t mangle -D PREROUTING -j CONNMARK --restore-mark
inpath_rules up >/dev/null
on gw ip rule add iif br-lan lookup 100
breaks "routing by the incoming interface" iif limit
on gw ip rule del iif br-lan

on gw ethtool -K wan rx-gro-list on
breaks "a driver setting" driver limit
on gw ethtool -K wan rx-gro-list off

on gw iptables -A OUTPUT -m mark --mark 0x04000000/0x04000000 -j DROP
home_curl tv 4 "https://$S1_NAME/hls/seg-1.ts" -o /dev/null
wait_for 30 eval '[ "$(mark probes)" = limit ]' || true
breaks "probes refused by a firewall" probes limit
on gw iptables -D OUTPUT -m mark --mark 0x04000000/0x04000000 -j DROP
tap_is "all mended: as before, but for what was counted" \
	"$(diff <(grep -v '^probes ' <<<"$GOOD") <(marks | grep -v '^probes ') || true)" ""

# --- status, reload, and the socket ----------------------------------------------------------------

tap_ok "status: in words" eval 'on gw "$NET_BUILD/inpath" status >"$NET_WORK/text" &&
	grep -q "^inpathd .* lan br-lan, wan wan" "$NET_WORK/text" && grep -q "[1-9] *traces begun" "$NET_WORK/text"'
tap_ok "status: as JSON" eval \
	'[ "$(on gw "$NET_BUILD/inpath" status --json | python3 -c "import json, sys; print(json.load(sys.stdin)[\"lan\"])")" = br-lan ]'
cat >"$NET_WORK/histories.py" <<'END'
import socket
ask, lines = "histories", []
while ask:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("/run/inpath/control")
        one.sendall(ask.encode() + b"\n")
        part = b"".join(iter(lambda: one.recv(65536), b"")).decode().splitlines()
    lines += part[:-1]
    assert part[-1].startswith("ev=histories "), part[-1]
    following = part[-1].rsplit("next=", 1)[1]
    ask = None if following == "end" else "histories " + following
for line in lines:
    assert line.startswith("ev=epoch ") and " hops=1/" in line, line
print(len(lines))
END
# More than all buffers on the way hold: or the server's FIN would pass at once, and a history ends with its flow.
head -c 40000000 /dev/zero >"$NET_WORK/s1/www/long.bin"
home_curl tv 4 --local-port 23455 --limit-rate 20k "https://$S1_NAME/long.bin" -o /dev/null &
lasting=$!
wait_for_record 30 ev=path sport=23455
tap_ok "histories: the paths of living flows, to the end" eval \
	'[ "$(on gw timeout 60 python3 "$NET_WORK/histories.py")" -ge 1 ]'
kill "$lasting" 2>/dev/null || true
wait "$lasting" || true
tap_ok "reload: taken" on gw "$NET_BUILD/inpath" reload
cp "$INPATH_CONF" "$NET_WORK/kept.conf"
printf 'oops = 1;\n' >>"$INPATH_CONF"
status=0
on gw "$NET_BUILD/inpath" reload 2>"$NET_WORK/text" || status=$?
tap_is "reload: a bad file is not taken, and it says where" "$status $(grep -c 'inpath.conf:[0-9]*: ' "$NET_WORK/text")" "1 1"
cp "$NET_WORK/kept.conf" "$INPATH_CONF"
status=0
on gw setpriv --reuid 65534 --regid 65534 --clear-groups "$NET_BUILD/inpath" status 2>"$NET_WORK/text" || status=$?
tap_is "status: not for others" "$status $(grep -c root "$NET_WORK/text")" "2 1"
tap_is "the socket is for its owner alone" "$(on gw stat -c '%a %U' /run/inpath /run/inpath/control | paste -sd' ')" "700 inpath 600 inpath"
cat >"$NET_WORK/rude.py" <<'END'
import socket, sys
held = []
for request in (b"", b"status", b"x" * 500, b"\0\n", b"status\n" * 50, b"nonsense\n", b"\xff" * 63 + b"\n") * 3:
    one = socket.socket(socket.AF_UNIX)
    one.connect("/run/inpath/control")
    try:
        one.send(request)
    except OSError:
        pass
    held.append(one)
END
tap_ok "rude clients get nowhere" on gw timeout 60 python3 "$NET_WORK/rude.py"
spawn gw "$NET_WORK/hanging" python3 -c 'import socket, time
held = [socket.socket(socket.AF_UNIX) for i in range(20)]
for one in held:
    one.connect("/run/inpath/control")
print("ready", flush=True)
time.sleep(100)'
wait_for 30 grep -q ready "$NET_WORK/hanging"
tap_ok "nor do those that only connect" eval 'on gw timeout 60 "$NET_BUILD/inpath" status >"$NET_WORK/text"'
home_curl tv 4 --local-port 23456 "https://$S1_NAME/hls/seg-2.ts" -o /dev/null
tap_ok "and flows are traced meanwhile" record_exists ev=path sport=23456 || wait_for_record 30 ev=path sport=23456
tap_ok "inpathd ends well" stop_inpathd
tap_ok "its socket is gone" on gw test ! -e /run/inpath/control
tap_is "no daemon: said" "$(mark daemon)" bad
spawn gw "$NET_WORK/holder" python3 "$NET_ROOT/tests/netns/tools/hold.py" queue 537
wait_for 30 eval 'on gw grep -q "^ *537 " /proc/net/netfilter/nfnetlink_queue'
tap_is "another program has the queue: named" "$(finding daemon | grep -c 'python3 (pid')" 1
status=0
on gw "$NET_BUILD/inpath" status 2>"$NET_WORK/text" || status=$?
tap_is "status: it does not run" "$status $(grep -c 'does not run' "$NET_WORK/text")" "2 1"
tap_done
