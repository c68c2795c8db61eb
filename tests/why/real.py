#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""real.py BUILD [SEED [RUNS]]: is `inpath why` right of what the whole daemon logs? Each run is a household of two or three devices
whose TCP and QUIC flows to four servers or more cross a synthetic internet (netsim), and whose LAN is a second one; something
happens there half a minute before the end, or nothing does (internet.py). `inpath why` reads the daemon's own log. Prints what was
said of what, as simulate.py does. What was wrong is printed with its seed; to replay one:

    real.py BUILD SEED 1 KIND       prints the answer instead, and leaves real.log, real.topology and real.lan

With KEEP=folder these are kept there of each run that was wrong.
"""
import collections
import concurrent.futures
import itertools
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "netsim")]
import ground  # noqa: E402
from internet import CLIENT, CUT, QUIET, SERVER, SLOW, Internet  # noqa: E402
from table import Table, answer, ask, progress, total  # noqa: E402

LANES = 4  # a processor: a run waits most of the time
BOUND = 360  # seconds in which runs begin
LATE = 0.015  # seconds more that a run's process sleeps than it wanted to are a stall
STALLS, LAST = 20, 10  # more of them in a run's last seconds are no measurement

OPTIONS = "probe = {{ interval = 1; }};\npolicies = ( {} );"
POLICY = '{{ name = "{}"; action = "trace"; servers = [ "{}", "{}" ]; }}'


class Home(ground.Lane):
    """A lane whose LAN is a TUN device at both ends, with netsim between."""

    def __init__(self, build, internet):
        policies = (POLICY.format(name, SERVER[4].format(name[1:]), SERVER[6].format(name[1:])) for name in internet.ways)
        super().__init__(build, "why", OPTIONS.format(", ".join(policies)))
        self.internet = internet

    def add_links(self):
        gw = {4: "192.168.77.1", 6: "2001:db8:77::1"}
        self.ip("gw", *self.tun("wan", ground.WAN), *self.tun("lan", gw)[:5], "route add 192.168.77.0/24 dev lan",
                "route add 2001:db8:77::/64 dev lan")  # fmt: skip
        self.ip("client", *self.tun("lan", ground.CLIENT))
        self.ip("server", *self.tun("srv", ground.SERVER))
        self.must(*self.inside("gw", "iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-j", "MASQUERADE"))

    def start_lan(self):
        path = f"{self.work}/lan.topology"
        with open(path, "w", encoding="ascii") as out:
            out.write(self.internet.lan_text())
        with open(f"{self.work}/lan.err", "wb") as errors:
            lan = self.begin([self.netsim, "-w", self.namespace("gw") + "/lan", "-s", self.namespace("client") + "/lan", path],
                             stdout=subprocess.PIPE, stderr=errors)  # fmt: skip
        if lan.stdout.readline() != b"ready\n":
            raise ground.Failed(f"the LAN is not ready: {self.text('lan.err')}")

    def live(self):
        """What happens in this house: its log, and what the flows' ends have seen."""
        internet = self.internet
        for name in internet.ways:
            self.add_server(SERVER[4].format(name[1:]), SERVER[6].format(name[1:]))
        for af, number in internet.clients[1:]:
            self.ip("client", f"addr replace {CLIENT[af].format(number)}/{'32' if af == 4 else '128 nodad'} dev lan")
        self.start_lan()
        self.start(text=internet.text())
        begin = time.monotonic()
        orders = []
        for af, number in internet.clients:
            for name in internet.ways:
                proto = "quic" if name == "s1" and internet.rng.random() < 0.3 else "tcp"
                flow = ground.Flow(af, next(self.sports), SERVER[af].format(name[1:]), ground.PORT, proto)
                orders.append(flow._asdict() | {"first": 2000, "src": CLIENT[af].format(number)})
        self.peers["client"].ask(do="open", flows=orders)
        self.stalls = watch(begin + internet.until)
        errors = [] if internet.kind in CUT else self.status().errors()
        with open(self.log_path, encoding="utf-8") as log:
            return log.read(), errors


def watch(until):
    """Waits; the moments at which the machine was so late that round trips are its own."""
    stalls = []
    while (now := time.monotonic()) < until:
        time.sleep(0.01)
        if time.monotonic() - now > 0.01 + LATE:
            stalls.append(now - until)
    return stalls


def live(build, internet):
    """The log, and what has gone wrong with the run itself."""
    with ground.ended_by_signals(), Home(build, internet) as home:
        log, errors = home.live()
        if len([at for at in home.stalls if at > -LAST]) > STALLS:
            errors = ["the machine had no time for it"]
        return log, errors


def is_right(internet, said):
    """Is what happened named as what it is, where it is, and nothing else?"""
    if not internet.fault:
        return said["verdict"] == "none"
    if [p["rule"] for p in said["problems"]] != [internet.fault] * len(said["problems"]) or not said["problems"]:
        return False
    for p in said["problems"]:
        if internet.victim and p["cl"] != CLIENT[internet.victim[0]].format(internet.victim[1]):
            return False
        if internet.fault == "service" and p["svc"] != internet.sick[1]:
            return False
    return True


def run(args):
    """One run: (kind, seed, what was said, was it right), or a text why there was none."""
    build, seed, kind, until = args
    if time.time() > until:
        return "no time was left"
    internet = Internet(seed, kind)
    try:
        log, errors = live(build, internet)
    except ground.Failed as error:
        return f"{kind}, seed {seed}: {error}"
    if errors:
        return errors[0]
    said = answer(build, log)
    right = is_right(internet, said)
    if not right and os.environ.get("KEEP"):
        keep(f"{os.environ['KEEP']}/{kind.replace(' ', '-')}-{seed}", internet, log)
    return kind, seed, said["verdict"], right


def keep(name, internet, log):
    for suffix, text in ("log", log), ("topology", internet.text()), ("lan", internet.lan_text()):
        with open(f"{name}.{suffix}", "w", encoding="utf-8") as out:
            out.write(text)


def real(build, seed, runs):
    """`runs` of them, half with a fault, kinds in turns; those that have not begun after BOUND seconds are left out."""
    faults, quiet = itertools.cycle(SLOW + CUT), itertools.cycle(QUIET)
    until = time.time() + BOUND
    work = [(build, seed + n // 2, next(quiet if n % 2 else faults), until) for n in range(runs)]
    table, without = Table({kind: kind not in QUIET for kind in SLOW + CUT + QUIET}), collections.Counter()
    with ground.ended_by_signals(), concurrent.futures.ProcessPoolExecutor(LANES * (os.cpu_count() or 1)) as pool:
        try:
            for n, outcome in enumerate(pool.map(run, work), 1):
                if isinstance(outcome, str):
                    without[outcome] += 1
                else:
                    table.add(*outcome)
                progress(n, len(work), "runs through the daemon")
        finally:
            pool.shutdown(cancel_futures=True)
    for why, times in without.items():
        print(f"# {times} not done: {why}")
    table.show("real")
    return table


def replay(build, seed, kind):
    internet = Internet(seed, kind)
    log, errors = live(build, internet)
    keep("real", internet, log)
    print(f"# {kind} at {internet.onset:.1f} s: {' '.join(internet.events + internet.lan_events)} {errors or ''}\n" + ask(build, log))
    return 0


def main(build, seed="1", runs="240", only=None):
    if os.geteuid() != 0 or not shutil.which("ip"):
        sys.exit("real.py: network namespaces need root, and iproute2")
    return replay(build, int(seed), only) if only else total([real(build, int(seed), int(runs))])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
