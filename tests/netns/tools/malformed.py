#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Malformed, truncated and lying packets, exactly as written: not even the sender's kernel corrects them.

malformed.py lan IFACE MAC SRC DST
                     sends those that a LAN client could send out by IFACE, to the neighbour MAC
malformed.py wan IFACE MAC SRC DST SPORT DPORT SEQ ACK
                     sends those that a server, or whoever calls himself one, could send into a connection
malformed.py seen FILE SOURCES TARGETS
                     which of them, between these addresses (by comma), are in a capture, and their
                     bytes, one line each
malformed.py word WORD IFACE MAC SRC DST SPORT DPORT SEQ ACK
                     sends a well-formed segment: syn, synack or ack

A packet is known by its number: the IPv4 ID, or the IPv6 flow label, counted from FIRST.
"""

import socket
import struct
import sys

from packet import ACK, FIN, ICMP, ICMP6, PSH, RST, SYN, TCP, UDP
from packet import capture, checksum, icmp, ip, tcp, udp

FIRST = 0x7000
PORT = 41000
DNS = 53


def of_tcp(src, dst, sport, dport, seq, ack):
    """TCP segments: options, offsets, flags and lengths that do not fit."""

    def segment(flags=ACK, payload=b"", **more):
        return tcp(src, dst, sport, dport, seq, ack, flags, payload, **more)

    options = (
        b"\x02\x04\x05",  # cut off
        b"\x02\x00\x00\x00",  # of no length
        b"\x03\x01\x07\x00",  # shorter than its own header
        b"\x05\xff\x00\x00",  # longer than the header
        b"\x05\x07" + bytes(6),  # SACK blocks of no whole number
        b"\x05\x02\x00\x00",  # no SACK block
        b"\x01\x01\x08\x08" + bytes(8),  # short timestamps
        b"\x1e\x02\x00\x00",  # MPTCP without a subtype
        b"\x05\x22" + b"\xff" * 32 + b"\x00\x00",  # more SACK blocks than fit, all of them absurd
        b"\x01\x01\x05\x0a" + struct.pack("!II", seq, seq - 1 & 0xFFFFFFFF),  # a block that runs backwards
        b"\x01\x01\x05\x0a" + struct.pack("!II", ack - 9 & 0xFFFFFFFF, ack - 8 & 0xFFFFFFFF),  # a D-SACK for no probe
        b"\x08\x0a" + b"\xff" * 8 + b"\x08\x0a" + bytes(8),  # timestamps twice, and different
    )
    yield from (segment(options=o + bytes(-len(o) % 4)) for o in options)
    yield segment(offset=15)
    yield segment(offset=15, payload=b"x" * 8)
    for offset in (0, 4):
        yield segment(offset=offset, payload=b"GET / HTTP/1.1\r\n\r\n")
    for size in (0, 1, 4, 12, 19):
        yield segment()[:size]
    yield segment(window=0)
    yield segment()[:16] + b"\xde\xad" + segment()[18:]  # a checksum that is none
    yield segment(payload=b"\x16\x03\x01\xff\xff\x01" + b"\xff" * 40)  # a ClientHello of lies
    for flags in (0, 0xFFF, SYN | FIN, SYN | RST, FIN, PSH, 0x100 | ACK):
        yield segment(flags)


# A DNS answer of nine records, all of whose names point to themselves.
RIDDLE = struct.pack("!6H", 0x1234, 0x8180, 1, 9, 0, 0) + b"\xc0\x0c" * 14


def of_udp(src, dst):
    for sport, dport in ((PORT, DNS), (PORT + 1, 443), (DNS, PORT)):
        whole = udp(src, dst, sport, dport, RIDDLE)
        yield whole
        for size in (0, 3, 4, 7, 8):
            yield whole[:size]
        yield whole[:4] + b"\xff\xff" + whole[6:]  # longer than it is
        yield whole[:4] + b"\x00\x04" + whole[6:]  # shorter than its own header
        yield whole[:6] + b"\xde\xad" + whole[8:]


def of_icmp(src, dst):
    """Errors whose quote is cut off, of another protocol, or of an error."""
    proto = ICMP6 if ":" in src else ICMP
    kind = 1 if proto == ICMP6 else 3
    quote = ip(dst, src, TCP, tcp(dst, src, 443, PORT, 1, 1, ACK))
    for size in (0, 1, 19, 20, 24, 28, 40, 48, len(quote)):
        yield icmp(src, dst, kind, 0, quote[:size])
    yield icmp(src, dst, kind, 0, b"\xff" * 64)
    yield icmp(src, dst, kind, 0, ip(dst, src, proto, icmp(dst, src, kind, 0, quote)))
    yield icmp(src, dst, kind, 0, ip(dst, src, 132, bytes(32)))
    yield icmp(src, dst, 255, 255, quote)
    yield icmp(src, dst, kind, 0, quote)[:6]


def in_ip(src, dst, proto, bodies):
    yield from (ip(src, dst, proto, body) for body in bodies)


def of_ip4(src, dst):
    segment = tcp(src, dst, PORT, 443, 1, 1, ACK, b"x" * 40)
    for options in (b"\x01" * 4, b"\x07\x07\x04" + bytes(5), b"\x94\x04\x00\x00"):
        yield ip(src, dst, TCP, segment, options=options)
        yield ip(src, dst, TCP, segment[:10], options=options)
    for options in (b"\x07\x02\x00\x00", b"\x83\xff\x00\x00", b"\x07\x27\x04\x00"):
        yield ip(src, dst, TCP, segment, options=options)
    yield ip(src, dst, TCP, segment, fragment=0x2000)  # a first fragment without a second one
    yield ip(src, dst, TCP, segment, fragment=0x0005)
    yield ip(src, dst, TCP, segment[:8], fragment=0x2000)
    yield ip(src, dst, TCP, segment, fragment=0x8000)  # the reserved bit
    yield ip(src, dst, TCP, segment) + b"behind the end"
    yield ip(src, dst, TCP, segment, ttl=1)
    for proto in (0, 47, 132, 136, 255):
        yield ip(src, dst, proto, bytes(40))


def of_ip6(src, dst):
    segment = tcp(src, dst, PORT, 443, 1, 1, ACK, b"x" * 40)
    pad = b"\x01\x04" + bytes(4)
    extensions = (
        (0, bytes([TCP, 0]) + pad),
        (60, bytes([TCP, 0]) + pad),
        (60, bytes([TCP, 255]) + pad),  # longer than the packet
        (60, (bytes([60, 0]) + pad) * 30 + bytes([TCP, 0]) + pad),
        (60, (bytes([60, 0]) + pad) * 9),  # a chain that ends in itself
        (43, bytes([TCP, 0, 0, 0]) + bytes(4)),
        (43, bytes([TCP, 2, 0, 9]) + bytes(20)),
        (44, bytes([TCP, 0, 0, 0]) + b"\0\0\0\1"),  # an atomic fragment
        (44, bytes([TCP, 0, 0, 1]) + b"\0\0\0\2"),
        (44, bytes([TCP, 0, 0, 41]) + b"\0\0\0\3"),
        (51, bytes([TCP, 1]) + bytes(10)),
        (51, bytes([TCP, 200]) + bytes(10)),
        (59, b""),
        (0, b""),
        (139, bytes([TCP, 0]) + pad),
    )
    for first, body in extensions:
        yield ip(src, dst, first, body + segment)
        yield ip(src, dst, first, (body + segment)[: len(body) // 2 + 6])
    whole = ip(src, dst, TCP, segment)
    yield whole[:4] + b"\x00\x10" + whole[6:]  # a length that leaves most of it out
    yield ip(src, dst, TCP, segment, ttl=1)


def from_lan(src, dst):
    proto = ICMP6 if ":" in src else ICMP
    yield from in_ip(src, dst, TCP, of_tcp(src, dst, PORT, 443, 1, 1))
    yield from in_ip(src, dst, UDP, of_udp(src, dst))
    yield from in_ip(src, dst, proto, of_icmp(src, dst))
    yield from of_ip6(src, dst) if proto == ICMP6 else of_ip4(src, dst)


def from_wan(src, dst, sport, dport, seq, ack):
    proto = ICMP6 if ":" in src else ICMP
    bodies = list(of_tcp(src, dst, sport, dport, seq, ack))
    harmless = [b for b in bodies if len(b) < 20 or not b[13] & (SYN | FIN | RST)]
    yield from in_ip(src, dst, TCP, harmless)
    yield from in_ip(src, dst, UDP, of_udp(src, dst))
    yield from in_ip(src, dst, proto, of_icmp(src, dst))
    quote = ip(dst, src, TCP, tcp(dst, src, dport, sport, ack, seq, ACK))
    for kind, code in ((3, 1), (4, 0), (1, 0)) if proto == ICMP6 else ((11, 1), (12, 0), (3, 3)):
        for size in (28, 40, 48, len(quote)):
            yield ip(src, dst, proto, icmp(src, dst, kind, code, quote[:size]))


def numbered(packets):
    for number, data in enumerate(packets, FIRST):
        if data[0] >> 4 == 4:
            bare = data[:4] + struct.pack("!H", number) + data[6:10] + b"\0\0" + data[12:]
            yield fix_header(bare)
        else:
            yield struct.pack("!I", 6 << 28 | number) + data[4:]


def fix_header(data):
    header = (data[0] & 15) * 4
    return data[:10] + struct.pack("!H", checksum(data[:header])) + data[12:]


def transmit(iface, mac, packets):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    for data in packets:
        kind = 0x0800 if data[0] >> 4 == 4 else 0x86DD
        sock.sendto(data, (iface, kind, 0, 0, bytes.fromhex(mac.replace(":", ""))))


def number_of(p):
    return p.id if p.family == 4 else struct.unpack("!I", p.raw[:4])[0] & 0xFFFFF


def seen(path, sources, targets):
    for p in capture(path):
        ours = p.src in sources.split(",") and p.dst in targets.split(",")
        # What inpathd sends has a low TTL, and may have any ID.
        if ours and p.ttl > 40 and FIRST <= number_of(p) < FIRST + 1000:
            print(p.family, number_of(p) - FIRST, p.raw.hex())


def word(which, iface, mac, src, dst, sport, dport, seq, ack):
    flags = {"syn": SYN, "synack": SYN | ACK, "ack": ACK}[which]
    segment = tcp(src, dst, int(sport), int(dport), int(seq), int(ack), flags)
    transmit(iface, mac, [ip(src, dst, TCP, segment)])


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "seen":
        seen(*args)
    elif what == "word":
        word(*args)
    elif what == "lan":
        transmit(args[0], args[1], numbered(from_lan(*args[2:4])))
    elif what == "wan":
        numbers = (int(a) for a in args[4:])
        transmit(args[0], args[1], numbered(from_wan(args[2], args[3], *numbers)))


if __name__ == "__main__":
    main()
