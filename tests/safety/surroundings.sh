#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# surroundings [BUILD]: what can happen around inpathd: the WAN goes and comes, the rules, too; the log is not read, the
# disk is full, no file descriptor is left, the clock jumps, the firewall refuses probes. Traffic goes on, and so does
# inpathd. SHORT=1 for `make check`.
set -euo pipefail
# In a mount namespace of its own, for the small disk.
[ -n "${SAFETY_APART:-}" ] || SAFETY_APART=1 exec unshare --mount --propagation private -- "$0" "$@"
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/lib.sh"

TIMES=$([ -n "${SHORT:-}" ] && echo 2 || echo 10)

# It runs still, and traces still: connections that are new now.
it_goes_on() {
	local before
	before=$(records ev=path why=start | wc -l)
	home_curl laptop 6 "https://$S1_NAME/paced/hls/seg-0.ts" -o /dev/null
	wait_for 30 more_paths "$before"
}

more_paths() {
	[ "$(records ev=path why=start | wc -l)" -gt "$1" ]
}

# --- the WAN -------------------------------------------------------------------------------------

# The addresses that went with the link, and the routes.
wan_again() {
	net_interface gw wan "$WAN4/24,$WAN6/64,fe80::2/64"
	home_route gw default 203.0.113.1 default fe80::1:wan
}

# Milliseconds since the system began.
clock_ms() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

wan_down_and_up() {
	local i
	for i in $(seq "$TIMES"); do
		AWAY=$((AWAY - $(clock_ms)))
		ip -n "$NET_PREFIX-gw" link set wan down
		sleep 0.5
		ip -n "$NET_PREFIX-gw" addr flush dev wan
		wan_again
		AWAY=$((AWAY + $(clock_ms)))
		sleep 0.5
	done
}

wan_replaced() {
	local i
	for i in $(seq "$TIMES"); do
		AWAY=$((AWAY - $(clock_ms)))
		ip -n "$NET_PREFIX-gw" link del wan
		sleep 0.5
		link r1 gw gw wan 203.0.113.1/24 "$WAN4/24,$WAN6/64"
		home_route gw default 203.0.113.1 default fe80::1:wan
		home_route r1 "" "" 2001:db8:0:1::/64 :gw
		home_route r1 "" "" 2001:db8:1::/64 fe80::2:gw
		AWAY=$((AWAY + $(clock_ms)))
		sleep 0.5
	done
}

# What is sent while there is no way, $AWAY ms in all, is lost with and without inpath: a datagram each millisecond. On
# a busy machine it takes longer to come again. Masquerading forgets its connections when the interface goes: so those
# of routed IPv6 are looked at.
case_wan() { # down_and_up|replaced WHAT DONE
	local lost gap longer
	AWAY=0
	load_begin 1000 "$S1_6"
	"wan_$1"
	load_end
	lost=$LOST gap=$GAP longer=$((-AWAY))
	fresh
	AWAY=0
	load_begin 1000 "$S1_6"
	"wan_$1"
	load_end
	longer=$((AWAY + longer > 0 ? AWAY + longer : 0))
	row "$2" "$3, $TIMES times for 0.5 s" $((lost + QUEUE_LEN + 300 * TIMES + longer)) $((gap + 1000 + longer)) \
		"without inpath: $lost lost, $gap ms"
	tap_ok "$2: it goes on" it_goes_on
}

# --- the rules -----------------------------------------------------------------------------------

case_rules() {
	local i
	fresh
	load_begin
	for i in $(seq "$TIMES"); do
		inpath_rules down
		inpath_rules up
	done >/dev/null
	load_end
	row "rules taken away and put back" "\`inpath-rules\` down and up, $TIMES times" 0 1500
	tap_ok "rules taken away and put back: it goes on" it_goes_on
}

# --- the log -------------------------------------------------------------------------------------

# As nobody reads it, the socket is full after a few lines.
case_syslog() {
	local dropped
	cat >"$NET_WORK/inpathd-dev-log" <<-END
		#!/bin/sh
		# In the mount namespace of this process alone.
		mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && ln -s /run/log /dev/log &&
			exec "$NET_BUILD/inpathd" "\$@"
	END
	chmod 755 "$NET_WORK/inpathd-dev-log"
	: >"$NET_WORK/deaf"
	# shellcheck disable=SC2016 # Python's
	spawn gw "$NET_WORK/deaf" python3 -c 'import os, signal, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/log")
os.chmod("/run/log", 0o666)
print("ready", flush=True)
signal.pause()'
	wait_for 30 grep -q ready "$NET_WORK/deaf"
	inpath_conf "$EVERYTHING" 'probes = true' 'hops = true'
	sed -i 's/syslog = false/syslog = true/' "$NET_WORK/inpath.conf"
	INPATHD=$NET_WORK/inpathd-dev-log fresh
	load_begin
	LOAD_TRAIL=5 load_end
	kill -USR1 "$INPATHD_PID"
	wait_for 30 record_exists ev=stats of=shells
	dropped=$(field "$(records ev=stats of=shells | tail -n 1)" log_dropped)
	row "syslog stalls" "nobody reads \`/dev/log\`; every probe is logged" 0 1500 "$dropped lines dropped, and counted"
	tap_ok "syslog stalls: lines were dropped" test "$dropped" -gt 0
	tap_ok "syslog stalls: it goes on" it_goes_on
	inpath_conf "$EVERYTHING"
}

log_is_full() {
	[ "$(df --output=avail "$NET_WORK/small" | tail -n 1)" -eq 0 ]
}

