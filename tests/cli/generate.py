#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""generate.py [RECORDS [SEED [changes]]]: a household's log on standard output: an evening, or as many records as are wanted.
Four devices watch and browse; ways part and meet again, routers keep silent, a route changes, and in the last third a
link on the way to one service gets slow. With `changes` it is the log of the same evening with log.paths = "changes" and
log.hops = true: first and changed paths, and each path's time as a whole. The same arguments give the same bytes."""
import random
import re
import statistics
import sys

BEGIN = 1760029200.0  # the ninth of October 2025, 17:00 UTC
DEVICES = (
    ("192.168.1.57", "livingroom-tv", 3.0, 2.0),
    ("192.168.1.20", "annas-laptop", 2.0, 3.0),
    ("192.168.1.34", "office-pc", 0.3, 0.1),
    ("192.168.1.71", "phone", 6.0, 5.0),
)
# Name, host, the ways (a router's addresses in turns: "a+b"; a silent one: "*"), each hop's share of the round trip in ms.
HOME = ("100.64.0.1", "10.20.0.5")
WAYS = {
    "netflix": ("ipv4-c012.1.nflxvideo.example", "tcp", (
        (HOME + ("10.20.4.1", "192.0.2.17", "192.0.2.40", "*", "198.51.100.12"), (1.8, 1.1, 1.5, 3.8, 2.2, 1.0, 1.3)),
        (HOME + ("10.20.4.9", "192.0.2.17", "192.0.2.44", "*", "198.51.100.12"), (1.8, 1.1, 1.6, 3.8, 2.4, 1.0, 1.3)))),
    "youtube": ("rr3.googlevideo.example", "quic", (
        (HOME + ("10.20.4.1", "*", "203.0.113.9+203.0.113.10", "203.0.113.130"), (1.8, 1.1, 1.5, 1.7, 2.0, 0.9)),)),
    "twitch": ("video-edge.twitch.example", "tcp", (
        (HOME + ("10.20.4.9", "192.0.2.90", "198.51.100.201", "198.51.100.214", "203.0.113.77"), (1.8, 1.1, 1.6, 8.0, 6.5, 1.0, 1.4)),
        (HOME + ("10.20.4.9", "192.0.2.93", "198.51.100.205", "198.51.100.214", "203.0.113.77"), (1.8, 1.1, 1.6, 9.5, 6.0, 1.0, 1.4)))),
    "work": ("files.example.org", "tcp", (
        (("2001:db8:64::1", "2001:db8:20::5", "2001:db8:9::1:2", "*", "2001:db8:ffff:10::25"), (1.7, 1.0, 9.0, 2.0, 3.0)),)),
}
USES = {
    "livingroom-tv": ("netflix", "youtube", "twitch"),
    "annas-laptop": ("netflix", "youtube", "work"),
    "office-pc": ("youtube", "work"),
    "phone": ("youtube", "twitch"),
}
SLOW_SERVICE, SLOW_HOP, SLOW_MS = "twitch", 5, 46.0


def fingerprint(way):
    value = 2166136261
    for byte in "/".join(way).encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return f"{value:08x}"


