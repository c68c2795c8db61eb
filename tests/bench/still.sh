#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# still: what it takes when nothing happens, and what it takes up. Sourced by run.

both_processes() {
	echo "$INPATHD_PID" "$(pgrep -P "$INPATHD_PID")"
}

# MB resident of both, pages that they share counted once (Pss).
resident() {
	local pid
	for pid in $(both_processes); do
		awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"
	done | awk '{ kb += $1 } END { printf "%.2f", kb / 1024 }'
}

switches() {
	local pid
	for pid in $(both_processes); do
		awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$pid/status"
	done | awk '{ n += $1 } END { print n }'
}

wakeups() {
	local before
	inpath_conf ''
	# Where the machine's own leases may be, other programs write, too.
	INPATH_LEASES=/var/lib/misc/dnsmasq.leases start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	sleep 3
	before=$(switches)
	sleep 20
	figure wakeups value /s less 1 "$(awk -v n="$(($(switches) - before))" 'BEGIN { print n / 20 }')"
	stop_inpathd
}

# All selected, so that a flow takes all that it ever takes; none leaves the table.
memory() {
	local have=0 want
	plain_routers
	spawn s1 "$NET_WORK/visits" "$NET_BUILD/bench/visits" serve "$S1_4" 8000 10 1000
	wait_for 10 grep -q ready "$NET_WORK/visits"
	inpath_conf 'limits = { flows = 100000; };'
	start_inpathd "$NET_WORK/inpath.conf" >/dev/null
	progress "memory: fresh $(resident) MB; taken at start: $(field "$(records ev=start | tail -n 1)" memory) bytes"
	for want in 1000 16384 100000; do
		on tv "$NET_BUILD/bench/visits" make "$S1_4" 8000 10 64 $((want - have)) "$have" >/dev/null
		have=$want
		figure "memory_$want" value MB less "$([ "$want" -lt 100000 ] && echo - || echo 64)" "$(resident)"
	done
	kill -USR1 "$INPATHD_PID"
	wait_for 10 record_exists ev=stats flows_new=100000 flows_evicted=0 ||
		{ echo "bench: inpathd did not see 100000 flows" >&2; exit 1; }
	stop_inpathd
}
