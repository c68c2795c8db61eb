#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of the marks of connections, as conntrack(8) tells it.

    marks.py events FILE OURS [FROM-TO/MASK...]
        FILE is what `conntrack -E -o id` has printed, OURS the bits that may come and go. Prints each
        connection whose other bits changed, but for changes FROM-TO of the bits MASK, and at last one line:
            connections=N changes=N ours=N others=N
        those seen; how often a mark changed, and of these how often in ours; those to complain of
    marks.py table FILE OURS
        FILE is what `conntrack -L` has printed. Prints it sorted and without what differs from run to run,
        with the marks as others see them, and `ours=N`: the connections that have a bit of ours
"""
import re
import sys

WORD = re.compile(r"\b(\w+)=(\S+)")


def allowed(words):
    """[(from, to, mask)]"""
    return [tuple(int(number, 16) for number in re.split("[-/]", word)) for word in words]


def is_allowed(old, new, changes):
    return any(old & mask == a and new & mask == b and (old ^ new) & ~mask == 0 for a, b, mask in changes)


def judge(lines, ours, changes):
    """What is to complain of, and the figures."""
    marks, changed, in_ours, wrong = {}, 0, 0, []
    for line in lines:
        found = dict(WORD.findall(line))
        if "id" not in found or "mark" not in found:
            continue
        key, mark = found["id"], int(found["mark"])
        # A number is given anew when its connection is gone.
        old = mark if "[NEW]" in line else marks.get(key, mark)
        changed += old != mark
        in_ours += (old ^ mark) & ours != 0
        if (old ^ mark) & ~ours and not is_allowed(old & ~ours, mark & ~ours, changes):
            wrong.append(f"was {old:#x}: {line.strip()}")
        marks[key] = mark
    return wrong, f"connections={len(marks)} changes={changed} ours={in_ours} others={len(wrong)}"


def events(path, ours, *words):
    with open(path, encoding="ascii") as lines:
        wrong, figures = judge(lines, int(ours, 16), allowed(words))
    print(*wrong, figures, sep="\n")


def plain(line, ours):
    """A connection as it is whenever it is looked at: without its age, its counts and its NAT's choice of an ICMP id."""
    words = [word for word in line.split() if not re.match(r"(use|packets|bytes|id|delta-time)=", word)]
    mark = next((int(word[5:]) for word in words if word.startswith("mark=")), 0)
    words = [word for word in words if not re.match(r"mark=|\d+$", word)]
    return " ".join(words + [f"mark={mark & ~ours:#x}"]), mark & ours


def table(path, ours):
    ours, mine = int(ours, 16), 0
    with open(path, encoding="ascii") as lines:
        rows = [plain(line, ours) for line in lines if "src=" in line]
    for row, has in sorted(rows):
        mine += has != 0
        print(row)
    print(f"ours={mine}")


if __name__ == "__main__":
    {"events": events, "table": table}[sys.argv[1]](*sys.argv[2:])
