#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of judge.py and records.py, in TAP: what is true is found right, and each kind of miss is caught."""
import copy
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import judge  # noqa: E402
import records  # noqa: E402
from tap import finish, ok  # noqa: E402

ZERO = 1760000000.0
FLOW = (4, 20001, "198.51.100.1", 5001, "tcp")
HEAD = "cl=192.168.77.2 pol=all svc=all by=addr proto=tcp af=4 sport=20001 dst=198.51.100.1 dport=5001 why=start"
GOOD = "1/198.18.0.1/1.00,2/198.18.0.2/2.00,3/*,4/198.18.0.4/4.00,5/198.51.100.1/5.00"


def hops(*names):
    """Each name is a router's number, or several by `+`."""
    return [[{"router": f"r{n}", "addr": f"198.18.0.{n}"} for n in name.split("+")] for name in names]


def probe(ttl, at, end="expired", answers=(0.01,), **more):
    return {"ttl": ttl, "at": at, "end": end, "answers": list(answers)} | ({"router": f"r{ttl}"} if end == "expired" else {}) | more


def truth():
    """Four routers, of which the third is silent, and the server."""
    probes = [probe(ttl, 1 + ttl / 100, answers=() if ttl == 3 else (ttl / 1000,)) for ttl in range(1, 5)]
    probes += [probe(5, 1.05, "server", (0.005,)), probe(6, 1.06, "server", (0.005,)), probe(3, 1.1, answers=())]
    path = {"from": 0.0, "until": None, "server": [5], "hops": hops("1", "2", "3", "4")}
    flow = {"proto": "tcp", "af": 4, "src": "192.0.2.2", "sport": 20001, "dst": FLOW[2], "dport": 5001, "paths": [path], "probes": probes}
    return {"seed": 1, "zero": ZERO, "flows": [flow]}


def log(shown=GOOD, stop="reached", nhop=5, run="1", at=1.01, probes=None):
    """Records of one trace; its probes are those of truth() unless others are given."""
    if probes is None:
        probes = [(p["ttl"], p["at"]) for p in truth()["flows"][0]["probes"]]
    lines = [f"ev=path v=1 ts={ZERO + at:.3f} run={run} {HEAD} stop={stop} nhop={nhop} sent=6 fp=1 hops={shown}"]
    lines += [f"ev=probe v=1 ts={ZERO + sent:.3f} run={run} ttl={ttl} attempt=1 token=0x1" for ttl, sent in probes]
    parsed = [records.fields(line) for line in lines]
    return [records.join([r]) if r["ev"] == "path" else r for r in parsed]


def wrong(recs, true=None, flow=FLOW):
    return judge.judge([flow], recs, true or truth())[0].wrong


def right(what, recs, true=None):
    said = wrong(recs, true)
    ok(what, said == [], said)


def miss(what, recs, word, true=None, flow=FLOW):
    """Caught, and for this reason alone."""
    said = wrong(recs, true, flow)
    ok(what, len(said) == 1 and word in said[0], said)


right("the true path is right", log())
miss("no record", [], "no record")
miss("records of another flow are not this one's", log(), "never came", flow=(4, 20002, *FLOW[2:]))
true = truth()
true["flows"][0]["sport"] = 1024
miss("a source port that NAT has changed", log(), "source port", true)
miss("an address that is no router's", log(GOOD.replace("198.18.0.2/", "198.18.0.9/")), "2/198.18.0.9: true is 198.18.0.2")
miss("a router one TTL off", log(GOOD.replace("3/*", "3/198.18.0.4/4.00")), "3/198.18.0.4: true is 198.18.0.3")
miss("one wrong address of two", log(GOOD.replace("4/198.18.0.4/", "4/198.18.0.4+198.18.0.7/")), "4/198.18.0.7")
miss("a `*` that was answered", log(GOOD.replace("4/198.18.0.4/4.00", "4/*")), "4/*: r4 answered after 4.0 ms")
miss("a TTL left out", log(GOOD.replace("3/*,", "")), "each once")
miss("a TTL twice", log(GOOD.replace("3/*", "3/*,3/*")), "each once")
said = wrong(log(GOOD.replace("5/198.51", "5/*,6/198.51"), nhop=6))
ok("nhop beyond the server's", any("nhop=6: true is 5" in line for line in said), said)
said = wrong(log(GOOD.replace("3/*,4/198.18.0.4/4.00,5/", "3/"), nhop=3))
ok("nhop before the server's", any("nhop=3: true is 5" in line for line in said), said)
miss("the server's address at a hop that is not nhop", log(GOOD.replace("3/*", "3/198.51.100.1/4.00")), "3/198.51.100.1: the server")
said = wrong(log(GOOD.replace("5/198.51.100.1/5.00", "5/198.18.0.5/5.00")))
ok("reached, and no server's address at nhop", any("does not stand there" in line for line in said), said)

