# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads what tcpdump wrote: Ethernet, IPv4 and IPv6, TCP and ICMP. Knows nothing of what is tested.

A packet may be larger than any on a wire: interfaces merge and split segments (GRO, GSO). What
compares two captures compares `pieces`.
"""

import ipaddress
import struct
from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
TCP, ICMP, ICMP6 = 6, 1, 58


@dataclass
class Packet:
    """One packet; of what lies above IP, only what its protocol has."""

    time: float
    order: int
    outward: bool  # sent by the interface that captured, as far as its MAC address tells
    src: str
    dst: str
    ttl: int
    proto: int
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    tsval: int = -1  # -1: no timestamps
    tsecr: int = -1
    sack: tuple = ()
    other_options: tuple = ()  # kinds, but for no-operation, timestamps and SACK blocks
    mss: int = 0
    payload: bytes = b""
    icmp_type: int = -1

    def has(self, flags):
        return self.flags & flags != 0


def before(a, b):
    """RFC 9293 3.4: is sequence number a before b?"""
    return (a - b) & 0xFFFFFFFF > 0x7FFFFFFF


def add(a, n):
    return (a + n) & 0xFFFFFFFF


def options_of(packet, raw):
    other = []
    at = 0
    while at < len(raw) and raw[at] != 0:
        if raw[at] == 1:
            at += 1
            continue
        kind, size = raw[at], raw[at + 1]
        value = raw[at + 2 : at + size]
        if kind == 8:
            packet.tsval, packet.tsecr = struct.unpack(">II", value)
        elif kind == 5:
            edges = struct.unpack(f">{len(value) // 4}I", value)
            packet.sack = tuple(zip(edges[::2], edges[1::2]))
        else:
            other.append(kind)
            if kind == 2:
                packet.mss = struct.unpack(">H", value)[0]
        at += size
    packet.other_options = tuple(other)


def tcp_of(packet, body):
    (packet.sport, packet.dport, packet.seq, packet.ack, offset, packet.window) = struct.unpack(
        ">HHIIHH", body[:16]
    )
    packet.flags = offset & 0x1FF
    header = (offset >> 12) * 4
    options_of(packet, body[20:header])
    packet.payload = body[header:]


def packet_of(time, order, frame, mac):
    """None for what is neither IPv4 nor IPv6."""
    kind = frame[12:14]
    ip = frame[14:]
    if kind == b"\x08\x00":
        size = struct.unpack(">H", ip[2:4])[0] or len(ip)
        header, proto, ttl, addresses = (ip[0] & 15) * 4, ip[9], ip[8], (ip[12:16], ip[16:20])
    elif kind == b"\x86\xdd":
        size = struct.unpack(">H", ip[4:6])[0] + 40
        header, proto, ttl, addresses = 40, ip[6], ip[7], (ip[8:24], ip[24:40])
    else:
        return None
    src, dst = (str(ipaddress.ip_address(a)) for a in addresses)
    packet = Packet(time, order, frame[6:12] == mac, src, dst, ttl, proto)
    body = ip[header:size]
    if len(body) < size - header:
        raise ValueError(f"packet {order} was not captured whole")
    if proto == TCP:
        tcp_of(packet, body)
    elif proto in (ICMP, ICMP6):
        packet.icmp_type = body[0]
    packet.payload = packet.payload or (b"" if proto == TCP else body)
    return packet


def read(path, mac):
    """All IP packets of a capture, made on the interface with that MAC address."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    magic, _, _, _, _, _, link = struct.unpack(order + "IHHiIII", data[:24])
    scale = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}[magic]
    if link != 1:
        raise ValueError(f"{path}: not Ethernet")
    own = bytes.fromhex(mac.replace(":", ""))
    packets = []
    at = 24
    while at + 16 <= len(data):
        sec, part, kept, _ = struct.unpack(order + "IIII", data[at : at + 16])
        packet = packet_of(sec + part * scale, len(packets), data[at + 16 : at + 16 + kept], own)
        if packet:
            packets.append(packet)
        at += 16 + kept
    return packets


def pieces(packet, size):
    """
    What a packet says, cut where GSO cuts it: `size` is the connection's segment size. PSH and FIN
    stand on the last piece. All but IP's fields and the checksums is in a piece.
    """
    out = []
    ends = packet.flags & (FIN | PSH)
    at = 0
    while True:
        part = packet.payload[at : at + size]
        last = at + size >= len(packet.payload)
        flags = packet.flags & ~(FIN | PSH) | (ends if last else 0)
        out.append(
            (
                add(packet.seq, at),
                packet.ack,
                flags,
                packet.window,
                packet.tsval,
                packet.tsecr,
                packet.sack,
                packet.other_options,
                part,
            )
        )
        at += size
        if last:
            return out


def stream(packets):
    """
    The bytes that a side's packets carry, from behind its SYN on, and what is wrong with them: a
    hole, or a byte that was said twice, differently.
    """
    start = next((add(p.seq, 1) for p in packets if p.has(SYN)), None)
    if start is None:
        return b"", "no SYN"
    out = bytearray()
    ahead = []
    for p in packets:
        if p.payload and not p.has(SYN):
            at = (p.seq - start) & 0xFFFFFFFF
            ahead.append((at if at < 1 << 31 else at - (1 << 32), p.payload))
    for at, payload in sorted(ahead, key=lambda item: item[0]):
        if at < 0:
            return bytes(out), "bytes before the first"
        if at > len(out):
            return bytes(out), f"a hole at {len(out)}"
        known = min(len(out) - at, len(payload))
        if out[at : at + known] != payload[:known]:
            return bytes(out), f"two versions of the byte at {at}"
        out += payload[known:]
    return bytes(out), ""
