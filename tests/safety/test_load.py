#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of load.py, in TAP: a byte that differs, datagrams that are lost or overtaken are seen, and nothing else is."""
import os
import socket
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import load  # noqa: E402
from tap import finish, same  # noqa: E402


def compared(data, tail=0):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            return load.compare(ours, tail)
        except load.Wrong:
            return "wrong"


def counted(echoes):
    """What is lost and late of a UDP flow whose server answers datagram NUMBER by echoes(NUMBER, DATA)."""
    server = load.udp("127.0.0.1")
    server.bind(("127.0.0.1", 0))
    port, flows = server.getsockname()[1], {}
    listener = socket.create_server(("127.0.0.1", port))

    def echo():
        while True:
            data, peer = server.recvfrom(2048)
            key, number = struct.unpack(">QQ", data[:16])
            flows[key] = flows.get(key, 0) + 1
            for one in echoes(number, data):
                server.sendto(one, peer)

    def tell():
        load.quietly(load.answer, listener.accept()[0], flows)

    for work in (echo, tell):
        threading.Thread(target=work, daemon=True).start()
    clients = load.Load("", port, 200)
    threading.Timer(1, lambda: setattr(clients, "over", True)).start()
    clients.datagrams("udp", "127.0.0.1")
    return clients.sum["lost"], clients.sum["late"]


def overtaken(held):
    def echoes(number, data):
        if number == 10:
            held.append(data)
            return []
        return [data] + [held.pop() for _ in held[:]]

    return echoes


DATA = load.piece(0, 50000)
same("the pattern is the pattern, and the tail is behind it", compared(DATA + b"behindit", 8), (50000, b"behindit"))
same("a byte that differs is seen", compared(DATA[:40000] + bytes([DATA[40000] ^ 1]) + DATA[40001:]), "wrong")
same("one that is missing is seen", compared(DATA[:100] + DATA[101:]), "wrong")
same("one that comes twice is seen", compared(DATA[:100] + DATA[99:]), "wrong")
same("nothing is lost where nothing is", counted(lambda number, data: [data]), (0, 0))
same("each loss is counted", counted(lambda number, data: [data] * (number not in (10, 20, 21))), (3, 0))
same("what is overtaken is late, and not lost", counted(overtaken([])), (0, 1))
finish()
