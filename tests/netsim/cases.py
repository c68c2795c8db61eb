#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What each behaviour of a router looks like in the records: cases/NAME.case, one test for each family.

    cases.py [--lanes N] BUILD [NAME...]     all cases, or those named; TAP

A case has a topology, what is particular to its run, and the exact records that are expected (expect.py). Its flows are
real connections across netsim (ground.py). Besides its records, each case shows that the bytes at both ends are those
that were sent, that no ICMP error came to the client, and that netsim's truth agrees.

`--- run` in a case file:

    interval N, max_hops N   inpathd's options of these names (section `probe`)
    families 4               of this family alone; default: both
    proto quic               QUIC flows; default: TCP
    flows N                  so many of each family; default 1
    server KEY=VALUE         a sysctl of the server's kernel
    mss N                    that the server tells
    ttl N                    of all packets that the ends send
    passes N                 so many routers' answers come to the client; default none
    unjudged                 netsim's truth is not asked: for where the server's hop cannot be told (judge.py)
    needs TTL ROUTER N..M    so many of a flow's probes with this TTL must have expired there, for an event to have come
                             where the case wants it. It is chance: where it did not, the case runs again
    between                  likewise, no event (`at TIME`) may come while a trace is under way: half of it would be of
                             the old route, and half of the new one

Cases run side by side (--lanes N, two for each processor), each in a lane of its own.
"""

import argparse
import glob
import os
import queue
import sys
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import expect  # noqa: E402
import ground  # noqa: E402
import judge  # noqa: E402

PATIENCE = 60  # seconds for a case's records, beyond its last event
RUNS = 8  # of a case that needs chance
PROBE = ("interval", "max_hops")


class Ended(Exception):
    """The run is over before its end."""


class Run:
    """The words of `--- run`."""

    def __init__(self, lines):
        self.families, self.flows, self.needs, self.judged = (4, 6), 1, None, True
        self.between = False
        self.proto = "tcp"
        self.probe, self.sysctls, self.mss, self.passes = {}, [], None, 0
        for line in lines:
            word, *rest = line.split()
            if word in PROBE:
                self.probe[word] = int(rest[0])
            elif word == "families":
                self.families = tuple(map(int, rest))
            elif word == "proto":
                if rest[0] not in ("tcp", "quic"):
                    raise expect.Malformed("%r: proto is tcp or quic" % line)
                self.proto = rest[0]
            elif word == "flows":
                self.flows = int(rest[0])
            elif word == "server":
                self.sysctls.append(("server", rest[0]))
            elif word == "passes":
                self.passes = int(rest[0])
            elif word == "mss":
                self.mss = int(rest[0])
            elif word == "ttl":
                self.ttl(int(rest[0]))
            elif word == "unjudged":
                self.judged = False
            elif word == "between":
                self.between = True
            elif word == "needs":
                self.needs = (int(rest[0]), rest[1], *map(int, rest[2].split("..")))
            else:
                raise expect.Malformed("%r: no such word in `--- run`" % line)

    def ttl(self, ttl):
        for host, interface in ("client", "lan"), ("server", "srv"):
            self.sysctls.append((host, "net.ipv4.ip_default_ttl=%d" % ttl))
            self.sysctls.append((host, "net.ipv6.conf.%s.hop_limit=%d" % (interface, ttl)))

    def options(self):
        return "probe = { %s };" % " ".join("%s = %d;" % item for item in sorted(self.probe.items()))


class Job:
    """A case, and what came of it: for each family a list of what is wrong, empty if all is well."""

    def __init__(self, name):
        self.name = name
        with open("%s/cases/%s.case" % (HERE, name), encoding="utf-8") as file:
            text = file.read()
        try:
            self.case = expect.Case(text)
            self.run = Run(self.case.options)
        except (ValueError, IndexError) as problem:
            raise ValueError("%s.case: %s" % (name, problem)) from None
        self.wrong = {family: ["it did not run"] for family in self.run.families}
        self.done = threading.Event()


# --- one case ------------------------------------------------------------------------------------


def prepare(lane, run):
    for host, pair in run.sysctls:
        key, value = pair.split("=")
        script = 'echo "$2" >"/proc/sys/$1"'
        done = lane.run(host, "sh", "-c", script, "sh", key.replace(".", "/"), value)
        if done.returncode:
            raise ground.Failed("%s: %s" % (pair, done.stderr.strip()))
    for route in ("default", "::/0") if run.mss else ():
        lane.ip("server", "route replace %s dev srv advmss %d" % (route, run.mss))


def verdicts(case, lane, flows):
    """What is to be said of each flow's records by now."""
    records = expect.records_of(lane.read_log())
    return {flow: expect.judge(case, flow.af, records.get((flow.af, flow.sport), [])) for flow in flows}


