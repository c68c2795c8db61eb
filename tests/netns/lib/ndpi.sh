#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ndpi: what nDPI makes of captured QUIC flows: names that somebody else's code has read. Sourced by the
# tests that ask it, after lib.sh.
#
# ndpi_can			is ndpiReader installed?
# ndpi_name PCAP CLIENT_PORT	the server's name in the flow from that port; `-` where nDPI finds none (4.2 does
#				not in a browser's ClientHello of several packets); `not-quic` where the flow
#				is something else to it

ndpi_can() {
	command -v ndpiReader >/dev/null
}

ndpi_name() {
	local flows=$1.csv
	[ -e "$flows" ] || ndpiReader -i "$1" -C "$flows" >"$1.ndpi" 2>&1
	awk -F, -v port="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["src_port"] == port || $at["dst_port"] == port {
			proto = $at["ndpi_proto"]; name = $at["server_name_sni"] }
		END { print proto ~ /^QUIC/ ? (name == "" ? "-" : name) : "not-quic" }' "$flows"
}
