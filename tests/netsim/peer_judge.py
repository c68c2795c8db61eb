# SPDX-License-Identifier: GPL-2.0-or-later
"""Is what another tool shows the way that our flow takes, and does it exist at all?

The same rules as for inpath (TRUTH.md, "When a path is right"), as far as the truth lets them be applied to packets
that are not the flow's:

- Each address at a TTL is that of a router which the *flow's* packets cross at that TTL; the server stands at its TTL.
- Where a tool shows several addresses at a TTL, or several paths, it is enough that one of them is the flow's.
- `*` is right wherever the router may have been silent by the topology: it is silent, limited, slower than a second, or
  any link loses packets. Whether it did answer this tool is not asked: the benefit of the doubt.
- A path without the server is right if none of the next `GAP` hops need have answered: everybody gives up some time.

A path that does not exist: an address at a TTL where no way has it, of any flow at any time; or two that follow each other
on no way. One such in any of a tool's paths makes it one.
"""

from typing import NamedTuple

import judge

GAP = 5  # as inpath's, scamper's and mtr's
PATIENCE = 1.0


class Verdict(NamedTuple):
    wrong: str  # why it is not the flow's path; "": it is
    phantom: str  # what of it does not exist; "": nothing
    reached: bool


def verdict(shown, paths, server, ways):
    """`paths` of the truth: those of our flow that were in force while the tool ran. `server`: its address."""
    rows = [upto(row, lambda addr: addr == server) for row in shown.rows]
    if shown.joined is not None:
        candidates = [upto(shown.joined, lambda addrs: server in addrs)]
    else:
        candidates = [[[addr] if addr else [] for addr in row] for row in rows]
    wrong = [wrong_in(hops, paths, server, ways) for hops in candidates] or ["nothing is shown"]
    phantom = next(filter(None, (phantom_in(row, ways) for row in rows)), "") or strange(candidates, ways)
    return Verdict(min(wrong, key=bool), phantom, any(server in addrs for hops in candidates for addrs in hops))


def upto(hops, is_server):
    """Up to the server: what a tool prints behind it is the server again."""
    end = next((n + 1 for n, hop in enumerate(hops) if hop and is_server(hop)), len(hops))
    return hops[:end]


def wrong_in(hops, paths, server, ways):
    shown = len(hops) - next((n for n, addrs in enumerate(reversed(hops)) if addrs), len(hops))
    for ttl, addrs in enumerate(hops[:shown], 1):
        if why := wrong_at(ttl, addrs, paths, server, ways):
            return why
    if shown and server in hops[shown - 1]:
        return ""
    unasked = (wrong_at(ttl, [], paths, server, ways) for ttl in range(shown + 1, shown + 1 + GAP))
    return next(filter(None, unasked), "")


def wrong_at(ttl, addrs, paths, server, ways):
    """What is wrong with these addresses, or with a star."""
    ends = {ttl for path in paths for ttl in path["server"]}
    routers = [hop for path in paths if ttl <= len(path["hops"]) for hop in path["hops"][ttl - 1]]
    if server in addrs:
        return "" if ttl in ends else f"{ttl}/{server}: true is {sorted(ends)}"
    if addrs and not set(addrs) & {hop["addr"] for hop in routers}:
        return f"{ttl}/{'+'.join(addrs)}: true is {'+'.join(hop['addr'] for hop in routers) or 'no router'}"
    if addrs or ways.why_silent([hop["router"] for hop in routers], PATIENCE):
        return ""
    return f"{ttl}/*: {routers[0]['router'] if routers else 'the server'} answers"


def phantom_in(row, ways):
    for ttl, addr in enumerate(row, 1):
        before = row[ttl - 2] if ttl > 1 else None
        if addr and addr not in ways.at(ttl):
            return f"{ttl}/{addr}: on no way at that TTL"
        if addr and before and not ways.follows(before, addr):
            return f"{ttl - 1}/{before},{ttl}/{addr}: consecutive on no way"
    return ""


def strange(candidates, ways):
    """Addresses that stand in no row, beside others at their TTL."""
    for hops in candidates:
        for ttl, addrs in enumerate(hops, 1):
            for addr in addrs:
                if addr not in ways.at(ttl):
                    return f"{ttl}/{addr}: on no way at that TTL"
    return ""
