# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be shown of a topology at all, in IPv4: the addresses at each TTL, and which may follow which.

Reads the language of topology.h, as `netsim -p` prints it. Nothing here knows which way a flow takes: an address or a
link that is not in here is on no way to the server, of any flow, at any time. Where events change a router, both what it
was and what it becomes count.

    ways = Ways(text)                  # ... of its first server; Ways(text, "s2") of another
    ways.at(3)                         # the addresses that may answer a packet that leaves the gateway with TTL 3
    ways.follows("198.18.0.1", "198.18.0.2")
    ways.why_silent(["r3"], 1.0)       # why there may be no answer within 1 s: "" if there must be one
    ways.balanced                      # how packets are spread where ways split: of flow, destination, packet
"""

import re

END = "end"  # the place where a way ends: the server
HOPS = 64
ARGUMENT = {"addr6", "from6", "quote", "mpls", "interface", "extensions", "dscp", "ecn", "expire", "firewall"}
TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def seconds(word):
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s)", word).groups()
    return float(number) * TIMES[unit]


class Router:
    """What a router is, over all versions of it."""

    def __init__(self, number):
        self.own, self.source = f"198.18.{number >> 8}.{number & 255}", None
        self.addrs = set()  # of its answers
        self.zero = set()  # whether it forwards with TTL 0; both, where that changes
        self.visible = set()
        self.balance = set()
        self.silent = self.limited = False
        self.late = 0.0

    def change(self, words):
        """One statement's options."""
        rest = iter(words)
        for word in rest:
            self.option(word, rest)
        self.zero = self.zero or {False}
        self.visible = self.visible or {True}
        self.balance = self.balance or {"flow"}
        self.addrs.add(self.source or self.own)

    def option(self, word, rest):
        if word == "addr":
            self.own = next(rest)
        elif word == "from":
            self.source = next(rest)
        elif word in ("zero-ttl", "no-zero-ttl"):
            self.zero.add(word == "zero-ttl")
        elif word in ("invisible", "visible"):
            self.visible.add(word == "visible")
        elif word == "silent":
            self.silent = True
        elif word == "limit":
            self.limited = next(rest) != "off" or self.limited
        elif word == "late":
            self.late = max(self.late, seconds(next(rest).split("..")[-1]))
        elif word == "balance":
            self.balance.add(next(rest))
        elif word in ARGUMENT:
            next(rest)


class Step:
    """A router's place in a way."""

    def __init__(self, router, after):
        self.router = router
        self.after = after  # steps and END, of which one comes next


def chain(words, after):
    """The first steps of a sequence of words that ends in `after`, which may be several."""
    for item in reversed(items(words)):
        if isinstance(item, str):
            after = [Step(item, after)]
        else:
            after = [step for branch in item for step in chain(branch, after)]
    return after


def items(words):
    """Names, and lists of alternatives."""
    out, depth = [], 0
    for word in words:
        if word == "{":
            depth += 1
            if depth == 1:
                out.append([[]])
                continue
        elif word == "}":
            depth -= 1
            if depth == 0:
                continue
        elif word == "|" and depth == 1:
            out[-1].append([])
            continue
        if depth:
            out[-1][-1].append(word)
        else:
            out.append(word)
    return out


class Ways:
    def __init__(self, text, server=None):
        self.routers, self.servers, self.ways = {}, {}, []
        self.lossy = False
        for line in text.splitlines():
            words = re.sub(r"([{}|])", r" \1 ", line.split("#")[0]).split()
            if words:
                self.statement(words)
        self.server = server or next(iter(self.servers))
        self.links = set()
        self.places = [set() for _ in range(HOPS + 2)]  # by TTL
        self.balanced = set()
        for name, steps in self.ways:
            if name == self.server:
                self.walk(steps)

    def statement(self, words):
        if words[0] == "at":
            words = words[2:]
        kind, *rest = words
        if kind == "router":
            self.routers.setdefault(rest[0], Router(len(self.routers) + 1)).change(rest[1:])
        elif kind == "server":
            self.servers[rest[0]] = {addr for word, addr in zip(rest[1::2], rest[2::2]) if word == "addr"}
        elif kind == "link" and "loss" in rest:
            self.lossy |= float(rest[rest.index("loss") + 1].rstrip("%")) > 0
        elif kind == "path":
            self.ways.append((rest[-1], chain(rest[1:-1], [END])))

    # --- what answers where ---

    def addrs(self, step):
        return self.servers[self.server] if step == END else self.routers[step.router].addrs

    def seen(self, steps):
        """The next steps of which a TTL can tell: those that do not decrement are passed through."""
        out = []
        for step in steps:
            if step == END or True in self.routers[step.router].visible:
                out.append(step)
            if step != END and False in self.routers[step.router].visible:
                out += self.seen(step.after)
        return list(dict.fromkeys(out))

    def answers(self, step):
        """(who answers, what comes behind `step` then) for the TTL that would end at it: a router that forwards
        with TTL 0 leaves the answer to the next."""
        if step == END:
            return [(END, [])]
        zero, behind = self.routers[step.router].zero, self.seen(step.after)
        out = [(step, behind)] if False in zero else []
        return out + [(then, [then]) for then in behind if True in zero]

    def walk(self, first):
        now = self.seen(first)
        for ttl in range(1, HOPS + 2):
            for step in now:
                for who, behind in self.answers(step):
                    self.places[ttl] |= self.addrs(who)
                    self.link(who, behind)
            now = list(dict.fromkeys(then for step in now if step != END for then in self.seen(step.after)))
        self.find_balanced(first, set())

    def find_balanced(self, steps, known):
        for step in steps:
            if step != END and step not in known:
                known.add(step)
                self.balanced |= self.routers[step.router].balance if len(step.after) > 1 else set()
                self.find_balanced(step.after, known)

    def link(self, who, behind):
        for step in behind:
            for then, _ in self.answers(step):
                self.links |= {(a, b) for a in self.addrs(who) for b in self.addrs(then)}

    def at(self, ttl):
        return self.places[ttl] if 0 < ttl < len(self.places) else set()

    def follows(self, before, after):
        return (before, after) in self.links

    def why_silent(self, names, patience):
        """Names of routers, any of which may be the one that is asked."""
        for router in (self.routers[name] for name in names):
            if router.silent or router.limited or router.late >= patience:
                return "silent" if router.silent else "limited" if router.limited else "late"
        return "loss" if self.lossy else ""
