#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Applications for the tests: connections that last until they are told to end.

flows.py run ENOUGH CA HOST WWW SPEC...   in the client's namespace
flows.py sink ENOUGH PORT                 in the server's: the other end of `bulk-up` and `bulk-down`

SPEC is KIND,ADDRESS,PORT,SOURCE_PORT; with TLS where PORT is 443. All connections run at the same
time, each until the file ENOUGH exists. KIND is what one does, again and again on one connection:

poll       fetches a segment of the video, and pauses
down       fetches /large.bin, a little at a time
up         puts a file of the size of /large.bin, a little at a time
bulk-up    sends as fast as it can
bulk-down  receives as fast as it can

For each, `run` prints `SOURCE_PORT KIND REQUESTS BYTES`, or what was wrong. What is received is
compared with the files in WWW, what was put with those in WWW/upload, what was sent in bulk by
its CRC. 1 if anything differed. SLOWER=N: pauses are N times as long, for machines that are slow.
"""

import http.client
import os
import socket
import ssl
import struct
import sys
import threading
import time
import zlib

PATIENCE = 60  # seconds that anything may take
STEP = 16384  # bytes that a slow transfer moves at a time
PAUSE = 0.05 * float(os.environ.get("SLOWER", "1"))  # seconds between them
BLOCK = os.urandom(1 << 18)
ASK = 100  # bytes of a bulk transfer's request
BULK = 1 << 27  # bytes that it has at least


class Wrong(Exception):
    """What the application sees is not what it should."""


def connect(spec, config):
    family = socket.AF_INET6 if ":" in spec["address"] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(PATIENCE)
    sock.bind(("", spec["source"]))
    sock.connect((spec["address"], spec["port"]))
    if spec["port"] == 443:
        context = ssl.create_default_context(cafile=config["ca"])
        sock = context.wrap_socket(sock, server_hostname=config["host"])
    return sock


def http_of(sock, config):
    conn = http.client.HTTPConnection(config["host"])
    conn.sock = sock
    conn.auto_open = 0  # a second connection would hide that the first one broke
    return conn


def file_of(config, path):
    with open(config["www"] + path, "rb") as f:
        return f.read()


def get(conn, config, path, slowly):
    conn.request("GET", path)
    response = conn.getresponse()
    if response.status != 200:
        raise Wrong(f"GET {path}: {response.status}")
    got = bytearray()
    while part := response.read(STEP if slowly else 1 << 20):
        got += part
        if slowly:
            time.sleep(PAUSE)
    if got != file_of(config, path):
        raise Wrong(f"GET {path}: other bytes than the server's")
    return len(got)


def put(conn, config, path, data):
    def slowly():
        for at in range(0, len(data), STEP):
            yield data[at : at + STEP]
            time.sleep(PAUSE)

    conn.request("PUT", path, slowly(), {"Content-Length": str(len(data))})
    response = conn.getresponse()
    response.read()
    if response.status not in (201, 204):
        raise Wrong(f"PUT {path}: {response.status}")
    if file_of(config, path) != data:
        raise Wrong(f"PUT {path}: the server has other bytes")
    return len(data)


def poll(conn, config, spec, turn):
    size = get(conn, config, f"/hls/seg-{turn % 10}.ts", False)
    time.sleep(8 * PAUSE)
    return size


def down(conn, config, spec, turn):
    return get(conn, config, "/large.bin", True)


def up(conn, config, spec, turn):
    data = os.urandom(os.path.getsize(config["www"] + "/large.bin"))
    return put(conn, config, f"/upload/{spec['source']}-{turn}", data)


def requests(spec, config):
    turn = {"poll": poll, "down": down, "up": up}[spec["kind"]]
    conn = http_of(connect(spec, config), config)
    count = total = 0
    # The second one is a later request on the same connection.
    while count < 2 or not os.path.exists(config["enough"]):
        total += turn(conn, config, spec, count)
        count += 1
    conn.close()
    return count, total


def pour(sock, enough):
    """Sends blocks until it is enough; returns their number of bytes and CRC."""
    total = crc = 0
    while total < BULK or not os.path.exists(enough):
        sock.sendall(BLOCK)
        crc = zlib.crc32(BLOCK, crc)
        total += len(BLOCK)
    return struct.pack(">QI", total, crc)


def drain(sock, tail):
    """Receives to the end; what comes last, `tail` bytes, is no part of the sum."""
    total = crc = 0
    last = b""
    while part := sock.recv(1 << 20):
        part = last + part
        last = part[len(part) - tail :] if tail else b""
        part = part[: len(part) - tail] if tail else part
        crc = zlib.crc32(part, crc)
        total += len(part)
    return struct.pack(">QI", total, crc), last


def bulk(spec, config):
    with connect(spec, config) as sock:
        sock.sendall((b"U" if spec["kind"] == "bulk-up" else b"D") * ASK)
        if spec["kind"] == "bulk-up":
            ours = pour(sock, config["enough"])
            sock.shutdown(socket.SHUT_WR)
            theirs = drain(sock, 12)[1]
        else:
            ours, theirs = drain(sock, 12)
    if ours != theirs:
        raise Wrong("other bytes at the other end")
    return 1, struct.unpack(">QI", ours)[0]


def say(line):
    """In one piece, whatever the other threads say."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(enough, ca, host, www, *specs):
    config = {"enough": enough, "ca": ca, "host": host, "www": www}
    failed = []

    def one(spec):
        try:
            count, total = (bulk if spec["kind"].startswith("bulk") else requests)(spec, config)
            say(f"{spec['source']} {spec['kind']} {count} {total}")
        except (OSError, http.client.HTTPException, Wrong) as error:
            say(f"{spec['source']} {spec['kind']}: {error!r}")
            failed.append(spec)

    threads = []
    for text in specs:
        kind, address, port, source = text.split(",")
        spec = {"kind": kind, "address": address, "port": int(port), "source": int(source)}
        threads.append(threading.Thread(target=one, args=(spec,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failed else 0)


def sink(enough, port):
    def one(sock):
        with sock:
            sock.settimeout(PATIENCE)
            if sock.recv(ASK, socket.MSG_WAITALL)[:1] == b"U":
                sock.sendall(drain(sock, 0)[0])
            else:
                sock.sendall(pour(sock, enough))

    listener = socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=one, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    {"run": run, "sink": sink}[sys.argv[1]](*sys.argv[2:])
