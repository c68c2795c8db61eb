#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# truth [BUILD]: drawn internets on a stock kernel, with its conntrack and the nft backend: every path
# that is logged there is the true one.
set -euo pipefail

modprobe tun
if "$(dirname "$0")/../netsim/truth" --lanes 3 "${1:-build}" 1 250; then
	echo "ok 1 - 250 paths are the true ones"
else
	echo "not ok 1 - 250 paths are the true ones"
fi
echo "1..1"
