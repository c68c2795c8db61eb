# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of QUIC flows: the handshake's packets as quic.py writes them, then short headers both ways.

    client                                       server
    Initial: ClientHello, 1200 bytes ----------> opens it
                       <------------------------ Initial, Handshake: the server's connection id
    Handshake; short: a request ---------------> compares it
                       <------------------------ short: its answer, in as many datagrams as it takes
    the next request, a pause later -----------> ...

What is not answered is sent again. Every datagram is compared with what the other end sends; any other is an error. But a
server discards unread what is too short to have been sealed (RFC 9001 5.4.2): `discarded` counts that.
The spin bit spins (RFC 9000 17.4). Lengths of connection ids differ from flow to flow; so do those of greetings: a long one
comes in two Initials, the latter part of some first.
"""

import asyncio
import hashlib
import os
import re
import socket
import struct

import quic
from talk_flow import Flow, Wrong, host, pattern

ASK = struct.Struct("!QHI")  # key, length of this request, length of the answer
ANSWER = struct.Struct("!QII")  # key, length of the answer, where this part of it begins
PART = 1100  # bytes of an answer in one datagram
MOST = 12000  # bytes of an answer: more than a burst of these is no way to begin
PIECE = 900  # bytes of a greeting in one Initial
SHARES = (32, 1216, 1216)  # bytes of a greeting's key: three kinds of flows
NOISE = 60  # bytes of what would be the handshake's secret part
UNREAD = 21  # bytes that are too few to be sealed
AGAIN = 1  # seconds without an answer (RFC 9002 6.2.2)
SCIDS = {"client": (0, 8, 5, 20), "server": (8, 20, 4, 18, 1)}  # lengths


def scid(end, sport):
    lengths = SCIDS[end]
    return pattern(sport, end == "server", 20)[: lengths[sport % len(lengths)]]


def greeting(sport):
    return quic.client_hello(host(sport), pattern(sport, False, 32), pattern(sport, False, SHARES[sport % 3]))


def pieces(sport):
    """The CRYPTO frames of a greeting, one for each Initial, as they are sent."""
    data = greeting(sport)
    frames = [quic.crypto(data[at : at + PIECE], at) for at in range(0, len(data), PIECE)]
    return frames[::-1] if sport % 3 == 2 else frames


def filled(head, size):
    """A body of so many bytes, all of which the head tells."""
    return head + hashlib.shake_128(head).digest(size - len(head))


def short(dcid, spin, body):
    first = 0x40 | (quic.SPIN if spin else 0) | os.urandom(1)[0] & 0x1F
    return bytes([first]) + dcid + body


def body_of(data, dcid, size):
    """What follows the id in a short-header packet."""
    if data[0] >> 6 != 1 or data[1 : 1 + len(dcid)] != dcid or len(data) < 1 + len(dcid) + size:
        raise Wrong(f"a datagram of {len(data)} bytes that was never sent: {data[:24].hex()}")
    return data[1 + len(dcid) :]


def spins(data):
    return bool(data[0] & quic.SPIN)


class QuicFlow(Flow):
    """One connection of the client."""

    def __init__(self, order):
        super().__init__(order)
        self.first = min(self.first, MOST)
        self.dcid, self.scid = os.urandom(8), scid("client", self.sport)
        self.peer = None  # the server's id
        self.key = -1  # of the newest request
        self.spin = False
        self.sock = socket.socket(socket.AF_INET6 if self.af == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)

    async def connect(self):
        self.sock.bind((self.src, self.sport))
        self.sock.connect((self.dst, self.dport))
        keys = quic.Keys(self.dcid, b"client")
        number = 0
        while not self.peer:
            for frame in pieces(self.sport):
                await self.send(quic.initial(keys, self.dcid, self.scid, number, frame, quic.DATAGRAM))
                number += 1
            await self.hear(lambda: self.peer)
        await self.send(quic.handshake(self.peer, self.scid, pattern(self.sport, False, NOISE)))

    async def exchange(self, key, length, answer):
        self.key, self.answer, self.got = key, answer, set()
        body = filled(ASK.pack(key, length, answer), length)
        while not self.whole():
            await self.send(short(self.peer, self.spin, body))
            await self.hear(self.whole)

    def whole(self):
        return len(self.got) * PART >= self.answer

    async def send(self, data):
        await self.loop.sock_sendall(self.sock, data)

    async def hear(self, enough):
        """Takes datagrams until there are enough, or none comes for a while."""
        try:
            while not enough():
                self.take(await asyncio.wait_for(self.loop.sock_recv(self.sock, 2048), AGAIN))
        except (asyncio.TimeoutError, TimeoutError):
            pass

    def take(self, data):
        try:
            if data and data[0] & 0x80:
                self.take_long(data)
            else:
                self.take_short(data)
        except quic.Malformed as error:
            raise Wrong(f"a datagram of {len(data)} bytes from the server: {error}") from None

    def take_long(self, data):
        first = quic.Long(data)
        second = quic.Long(first.rest)
        frames = first.open(quic.Keys(self.dcid, b"server"))
        if (first.dcid, second.dcid, first.scid, second.scid) != (self.scid, self.scid) + (scid("server", self.sport),) * 2:
            raise Wrong("the server's connection ids are not those that were sent")
        if frames.rstrip(b"\0") != hello(self.sport).rstrip(b"\0") or second.body != pattern(self.sport, True, NOISE):
            raise Wrong("the server's greeting is not what was sent")
        self.peer = first.scid

    def take_short(self, data):
        body = body_of(data or b"\0", self.scid, ANSWER.size)
        key, length, at = ANSWER.unpack_from(body)
        size = min(PART, length - at)
        if key > self.key or size < 1 or at % PART or body != filled(body[: ANSWER.size], ANSWER.size + size):
            raise Wrong("an answer's bytes are not those that were sent")
        if key == self.key:
            self.got.add(at)
            self.spin = not spins(data)

    def close(self):
        self.sock.close()

    leave = close


def hello(sport):
    """The frames of a server's Initial."""
    return quic.crypto(b"\x02" + pattern(sport, True, 90))


