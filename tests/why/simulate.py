#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""simulate.py BUILD [SEED [RUNS]]: is `inpath why` right? RUNS households' logs (household.py) with a fault at each
segment, and as many again as all of these without one, are drawn from SEED on; each is read by the command.
Prints what was said of what; the last line is `why: N of N faults named, M of M quiet`. Exit status 1 below 90 % of the
faults (each segment on its own), or 99 % of the quiet runs. What was wrong is printed with its seed; to replay one:

    simulate.py BUILD SEED 1 SEGMENT    prints the answer instead, and leaves the log in simulated.log
"""
import concurrent.futures
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from household import SEGMENTS, Household  # noqa: E402

SAID = SEGMENTS + ("none", "not enough data")
SHOWN = 8  # wrong ones that are printed


def ask(build, log, *options):
    done = subprocess.run([os.path.join(build, "inpath"), "why", *options, "-"], input=log, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(done.stderr)
    return done.stdout


def is_named(house, answer):
    """Is the fault named as what it is, where it is, and nothing else?"""
    if [p["rule"] for p in answer["problems"]] != [house.fault] * len(answer["problems"]) or not answer["problems"]:
        return False
    for p in answer["problems"]:
        if house.fault == "lan" and p["dev"] != house.victim.name:
            return False
        if house.fault == "service" and p["svc"] != house.sick_service.name:
            return False
    return True


def run(args):
    build, seed, fault = args
    house = Household(seed, fault)
    answer = json.loads(ask(build, "\n".join(house.lines()) + "\n", "--json"))
    good = is_named(house, answer) if fault else answer["verdict"] == "none"
    return seed, fault, answer["verdict"], good


def main(build, seed="1", runs="100", only=None):
    seed, runs = int(seed), int(runs)
    if only:
        house = Household(seed, None if only == "none" else only)
        log = "\n".join(house.lines()) + "\n"
        with open("simulated.log", "w", encoding="ascii") as out:
            out.write(log)
        print(f"# {house.fault} from {house.onset:.0f} on, {house.extra:.0f} ms\n" + ask(build, log))
        return 0
    work = [(build, s, fault) for fault in SEGMENTS for s in range(seed, seed + runs)]
    work += [(build, s, None) for s in range(seed, seed + len(work))]
    table = {fault: dict.fromkeys(SAID + ("right",), 0) for fault in SEGMENTS + (None,)}
    wrong = []
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for n, (at, fault, said, good) in enumerate(pool.map(run, work, chunksize=4), 1):
            table[fault][said] += 1
            table[fault]["right"] += good
            if not good:
                wrong.append(f"# wrong: {fault or 'none'}, seed {at}: said {said}")
            if sys.stderr.isatty():
                print(f"\r{n} of {len(work)}", end="", file=sys.stderr)
    print("\n".join(wrong[:SHOWN]))
    print(f"{'injected':10}" + "".join(f"{said:>17}" for said in SAID) + f"{'right':>9}")
    for fault, row in table.items():
        print(f"{fault or 'none':10}" + "".join(f"{row[said]:17}" for said in SAID) + f"{row['right']:9}")
    named, quiet = sum(table[s]["right"] for s in SEGMENTS), table[None]["right"]
    print(f"why: {named} of {4 * runs} faults named, {quiet} of {4 * runs} quiet")
    bad = any(table[s]["right"] < 0.9 * runs for s in SEGMENTS) or quiet < 0.99 * 4 * runs
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
