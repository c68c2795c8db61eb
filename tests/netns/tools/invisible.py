#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Did the probes stay out of sight? Compares what three interfaces captured of the same flows.

invisible.py DIR CLIENT_MAC WAN_MAC SERVER_MAC OWN_PORT CLIENT,... WAN,... FLOWS COUNTER=VALUE...

DIR has client.pcap, wan.pcap and server.pcap. CLIENT and WAN are addresses, by comma: the client's,
and those of the gateway's outer side. FLOWS is how many connections there must be. A connection from
OWN_PORT is the test's own. The counters are inpathd's: swallowed_icmp, swallowed_ack, with_news,
probes, touches.

Prints a line for each promise, `WHAT<TAB>WHAT IS WRONG`, the latter empty if it is kept; then `#`
lines with figures.

A flow has the same SYN in all three: its sequence number says what it is called beyond NAT. A
packet beyond the gateway that the client did not send is a probe, whatever it looks like.
"""

import collections
import sys

from pcap import ACK, FIN, ICMP, ICMP6, PSH, RST, SYN, TCP, add, before, pieces, read, stream

MOST_TTL = 32  # of a probe; what clients and servers send has more when it is seen
NEAR = 3  # packets; two processors may take two packets in either order


class Flow:
    """What each interface saw of one connection, in both directions."""

    def __init__(self, syn):
        self.name = f"{syn.src} port {syn.sport} to {syn.dst} port {syn.dport}"
        # Of what the client sends, and of what the server sends.
        self.up = {"client": [], "wan": [], "server": []}
        self.down = {"client": [], "wan": [], "server": []}
        self.size = 0
        self.probes = {}

    def segment(self):
        """The size that both sides' segments are cut to."""
        syn = self.up["client"][0]
        answer = next(p for p in self.down["client"] if p.has(SYN))
        return min(syn.mss, answer.mss) - (12 if syn.tsval >= 0 and answer.tsval >= 0 else 0)


def sort_flows(captures, own_port):
    """All connections, and the packets of none."""
    flows, by_syn, strays = [], {}, {place: [] for place in captures}
    for place, packets in captures.items():
        by_tuple = {}
        for p in packets:
            if p.proto != TCP:
                continue
            up, down = (p.src, p.sport, p.dst, p.dport), (p.dst, p.dport, p.src, p.sport)
            if own_port in (p.sport, p.dport):
                continue
            if p.flags & (SYN | ACK) == SYN and up not in by_tuple:
                flow = by_syn.get((p.seq, p.dst, p.dport))
                if place == "client" and not flow:
                    flow = by_syn[(p.seq, p.dst, p.dport)] = Flow(p)
                    flows.append(flow)
                if flow:
                    by_tuple[up] = flow
            if up in by_tuple:
                by_tuple[up].up[place].append(p)
            elif down in by_tuple:
                by_tuple[down].down[place].append(p)
            else:
                strays[place].append(p)
    return flows, strays


def difference(mine, theirs, size):
    """The packets of `mine`, some piece of which is not in `theirs` as often."""
    left = collections.Counter(piece for p in theirs for piece in pieces(p, size))
    out = []
    for p in mine:
        parts = collections.Counter(pieces(p, size))
        if all(left[part] >= n for part, n in parts.items()):
            left.subtract(parts)
        else:
            out.append(p)
    return out


def show(p):
    return (
        f"{p.src}:{p.sport} > {p.dst}:{p.dport} ttl {p.ttl} flags {p.flags:#x} seq {p.seq}"
        f" ack {p.ack} win {p.window} len {len(p.payload)} ts {p.tsval}/{p.tsecr} sack {p.sack}"
    )


def same_streams(flow, side):
    seen = {place: stream(packets) for place, packets in side.items()}
    for place, (_, wrong) in seen.items():
        if wrong:
            yield f"{flow.name}: {wrong}, at {place}"
    if len({data for data, _ in seen.values()}) != 1:
        yield f"{flow.name}: {({place: len(data) for place, (data, _) in seen.items()})}"


class Said:
    """What the client has said, and when for the first time."""

    def __init__(self, flow):
        sent = flow.up["client"]
        self.first = add(sent[0].seq, 1)
        self.bytes = stream(sent)[0]
        self.times = {}
        for p in sent:
            for what in (("ack", p.ack), ("ts", p.tsval, p.tsecr), ("tsval", p.tsval)):
                self.times.setdefault(what, p.time)
            self.times.setdefault(("window", p.window), p.time)

    def wrong_with(self, p):
        if len(p.payload) > 1:
            yield "more than a byte"
        if p.flags != (ACK | PSH if p.payload else ACK):
            yield "flags"
        if p.sack or p.other_options:
            yield "options"
        if p.ttl > MOST_TTL:
            yield "TTL"
        at = (p.seq - self.first) & 0xFFFFFFFF
        if p.payload and p.payload != self.bytes[at : at + 1]:
            yield "a byte that the client did not send there"
        for what in (("ack", p.ack), ("ts", p.tsval, p.tsecr), ("window", p.window)):
            if self.times.get(what, p.time + 1) > p.time:
                yield f"{what}, not said before"


