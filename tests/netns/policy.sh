#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# policy [BUILD]: what each key of a policy selects, by flows that it names and flows that it does not;
# rest for the latter; and a configuration that changes while flows live.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

NEXT_PORT=20000

# A configuration in force: the policies, given as text.
configure() {
	local before
	before=$(grep -c 'configuration read again' "$NET_WORK/inpathd.err" || true)
	inpath_conf "services = \"$NET_WORK/services\"; probe = { interval = 1; }; policies = ( $1 );" 'paths = "all"'
	sed -i '/etc\/services/d' "$NET_WORK/inpath.conf"
	kill -HUP "$INPATHD_PID"
	wait_for 30 reloaded "$before" || { cat "$NET_WORK/inpathd.err" >&2; return 1; }
}

reloaded() {
	[ "$(grep -c 'configuration read again' "$NET_WORK/inpathd.err")" -gt "$1" ]
}

# A flow of about a second and a half; its client port is put into $SPORT.
play() { # CLIENT FAMILY URL
	SPORT=$((NEXT_PORT++))
	home_curl "$1" "$2" --local-port "$SPORT" --limit-rate 180k -o /dev/null "$3" &
	PLAYERS+=($!)
}

counter() {
	local before
	before=$(records ev=stats | wc -l)
	kill -USR1 "$INPATHD_PID"
	wait_for 30 stats_said "$before"
	field "$(records ev=stats | grep " $1=" | tail -n 1)" "$1"
}

stats_said() {
	[ "$(records ev=stats | wc -l)" -gt $(($1 + 1)) ]
}

# selects DESCRIPTION POLICY SERVICE -- CLIENT FAMILY URL -- CLIENT FAMILY URL
# The first flow falls under POLICY, the second does not; both with POLICY tracing and all else ignored,
# and the other way round. `pol` and `svc` say why.
selects() {
	local what=$1 policy=$2 service=$3 hit=("${@:5:3}") miss=("${@:9:3}") action hit_port miss_port line
	for action in trace ignore; do
		PLAYERS=()
		if [ "$action" = trace ]; then
			configure "{ name = \"this\"; $policy }, { name = \"rest\"; action = \"ignore\"; }"
		else
			configure "{ name = \"this\"; action = \"ignore\"; $policy }, { name = \"other\"; }"
		fi
		play "${hit[@]}"
		hit_port=$SPORT
		play "${miss[@]}"
		miss_port=$SPORT
		wait "${PLAYERS[@]}"
		if [ "$action" = trace ]; then
			line=$(wait_for_record 30 ev=path "sport=$hit_port") || line=
			tap_is "$what: traced" "$(field "$line" pol) $(field "$line" svc)" "this $service"
			tap_is "$what: what it does not name is left alone" "$(records ev=path "sport=$miss_port")" ""
		else
			line=$(wait_for_record 30 ev=path "sport=$miss_port") || line=
			tap_is "$what: not traced when it says ignore" "$(records ev=path "sport=$hit_port")" ""
			tap_is "$what: then all else is traced" "$(field "$line" pol)" other
		fi
	done
}

probes_of_records() {
	local line total=0
	while read -r line; do
		total=$((total + $(field "$line" sent)))
	done < <(records ev=path)
	echo "$total"
}

net_begin policy "${1:-}"
home_up nat6
mkdir "$NET_WORK/services"
printf '# a service by its domain\nmovies.example\n' >"$NET_WORK/services/movies.conf"
printf '# one by its prefixes\n198.18.2.0/24\n2001:db8:52::/64\n' >"$NET_WORK/services/shop.conf"
inpath_conf 'policies = ( { name = "none"; action = "ignore"; } );' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf"

MOVIES=https://$S1_NAME/hls/seg-0.ts SHOP=https://$S2_NAME/hls/seg-0.ts
selects "domains" 'domains = [ "movies.example" ];' movies -- tv 4 "$MOVIES" -- tv 4 "$SHOP"
selects "services, by domain" 'services = [ "movies" ];' movies -- laptop 6 "$MOVIES" -- tv 6 "$SHOP"
selects "services, by prefix" 'services = [ "movies", "shop" ]; ports = [ 8443 ];' shop \
	-- tv 4 "https://$S2_NAME:8443/hls/seg-0.ts" -- tv 4 "$SHOP"
