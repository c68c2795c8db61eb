#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults: whatever call of the system or of the heap fails (tests/fault/fault.c; it runs under the sanitizers; that for
# leaks cannot look at a process that has given up its privileges).
# - While inpathd starts: it either starts all the same or says in words why not and ends with 1; no crash. Where it says
#   nothing, it answers when asked. By default the first call of each kind fails, with LONG=1 each in turn until there are
#   no more.
# - While it runs, with traffic, and is asked, told to read its configuration anew and more: it goes on. By default the
#   first call of all kinds in one run, then the second; with LONG=1 each call by itself.
# - No call of the shells that may fail is left out.
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t CALLS < <(sed -nE 's/^WRAP\([^,]*, ([a-z0-9_]*),.*/\1/p' "$NET_ROOT/tests/fault/fault.c")
CALLS+=(open)

# As if it had never run here.
spawn_with() { # FAULT
	rm -rf "$NET_WORK/fault.err" "$INPATH_LOG" "$NET_WORK/gw/run/inpath"
	spawn gw "$NET_WORK/fault.err" env FAULT="$1" NOTIFY_SOCKET="$NET_WORK/nobody" ASAN_OPTIONS=detect_leaks=0 \
		"$NET_BUILD/fault/inpathd" -c "$NET_WORK/inpath.conf"
	INPATHD_PID=$SPAWNED
}

said_no_more_than_faults() {
	! grep -vq '^fault: ' "$NET_WORK/fault.err"
}

crashed() {
	grep -qE 'Sanitizer|runtime error' "$NET_WORK/fault.err"
}

wrong() { # FAULT WHAT
	WRONG+="$1: $2; $(grep -v '^fault: ' "$NET_WORK/fault.err" | head -n 3 | tr '\n' ' ')"$'\n'
}

# --- while it starts -----------------------------------------------------------------------------

# Starts inpathd with a fault, ends it if it runs, and looks at how it went. False where no call failed.
try() { # CALL N
	local status=0
	spawn_with "$1:$2"
	wait_for 30 inpathd_spoke 0 || true
	if said_no_more_than_faults; then
		wait_for 30 answers || wrong "$1:$2" "it complains of nothing, and does not answer"
	fi
	finish "$INPATHD_PID" || status=$?
	grep -q '^fault: ' "$NET_WORK/fault.err" || return 1
	if [ "$status" -gt 1 ] || crashed || { [ "$status" -eq 1 ] && said_no_more_than_faults; }; then
		wrong "$1:$2" "status $status"
	fi
}

starts() {
	local call count kinds=0
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
	tap_ok "calls of at least 35 kinds have failed" test "$kinds" -ge 35
}

# --- while it runs -------------------------------------------------------------------------------

NEXT=20000

fetched() {
	NEXT=$((NEXT + 1))
	home_curl tv "$1" --local-port "$NEXT" "https://$S1_NAME/hls/seg-0.ts" -o "$NET_WORK/got" &&
		cmp "$NET_WORK/got" "$NET_WORK/s1/www/hls/seg-0.ts"
}

# All that a running inpathd does.
all_work() { # FAULT
	local before
	fetched 4 || wrong "$1" "a download over IPv4 was broken"
	fetched 6 || wrong "$1" "a download over IPv6 was broken"
	answers || true
	on gw timeout 30 "$NET_BUILD/inpath" reload >/dev/null 2>&1 || true
	touch "$NET_WORK/gw/misc/dnsmasq.leases"
	ip -n "$NET_PREFIX-gw" link set br-lan alias "of $1"
	before=$(records ev=stats | wc -l)
	kill -HUP "$INPATHD_PID"
	kill -USR1 "$INPATHD_PID"
	wait_for 30 more_stats "$before" || wrong "$1" "it does not hear signals"
}

answers() {
	on gw timeout 30 "$NET_BUILD/inpath" status >/dev/null 2>&1
}

more_stats() {
	[ "$(records ev=stats | wc -l)" -gt "$1" ] || net_gone "$INPATHD_PID"
}

