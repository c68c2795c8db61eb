# SPDX-License-Identifier: GPL-2.0-or-later
"""expect: a case file, and whether a flow's records are what it expects. Pure: no process, no clock.

A case is a topology (the language of topology.h), then `--- run` with what differs from an ordinary run
(cases.py tells its words), then `--- expect`. The file's first comment says what the case shows.

    path [FIELD...]       the flow's records in order, one line each; `path*` any number of
    change [FIELD...]     them, also none; `path+` one or more
    hop ttl=N [FIELD...]  what is special at one TTL of the path above
    default FIELD...      what every answer of a router says in this case, unless its `hop` says otherwise
    stats NAME>=N...      how the daemon's counters have risen by the end

A FIELD is KEY=VALUE, or KEY>=N, KEY<=N, KEY>N, KEY<N; a line with af=4 or af=6 is about that family alone. VALUE:
`A|B` is A over IPv4 and B over IPv6; `A~B` is either; `-` is no such field; `N..M` a number between. Routers' and
servers' names stand for their addresses, NAME.from for where its errors come from. `hops=1/r1,2/r2~r3,3/*,4/s1`
leaves out the round trip times, and may be several such lists with `;` between; `rtt@3>=40` asks for one, in ms.
`why=period` is a trace of a flow again, so `why=slow` meets it, too: on a busy machine an RTT jumps by itself.

A record has the fields that its line says and the ordinary ones (ROUTINE), no others. So has every hop of a
path, also where no `hop` line says so. What is chance or of no account here (IGNORED) is not compared.
"""
import ipaddress
import re
import shlex

import talk_flow

IGNORED = {
    "path": {"v", "ts", "run", "cl", "sport", "sent", "fp", "e2e", "lan"},
    "change": {"v", "ts", "run", "cl", "sport", "old", "new", "held"},
    "hop": {"v", "ts", "run", "min", "med", "max", "rttl"},
}
FLOW = {"pol": "all", "svc": "all", "by": "addr", "proto": "tcp", "dport": "5001"}
# What an ordinary flow's records say. IPv4's header and IPv6's differ by 20 bytes, hence the MSS.
ROUTINE = {
    "path": {**FLOW, "why": "start", "stop": "reached", "mss": "1460/1460|1440/1440", "opts": "sack,ts,ws/sack,ts,ws"},
    "change": FLOW,
    # Of a probe, 33 bytes lie behind the IP header: a TCP header with timestamps, and one byte.
    "router": {"sent": "1..12", "answered": "1..12", "qttl": "1", "qlen": "33", "type": "11|3", "code": "0"},
    "server": {"sent": "1..12", "answered": "1..12"},
    "silent": {"sent": "1..12", "answered": "0"},
}
# What is other where the case says `proto quic`. 8 bytes of UDP, 21 of payload; the server answers nothing.
QUIC = {
    "path": {"by": "sni", "proto": "quic", "stop": "inferred", "mss": "-", "opts": "-"},
    "change": {"by": "sni", "proto": "quic"},
    "router": {"qlen": "29"},
    "server": {"answered": "0"},
}
FIELD = re.compile(r"([a-z0-9@_]+)(>=|<=|=|>|<)(.*)", re.S)


class Malformed(ValueError):
    """A case file that says something else than it may."""


# --- reading -------------------------------------------------------------------------------------


class Names:
    """The addresses of a topology's routers and servers, by family."""

    def __init__(self, text):
        self.known = {4: {}, 6: {}}
        number = 0
        for line in text.splitlines():
            words = line.split("#")[0].split()
            if len(words) < 2 or words[0] not in ("router", "server"):
                continue
            options = {key: words[i + 1] for i, key in enumerate(words[:-1]) if key in ("addr", "addr6", "from", "from6")}
            if words[0] == "router":
                number += 1
                options.setdefault("addr", str(ipaddress.ip_address("198.18.0.0") + number))
                options.setdefault("addr6", "2001:db8:ff::%x" % number)
            for family, suffix in ((4, ""), (6, "6")):
                self.known[family][words[1]] = options.get("addr" + suffix)
                self.known[family][words[1] + ".from"] = options.get("from" + suffix)

    def resolve(self, family, value):
        def one(match):
            return self.known[family].get(match[0]) or match[0]

        return re.sub(r"[a-z][A-Za-z0-9_.-]*", one, value)