def wrong_probes(flow, place, probes):
    """
    Walks the flow's packets as they passed `place`. What the server has acknowledged there, the
    probe may repeat, but for the last byte, which keep-alives use.
    """
    said = Said(flow)
    is_probe = {p.order for p in probes}
    acked = end = newest = None
    acks = set()
    for p in sorted(flow.up[place] + flow.down[place], key=lambda p: p.order):
        if p.src != flow.up[place][0].src:
            if p.has(ACK) and (acked is None or before(acked, p.ack)):
                acked = p.ack
        elif p.order not in is_probe:
            last = add(p.seq, len(p.payload) + p.has(SYN) + p.has(FIN))
            if end is None or before(end, last):
                end = last
            if p.has(ACK):
                acks.add(p.ack)
                newest = p.ack if newest is None or before(newest, p.ack) else newest
        else:
            wrong = list(said.wrong_with(p))
            if acked is None or before(acked, add(p.seq, len(p.payload))):
                wrong.append("a byte that the server has not acknowledged")
            if p.payload and add(p.seq, 1) == end:
                wrong.append("the last byte sent")
            # Two processors may swap two packets on the way to the server.
            if place == "wan" and len(acks) > 1 and not before(p.ack, newest):
                wrong.append("the newest acknowledgement")
            if wrong:
                yield f"at {place}, {', '.join(wrong)}: {show(p)}"


def end_of(p):
    return add(p.seq, len(p.payload) + p.has(SYN) + p.has(FIN))


def names_probe(p, probes):
    """A D-SACK block of one byte, that of a probe."""
    return (
        p.sack
        and add(p.sack[0][0], 1) == p.sack[0][1]
        and not before(p.ack, p.sack[0][1])
        and any(q.payload and q.seq == p.sack[0][0] for q in probes)
    )


def wrong_losses(flow, lost):
    """What the server sent and the client did not get says nothing but that something came again."""
    lost_at = {p.order for p in lost}
    kept = [p for p in flow.down["wan"] if p.order not in lost_at]
    for p in lost:
        near = [q for q in kept if q.order < p.order][-NEAR:]
        near += [q for q in kept if q.order > p.order][:NEAR]
        told = any((q.ack, q.window) == (p.ack, p.window) for q in near)
        answer = names_probe(p, flow.probes["wan"]) if p.sack else any(end_of(q) == p.seq for q in near)
        if p.payload or p.flags != ACK or len(p.sack) > 1 or not told or not answer:
            yield f"{show(p)}"


def said(p):
    return p.seq, p.ack, p.tsval, p.tsecr


def answers_to_overtaken(flow):
    """
    What the server says right behind a packet of the client's own that a later one has overtaken, a bare ACK or
    (RFC 7323 5.3) any with an older timestamp: it says again what it has. (On an emulated machine every fourth is
    overtaken, before it leaves the client.)
    """
    probes = {p.order for p in flow.probes["server"]}
    answers, ack, end, newest, behind = set(), None, None, -1, 0
    for p in sorted(flow.up["server"] + flow.down["server"], key=lambda p: p.order):
        behind -= 1
        if p.src != flow.up["server"][0].src:
            if behind >= 0:
                answers.add(said(p))
        elif p.order not in probes and p.has(ACK):
            if ack is not None and not p.payload and (before(p.ack, ack) or before(p.seq, end)):
                behind = NEAR
            if p.tsval >= 0 and newest >= 0 and before(p.tsval, newest):
                behind = NEAR
            if ack is None or before(ack, p.ack):
                ack = p.ack
            if end is None or before(end, end_of(p)):
                end = end_of(p)
            if newest < 0 or before(newest, p.tsval):
                newest = p.tsval
    return answers


def repeats(packets, probes):
    """
    Of the server's packets, in this order, those that say nothing but that something came again. What later
    data has overtaken is not compared with what came before it.
    """
    last = end = None
    for p in packets:
        same = last and (p.ack, p.window) == (last.ack, last.window)
        plain = not p.payload and p.flags == ACK and same and not before(p.seq, end)
        if plain and (len(p.sack) == 1 and names_probe(p, probes) or not p.sack and p.seq == end_of(last)):
            yield p
        last = p
        if end is None or before(end, end_of(p)):
            end = end_of(p)


def client_view(flow):
    """
    Answers to probes that the client got: how many had news, and which had none: neither in the order in which
    they came nor in that in which the server said them. (On an emulated machine ACKs overtake each other.)
    """
    probes = flow.probes["wan"]
    expected = answers_to_overtaken(flow)
    news = sum(1 for p in flow.down["client"] if names_probe(p, probes))
    meant = {said(p) + p.sack for p in repeats(flow.down["server"], probes)} - expected
    return news, [p for p in repeats(flow.down["client"], probes) if said(p) + p.sack in meant]


def icmp_error(p):
    """Not an echo, and not what IPv6's neighbours say to each other."""
    return p.proto == ICMP and p.icmp_type not in (0, 8) or p.proto == ICMP6 and p.icmp_type < 128


def promise(what, wrongs):
    wrongs = list(wrongs)
    text = "; ".join(str(w) for w in wrongs[:5])
    print(f"{what}\t{text}{f'; {len(wrongs)} in all' if len(wrongs) > 5 else ''}")


