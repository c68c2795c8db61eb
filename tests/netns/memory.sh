#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# memory: the limits that etc/inpath.conf gives for small routers cost what it says, also with twice as many connections
# as they have room for.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/bench/still.sh
. "$NET_ROOT/tests/bench/still.sh"

net_begin memory "${1:-build}"
host tv gw s1
router gw
link gw lan tv eth0 192.168.1.1/24 192.168.1.57/24
link gw wan s1 eth0 198.18.1.1/24 198.18.1.10/24
ip -n "$NET_PREFIX-tv" route add default via 192.168.1.1
ip -n "$NET_PREFIX-gw" route add default via 198.18.1.10
on gw iptables -t nat -A POSTROUTING -o wan -j MASQUERADE
spawn s1 "$NET_WORK/visits" "$NET_BUILD/bench/visits" serve 198.18.1.10 8000 4 100
wait_for 30 grep -q ready "$NET_WORK/visits"

at_most() { # MB VALUE
	awk -v most="$1" -v value="$2" 'BEGIN { exit !(value <= most) }'
}

# profile RAM: `MB FLOWS LIMITS`, as the file has them for a router with that many MB of RAM.
profile() {
	sed -n "s|^// $1 MB of RAM, of which inpathd takes at most \([0-9]*\): \(flows = \([0-9]*\).*\)\$|\1 \3 \2|p" \
		"$NET_ROOT/etc/inpath.conf"
}

for ram in 64 128; do
	read -r most flows limits <<<"$(profile "$ram")"
	inpath_conf "limits = { $limits };"
	start_inpathd
	fresh=$(resident)
	taken=$(field "$(records ev=start | tail -n 1)" memory)
	tap_ok "$ram MB of RAM: all tables full would be $most MB at most" \
		at_most "$most" "$(awk -v a="$fresh" -v b="$taken" 'BEGIN { print a + b / 1048576 }')"
	on tv "$NET_BUILD/bench/visits" make 198.18.1.10 8000 4 32 $((2 * flows)) 0 >/dev/null
	full=$(resident)
	echo "# $ram MB of RAM: $fresh MB fresh, $full MB full; tables of $taken bytes"
	tap_ok "$ram MB of RAM: behind twice its connections it is $most MB at most" at_most "$most" "$full"
	kill -USR1 "$INPATHD_PID"
	tap_ok "$ram MB of RAM: the table was full" \
		wait_for 30 record_exists ev=stats flows_evicted="$flows"
	on tv "$NET_BUILD/bench/visits" make 198.18.1.10 8000 4 32 $((2 * flows)) $((2 * flows)) >/dev/null
	tap_ok "$ram MB of RAM: and no more with as many again" at_most "$(awk -v m="$full" 'BEGIN { print m + 0.5 }')" "$(resident)"
	stop_inpathd
	rm -f "$INPATH_LOG"
done
tap_done
