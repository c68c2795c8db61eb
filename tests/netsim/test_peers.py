#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of what `make peers` reads and how it judges, in TAP."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import peer_judge  # noqa: E402
import peer_tools  # noqa: E402
import ways  # noqa: E402
from tap import finish, ok, same  # noqa: E402


def refused(parse, text):
    try:
        parse(text)
    except (ValueError, KeyError, IndexError):
        return True
    return False


S = "198.51.100.1"
R = {name: f"198.18.0.{n}" for n, name in enumerate(("r1", "r2", "r3", "r4", "r5", "r6"), 1)}
R1, R2, R3, R4, R5, R6 = R.values()

# --- parsers ---

TRACEROUTE = f"""traceroute to {S} ({S}), 32 hops max, 60 byte packets
 1  {R1}  0.287 ms  0.225 ms  0.216 ms
 2  {R2}  1.210 ms {R3}  1.185 ms *
 3  * * *
 4  * {R4}  9.100 ms !X  9.000 ms
 5  {S}  9.568 ms  9.546 ms  9.538 ms
"""
shown = peer_tools.traceroute(TRACEROUTE)
same("traceroute: the n-th probes make the n-th row", shown.rows,
     [[R1, R2, None, None, S], [R1, R3, None, R4, S], [R1, None, None, R4, S]])  # fmt: skip
same("traceroute: all addresses of a hop", shown.joined, [[R1], [R2, R3], [], [R4], [S]])
ok("traceroute: what is none is refused", refused(peer_tools.traceroute, "") and refused(peer_tools.traceroute, "connect: no\n"))

MTR = f"""Start: 2026-11-21T07:33:55+0000
HOST: gateway                     Loss%   Snt   Last   Avg  Best  Wrst StDev
  1.|-- {R1}                 0.0%     3    0.1   0.1   0.1   0.1   0.0
  2.|-- {R2}                 0.0%     3    1.1   1.1   1.1   1.1   0.0
        {R3}
  3.|-- ???                       100.0     3    0.0   0.0   0.0   0.0   0.0
  4.|-- {S}               0.0%     3    9.3   9.5   9.3   9.7   0.2
"""
shown = peer_tools.mtr(MTR)
same("mtr: the hops' own lines are its path", shown.rows, [[R1, R2, None, S]])
same("mtr: further addresses stand below", shown.joined, [[R1], [R2, R3], [], [S]])
ok("mtr: what is none is refused", refused(peer_tools.mtr, ""))


def scamper(hop_count, *hops):
    hops = [{"addr": addr, "probe_ttl": ttl} for ttl, addr in hops]
    return "\n".join(map(json.dumps, ({"type": "cycle-start"}, {"type": "trace", "hop_count": hop_count, "hops": hops})))


shown = peer_tools.scamper(scamper(4, (1, R1), (2, R2), (2, R3), (4, S)))
same("scamper: hops that do not answer are left out there", shown.rows, [[R1, R2, None, S]])
same("scamper: a second answer to the same TTL", shown.joined, [[R1], [R2, R3], [], [S]])
same("scamper: nobody answers", peer_tools.scamper('{"type":"trace","hop_count":2}').rows, [[None, None]])
ok("scamper: what is none is refused", refused(peer_tools.scamper, "usage") and refused(peer_tools.scamper, '{"type":"cycle-stop"}'))


def probe(ttl, src=None):
    return {"sent": {"ip": {"ttl": ttl}}, "received": {"ip": {"src": src}} if src else None}


flows = {"33434": [probe(1, R1), probe(2), probe(3, S)], "33435": [probe(3, S), probe(1, R1), probe(2, R3)]}
same("Dublin traceroute: each flow is a path", peer_tools.dublin(json.dumps({"flows": flows})).rows, [[R1, None, S], [R1, R3, S]])
ok("Dublin traceroute: what is none is refused", refused(peer_tools.dublin, "") and refused(peer_tools.dublin, "{}"))

# --- what exists ---

