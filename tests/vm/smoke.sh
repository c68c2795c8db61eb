#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# smoke [BUILD]: the least that must work on a stock kernel: inpath-rules chooses nft by itself, and a
# flow of either family, behind NAT, is traced truly and arrives whole.
set -euo pipefail
. "$(dirname "$0")/../netns/lib.sh"

export INPATH_BACKEND=auto
net_begin smoke "${1:-}"
home_up nat6
inpath_conf ''
start_inpathd "$NET_WORK/inpath.conf" >"$NET_WORK/up"
tap_ok "auto takes nft where the kernel can queue from it" grep -q "up (nft" "$NET_WORK/up"
for family in 4 6; do
	service=S1_$family
	sport=2000$family
	status=0
	home_curl tv "$family" --local-port "$sport" "https://$S1_NAME/large.bin" -o "$NET_WORK/got" || status=$?
	tap_is "IPv$family: the download arrives whole" \
		"$status $(cmp "$NET_WORK/got" "$NET_WORK/s1/www/large.bin" 2>&1)" "0 "
	line=$(wait_for_record 30 ev=path "sport=$sport") || line=
	tap_is "IPv$family: its record is the way it took" "$(record_addresses "$line")" \
		"$(true_path "$family" "$(home_client tv "$family")" "${!service}" "$sport" 443)"
	tap_is "IPv$family: it is named by its greeting" "$(field "$line" host) $(field "$line" by)" "$S1_NAME sni"
done
tap_ok "it ends well" stop_inpathd
status=0
on gw nft list table inet inpath >/dev/null 2>&1 || status=$?
tap_is "and leaves no table" "$status" 1
tap_done
