#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ends.py: the clients of `make noneffect`, in a namespace of theirs.

Orders come on standard input, one JSON object a line; each is a number of flows, which run at the same time, and gets
one line back when all have ended:

    {"flows": [{"kind": "down", "af": 4, "dst": A, "sport": P, "bytes": N}, ...]}
    {"flows": [{"sport": P, "good": true, "again": 0, "sent": 1, "error": null}, ...]}

down    fetches N bytes from nginx, whose last packet is a FIN; good: they are the bytes that were laid there
up      gives N bytes to nginx, under the name of the flow's port; the server's side compares them
h3      fetches N bytes from ngtcp2's server, over HTTP/3, with its client; good: as above. The number for the source port is a
        name: the first id that the client gives the server says it
quic    asks N times for a few datagrams; every datagram is compared; `again` of `sent` requests were sent again
mark    one UDP datagram, for those who capture
"""

import asyncio
import functools
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "netsim"))
import ground  # noqa: E402
import talk_quic  # noqa: E402
from talk_flow import Wrong  # noqa: E402

HTTP, H3 = 80, 443
CLIENT, SERVER = "gtlsclient", "gtlsserver"  # ngtcp2's
NAME = b"none"  # and a flow's number, as a connection id
PATIENCE = 60
TURN = 4 * talk_quic.PART  # bytes of an answer: more of them, and the ends' own time is what differs
MARK = b"noneffect: no flow is under way"


@functools.lru_cache
def content(length):
    """What is fetched and given: no part of it is like another."""
    return hashlib.shake_128(b"noneffect").digest(length)


def connected(order):
    sock = socket.socket(socket.AF_INET6 if order["af"] == 6 else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", order["sport"]))
    sock.connect((order["dst"], HTTP))
    return sock


def rest_of(sock):
    parts = []
    while part := sock.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)


def fetch(order):
    with connected(order) as sock:
        sock.sendall(b"GET /%d HTTP/1.1\r\nHost: s.example\r\nConnection: close\r\n\r\n" % order["bytes"])
        head, _, body = rest_of(sock).partition(b"\r\n\r\n")
    return {"good": head.startswith(b"HTTP/1.1 200") and body == content(order["bytes"])}


def give(order):
    with connected(order) as sock:
        sock.sendall(
            b"PUT /up/%d HTTP/1.1\r\nHost: s.example\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            % (order["sport"], order["bytes"])
            + content(order["bytes"])
        )
        return {"good": rest_of(sock).startswith(b"HTTP/1.1 201")}


def fetch_h3(order):
    number = (NAME + order["sport"].to_bytes(4, "big")).hex()
    with tempfile.TemporaryDirectory(prefix="noneffect-") as folder:
        done = subprocess.run(
            [CLIENT, "-q", "--exit-on-all-streams-close", "--dcid=" + number, "--sni=s.example", "--download=" + folder]
            + [order["dst"], str(H3), h3_url(order["bytes"])],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Wrong(f"{CLIENT} ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]}")
        with open(f"{folder}/{h3_file(order['bytes'])}", "rb") as file:
            return {"good": file.read() == content(order["bytes"])}


def h3_file(length):
    """Digits alone would ask ngtcp2's server for so many bytes of its own."""
    return f"f{length}"


def h3_url(length):
    return "https://s.example/" + h3_file(length)


class Counted(talk_quic.QuicFlow):
    """A QUIC flow that counts what it sends on short headers."""

    sent = 0

    async def send(self, data):
        self.sent += not data[0] & 0x80
        await super().send(data)


async def exchange(order):
    flow = Counted(order | {"dport": ground.PORT, "first": 0})
    try:
        await asyncio.wait_for(flow.connect(), PATIENCE)
        for number in range(order["bytes"]):
            key = order["sport"] << 32 | number
            await asyncio.wait_for(flow.exchange(key, 120, TURN), PATIENCE)
    finally:
        flow.close()
    return {"good": True, "sent": flow.sent, "again": flow.sent - order["bytes"]}


def mark(order):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(MARK, (order["dst"], 9))
    return {"good": True}


def run(order, said):
    kinds = {"down": fetch, "up": give, "h3": fetch_h3, "mark": mark, "quic": lambda o: asyncio.run(exchange(o))}
    result = {"sport": order["sport"], "good": False, "again": 0, "sent": 1, "error": None}
    try:
        result |= kinds[order["kind"]](order)
    except (OSError, Wrong, asyncio.TimeoutError, subprocess.TimeoutExpired) as error:
        result["error"] = str(error) or type(error).__name__
    said.append(result)


def main():
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        said = []
        threads = [threading.Thread(target=run, args=(order, said)) for order in json.loads(line)["flows"]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(json.dumps({"flows": said}), flush=True)


if __name__ == "__main__":
    main()
