#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of differences.py and measures.py, in TAP."""
import os
import random
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import differences  # noqa: E402
import measures  # noqa: E402
from measures import ACK, FIN, RST, SYN, Packet  # noqa: E402
from tap import finish, ok, same  # noqa: E402


def up(time, seq, size=0, flags=ACK, ttl=64, ack=1):
    return Packet(time, ttl, True, True, seq, ack, flags, 500, size)


def down(time, seq, size=0, flags=ACK, ack=1, window=100):
    return Packet(time, 60, True, False, seq, ack, flags, window, size)


# --- differences ---

ok("Student's quantiles are those of the tables", all(abs(differences.t_quantile(f) - t) < 0.004 for f, t in ((11, 2.201), (15, 2.131), (60, 2.000))))
rng = random.Random(7)
held = 0
for _ in range(2000):
    base = [rng.gauss(100, 5) for _ in range(16)]
    d = differences.paired([b + rng.gauss(1, 2) for b in base], base, False)
    held += d.low <= 1 <= d.high
ok("the interval of pairs holds the truth 95 times in 100", 0.935 < held / 2000 < 0.965, held)
ok("relative differences are of the mean of the base", abs(differences.paired([11, 22], [10, 20], True).mean - 10) < 1e-9)
ok("few pairs say nothing", not differences.paired([1] * 11, [1] * 11, False).within(1) and differences.paired([1] * 12, [1] * 12, False).within(1))
low, high = differences.share(0, 1000)
ok("0 in 1000 may be 3.7 in 1000", low == 0 and abs(high - 0.3682) < 0.001)
low, high = differences.share(5, 100)
ok("5 in 100: the interval of the tables", abs(low - 1.643) < 0.01 and abs(high - 11.284) < 0.01)
d = differences.events([0] * 1845, [0] * 1845)
ok("what was not seen in 1845 flows is within 0.2 points, in 1840 it is not", d.within(0.2) and not differences.events([0] * 1840, [0] * 1840).within(0.2))
d = differences.events([1] * 30 + [0] * 1970, [0] * 2000)
ok("30 more in 2000 are outside", d.low > 0.2 and abs(d.mean - 1.5) < 1e-9)

# --- measures ---

same("data said again is counted, a keep-alive's and an answer's lack of it is not",
     measures.again([down(0, 0, 100), down(1, 100, 100), down(2, 0, 100), down(3, 200)]), (1, 3))  # fmt: skip
same("sequence numbers wrap", measures.again([down(0, 0xFFFFFFF0, 100), down(1, 84, 100), down(2, 0xFFFFFFF0, 100)]), (1, 3))
same("what was known does not arrive again", measures.arrivals([down(0, 0, 100), down(1, 50, 100), down(2, 0, 100)]), [(0, 100), (1, 50)])
same("only whole slices count", measures.slices([(0, 10), (0.4, 10), (1.5, 10), (2.5, 10)], 1), [20, 10])
same("an answer to a probe is no second look at the window",
     measures.windows([down(0, 0, flags=SYN | ACK, window=9), down(1, 1, ack=5, window=10), down(2, 1, ack=5, window=10), down(3, 1, ack=9, window=20)]),
     [10, 20])  # fmt: skip

lan = [up(0.0, 0, flags=SYN), up(0.1, 1, 50), down(0.2, 1, 1000), down(0.3, 1001, 1000), down(0.4, 2001, flags=FIN | ACK), up(0.5, 51, flags=FIN | ACK)]
srv = [down(0.19, 1, 1000), down(0.29, 1001, 1000), down(0.295, 1, 1000), down(0.39, 2001, flags=FIN | ACK)]
wan = [up(0.11, 1, 50, ttl=63), up(0.21, 1, 1, ttl=5), up(0.51, 51, flags=FIN | ACK, ttl=63)]
flow = measures.flow(lan, wan, srv, False, 0.05)
same("a flow that ends well", [flow[k] for k in ("rst", "reset", "late", "lifetime", "probes")], [0, 0, 0, 0.5, 1])
ok("its retransmissions and its throughput", abs(flow["again"] - 100 / 3) < 1e-9 and abs(flow["throughput"] - 10000) < 1e-6)
flow = measures.flow(lan, [*wan, up(0.45, 1, 1, ttl=3)], srv, False, 0.05)
same("a probe behind the server's FIN", flow["late"], 1)
flow = measures.flow([*lan, down(0.6, 2002, flags=RST)], wan, srv, False, 0.05)
same("a RST", [flow["rst"], flow["reset"]], [1, 1])


def frame(proto, body, ethernet):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, 0, 61, proto, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    return (b"\0" * 12 + b"\x08\0" if ethernet else b"") + head + body


tcp = struct.pack("!HHIIHHHH", 4000, 80, 5, 6, 8 << 12 | ACK, 77, 0, 0) + b"\1" * 12 + b"x" * 9
udp = struct.pack("!HHHH", 80, 4001, 13, 0) + b"y" * 5
for link, ethernet in (1, True), (101, False):
    frames = [frame(6, tcp, ethernet), frame(17, udp, ethernet), frame(1, b"\0" * 8, ethernet)]
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 128, link)
    data += b"".join(struct.pack("<IIII", 1, 500000, len(f), len(f)) + f for f in frames)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data[:-3])  # still being written
        file.flush()
        flows = measures.read(file.name, {80})
    same(f"a capture of link type {link}", flows,
         {4000: [Packet(1.5, 61, True, True, 5, 6, ACK, 77, 9)], 4001: [Packet(1.5, 61, False, False, 0, 0, 0, 0, 5)]})  # fmt: skip


def captured(frames):
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 128, 101)
    data += b"".join(struct.pack("<IIII", 1, 0, 128, len(f)) + f[:128] for f in frames)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return {name: len(packets) for name, packets in measures.read(file.name, {443}).items()}


def initial(sport, identity):
    body = struct.pack("!BIB", 0xC0, 1, len(identity)) + identity
    return frame(17, struct.pack("!HHHH", sport, 443, 1208, 0) + body + b"z" * (1200 - len(body)), False)


short = frame(17, struct.pack("!HHHH", 443, 4000, 108, 0) + b"\x40" * 100, False)
same("a QUIC flow has the number that its client made its server's id of; a port is given to a next flow",
     captured([initial(4000, b"none\0\0\0\7"), short, initial(4000, b"none\0\0\0\x08"), short, short, initial(4001, b"nope\0\0\0\7")]),
     {7: 2, 8: 3, 4001: 1})  # fmt: skip
finish()
