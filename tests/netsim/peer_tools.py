# SPDX-License-Identifier: GPL-2.0-or-later
"""The other path tools: how each is run, and what it shows.

TOOLS is the table of them. A parser takes what the tool wrote (its standard output; Dublin traceroute's is the file that
it saves) and returns Shown; ValueError if that cannot be read.
"""

import json
import re
from typing import Callable, NamedTuple

PORT = 5001
HOPS = 32  # as inpath's max_hops
PATIENCE = 1  # seconds, as inpath's timeout_ms


class Shown(NamedTuple):
    """`rows`: paths as they are read off the output, each a list of addresses by TTL from 1 on, None for a star.
    `joined`: all addresses that stand at each TTL, where one row does not stand for one flow; else None."""

    rows: list
    joined: list | None = None


def joined(rows):
    length = max((len(row) for row in rows), default=0)
    return [[a for a in dict.fromkeys(row[i] for row in rows if i < len(row)) if a] for i in range(length)]


def traceroute(text):
    """`2  10.0.2.1  0.2 ms 10.0.3.1  0.3 ms *`: an address stands for the times behind it, until the next. The
    n-th probe of each hop makes the n-th row."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("traceroute to "):
        raise ValueError("no traceroute")
    rows = []
    for line in lines[1:]:
        ttl, addr, probes = int(line.split()[0]), None, []
        for word in line.split()[1:]:
            if word == "*":
                probes.append(None)
            elif word == "ms":
                probes.append(addr)
            elif re.fullmatch(r"[0-9]+(\.[0-9]+){3}", word):
                addr = word
        while len(rows) < len(probes):
            rows.append([None] * (ttl - 1))
        for n, row in enumerate(rows):
            row.append(probes[n] if n < len(probes) else None)
    return Shown(rows, joined(rows))


def mtr(text):
    """`2.|-- 10.0.2.1  0.0% ...`; further addresses of a hop stand alone in the lines below. The hops' own lines are
    the path that it shows."""
    row, hops = [], []
    for line in text.splitlines():
        hop = re.match(r" *([0-9]+)\.\|-- +(\S+)", line)
        more = re.match(r" +([0-9]+(?:\.[0-9]+){3}) *$", line)
        if hop:
            while len(row) < int(hop[1]) - 1:
                row.append(None)
                hops.append([])
            row.append(hop[2] if hop[2][0].isdigit() else None)
            hops.append(row[-1:] if row[-1] else [])
        elif more and hops:
            hops[-1].append(more[1])
    if "HOST:" not in text:
        raise ValueError("no report")
    return Shown([row], hops)


def scamper(text):
    """JSON, an object a line. A router that answers twice is there twice."""
    traces = [o for o in map(json.loads, text.splitlines()) if o["type"] == "trace"]
    if not traces:
        raise ValueError("no trace")
    hops = [[] for _ in range(traces[0]["hop_count"])]
    for hop in traces[0].get("hops", []):
        hops[hop["probe_ttl"] - 1].append(hop["addr"])
    return Shown([[addrs[0] if addrs else None for addrs in hops]], [list(dict.fromkeys(addrs)) for addrs in hops])


def dublin(text):
    """JSON, a list of probes for each of its flows: each is a path of its own."""
    rows = []
    for probes in json.loads(text)["flows"].values():
        row = []
        for probe in sorted(probes, key=lambda p: p["sent"]["ip"]["ttl"]):
            row += [None] * (probe["sent"]["ip"]["ttl"] - len(row))
            if probe["received"]:
                row[-1] = probe["received"]["ip"]["src"]
        rows.append(row)
    return Shown(rows)


class Tool(NamedTuple):
    name: str
    command: tuple  # the server's address comes in for {}
    parse: Callable
    saves: str | None = None  # a file that is read instead of the standard output
    why: str = ""


# Each as people use it, as far as it then has inpath's chances: 32 hops, no names looked up, and inpath's second of
# patience with every hop, where a tool has less (traceroute goes by the times of other hops) or waits for much longer.
TOOLS = (
    Tool(
        "traceroute",
        ("traceroute", "-n", "-m", str(HOPS), "-w", str(PATIENCE), "{}"),
        traceroute,
        why="UDP, 3 probes a hop, each to another port; -w: by default it calls slow routers silent",
    ),
    Tool(
        "traceroute -T",
        ("traceroute", "-n", "-m", str(HOPS), "-w", str(PATIENCE), "-T", "-p", str(PORT), "{}"),
        traceroute,
        why="SYNs to the port of the flow, each from a port of its own",
    ),
    Tool(
        "scamper udp-paris",
        ("scamper", "-O", "json", "-I", f"trace -P udp-paris -w {PATIENCE} -m {HOPS} {{}}"),
        scamper,
        why="UDP, one flow for all hops; -w: by default 5 s twice for each silent hop",
    ),
    Tool(
        "scamper tcp",
        ("scamper", "-O", "json", "-I", f"trace -P tcp -d {PORT} -w {PATIENCE} -m {HOPS} {{}}"),
        scamper,
        why="SYNs to the port of the flow, one flow for all hops",
    ),
    Tool(
        "mtr",
        ("mtr", "-n", "-r", "-c", "3", "-m", str(HOPS), "{}"),
        mtr,
        why="ICMP echo, 3 rounds a second apart, and 5 s for the last answers: its report as people mail it",
    ),
    Tool(
        "mtr -T",
        ("mtr", "-n", "-r", "-c", "3", "-m", str(HOPS), "-T", "-P", str(PORT), "{}"),
        mtr,
        why="SYNs to the port of the flow",
    ),
    Tool(
        "Dublin traceroute",
        ("dublin-traceroute", "--max-ttl", str(HOPS), "{}"),
        dublin,
        saves="trace.json",
        why="UDP, 20 flows (its default) that differ by port: the more, the better its chance to hit the way of ours",
    ),
)
