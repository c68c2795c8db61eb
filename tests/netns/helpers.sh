#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# helpers [BUILD]: a connection that another one brings about, as FTP's control brings about its data by a helper of
# conntrack's, begins with that one's mark, at rest if that rests. It is judged for itself, and traced, all the same.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

FTP=$NET_ROOT/tests/netns/tools/ftp.py
REST=0x08000000
CLIENTS=()

rests() { # FAMILY PORT
	[ -n "$(on gw conntrack -L -p tcp -f "ipv$1" --orig-port-dst "$2" -m "$REST/$REST" 2>/dev/null)" ]
}

end_whole() {
	local pid bad=0
	touch "$NET_WORK/enough"
	for pid in "${CLIENTS[@]}"; do
		wait "$pid" || bad=1
	done
	return "$bad"
}

net_begin helpers "${1:-}"
home_up nat6
for tables in iptables ip6tables; do
	on gw "$tables" -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp 2>/dev/null || {
		tap_skip "what FTP brings about" "this kernel has no helper for it"
		tap_done
	}
done
inpath_conf 'policies = ( { name = "control"; action = "ignore"; ports = [ 21 ]; }, { name = "all"; } );' 'paths = "all"'
start_inpathd "$NET_WORK/inpath.conf" >/dev/null
for family in 4 6; do
	server=S1_$family
	: >"$NET_WORK/ftp$family"
	spawn s1 "$NET_WORK/ftp$family" python3 "$FTP" serve "${!server}" 30000
	wait_for 60 grep -q ready "$NET_WORK/ftp$family"
	on tv python3 "$FTP" fetch "${!server}" "2700$family" "$NET_WORK/go" "$NET_WORK/enough" &
	CLIENTS+=($!)
done
for family in 4 6; do
	tap_ok "IPv$family: the control connection rests" wait_for 60 rests "$family" 21
done
touch "$NET_WORK/go"
for family in 4 6; do
	server=S1_$family
	line=$(wait_for_record 60 ev=path "sport=2700$family" dport=30000 why=start) || line=
	tap_is "IPv$family: the data that it brings about is traced" "$(field "$line" pol) $(record_addresses "$line" | paste -sd' ')" \
		"all $(true_path "$family" "$(home_client tv "$family")" "${!server}" "2700$family" 30000 | paste -sd' ')"
	tap_ok "IPv$family: and then rests itself" wait_for 60 rests "$family" 30000
done
tap_ok "it goes on until it is ended" end_whole
tap_ok "inpathd ends well" stop_inpathd
tap_done
