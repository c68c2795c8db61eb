#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of netlog.py, datagrams.py, udp.py, marks.py and invisible.py, in TAP: what is well is found so, and each fault is named."""
import ipaddress
import json
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(os.path.dirname(HERE))]
import datagrams  # noqa: E402
import invisible  # noqa: E402
import marks  # noqa: E402
import netlog  # noqa: E402
import pcap  # noqa: E402
import udp  # noqa: E402
from tap import finish, ok  # noqa: E402

# --- netlog: a log of a few events ---------------------------------------------------------------

TYPES, SOURCES = {}, {}
SENT, LOST, ACK = "QUIC_SESSION_PACKET_SENT", "QUIC_SESSION_PACKET_LOST", "QUIC_SESSION_ACK_FRAME_RECEIVED"
HEADER, CRYPTO = "QUIC_SESSION_UNAUTHENTICATED_PACKET_HEADER_RECEIVED", "QUIC_SESSION_CRYPTO_FRAME_SENT"
SHORT, INITIAL = "ENCRYPTION_FORWARD_SECURE", "ENCRYPTION_INITIAL"


def number(names, name):
    return names.setdefault(name, len(names) + 1)


def event(name, source="QUIC_SESSION", ident=7, phase=0, **params):
    origin = {"id": ident, "type": number(SOURCES, source), "start_time": "1"}
    return {"type": number(TYPES, name), "phase": phase, "source": origin, "time": "1", "params": params}


def sent(packet, level=SHORT, kind="NOT_RETRANSMISSION"):
    return event(SENT, packet_number=packet, encryption_level=level, transmission_type=kind)


def acked(low, high, missing=()):
    return event(ACK, smallest_observed=low, largest_observed=high, missing_packets=list(missing))


def log_of(*events):
    constants = {
        "logEventTypes": TYPES,
        "logSourceType": SOURCES,
        "quicError": {"QUIC_CONNECTION_CANCELLED": 70, "QUIC_NETWORK_IDLE_TIMEOUT": 25},
        "netError": {"ERR_CONNECTION_REFUSED": -102, "ERR_FAILED": -2},
    }
    lines = ",\n".join(json.dumps(e) for e in events)
    return f'{{"constants":{json.dumps(constants)},\n"events": [\n{lines}]}}\n'


def started(ident=7, host="v4.video.example"):
    return event("QUIC_SESSION", phase=1, ident=ident, host=host)


def said(*events):
    lines = netlog.report(log_of(*events))
    return " ".join(lines) + " "


GOOD = [
    event("HOST_RESOLVER_MANAGER_REQUEST", "URL_REQUEST", 3, 1, host="https://v4.video.example"),
    started(),
    event(CRYPTO, encryption_level=INITIAL, offset=800, data_length=900),
    event(CRYPTO, encryption_level=INITIAL, offset=0, data_length=800),
    sent(1, INITIAL),
    event("QUIC_SESSION_PACKET_RECEIVED", peer_address="198.51.100.1:443", self_address="192.0.2.7:5000", size=1200),
    event("QUIC_SESSION_VERSION_NEGOTIATED", version="RFCv1"),
    event("QUIC_CHROMIUM_CLIENT_STREAM_SEND_REQUEST_HEADERS"),
    event("QUIC_SESSION_CLOSED", quic_error=70, from_peer=False),
]
out = said(*GOOD)
for what, words in {
    "whom and how": "version=RFCv1 peer=198.51.100.1:443 local=192.0.2.7:5000",
    "how it ended": "closed=QUIC_CONNECTION_CANCELLED by=us",
    "its packets and requests": "sent=1 again=0 received=1 requests=1",
    "the ClientHello's pieces": "hello=1700 pieces=2 shuffled=1",
    "the browser's other doings": "sessions=1 http2=0 tcp=- errors=- failed=- hosts=v4.video.example",
}.items():
    ok(f"netlog: {what}", f" {words} " in out, out)

out = said(started(), event(CRYPTO, encryption_level=INITIAL, offset=0, data_length=9), event(CRYPTO, encryption_level=INITIAL, offset=9, data_length=1))
ok("netlog: pieces in order are not shuffled", " hello=10 pieces=2 shuffled=0 " in out, out)
out = said(started(), started(8), event("QUIC_SESSION_CLOSED", ident=8, quic_error=25, from_peer=True))
ok("netlog: two sessions, one ended by its peer", " closed=QUIC_NETWORK_IDLE_TIMEOUT by=peer " in out and "sessions=2" in out, out)

