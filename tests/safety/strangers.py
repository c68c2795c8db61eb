#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Strangers: floods, forged errors, forged answers and names that want to be more than names.

    strangers.py syn COUNT SRC DST           SYNs of as many connections
    strangers.py udp COUNT SRC DST           datagrams of as many flows
    strangers.py icmp COUNT SRC DST PROTO QSRC QDST QSPORT QDPORT
        ICMP time exceeded that quotes a packet of that flow, with another sequence number and IP ID each time
    strangers.py lie PORT COUNT ADDRESS      a resolver that answers each query COUNT times with what was not asked:
        the lie is that ADDRESS is evil.example; then says that the name does not exist
    strangers.py ask SERVER PORT             asks it once
    strangers.py echo PORT                   a TCP server that sends back what it gets
    strangers.py hello ADDRESS PORT SPORT NAME   a TLS greeting for NAME (Python's escapes), then a little now and then
"""
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../netns/tools"))
from packet import ICMP, ICMP6, SYN, TCP, UDP, Sender, icmp, ip, packed, tcp, udp  # noqa: E402


def flood(count, src, dst, packet):
    sender = Sender(dst)
    began = time.monotonic()
    for i in range(int(count)):
        try:
            sender.send(packet(1024 + i % 60000, 10000 + i // 60000))
        except OSError:
            time.sleep(0.001)  # its own queue is full
    print(f"{count} in {time.monotonic() - began:.1f} s")


def syn(count, src, dst):
    flood(count, src, dst, lambda sport, dport: ip(src, dst, TCP, tcp(src, dst, sport, dport, 1, 0, SYN)))


def datagrams(count, src, dst):
    flood(count, src, dst, lambda sport, dport: ip(src, dst, UDP, udp(src, dst, sport, dport, bytes(32))))


def errors(count, src, dst, proto, qsrc, qdst, qsport, qdport):
    kind = (ICMP6, 3) if ":" in src else (ICMP, 11)
    ports = int(qsport), int(qdport)

    def packet(_sport, _dport):
        if proto == "tcp":
            body = tcp(qsrc, qdst, *ports, random.getrandbits(32), random.getrandbits(32), 0x18, b"x")
        else:
            body = udp(qsrc, qdst, *ports, random.randbytes(8))
        quote = ip(qsrc, qdst, TCP if proto == "tcp" else UDP, body, 1, ident=random.getrandbits(16))
        return ip(src, dst, kind[0], icmp(src, dst, kind[1], 0, quote))

    flood(count, src, dst, packet)


def dns_name(name):
    return b"".join(bytes([len(x)]) + x for x in name.split(b".")) + b"\0"


def lie(port, count, address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", int(port)))
    print("ready", flush=True)
    while True:
        query, peer = sock.recvfrom(512)
        evil = dns_name(b"evil.example")
        for i in range(int(count)):
            head = struct.pack("!6H", (query[0] << 8 | query[1]) ^ (i % 2), 0x8180, 1, 1, 0, 0)
            # Every other one has the right ID, but not the question.
            question = query[12:] if i % 2 else evil + struct.pack("!2H", 1, 1)
            name = evil if not i % 2 else b"\xc0\x0c"
            sock.sendto(head + question + name + struct.pack("!2HIH", 1, 1, 3600, 4) + packed(address), peer)
        sock.sendto(query[:2] + struct.pack("!5H", 0x8183, 1, 0, 0, 0) + query[12:], peer)


def ask(server, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(10)
    query = os.urandom(2) + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + dns_name(b"www.movies.test") + struct.pack("!2H", 1, 1)
    sock.sendto(query, (server, int(port)))
    while sock.recv(4096)[2:4] != b"\x81\x83":
        pass
    print("answered")


def echo(port):
    listener = socket.create_server(("", int(port)))
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        if os.fork() == 0:
            while data := sock.recv(4096):
                sock.sendall(data)
            os._exit(0)
        sock.close()


def client_hello(name):
    sni = struct.pack("!HBH", len(name) + 3, 0, len(name)) + name
    extensions = struct.pack("!2H", 0, len(sni)) + sni
    body = b"\3\3" + os.urandom(32) + b"\0" + struct.pack("!2H", 2, 0x1301) + b"\1\0"
    body += struct.pack("!H", len(extensions)) + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack("!H", len(message)) + message


def hello(address, port, sport, name):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", int(sport)))
        sock.settimeout(10)
        sock.connect((address, int(port)))
        sock.sendall(client_hello(name.encode().decode("unicode_escape").encode("latin-1")))
        for _ in range(30):
            sock.recv(4096)
            time.sleep(0.1)
            sock.sendall(b"more")


if __name__ == "__main__":
    {"syn": syn, "udp": datagrams, "icmp": errors, "lie": lie, "ask": ask, "echo": echo, "hello": hello}[
        sys.argv[1]
    ](*sys.argv[2:])