class Line:
    """One expectation: of a path with its hops, or of a change."""

    def __init__(self, kind, count, fields, text):
        self.kind, self.count, self.fields, self.text = kind, count, fields, text
        self.hops = {}


class Case:
    """A case file. `expected[af]` are its Lines, `options` the lines of `--- run`, `stats` the counters, `events` the times
    in its topology, in seconds."""

    def __init__(self, text):
        parts = re.split(r"^--- *(\w+) *\n", text, flags=re.M)
        self.topology = parts[0]
        sections = dict(zip(parts[1::2], parts[2::2]))
        if "expect" not in sections or set(sections) - {"run", "expect"}:
            raise Malformed("a case has a topology, perhaps `--- run`, and `--- expect`")
        comment = re.match(r"(#.*\n)*", self.topology)[0]
        self.title = " ".join(line.lstrip("# ") for line in comment.splitlines())
        self.options = [line for line in map(clean, sections.get("run", "").splitlines()) if line]
        self.quic = "proto quic" in self.options
        times = re.findall(r"^at ([0-9.]+)(ms|s)\b", self.topology, flags=re.M)
        self.events = [float(number) / (1000 if unit == "ms" else 1) for number, unit in times]
        self.names = Names(self.topology)
        self.expected = {4: [], 6: []}
        self.defaults = {4: {}, 6: {}}
        self.stats = []
        for line in map(clean, sections["expect"].splitlines()):
            if line:
                self.read(line)

    def read(self, line):
        word, *rest = shlex.split(line)
        fields = {}
        for text in rest:
            match = FIELD.fullmatch(text)
            if not match:
                raise Malformed("%r is no field" % text)
            fields[match[1]] = (match[2], match[3])
        if word == "stats":
            self.stats += [(key, op, float(value)) for key, (op, value) in fields.items()]
            return
        af = fields.pop("af", None)
        for family in (4, 6):
            if af is None or af[1] == str(family):
                self.take(family, word, self.localised(family, fields), line)

    def localised(self, family, fields):
        out = {}
        for key, (op, value) in fields.items():
            if key == "hops" or "|" not in value:
                chosen = value
            else:
                chosen = value.split("|")[family == 6]
            if key == "why" and chosen == "period":
                chosen = "period~slow"
            names = key in ("addr", "ifaddr", "hops", "dst")
            out[key] = (op, self.names.resolve(family, chosen) if names else chosen)
        return out

    def take(self, family, word, fields, text):
        lines = self.expected[family]
        if word == "default":
            self.defaults[family].update(fields)
        elif word == "hop":
            if not lines or lines[-1].kind != "path" or "ttl" not in fields:
                raise Malformed("%r: a hop stands behind its path and has a ttl" % text)
            lines[-1].hops[fields.pop("ttl")[1]] = (fields, text)
        elif word.rstrip("*+") in ("path", "change"):
            lines.append(Line(word.rstrip("*+"), word[len(word.rstrip("*+")):], fields, text))
        else:
            raise Malformed("%r: no such expectation" % text)


def clean(line):
    """Without its comment: `#` at the start or behind a blank."""
    return re.sub(r"(^|\s)#.*", "", line).strip()


# --- records -------------------------------------------------------------------------------------


class Record:
    """A path with its ev=hop records by TTL, or a change; as records.py reads them."""

    def __init__(self, fields):
        self.kind, self.fields, self.hops = fields["ev"], fields, {}

    def whole(self):
        """Have all of its hops come? The last is the server's, or the highest TTL probed."""
        return self.kind == "change" or set(self.hops) >= set(range(1, int(self.fields["nhop"]) + 1))

    def lines(self):
        return [told(self.fields)] + [told(hop) for _, hop in sorted(self.hops.items())]


def told(fields):
    """A record as the log has it, but for quotes and for what a reader here has no use for."""
    shown = {key: value for key, value in fields.items() if key not in ("v", "ts", "cl", "old", "new")}
    if "hops" in shown:
        shown["hops"] = ",".join(
            "%s/%s%s" % (hop.ttl or "?", "+".join(hop.addrs) or "*", "" if hop.rtt is None else "/%.2f" % hop.rtt)
            for hop in shown["hops"]
        )
    return " ".join("%s=%s" % item for item in shown.items())