header = event(HEADER, header_format="IETF_QUIC_SHORT_HEADER_PACKET", packet_number=1)
initial = event(HEADER, long_header_type="INITIAL", packet_number=1)
loss = [started(), sent(5), sent(6), event(LOST, packet_number=5)]
for what, more, want in (
    ("lost and never heard of again", [header, acked(6, 9)], "lost=1 spurious=0"),
    ("lost, but acknowledged later on", [header, acked(4, 9)], "lost=1 spurious=1"),
    ("what an acknowledgement leaves out is lost", [header, acked(4, 9, [5])], "lost=1 spurious=0"),
    ("another space's acknowledgement says nothing", [initial, acked(4, 9)], "lost=1 spurious=0"),
):
    out = said(*loss, *more)
    ok(f"netlog: {what}", f" {want} " in out, out)
out = said(started(), sent(2, INITIAL), event(LOST, packet_number=2))
ok("netlog: a packet of the handshake that was lost is told apart", " early=1 lost=0 spurious=0 " in out, out)
for what, events, want in (
    ("repeats", [sent(2, SHORT, "PTO_RETRANSMISSION")], "again=1"),
    ("an ICMP error", [event("UDP_RECEIVE_ERROR", "UDP_SOCKET", 9, net_error=-102)], "errors=ERR_CONNECTION_REFUSED"),
    ("an error of reading, noted on the session", [event("QUIC_READ_ERROR", net_error=-102)], "errors=ERR_CONNECTION_REFUSED"),
    ("a connection by TCP", [event("TCP_CONNECT_ATTEMPT", "SOCKET", 9, 1, address="198.51.100.1:443")], "tcp=198.51.100.1:443"),
    ("none that stays on the machine", [event("TCP_CONNECT_ATTEMPT", "SOCKET", 9, 1, address="127.0.0.1:9")], "tcp=-"),
    ("HTTP/2", [event("HTTP2_SESSION", "HTTP2_SESSION", 9, 1)], "http2=1"),
    ("a request that failed", [event("FAILED", "URL_REQUEST", 9, net_error=-2)], "failed=ERR_FAILED"),
    ("a stateless reset", [event("QUIC_SESSION_PUBLIC_RESET_PACKET_RECEIVED")], "odd=1"),
):
    out = said(started(), *events)
    ok(f"netlog: {what}", f" {want} " in out, out)
whole = log_of(*GOOD)
cut = netlog.report(whole[: whole.rindex("\n{") + 9])
ok("netlog: a log cut in its last event", cut[0] == netlog.report(log_of(*GOOD[:-1]))[0], cut)

# --- datagrams: captures made here ---------------------------------------------------------------


def frame(src, dst, proto, body):
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if a.version == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 60, proto, 0) + a.packed + b.packed
        return bytes(12) + b"\x08\x00" + head + body
    return bytes(12) + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), proto, 60) + a.packed + b.packed + body


def datagram(src, sport, dst, dport, payload):
    return frame(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload)


def captured(*frames):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, data in enumerate(frames):
            f.write(struct.pack("<IIII", i, 0, len(data), len(data)) + data)
        f.flush()
        return pcap.read(f.name, "00:00:00:00:00:00")


def compared(left, arrived, down_left=(), down_arrived=(), errors=(), client="192.0.2.7", nat="203.0.113.9", server="198.51.100.1"):
    near = [datagram(client, 5000, server, 443, p) for p in left] + [datagram(server, 443, client, 5000, p) for p in down_arrived]
    far = [datagram(nat, 61000, server, 443, p) for p in arrived] + [datagram(server, 443, nat, 61000, p) for p in down_left]
    near += [frame("192.0.2.1", client, 1, bytes([kind, 0]) + bytes(30)) for kind in errors]
    return datagrams.compare(captured(*near), client, captured(*far), server, 443)


