#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# daemon: inpathd in gw, and its records. Sourced by lib.sh.
#
# inpath_conf OPTIONS [LOG_OPTION...]	writes $NET_WORK/inpath.conf: records go to the file $INPATH_LOG;
#					the LOG_OPTIONs stand in `log` (`hops = true`), OPTIONS behind it
# start_inpathd [CONF]			starts inpathd, waits until it is ready, then puts the rules up.
#					Its PID is in $INPATHD_PID, what it says in $NET_WORK/inpathd.err
# managed_inpathd			writes a program that starts inpathd as a service manager does: its user and two
#					capabilities from the first moment on, no others to be had. For INPATHD: $MANAGED
# inpathd_user				the number of the user that inpathd becomes
# worker				the PID of its process that handles packets; $INPATHD_PID is its keeper's
# proc_status PID KEY...		the values of KEYs in a process' status, the first word of each
# is_confined PID UID CAPABILITIES	is it that user's, with these capabilities ($NET or $NONE), and all else given up?
# stop_inpathd				takes the rules down and ends it; its exit status
# inpath_rules COMMAND...		rules/inpath-rules in gw, for the configuration started last
# records KEY=VALUE...			the log's lines that have all these fields (value without quotes)
# wait_for_record SECONDS KEY=VALUE...	the newest such line, once there is one; 1 if none comes
# field LINE KEY			a field's value, without quotes; 1 if there is none
# record_addresses LINE			one line a TTL: the address (A+B: several; *: none), like true_path
#
# inpathd is $INPATHD, or the build's; the rules' backend is $INPATH_BACKEND, or iptables. A record split into parts has several lines (`part`).

INPATHD_PID=
INPATH_CONF=
INPATH_LOG=
MANAGED=
NONE=0000000000000000
# shellcheck disable=SC2034 # for scripts that look at capabilities
NET=0000000000003000

inpath_conf() {
	local options=$1 option
	shift
	INPATH_LOG=$NET_WORK/inpath.log
	{
		printf 'log = { syslog = false; file = "%s";' "$INPATH_LOG"
		for option in "$@"; do
			printf ' %s;' "$option"
		done
		printf ' };\nservices = "%s/etc/services";\n%s\n' "$NET_WORK" "$options"
	} >"$NET_WORK/inpath.conf"
}

start_inpathd() {
	INPATH_LOG=${INPATH_LOG:-$NET_WORK/inpath.log}
	INPATH_CONF=${1:-$NET_WORK/inpath.conf}
	local before
	before=$(records ev=start | wc -l)
	spawn gw "$NET_WORK/inpathd.err" "${INPATHD:-$NET_BUILD/inpathd}" -c "$INPATH_CONF"
	INPATHD_PID=$SPAWNED
	if ! wait_for 30 inpathd_spoke "$before" || net_gone "$INPATHD_PID"; then
		echo "inpathd did not become ready:" >&2
		cat "$NET_WORK/inpathd.err" >&2
		return 1
	fi
	inpath_rules up
}

inpathd_user() {
	sed -n 's/^inpath:[^:]*:\([0-9]*\):.*/\1/p' "$NET_WORK/passwd"
}

managed_inpathd() {
	local user
	user=$(inpathd_user)
	MANAGED=$NET_WORK/managed
	cat >"$MANAGED" <<-END
		#!/bin/sh
		exec setpriv --reuid $user --regid $user --clear-groups --no-new-privs --bounding-set=-all,+net_admin,+net_raw \
			--inh-caps=-all,+net_admin,+net_raw --ambient-caps=-all,+net_admin,+net_raw "${INPATHD:-$NET_BUILD/inpathd}" "\$@"
	END
	chmod 755 "$MANAGED"
}

worker() {
	pgrep -P "$INPATHD_PID"
}

proc_status() {
	local pid=$1 key
	shift
	for key in "$@"; do
		sed -n "s/^$key:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$pid/status"
	done | paste -sd' '
}

is_confined() {
	[ "$(proc_status "$1" Uid Gid CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp)" = \
		"$2 $2 $NONE $3 $3 $NONE $NONE 1 2" ]
}

# Has inpathd said ev=start once more than before, or ended?
inpathd_spoke() {
	net_gone "$INPATHD_PID" || [ "$(records ev=start | wc -l)" -gt "$1" ]
}

stop_inpathd() {
	inpath_rules down
	finish "$INPATHD_PID" || {
		local status=$?
		sed 's/^/# inpathd.err: /' "$NET_WORK/inpathd.err" >&2
		return "$status"
	}
}

inpath_rules() {
	on gw env INPATHD="${INPATHD:-$NET_BUILD/inpathd}" sh "$NET_ROOT/rules/inpath-rules" "$@" \
		-c "$INPATH_CONF" --backend "${INPATH_BACKEND:-iptables}"
}

records() {
	[ -e "$INPATH_LOG" ] || return 0
	# Within quotes the writer escapes `=` and `"`: ` KEY=` is always a field.
	awk 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			at = index(ARGV[i], "=")
			plain[i] = " " ARGV[i] " "
			quoted[i] = " " substr(ARGV[i], 1, at) "\"" substr(ARGV[i], at + 1) "\" "
		}
		wanted = ARGC - 1
		ARGC = 1
	}
	{
		for (i = 1; i <= wanted; i++)
			if (!index(" " $0 " ", plain[i]) && !index(" " $0 " ", quoted[i]))
				next
		print
	}' "$@" <"$INPATH_LOG"
}

wait_for_record() {
	local bound=$1 line
	shift
	if ! wait_for "$bound" record_exists "$@"; then
		echo "no record with $*" >&2
		return 1
	fi
	line=$(records "$@")
	echo "${line##*$'\n'}"
}

record_exists() {
	[ -n "$(records "$@")" ]
}

field() {
	local rest=" $1"
	case $rest in
	*" $2=\""*)
		rest=${rest#*" $2=\""}
		echo "${rest%%\"*}"
		;;
	*" $2="*)
		rest=${rest#*" $2="}
		echo "${rest%% *}"
		;;
	*) return 1 ;;
	esac
}

record_addresses() {
	local hops
	hops=$(field "$1" hops) || return 1
	tr ',' '\n' <<<"$hops" | cut -d/ -f2
}
