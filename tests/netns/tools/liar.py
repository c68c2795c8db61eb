#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""liar SERVER4 SERVER6: sends a few dozen packets that lie, from raw sockets, through the gateway.

TCP headers that say they are longer than the packet, options with wrong lengths, fragments, IP options,
ICMP errors whose quote is cut short, IPv6 extension headers without end. Each is sent once.
"""
import socket
import struct
import sys

server4, server6 = sys.argv[1:3]


def tcp(offset=5, options=b"", flags=0x10):
    return struct.pack("!2H2I2B3H", 41000, 443, 1, 1, offset << 4, flags, 500, 0, 0) + options


def ip4(body, proto=6, fragment=0, options=b""):
    head = 5 + len(options) // 4
    return (
        struct.pack("!2B3H2B2x", 0x40 | head, 0, head * 4 + len(body), 7, fragment, 64, proto)
        + bytes(4) + socket.inet_aton(server4) + options + body
    )


raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for packet in (
    ip4(tcp(15)),
    ip4(tcp(4)),
    ip4(tcp(6, b"\2\4\5")),
    ip4(tcp(6, b"\2\0\0\0")),
    ip4(tcp(6, b"\5\xff\0\0")),
    ip4(tcp(8, b"\x1e\x0c" + bytes(10), 2)),
    ip4(tcp()[:12]),
    ip4(tcp(), fragment=0x2000),
    ip4(bytes(64), fragment=0x2005),
    ip4(bytes(8), fragment=0x0040),
    ip4(tcp(), options=b"\x07\x07\x04" + bytes(5)),
    ip4(b"\3\3" + bytes(6) + b"\x45", proto=1),
    ip4(b"\x0b\0" + bytes(6) + ip4(tcp())[:24], proto=1),
    ip4(bytes(4), proto=17),
    ip4(struct.pack("!4H", 5000, 53, 8, 0), proto=17),
    ip4(struct.pack("!4H", 5000, 53, 20, 0) + b"\xc0\x0c" * 6, proto=17),
    ip4(bytes(40), proto=132),
):
    try:
        raw4.sendto(packet, (server4, 0))
    except OSError:
        pass  # some are too wrong for the sender's own kernel

raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
probe.connect((server6, 9))
own = socket.inet_pton(socket.AF_INET6, probe.getsockname()[0])
peer = socket.inet_pton(socket.AF_INET6, server6)
for following, body in (
    (6, tcp(15)),
    (6, tcp()[:10]),
    (0, b"\0\0" + bytes(6) + b"\x3c\xff"),
    (60, b"\x3c\0" + bytes(6)),
    (44, b"\x06\0\0\1" + bytes(4) + tcp()),
    (44, b"\x06\0\0\x40" + bytes(4) + bytes(16)),
    (58, b"\3\0" + bytes(6) + b"\x60" + bytes(20)),
    (43, b"\x06\x01" + bytes(14) + tcp()),
):
    header = struct.pack("!IHBB", 6 << 28, len(body), following, 64) + own + peer
    try:
        raw6.sendto(header + body, (server6, 0))
    except OSError:
        pass
