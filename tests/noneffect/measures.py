# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured of a flow, from captures at three places: at the client, on the gateway's WAN, and at the server.

    lan   the client's interface: what it sent, and what it was given
    wan   what left the gateway: the flow's packets have the client's TTL less one, inpath's probes any other
    srv   the server's interface: what it sent, and what came to it

Times are the kernel's, of one machine: all three captures share its clock.
"""

import struct
from typing import NamedTuple

FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP = 6, 17
OWN_TTL = 63  # as the flow's packets leave the gateway
NAME = b"none"  # and a number: the id that ends.py has a QUIC client begin with
LONG = 1000  # bytes: a client's first packets are longer (RFC 9000 14.1)
FRAME = {1: 14, 101: 0, 12: 0}  # link type: where IP begins


class Packet(NamedTuple):
    time: float
    ttl: int
    tcp: bool
    up: bool  # from the client to the server
    seq: int
    ack: int
    flags: int
    window: int
    size: int  # bytes of payload


def later(a, b):
    """How far sequence number a lies behind b, negative before it (RFC 9293 3.4)."""
    return ((a - b + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def parse(data, at, time, ports):
    """(the client's port, Packet, where what UDP carries begins) of the packet whose IP header begins there; None if it is none of a
    flow to those ports."""
    if data[at] >> 4 == 4:
        size, ttl, proto = struct.unpack_from("!H", data, at + 2)[0], data[at + 8], data[at + 9]
        head = (data[at] & 15) * 4
    else:
        size, proto, ttl = 40 + struct.unpack_from("!H", data, at + 4)[0], data[at + 6], data[at + 7]
        head = 40
    if proto not in (TCP, UDP):
        return None
    sport, dport = struct.unpack_from("!HH", data, at + head)
    up = dport in ports
    if not up and sport not in ports:
        return None
    port = sport if up else dport
    if proto == UDP:
        return port, Packet(time, ttl, False, up, 0, 0, 0, 0, size - head - 8), at + head + 8
    seq, ack, bits, window = struct.unpack_from("!IIHH", data, at + head + 4)
    return port, Packet(time, ttl, True, up, seq, ack, bits & 0x3F, window, size - head - (bits >> 12) * 4), None


def number(data, at):
    """What the id says that a QUIC client made up for its server (RFC 9000 17.2), if it is one of ours."""
    if data[at] & 0x80 and data[at + 5] == len(NAME) + 4 and data[at + 6 : at + 6 + len(NAME)] == NAME:
        return struct.unpack_from("!I", data, at + 6 + len(NAME))[0]
    return None


def read(path, ports):
    """The flow's number, else the client's port -> its packets, in the order of the capture."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    scale = 1e-9 if b"\x4d\x3c" in data[:4] or b"\x3c\x4d" in data[:4] else 1e-6
    start = FRAME[struct.unpack_from(order + "I", data, 20)[0]]
    flows, numbers, at = {}, {}, 24
    while at + 16 <= len(data):
        seconds, part, kept = struct.unpack_from(order + "III", data, at)
        at += 16 + kept
        if at > len(data):
            break
        if found := parse(data, at - kept + start, seconds + part * scale, ports):
            port, packet, body = found
            if body and packet.up and packet.size > LONG and (named := number(data, body)):
                numbers[port] = named
            flows.setdefault(numbers.get(port, port), []).append(packet)
    return flows


def again(packets):
    """Segments with data that say again what was said, and all segments with data."""
    end, repeated, count = None, 0, 0
    for packet in packets:
        if packet.size:
            count += 1
            if end is not None and later(packet.seq, end) < 0:
                repeated += 1
            if end is None or later(packet.seq + packet.size, end) > 0:
                end = packet.seq + packet.size & 0xFFFFFFFF
    return repeated, count


def arrivals(packets):
    """(time, bytes) of what was new."""
    end, out = None, []
    for packet in packets:
        if not packet.size:
            continue
        new = packet.size if end is None or not packet.tcp else min(packet.size, later(packet.seq + packet.size, end))
        if new > 0:
            out.append((packet.time, new))
            end = packet.seq + packet.size & 0xFFFFFFFF
    return out


def slices(came, width):
    """Bytes of each whole slice of time that the transfer lasts."""
    first, last = came[0][0], came[-1][0]
    out = [0] * int((last - first) / width)
    for time, size in came:
        if (at := int((time - first) / width)) < len(out):
            out[at] += size
    return out


def windows(packets):
    """The windows of packets that acknowledge or carry something new, behind the handshake: an answer to a probe says
    again what was said, and would count a moment of the flow twice."""
    ack, out = None, []
    for packet in packets:
        if not packet.flags & (SYN | RST) and (ack is None or later(packet.ack, ack) > 0 or packet.size):
            out.append(packet.window)
        if ack is None or later(packet.ack, ack) > 0:
            ack = packet.ack
    return out


def flow(lan, wan, srv, upload, width):
    """The measures of one flow. Window, RST and what follows a FIN are TCP's alone: 0 elsewhere."""
    sender, receiver = (lan, srv) if upload else (srv, lan)
    repeated, count = again([p for p in sender if p.up == upload and p.tcp])
    came = arrivals([p for p in receiver if p.up == upload])
    ends = [p for p in lan if p.flags & (FIN | RST)] or lan[-1:]
    sizes = windows([p for p in srv if p.tcp and not p.up])
    resets = sum(1 for p in lan if p.flags & RST) + sum(1 for p in srv if p.flags & RST)
    # The end has passed the gateway: the client's on its way out, the server's when the client has it.
    over = [p.time for p in wan if p.up and p.ttl == OWN_TTL and p.flags & (FIN | RST)]
    over += [p.time for p in lan if not p.up and p.flags & (FIN | RST)]
    probes = [p for p in wan if p.up and p.ttl != OWN_TTL]
    return {
        "rst": resets,
        "reset": int(resets > 0),
        "late": sum(1 for p in probes if over and p.time > min(over)),
        "window": sum(sizes) / len(sizes) if sizes else 0,
        "again": 100 * repeated / count if count else 0,
        "lifetime": ends[-1].time - lan[0].time,
        "throughput": sum(size for _, size in came[1:]) / max(came[-1][0] - came[0][0], 1e-6),
        "slices": slices(came, width),
        "width": width,
        "probes": len(probes),
    }