def stats_wrong(case, before, after):
    """What is wrong with how counters have risen."""
    wrong = []
    for key, op, value in case.stats:
        rise = after.get(key, 0) - before.get(key, 0)
        if key not in after or not expect.numeric(op, rise, value):
            wrong.append("stats: %s %s want %s%g" % (key, rise, op, value))
    return wrong


def chance_came(job, flows, records, truth):
    """Is there for each flow what the case needs?"""
    run = job.run
    if run.between and any(judge.interrupted(flow, records, truth, job.case.events) for flow in flows):
        return False
    if not run.needs:
        return True
    ttl, router, least, most = run.needs
    for flow in truth["flows"]:
        there = [p for p in flow["probes"] if (p["ttl"], p["end"], p["router"]) == (ttl, "expired", router)]
        if not least <= len(there) <= most:
            return False
    return True


def attempt(job, lane, ending):
    """Runs a case once. False if chance did not give what it needs."""
    case, run = job.case, job.run
    wrong = {family: [] for family in run.families}
    before = lane.stats()
    lane.start(text=case.topology)
    flows = lane.open([(family, run.proto) for family in run.families for _ in range(run.flows)])
    said = {}

    def settled():
        if ending.is_set():
            raise Ended
        said.update(verdicts(case, lane, flows))
        return all(v.done for v in said.values()) or any(v.bad for v in said.values())

    lane.wait(PATIENCE, settled)
    if all(v.done for v in said.values()):
        lane.wait(PATIENCE, lambda: ending.is_set() or not stats_wrong(case, before, lane.stats()))
    after = lane.stats()
    records = expect.records_of(lane.read_log())
    ends = lane.finish()
    truth = lane.stop()
    if not chance_came(job, flows, lane.records, truth):
        return False
    for flow in flows:
        if not said[flow].done:
            wrong[flow.af].append("flow from port %d" % flow.sport)
            wrong[flow.af] += expect.explain(case, flow.af, records.get((flow.af, flow.sport), []), said[flow])
    for verdict in judge.judge(flows, lane.records, truth) if run.judged else ():
        wrong[verdict.flow[0]] += ["by the truth: " + text for text in verdict.wrong]
    for family in run.families:
        wrong[family] += stats_wrong(case, before, after)
        errors = [error for error in ends.icmp if error["af"] == family]
        if len(errors) != run.passes:
            wrong[family] += ["an ICMP error came to the client: %s" % error for error in errors]
            wrong[family].append("ICMP errors at the client: %d want %d" % (len(errors), run.passes))
        wrong[family] += ends.errors()
    job.wrong = wrong
    return True


def perform(job, build, ending):
    """Runs a case in a lane of its own."""
    why = "the event never came where the case wants it"
    try:
        with ground.Lane(build, "cases", options=job.run.options()) as lane:
            prepare(lane, job.run)
            for _ in range(RUNS):
                if attempt(job, lane, ending):
                    return
    except Ended:
        why = "ended"
    except ground.Failed as failure:
        why = str(failure)
    except Exception:
        why = traceback.format_exc()
    job.wrong = {family: why.splitlines() for family in job.run.families}


# --- all of them ---------------------------------------------------------------------------------


def work(build, waiting, ending):
    """One case after the other, as long as there are some."""
    while not ending.is_set():
        try:
            job = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            perform(job, build, ending)
        finally:
            job.done.set()


def report(jobs):
    """TAP, in the order of the names, as results come. How many tests failed."""
    count = failed = 0
    for job in jobs:
        job.done.wait()
        for family in job.run.families:
            count += 1
            wrong = job.wrong[family]
            failed += bool(wrong)
            print("%s %d - %s, IPv%d: %s" % ("not ok" if wrong else "ok", count, job.name, family, job.case.title))
            for line in wrong:
                print("#   " + line)
        sys.stdout.flush()
    print("1..%d" % count)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--lanes", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("build")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    names = options.names or sorted(os.path.basename(path)[: -len(".case")] for path in glob.glob(HERE + "/cases/*.case"))
    try:
        jobs = [Job(name) for name in names]
    except (OSError, ValueError) as problem:
        sys.exit("cases.py: %s" % problem)
    if os.geteuid() != 0:
        print("ok 1 - cases # SKIP network namespaces need root\n1..1")
        return 0
    waiting, ending = queue.Queue(), threading.Event()
    for job in sorted(jobs, key=lambda job: -job.run.probe.get("interval", 0)):  # the longest first
        waiting.put(job)
    workers = [threading.Thread(target=work, args=(options.build, waiting, ending)) for _ in range(options.lanes)]
    with ground.ended_by_signals():
        try:
            for worker in workers:
                worker.start()
            return 1 if report(jobs) else 0
        finally:
            ending.set()
            for worker in workers:
                worker.join()


if __name__ == "__main__":
    sys.exit(main())
