#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults: whatever call of the system or of the heap fails while inpathd starts, it either starts all the same or says
# in words why not and ends with 1; no crash (it runs under the sanitizers; that for leaks cannot look at a process that
# has given up its privileges). By default the first call of each
# kind fails, with LONG=1 each in turn until there are no more.
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

CALLS=(malloc calloc realloc mmap fopen open socket bind connect listen setsockopt send sendto recv read write writev
	fstat mkdir fork eventfd signalfd epoll_create1 epoll_ctl inotify_init1 inotify_add_watch getrandom)

# Starts inpathd with a fault, ends it if it runs, and looks at how it went. False where no call failed.
try() { # CALL N
	local status=0 before
	rm -f "$NET_WORK/fault.err"
	before=$(records ev=start | wc -l)
	spawn gw "$NET_WORK/fault.err" env FAULT="$1:$2" ASAN_OPTIONS=detect_leaks=0 \
		"$NET_BUILD/fault/inpathd" -c "$NET_WORK/inpath.conf"
	INPATHD_PID=$SPAWNED
	wait_for 30 inpathd_spoke "$before" || true
	finish "$INPATHD_PID" || status=$?
	grep -qx fault "$NET_WORK/fault.err" || return 1
	if [ "$status" -gt 1 ] || grep -qE 'Sanitizer|runtime error' "$NET_WORK/fault.err" ||
		{ [ "$status" -eq 1 ] && ! grep -vqx fault "$NET_WORK/fault.err"; }; then
		WRONG+="$1:$2 status $status; $(head -n 3 "$NET_WORK/fault.err" | tr '\n' ' ')"$'\n'
	fi
}

net_begin faults "${1:-}"
home_up nat
inpath_conf ''
kinds=0
for call in "${CALLS[@]}"; do
	WRONG=
	count=0
	while try "$call" $((count + 1)); do
		count=$((count + 1))
		[ "${LONG:-}" = 1 ] || break
		[ "$count" -lt 200 ] || break
	done
	if [ "$count" -eq 0 ]; then
		echo "# $call is not called by inpathd's own code while it starts and ends"
		continue
	fi
	kinds=$((kinds + 1))
	tap_ok "$call: it starts, or says why not ($count failed in turn)" test -z "$WRONG"
	printf '%s' "$WRONG" | sed 's/^/# /'
done
tap_ok "calls of at least 15 kinds have failed" test "$kinds" -ge 15
tap_done
