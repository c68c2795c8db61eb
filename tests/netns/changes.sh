#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# changes [BUILD]: streams of minutes whose route changes again and again, from one branch to another, to a longer
# and to a shorter way: each change is told once, with the first TTL that differs, and nothing else is. TCP and
# what looks like QUIC, IPv4 behind NAT and routed IPv6. The truth is what the routers note (lib/truth.sh).
#
# LONG=1: 20 changes, 15 s apart, in five minutes. Else 4, each as soon as the one before has been told.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

#	       +----------------- (short) -----------------+
#	       |                                           |
#	gw -- r1 -- r2a ------------------------------ r3 -- ...     near: a, b, long, short
#	       |     +---- (long) -- r6 -------------------+
#	       +-- r2b ------------------------------------+
#
#	r3 -- r4a or r4b -- r5, or r3 -- r5                          far: a, b, short
CHANGES=("near b" "far b" "near long" "near short")
if [ -n "${LONG:-}" ]; then
	CHANGES=("near b" "near a" "far b" "near long" "near short" "near a" "far short" "far a" "near b" "far b"
		"near long" "far a" "near a" "near short" "far short" "near b" "near a" "near short" "far a" "near long")
fi
PACE=15
STREAMS=("down 4" "poll 4" "down 6" "poll 6" "quic 4" "quic 6")
[ -z "${INPATH_VM:-}" ] || STREAMS=("down 4" "quic 6") # what an emulated machine carries
declare -A SPORT=()
for one in "${!STREAMS[@]}"; do
	SPORT["${STREAMS[one]}"]=$((21001 + one))
done
declare -A WAY=() WANT=() TRACES=()
QUIC=() # PIDs

# --- the routes -----------------------------------------------------------------------------------

more_routers() {
	host r6
	router r6 2001:db8:ff::6
	link r1 r3 r3 r1 10.1.9.1/24 10.1.9.2/24
	link r2a r6 r6 r2a 10.1.10.1/24 10.1.10.2/24
	link r6 r3 r3 r6 10.1.11.1/24 10.1.11.2/24
	link r3 r5 r5 r3 10.1.12.1/24 10.1.12.2/24
	home_route r6 default 10.1.11.2 default fe80::2:r3
	for prefix in 2001:db8:0:1::/64 2001:db8:1::/64; do
		home_route r6 203.0.113.0/24 10.1.10.1 "$prefix" fe80::1:r2a
	done
}

# back HOST VIA4 VIA6: the household's prefixes.
back() {
	local prefix
	for prefix in 2001:db8:0:1::/64 2001:db8:1::/64; do
		home_route "$1" 203.0.113.0/24 "$2" "$prefix" "$3"
	done
}

# The forward way changes at one router alone, so that there is one moment at which it does; what leads away from a
# router that carries nothing comes first, or last. The way back follows.
near() {
	case $1 in
	a | long) [ "$1" = a ] || home_route r2a default 10.1.10.2 default fe80::2:r6
		home_route r1 default 10.1.1.2 default fe80::2:r2a ;;
	b) home_route r1 default 10.1.2.2 default fe80::2:r2b ;;
	short) home_route r1 default 10.1.9.2 default fe80::2:r3 ;;
	esac
	[ "$1" = long ] || home_route r2a default 10.1.3.2 default fe80::2:r3
	case $1 in
	a) back r3 10.1.3.1 fe80::1:r2a ;;
	b) back r3 10.1.4.1 fe80::1:r2b ;;
	long) back r3 10.1.11.1 fe80::1:r6 ;;
	short) back r3 10.1.9.1 fe80::1:r1 ;;
	esac
}

far() {
	case $1 in
	a) home_route r3 default 10.1.5.2 default fe80::2:r4a && back r5 10.1.7.1 fe80::1:r4a ;;
	b) home_route r3 default 10.1.6.2 default fe80::2:r4b && back r5 10.1.8.1 fe80::1:r4b ;;
	short) home_route r3 default 10.1.12.2 default fe80::2:r5 && back r5 10.1.12.1 fe80::1:r3 ;;
	esac
}

# --- the streams ----------------------------------------------------------------------------------

