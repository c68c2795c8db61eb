#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of the flows that cross a synthetic internet: real sockets, whose every byte is compared.

talk.py server PORT     in the server's namespace
talk.py client          in the client's

A client asks, on one connection again and again, for so and so many bytes, which both ends can work
out from the request's key; so each sees at once what is not what the other has sent. A flow is TCP or QUIC
(`proto`: tcp, quic; talk_quic.py). Orders come on
standard input, one JSON object a line, and each gets one line of JSON back; end of input is the end:

    {"do": "open", "flows": [{"proto": "tcp", "af": 4, "sport": 20000, "dst": A, "dport": P, "first": BYTES}, ...]}
                            a flow with "src" comes from that address of the client's
    {"do": "close", "sports": [...]}    ends these flows when their requests are answered: TCP's by FIN, every other one
                            by RST; what their errors were is answered
    {"do": "status"}        per flow: requests, bytes, error (null: none); the ICMP errors that came; of QUIC servers
                            how many datagrams were discarded unread
    {"do": "finish"}        waits until no request is under way; then as status. Flows stay open
    {"do": "abort"}         closes all connections with a reset, at once, and forgets them
"""

import asyncio
import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from talk_flow import Flow, Wrong, pattern  # noqa: E402
from talk_quic import QuicFlow, QuicServer  # noqa: E402

HEAD = struct.Struct("!4sIIQ")  # magic, length of the request, length of the answer, key
MAGIC = b"ask!"
ICMP_ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}


def request(key, length, answer):
    return HEAD.pack(MAGIC, length, answer, key) + pattern(key, False, length - HEAD.size)


async def receive(loop, sock, length):
    """`length` bytes; fewer only where the other end closed in between."""
    got = b""
    while len(got) < length:
        more = await loop.sock_recv(sock, length - len(got))
        if not more:
            break
        got += more
    return got


def close_hard(sock):
    """Nothing of the connection stays: no retransmission falls into what is built next."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Server:
    def __init__(self, port):
        self.loop = asyncio.get_running_loop()
        self.errors = []
        self.tasks = {}  # task -> socket
        self.quic = QuicServer(port)
        self.listeners = [self.listener(family, port) for family in (socket.AF_INET, socket.AF_INET6)]

    def listener(self, family, port):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", port))
        sock.listen(512)
        sock.setblocking(False)
        return self.loop.create_task(self.accept(sock))

    async def accept(self, listener):
        while True:
            sock, peer = await self.loop.sock_accept(listener)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self.loop.create_task(self.serve(sock, peer))
            self.tasks[task] = sock

    async def serve(self, sock, peer):
        try:
            while await self.answer(sock):
                pass
        except (OSError, Wrong) as error:
            self.errors.append(f"{peer[0]} port {peer[1]}: {error}")

    async def answer(self, sock):
        head = await receive(self.loop, sock, HEAD.size)
        if not head:
            return False
        magic, length, answer, key = HEAD.unpack(head.ljust(HEAD.size, b"\0"))
        if magic != MAGIC or length < HEAD.size or length > 65536:
            raise Wrong("a request does not begin as one")
        body = await receive(self.loop, sock, length - HEAD.size)
        if body != pattern(key, False, length - HEAD.size):
            raise Wrong("a request's bytes are not those that were sent")
        await self.loop.sock_sendall(sock, pattern(key, True, answer))
        return True

    def status(self):
        return {"errors": self.errors + self.quic.errors, "discarded": self.quic.discarded}

    async def abort(self):
        await end_tasks(self.tasks)
        for sock in self.tasks.values():
            close_hard(sock)
        self.tasks, self.errors = {}, []
        self.quic.abort()


class TcpFlow(Flow):
    """One connection of the client."""

    def __init__(self, order):
        super().__init__(order)
        self.sock = socket.socket(socket.AF_INET6 if self.af == 6 else socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)

    async def connect(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.bind((self.src, self.sport))
        await self.loop.sock_connect(self.sock, (self.dst, self.dport))

    async def exchange(self, key, length, answer):
        await self.loop.sock_sendall(self.sock, request(key, length, answer))
        got = await receive(self.loop, self.sock, answer)
        if len(got) < answer:
            raise Wrong("the connection ended")
        if got != pattern(key, True, answer):
            raise Wrong("an answer's bytes are not those that were sent")

    def close(self):
        close_hard(self.sock)

    def leave(self):
        if self.sport % 2:
            self.sock.close()
        else:
            close_hard(self.sock)


FLOWS = {"tcp": TcpFlow, "quic": QuicFlow}


class Client:
    def __init__(self):
        self.flows = {}  # task -> flow
        self.icmp = []
        self.loop = asyncio.get_running_loop()
        for af, family, protocol in (4, socket.AF_INET, socket.IPPROTO_ICMP), (6, socket.AF_INET6, socket.IPPROTO_ICMPV6):
            sock = socket.socket(family, socket.SOCK_RAW, protocol)
            sock.setblocking(False)
            self.loop.add_reader(sock, self.hear, af, sock)

    def hear(self, af, sock):
        """Notes an ICMP error: what the client's own stack gets to see."""
        packet, peer = sock.recvfrom(2048)
        message = packet[(packet[0] & 15) * 4 :] if af == 4 else packet
        if len(message) < 28 or message[0] not in ICMP_ERRORS[af]:
            return
        quote = message[8:]
        length = int.from_bytes(quote[2:4] if af == 4 else quote[4:6], "big") + (0 if af == 4 else 40)
        port = quote[(quote[0] & 15) * 4 :] if af == 4 else quote[40:]
        self.icmp.append({"af": af, "from": peer[0], "type": message[0], "code": message[1], "quoted_length": length,
                          "quoted_port": int.from_bytes(port[:2], "big")})  # fmt: skip

    def open(self, orders):
        for order in orders:
            flow = FLOWS[order["proto"]](order)
            self.flows[self.loop.create_task(flow.run())] = flow

    def status(self):
        return {"flows": [flow.status() for flow in self.flows.values()], "icmp": self.icmp}

    async def finish(self):
        for flow in self.flows.values():
            flow.finish.set()
        for flow in self.flows.values():
            await flow.idle.wait()

    async def close(self, sports):
        """Their errors."""
        leaving = {task: flow for task, flow in self.flows.items() if flow.sport in sports}
        for flow in leaving.values():
            flow.finish.set()
        for task, flow in leaving.items():
            await flow.idle.wait()
            flow.leave()
            del self.flows[task]
        return {"errors": [f"sport {flow.sport}: {flow.error}" for flow in leaving.values() if flow.error]}

    async def abort(self):
        await end_tasks(self.flows)
        for flow in self.flows.values():
            flow.close()
        self.flows, self.icmp = {}, []


async def end_tasks(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def obey(end, order):
    if order["do"] == "open":
        end.open(order["flows"])
    elif order["do"] == "close":
        return await end.close(order["sports"])
    elif order["do"] == "finish":
        await end.finish()
    elif order["do"] == "abort":
        await end.abort()
    return end.status()


async def main(args):
    end = Server(int(args[1])) if args[0] == "server" else Client()
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(json.dumps({"ready": True}), flush=True)
    while line := await orders.readline():
        print(json.dumps(await obey(end, json.loads(line))), flush=True)


if __name__ == "__main__":
    if not sys.argv[1:] or sys.argv[1] not in ("server", "client"):
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1:]))