DARK = "1/198.18.0.1/1.00,2/198.18.0.2/2.00,3/*,4/*,5/*,6/*,7/*"
dark = truth()
dark["flows"][0]["probes"] = [probe(t, 1 + t / 100, answers=() if t > 2 else (0.001,)) for t in range(1, 6)]
dark["flows"][0]["probes"] += [probe(6, 1.06, "dropped", ()), probe(7, 1.07, "dropped", ())]
sent = [(t, 1 + t / 100) for t in range(1, 8)]
right("a gap where nobody answers", log(DARK, "gap", 7, probes=sent), dark)
miss("reached, although nothing answered as the server", log(GOOD.replace("4/198.18.0.4/4.00", "4/*"), probes=sent), "nothing answered", dark)
lost = copy.deepcopy(dark)
lost["flows"][0]["paths"][0]["server"] = []
said = wrong(log(GOOD.replace("4/198.18.0.4/4.00", "4/*"), probes=sent), lost)
ok("reached, where no server is", any("no server" in line for line in said), said)
answered = copy.deepcopy(dark)
answered["flows"][0]["probes"][5] = probe(6, 1.06, "server", (0.4,))
said = wrong(log(DARK, "gap", 7, probes=sent), answered)
ok("a gap, although the server answered", any("stop=gap: the server answered" in line for line in said), said)
answered["flows"][0]["probes"][5]["answers"] = [1.2]
right("a gap, where the server's answer came too late", log(DARK, "gap", 7, probes=sent), answered)
late = truth()
late["flows"][0]["probes"][2]["answers"] = [0.99]
right("an answer just at the end of patience may be missed", log(), late)
late["flows"][0]["probes"][2]["answers"] = [0.9]
miss("one well within it may not", log(), "3/*: r3 answered after 900.0 ms", late)
again = truth()
again["flows"][0]["probes"][6]["answers"] = [0.1]
miss("nor may an answer to a second attempt", log(), "3/*", again)
refused = copy.deepcopy(dark)
refused["flows"][0]["probes"][5] = probe(6, 1.06, "refused", (0.01,), router="r4")
right("a refusal is no answer of its probe's TTL", log(DARK, "gap", 7, probes=sent), refused)
proxied = copy.deepcopy(dark)
proxied["flows"][0]["probes"][4]["proxied"] = [0.01]
right("a proxy answers as the server", log(GOOD.replace("4/198.18.0.4/4.00", "4/*"), probes=sent), proxied)
right("a server that does not name its TTL is `?`", log(GOOD + ",?/198.51.100.1/9.00"))
miss("nobody else is", log(GOOD + ",?/198.18.0.4/9.00"), "?/198.18.0.4")
right("... which may have the server already", log(stop="ended"))
miss("... but not at a wrong hop", log("1/198.18.0.1/1.00,2/198.18.0.2/2.00,3/*,4/198.51.100.1/4.00", "ended", 4), "4/198.51.100.1")
right("a flow that ends takes its trace with it", log("1/198.18.0.1/1.00", "ended", 1, probes=[(1, 1.01)]))

# QUIC's server answers nothing: its hop is inferred.
QUIC = (4, 20001, "198.51.100.1", 5001, "quic")


def quic(true):
    """The same flow over UDP, whose server answers no probe."""
    flow = true["flows"][0]
    flow["proto"] = "udp"
    for sent in flow["probes"]:
        sent["answers"] = [] if sent["end"] == "server" else sent["answers"]
    return true


def inferred(shown=GOOD, nhop=5, stop="inferred", proto="quic", **more):
    recs = log(shown, stop, nhop, **more)
    for record in recs:
        record["proto"] = proto
    recs[0]["e2e"] = "5.00"
    return recs


