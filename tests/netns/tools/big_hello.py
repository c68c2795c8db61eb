#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""big_hello ADDRESS PORT NAME SIZE LOCAL_PORT: greets a TLS server as a browser with a post-quantum key
does: with a ClientHello of SIZE bytes, in several segments with pauses, the name far behind.

Waits for the server's greeting, then keeps the connection until standard input ends.
"""
import os
import socket
import struct
import sys
import time

address, port, name, size, local_port = sys.argv[1:6]


def extension(kind, body):
    return struct.pack("!2H", kind, len(body)) + body


def hello(padding):
    host = name.encode()
    extensions = (
        extension(21, bytes(padding))
        + extension(10, struct.pack("!3H", 4, 29, 23))
        + extension(11, b"\1\0")
        + extension(13, struct.pack("!4H", 6, 0x0403, 0x0804, 0x0401))
        + extension(0, struct.pack("!HBH", len(host) + 3, 0, len(host)) + host)
    )
    body = (
        b"\3\3" + os.urandom(32) + b"\x20" + os.urandom(32)
        + struct.pack("!3H", 4, 0xC02B, 0xC02F) + b"\1\0"
        + struct.pack("!H", len(extensions)) + extensions
    )
    message = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack("!H", len(message)) + message


data = hello(int(size) - len(hello(0)))
family = socket.AF_INET6 if ":" in address else socket.AF_INET
sock = socket.socket(family, socket.SOCK_STREAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
sock.bind(("", int(local_port)))
sock.settimeout(20)
sock.connect((address, int(port)))
for start in range(0, len(data), 700):
    sock.sendall(data[start : start + 700])
    time.sleep(0.02)  # so that each piece is a segment of its own
greeting = sock.recv(5)
if greeting[:1] != b"\x16":
    sys.exit("the server did not greet: " + greeting.hex())
print("greeted", flush=True)
sys.stdin.read()
