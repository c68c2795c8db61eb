# SPDX-License-Identifier: GPL-2.0-or-later
"""What the two ends of a flow have in common, whatever its transport: the bytes, and the pace of the requests."""

import asyncio
import hashlib
import struct

FIRST_ASK = 600  # bytes of a first request; the later ones are short
LATER_ASK = 120
LATER_ANSWER = 200
PATIENCE = 60  # seconds for one answer: a machine may be busy, a link lose


class Wrong(Exception):
    """What came is not what was sent."""


def pattern(key, answer, length):
    return hashlib.shake_128(struct.pack("!Q?", key, answer)).digest(length)


def host(sport):
    """The name that a QUIC flow's greeting has."""
    return f"q{sport}.quic.example"


class Flow:
    """One flow of the client. A transport adds connect, exchange and close."""

    def __init__(self, order):
        self.af, self.sport, self.dst, self.dport = (order[k] for k in ("af", "sport", "dst", "dport"))
        self.src = order.get("src", "")
        self.first = order["first"]
        self.requests = self.bytes = 0
        self.error = None
        self.finish = asyncio.Event()
        self.idle = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def run(self):
        try:
            await asyncio.wait_for(self.connect(), PATIENCE)
            await asyncio.wait_for(self.ask(FIRST_ASK, self.first), PATIENCE)
            while not self.finish.is_set():
                await self.pause()
                await asyncio.wait_for(self.ask(LATER_ASK, LATER_ANSWER), PATIENCE)
        except (asyncio.TimeoutError, TimeoutError):
            self.error = f"no answer within {PATIENCE} s"
        except (OSError, Wrong) as error:
            self.error = str(error)
        finally:
            self.idle.set()

    async def ask(self, length, answer):
        await self.exchange(self.sport << 32 | self.requests, length, answer)
        self.requests += 1
        self.bytes += answer

    async def pause(self):
        """100 to 300 ms, other ones in each flow, so that they do not stay in step."""
        seconds = 0.1 + (self.sport * 7919 + self.requests * 104729) % 200 / 1000
        try:
            await asyncio.wait_for(self.finish.wait(), seconds)
        except (asyncio.TimeoutError, TimeoutError):
            pass

    def status(self):
        return {"af": self.af, "sport": self.sport, "requests": self.requests, "bytes": self.bytes, "error": self.error}
