# SPDX-License-Identifier: GPL-2.0-or-later
"""Is what inpathd logged true? "When a path is right" of TRUTH.md, as a pure function.

    verdicts = judge(flows, records, truth, timeout_ms=1000)

`flows` are those that were opened (ground.Flow, TCP and QUIC), `records` all of inpathd's (records.py), `truth` netsim's truth file.
One verdict a flow: it is right if it has a record, and each of its records is right.

Which of the truth's probes belong to a record is told by its ev=probe lines: the n-th that inpathd sent
with a TTL in a flow is the n-th that came. So no clock is compared with another one, unless a probe
was lost on its way to netsim.
"""

from typing import NamedTuple

PATIENCE_SPARE = 0.030  # seconds that a busy machine may need for an answer's way to inpathd
SERVER_TTL = 64  # of packets as a server sends them
CLOCK_SPARE = 0.005  # by how much two clocks may differ, the log's milliseconds included


class Verdict(NamedTuple):
    flow: tuple
    wrong: list  # what is wrong, in words; []: the path is right
    shown: list  # the flow's paths as they were logged, in text


class Trace(NamedTuple):
    """A path record beside the truth of its time."""

    record: dict
    probes: list  # the truth's
    paths: list  # the truth's, those in force while it ran
    dst: str
    heard: list  # TTLs of the server's packets


def judge(flows, records, truth, timeout_ms=1000):
    return [judge_flow(flow, records, truth, timeout_ms) for flow in flows]


def judge_flow(flow, records, truth, timeout_ms=1000):
    paths = [r for r in records if r.get("ev") == "path" and tuple_of(r) == tuple(flow)]
    shown = [show(record) for record in paths]
    true_flow = find(truth, flow)
    if true_flow is None:
        return Verdict(flow, ["the flow never came to netsim under its source port"], shown)
    if not paths:
        return Verdict(flow, ["no record"], shown)
    wrong = []
    for trace in traces(flow, paths, records, truth, true_flow, timeout_ms / 1000):
        wrong += wrong_in(trace, timeout_ms / 1000)
    return Verdict(flow, wrong, shown)


def tuple_of(record):
    return int(record["af"]), int(record["sport"]), record["dst"], int(record["dport"]), record["proto"]


def find(truth, flow):
    """The truth's entry for a flow; NAT keeps its source port. QUIC is UDP to it."""
    key = (*flow[:4], "tcp" if flow[4] == "tcp" else "udp")
    for entry in truth["flows"]:
        if (entry["af"], entry["sport"], entry["dst"], entry["dport"], entry["proto"]) == key:
            return entry
    return None


def show(record):
    text = ",".join(f"{'?' if h.ttl is None else h.ttl}/{'+'.join(h.addrs) or '*'}" for h in record["hops"])
    return f"stop={record['stop']} nhop={record['nhop']} hops={text}"


# --- which probes of the truth are a record's ---


def traces(flow, paths, records, truth, true_flow, timeout):
    """A Trace for each of the flow's paths."""
    sent = {record["run"]: [] for record in paths}
    for record in records:
        if record.get("ev") == "probe" and record.get("run") in sent:
            sent[record["run"]].append(record)
    came = matched(sent, truth, true_flow)
    for number, record in enumerate(paths):
        start = float(record["ts"]) - truth["zero"] - CLOCK_SPARE
        if sent[record["run"]]:
            probes = came[record["run"]]
            last = max(float(probe["ts"]) for probe in sent[record["run"]]) - truth["zero"]
            begin = min((probe["at"] for probe in probes), default=start)
            end = max((probe["at"] for probe in probes), default=last)
        else:
            later = [float(other["ts"]) - truth["zero"] for other in paths[number + 1 :]]
            begin, end = start, min(later, default=float("inf"))
            probes = [probe for probe in true_flow["probes"] if begin <= probe["at"] < end]
        yield Trace(record, probes, in_force(true_flow, begin, end), flow[2], true_flow.get("heard", []))


