# SPDX-License-Identifier: GPL-2.0-or-later
"""QUIC packets (RFC 9000) as the two ends of a flow write them.

Initials are genuine: sealed with the keys that both ends make of the client's first connection id (RFC 9001 5.2), and only
what opens is taken. The ends share no secret beyond these, so that what goes on in Handshake and 1-RTT packets is no
cipher text, but bytes that each end can work out and compares (talk_quic.py).
"""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

VERSION = 1
SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
INITIAL, HANDSHAKE = 0, 2
SPIN = 0x20
NUMBER = 4  # bytes of a packet number in an Initial
TAG = 16
DATAGRAM = 1200  # a datagram with an Initial has so many bytes at least (RFC 9000 14.1)


class Malformed(Exception):
    """A packet that is none, or does not open."""


# --- keys: RFC 9001 5 ---


def hmac(key, data):
    mac = HMAC(key, SHA256())
    mac.update(data)
    return mac.finalize()


def expand(secret, label, length):
    """HKDF-Expand-Label of TLS 1.3 with an empty context, for what one block of the hash holds (RFC 8446 7.1)."""
    label = b"tls13 " + label
    info = struct.pack("!HB", length, len(label)) + label + b"\0"
    return hmac(secret, info + b"\1")[:length]


class Keys:
    """Those of one end's Initials: `end` is b"client" or b"server"."""

    def __init__(self, dcid, end):
        secret = expand(hmac(SALT, dcid), end + b" in", 32)
        self.aead = AESGCM(expand(secret, b"quic key", 16))
        self.iv = int.from_bytes(expand(secret, b"quic iv", 12), "big")
        self.header = algorithms.AES(expand(secret, b"quic hp", 16))

    def nonce(self, number):
        return (self.iv ^ number).to_bytes(12, "big")

    def mask(self, sample):
        one = Cipher(self.header, modes.ECB()).encryptor()
        return one.update(sample) + one.finalize()


def flip(packet, at, mask):
    """Puts header protection on, or takes it off: of a packet number with all of its 4 bytes (RFC 9001 5.4)."""
    packet[0] ^= mask[0] & 0x0F
    for i in range(NUMBER):
        packet[at + i] ^= mask[1 + i]


# --- packets ---


def varint(value):
    for size, prefix in (1, 0), (2, 0x40), (4, 0x80):
        if value < 1 << (8 * size - 2):
            return (value | prefix << (8 * size - 8)).to_bytes(size, "big")
    return (value | 0xC0 << 56).to_bytes(8, "big")


def read_varint(data, at):
    if at >= len(data):
        raise Malformed("it is too short")
    size = 1 << (data[at] >> 6)
    value = int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1)
    return value, at + size


def head(kind, dcid, scid):
    first = 0xC0 | kind << 4 | NUMBER - 1
    return struct.pack("!BIB", first, VERSION, len(dcid)) + dcid + bytes([len(scid)]) + scid


def crypto(data, offset=0):
    return b"\x06" + varint(offset) + varint(len(data)) + data


def read_crypto(frames):
    """The only frame but PADDING: offset, bytes."""
    if not frames or frames[0] != 6:
        raise Malformed("its frame is no CRYPTO")
    offset, at = read_varint(frames, 1)
    length, at = read_varint(frames, at)
    if length > len(frames) - at or any(frames[at + length :]):
        raise Malformed("its frame's length lies")
    return offset, frames[at : at + length]


def initial(keys, dcid, scid, number, frames, length=0):
    """An Initial with these frames; PADDING fills it up to `length` bytes."""
    start = head(INITIAL, dcid, scid) + varint(0)  # no token
    frames = frames.ljust(length - len(start) - 2 - NUMBER - TAG, b"\0")
    start += struct.pack("!H", 0x4000 | NUMBER + len(frames) + TAG) + number.to_bytes(NUMBER, "big")
    packet = bytearray(start + keys.aead.encrypt(keys.nonce(number), frames, start))
    at = len(start) - NUMBER
    flip(packet, at, keys.mask(bytes(packet[at + 4 : at + 20])))
    return bytes(packet)


def handshake(dcid, scid, body):
    return head(HANDSHAKE, dcid, scid) + varint(len(body)) + body


class Long:
    """The long-header packet that `data` begins with. `rest` is what follows it in the datagram."""

    def __init__(self, data):
        try:
            self.kind = data[0] >> 4 & 3
            version, dcid = struct.unpack_from("!IB", data, 1)
            self.dcid = data[6 : 6 + dcid]
            at = 6 + dcid
            self.scid = data[at + 1 : at + 1 + data[at]]
            at += 1 + data[at]
        except (IndexError, struct.error):
            raise Malformed("it is too short") from None
        if version != VERSION or data[0] >> 6 != 3 or self.kind not in (INITIAL, HANDSHAKE):
            raise Malformed("it is no packet that was sent")
        if self.kind == INITIAL:
            token, at = read_varint(data, at)
            at += token
        length, self.at = read_varint(data, at)
        if length < NUMBER + TAG or self.at + length > len(data):
            raise Malformed("its length lies")
        self.packet, self.rest = data[: self.at + length], data[self.at + length :]
        self.body = self.packet[self.at :]

    def open(self, keys):
        """The frames of an Initial."""
        packet = bytearray(self.packet)
        flip(packet, self.at, keys.mask(bytes(packet[self.at + 4 : self.at + 20])))
        start = bytes(packet[: self.at + NUMBER])
        number = int.from_bytes(start[-NUMBER:], "big")
        try:
            return keys.aead.decrypt(keys.nonce(number), bytes(packet[len(start) :]), start)
        except InvalidTag:
            raise Malformed("it does not open") from None


# --- the greeting: RFC 8446 4.1.2 ---


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def key_share(group, key):
    return extension(51, struct.pack("!HHH", len(key) + 4, group, len(key)) + key)


def client_hello(name, random, share):
    """`share` is the key's: 32 bytes of X25519, or 1216 of X25519MLKEM768, as browsers send today."""
    name = name.encode()
    extensions = b"".join(
        (
            extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name),
            extension(16, b"\0\x03\x02h3"),
            extension(43, b"\x02\x03\x04"),
            extension(10, b"\0\x02\0\x1d"),
            extension(13, b"\0\x02\x04\x03"),
            key_share(0x1D if len(share) == 32 else 0x11EC, share),
        )
    )
    body = b"\x03\x03" + random + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack("!H", len(extensions)) + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body
