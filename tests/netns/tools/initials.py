#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Forged QUIC Initials, each of a flow of its own, as fast as they go.

    initials.py IFACE SOURCE_MAC GATEWAY_MAC SOURCE SERVER COUNT [WORKERS]

From IFACE as raw Ethernet frames (IPv4): well-formed long headers of version 1 with a destination ID and
1200 bytes as a connection begins (RFC 9000 14.1), and random bytes for the rest, which no key opens.
Prints `sent=N seconds=S`.
"""
import os
import socket
import struct
import sys
import time

PAYLOAD = 1200
FIRST_PORT, PORTS = 1024, 60000
SERVER_PORT = 4433
AT_PORTS = 14 + 20  # of Ethernet and IPv4
AT_ID = AT_PORTS + 8 + 6  # behind the first byte, the version and the ID's length


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def frame(source_mac, gateway_mac, source, server):
    """One Initial; ports and ID are still to be filled in. UDP's checksum is left out, as IPv4 allows."""
    quic = struct.pack(">BIB8xBBH", 0xC3, 1, 8, 0, 0, 0x4000 | (PAYLOAD - 18))
    quic += os.urandom(PAYLOAD - len(quic))
    udp = struct.pack(">HHHH", 0, 0, 8 + PAYLOAD, 0) + quic
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, socket.IPPROTO_UDP, 0)
    ip += socket.inet_aton(source) + socket.inet_aton(server)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    macs = bytes.fromhex((gateway_mac + source_mac).replace(":", ""))
    return bytearray(macs + b"\x08\x00" + ip + udp)


def send(interface, data, numbers):
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    for number in numbers:
        ports = FIRST_PORT + number % PORTS, SERVER_PORT + number // PORTS
        struct.pack_into(">HH", data, AT_PORTS, *ports)
        struct.pack_into(">Q", data, AT_ID, number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
        out.send(data)


def main(interface, source_mac, gateway_mac, source, server, count, workers="2"):
    data = frame(source_mac, gateway_mac, source, server)
    began = time.monotonic()
    children = []
    for worker in range(int(workers)):
        pid = os.fork()
        if pid == 0:
            send(interface, data, range(worker, int(count), int(workers)))
            os._exit(0)
        children.append(pid)
    if any(os.waitpid(pid, 0)[1] for pid in children):
        sys.exit("initials.py: not all were sent")
    print(f"sent={count} seconds={time.monotonic() - began:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
