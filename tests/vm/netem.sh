#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# netem [BUILD]: a provider's line that delays by 20 ms each way with 4 ms of jitter, which reorders,
# and loses one packet in a hundred: content arrives whole, paths are true, delays show where they are.
# shellcheck disable=SC2317 # called by way of wait_for and tap_ok
set -euo pipefail
. "$(dirname "$0")/../netns/lib.sh"

FLOWS=() # "FAMILY SPORT"
PLAYERS=()
NEXT_PORT=20000

# Downloads and uploads of both clients at once, on ports from $1 on.
flows() {
	local family client kind sport
	NEXT_PORT=$1
	FLOWS=() PLAYERS=()
	for family in 4 6; do
		for client in tv laptop; do
			for kind in down up; do
				sport=$((NEXT_PORT++))
				FLOWS+=("$client $family $sport")
				case $kind in
				down) transfer "$client" "$family" "$sport" "https://$S1_NAME/medium.bin" -o "$NET_WORK/got-$sport" ;;
				up) transfer "$client" "$family" "$sport" "https://$S1_NAME/upload/$sport" -T "$NET_WORK/s1/www/medium.bin" ;;
				esac
			done
		done
	done
}

transfer() {
	local client=$1 family=$2 sport=$3
	shift 3
	home_curl "$client" "$family" --local-port "$sport" "$@" 2>>"$NET_WORK/clients.err" &
	PLAYERS+=($!)
}

all_arrive_whole() {
	local pid one sport bad=0
	for pid in "${PLAYERS[@]}"; do
		wait "$pid" || bad=1
	done
	for one in "${FLOWS[@]}"; do
		sport=${one##* }
		cmp "$NET_WORK/s1/www/medium.bin" \
			"$([ -e "$NET_WORK/got-$sport" ] && echo "$NET_WORK/got-$sport" || echo "$NET_WORK/s1/www/upload/$sport")" || bad=1
	done
	[ "$bad" -eq 0 ] || { cat "$NET_WORK/clients.err" >&2; return 1; }
}

# A hop may lose both of its probes here: once in 2,500 hops. Two of 48 would be a fault of ours.
records_are_true() {
	local one client family sport line server shown truth silent=0 bad=0 hop
	for one in "${FLOWS[@]}"; do
		read -r client family sport <<<"$one"
		server=S1_$family
		line=$(wait_for_record 20 ev=path why=start "sport=$sport") || { bad=1 && continue; }
		truth=$(true_path "$family" "$(home_client "$client" "$family")" "${!server}" "$sport" 443)
		shown=$(record_addresses "$line")
		for hop in 1 2 3 4 5 6; do
			if [ "$(sed -n "${hop}p" <<<"$shown")" = "*" ]; then
				silent=$((silent + 1))
			elif [ "$(sed -n "${hop}p" <<<"$shown")" != "$(sed -n "${hop}p" <<<"$truth")" ]; then
				echo "# hop $hop is not on the way (${truth//$'\n'/ }): $line"
				bad=1
			fi
		done
	done
	[ "$silent" -le 1 ] || echo "# $silent silent hops"
	[ "$silent" -le 1 ] && [ "$bad" -eq 0 ]
}

# The line is in front of the first router: nothing beyond it can be nearer than 2 * (20 - 4) ms.
delays_show() {
	records ev=path | grep -o 'hops=[^ ]*' | tr ',' '\n' | sed 's/^hops=//' | awk -F/ '
		$2 != "*" { n++; if ($3 < 30) { print "# too near: " $0; bad = 1 } }
		END { exit bad || n < 40 }'
}

net_begin netem "${1:-}"
home_up nat6
head -c 600000 /dev/urandom >"$NET_WORK/s1/www/medium.bin"
for end in "gw wan" "r1 gw"; do
	tc -n "$NET_PREFIX-${end% *}" qdisc add dev "${end#* }" root netem delay 20ms 4ms loss 1% limit 20000
done

flows 20000
tap_ok "without inpath: every transfer arrives whole" all_arrive_whole
rm -f "$NET_WORK"/got-*
inpath_conf 'probe = { interval = 1; }; budget = { gateway = 1000; client = 500; first_hops = 200; };'
start_inpathd "$NET_WORK/inpath.conf"
flows 21000
tap_ok "with inpath: every transfer arrives whole" all_arrive_whole
tap_ok "every flow has its record, and shows the way it took" records_are_true
tap_ok "the line's delay is in every answer's time" delays_show
tap_is "no answer is left over at a client" \
	"$(for c in tv laptop; do on "$c" nstat -asz IcmpInTimeExcds Icmp6InTimeExcds | awk 'NR > 1 && $2 > 0'; done)" ""
tap_ok "inpathd ends well" stop_inpathd
tap_done
