#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""simulate.py BUILD [SEED [RUNS]]: is `inpath why` right? RUNS households' logs (household.py) with each kind of
fault, and as many again as all of these without one, are drawn from SEED on; each is read by the command.
Prints what was said of what; the last line is `why: N of N faults named, M of M quiet`. Exit status 1 below 90 % of the
faults (each kind on its own), or 99 % of the quiet runs. What was wrong is printed with its seed; to replay one:

    simulate.py BUILD SEED 1 KIND       prints the answer instead, and leaves the log in simulated.log
"""
import concurrent.futures
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from household import FAULTS, KINDS, QUIET, Household  # noqa: E402
from table import Table, answer, ask, progress, total  # noqa: E402


def is_named(house, said):
    """Is each fault named as what it is, where it is, and nothing else?"""
    if {p["rule"] for p in said["problems"]} != {fault.segment for fault in house.faults}:
        return False
    for fault in house.faults:
        own = [p for p in said["problems"] if p["rule"] == fault.segment]
        if fault.client and any(p["dev"] != fault.client.name for p in own):
            return False
        if fault.service and any(p["svc"] != fault.service.name for p in own):
            return False
    return True


def is_right(house, said):
    """Of a log that cannot tell, silence is right, and nothing is wrong that is so."""
    if house.kind in ("short log", "changes only"):
        return said["verdict"] in ("none", "not enough data", *(fault.segment for fault in house.faults))
    if not house.faults:
        return said["verdict"] == "none" or (house.mixed and said["verdict"] == "not enough data")
    return is_named(house, said)


def run(args):
    build, seed, kind = args
    house = Household(seed, kind)
    said = answer(build, "\n".join(house.lines()) + "\n")
    return kind, seed, said["verdict"], is_right(house, said)


def simulate(build, seed, runs):
    work = [(build, s, kind) for kind in FAULTS for s in range(seed, seed + runs)]
    quiet = itertools.cycle(QUIET)
    work += [(build, seed + n // len(QUIET), next(quiet)) for n in range(len(work))]
    table = Table(KINDS)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for n, outcome in enumerate(pool.map(run, work, chunksize=4), 1):
            table.add(*outcome)
            progress(n, len(work), "simulated logs")
    table.show("simulated")
    return table


def replay(build, seed, kind):
    house = Household(seed, kind)
    log = "\n".join(house.lines()) + "\n"
    with open("simulated.log", "w", encoding="ascii") as out:
        out.write(log)
    for fault in house.faults:
        print(f"# {fault.segment} from {fault.onset:.0f} on, {'cut' if fault.cut else f'{fault.extra:.0f} ms'}")
    print(ask(build, log))
    return 0


def main(build, seed="1", runs="100", only=None):
    return replay(build, int(seed), only) if only else total([simulate(build, int(seed), int(runs))])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