# Runs inpathd with a fault, at work, and looks at how it went. False where no call failed.
try_at_work() { # FAULT
	local status=0 failed
	spawn_with "$1"
	if ! wait_for 30 inpathd_spoke 0 || net_gone "$INPATHD_PID"; then
		wrong "$1" "it did not start"
		return
	fi
	all_work "$1"
	failed=$(grep -c '^fault: ' "$NET_WORK/fault.err" || true)
	if [ "$failed" -gt 0 ] || [ "$1" != "${1#each}" ]; then
		fetched 4 || wrong "$1" "a later download was broken"
		wait_for_record 30 ev=path "sport=$NEXT" stop=reached >/dev/null || wrong "$1" "nothing is traced behind it"
		wait_for 30 answers || wrong "$1" "it does not answer behind it"
	fi
	finish "$INPATHD_PID" || status=$?
	failed=$(grep -c '^fault: ' "$NET_WORK/fault.err" || true)
	if [ "$status" -ne 0 ] || crashed; then
		wrong "$1" "status $status"
	fi
	FAILED=$(sed -n 's/^fault: //p' "$NET_WORK/fault.err" | sort -u | tr '\n' ' ')
	[ "$failed" -gt 0 ]
}

works() {
	local call n most=0
	WRONG=
	for n in 1 2; do
		try_at_work "each:running:$n" || true
		# shellcheck disable=SC2086 # words
		set -- $FAILED
		[ $# -le "$most" ] || most=$#
		echo "# call $n of each kind failed at work: $FAILED"
	done
	tap_ok "at work: it goes on when a call of each kind fails" test -z "$WRONG"
	printf '%s' "$WRONG" | sed 's/^/# /'
	tap_ok "at work: calls of at least 15 kinds have failed" test "$most" -ge 15
	[ "${LONG:-}" = 1 ] || return 0
	for call in "${CALLS[@]}"; do
		WRONG=
		n=0
		while try_at_work "$call:running:$((n + 1))"; do
			n=$((n + 1))
			[ "$n" -lt 20 ] || break
		done
		tap_ok "at work, $call: it goes on ($n failed in turn)" test -z "$WRONG"
		printf '%s' "$WRONG" | sed 's/^/# /'
	done
}

# --- all of them ---------------------------------------------------------------------------------

# Calls that do not fail where they are made: of the process about itself, of time, of memory that is its own, on what is
# open; and those whose failing is tests/netns/dropping.sh's.
SURE="sysconf _exit close exit getegid geteuid getgid getgroups getpid getppid getresgid getresuid getrlimit getuid kill \
prctl raise setegid seteuid setgid setgroups setresgid setresuid setrlimit setuid syscall waitid umask \
sigaddset sigemptyset signal sigprocmask strsignal getenv \
clock_gettime gettimeofday localtime_r time tzset usleep \
free madvise munmap \
fclose ferror fflush fprintf fputs fwrite perror putc puts vfprintf getopt_long optarg optind stderr stdout \
mnl_socket_close mnl_socket_get_fd mnl_socket_get_portid"
# Nor do those that touch no system, and libraries of which we see no inside (libconfig ends the process when it has no
# memory; libseccomp's failing is dropping.sh's, too).
PLAIN='^(_?_?(mem|str|str[a-z]*|mem[a-z]*|is[a-z]*|to[a-z]*)|.*printf|.*scanf|qsort|bsearch|inet_.*|ntoh.|hton.|dirname|basename|mnl_(attr|nlmsg|cb)_.*|nfq_.*|nfnl_.*|nettle_.*|config_.*|seccomp_.*|__asan_.*|__ubsan_.*|__sanitizer_.*|__.*_chk|__stack_chk_fail|__errno_location|__ctype_.*|_GLOBAL_OFFSET_TABLE_|__lsan_.*)$'

left_out() {
	local own=$NET_BUILD/asan/gateway
	comm -23 <(nm --undefined-only "$own"/io/*.o "$own"/daemon/*.o | awk 'NF == 2 { print $2 }' | sort -u) \
		<({ nm --defined-only "$own"/*/*.o | awk 'NF == 3 { print $3 }'; printf '%s\n' "${CALLS[@]}"; tr ' ' '\n' <<<"$SURE"; } | sort -u) |
		grep -vE "$PLAIN" || true
}

net_begin faults "${1:-}"
home_up nat6
tap_is "no call of the shells that may fail is left out" "$(left_out)" ""
inpath_conf 'probe = { interval = 1; }; gateway = { accounting = true; };'
starts
INPATH_CONF=$NET_WORK/inpath.conf
inpath_rules up
works
inpath_rules down
tap_done
