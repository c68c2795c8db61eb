#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of UDP flows that are not QUIC. Each end knows what its peer sends and reports all else.

    udp.py serve KIND ADDR PORT [PERIOD]
    udp.py talk KIND ADDR PORT SPORT [PERIOD [COUNT]]
    udp.py expire ADDR PORT SPORT TTL
        as talk echo, and for every fifth datagram one more, which leaves with this TTL: its ICMP errors are
        this flow's own

KIND        echo        a datagram each 50 ms, of 24 to 1200 bytes; each is answered by its like
            rtp         a call: 172 bytes each 20 ms, both ways, with RTP's header (RFC 3550 5.1)
            wireguard   a handshake, then a keep-alive each 10 s, which is answered; sizes and types of
                        WireGuard's messages
PERIOD      seconds between datagrams, if not those, or SLOWER (in the environment) times those
COUNT       datagrams, then it ends as by SIGTERM

Every datagram is numbered and sealed by a key that both ends know, so that no other can be taken for
one. Errors of the socket are asked for (IP_RECVERR): any ICMP error for the flow shows. SIGTERM ends
either; who talks says farewell first and waits for the answer, so end the talkers before the server.
SIGUSR1 puts a talker on hold: it is silent until the next one.
Printed:

    ready | talking         serving; the first answer has come
    holding                 on hold: all that was sent was answered, or had a second to be
    foreign FROM HEX        a datagram that the peer did not send
    error NAME              the socket's, by ICMP or at home
    sent=N received=N lost=N duplicates=N late=N foreign=N errors=N
                            lost: numbers missing below the highest; late: came behind a higher one.
                            received counts each number once