def interrupted(flow, records, truth, times, timeout_ms=1000):
    """Did one of the events at `times` (seconds from the first packet) come while a trace of the flow was under way?"""
    paths = [r for r in records if r.get("ev") == "path" and tuple_of(r) == tuple(flow)]
    true_flow = find(truth, flow)
    for trace in traces(flow, paths, records, truth, true_flow, timeout_ms / 1000) if true_flow else ():
        began = min((probe["at"] for probe in trace.probes), default=None)
        ended = float(trace.record["ts"]) - truth["zero"] + CLOCK_SPARE
        if began is not None and any(began <= at <= ended for at in times):
            return True
    return False


def matched(sent, truth, true_flow):
    """run -> the truth's probes, by those that inpathd says to have sent."""
    came = {run: [] for run in sent}
    for ttl in {probe["ttl"] for probes in sent.values() for probe in probes}:
        ours = [(float(p["ts"]) - truth["zero"], run) for run, probes in sent.items() for p in probes if p["ttl"] == ttl]
        ours.sort(key=lambda pair: pair[0])
        theirs = [probe for probe in true_flow["probes"] if probe["ttl"] == int(ttl)]
        for (_, run), probe in pairs(ours, theirs):
            came[run].append(probe)
    return came


def pairs(ours, theirs):
    """Both are in order. Where some were lost on the way, each is the first that came after it was sent."""
    if len(ours) == len(theirs):
        return zip(ours, theirs)
    result, left = [], list(theirs)
    for at, run in ours:
        found = next((probe for probe in left if probe["at"] >= at - CLOCK_SPARE), None)
        if found:
            result.append(((at, run), found))
            del left[: left.index(found) + 1]
    return result


def in_force(true_flow, begin, end):
    return [p for p in true_flow["paths"] if p["from"] <= end and (p["until"] is None or p["until"] > begin)]


# --- the rules ---


def wrong_in(trace, timeout):
    return wrong_form(trace) or wrong_addresses(trace) + wrong_stop(trace, timeout) + wrong_silence(trace, timeout)


def wrong_form(trace):
    record = trace.record
    ttls = [hop.ttl for hop in record["hops"] if hop.ttl is not None]
    if ttls != list(range(1, int(record["nhop"]) + 1)):
        return [f"hops are not 1 to nhop={record['nhop']}, each once"]
    return []


def server_ttls(trace):
    return {ttl for path in trace.paths for ttl in path["server"]}


def routers_at(paths, ttl):
    """The addresses that a TTL has on these paths of the truth."""
    return {hop["addr"] for path in paths if ttl <= len(path["hops"]) for hop in path["hops"][ttl - 1]}


def wrong_addresses(trace):
    """Rule 1."""
    wrong = []
    stop, nhop = trace.record["stop"], int(trace.record["nhop"])
    for ttl, addrs, _ in trace.record["hops"]:
        for addr in addrs:
            if addr == trace.dst:
                # A flow that ends may cut its trace short while routers' answers are still awaited; or the budget does.
                cut = stop in ("ended", "budget") and ttl in server_ttls(trace)
                reached = stop in ("reached", "inferred") or cut
                placed = ttl is None or ttl == nhop and reached
                if not placed:
                    wrong.append(f"{ttl}/{addr}: the server, with nhop={nhop} stop={stop}")
            elif ttl is None:
                wrong.append(f"?/{addr}: that is not the server")
            elif addr not in (true := routers_at(trace.paths, ttl)):
                wrong.append(f"{ttl}/{addr}: true is {'+'.join(sorted(true)) or 'no router'}")
    return wrong