case_disk() {
	local size
	mkdir -p "$NET_WORK/small"
	mount -t tmpfs -o size=64k,mode=755 none "$NET_WORK/small"
	inpath_conf "$EVERYTHING" 'probes = true' 'hops = true'
	sed -i "s|$INPATH_LOG|$NET_WORK/small/inpath.log|" "$NET_WORK/inpath.conf"
	INPATH_LOG=$NET_WORK/small/inpath.log
	fresh
	load_begin
	tap_ok "disk full: it is" wait_for 30 log_is_full
	load_end
	row "disk full" "\`log.file\` on a full disk; every probe is logged" 0 1500 \
		"it writes again when there is room"
	size=$(stat_of_file)
	: >"$INPATH_LOG"
	tap_ok "disk full: it goes on writing when there is room ($size bytes were there)" it_goes_on
	finish "$INPATHD_PID" || true
	umount "$NET_WORK/small"
	inpath_conf "$EVERYTHING"
}

stat_of_file() {
	wc -c <"$INPATH_LOG"
}

# --- what the system gives -------------------------------------------------------------------------

cpu_ticks() { # of a process
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# Starts it with as many descriptors as it has when it runs, and none more.
with_few_descriptors() {
	local fd highest=0
	fresh
	for fd in "/proc/$(worker)/fd/"*; do
		fd=${fd##*/}
		# Those above are of whoever runs this.
		[ "$fd" -le "$highest" ] || [ "$fd" -gt 64 ] || highest=$fd
	done
	printf '#!/bin/sh\nulimit -n %s && exec "%s" "$@"\n' $((highest + 1)) "$NET_BUILD/inpathd" >"$NET_WORK/inpathd-few"
	chmod 755 "$NET_WORK/inpathd-few"
	INPATHD=$NET_WORK/inpathd-few fresh
}

descriptors_left() {
	local pid
	pid=$(worker)
	echo $(($(awk '/^Max open files/ { print $4 }' "/proc/$pid/limits") - $(find "/proc/$pid/fd" -mindepth 1 | wc -l)))
}

sent_away() {
	local status=0
	on gw timeout 30 "$NET_BUILD/inpath" status >/dev/null 2>&1 || status=$?
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
}

case_descriptors() {
	local left ticks pid askers
	with_few_descriptors
	load_begin
	: >"$NET_WORK/askers"
	# shellcheck disable=SC2016 # Python's
	spawn gw "$NET_WORK/askers" python3 -c 'import signal, socket
held = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for i in range(32)]
for one in held:
    one.setblocking(False)
    try:
        one.connect("/run/inpath/control")
    except OSError:
        pass
print("ready", flush=True)
signal.pause()'
	askers=$SPAWNED
	wait_for 30 grep -q ready "$NET_WORK/askers"
	kill -HUP "$INPATHD_PID"
	touch "$NET_WORK/gw/misc/dnsmasq.leases"
	left=$(descriptors_left) pid=$(worker)
	ticks=$(cpu_ticks "$pid")
	sleep 1
	ticks=$(($(cpu_ticks "$pid") - ticks))
	load_end
	tap_ok "no file descriptor left: there is none" test "$left" -le 0
	finish "$askers" || true
	row "no file descriptor left" "32 clients hold the control socket, it is reloaded, leases change" 0 1500 \
		"$ticks % of a processor"
	tap_ok "no file descriptor left: it does not spin" test "$ticks" -lt 60
	tap_ok "no file descriptor left: it goes on" it_goes_on
	tap_ok "no file descriptor left: who asks for its status is sent away at once" sent_away
}

clock_steps() { # SECONDS of the step
	# shellcheck disable=SC2016 # Python's
	python3 -c 'import struct, sys
open(sys.argv[1], "r+b").write(struct.pack("=q", int(sys.argv[2])))' "$NET_WORK/clock" "$1"
}

case_clock() {
	local step
	head -c 8 /dev/zero >"$NET_WORK/clock"
	export LD_PRELOAD=$NET_BUILD/safety/trouble.so TROUBLE_CLOCK=$NET_WORK/clock
	fresh
	unset LD_PRELOAD TROUBLE_CLOCK
	load_begin
	for step in 86400 0 -86400 0 -1700000000 0; do
		clock_steps "$step"
		sleep 0.5
	done
	load_end
	row "wall clock steps" "a day forth and back, to 1972 and back" 0 1500
	clock_steps 86400
	tap_ok "wall clock steps: it goes on" it_goes_on
	# shellcheck disable=SC2016 # awk's
	tap_ok "wall clock steps: records have the time that is now" awk -v now="$(date +%s)" '
		/^ev=path/ && match($0, / ts=[0-9]*/) { last = substr($0, RSTART + 4, RLENGTH - 4) }
		END { exit last < now + 86000 }' "$INPATH_LOG"
}

case_refused() {
	local tables probes
	fresh
	load_begin
	for tables in iptables ip6tables; do
		on gw "$tables" -I OUTPUT -m mark --mark 0x04000000/0x04000000 -j DROP
	done
	sleep 3
	load_end
	probes=$(stat probes_refused)
	row "probes refused" "the firewall drops them in OUTPUT (EPERM)" 0 1500 "$probes counted"
	tap_ok "probes refused: they were" test "$probes" -gt 0
	for tables in iptables ip6tables; do
		on gw "$tables" -D OUTPUT -m mark --mark 0x04000000/0x04000000 -j DROP
	done
	tap_ok "probes refused: it goes on when they are let" it_goes_on
}

safety_begin surroundings "${1:-build}" routed6
! wanted rules || case_rules
! wanted syslog || case_syslog
! wanted disk || case_disk
! wanted descriptors || case_descriptors
! wanted clock || case_clock
! wanted refused || case_refused
if wanted wan; then
	case_wan down_and_up "WAN down and up" "its addresses and routes went, too"
	case_wan replaced "WAN replaced" "as PPP does it: another interface of that name"
fi
tap_done