class Connection:
    """One, as the server knows it: both ends' ids, the source port that the greeting names, Initials sent."""

    def __init__(self, client, sport):
        self.client, self.scid, self.sport, self.number = client, scid("server", sport), sport, 0


class QuicServer:
    def __init__(self, port):
        self.errors = []
        self.discarded = 0
        self.connections = {}  # by the client's address
        self.greetings = {}  # by the same: offset -> bytes of what has come
        self.socks = [self.listener(family, port) for family in (socket.AF_INET, socket.AF_INET6)]

    def listener(self, family, port):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", port))
        sock.setblocking(False)
        asyncio.get_running_loop().add_reader(sock, self.hear, sock)
        return sock

    def hear(self, sock):
        try:
            data, peer = sock.recvfrom(2048)
        except OSError:
            return  # an ICMP error about a datagram to a client that is gone
        try:
            for answer in self.answers(data, peer):
                sock.sendto(answer, peer)
        except (quic.Malformed, Wrong, OSError) as error:
            self.errors.append(f"{peer[0]} port {peer[1]}: {error}")

    def answers(self, data, peer):
        known = self.connections.get(peer)
        if data and data[0] & 0x80:
            return self.greet(data, peer)
        if UNREAD - 1 <= len(data) <= UNREAD and data[0] >> 6 == 1:
            if known and data[1 : 1 + len(known.scid)] != known.scid:
                raise Wrong(f"a datagram of {len(data)} bytes with a connection id that is not its own")
            self.discarded += 1
            return []
        return self.serve(known, data) if known else []

    def greet(self, data, peer):
        packet = quic.Long(data)
        if packet.kind == quic.HANDSHAKE:
            known = self.connections.get(peer)
            if not known or packet.dcid != known.scid or packet.body != pattern(known.sport, False, NOISE) or packet.rest:
                raise Wrong("a Handshake packet that was never sent")
            return
        offset, piece = quic.read_crypto(packet.open(quic.Keys(packet.dcid, b"client")))
        parts = self.greetings.setdefault(peer, {})
        parts[offset] = piece
        if len(data) != quic.DATAGRAM or offset not in (0, PIECE):
            raise Wrong("an Initial that was never sent")
        if 0 not in parts or len(parts[0]) == PIECE and PIECE not in parts:
            return
        sport = sport_of(parts[0] + parts.get(PIECE, b""))
        if packet.scid != scid("client", sport):
            raise Wrong("an Initial with another's connection id")
        known = self.connections.setdefault(peer, Connection(packet.scid, sport))
        late = quic.handshake(packet.scid, known.scid, pattern(sport, True, NOISE))
        keys = quic.Keys(packet.dcid, b"server")
        yield quic.initial(keys, packet.scid, known.scid, known.number, hello(sport), quic.DATAGRAM - len(late)) + late
        known.number += 1

    @staticmethod
    def serve(known, data):
        body = body_of(data, known.scid, ASK.size)
        key, size, length = ASK.unpack_from(body)
        if length > MOST or key >> 32 != known.sport or body != filled(body[: ASK.size], max(size, ASK.size)):
            raise Wrong("a request's bytes are not those that were sent")
        for at in range(0, length, PART):
            yield short(known.client, spins(data), filled(ANSWER.pack(key, length, at), ANSWER.size + min(PART, length - at)))

    def abort(self):
        self.connections, self.greetings, self.errors, self.discarded = {}, {}, [], 0


def sport_of(hello):
    """The client's source port: its greeting names it."""
    name = re.search(rb"q([0-9]{1,5})\.quic\.example", hello)
    if not name or hello != greeting(int(name[1])):
        raise Wrong("a greeting that was never sent")
    return int(name[1])