for what, got, want in (
    ("all is well, NAT or not", compared([b"a", b"b"], [b"a", b"b"], [b"c"], [b"c"]), {"up": 2, "down": 1}),
    ("one lost", compared([b"a", b"b"], [b"b"]), {"up": 2, "up_lost": 1}),
    ("one of two alike lost", compared([b"a", b"a"], [b"a"]), {"up": 2, "up_lost": 1}),
    ("one that nobody sent", compared([b"a"], [b"a", b"xyz"]), {"up": 1, "up_foreign": 1, "up_longest": 3}),
    ("one twice", compared([b"a"], [b"a", b"a"]), {"up": 1, "up_foreign": 1, "up_longest": 1}),
    ("one overtaken", compared([b"a", b"b", b"c"], [b"b", b"a", b"c"]), {"up": 3, "up_overtaken": 1}),
    ("lost on the way down", compared([], [], [b"a"], []), {"down": 1, "down_lost": 1}),
    ("ICMP errors, and no echo", compared([], [], errors=[11, 3, 8]), {"icmp": 2}),
    ("IPv6", compared([b"a"], [b"a"], client="2001:db8::7", nat="2001:db8::9", server="2001:db8:1::1"), {"up": 1}),
):
    ok(f"datagrams: {what}", {key: value for key, value in got.items() if value} == want, got)

V1 = b"\xc3" + struct.pack(">I", 1) + b"hello"
V2 = b"\xd3" + struct.pack(">I", 0x6B3343CF) + b"hello"
others = [b"\xe3" + V1[1:], b"\xc3" + V2[1:], b"\x43" + V1[1:], b"\xc3\0\0\0\0no", b"\xc3", b""]
packets = captured(*(datagram("192.0.2.7", 5000, "198.51.100.1", 443, p) for p in [V1, *others, V2]))
got = datagrams.initials(packets, "192.0.2.7", 443)
ok("datagrams: Initials of versions 1 and 2, and nothing else", got == [(5000, "198.51.100.1", V1), (5000, "198.51.100.1", V2)], got)

# --- udp: what its ends send and take --------------------------------------------------------------

for name, kind in udp.KINDS.items():
    numbers = [*range(300), udp.BYE]
    ok(
        f"udp: {name}: each datagram is known by its number",
        all(udp.unwrap(kind, way, udp.wrap(kind, way, n)) == n for way in (udp.UP, udp.DOWN) for n in numbers),
    )
    ok(
        f"udp: {name}: what one has sent itself is foreign",
        all(udp.unwrap(kind, udp.DOWN, udp.wrap(kind, udp.UP, n)) < 0 for n in numbers),
    )
    good = udp.wrap(kind, udp.UP, 3)
    changed = [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in range(len(good))]
    ok(
        f"udp: {name}: no change of a bit, no cut and no addition passes",
        all(udp.unwrap(kind, udp.UP, bad) < 0 for bad in [*changed, *(good[:i] for i in range(len(good))), good + b"\0"]),
    )
ok("udp: WireGuard's sizes", [udp.WireGuard.size(*a) for a in ((udp.UP, 0), (udp.DOWN, 0), (udp.UP, 1))] == [148, 92, 32])
seen = udp.Seen()
seen.numbers, seen.highest = {0, 1, 4}, 4
ok("udp: two of five numbers are missing", seen.lost() == 2)

# --- marks: others' bits are 0x3ff, ours 0xc00 -----------------------------------------------------


def told(*steps):
    """(kind, id, mark): the events of connections, judged."""
    lines = [f" [{kind}] udp 17 30 src=192.0.2.7 dst=192.0.2.9 mark={mark} id={ident}" for kind, ident, mark in steps]
    wrong, figures = marks.judge(lines, 0xC00, marks.allowed(["12-78/ff"]))
    return len(wrong), figures


for what, steps, want in (
    ("ours come and go", (("NEW", 1, 0x112), ("UPDATE", 1, 0x512), ("UPDATE", 1, 0x112)), (0, "connections=1 changes=2 ours=2 others=0")),
    ("a change that they make", (("NEW", 1, 0x112), ("UPDATE", 1, 0x578)), (0, "connections=1 changes=1 ours=1 others=0")),
    ("one that they do not make", (("NEW", 1, 0x178), ("UPDATE", 1, 0x112)), (1, "connections=1 changes=1 ours=0 others=1")),
    ("their change, and one bit more", (("NEW", 1, 0x112), ("UPDATE", 1, 0x378)), (1, "connections=1 changes=1 ours=0 others=1")),
    ("a bit lost at the end", (("NEW", 1, 0x112), ("DESTROY", 1, 0x12)), (1, "connections=1 changes=1 ours=0 others=1")),
    ("a number that is given anew", (("NEW", 1, 0x112), ("NEW", 1, 0x234)), (0, "connections=1 changes=0 ours=0 others=0")),
):
    ok(f"marks: {what}", told(*steps) == want, told(*steps))
