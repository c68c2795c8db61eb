#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# naming [BUILD]: where a flow's names come from: SNI, DNS answers by any way, or no name at all; and how
# much of it is logged.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

TOOLS=$NET_ROOT/tests/netns/tools
NEXT_PORT=20000

ask() { # CLIENT SERVER NAME [TYPE]
	on "$1" python3 "$TOOLS/dns_ask.py" "${@:2}"
}

# Fetches a segment slowly enough for a record; $LINE is the record, empty if there is none.
fetch() { # CLIENT FAMILY URL
	local sport=$((NEXT_PORT++))
	home_curl "$1" "$2" --local-port "$sport" --limit-rate 300k -o /dev/null -g "$3"
	LINE=$(wait_for_record 30 ev=path "sport=$sport" "cl=$(home_client "$1" "$2")") || LINE=
}

says() { # DESCRIPTION WANT KEY...
	local what=$1 want=$2 key got=
	shift 2
	for key in "$@"; do
		got+="${got:+ }$(field "$LINE" "$key" || echo -)"
	done
	tap_is "$what" "$got" "$want"
}

net_begin naming "${1:-}"
home_up nat6
inpath_conf ''
start_inpathd "$NET_WORK/inpath.conf"

# Nobody has looked anything up yet.
fetch tv 4 "http://$S2_4/hls/seg-0.ts"
says "a server that nobody looked up has no name, IPv4" "addr - livingroom-tv" by host dev
fetch laptop 6 "http://[$S2_6]/hls/seg-0.ts"
says "a server that nobody looked up has no name, IPv6" "addr -" by host

for family in 4 6; do
	fetch tv "$family" "https://$S1_NAME/hls/seg-0.ts"
	says "the TLS greeting names the site, IPv$family" "sni $S1_NAME" by host
	fetch tv "$family" "http://$S1_NAME/hls/seg-0.ts"
	says "the gateway's resolver names it, IPv$family" "dns $S1_NAME livingroom-tv" by host dev
done

# A resolver in the internet that knows s1 by other names, one of them an alias.
cat >"$NET_WORK/far.conf" <<-END
	keep-in-foreground
	user=root
	pid-file=
	log-facility=-
	no-resolv
	no-hosts
	host-record=films.example,$S1_4,$S1_6
	cname=tonight.films.example,films.example
END
spawn s2 "$NET_WORK/far.log" dnsmasq -C "$NET_WORK/far.conf"
ask laptop "$S2_4" films.example
fetch laptop 4 "http://$S1_4/hls/seg-0.ts"
says "a look-up that crosses the gateway names it, IPv4" "dns films.example" by host
ask laptop "$S2_6" tonight.films.example AAAA
fetch laptop 6 "http://[$S1_6]/hls/seg-0.ts"
says "a look-up that crosses the gateway names it by its alias, IPv6" "dns tonight.films.example" by host
fetch tv 4 "http://$S1_4/hls/seg-0.ts"
says "another device's look-up does not rename it" "dns $S1_NAME" by host
fetch laptop 4 "https://$S1_NAME/hls/seg-0.ts"
says "the TLS greeting beats DNS" "sni $S1_NAME" by host

# The device is its hardware address: asked over fe80::, connected to over IPv4.
ask laptop fe80::1%eth0 "$S1_NAME"
fetch laptop 4 "http://$S1_4/hls/seg-0.ts"
says "a name looked up over a link-local address serves the device's IPv4 flows" "dns $S1_NAME" by host

for family in 4 6; do
	sport=$((NEXT_PORT++))
	server=S1_$family
	mkfifo "$NET_WORK/hold$family"
	on tv python3 "$TOOLS/big_hello.py" "${!server}" 443 "$S1_NAME" 2400 "$sport" \
		<"$NET_WORK/hold$family" >"$NET_WORK/big$family" 2>&1 &
	greeter=$!
	exec 9>"$NET_WORK/hold$family"
	LINE=$(wait_for_record 30 ev=path "sport=$sport" "af=$family") || { LINE=; cat "$NET_WORK/big$family"; }
	says "a greeting of 2400 bytes in four segments names the site, IPv$family" "sni $S1_NAME reached" \
		by host stop
	exec 9>&-
	tap_ok "and the server understood it, IPv$family" wait "$greeter"
done
tap_ok "inpathd ends well" stop_inpathd

inpath_conf '' 'names = false' 'clients = "hash"'
start_inpathd "$NET_WORK/inpath.conf"
sport=$NEXT_PORT
home_curl tv 4 --local-port "$sport" --limit-rate 300k -o /dev/null "https://$S1_NAME/hls/seg-0.ts"
LINE=$(wait_for_record 30 ev=path "sport=$sport")
says "log.names = false leaves names out" "- - sni" host dev by
tap_ok "log.clients = hash hides which device it was" grep -Eq '^[0-9a-f]{16}$' <<<"$(field "$LINE" cl)"
stop_inpathd
inpath_conf '' 'clients = "none"'
start_inpathd "$NET_WORK/inpath.conf"
sport=$((NEXT_PORT + 1))
home_curl tv 4 --local-port "$sport" --limit-rate 300k -o /dev/null "https://$S1_NAME/hls/seg-0.ts"
LINE=$(wait_for_record 30 ev=path "sport=$sport")
says "log.clients = none leaves the device's address out" "- $S1_NAME" cl host
stop_inpathd
tap_done
