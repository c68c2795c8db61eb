#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# paths [BUILD]: two clients, two services, several flows at once, IPv4 and IPv6, behind NAT and (IPv6)
# without: every flow has one record, and every record is the way that the flow's own packets took.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

FLOWS=()   # "CLIENT FAMILY SERVICE CLIENT_PORT SERVER_PORT"
PLAYERS=() # their PIDs
NEXT_PORT=20000 # below the range that clients choose from by themselves

address_of() { # SERVICE FAMILY
	local name=${1^^}_$2
	echo "${!name}"
}

url_of() { # SERVICE SERVER_PORT
	local name=${1^^}_NAME scheme=https
	[ "$2" != 80 ] || scheme=http
	echo "$scheme://${!name}:$2"
}

# A connection that lives about 3 s: a download (down), an upload (up), or one segment after the other
# on the same connection, as a player fetches a stream (hls).
flow() {
	local kind=$1 client=$2 family=$3 service=$4 dport=$5 sport=$((NEXT_PORT++)) url i args=()
	url=$(url_of "$service" "$dport")
	case $kind in
	down) args=(-o /dev/null "$url/paced/medium.bin") ;;
	up) args=(--limit-rate 700k -T "$NET_WORK/s1/www/medium.bin" "$url/upload/$sport") ;;
	hls)
		args=(--limit-rate 700k)
		for i in 0 1 2 3 4 5 6 7; do
			args+=(-o /dev/null "$url/hls/seg-$i.ts")
		done
		;;
	esac
	FLOWS+=("$client $family $service $sport $dport")
	home_curl "$client" "$family" --local-port "$sport" "${args[@]}" 2>>"$NET_WORK/clients.err" &
	PLAYERS+=($!)
}

# A round of flows: every client with every service, by every port, in every way.
flows() {
	local family client service
	FLOWS=() PLAYERS=()
	for family in "$@"; do
		for client in $CLIENTS; do
			for service in s1 s2; do
				flow down "$client" "$family" "$service" 443
				flow hls "$client" "$family" "$service" 8443
				flow up "$client" "$family" "$service" 443
				flow down "$client" "$family" "$service" 80
			done
		done
	done
}

flows_ended_well() {
	local pid bad=0
	for pid in "${PLAYERS[@]}"; do
		wait "$pid" || bad=$((bad + 1))
	done
	[ "$bad" -eq 0 ] || { echo "# $bad flows failed"; cat "$NET_WORK/clients.err"; return 1; } >&2
}

records_of() {
	local client family service sport dport
	read -r client family service sport dport <<<"$1"
	records ev=path "af=$family" "cl=$(home_client "$client" "$family")" "sport=$sport" \
		"dst=$(address_of "$service" "$family")" "dport=$dport"
}

# Where the machine is slow, so are flows, and are traced for that.
each_flow_has_one_record() {
	local one got bad=0
	for one in "${FLOWS[@]}"; do
		got=$(records_of "$one")
		if [ "$(grep -cv ' why=slow ' <<<"$got")" -ne 1 ] || [ -z "$got" ]; then
			echo "# $one:"
			# shellcheck disable=SC2001 # each line
			sed 's/^/# /' <<<"$got"
			bad=1
		fi
	done
	[ "$bad" -eq 0 ]
}

each_record_is_true() {
	local one line client family service sport dport shown truth bad=0
	for one in "${FLOWS[@]}"; do
		line=$(records_of "$one" | tail -n 1)
		[ -n "$line" ] || continue
		read -r client family service sport dport <<<"$one"
		# An emulated machine is slow enough that a server's answer may come back in one with others, and
		# then names no TTL: `6/*,?/SERVER` is how a record says so.
		[ -z "${INPATH_VM:-}" ] || line=${line/,6\/\*,\?\//,6\/}
		shown=$(record_addresses "$line")
		truth=$(true_path "$family" "$(home_client "$client" "$family")" \
			"$(address_of "$service" "$family")" "$sport" "$dport") || truth=unknown
		if [ "$shown" != "$truth" ] || [ "$(field "$line" stop)" != reached ]; then
			echo "# $line"
			echo "# true:" "${truth//$'\n'/ }"
			bad=1
		fi
	done
	[ "$bad" -eq 0 ]
}

# Both branches of both pairs, or the flows have shown less than they seem to.
all_branches_were_taken() {
	local branches
	branches=$(records ev=path "af=$1" | while read -r line; do
		record_addresses "$line" | sed -n '2p;4p'
	done | sort -u)
	[ "$(wc -l <<<"$branches")" -eq 4 ] || { echo "#" "$branches"; return 1; }
}

# All clients and families at once; on an emulated machine one after the other, since what is as slow as that
# answers too late for many at a time.
round() {
	local what=$1 family families groups=("tv laptop/$2${3:+ $3}")
	shift
	[ -z "${INPATH_VM:-}" ] || groups=("tv/$1" "laptop/$1" ${2:+"tv/$2" "laptop/$2"})
	for CLIENTS in "${groups[@]}"; do
		families=${CLIENTS#*/} CLIENTS=${CLIENTS%/*}
		# shellcheck disable=SC2086 # a list
		flows $families
		tap_ok "$what, $CLIENTS: all ${#FLOWS[@]} flows end well" flows_ended_well
		tap_ok "$what, $CLIENTS: each flow has one record" each_flow_has_one_record
		tap_ok "$what, $CLIENTS: each record is the flow's true path" each_record_is_true
	done
	for family in "$@"; do
		tap_ok "$what: all ways were taken, IPv$family" all_branches_were_taken "$family"
	done
}

mode=${2:-}
if [ -z "$mode" ]; then
	# Each ground is a process of its own, so that its end is the ground's end too.
	status=0
	for mode in nat6 routed6; do
		"$0" "${1:-}" "$mode" | sed 's/^1\.\.[0-9]*$//' || status=1
	done
	exit "$status"
fi

net_begin "paths-$mode" "${1:-}"
home_up "$mode"
for service in s1 s2; do
	head -c 2000000 /dev/urandom >"$NET_WORK/$service/www/medium.bin"
done
case $mode in
nat6)
	# 32 flows at once are more than the default budget lets through in two seconds.
	inpath_conf 'budget = { gateway = 1000; client = 500; first_hops = 100; };'
	start_inpathd "$NET_WORK/inpath.conf"
	round "behind NAT" 4 6
	;;
routed6)
	inpath_conf ''
	start_inpathd "$NET_WORK/inpath.conf"
	round "IPv6 without NAT, default budget" 6
	;;
esac
tap_ok "inpathd ends well" stop_inpathd
tap_done
