#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets: read from captures, or built by hand and sent as they stand.

packet.py list FILE CONDITION     the capture's packets that fulfil a Python expression over a
                                  packet's fields, a line each
packet.py marked IFACE MARK TTL SRC DST SPORT DPORT SEQ ACK
                                  sends one TCP byte as inpathd would: raw, marked, bound to IFACE;
                                  prints `sent`, or the name of the error
packet.py forge FILE CONDITION SRC TYPE CODE
                                  sends the ICMP error of that type by SRC that quotes the first
                                  such packet of a capture, to that packet's source
packet.py syns COUNT PAUSE SRC DST SPORT DPORT
                                  sends a SYN again and again, and answers nothing

A packet's fields, also those of a quoted one: time src dst family proto ttl id size, and of TCP and
UDP sport dport, bytes (the payload's length), payload (as far as it was captured), of TCP seq ack
flags options sack; of ICMP type code quote. A field that is not there is None.
"""

import errno
import os
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
SO_MARK = 36


class Packet:
    FIELDS = (
        "time src dst family proto ttl id size sport dport seq ack flags options sack bytes payload"
        " type code quote raw"
    ).split()
    ABSENT = dict.fromkeys(FIELDS)

    def __init__(self):
        self.__dict__ = dict(self.ABSENT)

    def __str__(self):
        skip = ("raw", "payload", "quote", "options")
        text = " ".join("%s=%s" % i for i in self.__dict__.items() if i[0] not in skip and i[1] is not None)
        if self.payload:
            text += " payload=%r" % self.payload[:24]
        if self.quote:
            text += " quote=[%s]" % self.quote
        return text


# --- reading ------------------------------------------------------------------------------------


def sack_blocks(options):
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return []
        if options[at] == 5:
            count = (length - 2) // 4
            words = struct.unpack("!%dI" % count, options[at + 2 : at + 2 + count * 4])
            return list(zip(words[::2], words[1::2]))
        at += length
    return []


def parse_transport(p, data, length):
    """`length` is what the headers promise, however much of it was captured."""
    if p.proto in (TCP, UDP) and len(data) >= 4:
        p.sport, p.dport = struct.unpack("!HH", data[:4])
    if p.proto == TCP and len(data) >= 8:
        p.seq = struct.unpack("!I", data[4:8])[0]
    if p.proto == TCP and len(data) >= 20:
        p.ack, bits = struct.unpack("!IH", data[8:14])
        p.flags = bits & 0xFFF
        header = (bits >> 12) * 4
        p.options = data[20:header]
        p.sack = sack_blocks(p.options)
        p.bytes, p.payload = length - header, data[header:]
    elif p.proto == UDP:
        p.bytes, p.payload = length - 8, data[8:]
    elif p.proto in (ICMP, ICMP6) and len(data) >= 8:
        p.type, p.code = data[0], data[1]
        error = p.type in ((3, 4, 5, 11, 12) if p.proto == ICMP else (1, 2, 3, 4))
        p.quote = parse(data[8:]) if error else None


def parse(data):
    """A packet from its IP header on, as far as it goes; None if it has no header."""
    p = Packet()
    p.raw = data
    if len(data) >= 20 and data[0] >> 4 == 4:
        p.family, p.ttl, p.proto = 4, data[8], data[9]
        p.size, p.id = struct.unpack("!HH", data[2:6])
        p.src, p.dst = (socket.inet_ntop(socket.AF_INET, data[i : i + 4]) for i in (12, 16))
        header = (data[0] & 15) * 4
        if struct.unpack("!H", data[6:8])[0] & 0x1FFF:
            return p  # a later fragment
    elif len(data) >= 40 and data[0] >> 4 == 6:
        p.family, p.proto, p.ttl = 6, data[6], data[7]
        p.size = 40 + struct.unpack("!H", data[4:6])[0]
        p.src, p.dst = (socket.inet_ntop(socket.AF_INET6, data[i : i + 16]) for i in (8, 24))
        header = 40
    else:
        return None
    parse_transport(p, data[header : p.size], p.size - header)
    return p


def capture(path):
    """The packets of a pcap file that may still be growing."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 24:
        return
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e9 if b"\x4d\x3c" in data[:4] or b"\x3c\x4d" in data[:4] else 1e6
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, size = struct.unpack(order + "III", data[at : at + 12])
        frame = data[at + 16 : at + 16 + size]
        at += 16 + size
        p = parse(frame[14:]) if at <= len(data) else None
        if p:
            p.time = seconds + fraction / unit
            yield p


def chosen(path, condition):
    code = compile("(%s)" % condition, "condition", "eval")
    names = {"FIN": FIN, "SYN": SYN, "RST": RST, "TCP": TCP, "UDP": UDP}
    for p in capture(path):
        if eval(code, names, p.__dict__):  # the condition is the test's own
            yield p


def list_(path, condition):
    for p in chosen(path, condition):
        print(p)


# --- building and sending -----------------------------------------------------------------------


def packed(addr):
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr)


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(src, dst, proto, data, at):
    """The data with its transport checksum at offset `at`, which holds zeros."""
    cover = b""
    if proto != ICMP:
        cover = packed(src) + packed(dst) + struct.pack("!II", len(data), proto)
    return data[:at] + struct.pack("!H", checksum(cover + data)) + data[at + 2 :]