NOWHERE = GOOD.replace("5/198.51.100.1/5.00", "5/*,6/*,?/198.51.100.1/5.00")
true = quic(truth())
ok("a server that is inferred where it is", wrong(inferred(), true, QUIC) == [], wrong(inferred(), true, QUIC))
said = wrong(inferred(NOWHERE, 6), true, QUIC)
ok("or that stands at no TTL", said == [], said)
true["flows"][0]["heard"] = [60]
miss("... but not where both witnesses agree", inferred(NOWHERE, 6), "r4 answered before it, and its packets' TTL says 5", true, QUIC)
true["flows"][0]["heard"] = [60, 58]
ok("the server's packets come back by two ways: no witness", wrong(inferred(NOWHERE, 6), true, QUIC) == [])
miss("... at one it stands where the probes ended", inferred(NOWHERE.replace("6/*,", ""), 5), "nhop=5: a probe with TTL 6", true, QUIC)
miss("... and it does stand", inferred(NOWHERE.replace(",?/198.51.100.1/5.00", ""), 6), "stands nowhere", true, QUIC)
recs = inferred(NOWHERE.replace(",?/198.51.100.1/5.00", ""), 6)
recs[0].pop("e2e")
ok("unless nothing was heard of it in time", wrong(recs, true, QUIC) == [], wrong(recs, true, QUIC))
miss("TCP's server is not inferred", log(stop="inferred"), "stop=inferred: of tcp")
miss("QUIC's is not reached", inferred(stop="reached"), "nothing answered", true, QUIC)
SHORT = "1/198.18.0.1/1.00,2/198.18.0.2/2.00,3/198.51.100.1/5.00"
miss("too near, where a router behind it answered", inferred(SHORT, 3), "true is 5; r4 answered a probe with TTL 4", true, QUIC)
LONG = GOOD.replace("5/198", "5/*,6/198")
miss("too far", inferred(LONG, 6), "nhop=6: true is 5", true, QUIC)
miss("at a hop that is not nhop", inferred(GOOD.replace("3/*", "3/198.51.100.1/5.00")), "3/198.51.100.1: the server", true, QUIC)
miss("a `*` that was answered, of QUIC", inferred(GOOD.replace("4/198.18.0.4/4.00", "4/*")), "4/*: r4 answered", true, QUIC)
miss("a wrong router, of QUIC", inferred(GOOD.replace("198.18.0.2/", "198.18.0.9/")), "2/198.18.0.9", true, QUIC)
for sent in true["flows"][0]["probes"]:
    sent["answers"] = [] if sent["ttl"] >= 3 else sent["answers"]
said = wrong(inferred(SHORT, 3), true, QUIC)
ok("too near is right where all routers behind it are silent", said == [], said)
for sent in true["flows"][0]["probes"]:
    sent["answers"] = [1.2] if sent["ttl"] == 4 else sent["answers"]
said = wrong(inferred(SHORT, 3), true, QUIC)
ok("or answer too late", said == [], said)
miss("TCP's truth is not QUIC's", inferred(), "never came", truth(), QUIC)

UDP = (*FLOW[:4], "udp")
STOPPED = "1/198.18.0.1/1.00,2/198.18.0.2/2.00,3/*"
far = [(p["ttl"], p["at"]) for p in truth()["flows"][0]["probes"] if p["ttl"] <= 3]
short = quic(truth())
miss("other UDP never comes to the server", inferred(STOPPED, 3, "short", "udp"), "stop=short: a probe with TTL 5 came", short, UDP)
short["flows"][0]["probes"] = [p for p in short["flows"][0]["probes"] if p["ttl"] <= 3]
said = wrong(inferred(STOPPED, 3, "short", "udp", probes=far), short, UDP)
ok("it stops short", said == [], said)

both = truth()
both["flows"][0]["paths"][0] |= {"hops": hops("1", "2+7", "3", "4"), "server": [4, 5]}
right("either router of a balancer", log(GOOD.replace("198.18.0.2/", "198.18.0.7/")), both)
right("or both", log(GOOD.replace("198.18.0.2/", "198.18.0.2+198.18.0.7/")), both)

unequal = truth()
unequal["flows"][0]["paths"][0]["server"] = [3, 5]
flow = unequal["flows"][0]
flow["probes"] = [probe(t, 1 + t / 100) for t in (1, 2, 3)] + [probe(4, 1.04, "server"), probe(5, 1.05, "server")]
FOUR = "1/198.18.0.1/1.00,2/198.18.0.2/2.00,3/198.18.0.3/3.00,4/198.51.100.1/4.00"
sent = [(t, 1 + t / 100) for t in range(1, 6)]
right("the lowest TTL that reached, between ways of unequal length", log(FOUR, nhop=4, probes=sent), unequal)
FIVE = FOUR.replace("4/198.51.100.1/", "4/198.18.0.4/") + ",5/198.51.100.1/5.00"
flow["probes"].pop()
ok("a TTL that it answered is not silent there", wrong(log(FIVE.replace("4/198.18.0.4/4.00", "4/*"), nhop=5, probes=sent), unequal) != [])
miss("nor reached by one that expired", log(FOUR.replace("3/198.18.0.3/3.00,4/", "3/"), nhop=3, probes=sent), "no probe", unequal)
flow["paths"][0]["server"] = [5]
miss("with one length, it is that one", log(FOUR, nhop=4, probes=sent), "nhop=4: true is 5", unequal)

