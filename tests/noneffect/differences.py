# SPDX-License-Identifier: GPL-2.0-or-later
"""The 95 % intervals of differences between flows with inpath and without.

Flows of one run share a moment of the machine, so a run, not a flow, is what is independent: its value is the mean of
its flows. A run with inpath and the run without beside it in time are a pair; the interval is Student's t of the pairs'
differences. Relative differences are of the mean without inpath.

What is counted and never seen has no spread, which does not show that it never happens: its interval is the exact one of
a share (Clopper and Pearson), of which 0 in n still leaves 3.7/n.
"""

import math
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

LEAST = 12  # pairs; fewer say nothing


class Difference(NamedTuple):
    ours: float
    base: float
    mean: float  # of the differences
    low: float
    high: float
    count: int

    def within(self, bound):
        return self.count >= LEAST and -bound <= self.low and self.high <= bound


def t_quantile(freedom):
    """Of Student's t, 97.5 %: Cornish and Fisher's expansion, right to 0.003 from LEAST on."""
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def paired(ours, base, relative):
    """Of two lists, pair by pair. `relative`: in percent of the base's mean."""
    scale = 100 / fmean(base) if relative and fmean(base) else 1
    differences = [(a - b) * scale for a, b in zip(ours, base)]
    mean, reach = fmean(differences), math.inf
    if len(differences) > 1:
        reach = t_quantile(len(differences) - 1) * stdev(differences) / math.sqrt(len(differences))
    return Difference(fmean(ours), fmean(base), mean, mean - reach, mean + reach, len(differences))


def tail(n, k, share):
    """The chance of at most k in n."""
    return sum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1))


def bisect(function):
    """Where a falling function of a share crosses zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return low


def share(k, n):
    """The exact 95 % interval of a share of which k in n were seen, in percent."""
    low = bisect(lambda p: 0.025 - (1 - tail(n, k - 1, p))) if k else 0.0
    high = bisect(lambda p: tail(n, k, p) - 0.025) if k < n else 1.0
    return 100 * low, 100 * high


def events(ours, base):
    """Of two lists of which each entry, a flow's, is 0 or 1, in percent of the flows. The difference lies between the shares of pairs where only
    ours has it, and of those where only the base has it."""
    n = len(ours)
    more, fewer = sum(a > b for a, b in zip(ours, base)), sum(a < b for a, b in zip(ours, base))
    return Difference(
        100 * fmean(ours), 100 * fmean(base), 100 * (more - fewer) / n, -share(fewer, n)[1] + share(more, n)[0],
        share(more, n)[1] - share(fewer, n)[0], n,
    )  # fmt: skip
