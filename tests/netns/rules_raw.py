#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets for rules.sh: an echo server, a client that tells its connection's sequence numbers,
a raw sender and a sniffer. Addresses choose the family."""

import os
import socket
import struct
import sys

SO_MARK = 36
ETH_P_ALL = 3


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def ready(text="ready"):
    print(text, flush=True)


def echo(addr, port):
    """Answers each TCP segment and each UDP datagram with the same bytes."""
    tcp = socket.socket(family(addr), socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((addr, int(port)))
    tcp.listen(16)
    udp = socket.socket(family(addr), socket.SOCK_DGRAM)
    udp.bind((addr, int(port)))
    if os.fork() == 0:
        while True:
            data, peer = udp.recvfrom(2048)
            udp.sendto(data, peer)
    ready()
    while True:
        conn, _ = tcp.accept()
        if os.fork() == 0:
            while True:
                data = conn.recv(65536)
                if not data:
                    os._exit(0)
                conn.sendall(data)
        conn.close()


def packets(sock):
    """Yields (source, protocol, transport header and payload) of what an AF_PACKET socket sees."""
    while True:
        data = sock.recv(65536)
        if data and data[0] >> 4 == 4:
            yield socket.inet_ntop(socket.AF_INET, data[12:16]), data[9], data[(data[0] & 15) * 4 :]
        elif data and data[0] >> 4 == 6:
            yield socket.inet_ntop(socket.AF_INET6, data[8:24]), data[6], data[40:]


def sniffer(iface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.bind((iface, 0))
    sock.settimeout(10)
    return sock


def say(conn, text):
    conn.sendall(text)
    got = b""
    while len(got) < len(text):
        more = conn.recv(65536)
        if not more:
            raise SystemExit("the connection ended")
        got += more
    if got != text:
        raise SystemExit("the echo differs")


def hold(addr, port, iface):
    """Prints `sport next-sequence acknowledgement`; then each line of input is echoed once more."""
    sniff = sniffer(iface)
    conn = socket.create_connection((addr, int(port)), timeout=10)
    conn.settimeout(10)
    sport = conn.getsockname()[1]
    say(conn, b"a" * 100)
    for _, proto, data in packets(sniff):
        if proto == 6 and struct.unpack("!H", data[2:4])[0] == sport:
            payload = len(data) - (data[12] >> 4) * 4
            if payload == 100:
                seq, ack = struct.unpack("!II", data[4:12])
                ready("%d %d %d" % (sport, ack, (seq + payload) & 0xFFFFFFFF))
                break
    for line in sys.stdin:
        say(conn, line.encode())
        ready("alive")


def ask(addr, port):
    """One UDP question, one answer."""
    sock = socket.socket(family(addr), socket.SOCK_DGRAM)
    sock.settimeout(10)
    sock.sendto(b"question", (addr, int(port)))
    if sock.recv(100) != b"question":
        raise SystemExit("no answer")


def fetch(addr, port, size):
    """A connection from SYN to FIN."""
    conn = socket.create_connection((addr, int(port)), timeout=10)
    for _ in range(0, int(size), 1000):
        say(conn, b"b" * 1000)


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def raw(iface, src, dst, proto, ttl, mark, body):
    """Sends one packet as a probe is sent: whole, marked, bound to its interface."""
    if family(dst) == socket.AF_INET:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 4711, 0, ttl, proto, 0)
        where = (dst, 0)
    else:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        head = struct.pack("!IHBB", 6 << 28, len(body), proto, ttl)
        where = (dst, 0, 0, 0)
    head += socket.inet_pton(family(dst), src) + socket.inet_pton(family(dst), dst)
    sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("=I", mark))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, iface.encode())
    try:
        sock.sendto(head + body, where)
    except PermissionError:
        pass  # dropped in OUTPUT


def pseudo(src, dst, proto, length):
    return (
        socket.inet_pton(family(src), src)
        + socket.inet_pton(family(dst), dst)
        + struct.pack("!II", length, proto)
    )


def send(iface, src, dst, sport, dport, seq, ack, mark, ttl, window):
    """One byte of TCP; the window tells it apart at the other end."""
    fields = [int(sport), int(dport), int(seq) & 0xFFFFFFFF, int(ack) & 0xFFFFFFFF, 0x5018, int(window)]
    body = struct.pack("!HHIIHHHH", *fields, 0, 0) + b"a"
    total = checksum(pseudo(src, dst, 6, len(body)) + body)
    body = struct.pack("!HHIIHHHH", *fields, total, 0) + b"a"
    raw(iface, src, dst, 6, int(ttl), int(mark, 0), body)


def udp(iface, src, dst, sport, dport, mark, ttl):
    body = struct.pack("!HHHH", int(sport), int(dport), 12, 0) + b"last"
    total = checksum(pseudo(src, dst, 17, len(body)) + body)
    body = struct.pack("!HHHH", int(sport), int(dport), 12, total) + b"last"
    raw(iface, src, dst, 17, int(ttl), int(mark, 0), body)


def sniff(iface, end):
    """Prints `source window` of each TCP packet until a UDP packet to port `end` comes."""
    sock = sniffer(iface)
    ready()
    for source, proto, data in packets(sock):
        if proto == 6:
            print(source, struct.unpack("!H", data[14:16])[0])
        elif proto == 17 and struct.unpack("!H", data[2:4])[0] == int(end):
            return


if __name__ == "__main__":
    {f.__name__: f for f in (echo, hold, ask, fetch, send, udp, sniff)}[sys.argv[1]](*sys.argv[2:])