moved = truth()
flow = moved["flows"][0]
flow["paths"] = [flow["paths"][0] | {"until": 3.0}, {"from": 3.0, "until": None, "server": [3], "hops": hops("1", "8")}]
flow["probes"] += [probe(1, 4.01), probe(2, 4.02), probe(3, 4.03, "server"), probe(4, 4.04, "server")]
NEW = "1/198.18.0.1/1.00,2/198.18.0.8/2.00,3/198.51.100.1/3.00"
after = [(1, 4.0), (2, 4.0), (3, 4.0), (4, 4.0)]
right("before a change the old route, behind it the new one", log() + log(NEW, nhop=3, run="2", at=4.0, probes=after), moved)
said = wrong(log() + log(GOOD, run="2", at=4.0, probes=after), moved)
ok("the old one behind it is wrong", any("2/198.18.0.2: true is 198.18.0.8" in line for line in said), said)
said = wrong(log(NEW, nhop=3), moved)
ok("the new one before it, too", any("2/198.18.0.8: true is 198.18.0.2" in line for line in said), said)
flow["paths"][0]["until"] = flow["paths"][1]["from"] = 1.045
right("during it, both are right", log(GOOD.replace("198.18.0.2/", "198.18.0.2+198.18.0.8/")), moved)
whole = log(at=1.2) + log(NEW, nhop=3, run="2", at=4.1, probes=after)
for at, want in (0.9, False), (1.045, True), (1.15, True), (1.3, False), (3.9, False), (4.05, True), (5.0, False):
    ok(f"an event at {at} comes {'while a trace is under way' if want else 'between traces'}",
       judge.interrupted(FLOW, whole, moved, [9.0, at]) == want)  # fmt: skip

# Times tell only where counts do not: a probe that was lost on its way to netsim.
short = truth()
short["flows"][0]["probes"] += [probe(1, 9.0), probe(2, 9.0, answers=()), probe(3, 9.0), probe(4, 9.0), probe(5, 9.0, "server")]
second = log(GOOD.replace("2/198.18.0.2/2.00", "2/*").replace("3/*", "3/198.18.0.3/3.00"), run="2", at=8.9,
             probes=[(1, 8.9), (1, 8.95), (2, 8.9), (3, 8.9), (4, 8.9), (5, 8.9)])  # fmt: skip
right("each record's probes are its own, though one was lost", log() + second, short)
plain = [record for record in log() + second if record["ev"] == "path"]
right("without ev=probe, time tells them apart", plain, short)
plain[0]["hops"][0] = records.Hop(1, (), None)
miss("and finds what is wrong", plain, "1/*", short)

line = 'ev=path v=1 ts=1.5 run=a part={} dev="a \\"b\\x20\\\\" nhop=3 stop=gap hops={}\n'
with tempfile.TemporaryDirectory() as folder:
    path = folder + "/log"
    reader = records.Log(path)
    ok("a log that is not there yet has no records", reader.read() == [])
    with open(path, "w", encoding="utf-8") as file:
        file.write("noise\n" + line.format("1/2", "1/192.0.2.1/1.00,2/*") + "ev=hop v=1 run=a tt")
    ok("half a line and half a path are no record", reader.read() == [])
    with open(path, "a", encoding="utf-8") as file:
        file.write("l=1\n" + line.format("2/2", "3/192.0.2.1+192.0.2.2/3.50"))
    got = reader.read()
    ok("later they are", [r["ev"] for r in got] == ["hop", "path"] and got[0]["ttl"] == "1", got)
    ok("parts are joined", [h.addrs for h in got[1]["hops"]] == [("192.0.2.1",), (), ("192.0.2.1", "192.0.2.2")], got)
    ok("escapes are read", got[1]["dev"] == 'a "b \\', got)
    ok("each record comes once", reader.read() == [])

finish()