FORK = """# balanced by flow
router r1
router r2 from 203.0.113.9
router r3 late 300ms..2s
router r4 balance packet interface silent:1
router r5
router r6 limit 5/2
server s1 addr 198.51.100.1
server s2 addr 198.51.100.2
link r1 r2 delay 3ms
path gw r1 { r2 | r3 r4 | } r5 s1
path gw r1 r6 s2
"""
FROM = "203.0.113.9"
fork = ways.Ways(FORK)
same("a way of several lengths", [fork.at(n) for n in range(1, 7)], [{R1}, {FROM, R3, R5}, {R5, R4, S}, {S, R5}, {S}, set()])
ok("links are those of one way", fork.follows(R3, R4) and fork.follows(R1, R5) and not fork.follows(FROM, R4))
ok("an address that a router does not answer from is on no way", R2 not in fork.at(2))
ok("another server's way is not this one's", R6 not in fork.at(2) and R6 in ways.Ways(FORK, "s2").at(2))
ok("who may be silent", fork.why_silent(["r3"], 1) and not fork.why_silent(["r3"], 3) and fork.why_silent(["r1", "r6"], 1))
ok("an option's argument is no option", not fork.why_silent(["r4"], 1))
ok("a link that loses excuses every star", ways.Ways(FORK + "link r5 s1 loss 1%\n").why_silent(["r1"], 1))
ok("how packets are spread, where they are", fork.balanced == {"flow"} and not ways.Ways(FORK, "s2").balanced)
nested = ways.Ways("router a\nrouter b\nrouter c\nrouter d\nserver s1 addr 198.51.100.1\npath gw a {{b|c}|d} s1\n")
same("braces within braces", nested.at(2), {R2, R3, R4})
chain = ["router r1", "router r2 {}", "router r3", "router r4", "server s1 addr 198.51.100.1", "path gw r1 r2 r3 r4 s1", ""]
hidden = ways.Ways("\n".join(chain).format("invisible"))
ok("invisible: the next has its TTL", hidden.at(2) == {R3} and hidden.follows(R1, R3) and not hidden.follows(R1, R2))
zero = ways.Ways("\n".join(chain).format("zero-ttl"))
ok("zero-ttl: the next answers twice", zero.at(2) == zero.at(3) == {R3} and zero.follows(R3, R3) and zero.follows(R1, R3) and zero.follows(R3, R4))
later = ways.Ways("\n".join(chain).format("") + "at 2s router r2 invisible\nat 3s path gw r1 r4 s1\n")
ok("what was, and what becomes", {R2, R3, R4} <= later.at(2) and later.follows(R2, R3) and later.follows(R1, R3) and later.follows(R1, R4))

# --- judgements ---

PLAIN = """router r1
router r2
router r3
router r4 silent
router r5
server s1 addr 198.51.100.1
path gw r1 { r2 | r3 } r4 r5 s1
"""
plain = ways.Ways(PLAIN)


def path(*hops, server=None):
    return {"server": [server or len(hops) + 1], "hops": [[{"router": n, "addr": R[n]} for n in hop.split("+")] for hop in hops]}


TRUE = [path("r1", "r2", "r4", "r5")]


def judged(*rows, joined=False, paths=None, where=plain):
    rows = [list(row) for row in rows]
    return peer_judge.verdict(peer_tools.Shown(rows, peer_tools.joined(rows) if joined else None), paths or TRUE, S, where)


same("the flow's path", judged((R1, R2, None, R5, S)), peer_judge.Verdict("", "", True))
other = judged((R1, R3, None, R5, S))
ok("another flow's path is not it, but exists", other.wrong == f"2/{R3}: true is {R2}" and not other.phantom, other)
ok("one path of several is enough", not judged((R1, R3, None, R5, S), (R1, R2, None, R5, S)).wrong)
ok("one address of several is enough", not judged((R1, R3, None, R5, S), (R1, R2, None, R5, S), joined=True).wrong)
ok("whole paths are not mixed", judged((R1, R3, None, R5, S), (R1, R2, None, R4, S)).wrong)
star = judged((R1, None, None, R5, S))
ok("a star where a router answers", star.wrong == "2/*: r2 answers" and not star.phantom, star)
ok("... unless it may be silent", not judged((R1, R2, None, R5, S)).wrong)
far = judged((R1, R2, None, R5, None, S))
ok("the server at another TTL", far.wrong and "the server" in far.phantom + far.wrong and far.reached, far)
ok("that TTL exists on no way", "on no way at that TTL" in far.phantom, far)
short = judged((R1, R2, None, None, None))
ok("a path that ends where routers answer", short.wrong == "4/*: r5 answers" and not short.reached, short)
dead = [path("r1", "r2", "r4", "r4", "r4", "r4", "r4", "r5")]
ok("everybody gives up behind five silent hops", not judged((R1, R2, None), paths=dead).wrong)
ok("but not behind four", judged((R1, R2, None), paths=[path("r1", "r2", "r4", "r4", "r4", "r4", "r5")]).wrong)
ok("nothing is shown", judged().wrong and not judged().phantom and not judged().reached)
crossed = judged((R1, R2, R3, R5, S))
ok("a router at a TTL that it is never at", crossed.phantom == f"3/{R3}: on no way at that TTL", crossed)
TWO = """router r1
router r2
router r3
router r4
router r5
server s1 addr 198.51.100.1
path gw r1 { r2 r3 | r4 r5 } s1
"""
link = judged((R1, R2, R5, S), where=ways.Ways(TWO), paths=[path("r1", "r2", "r3")])
ok("a link between two branches does not exist", link.phantom == f"2/{R2},3/{R5}: consecutive on no way", link)
rows = [R1, R2, R3, S], [R1, R4, R5, S]
ok("rows are read each for itself", not judged(*rows, joined=True, where=ways.Ways(TWO), paths=[path("r1", "r2", "r3")]).phantom)
ok("what stands behind the server is not read", not judged((R1, R2, None, R5, S, S)).wrong and not judged((R1, R2, None, R5, S, S)).phantom)
changed = [path("r1", "r2", "r4", "r5"), path("r1", "r3", "r4", "r5")]
ok("either of two paths that were in force", not judged((R1, R3, None, R5, S), paths=changed).wrong)

finish()
