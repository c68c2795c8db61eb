#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hold_process PID: holds a process as a debugger does, so that nobody but us is told of it, until it is killed.

Says `held` once it stands, or why it cannot be held here.
"""
import ctypes
import os
import sys

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000


def main():
    pid = int(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    for request in PTRACE_SEIZE, PTRACE_INTERRUPT:
        if libc.ptrace(request, pid, None, None) < 0:
            print("no process can be held here:", os.strerror(ctypes.get_errno()), flush=True)
            return
    _, status = os.waitpid(pid, WALL)
    if os.WIFSTOPPED(status):
        print("held", flush=True)
        os.waitpid(pid, WALL)


main()