"""
import errno
import hashlib
import os
import select
import signal
import socket
import struct
import sys
import time

KEY = b"both ends know this"
UP, DOWN = b"up", b"down"
PERIODS = {"echo": 0.05, "rtp": 0.02, "wireguard": 10.0}
SLOWER = float(os.environ.get("SLOWER", "1"))
RETRY = 5.0  # a handshake that is not answered (WireGuard's REKEY_TIMEOUT)
BYE = 1 << 62  # the number of the last datagram: nothing is sent to who is gone
IP_RECVERR, IPV6_RECVERR = 11, 25  # which this module's socket may not name


def seal(way, data):
    return hashlib.blake2s(way + data, key=KEY, digest_size=8).digest()


class Echo:
    @staticmethod
    def head(_way, _number):
        return b""

    @staticmethod
    def size(_way, number):
        return 24 + number * 37 % 1177


class Rtp:
    @staticmethod
    def head(way, number):
        return struct.pack(">BBHII", 0x80, 111, number & 0xFFFF, number * 960 & 0xFFFFFFFF, len(way))

    @staticmethod
    def size(_way, _number):
        return 172


class WireGuard:
    """Number 0 of either way is its part of the handshake."""

    @staticmethod
    def head(way, number):
        if number > 0:
            return struct.pack("<II", 4, len(way))
        return struct.pack("<II", 1, 1) if way == UP else struct.pack("<III", 2, 2, 1)

    @staticmethod
    def size(way, number):
        if number > 0:
            return 32
        return 148 if way == UP else 92


KINDS = {"echo": Echo, "rtp": Rtp, "wireguard": WireGuard}


def wrap(kind, way, number):
    data = kind.head(way, number) + struct.pack("<Q", number)
    data += os.urandom(kind.size(way, number) - len(data) - 8)
    return data + seal(way, data)


def unwrap(kind, way, data):
    """The number of a datagram of that way; -1 for what is none."""
    if len(data) < 16 or seal(way, data[:-8]) != data[-8:]:
        return -1
    for head in {len(kind.head(way, 0)), len(kind.head(way, 1))}:
        number = struct.unpack("<Q", data[head : head + 8])[0] if len(data) >= head + 16 else -1
        if number >= 0 and data[:head] == kind.head(way, number) and len(data) == kind.size(way, number):
            return number
    return -1


class Seen:
    """The numbers that came from one peer, and those that go to it."""

    def __init__(self):
        self.numbers = set()
        self.highest = -1
        self.next = 0
        self.gone = False

    def lost(self):
        return self.highest + 1 - len(self.numbers)


class End:
    def __init__(self, name, way):
        self.kind = KINDS[name]
        self.out, self.back = way, DOWN if way == UP else UP
        self.sent = self.duplicates = self.late = self.foreign = self.errors = 0
        self.peers = {}
        self.stopped = self.held = False
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGUSR1, self.hold)

    def stop(self, *_):
        self.stopped = True

    def hold(self, *_):
        self.held = not self.held

    def open(self, addr):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        self.socket.setblocking(False)

    def send(self, peer, to=None):
        self.post(peer.next, to)
        peer.next += 1
        self.sent += 1

    def post(self, number, to=None):
        data = wrap(self.kind, self.out, number)
        try:
            self.socket.sendto(data, to) if to else self.socket.send(data)
        except OSError as error:
            self.failed(error)

    def failed(self, error):
        """The error, and the queued notes of it, of which each would be reported once more."""
        self.errors += 1
        print("error", errno.errorcode.get(error.errno, error.errno), flush=True)
        try:
            while True:
                self.socket.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
        except OSError:
            pass

    def receive(self, deadline):
        """(peer, its address, number) of each good datagram that is there by the deadline, at most one wait."""
        ready, _, _ = select.select([self.socket], [], [], max(0.0, min(0.2, deadline - time.monotonic())))
        while ready:
            try:
                data, address = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError as error:
                self.failed(error)
                continue
            number = unwrap(self.kind, self.back, data)
            if number < 0:
                self.foreign += 1
                print("foreign", address[0], address[1], data.hex(), flush=True)
                continue
            peer = self.peers.setdefault(address, Seen())
            if number == BYE:
                peer.gone = True
                yield peer, address, number
                continue
            if number in peer.numbers:
                self.duplicates += 1
                continue
            self.late += number < peer.highest
            peer.numbers.add(number)
            peer.highest = max(peer.highest, number)
            yield peer, address, number

    def report(self):
        received = sum(len(peer.numbers) for peer in self.peers.values())
        lost = sum(peer.lost() for peer in self.peers.values())
        print(
            f"sent={self.sent} received={received} lost={lost} duplicates={self.duplicates} "
            f"late={self.late} foreign={self.foreign} errors={self.errors}",
            flush=True,
        )


def serve(name, addr, port, period=None):
    end = End(name, DOWN)
    end.open(addr)
    end.socket.bind((addr, int(port)))
    print("ready", flush=True)
    period = float(period or PERIODS[name] * SLOWER)
    due = time.monotonic()
    while not end.stopped:
        for peer, address, number in end.receive(due if name == "rtp" else time.monotonic() + 1):
            if number == BYE:
                end.post(BYE, address)
            elif name != "rtp":
                end.send(peer, address)
        now = time.monotonic()
        if name == "rtp" and now >= due:
            due = max(due + period, now - period)
            for address, peer in end.peers.items():
                if not peer.gone:
                    end.send(peer, address)
    end.report()


def farewell(end):
    """The server answers; it may be gone itself."""
    for _ in range(50):
        end.post(BYE)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            if any(number == BYE for _, _, number in end.receive(deadline)) or end.errors:
                return


def on_hold(end):
    """Until SIGUSR1 comes again; what is under way comes in first."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        for _ in end.receive(deadline):
            pass
    print("holding", flush=True)
    while end.held and not end.stopped:
        for _ in end.receive(time.monotonic() + 1):
            pass


def send_short(end, number, ttl):
    """A datagram of the flow's own that does not come far."""
    six = end.socket.family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if six else (socket.IPPROTO_IP, socket.IP_TTL)
    usual = end.socket.getsockopt(level, option)
    end.socket.setsockopt(level, option, ttl)
    end.post(number)
    end.socket.setsockopt(level, option, usual)


def talk(name, addr, port, sport, period=None, count=None, short=0):
    end = End(name, UP)
    end.open(addr)
    end.socket.bind(("", int(sport)))
    end.socket.connect((addr, int(port)))
    period = float(period or PERIODS[name] * SLOWER)
    most = int(count or BYE)
    me = Seen()
    answered = False
    due = time.monotonic()
    while not end.stopped and end.sent < most:
        now = time.monotonic()
        if now >= due:
            if name == "wireguard" and not answered:
                me.next = 0
                due = now + RETRY
            else:
                due = max(due + period, now - period)
            end.send(me)
            if short and me.next % 5 == 0:
                send_short(end, me.next, short)
        if end.held:
            on_hold(end)
            due = time.monotonic()
        for _ in end.receive(due):
            if not answered:
                answered = True
                due = min(due, time.monotonic() + period)
                print("talking", flush=True)
    if answered:
        farewell(end)
    end.report()


def expire(addr, port, sport, ttl):
    talk("echo", addr, port, sport, short=int(ttl))


if __name__ == "__main__":
    {"serve": serve, "talk": talk, "expire": expire}[sys.argv[1]](*sys.argv[2:])
