# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads inpathd's log file, which grows while it is read: each line as a dict of its fields.

A path that is split into parts comes as one record. In it, `hops` is a list of Hop: every TTL once,
in order, and last, with ttl None, a server that answered without naming its TTL.
"""

import re
from typing import NamedTuple

FIELD = re.compile(r'([A-Za-z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ ]*))')
ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")


class Hop(NamedTuple):
    ttl: int | None
    addrs: tuple  # (): silent
    rtt: float | None  # ms


def fields(line):
    """{} for a line that is no record."""
    start = line.find("ev=")
    if start < 0:
        return {}
    return {key: ESCAPE.sub(unescape, quoted) if quoted else plain for key, quoted, plain in FIELD.findall(line[start:])}


def unescape(match):
    text = match.group(1)
    return chr(int(text[1:], 16)) if len(text) == 3 else text


def hop(entry):
    ttl, addrs, *rtt = entry.split("/")
    return Hop(
        None if ttl == "?" else int(ttl),
        () if addrs == "*" else tuple(addrs.split("+")),
        float(rtt[0]) if rtt else None,
    )


def join(parts):
    """One record of a path's parts."""
    record = dict(parts[0])
    record.pop("part", None)
    record["hops"] = [hop(entry) for part in parts for entry in part["hops"].split(",") if entry]
    return record


class Log:
    """The records in a file, each once, in order; a path when its last part is there."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.parts = {}  # run -> a path's parts so far

    def read(self):
        """What is new since the last call."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                text = file.read()
        except FileNotFoundError:
            return []
        text = text[: text.rfind(b"\n") + 1]
        self.offset += len(text)
        records = (self.whole(fields(line)) for line in text.decode("utf-8", "replace").splitlines())
        return [record for record in records if record]

    def whole(self, record):
        if record.get("ev") != "path":
            return record
        parts = self.parts.setdefault(record["run"], [])
        parts.append(record)
        if len(parts) < int(record.get("part", "1/1").split("/")[1]):
            return None
        return join(self.parts.pop(record["run"]))


def of_run(records, record):
    """The ev=hop and ev=probe records that belong to a path."""
    same = [other for other in records if other.get("run") == record["run"]]
    return [r for r in same if r["ev"] == "hop"], [r for r in same if r["ev"] == "probe"]
