#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check [BUILD]: what only a machine of its own can break for inpath check: modules of the kernel, the clock,
# a real flow table, the size of conntrack's table. First that a good gateway is good: exit status 0.
# shellcheck disable=SC2016,SC2317 # what tap_ok evaluates, it evaluates later
set -euo pipefail
. "$(dirname "$0")/../netns/lib.sh"

check() {
	on gw "$NET_BUILD/inpath" check --json -c "$NET_WORK/inpath.conf"
}

mark() {
	check | python3 -c 'import json, sys
print(*[one["mark"] for one in json.load(sys.stdin)["findings"] if one["id"] == sys.argv[1]])' "$1"
}

# set_clock STATUS [SECONDS]: the kernel's word on whether it is synchronised (adjtimex), and the time.
set_clock() {
	python3 -c 'import ctypes, sys, time
class timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                ("rest", ctypes.c_char * 200)]
clock = timex(modes=0x10 | 0x04, maxerror=1000, status=int(sys.argv[1]))
libc = ctypes.CDLL(None)
assert libc.adjtimex(ctypes.byref(clock)) >= 0
if len(sys.argv) > 2:
    time.clock_settime(time.CLOCK_REALTIME, float(sys.argv[2]))' "$@"
}

net_begin check "${1:-}"
home_up nat6
inpath_conf ''
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
set_clock 0
home_curl tv 4 "https://$S1_NAME/hls/seg-0.ts" -o /dev/null
wait_for_record 20 ev=path >/dev/null
status=0
on gw "$NET_BUILD/inpath" check -c "$NET_WORK/inpath.conf" >"$NET_WORK/text" || status=$?
tap_is "a good gateway: all good" "$status $(tail -n 1 "$NET_WORK/text")" "0 All good."
[ "$status" -eq 0 ] || cat "$NET_WORK/text"

set_clock 64
tap_is "a clock that is not synchronised" "$(mark clock)" limit
now=$(date +%s)
set_clock 0 1000000000
tap_is "a clock of long ago" "$(mark clock)" limit
set_clock 0 "$now"

on gw nft -f - <<-'END'
	table inet fw4 {
		flowtable ft { hook ingress priority 0; devices = { "br-lan", "wan" }; }
		chain forward {
			type filter hook forward priority filter; policy accept;
			meta l4proto { tcp, udp } flow offload @ft
		}
	}
END
tap_is "a flow table" "$(mark offload)" limit
on gw env INPATHD="$NET_BUILD/inpathd" "$NET_ROOT/etc/openwrt/inpath/files/fw4-offload"
tap_is "and with its mend" "$(mark offload)" ok
on gw nft delete table inet fw4

most=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
# Connections still end: a little less than there are.
echo $(($(on gw cat /proc/sys/net/netfilter/nf_conntrack_count) * 4 / 5 + 1)) >/proc/sys/net/netfilter/nf_conntrack_max
tap_is "a full table of connections" "$(mark conntrack)" limit
echo "$most" >/proc/sys/net/netfilter/nf_conntrack_max

stop_inpathd >/dev/null
# From here on the kernel has only the modules that are loaded.
for family in iptables ip6tables; do
	on gw "$family" -t nat -F
done
echo /bin/false >/proc/sys/kernel/modprobe
for one in "nft_queue kernel.nft" "nfnetlink_log kernel.copies" "nf_conntrack_netlink kernel.conntrack"; do
	if ! rmmod "${one% *}" 2>"$NET_WORK/rmmod"; then
		tap_skip "without ${one% *}" "it is in use: $(cat "$NET_WORK/rmmod")"
		continue
	fi
	case ${one#* } in
	# One of two ways to load rules: it is not missed while the other is there.
	kernel.nft) tap_is "without ${one% *}" "$(mark kernel.nft)" "" ;;
	*) tap_is "without ${one% *}" "$(mark "${one#* }")" limit ;;
	esac
done
if rmmod xt_NFQUEUE 2>/dev/null || ! lsmod | grep -q xt_NFQUEUE; then
	tap_is "neither nft nor iptables can queue" "$(mark kernel.rules)" bad
fi
if rmmod nfnetlink_queue 2>"$NET_WORK/rmmod"; then
	tap_is "without nfnetlink_queue" "$(mark kernel.queue)" bad
else
	tap_skip "without nfnetlink_queue" "it is in use: $(cat "$NET_WORK/rmmod")"
fi
tap_done