def ip(src, dst, proto, data, ttl=64, options=b"", fragment=0, ident=0x6970):
    if ":" in src:
        return struct.pack("!IHBB", 6 << 28, len(data), proto, ttl) + packed(src) + packed(dst) + data
    header = 20 + len(options)
    first = struct.pack("!BBHHH", 0x40 | header // 4, 0, header + len(data), ident, fragment)
    rest = packed(src) + packed(dst) + options
    total = checksum(first + struct.pack("!BBH", ttl, proto, 0) + rest)
    return first + struct.pack("!BBH", ttl, proto, total) + rest + data


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b"", options=b"", offset=None, window=502):
    words = (20 + len(options)) // 4 if offset is None else offset
    data = struct.pack("!HHIIHHHH", sport, dport, seq, ack, words << 12 | flags, window, 0, 0)
    return with_checksum(src, dst, TCP, data + options + payload, 16)


def udp(src, dst, sport, dport, payload):
    data = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return with_checksum(src, dst, UDP, data, 6)


def icmp(src, dst, kind, code, quote):
    proto = ICMP6 if ":" in src else ICMP
    return with_checksum(src, dst, proto, struct.pack("!BBHI", kind, code, 0, 0) + quote, 2)


class Sender:
    """Sends packets from the IP header on, by the routes."""

    def __init__(self, dst, iface=None, mark=0):
        family = socket.AF_INET6 if ":" in dst else socket.AF_INET
        self.to = (dst, 0)
        self.sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        if mark:
            self.sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("=I", mark))
        if iface:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, iface.encode())

    def send(self, data):
        self.sock.sendto(data, self.to)


def marked(iface, mark, ttl, src, dst, sport, dport, seq, ack):
    data = tcp(src, dst, int(sport), int(dport), int(seq) % (1 << 32), int(ack), ACK | PSH, b"x")
    try:
        Sender(dst, iface, int(mark, 0)).send(ip(src, dst, TCP, data, int(ttl), ident=os.getpid() % 65535 + 1))
        print("sent")
    except OSError as error:
        print(errno.errorcode[error.errno])


def forge(path, condition, src, kind, code):
    found = next(chosen(path, condition), None)
    if not found:
        raise SystemExit("no packet with " + condition)
    proto = ICMP6 if ":" in src else ICMP
    # A router quotes a packet as it came: with the TTL that its neighbour left it.
    quote = found.raw[:1232] if proto == ICMP6 else found.raw[:548]
    Sender(found.src).send(ip(src, found.src, proto, icmp(src, found.src, int(kind), int(code), quote)))
    print(found)


def syns(count, pause, src, dst, sport, dport):
    sender = Sender(dst)
    options = bytes.fromhex("020405b4 0402")  # MSS, SACK permitted
    for _ in range(int(count)):
        data = tcp(src, dst, int(sport), int(dport), 1000, 0, SYN, options=options + b"\1\1")
        sender.send(ip(src, dst, TCP, data))
        time.sleep(float(pause))


def main():
    commands = {"list": list_, "marked": marked, "forge": forge, "syns": syns}
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
