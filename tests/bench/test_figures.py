#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of figures.py, in TAP."""
import contextlib
import io
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import figures  # noqa: E402
from tap import finish, ok  # noqa: E402


def said(function, *args):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        missed = function(*args)
    return out.getvalue(), missed


ok("the median of an odd and an even number of values", figures.median([3, 1, 2]) == 2 and figures.median([4, 1, 2, 3]) == 2.5)
ok("15 values: the 4th and the 12th", figures.interval(list(range(1, 16))) == (4, 12))
ok("too few for 95 %: all of them", figures.interval([1, 2, 3]) == (1, 3))
rng = random.Random(7)
held = 0
for _ in range(2000):
    low, high = figures.interval([rng.gauss(10, 3) for _ in range(15)])
    held += low <= 10 <= high
ok("the interval holds the median in at least 95 of 100 cases", held >= 1900)
rows = [f"{95 + i % 3},100" for i in range(15)]
line, missed = said(figures.pairs, "x", "MB/s", "more", "0.95", *rows)
ok("a ratio that is good enough", "ratio=0.960" in line and not missed and "noisy" not in line)
line, missed = said(figures.pairs, "x", "MB/s", "more", "0.97", *rows)
ok("one that is not is a miss", "missed=yes" in line and missed)
line, missed = said(figures.pairs, "x", "MB/s", "more", "0.5", *[f"{50 + 10 * i},100" for i in range(15)])
ok("a wide interval that is good from end to end shows enough", "noisy" not in line and not missed)
line, missed = said(figures.pairs, "x", "MB/s", "more", "1.0", *[f"{50 + 10 * i},100" for i in range(15)])
ok("one that is not is noisy, and counts as not shown", "noisy=yes" in line and "missed" not in line and missed)
line, missed = said(figures.pairs, "x", "us", "less", "1.5", *[f"{50 + 10 * i},100" for i in range(15)])
ok("... also where less is better", "noisy=yes" in line and "missed" not in line and missed)
line, missed = said(figures.pairs, "x", "MB/s", "more", "0.5", "100,100")
ok("one pair shows nothing", "noisy=yes" in line and missed)
line, missed = said(figures.value, "size", "KB", "less", "250", "200")
ok("a value below its limit", not missed and "ours=200" in line)
line, missed = said(figures.value, "size", "KB", "less", "250", "251")
ok("a value above it", missed)
finish()
