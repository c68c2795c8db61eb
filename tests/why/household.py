# SPDX-License-Identifier: GPL-2.0-or-later
"""household.py: the log of a household's evening, drawn from a seed: devices, services, routers, what makes round
trips vary in real life, and what goes wrong at a known place, or nothing does.

What varies without a fault: queues (exponential), stray values that are far off, routers that answer when they have
time (some always late, some from some moment on), silent and rate-limited routers, balancers (two addresses in turns),
Wi-Fi that is uneven by its nature, connections that come and go, route changes that cost nothing.
"""
import random

from table import SEGMENTS

ZERO = 1760000000.0  # when each log begins

# What is drawn -> is it a fault? `mixed`: IPv4, IPv6; TCP, QUIC (whose server answers no probe) and other UDP (to whose server none may
# come); connections that come and go.
FAULTS = (*SEGMENTS, "access cut", "transit cut", "service cut", "evening", "two at once", "one service", "mixed", "longer way")
QUIET = ("none", "none, one", "none, mixed", "other way", "short log", "changes only")
KINDS = {**dict.fromkeys(FAULTS, True), **dict.fromkeys(QUIET, False)}


class Fault:
    """More round trip over a link (the router or the server that it leads to), at a service's servers, or to a device."""

    def __init__(self, rng, segment, onset):
        self.segment, self.onset, self.rng = segment, onset, rng
        self.link = self.service = self.client = None
        self.extra = rng.uniform(15, 150)
        self.rise = 0  # seconds until all of it is there
        self.cut = False

    def more(self, at):
        if at < self.onset or self.cut:
            return 0
        extra = self.extra * min(1, (at - self.onset) / self.rise) if self.rise else self.extra
        return extra + self.rng.expovariate(1 / (self.extra / 10))


