#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of FTP as conntrack's helper needs to see: a control connection that brings about another one, for data.

    ftp.py serve ADDR DATA_PORT
        Says `ready`, then serves port 21: whoever asks for a port (EPSV) gets DATA_PORT, and there bytes without end
    ftp.py fetch ADDR LOCAL_PORT GO ENOUGH
        Logs in; when the file GO exists, asks for a port and exchanges data with it from LOCAL_PORT, until ENOUGH exists.
        (Both send, unlike FTP's: what only listens shows inpath little of its path.)
"""

import os
import socket
import sys
import threading
import time

PAUSE = 0.05


def listen(addr, port):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    return socket.create_server((addr, port), family=family, backlog=8)


def control(sock, data_port):
    with sock:
        sock.sendall(b"220 ready\r\n")
        while line := sock.recv(200):
            sock.sendall(b"229 Entering Extended Passive Mode (|||%d|)\r\n" % data_port if b"EPSV" in line else b"331 and?\r\n")


def data(sock):
    try:
        while True:
            sock.sendall(bytes(8000))
            time.sleep(PAUSE)
    except OSError:
        sock.close()


def each(listener, serve_one, *args):
    while True:
        threading.Thread(target=serve_one, args=(listener.accept()[0], *args), daemon=True).start()


def serve(addr, data_port):
    ends = listen(addr, 21), listen(addr, int(data_port))
    threading.Thread(target=each, args=(ends[1], data), daemon=True).start()
    print("ready", flush=True)
    each(ends[0], control, int(data_port))


def await_file(path):
    while not os.path.exists(path):
        time.sleep(PAUSE)


def ask(sock, line):
    sock.sendall(line + b"\r\n")
    return sock.recv(200).decode()


def fetch(addr, local_port, go, enough):
    with socket.create_connection((addr, 21), timeout=60) as sock:
        sock.recv(200)
        ask(sock, b"USER anonymous")
        await_file(go)
        port = int(ask(sock, b"EPSV").split("|")[3])
        source = ("::" if ":" in addr else "0.0.0.0", int(local_port))
        with socket.create_connection((addr, port), timeout=60, source_address=source) as taken:
            taken.sendall(bytes(4000))
            while not os.path.exists(enough):
                if not taken.recv(8000):
                    sys.exit("the data ended")


if __name__ == "__main__":
    {"serve": serve, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
