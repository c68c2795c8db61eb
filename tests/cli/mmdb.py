#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mmdb.py FILE [PREFIX NUMBER NAME]...: writes a small file in MaxMind's format (MaxMind DB 2.0, 24-bit records): the autonomous
system of each prefix. `string` as NUMBER's beginning, as in string64500, writes fields as other makers have them: asn as AS64500."""
import ipaddress
import struct
import sys

UTF8, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11


def control(kind, size):
    first, more = (kind << 5, b"") if kind <= 7 else (0, bytes([kind - 7]))
    return bytes([first | size]) + more if size < 29 else bytes([first | 29]) + more + bytes([size - 29])


def text(value):
    raw = value.encode()
    return control(UTF8, len(raw)) + raw


def number(kind, value):
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return control(kind, len(raw)) + raw


def mapping(pairs):
    return control(MAP, len(pairs)) + b"".join(text(key) + value for key, value in pairs)


def entry(system, name):
    if system.startswith("string"):
        return mapping([("asn", text("AS" + system[6:])), ("as_name", text(name))])
    return mapping([("autonomous_system_number", number(UINT32, int(system))), ("autonomous_system_organization", text(name))])


def write(path, networks):
    nodes, data = [[None, None]], b""
    for prefix, system, name in networks:
        net = ipaddress.ip_network(prefix)
        # IPv4 lies below ::/96.
        bits = f"{int(net.network_address):0128b}"[: net.prefixlen + (96 if net.version == 4 else 0)]
        at = 0
        for bit in bits[:-1]:
            if nodes[at][int(bit)] is None:
                nodes.append([None, None])
                nodes[at][int(bit)] = len(nodes) - 1
            at = nodes[at][int(bit)]
        nodes[at][int(bits[-1])] = ("data", len(data))
        data += entry(system, name)
    with open(path, "wb") as out:
        for node in nodes:
            for record in node:
                value = len(nodes) if record is None else record if isinstance(record, int) else len(nodes) + 16 + record[1]
                out.write(struct.pack(">I", value)[1:])
        out.write(bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + mapping([
            ("node_count", number(UINT32, len(nodes))), ("record_size", number(UINT16, 24)), ("ip_version", number(UINT16, 6)),
            ("database_type", text("Test-ASN")), ("languages", control(ARRAY, 0)), ("binary_format_major_version", number(UINT16, 2)),
            ("binary_format_minor_version", control(UINT16, 0)), ("build_epoch", number(UINT64, 1760000000)), ("description", mapping([]))]))


def main(path, *words):
    write(path, list(zip(*[iter(words)] * 3)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
