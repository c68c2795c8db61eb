#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the QUIC flows' two ends, in TAP: what one sends the other takes, and every other datagram is seen."""
import asyncio
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import quic  # noqa: E402
import talk_quic  # noqa: E402
from talk_flow import Wrong, pattern  # noqa: E402
from tap import finish, ok  # noqa: E402

SPORT = 20001  # its ids have 8 bytes of the client's, 20 of the server's; its greeting fits into one Initial
PEER = ("192.0.2.2", SPORT)


def opens(data, keys):
    try:
        return bool(quic.Long(data).open(keys))
    except quic.Malformed:
        return False


def client():
    flow = talk_quic.QuicFlow({"af": 4, "sport": SPORT, "dst": "192.0.2.1", "dport": 5001, "first": 3000})
    flow.close()
    return flow


def refused(take, *args):
    try:
        list(take(*args) or ())
    except (quic.Malformed, Wrong):
        return True
    return False


def altered(data, at):
    return data[:at] + bytes([data[at] ^ 0x80 if at else data[at] ^ 0x40]) + data[at + 1 :]


async def main():
    # RFC 9001 A.1
    dcid = bytes.fromhex("8394c8f03e515708")
    keys = quic.Keys(dcid, b"client")
    secret = quic.expand(quic.hmac(quic.SALT, dcid), b"client in", 32)
    ok("the client's secret", secret.hex() == "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea")
    ok("its key", quic.expand(secret, b"quic key", 16).hex() == "1f369613dd76d5467730efcbe3b1a22d")
    ok("its IV", keys.iv == 0xFA044B2F42A3FD3B46FB255C)

    (frames,) = talk_quic.pieces(SPORT)
    first = quic.initial(keys, dcid, talk_quic.scid("client", SPORT), 7, frames, quic.DATAGRAM)
    ok("an Initial is as long as it is to be", len(first) == quic.DATAGRAM)
    ok("it opens", quic.Long(first).open(keys).rstrip(b"\0") == frames.rstrip(b"\0"))
    some = [*range(60), *range(60, len(first), 47)]
    ok("no byte of it can be another", not any(opens(altered(first, at), keys) for at in some))
    ok("nor can it be cut", not any(opens(first[:size], keys) for size in some))

    server = talk_quic.QuicServer.__new__(talk_quic.QuicServer)
    server.abort()
    flow = client()
    flow.dcid = dcid
    for answer in server.answers(first, PEER):
        flow.take(answer)
    ok("the server's greeting is taken, and its id learnt", flow.peer == server.connections[PEER].scid and len(flow.peer) == 20)
    answer = list(server.answers(first, PEER))[0]
    ok("a greeting with another byte is not", all(refused(flow.take, altered(answer, at)) for at in some))
    done = quic.handshake(flow.peer, flow.scid, pattern(SPORT, False, talk_quic.NOISE))
    ok("the client's Handshake is taken", not refused(server.answers, done, PEER))
    ok("another is not", refused(server.answers, done[:-1] + b"!", PEER))

    flow.key, flow.answer, flow.got = SPORT << 32, 3000, set()
    request = talk_quic.short(flow.peer, True, talk_quic.filled(talk_quic.ASK.pack(flow.key, 120, 3000), 120))
    answers = list(server.answers(request, PEER))
    ok("an answer comes in parts", len(answers) == 3)
    for part in reversed(answers):
        ok("and is not whole before", not flow.whole())
        flow.take(part)
    ok("in any order", flow.whole())
    ok("the spin bit comes back as it was sent", all(talk_quic.spins(part) for part in answers))
    ok("and is turned round for the next request", not flow.spin)
    ok("a request with another byte is seen", all(refused(server.answers, altered(request, at), PEER) for at in range(1, len(request))))
    ok("an answer with another byte, too", all(refused(flow.take, altered(answers[0], at)) for at in range(1, len(answers[0]))))
    ok("so is a request that is cut", all(refused(server.answers, request[:size], PEER) for size in range(22, len(request))))
    for sport in SPORT + 1, SPORT + 2:
        peer, ids = (PEER[0], sport), (dcid, talk_quic.scid("client", sport))
        one, two = (quic.initial(keys, *ids, at, frame, quic.DATAGRAM) for at, frame in enumerate(talk_quic.pieces(sport)))
        ok("half a greeting is not answered", list(server.answers(one, peer)) == [])
        ok("the whole one is", len(list(server.answers(two, peer))) == 1)
    probe = request[:21]
    ok("what is too short to be sealed is discarded", not refused(server.answers, probe, PEER) and server.discarded == 1)
    ok("... where the id is the connection's", refused(server.answers, altered(probe, 3), PEER) and server.discarded == 1)
    ok("a client gets no such datagram", refused(flow.take, probe) and refused(flow.take, b""))


asyncio.run(main())
finish()
