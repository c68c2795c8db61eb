#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# process [BUILD]: what can happen to inpathd's own processes: they are killed, crash, hang, start and stop, are slower
# than the packets, or get no memory. Traffic goes on. SHORT=1 for `make check`.
set -euo pipefail
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$([ -n "${SHORT:-}" ] && echo 2 || echo 10)
STARTS=$([ -n "${SHORT:-}" ] && echo 10 || echo 1000)

ended() {
	wait_for 30 net_gone "$INPATHD_PID"
	wait "$INPATHD_PID" 2>/dev/null || true
}

# Its worker, or the process that watches it, gets a signal; it is started again, and so on.
signalled() { # worker|keeper SIGNAL ROUNDS
	local i pid
	for i in $(seq "$3"); do
		[ "$i" = 1 ] || fresh
		pid=$INPATHD_PID
		[ "$1" = keeper ] || pid=$(worker)
		kill "-$2" "$pid"
		ended
	done
	# Its rules are as they were; nobody listens.
	wait_for 30 queue_is_free
}

queue_is_free() {
	! on gw grep -q '^ *537 ' /proc/net/netfilter/nfnetlink_queue
}

case_signals() {
	local signal
	for signal in KILL SEGV; do
		fresh
		load_begin
		signalled worker "$signal" "$ROUNDS"
		load_end
		row "killed by SIG$signal" "the worker, $ROUNDS times, and started again" $((ROUNDS * QUEUE_LEN)) 1500
	done
	fresh
	load_begin
	signalled keeper KILL "$ROUNDS"
	load_end
	row "its keeper killed" "SIGKILL to the process that watches the worker, $ROUNDS times" $((ROUNDS * QUEUE_LEN)) 1500
}

case_hangs() {
	fresh
	load_begin
	signalled worker STOP 1
	load_end
	row "hangs" "SIGSTOP to the worker for good" "$QUEUE_LEN" 1500 \
		"the queue fills, then packets pass unseen; killed after 1 s"
	# Little traffic does not fill the queue, so that all of it is held until the keeper ends that.
	fresh
	load_begin 50
	signalled worker STOP 1
	load_end
	row "hangs, little traffic" "the same at 50 datagrams a second: the queue does not fill" "$QUEUE_LEN" 1500 \
		"all is held for that second"
	# Packets wait for it from when the queue is its own: from there on it is watched, and before that may take its time.
	load_begin 50
	tap_ok "hangs as it starts: it is ended, and says why" hung_start /var/lib/misc/dnsmasq.leases
	tap_ok "hangs before it has its queue: nobody waits for it" late_start "$INPATH_LOG"
	load_end
	row "hangs as it starts" "leases that never open, then a log, rules in place, 50 datagrams a second" "$QUEUE_LEN" 1500 \
		"watched as soon as packets wait for it"
}

start_with_hanging() { # FILE
	: >"$NET_WORK/inpathd.err"
	spawn gw "$NET_WORK/inpathd.err" env LD_PRELOAD="$NET_BUILD/safety/trouble.so" TROUBLE_HANG="$1" \
		"$NET_BUILD/inpathd" -c "$NET_WORK/inpath.conf"
	INPATHD_PID=$SPAWNED
}

hung_start() { # FILE
	local status=0
	start_with_hanging "$1"
	wait_for 30 net_gone "$INPATHD_PID" || return 1
	wait "$INPATHD_PID" || status=$?
	[ "$status" -eq 1 ] && grep -q 'the worker stood still for a second' "$NET_WORK/inpathd.err" && queue_is_free
}

late_start() { # FILE
	local there
	start_with_hanging "$1"
	sleep 2
	there=$(queue_is_free && ! net_gone "$INPATHD_PID" && echo yes)
	kill -KILL "$INPATHD_PID"
	ended
	[ "$there" = yes ]
}

# It is begun anew at once.
start_and_end() { # SIGNAL TIMES
	local i
	for i in $(seq "$2"); do
		# shellcheck disable=SC2016 # expanded by the inner shell
		on gw bash -c '
			"$1" -c "$2" >>"$3" 2>&1 &
			for i in {1..1000}; do
				! grep -q "^ *537 .* 2 " /proc/net/netfilter/nfnetlink_queue || break
				kill -0 $! 2>/dev/null || { echo "did not start"; exit 1; }
				sleep 0.005
			done
			kill "-$4" $!
			wait $! || true' sh "$NET_BUILD/inpathd" "$NET_WORK/inpath.conf" "$NET_WORK/inpathd.err" "$1" || return 1
		wait_for 30 queue_is_free
	done 2>/dev/null
}