class Household:
    """One of KINDS. .lines() is the log, .faults what was done."""

    def __init__(self, seed, kind):
        self.rng = rng = random.Random(f"{seed} {kind}")
        self.kind = kind
        self.mixed = kind.endswith("mixed")
        self.minutes = 30 if kind == "short log" else rng.choice((30, 60, 120, 240) if kind in SEGMENTS or kind == "none" else (40, 60, 90))
        self.end = ZERO + self.minutes * 60
        self.interval = rng.choice((30, 60))
        # Seen by at least 6 traces of each flow, and after at least 10.
        self.onset = rng.uniform(ZERO + 10 * self.interval, self.end - 7 * self.interval)
        self.clients = [Client(rng, n) for n in range(rng.randint(1, 8 if kind in SEGMENTS or kind == "none" else 4))]
        self.routers = [Router(rng, n) for n in range(60)]
        one = kind in ("one service", "none, one")
        self.services = [Service(rng, n, self.routers, one) for n in range(1 if one else rng.randint(3, 8))]
        self.servers = [s for service in self.services for s in service.servers]
        self.slow_from = {r: rng.uniform(ZERO, self.end) for r in rng.sample(self.routers, 4)}
        self.faults, self.turn = [], None
        self.used = set(self.services) if one else set()
        self.draw_faults()

    # --- what goes wrong ---

    def draw_faults(self):
        rng, kind = self.rng, self.kind
        if kind in SEGMENTS:
            self.add(kind)
        elif kind.endswith(" cut"):
            self.add(kind.split()[0]).cut = True
        elif kind == "evening":
            self.add(rng.choice(("access", "transit"))).rise = rng.uniform(0.2, 0.6) * (self.end - self.onset)
        elif kind == "two at once":
            self.add("lan")
            self.add(rng.choice(SEGMENTS[1:]))
        elif kind in ("one service", "mixed"):
            self.add(rng.choice(SEGMENTS))
        elif kind in ("short log", "changes only") and rng.random() < 0.5:
            self.add(rng.choice(SEGMENTS))
        elif kind in ("longer way", "other way"):
            self.draw_turn(kind == "longer way")
        if kind == "short log":
            self.end = ZERO + rng.uniform(0.5, 10) * self.interval
            for fault in self.faults:
                fault.onset = rng.uniform(ZERO, self.end)

    def add(self, segment):
        rng, fault = self.rng, Fault(self.rng, segment, self.onset)
        target = rng.choice(self.servers)
        if segment == "lan":
            fault.client = rng.choice(self.clients)
        elif segment == "access":
            fault.link = target.path[rng.choice((0, 1))]
        elif segment == "transit":
            fault.link = rng.choice(target.path[3:-1])
        else:
            fault.service = target.service
        self.faults.append(fault)
        self.used |= {target.service}  # somebody uses what is ill
        return fault

    def draw_turn(self, longer):
        """From the onset on the way to one service's servers goes by another router: (the router, in whose place)."""
        target = self.rng.choice(self.servers)
        old = self.rng.choice(target.path[3:-1])
        other = Router(self.rng, 60)
        other.replies = old.replies = 1.0
        self.turn = old, other
        if longer:
            fault = self.add("transit")
            fault.link = other
        self.used |= {target.service}

    def way_of(self, server, at):
        if not self.turn or at < self.onset:
            return server.path
        return [self.turn[1] if router is self.turn[0] else router for router in server.path]

    def excess(self, at, way, upto):
        """What the faults add to a round trip over the first `upto` links of a way."""
        return sum(fault.more(at) for fault in self.faults if fault.link in way[:upto])

    def cut_at(self, server, at):
        """The TTL from which on nothing comes back; None."""
        for fault in self.faults:
            if fault.cut and at >= fault.onset:
                if fault.service is server.service:
                    return len(server.path) + 1
                if fault.link in server.path:
                    return server.path.index(fault.link) + 1
        return None

    # --- the log ---

    def trace(self, flow, at):
        """The fields that vary."""
        rng, server, hops, total = self.rng, flow.server, [], 0.0
        way, cut = self.way_of(server, at), self.cut_at(server, at)
        seen = len(way) - 2 if flow.proto == "udp" else len(way)
        for n, router in enumerate(way, 1):
            total += server.latency[n - 1]
            rtt = total + self.excess(at, way, n) + noise(rng) + router.lateness(rng)
            if self.slow_from.get(router, self.end) <= at:
                rtt += rng.uniform(30, 200)
            if n <= seen:
                silent = not router.answers(rng) or (cut and n >= cut)
                hops.append(f"{n}/*" if silent else f"{n}/{router.name(rng, flow.af)}/{rtt:.2f}")
        total += server.latency[-1] + self.excess(at, way, len(way))
        total += sum(fault.more(at) for fault in self.faults if fault.service is server.service)
        lan = flow.client.rtt(rng) + sum(fault.more(at) for fault in self.faults if fault.client is flow.client)
        return self.fields(flow, hops, total, lan, cut)

    def fields(self, flow, hops, total, lan, cut):
        rng, last, server = self.rng, len(flow.server.path) + 1, flow.server.addr(flow.af)
        e2e = f"e2e={total + noise(rng):.1f} " if not cut or rng.random() < 0.3 else ""
        lan = f"lan={lan:.1f} " if not cut else ""
        stop, nhop = "reached", last
        if flow.proto == "udp":
            return f"stop=short nhop={len(hops)} sent={len(hops)} fp=00000001 hops={','.join(hops)}"
        if flow.proto == "quic":
            # The way there takes its time by the spin bit, if at all, and that to the device waits for the person before it.
            flow.first = flow.first or total * rng.uniform(1.1, 2)
            e2e, lan = (e2e, f"lan={rng.uniform(5, 400):.1f} ") if flow.spins and not cut else ("", "")
            stop = "inferred"
            hops += [f"{last}/{server}/{flow.first:.2f}"] if flow.placed else [f"{last}/*", f"{last + 1}/*", f"?/{server}/{flow.first:.2f}"]
            nhop = last + (not flow.placed)
        elif cut:
            stop, nhop = "gap", last + 3
            hops += [f"{n}/*" for n in range(last, last + 4)]
        else:
            hops.append(f"{last}/{server}/{total + noise(rng):.2f}")
        return f"stop={stop} nhop={nhop} sent={nhop + 1} fp=00000001 {e2e}{lan}hops={','.join(hops)}"

    def flows(self):
        """All connections."""
        for client in self.clients:
            for service in self.services:
                if self.rng.random() < 0.3 and client not in [f.client for f in self.faults] and service not in self.used:
                    continue
                for server in service.servers:
                    yield from self.connections(client, server)

    def connections(self, client, server):
        begin = self.rng.uniform(ZERO, ZERO + 2 * self.interval)
        while begin < self.end:
            end = begin + self.rng.uniform(5, 25) * 60 if self.mixed else self.end
            yield Flow(self.rng, client, server, begin, min(end, self.end), self.mixed)
            begin = end + self.rng.uniform(0, 60)

    def lines(self):
        out = []
        for port, flow in enumerate(self.flows(), 20001):
            at, through = flow.begin, 0
            while at < flow.end:
                out.append((at, self.line(flow, port, at)))
                if self.kind == "changes only" and (self.turn is None or at > self.onset):
                    break
                # Nothing comes through any more: it is traced once or twice, then it only repeats itself.
                through += self.cut_at(flow.server, at) is not None
                if flow.proto == "tcp" and through and (through == 2 or self.rng.random() < 0.7):
                    break
                at += self.interval * self.rng.uniform(7 / 8, 9 / 8)
        return [line for _, line in sorted(out)]

    def line(self, flow, port, at):
        server = flow.server
        return (f"ev=path v=1 ts={at:.3f} run={self.rng.getrandbits(32):08x} cl={flow.client.addr(flow.af)} dev=\"{flow.client.name}\" "
                f"pol=all svc={server.service.name} host=\"{server.host}\" by=sni proto={flow.proto} af={flow.af} sport={port} "
                f"dst={server.addr(flow.af)} dport=443 why=period {self.trace(flow, at)}")


