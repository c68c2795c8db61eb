# SPDX-License-Identifier: GPL-2.0-or-later
"""household.py: the log of a household's evening, drawn from a seed: devices, services, routers, what makes round
trips vary in real life, and one fault at a known place, or none.

What varies without a fault: queues (exponential), stray values that are far off, routers that answer when they have
time (some always late, some from some moment on), silent and rate-limited routers, balancers (two addresses in turns),
Wi-Fi that is uneven by its nature, route changes that cost little, servers that come and go.
"""
import random

from table import SEGMENTS

ZERO = 1760000000.0  # when each log begins


class Household:
    """`fault` is one of SEGMENTS, or None. .lines() is the log, .fault what was done."""

    def __init__(self, seed, fault):
        self.rng = random.Random(f"{seed} {fault}")
        self.fault = fault
        rng = self.rng
        self.minutes = rng.choice((30, 60, 120, 240))
        self.end = ZERO + self.minutes * 60
        self.interval = rng.choice((30, 60))
        # Seen by at least 6 traces of each flow, and after at least 10.
        self.onset = rng.uniform(ZERO + 10 * self.interval, self.end - 7 * self.interval)
        self.extra = rng.uniform(15, 150)
        self.clients = [Client(rng, n) for n in range(rng.randint(1, 8))]
        self.routers = [Router(rng, n) for n in range(60)]
        self.services = [Service(rng, n, self.routers) for n in range(rng.randint(3, 8))]
        self.slow_from = {r: rng.uniform(ZERO, self.end) for r in rng.sample(self.routers, 4)}
        servers = [s for service in self.services for s in service.servers]
        self.victim = rng.choice(self.clients) if fault == "lan" else None
        self.sick_service = rng.choice(self.services) if fault == "service" else None
        target = rng.choice(servers)
        if fault == "access":
            self.sick_link = target.path[rng.choice((0, 1))]
        elif fault == "transit":
            self.sick_link = rng.choice(target.path[3:-1])
        else:
            self.sick_link = None
        # Somebody uses what is ill.
        self.used = {self.sick_service, target.service}

    def excess(self, at, way, upto):
        """What the fault adds to a round trip over the first `upto` links of a way."""
        if at < self.onset or self.sick_link not in way[:upto]:
            return 0
        return self.extra + self.rng.expovariate(1 / (self.extra / 10))

    def trace(self, client, server, at):
        """The fields that vary: (hops, e2e, lan)."""
        rng, hops, total = self.rng, [], 0.0
        way = server.path
        for n, router in enumerate(way, 1):
            total += server.latency[n - 1]
            if not router.answers(rng):
                hops.append(f"{n}/*")
                continue
            rtt = total + self.excess(at, way, n) + noise(rng) + router.lateness(rng)
            if self.slow_from.get(router, self.end) <= at:
                rtt += rng.uniform(30, 200)
            hops.append(f"{n}/{router.name(rng)}/{rtt:.2f}")
        total += server.latency[-1] + self.excess(at, way, len(way))
        if server.service is self.sick_service and at >= self.onset:
            total += self.extra + rng.expovariate(1 / (self.extra / 10))
        e2e = total + noise(rng)
        hops.append(f"{len(way) + 1}/{server.addr}/{total + noise(rng):.2f}")
        lan = client.rtt(rng) + (self.extra if client is self.victim and at >= self.onset else 0)
        return ",".join(hops), e2e, lan

    def lines(self):
        out, port = [], 20000
        for client in self.clients:
            for service in self.services:
                if self.rng.random() < 0.3 and client is not self.victim and service not in self.used:
                    continue
                for server in service.servers:
                    port += 1
                    at = self.rng.uniform(ZERO, ZERO + 2 * self.interval)
                    while at < self.end:
                        out.append((at, self.line(client, server, port, at)))
                        at += self.interval * self.rng.uniform(7 / 8, 9 / 8)
        return [line for _, line in sorted(out)]

    def line(self, client, server, port, at):
        hops, e2e, lan = self.trace(client, server, at)
        run = self.rng.getrandbits(32)
        return (f"ev=path v=1 ts={at:.3f} run={run:08x} cl={client.addr} dev=\"{client.name}\" pol=all svc={server.service.name} "
                f"host=\"{server.host}\" by=sni proto=tcp af=4 sport={port} dst={server.addr} dport=443 why=period stop=reached "
                f"nhop={len(server.path) + 1} sent={len(server.path) + 2} fp=00000001 e2e={e2e:.1f} lan={lan:.1f} hops={hops}")


def noise(rng):
    """A queue here and there; one value in fifty far off."""
    return rng.expovariate(1 / 0.8) + (rng.uniform(10, 80) if rng.random() < 0.02 else 0)


class Client:
    def __init__(self, rng, n):
        self.addr, self.name = f"192.168.1.{10 + n}", f"device-{n}"
        self.wifi = rng.random() < 0.7

    def rtt(self, rng):
        """The least of an armed period; over Wi-Fi uneven, with long spells now and then."""
        if not self.wifi:
            return 0.3 + rng.expovariate(1 / 0.1)
        return 2 + rng.expovariate(1 / 2) + (rng.uniform(10, 60) if rng.random() < 0.05 else 0)


class Router:
    def __init__(self, rng, n):
        self.addrs = [f"10.{n}.0.1"] + ([f"10.{n}.0.2"] if rng.random() < 0.1 else [])
        self.latency = rng.uniform(0.2, 6)  # ms there and back over the link to it
        self.replies = rng.choices((1.0, 0.9, 0.3, 0.0), (75, 10, 5, 10))[0]
        self.late = rng.choices((0.0, 3.0, 40.0), (70, 20, 10))[0]  # ms, by its own slowness

    def answers(self, rng):
        return rng.random() < self.replies

    def lateness(self, rng):
        return rng.expovariate(1 / self.late) if self.late else 0

    def name(self, rng):
        return rng.choice(self.addrs)


class Service:
    def __init__(self, rng, n, routers):
        self.name = f"service{n}"
        # All share the first three routers; a service's servers share what is behind them for a while.
        middle = rng.sample(routers[3:], rng.randint(2, 7))
        self.servers = [Server(rng, self, k, n, routers[:3] + middle + rng.sample([r for r in routers[3:] if r not in middle], rng.randint(1, 3)))
                        for k in range(rng.randint(1, 3))]


class Server:
    def __init__(self, rng, service, k, n, path):
        self.service, self.path = service, path
        self.addr, self.host = f"198.51.{n}.{k + 1}", f"h{k}.service{n}.example"
        self.latency = [router.latency for router in path] + [rng.uniform(0.2, 6)]
