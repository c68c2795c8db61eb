#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# noneffect [BUILD]: on a stock kernel, over netem's delay and loss, flows fare as they do where inpath is not.
set -euo pipefail

modprobe tcp_bbr
exec "$(dirname "$0")/../noneffect/run" --netem --lanes 1 --seconds 480 "${1:-build}" 1 12
