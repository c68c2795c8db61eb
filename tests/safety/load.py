#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A household's load of known shape, which tells afterwards what became of it.

    load.py serve PORT [RATE]                the servers' end
    load.py run ENOUGH PORT RATE ADDRESS...  the clients', until the file ENOUGH exists

To each ADDRESS there are, all at once:
- two TCP connections, on which both ends send all the time, 16 KiB each 20 ms (LOAD_PAUSE, in seconds); each end compares what it gets
  with what its peer must have sent, byte for byte;
- a UDP flow of RATE numbered datagrams a second, each of which is echoed;
- a new TCP connection each 100 ms (five pauses), which asks a byte and gets one.

`serve` says ready, `run` says under way when all flows speak, and at last one line:
    connections=N broken=N      of TCP: broken are those that ended before they should, or brought other bytes
    unreached=N                 new ones for which somebody said that there is no way
    mbytes=N                    carried by them, both ways
    sent=N lost=N late=N        datagrams and echoes: lost on either way, overtaken by a later one
    errors=N                    of the UDP sockets: ICMP
    gap=N                       the longest time, in ms, that no echo came in one of the UDP flows
"""
import errno
import os
import random
import select
import socket
import struct
import sys
import threading
import time

PATIENCE = 60  # seconds that a connection may stand still
STEP = 16384
PAUSE = float(os.environ.get("LOAD_PAUSE", "0.02"))
TAIL = 8  # bytes behind the server's last: how many it got
GRACE = 2.0  # seconds without one that say that no more datagrams come
PATTERN = random.Random(1).randbytes(65521)
TWICE = PATTERN * 2
SO_RCVBUFFORCE = 33


class Wrong(Exception):
    """Not the bytes that the peer has sent."""


def piece(at, size):
    at %= len(PATTERN)
    return TWICE[at : at + size]


def stream(sock, enough):
    """Sends the pattern until it is enough; returns how much."""
    total = 0
    while not enough():
        sock.sendall(piece(total, STEP))
        total += STEP
        time.sleep(PAUSE)
    return total


def compare(sock, tail):
    """Receives the pattern to the end; how much it was, and the `tail` bytes behind it."""
    total, kept = 0, b""
    while data := sock.recv(STEP):
        data = kept + data
        kept = data[len(data) - tail :] if tail else b""
        data = data[: len(data) - tail] if tail else data
        if data != piece(total, len(data)):
            raise Wrong
        total += len(data)
    return total, kept


def tcp(address, port, word):
    sock = socket.create_connection((address, port), PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(word)
    return sock


def udp(address):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    return sock


# --- the servers' end ------------------------------------------------------------------------------


def answer(sock, flows):
    with sock:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        word = sock.recv(1)
        if word == b"V":
            sock.sendall(b"v")
        elif word == b"Q":
            number = struct.unpack(">Q", sock.recv(8, socket.MSG_WAITALL))[0]
            sock.sendall(struct.pack(">Q", flows.get(number, 0)))
        elif word == b"L":
            done = threading.Event()
            sender = threading.Thread(target=lambda: stream(sock, done.is_set))
            sender.start()
            try:
                total, _ = compare(sock, 0)
            finally:
                done.set()
                sender.join()
            sock.sendall(struct.pack(">Q", total))


def quietly(work, *words):
    """What breaks is counted at the clients' end."""
    try:
        work(*words)
    except (OSError, Wrong, struct.error):
        pass


def echo(sock, flows):
    while True:
        data, peer = sock.recvfrom(2048)
        number = struct.unpack(">Q", data[:8])[0]
        flows[number] = flows.get(number, 0) + 1
        quietly(sock.sendto, data, peer)


def serve(port):
    flows = {}
    for address in ("0.0.0.0", "::"):
        sock = udp(address)
        if address == "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        threading.Thread(target=echo, args=(sock, flows), daemon=True).start()
    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=quietly, args=(answer, sock, flows), daemon=True).start()


# --- the clients' ----------------------------------------------------------------------------------


