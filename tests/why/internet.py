# SPDX-License-Identifier: GPL-2.0-or-later
"""internet.py: what lies on both sides of a household's gateway, drawn from a seed, as two topologies for netsim (topology.h):
the ways from the WAN to the servers, and the links from the LAN to the devices; and one thing that happens, at a known place.

    a1 - a2 - a3 - x1 - m1a ... - s1        the first three are everybody's, the fourth half the servers', the others one's

What is there without any fault: queues, routers that answer late, seldom, twice or never, balancers, uneven Wi-Fi.
"""
import random

from table import SEGMENTS

SLOW = tuple(f"{segment} slow" for segment in SEGMENTS)
CUT = ("access cut", "transit cut", "service cut")
QUIET = ("quiet", "late router", "jitter", "other route")  # nothing; and what is no problem
CLIENT = {4: "192.168.77.{}", 6: "2001:db8:77::{}"}
SERVER = {4: "198.51.100.{}", 6: "2001:db8:5::{}"}


class Internet:
    """.kind happens at .onset, in seconds from the first packet; .until is when enough is seen of it."""

    def __init__(self, seed, kind):
        self.rng = rng = random.Random(f"{seed} {kind}")
        self.kind = kind
        self.fault = kind.split()[0] if kind in SLOW + CUT else None
        self.onset = rng.uniform(12, 18)
        self.until = self.onset + rng.uniform(11, 16)
        self.routers, self.links, self.paths = {}, {}, {}
        self.clients = [(rng.choice((4, 4, 4, 6)), 2 + n) for n in range(rng.choice((2, 3)))]
        self.wifi = {n: (rng.uniform(0.2, 3), rng.choice((0, 1, 6))) for _, n in self.clients}
        self.ways = self.draw_ways()
        self.events, self.lan_events = [], []
        self.victim = self.sick = None
        self.draw_event()

    # --- the ways ---

    def router(self, name):
        """It and how it behaves by itself."""
        behaviours = ("", "silent", "late 1ms..40ms", "late 25ms", "limit 6/6", "twice", "mpls 100:0:1", "quote 28")
        self.routers[name] = self.rng.choices(behaviours, (70, 7, 7, 4, 4, 3, 3, 2))[0]
        return name

    def draw_ways(self):
        rng = self.rng
        access = [self.router(f"a{n}") for n in (1, 2, 3)]
        shared = [self.router(f"x{n}") for n in (1, 2)]
        ways = {}
        for number in range(1, rng.choice((4, 5, 6)) + 1):
            own = [self.router(f"m{number}{letter}") for letter in "abcde"[: rng.randint(2, 5)]]
            ways[f"s{number}"] = [*access, shared[number % 2], *own]
        for server, way in ways.items():
            for a, b in zip(["gw", *way], [*way, server]):
                self.links.setdefault((a, b), (rng.uniform(0.2, 4), rng.choice((0, 0.3, 1, 3))))
        return ways

    def way_text(self, server):
        return f"path gw {' '.join(self.paths.get(server) or self.ways[server])} {server}"

    @staticmethod
    def link_text(a, b, values, more=0, loss=0, sign=""):
        delay, jitter = values
        return f"link {a} {sign}{b} delay {(delay + more) * 1000:.0f}us jitter {jitter * 1000:.0f}us loss {loss}%"

    # --- what happens ---

    def draw_event(self):
        rng = self.rng
        way_to = rng.choice(sorted(self.ways))
        way = [*self.ways[way_to], way_to]
        if self.kind == "lan slow":
            self.victim = rng.choice(self.clients)
        elif self.kind == "late router":
            name = rng.choice(way[:-1])
            self.routers[name] = ""
            self.events.append(f"router {name} late {rng.randint(30, 60)}ms..{rng.randint(80, 200)}ms")
        elif self.kind == "jitter":
            link = rng.choice(sorted(self.links))
            self.links[link] = (self.links[link][0], rng.uniform(5, 30))
        elif self.kind == "other route":
            self.reroute(way_to)
        elif self.fault == "access":
            self.sick = rng.choice(list(zip(["gw", *way], way))[:3])
        elif self.fault == "transit":
            self.sick = rng.choice(list(zip(way, way[1:]))[2:-1])
        elif self.fault == "service":
            self.sick = way[-2], way[-1]
        if self.fault:
            self.draw_fault()

    def draw_fault(self):
        """More round trip over the sick link: on one direction of it, or both."""
        self.extra = self.rng.uniform(20, 150)
        if self.victim:
            number = self.victim[1]
            self.lan_events.append(self.link_text(f"w{number}", f"c{number}", self.wifi[number], self.extra / 2))
        elif self.kind in CUT:
            self.events.append(self.link_text(*self.sick, self.links[self.sick], loss=100))
        elif self.rng.random() < 0.5:
            self.events.append(self.link_text(*self.sick, self.links[self.sick], self.extra / 2))
        else:
            ends = self.rng.choice((self.sick, self.sick[::-1]))
            self.events.append(self.link_text(*ends, self.links[self.sick], self.extra, sign="> "))

    def reroute(self, server):
        """Another router in place of the last, by links that are as long."""
        way = self.ways[server]
        other = self.router("o1")
        for (a, b), values in list(self.links.items()):
            if a == way[-1] or b == way[-1]:
                self.links[other if a == way[-1] else a, other if b == way[-1] else b] = values
        self.paths[server] = [*way[:-1], other]
        self.events.append(self.way_text(server))
        del self.paths[server]

    # --- as text ---

    def text(self):
        lines = [f"router {name} {behaviour}".strip() for name, behaviour in self.routers.items()]
        lines += [f"server {name} addr {SERVER[4].format(name[1:])} addr6 {SERVER[6].format(name[1:])}" for name in self.ways]
        lines += [self.way_text(name) for name in self.ways]
        lines += [self.link_text(*ends, values) for ends, values in self.links.items()]
        return "\n".join([*lines, *(f"at {self.onset:.3f}s {event}" for event in self.events), ""])

    def lan_text(self):
        """The devices are the servers of this one, each behind a switch that nobody sees."""
        lines = []
        for af, number in self.clients:
            lines += [f"router w{number} invisible", f"server c{number} {'addr' if af == 4 else 'addr6'} {CLIENT[af].format(number)}"]
            lines += [f"path gw w{number} c{number}", self.link_text(f"w{number}", f"c{number}", self.wifi[number])]
        return "\n".join([*lines, *(f"at {self.onset:.3f}s {event}" for event in self.lan_events), ""])
