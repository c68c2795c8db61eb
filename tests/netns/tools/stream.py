#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A long stream that looks like QUIC from outside, at the pace of a video.

    stream.py serve ADDRESS PORT
        answers whoever asks; says `ready` first
    stream.py watch ADDRESS PORT SOURCE_PORT ENOUGH
        asks 20 times a second until the file ENOUGH exists, then prints `asked=N received=N lost=N`.
        SLOWER=N: a Nth of that

The handshake is the sample Initial of RFC 9001 A.2 and a long header that tells the server's connection
ID; behind it short headers: one of the client for each four of the server.
"""
import os
import re
import select
import socket
import struct
import sys
import time

DATAGRAM = 1200
ID = bytes(range(1, 9))
PARTS = 4  # datagrams for each that asks
PERIOD = 0.05 * float(os.environ.get("SLOWER", "1"))
ASK = 1 + len(ID) + 8 + 24  # longer than any probe


def sample_initial():
    vectors = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../unit/quic_vectors.h")
    with open(vectors, encoding="ascii") as text:
        definition = re.search(r"rfc_client_v1\[\] =([^;]*);", text.read()).group(1)
    return bytes.fromhex("".join(re.findall(r'"([0-9a-f]*)"', definition)))


def greeting():
    rest = DATAGRAM - (1 + 4 + 1 + 1 + len(ID) + 2)
    head = struct.pack(">BIBB", 0xE0, 1, 0, len(ID)) + ID + struct.pack(">H", 0x4000 | rest)
    return head + os.urandom(rest)


def open_socket(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def serve(address, port):
    with open_socket(address) as sock:
        sock.bind((address, int(port)))
        print("ready", flush=True)
        while True:
            data, peer = sock.recvfrom(2048)
            if len(data) == DATAGRAM and data[0] & 0x80:
                sock.sendto(greeting(), peer)
            elif len(data) == ASK and data[1 : 1 + len(ID)] == ID:
                for part in range(PARTS):
                    head = b"\x41" + data[1 + len(ID) : ASK - 24] + bytes([part])
                    sock.sendto(head + os.urandom(DATAGRAM - len(head)), peer)


def receive(sock, until, seen):
    while (left := until - time.monotonic()) > 0:
        if not select.select([sock], [], [], left)[0]:
            return
        data = sock.recv(2048)
        if len(data) == DATAGRAM and data[0] == 0x41:
            seen.add(data[1:10])


def watch(address, port, source, enough):
    with open_socket(address) as sock:
        sock.bind(("", int(source)))
        sock.connect((address, int(port)))
        for _ in range(50):
            sock.send(sample_initial())
            if select.select([sock], [], [], 0.2)[0]:
                break
        else:
            sys.exit("stream.py: no answer")
        seen, asked = set(), 0
        while not os.path.exists(enough):
            sock.send(b"\x41" + ID + struct.pack(">Q", asked) + os.urandom(24))
            asked += 1
            receive(sock, time.monotonic() + PERIOD, seen)
        deadline = time.monotonic() + 30
        while len(seen) < asked * PARTS and time.monotonic() < deadline:
            receive(sock, time.monotonic() + PERIOD, seen)
        missing = [n for n in range(asked * PARTS) if struct.pack(">QB", n // PARTS, n % PARTS) not in seen]
        if missing:
            print("did not come:", *(f"{n // PARTS}.{n % PARTS}" for n in missing[:20]))
        print(f"asked={asked} received={len(seen)} lost={asked * PARTS - len(seen)}", flush=True)


if __name__ == "__main__":
    {"serve": serve, "watch": watch}[sys.argv[1]](*sys.argv[2:])
