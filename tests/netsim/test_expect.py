#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of expect.py, in TAP: what a case file says, and that each kind of difference is seen."""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import expect  # noqa: E402
import records  # noqa: E402
from tap import finish, ok  # noqa: E402

TOPOLOGY = """# What it
# shows.
router r1
router r2 addr 100.64.0.1 from 203.0.113.7   # not its own
router r3
server s1 addr 198.51.100.1 addr6 2001:db8:5::1
path gw r1 r2 r3 s1
"""
ONE = "path nhop=3 hops=1/r1,2/r2.from~*,3/s1\n"


def case(expected, run=""):
    return expect.Case(TOPOLOGY + (f"--- run\n{run}" if run else "") + "--- expect\n" + expected)


HOPS = "1/198.18.0.1/1.00,2/203.0.113.7/20.50,3/198.51.100.1/3.00"


def fp_of(hops):
    entries = [records.hop(entry) for entry in hops.split(",")]
    return expect.fingerprint([(hop.ttl or 0, hop.addrs) for hop in entries])


def path(run="a", hops=HOPS, nhop=3, fp=None, **more):
    fields = {"ev": "path", "v": "1", "ts": "1.0", "run": run, "cl": "192.168.77.2", "pol": "all", "svc": "all", "by": "addr",
              "proto": "tcp", "af": "4", "sport": "20001", "dst": "198.51.100.1", "dport": "5001", "why": "start",
              "stop": "reached", "nhop": nhop, "sent": "3", "fp": fp or fp_of(hops), "e2e": "3.1",
              "mss": "1460/1460", "opts": "sack,ts,ws/sack,ts,ws"}  # fmt: skip
    fields.update(more)
    fields["hops"] = hops
    return fields


def hop(ttl, addr, run="a", **more):
    fields = {"ev": "hop", "v": "1", "ts": "1.0", "run": run, "ttl": ttl, "addr": addr, "sent": "1", "answered": "1"}
    if addr == "*":
        fields.update(sent="2", answered="0")
    else:
        fields.update(min="1.0", med="1.0", max="1.0", rttl="254")
    if addr not in ("*", "198.51.100.1"):
        fields.update(qttl="1", qlen="33", type="11", code="0")
    fields.update(more)
    return fields


def hops_of(run="a", second="203.0.113.7", **more):
    return [hop(1, "198.18.0.1", run), hop(2, second, run, **more), hop(3, "198.51.100.1", run)]


def change(**more):
    fields = {"ev": "change", "v": "1", "ts": "1.0", "run": "b", "cl": "192.168.77.2", "pol": "all", "svc": "all", "by": "addr",
              "proto": "tcp", "af": "4", "sport": "20001", "dst": "198.51.100.1", "dport": "5001", "old": "1", "new": "2",
              "ttl": "2"}  # fmt: skip
    fields.update(more)
    return fields


def read(lines):
    """Through a file, as inpathd writes and records.py reads it."""
    with tempfile.NamedTemporaryFile("w") as file:
        for fields in lines:
            file.write(" ".join(f'{k}="{v}"' if "!" in str(v) else f"{k}={v}" for k, v in fields.items()) + "\n")
        file.flush()
        return expect.records_of(records.Log(file.name).read()).get((4, 20001), [])


def judged(expected, lines):
    return expect.judge(case(expected), 4, read(lines))


def done(expected, lines):
    verdict = judged(expected, lines)
    return verdict.done and not verdict.bad


def bad(expected, lines):
    verdict = judged(expected, lines)
    return verdict.bad and not verdict.done


good = [path(), *hops_of()]
ok("an ordinary record, and its ordinary hops", done(ONE, good))
ok("nothing yet is neither", not done(ONE, []) and not bad(ONE, []))
ok("a path whose hops have not all come is waited for", not done(ONE, good[:-1]) and not bad(ONE, good[:-1]))
ok("a second path that nobody expects", bad(ONE, good + [path("b"), *hops_of("b")]))
ok("a wrong address", bad("path nhop=3 hops=1/r1,2/r2,3/s1\n", good))
ok("a hop too few", bad("path nhop=3 hops=1/r1,2/r2.from,3/r3,4/s1\n", good))
mute = [path(hops=HOPS.replace("203.0.113.7/20.50", "*")), *hops_of(second="*")]
ok("a silent hop where an address is wanted", bad("path nhop=3 hops=1/r1,2/r3,3/s1\n", mute))
ok("one of two alternatives", done(ONE, mute))
both = [path(hops=HOPS.replace("203.0.113.7/", "203.0.113.7+198.18.0.3/")), *hops_of(second="203.0.113.7+198.18.0.3")]
ok("several addresses, in whatever order", done("path nhop=3 hops=1/r1,2/r3+r2.from,3/s1\n", both))
ok("several are not one", bad("path nhop=3 hops=1/r1,2/r3~r2.from,3/s1\n", both))
ok("another stop cause", bad(ONE, [path(stop="gap"), *hops_of()]))
ok("a field that nobody expects", bad(ONE, [path(loop=2), *hops_of()]))
ok("a field that is missing", bad(ONE.replace("nhop", "loop=2 nhop"), good))
ok("a field with another value", bad(ONE.replace("nhop", "loop=3 nhop"), [path(loop=2), *hops_of()]))
ok("a field as expected", done(ONE.replace("nhop", "loop=2 nhop"), [path(loop=2), *hops_of()]))
ok("a field that may be missing", all(done(ONE.replace("nhop", "loop=2~- nhop"), l) for l in (good, [path(loop=2), *hops_of()])))
ok("another MSS than ordinary", bad(ONE, [path(mss="1460/1400"), *hops_of()]))
ok("a fingerprint that is not the hops'", bad(ONE, [path(fp="00000000"), *hops_of()]))
ok("another server", bad(ONE, [path(dst="198.51.100.2"), *hops_of()]))
ok("a round trip time that is long enough", done(ONE.replace("nhop", "rtt@2>=20 rtt@3<20 nhop"), good))
ok("one that is not", bad(ONE.replace("nhop", "rtt@2>=21 nhop"), good) and bad(ONE.replace("nhop", "rtt@3>=4 nhop"), good))
ok("a hop says what nobody expects", bad(ONE, [path(), *hops_of(rewritten="dscp")]))
ok("a hop says what is expected", done(ONE + "hop ttl=2 rewritten=dscp first=-\n", [path(), *hops_of(rewritten="dscp")]))
ok("a hop does not say it", bad(ONE + "hop ttl=2 rewritten=dscp\n", good))
ok("a hop's address is not the path's", bad(ONE, [path(), *hops_of(second="198.18.0.3")]))
ok("a quote that is shorter than ordinary", bad(ONE, [path(), *hops_of(qlen="8")]))
ok("... and is in this case", done("default qlen=8\n" + ONE + "hop ttl=1 qlen=33\n", [path(), *hops_of(qlen="8")]))
ok("more answers than probes", bad(ONE, [path(), *hops_of(sent="1", answered="2")]))
ok("a reply's TTL, where the case names it", bad(ONE + "hop ttl=2 rttl=60\n", good) and done(ONE + "hop ttl=2 rttl=254\n", good))
ok("numbers in a range", done(ONE + "hop ttl=2 sent=1..2\n", good) and bad(ONE + "hop ttl=2 sent=2..3\n", good))
ok("quoted values", done(ONE.replace("nhop", 'unreach="2!X" nhop'), [path(unreach="2!X"), *hops_of()]))
ok("by family", done(ONE.replace("nhop", "nat=shared@2|- nhop"), [path(nat="shared@2"), *hops_of()]))
ok("lines of the other family do not count", done("path af=6 stop=gap\n" + ONE, good))

