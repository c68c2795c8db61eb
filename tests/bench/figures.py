#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""figures: the lines that `make bench` prints, from pairs of measurements.

    figures.py pairs NAME UNIT BETTER TARGET OURS,BASE[,CPU_OURS,CPU_BASE]...
    figures.py value NAME UNIT BETTER TARGET VALUE...
    figures.py table < LINES

`pairs`: the ratio of ours to the base, pair by pair: median and 95 % interval. The interval is that of the
median by order statistics (binomial, no assumption on the distribution). One that is wider than 6 % of the
ratio and does not lie on the target's good side as a whole is `noisy`, and counts as not shown. BETTER is `more` or `less`, TARGET a number or `-`.
`table`: the lines as a table for the README. Exit status 1: the target is missed, or not shown.
"""
import math
import sys

NOISY = 0.06


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def interval(values):
    """The order statistics that hold the median with a probability of at least 95 %."""
    ordered, n = sorted(values), len(values)
    tail, skip = 0.0, 0
    while skip < n // 2:
        tail += math.comb(n, skip) / 2**n
        if tail > 0.025:
            break
        skip += 1
    # `skip` values at either end lie outside; none if there are too few for 95 %.
    low = max(skip - 1, 0)
    return ordered[low], ordered[n - 1 - low]


def verdict(value, better, target):
    if target == "-":
        return ""
    good = value >= float(target) if better == "more" else value <= float(target)
    return f" target={'>=' if better == 'more' else '<='}{target}" + ("" if good else " missed=yes")


def pairs(name, unit, better, target, *rows):
    rows = [[float(cell) for cell in row.split(",")] for row in rows]
    ratios = [row[0] / row[1] for row in rows]
    ratio, (low, high) = median(ratios), interval(ratios)
    worst = low if better == "more" else high
    shown = target != "-" and "missed" not in verdict(worst, better, target)
    noisy = (high - low > NOISY * ratio and not shown) or len(rows) < 6
    line = (
        f"bench {name} ratio={ratio:.3f} ours={median([r[0] for r in rows]):.4g} "
        f"base={median([r[1] for r in rows]):.4g} unit={unit} lo={low:.3f} hi={high:.3f} n={len(rows)}"
    )
    if len(rows[0]) == 4:
        line += f" cpu_ours={median([r[2] for r in rows]):.3g} cpu_base={median([r[3] for r in rows]):.3g}"
    line += verdict(ratio, better, target)
    if noisy:
        line += " noisy=yes"
    print(line)
    return "missed" in line or (noisy and target != "-")


def value(name, unit, better, target, *values):
    numbers = [float(v) for v in values]
    middle = median(numbers)
    base = float(target) if target != "-" else middle
    line = f"bench {name} ratio={middle / base if base else 0:.3f} ours={middle:.4g} base={base:.4g} unit={unit}"
    if len(numbers) > 1:
        low, high = interval(numbers)
        line += f" lo={low:.4g} hi={high:.4g} n={len(numbers)}"
    line += verdict(middle, better, target)
    print(line)
    return "missed" in line


def table():
    print("| bench | inpath | base | ratio (95 %) | target | |\n|---|---|---|---|---|---|")
    for line in sys.stdin:
        words = line.split()
        if words[:1] != ["bench"]:
            continue
        f = dict(word.split("=", 1) for word in words[2:] if "=" in word and not word.startswith("target"))
        target = next((word[7:] for word in words if word.startswith("target=")), "")
        spread = f" ({f['lo']} to {f['hi']})" if "lo" in f else ""
        state = "missed" if "missed" in f else "noisy" if "noisy" in f else ""
        print(f"| `{words[1]}` | {f['ours']} {f['unit']} | {f['base']} {f['unit']} | {f['ratio']}{spread} | {target} | {state} |")
    return False


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    sys.exit(bool({"pairs": pairs, "value": value, "table": table}[kind](*rest)))