def records_of(log):
    """{(family, port): [Record...]} in the log's order."""
    flows, runs = {}, {}
    for fields in log:
        if fields["ev"] == "hop" and fields["run"] in runs:
            runs[fields["run"]].hops[int(fields["ttl"])] = fields
        elif fields["ev"] in ("path", "change"):
            record = Record(fields)
            flows.setdefault((int(fields["af"]), int(fields["sport"])), []).append(record)
            if record.kind == "path":
                runs[fields["run"]] = record
    return flows


def fingerprint(hops):
    """FNV-1a over TTL and sorted addresses of the hops that answered; hops as [(ttl, [addresses])]."""
    value = 2166136261
    for ttl, addresses in hops:
        if addresses:
            packed = sorted(ipaddress.ip_address(a).packed for a in addresses)
            for byte in bytes([ttl]) + b"".join(packed):
                value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return "%08x" % value


# --- comparing -----------------------------------------------------------------------------------


def numeric(op, got, want):
    return {">=": got >= want, "<=": got <= want, ">": got > want, "<": got < want}[op]


def same(want, got):
    """Is `got` (None: no such field) what `want` = (operator, value) asks for?"""
    op, value = want
    if op != "=":
        return got is not None and numeric(op, float(got), float(value))
    for choice in value.split("~"):
        span = re.fullmatch(r"(\d+)\.\.(\d+)", choice)
        if choice == "-" if got is None else got == choice or (span and int(span[1]) <= int(got) <= int(span[2])):
            return True
    return False


def hops_differ(want, got):
    """`want` as in a case file, one list. Which of several addresses stands first is chance."""
    wanted = [entry.split("/", 1) for entry in want.split(",")]
    if len(wanted) != len(got):
        return True
    for (ttl, choices), hop in zip(wanted, got):
        sets = [sorted(a for a in choice.split("+") if a != "*") for choice in choices.split("~")]
        if ttl != str(hop.ttl or "?") or sorted(hop.addrs) not in sets:
            return True
    return False


def fields_differ(kind, want, got, ignored):
    """What is wrong with the fields of one line, as texts."""
    wrong = []
    for key in list(want) + [key for key in got if key not in want]:
        if key in want or key not in ignored:
            if not same(want.get(key, ("=", "-")), got.get(key)):
                op, value = want.get(key, ("=", "-"))
                wrong.append("%s: %s %s want %s" % (kind, key, got.get(key, "-"), value if op == "=" else op + value))
    return wrong


def routine(kind, family, quic):
    fields = ROUTINE[kind] | (QUIC.get(kind, {}) if quic else {})
    return {key: ("=", text.split("|")[family == 6] if "|" in text else text) for key, text in fields.items()}


def ordinary(kind, record, case, family):
    """The ordinary fields of a flow's own records: each QUIC flow is named by its greeting."""
    fields = routine(kind, family, case.quic)
    return fields | ({"host": ("=", talk_flow.host(record.fields["sport"]))} if case.quic else {})


def path_wrong(line, record, case, family, dst):
    want, got = dict(line.fields), dict(record.fields)
    wrong = []
    hops = got.pop("hops")
    wanted_hops = want.pop("hops", None)
    if wanted_hops and all(hops_differ(way, hops) for way in wanted_hops[1].split(";")):
        wrong.append("path: hops want %s" % wanted_hops[1])
    for key in [key for key in want if key.startswith("rtt@")]:
        op, value = want.pop(key)
        rtt = next((hop.rtt for hop in hops if str(hop.ttl) == key[4:]), None)
        if rtt is None or not numeric(op, rtt, float(value)):
            wrong.append("path: %s %s want %s%s" % (key, rtt, op, value))
    label = fingerprint([(hop.ttl or 0, hop.addrs) for hop in hops])
    if label != got["fp"]:
        wrong.append("path: fp %s is not that of its hops, %s" % (got["fp"], label))
    if got["dst"] != dst:
        wrong.append("path: dst %s want %s" % (got["dst"], dst))
    for key in ("ev", "af", "dst"):
        got.pop(key)
    return wrong + fields_differ("path", {**ordinary("path", record, case, family), **want}, got, IGNORED["path"])


