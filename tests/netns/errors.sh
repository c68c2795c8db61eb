#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# errors [BUILD]: what inpathd says when something is wrong, and what it does then: one sentence with the
# mend and exit 1 before it has begun; later, carry on. And that it speaks to a real syslog.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Runs inpathd in gw; its words are in $SAID. Ok if it ends with STATUS and says the PATTERN, in one line.
refuses() { # DESCRIPTION PATTERN COMMAND...
	local what=$1 pattern=$2 status=0
	shift 2
	SAID=$(on gw timeout 60 "$@" 2>&1) || status=$?
	echo "# ${SAID//$NET_WORK\//}"
	tap_is "$what: exit 1" "$status" 1
	tap_ok "$what: it says so" grep -Eq "$pattern" <<<"$SAID"
	tap_is "$what: in one line" "$(wc -l <<<"$SAID")" 1
}

conf() { # TEXT: a configuration file of that text; its path
	printf '%s\n' "$1" >"$NET_WORK/bad.conf"
	echo "$NET_WORK/bad.conf"
}

not() {
	! "$@"
}

# Is the other kind of socket free, which inpathd would have had beside the one that it was refused?
nothing_is_bound() { # queue|nflog, refused
	local other=log
	[ "$1" = queue ] || other=queue
	not on gw grep -q '^ *537 ' "/proc/net/netfilter/nfnetlink_$other"
}

net_begin errors "${1:-}"
home_up nat6
inpathd=${INPATHD:-$NET_BUILD/inpathd}
at="^$NET_WORK/bad.conf:"

refuses "an unknown key" "${at}2: .*intervall" "$inpathd" -c "$(conf $'\nprobe = { intervall = 60; };')"
refuses "a value out of range" "${at}1: probe.gap.*64" "$inpathd" -t -c "$(conf 'probe = { gap = 0; };')"
refuses "text where a number is due" "${at}1: .*number" "$inpathd" -c "$(conf 'budget = { client = "50"; };')"
refuses "a bad address" "${at}3: " "$inpathd" -c "$(conf $'policies = (\n{ name = "a";\nclients = [ "192.168.1.300" ]; } );')"
refuses "a service that does not exist" "${at}1: .*nosuch" "$inpathd" -c "$(conf 'policies = ( { name = "a"; services = [ "nosuch" ]; } );')"
refuses "broken syntax" "${at}2: " "$inpathd" -c "$(conf $'probe = {\ninterval 60; };')"
mkdir "$NET_WORK/lists"
printf '# fine\nexample.com\nnot a domain\n' >"$NET_WORK/lists/mine.conf"
refuses "a bad line in a service list" "^$NET_WORK/lists/mine.conf:3: " "$inpathd" -t -c "$(conf "services = \"$NET_WORK/lists\";")"
refuses "a file that does not exist" "nowhere.conf" "$inpathd" -c "$NET_WORK/nowhere.conf"
tap_ok "the shipped configuration is good" on gw "$inpathd" -t -c "$NET_ROOT/etc/inpath.conf"
: >"$NET_WORK/empty.conf"
tap_ok "an empty file is, too" on gw "$inpathd" -t -c "$NET_WORK/empty.conf"
# shellcheck disable=SC2016 # expanded by that sh
tap_is "-p prints what sh can read" \
	"$(on gw "$inpathd" -p -c "$NET_WORK/empty.conf" | (cat && echo 'echo "$INPATH_QUEUE $INPATH_LAN $INPATH_WAN"') | sh)" \
	"537 br-lan wan"

refuses "a LAN interface that is not there" "br-nowhere" "$inpathd" -c "$(conf 'gateway = { lan = "br-nowhere"; };')"
refuses "a WAN interface that is not there" "ppp7" "$inpathd" -c "$(conf 'gateway = { wan = [ "ppp7" ]; };')"
cp "$inpathd" "$NET_WORK/inpathd"
chmod 755 "$NET_WORK" "$NET_WORK/inpathd" && chmod 644 "$NET_WORK/empty.conf"
refuses "no privilege" "(root|CAP_NET_ADMIN|privilege)" setpriv --reuid 65534 --regid 65534 --clear-groups \
	--bounding-set=-all "$NET_WORK/inpathd" -c "$NET_WORK/empty.conf"
for cap in net_admin net_raw; do
	refuses "$cap alone" "CAP_NET_ADMIN and CAP_NET_RAW" setpriv --reuid 65534 --regid 65534 --clear-groups \
		--inh-caps=-all,+$cap --ambient-caps=-all,+$cap --bounding-set=-all,+$cap \
		"$NET_WORK/inpathd" -c "$NET_WORK/empty.conf"
done

for kind in queue nflog; do
	: >"$NET_WORK/held"
	spawn gw "$NET_WORK/held" "$NET_ROOT/tests/netns/tools/hold.py" $kind 537
	wait_for 30 grep -q held "$NET_WORK/held"
	refuses "another program's $kind" "537 is held by .*(stop that program|stop it).*gateway.queue" \
		"$inpathd" -c "$NET_WORK/empty.conf"
	tap_ok "another program's $kind: nothing of ours is left" nothing_is_bound "$kind"
	finish "$SPAWNED" || true
done