class Flow:
    def __init__(self, rng, device, service, port):
        self.addr, self.name, self.base, self.uneven = device
        self.service, self.port = service, port
        self.host, self.proto, self.ways = WAYS[service]
        self.way = rng.randrange(len(self.ways))
        self.phase = rng.random()
        self.traces = 0

    def common(self, kind, at, run):
        addr = self.addr if ":" not in self.ways[0][0][0] else "2001:db8:1::" + self.addr.rsplit(".", 1)[1]
        return (f'ev={kind} v=1 ts={at:.3f} run={run:08x} cl={addr} dev="{self.name}" pol=all svc={self.service} host="{self.host}" '
                f"by=sni proto={self.proto} af={6 if ':' in addr else 4} sport={self.port} dst={self.ways[0][0][-1]} dport=443")

    def trace(self, rng, at, late):
        routers, shares = self.ways[self.way]
        hops, total = [], 0.0
        for n, (router, share) in enumerate(zip(routers, shares), 1):
            total += share + (SLOW_MS + rng.gammavariate(2, 3) if late and self.service == SLOW_SERVICE and n == SLOW_HOP else 0)
            rtt = total + rng.expovariate(2) + (rng.uniform(10, 40) if rng.random() < 0.015 else 0)
            # One router is always late by itself, and one often silent.
            rtt += rng.expovariate(1 / 14) if router == "192.0.2.17" else 0
            quiet = router == "*" or (router == "10.20.0.5" and rng.random() < 0.2)
            hops.append(f"{n}/*" if quiet else f"{n}/{router}/{rtt:.2f}")
        e2e = total + rng.expovariate(1.5)
        lan = self.base + rng.expovariate(1 / self.uneven)
        run = rng.getrandbits(32)
        stop, why = ("inferred" if self.proto == "quic" else "reached"), ("period" if self.traces else "start")
        self.traces += 1
        return run, (f"{self.common('path', at, run)} why={why} stop={stop} nhop={len(routers)} sent={len(routers) + 2} "
                     f"fp={fingerprint(routers)} e2e={e2e:.1f} lan={lan:.1f} hops={','.join(hops)}")

    def change(self, rng, at, run):
        """Now and then another way; the line that tells of it."""
        if len(self.ways) == 1 or rng.random() > 0.01:
            return None
        old, self.way = self.ways[self.way][0], (self.way + 1) % len(self.ways)
        new = self.ways[self.way][0]
        ttl = next(n for n, (a, b) in enumerate(zip(old, new), 1) if a != b)
        return f"{self.common('change', at, run)} old={fingerprint(old)} new={fingerprint(new)} ttl={ttl} held=600"


def evening(records, rng):
    """Each record with its flow: as log.paths = "all" has them."""
    flows = [Flow(rng, device, service, 40000 + n) for n, (device, service) in
             enumerate((device, service) for device in DEVICES for service in USES[device[1]] for _ in range(2))]
    rounds = -(-records // len(flows))
    written = 0
    for turn in range(rounds):
        for flow in flows:
            at = BEGIN + (turn + flow.phase) * 240.0
            # A route changes between two traces: the trace that saw it comes first.
            before = flow.way
            told = flow.change(rng, at, 0)
            run, line = flow.trace(rng, at, turn * 3 > rounds * 2)
            for text in (line, told and told.replace("run=00000000", f"run={run:08x}")):
                if text and written < records:
                    written += 1
                    yield flow, text
            assert flow.way == before or told


def spread(values):
    return f"{min(values):.2f}/{statistics.median_low(values[-15:]):.2f}/{max(values):.2f}"


def epoch_hop(entries):
    """All traces' entries of one TTL as an epoch has them."""
    parts = [entry.split("/") for entry in entries]
    answered = [p for p in parts if len(p) == 3]
    missing = f"{len(parts) - len(answered)}-of-{len(parts)}"
    if not answered:
        return f"{parts[0][0]}/*/{missing}"
    return f"{parts[0][0]}/{answered[0][1]}/{spread([float(p[2]) for p in answered])}/0.10/{missing}"


def epoch(flow, traces):
    """Traces of one path as one record."""
    ts, run, fp, e2e, lan, hops = ([re.search(rf" {key}=(\S+)", line).group(1) for line in traces]
                                   for key in ("ts", "run", "fp", "e2e", "lan", "hops"))
    merged = ",".join(epoch_hop(entries) for entries in zip(*(h.split(",") for h in hops)))
    return (f"{flow.common('epoch', float(ts[-1]), int(run[-1], 16))} since={ts[0]} until={ts[-1]} traces={len(ts)} flaps=0 fp={fp[0]} "
            f"e2e={spread([float(v) for v in e2e])} lan={spread([float(v) for v in lan])} hops={merged}")


def only_changes(log):
    """The same as log.paths = "changes" and log.hops = true have it."""
    kept = {}
    for flow, line in log:
        traces = kept.setdefault(flow, [])
        path = re.search(r" fp=(\S+)", line)
        if not path:
            yield line
        elif not traces or path.group() not in traces[-1]:
            if traces:
                yield epoch(flow, traces)
            kept[flow] = [line]
            yield line
        else:
            traces.append(line)
    for flow, traces in kept.items():
        yield epoch(flow, traces)


def main(records="1500", seed="1", paths="all"):
    log = evening(int(records), random.Random(int(seed)))
    for line in only_changes(log) if paths == "changes" else (line for _, line in log):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
