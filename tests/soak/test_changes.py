#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of changes.py, in TAP: what is named rightly is found right, and each kind of miss is caught."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, "netsim"), TESTS]
import changes  # noqa: E402
import records  # noqa: E402
from tap import finish, ok  # noqa: E402

FLOW = (4, 20001, "198.51.100.1", 5001, "tcp")
ADDR = "198.18.0.{}".format


def true_path(since, until, *routers):
    """Each a number, or several by `+`: they take turns."""
    hops = [[{"router": f"r{n}", "addr": ADDR(n)} for n in names.split("+")] for names in routers]
    return {"from": since, "until": until, "server": [len(routers) + 1], "hops": hops}


def trace(at, *shown, why="period", stop="reached"):
    """A path record of a trace that began then: routers' numbers, `*` for silence; then the server."""
    hops = [records.Hop(ttl, () if n == "*" else (ADDR(n),), 1.0) for ttl, n in enumerate(shown, 1)]
    hops.append(records.Hop(len(hops) + 1, (FLOW[2],), 1.0))
    return {"ev": "path", "ts": str(at), "run": str(at), "proto": "tcp", "af": "4", "sport": "20001", "dst": FLOW[2],
            "dport": "5001", "why": why, "stop": stop, "nhop": str(len(hops)), "hops": hops}  # fmt: skip


def change(at, ttl):
    return {"ev": "change", "run": str(at), "ttl": str(ttl)}


def follow(paths, recs):
    probes = [{"ttl": 1, "at": float(r["ts"]), "end": "expired", "answers": [0.01]} for r in recs if r["ev"] == "path"]
    sent = [{"ev": "probe", "run": r["run"], "ts": r["ts"], "ttl": "1"} for r in recs if r["ev"] == "path"]
    flow = {"proto": "tcp", "af": 4, "src": "192.0.2.2", "sport": 20001, "dst": FLOW[2], "dport": 5001, "paths": paths, "probes": probes}
    return changes.judge_flow(FLOW, recs + sent, {"zero": 0.0, "flows": [flow]})


def right(what, paths, recs, **count):
    said = follow(paths, recs)
    ok(what, not said.wrong and +said.count == count, f"{said.wrong} {said.count}")


def miss(what, paths, recs, word):
    said = follow(paths, recs)
    ok(what, len(said.wrong) == 1 and word in said.wrong[0], f"{said.wrong}")


STAYS = [true_path(0, None, "1", "2", "3")]
TURNS = [true_path(0, None, "1", "2+4", "3")]
CHANGES = [true_path(0, 20, "1", "2", "3"), true_path(20, None, "1", "4", "5")]
BACK = [true_path(0, 20, "1", "2", "3"), true_path(20, 35, "1", "4", "3"), true_path(35, None, "1", "2", "3")]
START = trace(10, 1, 2, 3, why="start")
OTHER = [trace(30, 1, 4, 5), trace(31, 1, 4, 5, why="change")]

right("a path that stays", STAYS, [START, trace(20, 1, "*", 3)])
right("a change that is named once", CHANGES, [START, *OTHER, change(31, 2), trace(40, 1, 4, 5)], named=1)
right("one whose first TTL is silent is named by the next", CHANGES,
      [START, trace(30, 1, "*", 5), trace(31, 1, "*", 5), change(31, 3)], named=1)  # fmt: skip
right("one that is gone again before it was sure", BACK, [START, trace(30, 1, 4, 3), trace(40, 1, 2, 3)], flaps=1)
right("routers that take turns are none", TURNS, [START, trace(20, 1, 4, 3), trace(30, 1, 2, 3)])
miss("a change where nothing changed", STAYS, [START, trace(20, 1, 2, 3), change(20, 2)], "that was none")
miss("routers that take turns named as one", TURNS, [START, trace(20, 1, 4, 3), change(20, 2)], "that was none")
miss("a change that is named twice", CHANGES, [START, *OTHER, change(31, 2), trace(40, 1, 4, 5), change(40, 2)], "that was none")
miss("a change by another TTL than the first", CHANGES, [START, *OTHER, change(31, 3)], "not the first")
miss("a change at a TTL where nothing differs", CHANGES, [START, *OTHER, change(31, 1)], "not the first")
miss("a change that is never named", CHANGES, [START, *(trace(30 + i, 1, 4, 5) for i in range(9))], "was not named")
miss("a path that is forgotten", STAYS, [START, trace(20, 1, 2, 3, why="start")], "forgotten")
finish()
