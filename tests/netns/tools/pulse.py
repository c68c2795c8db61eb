#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pulse: is traffic let through right now?

    pulse.py echo ADDRESS PORT
        answers each UDP datagram; says `ready` first
    pulse.py send ADDRESS PORT STOP_FILE
        sends a datagram every 20 ms, each one a flow of its own, so that no rest lets it pass a queue;
        prints `SENT ANSWERED` (seconds of the monotonic clock) for each answer, until STOP_FILE exists
"""
import os
import selectors
import socket
import sys
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo(address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as listener:
        listener.bind((address, port))
        print("ready", flush=True)
        while True:
            data, peer = listener.recvfrom(2048)
            listener.sendto(data, peer)


def send(address, port, stop):
    selector = selectors.DefaultSelector()
    sent_at = {}
    due = time.monotonic()
    while not os.path.exists(stop):
        now = time.monotonic()
        if now >= due:
            due = now + 0.02
            one = socket.socket(family(address), socket.SOCK_DGRAM)
            one.setblocking(False)
            one.connect((address, port))
            one.send(b"pulse")
            sent_at[one] = now
            selector.register(one, selectors.EVENT_READ)
        for key, _ in selector.select(max(0.0, due - time.monotonic())):
            one = key.fileobj
            try:
                one.recv(2048)
                print(f"{sent_at[one]:.3f} {time.monotonic():.3f}", flush=True)
            except OSError as error:
                print(f"# {error}", flush=True)
            selector.unregister(one)
            del sent_at[one]
            one.close()


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(sys.argv[2], int(sys.argv[3]))
    else:
        send(sys.argv[2], int(sys.argv[3]), sys.argv[4])
