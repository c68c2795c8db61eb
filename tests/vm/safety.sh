#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# safety [BUILD]: faults that only a machine of its own can have: conntrack's table is full, the wall clock is set.
# CASES="clock": only these.
# shellcheck disable=SC2317 # what wait_for calls
set -euo pipefail
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/../safety/lib.sh"

MAX=/proc/sys/net/netfilter/nf_conntrack_max

table_full() {
	[ "$(on gw conntrack -S | grep -o '\bdrop=[0-9]*' | cut -d= -f2 | awk '{ n += $1 } END { print n + 0 }')" -gt 0 ]
}

# What is known goes on, and is traced; what is new waits until there is room.
case_conntrack() {
	local before probes
	before=$(cat "$MAX")
	fresh
	load_begin
	probes=$(stat probes)
	on gw cat /proc/sys/net/netfilter/nf_conntrack_count >"$MAX"
	tap_ok "conntrack's table full: it is" wait_for 30 table_full
	sleep 2
	probes=$(($(stat probes) - probes))
	echo "$before" >"$MAX"
	load_end
	row "conntrack's table full" "\`nf_conntrack_max\` set to what there is, for 2 s" 0 - "what is known is traced on, $probes probes meanwhile"
}

set_clock() {
	python3 -c 'import sys, time
time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + float(sys.argv[1]))' "$1"
}

traced_more() { # THAN
	[ "$(stat traces)" -gt "$1" ]
}

case_clock() {
	local step traces
	fresh
	load_begin
	for step in 86400 -86400 -1000000000 1000000000; do
		set_clock "$step"
		sleep 0.5
	done
	traces=$(stat traces)
	tap_ok "wall clock set: it traces still" wait_for 30 traced_more "$traces"
	load_end
	row "wall clock set" "a day forth and back, 31 years back and forth" 0 -
}

BEHIND= # not of nft alone
safety_begin vm "${1:-build}"
! wanted conntrack || case_conntrack
! wanted clock || case_clock
tap_done