old = "udp 17 29 src=192.0.2.7 sport=5 [UNREPLIED] packets=3 bytes=99 [ASSURED] mark=1298 use=1 id=7"
ok("marks: age, counts and ours do not show", marks.plain(old, 0xC00) == ("udp src=192.0.2.7 sport=5 [UNREPLIED] [ASSURED] mark=0x112", 0x400))

# --- invisible: what came to the ends of one connection ----------------------------------------------

UP, DOWN = ("192.0.2.7", "198.51.100.9", 5000, 443), ("198.51.100.9", "192.0.2.7", 443, 5000)


def spoken(*packets):
    """(way, seq, ack, flags, bytes, SACK blocks, timestamp): packets in this order."""
    out = []
    for way, seq, ack, flags, size, sack, ts in packets:
        src, dst, sport, dport = way
        out.append(
            pcap.Packet(
                len(out), len(out), True, src, dst, 60, pcap.TCP, sport, dport, seq, ack, flags, 500, ts, ts,
                tuple(sack), payload=bytes(size),
            )
        )
    return out


def connection(server, client=None, probes=()):
    """As the server saw it, and the client, if that is not the same. `probes`: numbers of packets."""
    flow = invisible.Flow(server[0])
    flow.size = 1000
    for place, packets in (("server", server), ("wan", server), ("client", client or server)):
        flow.up[place] = [p for p in packets if p.src == UP[0]]
        flow.down[place] = [p for p in packets if p.src == DOWN[0]]
        flow.probes[place] = [p for p in server if p.order in probes]
    return flow


ACK, FIN, RST = pcap.ACK, pcap.FIN, pcap.RST
ASK, DATA = (UP, 1, 1, ACK, 99, (), 10), (DOWN, 1, 100, ACK, 500, (), 10)
PROBE, NAMED, BARE = (UP, 40, 1, ACK, 1, (), 10), (DOWN, 501, 100, ACK, 0, [(40, 41)], 10), (DOWN, 501, 100, ACK, 0, (), 10)
SACKED = (DOWN, 501, 100, ACK, 0, [(300, 400)], 10)
for what, packets, order, want in (
    ("an answer that names a probe's byte", (ASK, DATA, PROBE, NAMED), None, 1),
    ("an answer that names none", (ASK, DATA, PROBE, BARE), None, 1),
    ("nothing", (ASK, DATA, PROBE), None, 0),
    ("an answer that later data has overtaken", (ASK, DATA, PROBE, NAMED, (DOWN, 501, 100, ACK, 9, (), 11)), (0, 1, 4, 3), 0),
    ("one to an ACK that another has overtaken", (ASK, DATA, (UP, 100, 501, ACK, 0, (), 10), (UP, 100, 1, ACK, 0, (), 10), BARE), None, 0),
    ("one to data that other data has overtaken", (ASK, DATA, (UP, 200, 501, ACK, 9, (), 12), (UP, 100, 501, ACK, 9, (), 11), BARE), None, 0),
    ("two that only change places", (ASK, (DOWN, 1, 90, ACK, 500, (), 10), BARE, SACKED), (0, 1, 3, 2), 0),
):
    server = spoken(*packets)
    client = [server[i] for i in order or range(len(server))]
    bare = invisible.client_view(connection(server, client, probes=(2,) if PROBE in packets else ()))[1]
    ok(f"invisible: the client gets {what}", len(bare) == want, bare)

END = (ASK, DATA, (UP, 100, 501, ACK | FIN, 0, (), 11), (DOWN, 501, 101, ACK | FIN, 0, (), 11), (UP, 101, 502, ACK, 0, (), 12))
for what, packets, probes, want in (
    ("in the midst", (*END[:2], (DOWN, 501, 0, RST, 0, (), -1)), (), 1),
    ("for what the client sent ahead of its end", (*END, (UP, 100, 501, ACK, 0, (), 10), (DOWN, 501, 0, RST, 0, (), -1)), (), 0),
    ("for a probe behind the end", (*END, (UP, 40, 501, ACK, 1, (), 10), (DOWN, 501, 0, RST, 0, (), -1)), (5,), 1),
    ("for nothing that came", (*END, (DOWN, 77, 0, RST, 0, (), -1)), (), 1),
):
    wrong = list(invisible.resets(connection(spoken(*packets), probes=probes)))
    ok(f"invisible: the server resets {what}", len(wrong) == want, wrong)

finish()
