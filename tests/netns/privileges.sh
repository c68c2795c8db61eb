#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# privileges [BUILD]: what inpathd's two processes may do once they run, as the kernel tells it; that all goes on under it:
# reload, a rotated log, an interface replaced, the control socket; and what it does where there is no user for it.
# shellcheck disable=SC2016,SC2034 # what is evaluated is evaluated later
set -euo pipefail
. "$(dirname "$0")/lib.sh"

core() {
	sed -n 's/^Max core file size *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' "/proc/$1/limits"
}

NEXT=20000
traced() {
	local sport=$((NEXT++))
	home_curl tv "$1" --local-port "$sport" "https://$S1_NAME/hls/seg-0.ts" -o "$NET_WORK/got" &&
		cmp "$NET_WORK/got" "$NET_WORK/s1/www/hls/seg-0.ts" && wait_for_record 30 ev=path "sport=$sport" stop=reached >/dev/null
}

said() {
	grep -q "$1" "$NET_WORK/inpathd.err"
}

net_begin privileges "${1:-}"
home_up nat6
user=$(inpathd_user)
mkdir -m 750 "$NET_WORK/log"
chown "$user:$user" "$NET_WORK/log"
inpath_conf 'probe = { interval = 1; };'
sed -i "s|$INPATH_LOG|$NET_WORK/log/inpath.log|" "$NET_WORK/inpath.conf"
INPATH_LOG=$NET_WORK/log/inpath.log
start_inpathd "$NET_WORK/inpath.conf" >/dev/null

tap_ok "the worker: its own user, two capabilities, nothing to gain, a filter" is_confined "$(worker)" "$user" "$NET"
tap_ok "the keeper: that user, no capability at all, nothing to gain, a filter" wait_for 30 is_confined "$INPATHD_PID" "$user" "$NONE"
tap_is "neither leaves a core" "$(core "$(worker)") $(core "$INPATHD_PID")" "0 0 0 0"
tap_is "neither is in a group of root's" "$(proc_status "$(worker)" Groups)$(proc_status "$INPATHD_PID" Groups)" "$user$user"
tap_ok "nobody of that user may look into them" eval '! on gw setpriv --reuid "$user" --regid "$user" --clear-groups cat "/proc/$(worker)/environ" >/dev/null 2>&1'
tap_ok "it says that nothing is lacking" record_exists ev=start "uid=$user" unconfined=-
tap_is "the control socket and its folder are that user's alone" "$(on gw stat -c '%a %u' /run/inpath /run/inpath/control | paste -sd' ')" "700 $user 600 $user"
tap_is "the log, too" "$(stat -c '%a %u' "$INPATH_LOG")" "640 $user"

tap_ok "flows are traced, IPv4" traced 4
tap_ok "flows are traced, IPv6" traced 6
tap_ok "root asks it over the control socket" eval 'on gw "$NET_BUILD/inpath" status >"$NET_WORK/text"'
tap_ok "root makes it read its configuration again" on gw "$NET_BUILD/inpath" reload
mv "$INPATH_LOG" "$INPATH_LOG.1"
kill -HUP "$INPATHD_PID"
tap_ok "a rotated log: HUP begins a new one" wait_for 30 test -e "$INPATH_LOG"
tap_ok "a rotated log: flows are traced" traced 4
before=$(records ev=stats | wc -l)
kill -USR1 "$INPATHD_PID"
more_stats() { [ "$(records ev=stats | wc -l)" -gt "$before" ]; }
tap_ok "USR1: counters are logged" wait_for 30 more_stats

# The WAN interface taken out and replaced by another of its name: its raw sockets have to be opened anew.
wan_index() {
	on gw cat /sys/class/net/wan/ifindex
}
index=$(wan_index)
on gw ip link del wan
wait_for 30 said 'no such interface now' || true
link r1 gw gw wan 203.0.113.1/24 "$WAN4/24,$WAN6/64"
home_route r1 "" "" 2001:db8:0:1::/64 :gw
home_route gw default 203.0.113.1 default fe80::1:wan
tap_ok "the WAN interface replaced: it says so" wait_for 30 said 'found one again'
tap_ok "the WAN interface replaced: it is another one" test "$(wan_index)" != "$index"
tap_ok "the WAN interface replaced: flows are traced, IPv4" traced 4
tap_ok "the WAN interface replaced: flows are traced, IPv6" traced 6

chmod 600 "$NET_WORK/inpath.conf"
status=0
on gw "$NET_BUILD/inpath" reload 2>"$NET_WORK/text" || status=$?
tap_is "a configuration that it may not read: the old one stays, and it says why" "$status $(grep -c 'ermission denied' "$NET_WORK/text")" "1 1"
chmod 644 "$NET_WORK/inpath.conf"
victim=$(worker)
tap_ok "it ends well" stop_inpathd
tap_ok "its socket is gone, no process is left" eval 'on gw test ! -e /run/inpath/control && net_gone "$victim"'

# As a service manager does it: its user and two capabilities from the first moment on, no others to be had.
managed_inpathd
INPATHD=$MANAGED start_inpathd "$NET_WORK/inpath.conf" >/dev/null
tap_is "started as its user: the worker keeps two capabilities, and the filter holds" \
	"$(proc_status "$(worker)" Uid CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp)" "$user $NONE $NET $NET $NET $NONE 1 2"
keeper() {
	[ "$(proc_status "$INPATHD_PID" Uid CapInh CapPrm CapEff CapAmb NoNewPrivs Seccomp)" = "$user $NONE $NONE $NONE $NONE 1 2" ]
}
tap_ok "started as its user: the keeper keeps none" wait_for 30 keeper
tap_is "started as its user: nothing is lacking" "$(field "$(records ev=start | tail -n 1)" unconfined)" -
tap_ok "started as its user: flows are traced" traced 4
victim=$(worker)
kill -STOP "$victim"
tap_ok "started as its user: a worker that stands still is ended" wait_for 30 net_gone "$INPATHD_PID"
tap_ok "started as its user: and it is said" said 'the worker stood still for a second'
inpath_rules down >/dev/null

# Without a user: as root, with those rights alone, and it says so.
sed -i '/^inpath:/d' "$NET_WORK/passwd" "$NET_WORK/group"
rm -rf "$NET_WORK/gw/run/inpath"
chown -R 0:0 "$NET_WORK/log"
: >"$NET_WORK/inpathd.err"
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
tap_ok "no user: root with the same two capabilities, and the filter" is_confined "$(worker)" 0 "$NET"
tap_ok "no user: the keeper has none" wait_for 30 is_confined "$INPATHD_PID" 0 "$NONE"
tap_ok "no user: said, with what mends it" said 'no user inpath.*useradd'
tap_ok "no user: flows are traced" traced 4
tap_ok "no user: the control socket works" eval 'on gw "$NET_BUILD/inpath" status >"$NET_WORK/text"'
tap_ok "no user: it ends well" stop_inpathd
tap_done