selects "a client's address" "clients = [ \"$TV4\" ];" movies -- tv 4 "$MOVIES" -- laptop 4 "$MOVIES"
selects "a prefix of clients" "clients = [ \"${TV6%::*}::50/124\" ];" movies -- tv 6 "$MOVIES" -- tv 4 "$MOVIES"
selects "a client's hardware address" "clients = [ \"$LAPTOP_MAC\" ];" movies -- laptop 6 "$MOVIES" -- tv 6 "$MOVIES"
selects "a client's name" 'clients = [ "livingroom-tv" ];' movies -- tv 4 "$MOVIES" -- laptop 4 "$MOVIES"
selects "a prefix of servers" 'servers = [ "198.18.1.0/24" ];' movies -- laptop 4 "$MOVIES" -- laptop 4 "$SHOP"
selects "a protocol" 'protocols = [ "tcp" ]; servers = [ "2001:db8:51::/64" ];' movies -- tv 6 "$MOVIES" -- tv 4 "$MOVIES"
selects "ports" 'ports = [ 80, "8000-8500" ];' movies \
	-- tv 4 "https://$S1_NAME:8443/hls/seg-0.ts" -- tv 4 "$MOVIES"
tap_is "no probe went into a flow without a record" "$(counter probes)" "$(probes_of_records)"

# Rest: the kernel forwards an ignored flow alone once it has been decided.
queued_by() { # CLIENT FAMILY: packets that reach the queue because of one download
	local before
	before=$(counter packets)
	home_curl "$1" "$2" --limit-rate 8M "https://$S1_NAME/large.bin" -o "$NET_WORK/got"
	cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin" >&2
	echo $(($(counter packets) - before))
}
for family in 4 6; do
	configure '{ name = "all"; }'
	traced=$(queued_by tv "$family")
	configure '{ name = "none"; action = "ignore"; }'
	ignored=$(queued_by tv "$family")
	echo "# IPv$family: $traced packets of a traced download were queued, $ignored of an ignored one"
	tap_ok "an ignored flow goes to rest, and its data arrives whole, IPv$family" [ $((ignored * 4)) -lt "$traced" ]
done

# A flow that rests is decided anew when the policy changes.
PLAYERS=()
for family in 4 6; do
	SPORT=$((NEXT_PORT++))
	home_curl tv "$family" --local-port "$SPORT" --limit-rate 1M --max-time 60 "https://$S1_NAME/large.bin" \
		-o "$NET_WORK/got$family" &
	PLAYERS+=($!)
done
flow_rests() {
	[ "$(on gw conntrack -L -p tcp --orig-port-src "$1" -f ipv4 -m 0x8000000/0x8000000 2>/dev/null | wc -l)" = 1 ]
}
tap_ok "a flow at rest has the rest bit on its connection" wait_for 30 flow_rests $((SPORT - 1))
configure '{ name = "all"; }'
for family in 4 6; do
	# Of its request nothing was seen. Where its SYN was held up, too, it takes a second trace to know the server.
	line=$(wait_for_record 30 ev=path "sport=$((SPORT - (family == 4)))" "af=$family" stop=reached) || line=
	tap_is "a flow that rested is traced once a new policy says so, IPv$family" "$(field "$line" pol)" all
done

# A bad file changes nothing, and says where it is bad.
sed -i 's/^services = .*/nonsense = 1;/; $a nonsense = 1;' "$NET_WORK/inpath.conf"
kill -HUP "$INPATHD_PID"
tap_ok "a bad configuration is refused with its file and line" wait_for 30 \
	grep -Eq "not taken, the old one stays: $NET_WORK/inpath.conf:[0-9]+: " "$NET_WORK/inpathd.err"
grep 'not taken' "$NET_WORK/inpathd.err" | sed "s#$NET_WORK/##; s/^/# /"
play laptop 4 "$MOVIES"
tap_ok "and the old policy goes on" wait_for 30 record_exists ev=path "sport=$SPORT" pol=all
wait "${PLAYERS[@]}"
tap_ok "the flows that rested and were traced arrive whole" cmp "$NET_WORK/got4" "$NET_WORK/s1/www/large.bin"
tap_ok "by IPv6, too" cmp "$NET_WORK/got6" "$NET_WORK/s1/www/large.bin"
tap_ok "inpathd ends well" stop_inpathd
tap_done
