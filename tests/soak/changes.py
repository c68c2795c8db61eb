# SPDX-License-Identifier: GPL-2.0-or-later
"""Is every change of a flow's path named once, and no other? A pure function, by the rules of judge_change.c.

    count = changes.judge_flow(flow, records, truth)

`flow`, `records` and `truth` as in netsim/judge.py, which tells what was in force while a trace ran. A flow's path is the one
that its first trace showed, until a change is named. A trace during which one path was in force shows a change if
it saw, at some TTL, a router that is not of the flow's path, where one that is had been seen before. As long as trace after
trace shows it, it has to be named by the SHOWS-th, by the first TTL at which both were seen and part. A change is false
if the path in force is the flow's own all the time.
"""

import collections

import judge

SHOWS = 6
CUT = ("ended", "budget", "short")


class Path:
    """One of the truth's: who may answer at which TTL."""

    def __init__(self, true, dst):
        self.at = [frozenset(hop["addr"] for hop in hops) for hops in true["hops"]]
        for ttl in true["server"]:
            while len(self.at) < ttl:
                self.at.append(frozenset())
            self.at[ttl - 1] |= {dst}

    def who(self, ttl):
        return self.at[ttl - 1] if ttl <= len(self.at) else frozenset()

    def __eq__(self, other):
        return self.at == other.at

    def __hash__(self):
        return hash(tuple(self.at))


def seen_by(record, dst):
    """TTL -> addresses. Where a server stands that does not say so itself is inferred, and no evidence."""
    inferred = record["proto"] != "tcp" or record["stop"] != "reached"
    return {hop.ttl: {a for a in hop.addrs if not (inferred and a == dst)} for hop in record["hops"] if hop.ttl}


class Follower:
    """Follows one flow from trace to trace."""

    def __init__(self, flow):
        self.flow, self.count, self.wrong = flow, collections.Counter(), []
        self.named, self.taken, self.known = set(), set(), {}
        self.differed, self.differed_to = 0, None

    def parted(self, old, new, seen):
        """The first TTL at which these two part and both were seen; None: there is none."""
        for ttl in sorted(seen):
            both = self.known.get(ttl, set()) & old.who(ttl) and seen[ttl] & new.who(ttl)
            if both and not old.who(ttl) & new.who(ttl):
                return ttl
        return None

    def gone(self):
        self.count["flaps" if self.differed == 1 else "overtaken"] += self.differed > 0
        self.differed = 0

    def begin_with(self, paths, seen):
        self.named, self.taken = set(paths), set()
        self.known = {ttl: set(addrs) for ttl, addrs in seen.items()}
        self.differed = 0

    def trace(self, record, paths, seen):
        if not self.named or record["why"] == "start":
            if self.named:
                self.wrong.append(f"run={record['run']}: its path was forgotten")
            self.begin_with(paths, seen)
            return
        (now,) = paths if len(paths) == 1 else (None,)
        if now and all(self.parted(old, now, seen) for old in self.named):
            if record["stop"] not in CUT:
                self.differs_to(now, record)
            return
        self.gone()
        self.taken |= paths - self.named
        for ttl, addrs in seen.items():
            self.known.setdefault(ttl, set()).update(addrs)

    def differs_to(self, now, record):
        if self.differed and self.differed_to != now:
            self.gone()
        self.differed += 1
        self.differed_to = now
        if self.differed == SHOWS + 1:
            self.count["missed"] += 1
            self.wrong.append(f"run={record['run']}: a change that {SHOWS} traces in a row have shown was not named")

    def change(self, change, paths, seen):
        ttl = int(change["ttl"])
        pairs = [(old, new) for old in self.named | self.taken for new in paths if old != new]
        if not pairs:
            self.count["false"] += 1
            self.wrong.append(f"run={change['run']}: a change at TTL {ttl} that was none")
        elif not any(self.may_be(old, new, ttl, seen) for old, new in pairs):
            self.wrong.append(f"run={change['run']}: a change at TTL {ttl}, which is not the first that differs")
        self.count["named"] += bool(pairs)
        self.begin_with(paths - self.named or paths, seen)

    def may_be(self, old, new, ttl, seen):
        first = self.parted(old, new, seen)
        return not old.who(ttl) & new.who(ttl) and (first is None or first >= ttl)


def judge_flow(flow, records, truth, timeout=1.0):
    """A Follower, which has seen all of the flow's records."""
    follower = Follower(flow)
    true_flow = judge.find(truth, flow)
    paths = [r for r in records if r.get("ev") == "path" and judge.tuple_of(r) == tuple(flow)]
    changes = {r["run"]: r for r in records if r.get("ev") == "change"}
    if true_flow is None:
        return follower
    for trace in judge.traces(flow, paths, records, truth, true_flow, timeout):
        in_force = {Path(path, trace.dst) for path in trace.paths}
        seen = seen_by(trace.record, trace.dst)
        follower.trace(trace.record, in_force, seen)
        if trace.record["run"] in changes:
            follower.change(changes[trace.record["run"]], in_force, seen)
    follower.gone()
    return follower