def wrong_stop(trace, timeout):
    """Rule 2."""
    stop, nhop = trace.record["stop"], int(trace.record["nhop"])
    true = sorted(server_ttls(trace))
    if stop == "inferred":
        return wrong_inference(trace, nhop, timeout)
    if stop == "short" and trace.record["proto"] == "udp":
        came = [probe["ttl"] for probe in trace.probes if probe["end"] == "server"]
        return [f"stop=short: a probe with TTL {min(came)} came to the server"] if came else []
    if stop == "reached":
        if nhop not in true and not (len(true) > 1 and nhop == lowest_reached(trace)):
            return [f"nhop={nhop}: true is {' or '.join(map(str, true)) or 'that no server is reached'}"]
        if trace.dst not in next(hop.addrs for hop in trace.record["hops"] if hop.ttl == nhop):
            return [f"nhop={nhop}: the server's address does not stand there"]
        if not any(server_answers(probe) for probe in trace.probes):
            return ["stop=reached: nothing answered as the server"]
        if not any(probe["end"] == "server" or probe.get("proxied") for probe in trace.probes if probe["ttl"] == nhop):
            return [f"nhop={nhop}: no probe with that TTL came to the server"]
        return []
    # A flow that ends takes its trace with it, whoever has answered; so does a budget that is spent.
    answered = [p["ttl"] for p in trace.probes if p["end"] == "server" and in_time(p["answers"], timeout)]
    if answered and stop not in ("ended", "budget"):
        return [f"stop={stop}: the server answered a probe with TTL {min(answered)}"]
    return []


def wrong_inference(trace, nhop, timeout):
    """Nothing answers as QUIC's server: its hop follows from the TTL of its packets and from who answers before it."""
    if trace.record["proto"] != "quic":
        return [f"stop=inferred: of {trace.record['proto']}"]
    places = [hop.ttl for hop in trace.record["hops"] if trace.dst in hop.addrs]
    if not places and "e2e" in trace.record:
        return ["stop=inferred: the server stands nowhere"]
    if places == [None]:
        # At no TTL: so the record goes as far as probes did.
        beyond = max((probe["ttl"] for probe in trace.probes), default=nhop)
        return [f"nhop={nhop}: a probe with TTL {beyond} was sent"] if beyond > nhop else wrong_doubt(trace, timeout)
    true = server_ttls(trace)
    if places != [nhop] or nhop in true:
        return []  # where it stands twice, or not at nhop, rule 1 says so
    between = [
        probe
        for probe in trace.probes
        if probe["end"] == "expired" and nhop <= probe["ttl"] and in_time(probe["answers"], timeout)
    ]
    said = f"nhop={nhop}: true is {' or '.join(map(str, sorted(true))) or 'that no server is reached'}"
    if between:
        return [f"{said}; {between[0]['router']} answered a probe with TTL {between[0]['ttl']}"]
    return [said] if nhop > max(true, default=0) else []


def wrong_doubt(trace, timeout):
    """The server stands at no TTL: did not both witnesses name the same, and with it the true one?"""
    true = server_ttls(trace)
    for probe in trace.probes:
        at = probe["ttl"] + 1
        if true == {at} and trace.heard == [SERVER_TTL - probe["ttl"]] and in_time(probe["answers"], timeout):
            return [f"the server stands at no TTL: {probe['router']} answered before it, and its packets' TTL says {at}"]
    return []


def lowest_reached(trace):
    """Between ways of several lengths: where one probe took the longer one, the next TTL's the shorter."""
    return min((probe["ttl"] for probe in trace.probes if server_answers(probe)), default=0)


def server_answers(probe):
    return probe["end"] == "server" and probe["answers"] or probe.get("proxied")


def in_time(answers, timeout):
    return any(seconds < timeout - PATIENCE_SPARE for seconds in answers)


def wrong_silence(trace, timeout):
    """Rule 3. A refusal speaks for the router that refuses, not for its probe's TTL."""
    wrong = []
    for ttl, addrs, _ in trace.record["hops"]:
        if addrs:
            continue
        answers = [
            (seconds, probe)
            for probe in trace.probes
            if probe["ttl"] == ttl and probe["end"] != "refused" and in_time(probe["answers"], timeout)
            for seconds in probe["answers"][:1]
        ]
        if answers:
            seconds, probe = min(answers, key=lambda pair: pair[0])
            wrong.append(f"{ttl}/*: {probe.get('router') or 'the server'} answered after {seconds * 1000:.1f} ms")
    return wrong