tap_ok "--help says how to call it" grep -q '^usage: inpathd ' <<<"$(on gw "$inpathd" --help)"
tap_ok "an unknown option is refused, with the same" not on gw "$inpathd" --nonsense 2>/dev/null

inpath_conf 'probe = { interval = 1; };'
start_inpathd "$NET_WORK/inpath.conf"
refuses "a second inpathd" "queue 537 .*(inpathd|pid)" "$inpathd" -c "$NET_WORK/empty.conf"

# While it runs: what a reload may not change, and packets that lie.
hup_says() { # PATTERN
	kill -HUP "$INPATHD_PID"
	wait_for 30 grep -Eq "$1" "$NET_WORK/inpathd.err"
}
inpath_conf 'gateway = { queue = 600; };'
tap_ok "a reload that changes the queue is refused, with the reason" hup_says 'not taken.*gateway.queue.*restart'
inpath_conf 'gateway = { mark_rest = 0x10000000; };'
tap_ok "one that changes a mark, too" hup_says 'not taken.*gateway.mark_rest.*restart'
inpath_conf 'gateway = { lan = "br-lan"; };'
tap_ok "one that changes the interfaces, too" hup_says 'not taken.*gateway.lan.*restart'
on tv python3 "$NET_ROOT/tests/netns/tools/liar.py" "$S1_4" "$S1_6"
home_curl tv 4 "https://$S1_NAME/large.bin" -o "$NET_WORK/got"
tap_ok "packets that lie harm nobody" cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin"
kill -USR1 "$INPATHD_PID"
tap_ok "and they are counted" wait_for 30 eval 'records ev=stats | grep -E " malformed=[1-9].* fragments=[1-9]| short_packets=[1-9].* fragments=[1-9]" >/dev/null'
records ev=stats | grep -o 'packets=.*other_proto=[0-9]*' | tail -n 1 | sed 's/^/# /'
tap_ok "inpathd ends well" stop_inpathd

# A real syslog daemon, where every system has it, which then stops reading.
cat >"$NET_WORK/inpathd-dev-log" <<-END
	#!/bin/sh
	# In the mount namespace of this process alone.
	mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && ln -s /run/log /dev/log &&
		exec "$inpathd" "\$@"
END
chmod 755 "$NET_WORK/inpathd-dev-log"
cat >"$NET_WORK/rsyslog.conf" <<-END
	module(load="imuxsock" SysSock.Name="$NET_WORK/gw/run/log" SysSock.RateLimit.Interval="0")
	template(name="plain" type="string" string="%syslogfacility-text% %syslogseverity-text% %programname% %msg%\n")
	action(type="omfile" file="$NET_WORK/syslog" template="plain")
END
spawn gw "$NET_WORK/rsyslog.log" rsyslogd -n -i "$NET_WORK/rsyslog.pid" -f "$NET_WORK/rsyslog.conf"
rsyslog=$SPAWNED
wait_for 30 [ -S "$NET_WORK/gw/run/log" ]
printf 'log = { file = "%s"; probes = true; hops = true; };\n%s\n' "$NET_WORK/inpath.log" \
	'budget = { gateway = 10000; client = 10000; first_hops = 10000; };' >"$NET_WORK/inpath.conf"
export INPATHD=$NET_WORK/inpathd-dev-log
start_inpathd "$NET_WORK/inpath.conf"
home_curl tv 4 --local-port 20001 "https://$S1_NAME/paced/hls/seg-0.ts" -o /dev/null
tap_ok "a record reaches a real syslog, as inpathd, daemon, info" wait_for 30 \
	grep -Eq '^daemon info inpathd +ev=path v=1 .*sport=20001 .*stop=reached' "$NET_WORK/syslog"

# More than the socket (10) and the daemon (256) can keep.
lines_since() { # LINES of the log that were there before
	[ $(($(wc -l <"$INPATH_LOG") - $1)) -gt 400 ]
}
log_dropped() {
	local before
	before=$(records ev=stats of=shells | wc -l)
	kill -USR1 "$INPATHD_PID"
	wait_for 30 more_stats "$before"
	field "$(records ev=stats of=shells | tail -n 1)" log_dropped
}
more_stats() {
	[ "$(records ev=stats of=shells | wc -l)" -gt "$1" ]
}
kill -STOP "$rsyslog"
before=$(wc -l <"$INPATH_LOG") flows=0
while ! lines_since "$before" && [ "$flows" -lt 200 ]; do
	home_curl tv 4 --max-time 20 "https://$S1_NAME/hls/seg-$((flows % 10)).ts" -o "$NET_WORK/got" || break
	cmp "$NET_WORK/got" "$NET_WORK/s1/www/hls/seg-$((flows % 10)).ts" || break
	flows=$((flows + 1))
done
tap_ok "a syslog that has stopped reading holds no packet" lines_since "$before"
tap_ok "what it does not take is dropped, and counted" test "$(log_dropped)" -gt 0
kill -CONT "$rsyslog"
home_curl tv 4 --local-port 20002 "https://$S1_NAME/paced/hls/seg-0.ts" -o /dev/null
tap_ok "when it reads again, it gets what comes" wait_for 30 \
	grep -Eq '^daemon info inpathd +ev=path v=1 .*sport=20002 ' "$NET_WORK/syslog"
tap_ok "inpathd ends well beside it" stop_inpathd
tap_done
