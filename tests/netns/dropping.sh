#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dropping [BUILD]: each step by which inpathd's two processes give up privileges is refused, or is without effect and
# nobody says so. Then it ends, with a sentence; or the kernel has all given up all the same.
# shellcheck disable=SC2016 # what is evaluated is evaluated later
set -euo pipefail
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# Without these something is always left.
NEEDED=(setgroups setresgid setresuid capset no_new_privs)
OTHERS=(keepcaps bounding ambient setrlimit dumpable pdeathsig)
[ ! -e /usr/include/seccomp.h ] || NEEDED+=(seccomp_load)

user=
no_core() {
	grep -q '^Max core file size *0 *0 ' "/proc/$1/limits" && [ "$(stat -c %u "/proc/$1/environ")" = 0 ]
}

given_up() {
	local pid
	pid=$(worker) && is_confined "$pid" "$user" "$NET" && is_confined "$INPATHD_PID" "$user" "$NONE" &&
		[ "$(proc_status "$pid" Groups)$(proc_status "$INPATHD_PID" Groups)" = "$user$user" ] &&
		no_core "$pid" && no_core "$INPATHD_PID"
}

settled() {
	net_gone "$INPATHD_PID" || given_up 2>/dev/null
}

# Sets $CAME: `ended` with a sentence, `confined`, or what went wrong.
try() { # STEP:HOW:PROCESS
	local status=0
	: >"$NET_WORK/fault.err"
	spawn gw "$NET_WORK/fault.err" setpriv --groups 0,1 env FAULT="$1" ASAN_OPTIONS=detect_leaks=0 \
		"$NET_BUILD/fault/inpathd" -c "$NET_WORK/inpath.conf"
	INPATHD_PID=$SPAWNED
	CAME=confined
	if ! wait_for 30 settled; then
		CAME="it runs with more than it should"
		finish "$INPATHD_PID" || true
	elif ! net_gone "$INPATHD_PID"; then
		finish "$INPATHD_PID" || CAME="status $? at its end"
	else
		finish "$INPATHD_PID" || status=$?
		CAME=ended
		[ "$status" -eq 1 ] && grep -q '^inpathd: .*: [a-z]' "$NET_WORK/fault.err" ||
			CAME="status $status: $(head -n 3 "$NET_WORK/fault.err" | tr '\n' ' ')"
	fi
	grep -q "^fault: " "$NET_WORK/fault.err" || CAME="no such step"
}

net_begin dropping "${1:-}"
home_up nat
user=$(inpathd_user)
inpath_conf ''
for process in worker keeper; do
	for how in fails lies; do
		for step in "${NEEDED[@]}"; do
			try "$step:$how:$process"
			tap_is "$process: $step $how: it ends, and says why" "$CAME" ended
		done
		for step in "${OTHERS[@]}"; do
			# A keeper has no parent whose death would end it.
			[ "$process $step" != "keeper pdeathsig" ] || continue
			try "$step:$how:$process"
			tap_ok "$process: $step $how: it ends and says why, or nothing is left ($CAME)" \
				eval '[ "$CAME" = ended ] || [ "$CAME" = confined ]'
		done
	done
done
tap_done
