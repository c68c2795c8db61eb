#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP datagrams in captures that were made at both ends.

    datagrams.py compare CLIENT_PCAP CLIENT SERVER_PCAP SERVER PORT
        what became of the datagrams between two addresses and the server's port, whatever NAT called the
        client on the way. One line: for each direction (up, down)
            up=            datagrams that left
            up_lost=       did not arrive
            up_foreign=    arrived but had not left there; up_longest= bytes of the longest of these
            up_overtaken=  arrived behind one that had left later
        and icmp= ICMP errors that reached the client
    datagrams.py initials PCAP CLIENT PORT
        the client's QUIC Initials of version 1 or 2, as they were on the wire: one line a datagram,
        `CLIENT_PORT SERVER HEX`, HEX being the UDP payload
"""
import struct
import sys
from collections import Counter, deque

import pcap

UDP = 17
ERRORS = {pcap.ICMP: (3, 4, 5, 11, 12), pcap.ICMP6: (1, 2, 3, 4)}
INITIAL = {1: 0, 0x6B3343CF: 1}  # version -> the type of an Initial (RFC 9000 17.2.2, RFC 9369 3.2)


def datagrams(packets, **ends):
    """(packet, source port, payload) of the UDP datagrams with these src, dst, sport, dport."""
    for packet in packets:
        if packet.proto != UDP:
            continue
        sport, dport = struct.unpack(">HH", packet.payload[:4])
        known = {"src": packet.src, "dst": packet.dst, "sport": sport, "dport": dport}
        if all(known[key] == value for key, value in ends.items()):
            yield packet, sport, packet.payload[8:]


def direction(name, left, arrived):
    """Datagrams with the same bytes are matched in their order."""
    places = {}
    for at, payload in enumerate(left):
        places.setdefault(payload, deque()).append(at)
    foreign, overtaken, newest = [], 0, -1
    for payload in arrived:
        if not places.get(payload):
            foreign.append(payload)
            continue
        at = places[payload].popleft()
        overtaken += at < newest
        newest = max(newest, at)
    return {
        name: len(left),
        f"{name}_lost": sum(map(len, places.values())),
        f"{name}_foreign": len(foreign),
        f"{name}_longest": max(map(len, foreign), default=0),
        f"{name}_overtaken": overtaken,
    }


def compare(client_packets, client, server_packets, server, port):
    def payloads(packets, **ends):
        return [payload for _, _, payload in datagrams(packets, **ends)]

    facts = direction(
        "up",
        payloads(client_packets, src=client, dst=server, dport=port),
        payloads(server_packets, dst=server, dport=port),
    )
    facts |= direction(
        "down",
        payloads(server_packets, src=server, sport=port),
        payloads(client_packets, src=server, dst=client, sport=port),
    )
    kinds = Counter(p.icmp_type in ERRORS.get(p.proto, ()) for p in client_packets if p.dst == client)
    facts["icmp"] = kinds[True]
    return facts


def initial(payload):
    if len(payload) < 5 or payload[0] & 0xC0 != 0xC0:
        return False
    version = int.from_bytes(payload[1:5], "big")
    return INITIAL.get(version) == payload[0] >> 4 & 3


def initials(packets, client, port):
    return [
        (sport, packet.dst, payload)
        for packet, sport, payload in datagrams(packets, src=client, dport=port)
        if initial(payload)
    ]


def main(command, *words):
    # Who sent a packet is told by its address, so that MAC addresses do not matter.
    mac = "00:00:00:00:00:00"
    if command == "compare":
        client_pcap, client, server_pcap, server, port = words
        facts = compare(pcap.read(client_pcap, mac), client, pcap.read(server_pcap, mac), server, int(port))
        print(" ".join(f"{key}={value}" for key, value in facts.items()))
    else:
        path, client, port = words
        for sport, server, payload in initials(pcap.read(path, mac), client, int(port)):
            print(sport, server, payload.hex())


if __name__ == "__main__":
    main(*sys.argv[1:])