begin() {
	local one family server specs=()
	for one in "${STREAMS[@]}"; do
		family=${one#* } server=S1_${one#* }
		if [ "${one% *}" != quic ]; then
			specs+=("${one% *},${!server},443,${SPORT["$one"]}")
			continue
		fi
		spawn s1 "$NET_WORK/serve$family" python3 "$NET_ROOT/tests/netns/tools/stream.py" serve "${!server}" 4433
		wait_for 60 grep -q ready "$NET_WORK/serve$family"
		on tv python3 "$NET_ROOT/tests/netns/tools/stream.py" watch "${!server}" 4433 "${SPORT["quic $family"]}" \
			"$NET_WORK/enough" >"$NET_WORK/watch$family" &
		QUIC+=($!)
	done
	on tv python3 "$NET_ROOT/tests/netns/tools/flows.py" run "$NET_WORK/enough" "$NET_WORK/ca.pem" "$S1_NAME" \
		"$NET_WORK/s1/www" "${specs[@]}" >"$NET_WORK/flows" &
	PLAYERS=$!
}

end_whole() {
	local pid bad=0
	touch "$NET_WORK/enough"
	for pid in "${QUIC[@]}" "$PLAYERS"; do
		wait "$pid" || bad=1
	done
	sed 's/^/# /' "$NET_WORK/flows" "$NET_WORK"/watch?
	[ "$bad" -eq 0 ] && [ "$(cat "$NET_WORK"/watch? | grep -c ' lost=0$')" -eq "${#QUIC[@]}" ]
}

way_of() { # "KIND FAMILY"
	local family=${1#* } server=S1_${1#* } tcp="443 tcp"
	[ "${1% *}" != quic ] || tcp="4433 udp"
	# shellcheck disable=SC2086 # two words
	true_path "$family" "$(home_client tv "$family")" "${!server}" "${SPORT["$1"]}" $tcp 2>/dev/null
}

note_way() {
	WAY["$1"]=$(way_of "$1")
}

# Notes the way that each stream takes now. What was under way when the notes were emptied may be in them: again, then.
ways() {
	local one
	# shellcheck disable=SC2034 # a number of tries
	for try in 1 2 3 4 5 6 7 8 9 10; do
		truth_forget
		for one in "${!SPORT[@]}"; do
			wait_for 10 note_way "$one" || continue 2
		done
		return 0
	done
	echo "the streams take no way, or several" >&2
	return 1
}

first_difference() { # OLD NEW
	awk 'NR == FNR { old[FNR] = $0; next } old[FNR] != $0 { print FNR; exit }' <(echo "$1") <(echo "$2")
}

traces_of() {
	records ev=path "sport=${SPORT["$1"]}" | wc -l
}

told_of() {
	records ev=change "sport=${SPORT["$1"]}" | sed 's/.* ttl=\([0-9]*\).*/\1/'
}

all_traced() { # MORE: times, since note_traces
	local one
	for one in "${!SPORT[@]}"; do
		[ "$(traces_of "$one")" -ge $((TRACES["$one"] + $1)) ] || return 1
	done
}

note_traces() {
	local one
	for one in "${!SPORT[@]}"; do
		TRACES["$one"]=$(traces_of "$one")
	done
}

all_told() { # COUNT
	local one
	for one in "${!SPORT[@]}"; do
		[ "$(told_of "$one" | wc -l)" -ge "$1" ] || return 1
	done
}

# Each stream's newest path is the one that it takes, but for what a busy machine answered too late.
each_is_true() {
	local one line bad=0
	for one in "${!SPORT[@]}"; do
		line=$(records ev=path "sport=${SPORT["$one"]}" | grep -v ' stop=short ' | tail -n 1)
		is_way "$(record_addresses "$line")" "${WAY["$one"]}" || { echo "# $one: $line"; bad=1; }
	done
	return "$bad"
}

is_way() { # SHOWN TRUE
	local silent
	silent=$(grep -c '^\*' <<<"$1" || true)
	[ "$silent" -le 1 ] && [ "$(wc -l <<<"$1")" -eq "$(wc -l <<<"$2")" ] &&
		paste <(echo "$1") <(echo "$2") | awk '$1 != $2 && $1 != "*" { exit 1 }'
}

change() { # STEP WHAT
	local one
	local -A before=()
	for one in "${!SPORT[@]}"; do
		before["$one"]=${WAY["$one"]}
	done
	$2
	ways
	for one in "${!SPORT[@]}"; do
		WANT["$one"]+="${WANT["$one"]:+ }$(first_difference "${before["$one"]}" "${WAY["$one"]}")"
	done
	[ -n "${LONG:-}" ] || wait_for 120 all_told "$1" || echo "# not all have told of change $1, $2"
}

net_begin changes "${1:-}"
HOME_LARGE_MB=2
home_up routed6
more_routers
near a
far a
inpath_conf 'probe = { interval = 5; };' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
begin
note_traces
tap_ok "each stream is traced" wait_for 120 all_traced 1
ways
tap_ok "by the way that it takes" each_is_true
began=$(date +%s%N) count=0
for what in "${CHANGES[@]}"; do
	count=$((count + 1))
	if [ -n "${LONG:-}" ]; then
		left=$(((began - $(date +%s%N)) / 1000000 + count * PACE * 1000))
		[ "$left" -le 0 ] || sleep "$((left / 1000)).$(printf '%03d' $((left % 1000)))"
	fi
	change "$count" "$what"
done
wait_for 120 all_told "$count" || true
# None besides: each stream is traced twice more.
note_traces
tap_ok "behind the last change each is traced on" wait_for 120 all_traced 2
for one in "${STREAMS[@]}"; do
	tap_is "$one: $count changes, each told once and with the first TTL that differs" \
		"$(told_of "$one" | paste -sd' ')" "${WANT["$one"]}"
done
tap_ok "the last path told is the one that it takes" each_is_true
tap_ok "every byte arrives" end_whole
tap_ok "inpathd ends well" stop_inpathd
tap_done