def strangers(captures, strays, wan_addresses, servers):
    for p in captures["wan"]:
        if not p.outward or p.proto == ICMP6 and p.icmp_type >= 128:
            continue
        if p.src not in wan_addresses:
            yield f"from {p.src} proto {p.proto}"
        if p.dst not in servers:
            yield f"to {p.dst} proto {p.proto}"
    for place, packets in strays.items():
        for p in packets:
            yield f"at {place}, of no flow: {show(p)}"


def behind_the_end(flow, reset):
    """
    Did the server reset what the client itself has sent, and what came behind the client's FIN although it was sent
    ahead of it? What is reset is acknowledged by the reset's sequence number (RFC 9293 3.10.7.1).
    """
    closed, cause = False, None
    for p in flow.up["server"]:
        if p.order < reset.order:
            cause = (p, closed) if p.ack == reset.seq else cause
            closed = closed or p.has(FIN)
    return cause and cause[1] and cause[0].order not in {q.order for q in flow.probes["server"]}


def resets(flow):
    """A client that closes with data on its way resets, and so does a server that has closed. Nothing else does."""
    for p in flow.down["server"]:
        if p.has(RST) and not behind_the_end(flow, p):
            yield f"the server's: {show(p)}"
    closed = False
    for p in flow.up["client"]:
        closed = closed or p.has(FIN)
        if p.has(RST) and not closed:
            yield f"the client's: {show(p)}"


def main(folder, client_mac, wan_mac, server_mac, own_port, clients, wans, expected, *counters):
    count = {name: int(value) for name, value in (c.split("=") for c in counters)}
    captures = {
        "client": read(f"{folder}/client.pcap", client_mac),
        "wan": read(f"{folder}/wan.pcap", wan_mac),
        "server": read(f"{folder}/server.pcap", server_mac),
    }
    flows, strays = sort_flows(captures, int(own_port))
    flows_wrong = [] if len(flows) == int(expected) else [f"{len(flows)} connections"]
    flows_wrong += [f.name for f in flows if not f.up["wan"] or not f.up["server"]]
    promise("each connection is in all captures", flows_wrong)
    if flows_wrong:
        return

    eaten = {}
    lost, invented = [], []
    for f in flows:
        f.size = f.segment()
        for place in ("wan", "server"):
            f.probes[place] = difference(f.up[place], f.up["client"], f.size)
        lost += difference(f.up["client"], f.up["wan"], f.size)
        eaten[f.name] = difference(f.down["wan"], f.down["client"], f.size)
        invented += difference(f.down["client"], f.down["wan"], f.size)
    seen = [client_view(f) for f in flows]
    at = {place: sum(len(f.probes[place]) for f in flows) for place in ("wan", "server")}
    spared = sum(len(packets) for packets in eaten.values())
    errors = [p for p in captures["wan"] if not p.outward and icmp_error(p)]
    news = sum(n for n, _ in seen)

    def equal(what, got, name):
        return [] if got == count[name] else [f"{what}: {got}, inpathd says {name}={count[name]}"]

    promise("the server receives the client's bytes", (w for f in flows for w in same_streams(f, f.up)))
    promise("the client receives the server's bytes", (w for f in flows for w in same_streams(f, f.down)))
    promise("each packet of the client leaves as it was, once", (show(p) for p in lost))
    promise("the client receives no packet that the server did not send", (show(p) for p in invented))
    promise(
        "what leaves and the client did not send repeats what it said and the server acknowledged",
        [w for f in flows for w in wrong_probes(f, "wan", f.probes["wan"])]
        + equal("packets", at["wan"], "probes"),
    )
    promise(
        "the server receives only old bytes besides",
        [w for f in flows for w in wrong_probes(f, "server", f.probes["server"])],
    )
    promise(
        "the client is spared nothing but answers without news",
        [w for f in flows for w in wrong_losses(f, eaten[f.name])] + equal("ACKs", spared, "swallowed_ack"),
    )
    promise(
        "the client receives no duplicate ACK for a probe",
        [show(p) for _, bare in seen for p in bare] + equal("answers with news", news, "with_news"),
    )
    promise(
        "the client receives no ICMP error",
        [f"{p.src} type {p.icmp_type}" for p in captures["client"] if not p.outward and icmp_error(p)]
        + equal("errors before the gateway", len(errors), "swallowed_icmp"),
    )
    servers = {f.up["wan"][0].dst for f in flows}
    promise(
        "only the gateway's own addresses leave, only to the services, only in connections",
        strangers(captures, strays, wans.split(","), servers),
    )
    promise("nothing is reset", (w for f in flows for w in resets(f)))
    own = {p.src for p in captures["client"] if p.outward and p.proto == TCP}
    promise("the connections are the client's", own - set(clients.split(",")))
    print(f"# connections {len(flows)}, packets of the client {sum(len(f.up['client']) for f in flows)}")
    print(f"# probes {at['wan']}, of these at the server {at['server']}, answers with news {news}")


if __name__ == "__main__":
    main(*sys.argv[1:])
