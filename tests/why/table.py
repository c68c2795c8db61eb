# SPDX-License-Identifier: GPL-2.0-or-later
"""table.py: what was said of what, the bars, and how `inpath why` is asked."""
import json
import os
import subprocess
import sys

SEGMENTS = ("lan", "access", "transit", "service")
SAID = SEGMENTS + ("none", "not enough data")
NAMED, SILENT = 0.9, 0.99  # the least share of the faults; of the quiet runs
MANY = 20  # runs of a kind must be as good on their own
SHOWN = 12  # wrong ones that are printed


def ask(build, log, *options):
    done = subprocess.run([os.path.join(build, "inpath"), "why", *options, "-"], input=log, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(done.stderr)
    return done.stdout


def answer(build, log):
    return json.loads(ask(build, log, "--json"))


class Table:
    """`kinds`: what was done -> is it a fault?"""

    def __init__(self, kinds):
        self.kinds = kinds
        self.rows = {kind: dict.fromkeys(SAID + ("right", "runs"), 0) for kind in kinds}
        self.wrong = []

    def add(self, kind, seed, said, right):
        row = self.rows[kind]
        row[said] += 1
        row["right"] += right
        row["runs"] += 1
        if not right:
            self.wrong.append(f"# wrong: {kind}, seed {seed}: said {said}")

    def count(self, fault):
        rows = [row for kind, row in self.rows.items() if self.kinds[kind] == fault]
        return sum(row["right"] for row in rows), sum(row["runs"] for row in rows)

    def show(self, name):
        for line in self.wrong[:SHOWN]:
            print(line)
        print(f"{name:14}" + "".join(f"{said:>9}" for said in SEGMENTS + ("none", "no data")) + f"{'right':>9}{'of':>6}")
        for kind, row in self.rows.items():
            if row["runs"]:
                print(f"{kind:14}" + "".join(f"{row[said]:9}" for said in SAID) + f"{row['right']:9}{row['runs']:6}", flush=True)

    def holds(self):
        many = (row for kind, row in self.rows.items() if self.kinds[kind] and row["runs"] >= MANY)
        named, faults = self.count(True)
        silent, quiet = self.count(False)
        return named >= NAMED * faults and silent >= SILENT * quiet and all(row["right"] >= NAMED * row["runs"] for row in many)


def progress(done, all_of_them, what):
    if sys.stderr.isatty():
        print(f"\r\033[K{what}: {done} of {all_of_them}", end="\n" if done == all_of_them else "", file=sys.stderr, flush=True)


def total(tables):
    """The last line; 0 if all tables hold."""
    named, faults = (sum(n) for n in zip(*(table.count(True) for table in tables)))
    silent, quiet = (sum(n) for n in zip(*(table.count(False) for table in tables)))
    print(f"why: {named} of {faults} faults named, {silent} of {quiet} quiet")
    return 0 if all(table.holds() for table in tables) else 1