def hop_wrong(want, got, addrs, case, family, dst):
    """`want` is what the case says of this hop, `addrs` are its addresses in the path."""
    where, addr = "hop " + got["ttl"], got["addr"]
    kind = "silent" if addr == "*" else "server" if addr == dst else "router"
    wrong = []
    if set(addr.split("+")) != set(addrs or ["*"]):
        wrong.append("%s: addr %s, in the path %s" % (where, addr, "+".join(addrs) or "*"))
    if "addr" in want and set(addr.split("+")) != set(want["addr"][1].split("+")):
        wrong.append("%s: addr %s want %s" % (where, addr, want["addr"][1]))
    if int(got["answered"]) > int(got["sent"]):
        wrong.append("%s: more answered than sent" % where)
    if ("rttl" in got) == (kind == "silent" or (kind, got["answered"]) == ("server", "0")):
        wrong.append("%s: rttl stands where something answered" % where)
    want = {**routine(kind, family, case.quic), **(case.defaults[family] if kind == "router" else {}), **want}
    want = {key: value for key, value in want.items() if key != "addr"}
    got = {key: value for key, value in got.items() if key not in ("ev", "ttl", "addr")}
    return wrong + fields_differ(where, want, got, IGNORED["hop"])


def wrong_with(line, record, case, family):
    """What is wrong with a record where `line` is expected; an empty list if nothing is."""
    if line.kind != record.kind:
        return ["%s: want %s" % (record.kind, line.kind)]
    dst = case.names.known[family]["s1"]
    if line.kind == "change":
        got = {key: value for key, value in record.fields.items() if key not in ("ev", "af", "dst")}
        return fields_differ("change", {**ordinary("change", record, case, family), **line.fields}, got, IGNORED["change"])
    wrong = path_wrong(line, record, case, family, dst)
    addrs = {hop.ttl: hop.addrs for hop in record.fields["hops"]}
    for ttl, got in sorted(record.hops.items()):
        want, _ = line.hops.get(str(ttl), ({}, None))
        wrong += hop_wrong(want, got, addrs.get(ttl, ()), case, family, dst)
    for ttl in set(line.hops) - set(map(str, record.hops)):
        wrong.append("hop %s: want one" % ttl)
    return wrong


class Verdict:
    """`done`: the records are as expected, and all there. `bad`: they can no longer become so."""

    def __init__(self, done, bad, index, lines):
        self.done, self.bad = done, bad
        self.index = index  # the record that does not fit, or the number of records
        self.lines = lines  # what could have stood there


def judge(case, family, records):
    """Compares a flow's records, as far as they have come, with what the case expects of that family."""
    lines = case.expected[family]

    def closure(states):
        """States are numbers of lines: that many are behind us. A line that may be missing is passed."""
        out = set()
        for state in states:
            out.add(state)
            while state < len(lines) and lines[state].count == "*":
                state += 1
                out.add(state)
        return out

    states = closure({0})
    for index, record in enumerate(records):
        if not record.whole():
            return Verdict(False, False, index, [])
        after = set()
        for state in states:
            # Behind `path+`, another of the same is still welcome.
            for at in {state, state - 1} & set(range(len(lines))):
                if at == state or lines[at].count:
                    if not wrong_with(lines[at], record, case, family):
                        after.add(at if lines[at].count == "*" else at + 1)
        if not after:
            fitting = {at for state in states for at in (state, state - 1) if 0 <= at < len(lines)}
            fitting = [lines[at] for at in sorted(fitting) if at in states or lines[at].count]
            return Verdict(False, True, index, fitting)
        states = closure(after)
    return Verdict(len(lines) in states, False, len(records), [])


def explain(case, family, records, verdict):
    """Lines that show what was wanted and what came, side by side."""
    out = []
    for line in case.expected[family]:
        out.append("  want  " + line.text)
        out += ["  want    " + text for _, text in line.hops.values()]
    for index, record in enumerate(records):
        if verdict.bad and index == verdict.index:
            out.append("here the records go another way:")
        out += ["  got   " + line for line in record.lines()]
        if verdict.bad and index == verdict.index:
            for line in verdict.lines:
                out.append("  against `%s`:" % line.text)
                out += ["    " + text for text in wrong_with(line, record, case, family)]
            break
    if not verdict.bad:
        out.append("nothing else came" if records else "no record came")
    return out
