#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hold.py queue|nflog NUMBER: holds a packet queue, or an NFLOG group, as another program would."""

import signal
import socket
import struct
import sys

NETLINK_NETFILTER = 12
CONFIG = {"queue": 3 << 8 | 2, "nflog": 4 << 8 | 1}  # NFNL_SUBSYS_QUEUE or ULOG, its message CONFIG
REQUEST, ACK = 1, 4
ATTR_CMD, BIND = 1, 1

kind, number = sys.argv[1], int(sys.argv[2])
command = struct.pack("=BBH", BIND, 0, 0) if kind == "queue" else struct.pack("=B3x", BIND)
length = 8 if kind == "queue" else 5
body = struct.pack("=BB", 0, 0) + struct.pack("!H", number) + struct.pack("=HH", length, ATTR_CMD) + command
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
sock.bind((0, 0))
sock.send(struct.pack("=IHHII", 16 + len(body), CONFIG[kind], REQUEST | ACK, 1, 0) + body)
error = struct.unpack("=i", sock.recv(4096)[16:20])[0]
print("held" if error == 0 else "error %d" % error, flush=True)
signal.pause()