def noise(rng):
    """A queue here and there; one value in fifty far off."""
    return rng.expovariate(1 / 0.8) + (rng.uniform(10, 80) if rng.random() < 0.02 else 0)


class Flow:
    def __init__(self, rng, client, server, begin, end, mixed):
        self.client, self.server, self.begin, self.end = client, server, begin, end
        self.proto = rng.choices(("tcp", "quic", "udp"), (6, 3, 1))[0] if mixed else "tcp"
        self.af = rng.choice((4, 6)) if mixed else 4
        self.spins, self.placed = rng.random() < 0.5, rng.random() < 0.5
        self.first = 0


class Client:
    def __init__(self, rng, n):
        self.number, self.name = n, f"device-{n}"
        self.wifi = rng.random() < 0.7

    def addr(self, af):
        return f"192.168.1.{10 + self.number}" if af == 4 else f"2001:db8:1::{10 + self.number}"

    def rtt(self, rng):
        """The least of an armed period; over Wi-Fi uneven, with long spells now and then."""
        if not self.wifi:
            return 0.3 + rng.expovariate(1 / 0.1)
        return 2 + rng.expovariate(1 / 2) + (rng.uniform(10, 60) if rng.random() < 0.05 else 0)


class Router:
    def __init__(self, rng, n):
        self.addrs = {4: [f"10.{n}.0.1"], 6: [f"2001:db8:{n:x}::1"]}
        if rng.random() < 0.1:
            self.addrs[4].append(f"10.{n}.0.2")
        self.latency = rng.uniform(0.2, 6)  # ms there and back over the link to it
        self.replies = rng.choices((1.0, 0.9, 0.3, 0.0), (75, 10, 5, 10))[0]
        self.late = rng.choices((0.0, 3.0, 40.0), (70, 20, 10))[0]  # ms, by its own slowness

    def answers(self, rng):
        return rng.random() < self.replies

    def lateness(self, rng):
        return rng.expovariate(1 / self.late) if self.late else 0

    def name(self, rng, af):
        return rng.choice(self.addrs[af])


class Service:
    def __init__(self, rng, n, routers, one):
        self.name = f"service{n}"
        # All share the first three routers; a service's servers share what is behind them for a while.
        middle = rng.sample(routers[3:], rng.randint(2, 7))
        rest = [router for router in routers[3:] if router not in middle]
        self.servers = [Server(rng, self, k, n, routers[:3] + middle + rng.sample(rest, rng.randint(1, 3))) for k in range(1 if one else rng.randint(1, 3))]


class Server:
    def __init__(self, rng, service, k, n, path):
        self.service, self.path, self.number = service, path, (n, k + 1)
        self.host = f"h{k}.service{n}.example"
        self.latency = [router.latency for router in path] + [rng.uniform(0.2, 6)]

    def addr(self, af):
        return ("198.51.{}.{}" if af == 4 else "2001:db8:5:{}::{}").format(*self.number)