ended_by() { # SIGNAL WHAT TIMES LOST_A_TIME
	load_begin
	tap_ok "$2 $3 times, with the rules in place" start_and_end "$1" "$3"
	load_end
	row "$2" "by SIG$1, $3 times, rules in place" $(($3 * $4)) 1500 \
		"$(awk -v n="$LOST" -v of="$3" 'BEGIN { printf "%.2f lost a time", n / of }')"
}

case_starts() {
	inpath_conf "${EVERYTHING/interval = 1/interval = 1; timeout_ms = 50}"
	fresh
	finish "$INPATHD_PID" || true
	ended_by TERM "started and stopped" "$STARTS" 1
	ended_by KILL "started and killed" $((STARTS / 5)) "$QUEUE_LEN"
	inpath_conf "$EVERYTHING"
}

# What waits for its verdict while they go, as there always is some, does not go with them.
case_rules() {
	local i
	export LD_PRELOAD=$NET_BUILD/safety/trouble.so TROUBLE_SLOW=20000
	fresh
	unset LD_PRELOAD TROUBLE_SLOW
	load_begin
	for i in $(seq "$ROUNDS"); do
		inpath_rules up >/dev/null
		inpath_rules down
		inpath_rules up >/dev/null
	done
	load_end
	row "rules loaded anew, taken down, put up" "each $ROUNDS times, while each read of the queue takes 20 ms longer, so that packets wait" 0 - \
		"they get their verdict before a chain goes"
}

# Too slow for what comes: the kernel passes by what the queue has no room for.
case_slow() {
	export LD_PRELOAD=$NET_BUILD/safety/trouble.so TROUBLE_SLOW=50000
	fresh
	unset LD_PRELOAD TROUBLE_SLOW
	load_begin
	load_end
	row "verdicts too late" "each read of the queue takes 50 ms longer" 0 1500 \
		"$(stat missed) packets passed unseen, and overtook queued ones"
}

# By one process that goes ahead of others: on a busy machine a shell may take longer than the keeper's patience is.
hiccups() { # PID
	nice -n -20 python3 -c 'import os, signal, sys, time
for _ in range(int(sys.argv[2])):
    os.kill(int(sys.argv[1]), signal.SIGSTOP)
    time.sleep(0.4)
    os.kill(int(sys.argv[1]), signal.SIGCONT)
    time.sleep(0.3)' "$1" "$ROUNDS"
}

case_full() {
	inpath_conf "gateway = { queue_len = 16; }; $EVERYTHING"
	fresh
	load_begin
	hiccups "$(worker)"
	load_end
	row "queue full" "\`queue_len\` 16, stopped for 0.4 s, $ROUNDS times" 0 1500 "$(stat missed) packets passed unseen, and counted"
	# A queue with more room than its socket has.
	inpath_conf "gateway = { queue_len = 8192; }; $EVERYTHING"
	export LD_PRELOAD=$NET_BUILD/safety/trouble.so TROUBLE_BUFFER=8192
	fresh
	unset LD_PRELOAD TROUBLE_BUFFER
	load_begin
	hiccups "$(worker)"
	load_end
	row "socket full (ENOBUFS)" "a receive buffer of 16 KB before a queue of 8192, stopped for 0.4 s, $ROUNDS times" 0 1500 \
		"$(stat missed) packets passed unseen, and counted"
	tap_ok "the socket was full" test "$(stat missed)" -gt 0
	inpath_conf "$EVERYTHING"
}

# Says why, ends with 1; with the rules in place packets pass.
refused_memory() {
	local status=0 said
	# shellcheck disable=SC2016 # expanded by the inner shell
	said=$(on gw sh -c 'ulimit -v "$1"; shift; exec "$@"' sh "$1" "$NET_BUILD/inpathd" -c "$NET_WORK/inpath.conf" 2>&1) ||
		status=$?
	echo "# with $1 KB: ${said//$NET_WORK\//}"
	[ "$status" -eq 1 ] && grep -qi memory <<<"$said"
}

case_memory() {
	inpath_conf "limits = { flows = 1000000; }; $EVERYTHING"
	load_begin
	tap_ok "no memory for its tables: it says so and ends with 1" refused_memory 100000
	load_end
	row "no memory at the start" "tables for 1,000,000 flows with 100 MB allowed, rules in place" 0 1500 \
		"ends with 1, and says why"
	inpath_conf "$EVERYTHING"
}

safety_begin process "${1:-build}"
! wanted signals || case_signals
! wanted hangs || case_hangs
! wanted rules || case_rules
! wanted slow || case_slow
! wanted full || case_full
! wanted starts || case_starts
! wanted memory || case_memory
tap_done
