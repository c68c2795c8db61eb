#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A video that any browser with H.264 plays, as segments for Media Source Extensions.

    video.py FOLDER SEGMENTS    writes init.mp4 and seg-0.m4s ... of one second each

The picture is stored, not compressed (macroblocks of type I_PCM, ITU-T H.264 7.3.5): a grey field with
noise in it, some 360 kB a second. So no encoder is needed and the segments have the size of real ones.
The boxes are those of ISO/IEC 14496-12 and -15. The same arguments write the same bytes.
"""
import os
import random
import struct
import sys

COLUMNS, ROWS = 8, 6  # in macroblocks of 16 x 16
FRAMES = 20  # a second
NOISE = bytes(64 + i * 128 // 256 for i in range(256))


class Bits:
    """Bits of an RBSP, with the codes of H.264 9.1."""

    def __init__(self):
        self.text = ""

    def u(self, count, value):
        self.text += f"{value:0{count}b}"
        return self

    def ue(self, *values):
        for value in values:
            self.u(2 * (value + 1).bit_length() - 1, value + 1)
        return self

    def aligned(self):
        """Filled up by zero bits."""
        text = self.text + "0" * (-len(self.text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")

    def whole(self):
        return self.u(1, 1).aligned()


def parameter_sets():
    sequence = Bits().ue(0, 0, 2, 1).u(1, 0)  # id, frame_num of 4 bits, order as decoded, 1 reference
    sequence.ue(COLUMNS - 1, ROWS - 1).u(4, 0b1100)  # frames only, no cropping, no VUI
    picture = Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 0)
    return bytes([0x67, 66, 0xC0, 30]) + sequence.whole(), b"\x68" + picture.whole()


def frame(noise, number):
    """One IDR picture. Its samples are never 0, so that no byte has to be escaped (7.4.1)."""
    start = Bits().ue(0, 7, 0).u(4, 0).ue(number % 2).u(2, 0).ue(0)  # an I slice, the default QP
    block = Bits().ue(25).aligned()  # I_PCM, aligned
    out = [b"\x65", start.ue(25).aligned()]
    for i in range(COLUMNS * ROWS):
        if i:
            out.append(block)
        out.append(noise.randbytes(256).translate(NOISE) + b"\x80" * 128)
    unit = b"".join(out) + b"\x80"
    if b"\0\0\0" in unit or b"\0\0\1" in unit or b"\0\0\2" in unit or b"\0\0\3" in unit:
        raise SystemExit("video: this picture would need escapes")
    return struct.pack(">I", len(unit)) + unit


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


def sample_entry():
    sps, pps = parameter_sets()
    config = bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1])
    config += struct.pack(">H", len(sps)) + sps + b"\1" + struct.pack(">H", len(pps)) + pps
    head = bytes(6) + struct.pack(">H", 1) + bytes(16)
    head += struct.pack(">HHIIIH", COLUMNS * 16, ROWS * 16, 72 << 16, 72 << 16, 0, 1) + bytes(32)
    return box(b"avc1", head, struct.pack(">Hh", 24, -1), box(b"avcC", config))


def initial():
    table = [full(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry())]
    table += [full(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    table.append(full(b"stsz", 0, 0, bytes(8)))
    data = box(b"dinf", full(b"dref", 0, 0, struct.pack(">I", 1), full(b"url ", 0, 1)))
    media = box(b"minf", full(b"vmhd", 0, 1, bytes(8)), data, box(b"stbl", *table))
    handler = full(b"hdlr", 0, 0, bytes(4), b"vide", bytes(13))
    head = full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, FRAMES, 0, 0x55C4, 0))
    size = struct.pack(">II", COLUMNS << 20, ROWS << 20)
    track = full(b"tkhd", 0, 3, struct.pack(">IIIII", 0, 0, 1, 0, 0), bytes(16), MATRIX, size)
    movie = struct.pack(">IIIIIH", 0, 0, FRAMES, 0, 1 << 16, 0) + bytes(10) + MATRIX
    movie += bytes(24) + struct.pack(">I", 2)
    extends = box(b"mvex", full(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 1, 0, 0)))
    return box(b"ftyp", b"iso5", bytes(4), b"iso5avc1") + box(
        b"moov", full(b"mvhd", 0, 0, movie), box(b"trak", track, box(b"mdia", head, handler, media)), extends
    )


def segment(noise, number):
    frames = [frame(noise, i) for i in range(FRAMES)]

    def fragment(offset):
        # The data begin at `offset`, relative to this box; each sample has a size of its own.
        run = struct.pack(f">Ii{FRAMES}I", FRAMES, offset, *map(len, frames))
        track = box(
            b"traf",
            full(b"tfhd", 0, 0x020000, struct.pack(">I", 1)),
            full(b"tfdt", 0, 0, struct.pack(">I", number * FRAMES)),
            full(b"trun", 0, 0x000201, run),
        )
        return box(b"moof", full(b"mfhd", 0, 0, struct.pack(">I", number + 1)), track)

    return fragment(len(fragment(0)) + 8) + box(b"mdat", *frames)


def main(folder, count):
    noise = random.Random(1)
    with open(os.path.join(folder, "init.mp4"), "wb") as f:
        f.write(initial())
    for i in range(int(count)):
        with open(os.path.join(folder, f"seg-{i}.m4s"), "wb") as f:
            f.write(segment(noise, i))


if __name__ == "__main__":
    main(*sys.argv[1:])