again = [path("b", why="period"), *hops_of("b")]
third = [path("c", why="period"), *hops_of("c")]
SECOND = ONE.replace("path", "path why=period")
ok("in order", done(ONE + SECOND, good + again) and bad(SECOND + ONE, good + again))
ok("not all yet", not done(ONE + SECOND, good) and not bad(ONE + SECOND, good))
ok("any number", all(done(ONE + "path*" + SECOND[4:], good + more) for more in ([], again, again + third)))
ok("one or more", all(done(ONE + "path+" + SECOND[4:], good + more) for more in (again, again + third)))
ok("... but not none", not done(ONE + "path+" + SECOND[4:], good))
slow = [path("b", why="slow"), *hops_of("b")]
ok("a trace as the flow is slow is one again, too", done(ONE + SECOND, good + slow) and bad(SECOND, good))
ok("once is not twice", bad(ONE + SECOND, good + again + third))
ok("a change", done(ONE + SECOND + "change ttl=2\n", good + again + [change()]))
ok("a change at another TTL", bad(ONE + SECOND + "change ttl=3\n", good + again + [change()]))
ok("a change that nobody expects", bad(ONE + "path+" + SECOND[4:], good + again + [change()]))
other = [path("c", why="period", loop=2), *hops_of("c")]
ok("any number, then another", done(ONE + "path*" + SECOND[4:] + "path why=period loop=2 nhop=3\n", good + again + other))
verdict = judged(ONE, [path(loop=2), *hops_of()])
text = "\n".join(expect.explain(case(ONE), 4, read([path(loop=2), *hops_of()]), verdict))
ok("what is wrong is said", "loop 2 want -" in text and "hops=1/r1" in text and HOPS in text)

UDP = {"qlen": "29"}
quic = [path(proto="quic", by="sni", host="q20001.quic.example", stop="inferred", mss="-", opts="-"),
        hop(1, "198.18.0.1", **UDP), hop(2, "203.0.113.7", **UDP), hop(3, "198.51.100.1", answered="0")]  # fmt: skip
for gone in "mss", "opts":
    quic[0].pop(gone)
quic[3].pop("rttl")


def quic_judged(lines):
    verdict = expect.judge(case(ONE, "proto quic\n"), 4, read(lines))
    return verdict.done and not verdict.bad


ok("an ordinary record of QUIC", quic_judged(quic))
ok("... is none of TCP, nor TCP's of QUIC", bad(ONE, quic) and not quic_judged(good))
ok("another name than the greeting's", not quic_judged([quic[0] | {"host": "q20002.quic.example"}, *quic[1:]]))
ok("a server that is inferred has said nothing", not quic_judged([*quic[:3], quic[3] | {"rttl": "60"}]))


def refused(text, run=""):
    try:
        case(text, run)
    except expect.Malformed:
        return True
    return False


whole = case(ONE + "stats replies_late>=2\n", "interval 1 # often\n\nflows 4\n")
ok("the words of a run, without comments", whole.options == ["interval 1", "flows 4"])
ok("counters", whole.stats == [("replies_late", ">=", 2.0)])
ok("a title", whole.title == "What it shows.")
ok("the topology is what stands before", whole.topology == TOPOLOGY)
ok("names stand for addresses, by family", whole.names.resolve(6, "r2") == "2001:db8:ff::2")
ok("... those given and those by declaration", whole.names.resolve(4, "1/r2,2/r3") == "1/100.64.0.1,2/198.18.0.3")
ok("what is no expectation is refused", all(map(refused, ("trace nhop=3\n", "path nhop\n", "hop ttl=1\n", ONE + "hop nhop=3\n"))))
finish()
