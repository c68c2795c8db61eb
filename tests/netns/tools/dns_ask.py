#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dns_ask SERVER NAME [A|AAAA]: asks a server, once a second until it answers, ten times at most.

SERVER may be a link-local address with its interface: fe80::1%eth0. Prints nothing; 1 without answer.
"""
import os
import socket
import struct
import sys

server, name = sys.argv[1:3]
qtype = {"A": 1, "AAAA": 28}[sys.argv[3] if len(sys.argv) > 3 else "A"]
query_id = os.urandom(2)
question = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
query = query_id + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + question + struct.pack("!2H", qtype, 1)

family, kind, _, _, address = socket.getaddrinfo(server, 53, type=socket.SOCK_DGRAM)[0]
asker = socket.socket(family, kind)
asker.settimeout(1)
for _ in range(10):
    try:
        asker.sendto(query, address)
        answer = asker.recv(4096)
    except (TimeoutError, ConnectionError):
        continue
    if answer[:2] == query_id and struct.unpack("!H", answer[6:8])[0] > 0:
        sys.exit(0)
    print("no such name", file=sys.stderr)
    sys.exit(1)
sys.exit(1)