class Load:
    def __init__(self, enough, port, rate):
        self.file, self.port, self.rate = enough, port, rate
        self.over = False
        self.lock = threading.Lock()
        self.sum = dict.fromkeys("connections broken unreached mbytes sent lost late errors gap".split(), 0)
        self.speaking = set()

    def enough(self):
        return self.over

    def add(self, **numbers):
        with self.lock:
            for key, value in numbers.items():
                self.sum[key] += value

    def broken(self, what, error):
        print(f"# {what}: {error!r}", flush=True)
        self.add(broken=1)

    def long(self, name, address):
        self.add(connections=1)
        sent = []
        try:
            with tcp(address, self.port, b"L") as sock:
                def send():
                    quietly(lambda: sent.append(stream(sock, self.enough)))
                    quietly(sock.shutdown, socket.SHUT_WR)

                sender = threading.Thread(target=send)
                sender.start()
                self.speaking.add(name)
                total, tail = compare(sock, TAIL)
                sender.join()
            if not sent or tail != struct.pack(">Q", sent[0]):
                raise Wrong
            self.add(mbytes=(total + sent[0]) / 1e6)
        except (OSError, Wrong) as error:
            self.broken(f"connection to {address}", error)

    def short(self, address):
        def visit():
            self.add(connections=1)
            try:
                with tcp(address, self.port, b"V") as sock:
                    if sock.recv(1) != b"v":
                        raise Wrong
            except OSError as error:
                if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                    self.add(unreached=1)
                else:
                    self.broken(f"new connection to {address}", error)
            except Wrong as error:
                self.broken(f"new connection to {address}", error)

        visits = []
        while not self.over:
            visits.append(threading.Thread(target=visit))
            visits[-1].start()
            time.sleep(5 * PAUSE)
        for one in visits:
            one.join()

    def datagrams(self, name, address):
        sock = udp(address)
        sock.connect((address, self.port))
        key = random.getrandbits(63)
        sent = got = late = errors = 0
        highest, last, gap = -1, time.monotonic(), 0.0
        due, end = last, None
        while True:
            now = time.monotonic()
            if self.over and end is None:
                end = now + GRACE
                gap = max(gap, now - last)
            if end and (now > end or got == sent):
                break
            while not self.over and now >= due and sent < 1 << 31:
                try:
                    sock.send(struct.pack(">QQ", key, sent) + bytes(100))
                except OSError:
                    errors += 1  # told about an earlier one, or not sent: both are lost, then
                sent += 1
                due = max(due + 1 / self.rate, now - 0.05)
            if not select.select([sock], [], [], max(0.0, min(due, now + 0.05) - now) if not end else 0.02)[0]:
                continue
            try:
                number = struct.unpack(">QQ", sock.recv(2048)[:16])[1]
            except OSError:
                errors += 1
                continue
            now = time.monotonic()
            if got and not end:
                gap = max(gap, now - last)
            end = end and now + GRACE
            last = now
            got += 1
            late += number < highest
            highest = max(highest, number)
            self.speaking.add(name)
        with tcp(address, self.port, b"Q" + struct.pack(">Q", key)) as ask:
            there = struct.unpack(">Q", ask.recv(8, socket.MSG_WAITALL))[0]
        self.add(sent=sent + there, lost=sent - got, late=late, errors=errors)
        with self.lock:
            self.sum["gap"] = max(self.sum["gap"], gap * 1000)

    def run(self, addresses):
        threads = []
        for address in addresses:
            for i in range(2):
                threads.append(threading.Thread(target=self.long, args=((address, i), address)))
            threads.append(threading.Thread(target=self.short, args=(address,)))
            threads.append(threading.Thread(target=self.datagrams, args=((address, "udp"), address)))
        for one in threads:
            one.start()
        while len(self.speaking) < 3 * len(addresses) and not os.path.exists(self.file):
            time.sleep(0.01)
        print("under way", flush=True)
        while not os.path.exists(self.file):
            time.sleep(0.02)
        self.over = True
        for one in threads:
            one.join()
        print(" ".join(f"{key}={value:.0f}" for key, value in self.sum.items()), flush=True)


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        Load(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run(sys.argv[5:])
