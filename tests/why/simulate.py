#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""simulate.py BUILD [SEED [RUNS]]: is `inpath why` right? RUNS households' logs (household.py) with a fault at each
segment, and as many again as all of these without one, are drawn from SEED on; each is read by the command.
Prints what was said of what; the last line is `why: N of N faults named, M of M quiet`. Exit status 1 below 90 % of the
faults (each segment on its own), or 99 % of the quiet runs. What was wrong is printed with its seed; to replay one:

    simulate.py BUILD SEED 1 SEGMENT    prints the answer instead, and leaves the log in simulated.log
"""
import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from household import Household  # noqa: E402
from table import SEGMENTS, Table, answer, ask, progress, total  # noqa: E402


def is_named(house, said):
    """Is the fault named as what it is, where it is, and nothing else?"""
    if [p["rule"] for p in said["problems"]] != [house.fault] * len(said["problems"]) or not said["problems"]:
        return False
    for p in said["problems"]:
        if house.fault == "lan" and p["dev"] != house.victim.name:
            return False
        if house.fault == "service" and p["svc"] != house.sick_service.name:
            return False
    return True


def run(args):
    build, seed, fault = args
    house = Household(seed, fault)
    said = answer(build, "\n".join(house.lines()) + "\n")
    good = is_named(house, said) if fault else said["verdict"] == "none"
    return fault or "none", seed, said["verdict"], good


def simulate(build, seed, runs):
    work = [(build, s, fault) for fault in SEGMENTS for s in range(seed, seed + runs)]
    work += [(build, s, None) for s in range(seed, seed + len(work))]
    table = Table({**dict.fromkeys(SEGMENTS, True), "none": False})
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for n, outcome in enumerate(pool.map(run, work, chunksize=4), 1):
            table.add(*outcome)
            progress(n, len(work), "simulated logs")
    table.show("simulated")
    return table


def replay(build, seed, fault):
    house = Household(seed, None if fault == "none" else fault)
    log = "\n".join(house.lines()) + "\n"
    with open("simulated.log", "w", encoding="ascii") as out:
        out.write(log)
    print(f"# {house.fault} from {house.onset:.0f} on, {house.extra:.0f} ms\n" + ask(build, log))
    return 0


def main(build, seed="1", runs="100", only=None):
    return replay(build, int(seed), only) if only else total([simulate(build, int(seed), int(runs))])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
