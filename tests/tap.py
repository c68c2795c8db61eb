# SPDX-License-Identifier: GPL-2.0-or-later
"""A test's results, in TAP: ok() and same() print a line each, finish() the plan, and ends the program."""
import sys

count = failed = 0


def ok(what, good, said=""):
    """One promise, and whether it holds; `said` is shown where it does not."""
    global count, failed
    count += 1
    failed += not good
    print("ok" if good else "not ok", count, "-", what)
    if said and not good:
        print("#", said)


def same(what, got, want):
    ok(what, got == want, f"got {got}, want {want}")


def finish():
    print(f"1..{count}")
    sys.exit(failed != 0)
