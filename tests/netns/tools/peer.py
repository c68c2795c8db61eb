#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of a TCP connection on which a test says what happens when.

peer.py serve PORT [mptcp]                        answers each line of a connection: `N` by N bytes,
                                                  `fin` by an end, `rst` by a reset, `drip N` by a byte
                                                  each 50 ms, N times; any other line by nothing
peer.py talk ADDR PORT SPORT COMMANDS [mptcp]     connects from port SPORT, then does what the lines of
                                                  the FIFO COMMANDS say; prints `done` behind each

get N       asks for N bytes and waits for them; they must be the server's
say TEXT    sends a line, waits for nothing
read N      waits for N bytes more
half        ends its own direction (FIN); reading goes on
reset       ends the connection by RST
"""

import os
import socket
import struct
import sys
import threading
import time

PATTERN = bytes(range(256)) * 256


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def protocol(words):
    return socket.IPPROTO_MPTCP if "mptcp" in words else socket.IPPROTO_TCP


def no_linger(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answer(conn, line):
    """True while the connection lasts."""
    words = line.split()
    if words and words[0].isdigit():
        conn.sendall(PATTERN[: int(words[0])])
    elif words == [b"fin"]:
        conn.shutdown(socket.SHUT_WR)
    elif words == [b"rst"]:
        no_linger(conn)
        return False
    elif len(words) == 2 and words[0] == b"drip":
        for _ in range(int(words[1])):
            conn.sendall(b"d")
            time.sleep(0.05)
    return True


def serve_one(conn):
    lines = conn.makefile("rb")
    try:
        for line in lines:
            if not answer(conn, line):
                break
    except OSError:
        pass
    lines.close()
    conn.close()


def serve(port, *words):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, protocol(words))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", int(port)))
    sock.listen(64)
    print("ready", flush=True)
    while True:
        conn, _ = sock.accept()
        threading.Thread(target=serve_one, args=(conn,), daemon=True).start()


def receive(conn, count):
    data = b""
    while len(data) < count:
        more = conn.recv(65536)
        if not more:
            raise SystemExit("the connection ended after %d bytes of %d" % (len(data), count))
        data += more
    return data


def line_of(text):
    """Long enough that probes find bytes to repeat: an IPv6 probe takes one for half a minute."""
    return text.encode().ljust(199) + b"\n"


def do(conn, word, rest):
    if word == "get":
        conn.sendall(line_of(rest))
        if receive(conn, int(rest)) != PATTERN[: int(rest)]:
            raise SystemExit("what came is not what the server said")
    elif word == "say":
        conn.sendall(line_of(rest))
    elif word == "read":
        receive(conn, int(rest))
    elif word == "half":
        conn.shutdown(socket.SHUT_WR)
    elif word == "reset":
        no_linger(conn)
        conn.close()
    else:
        raise SystemExit("what is " + word)


def talk(addr, port, sport, commands, *words):
    conn = socket.socket(family(addr), socket.SOCK_STREAM, protocol(words))
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    conn.settimeout(30)
    conn.bind(("", int(sport)))
    conn.connect((addr, int(port)))
    print("connected", flush=True)
    # Opened for writing too, so that the end of one writer is not the end of all.
    with os.fdopen(os.open(commands, os.O_RDWR), "r") as lines:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            do(conn, word, rest)
            print("done", flush=True)


if __name__ == "__main__":
    {"serve": serve, "talk": talk}[sys.argv[1]](*sys.argv[2:])
