#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Chromium's NetLog tells of its QUIC sessions.

    netlog.py FILE      one line a session, then one of the browser; KEY=VALUE, a list by comma, - for none

    session host= version= peer= local=     peer and local: each address that packets came from and to
            closed= by=                     QUIC's name of the error, and us or peer
            sent= received= requests=       packets and requests
            early=                          packets of the handshake that were thought lost
            lost= spurious=                 others thought lost; and of these, acknowledged later on
            again=                          packets that only repeat, for whatever reason
            duplicate= unreadable= odd=     received: twice; not decrypted; resets, version negotiations
            hello= pieces= shuffled=        the ClientHello: bytes, CRYPTO frames, 1 if not in order
    browser sessions= http2= tcp=           connects by TCP, but for those to the machine itself
            errors= failed= hosts=          of UDP sockets; of requests; whom it asked anything

A log that ends in the middle (the browser was killed) is read as far as it goes.
"""
import json
import sys

BEGIN = 1


def load(text):
    """The events, each with the names of its type and source, and the names of errors."""
    try:
        log = json.loads(text)
    except ValueError:
        whole = text[: text.rindex("\n", 0, len(text.rstrip()))]
        log = json.loads(whole.rstrip().rstrip(",") + "]}")
    constants = log["constants"]
    types, sources, quic, net = (
        {value: name for name, value in constants[key].items()}
        for key in ("logEventTypes", "logSourceType", "quicError", "netError")
    )
    events = [
        (types[e["type"]], e["phase"], sources[e["source"]["type"]], e["source"]["id"], e.get("params") or {})
        for e in log["events"]
    ]
    return events, quic, net


def listed(items):
    return ",".join(dict.fromkeys(map(str, items))) or "-"


class Session:
    COUNTED = {
        "QUIC_SESSION_PACKET_RECEIVED": "received",
        "QUIC_CHROMIUM_CLIENT_STREAM_SEND_REQUEST_HEADERS": "requests",
        "QUIC_SESSION_DUPLICATE_PACKET_RECEIVED": "duplicate",
        "QUIC_SESSION_DROPPED_UNDECRYPTABLE_PACKET": "unreadable",
        "QUIC_SESSION_PUBLIC_RESET_PACKET_RECEIVED": "odd",
        "QUIC_SESSION_VERSION_NEGOTIATION_PACKET_RECEIVED": "odd",
    }

    def __init__(self, params, errors):
        self.errors = errors
        self.host = params["host"]
        self.version = self.closed = self.by = "-"
        self.peers, self.locals, self.hello = [], [], []
        self.count = dict.fromkeys(("sent", "again", "received", "requests", "duplicate", "unreadable", "odd"), 0)
        self.level = {}  # packet number -> level at which it was sent last
        self.came = ""  # level of the packet that is being read
        self.lost = {}  # (level, packet number) -> was it acknowledged later on?

    def see(self, name, params):
        if name in self.COUNTED:
            self.count[self.COUNTED[name]] += 1
        if name == "QUIC_SESSION_PACKET_SENT":
            self.count["sent"] += 1
            self.count["again"] += params["transmission_type"] != "NOT_RETRANSMISSION"
            self.level[params["packet_number"]] = params["encryption_level"]
        elif name == "QUIC_SESSION_PACKET_RECEIVED":
            self.peers.append(params["peer_address"])
            self.locals.append(params["self_address"])
        elif name == "QUIC_SESSION_VERSION_NEGOTIATED":
            self.version = params["version"]
        elif name == "QUIC_SESSION_UNAUTHENTICATED_PACKET_HEADER_RECEIVED":
            self.came = "ENCRYPTION_" + params.get("long_header_type", "FORWARD_SECURE")
        elif name == "QUIC_SESSION_PACKET_LOST":
            number = params["packet_number"]
            self.lost[self.level.get(number, ""), number] = False
        elif name == "QUIC_SESSION_ACK_FRAME_RECEIVED":
            self.acknowledged(params)
        elif name == "QUIC_SESSION_CRYPTO_FRAME_SENT" and params["encryption_level"] == "ENCRYPTION_INITIAL":
            self.hello.append((params["offset"], params["data_length"]))
        elif name == "QUIC_SESSION_CLOSED":
            self.closed = self.errors.get(params["quic_error"], params["quic_error"])
            self.by = "peer" if params["from_peer"] else "us"

    def acknowledged(self, params):
        for level, number in self.lost:
            if (
                level == self.came
                and params["smallest_observed"] <= number <= params["largest_observed"]
                and number not in params["missing_packets"]
            ):
                self.lost[level, number] = True

    def __str__(self):
        pieces = list(dict.fromkeys(self.hello))  # a retransmitted one counts once
        settled = [again for (level, _), again in self.lost.items() if level == "ENCRYPTION_FORWARD_SECURE"]
        facts = {
            "host": self.host,
            "version": self.version,
            "peer": listed(self.peers),
            "local": listed(self.locals),
            "closed": self.closed,
            "by": self.by,
            **self.count,
            "early": len(self.lost) - len(settled),
            "lost": len(settled),
            "spurious": sum(settled),
            "hello": max((at + size for at, size in pieces), default=0),
            "pieces": len(pieces),
            "shuffled": int(pieces != sorted(pieces)),
        }
        return "session " + " ".join(f"{key}={value}" for key, value in facts.items())


def local(address):
    return address.startswith(("127.", "[::1]"))


def report(text):
    events, quic, net = load(text)
    sessions = {}
    http2, tcp, errors, failed, hosts = set(), [], [], [], []
    for name, phase, source, ident, params in events:
        error = params.get("net_error", 0)
        if name == "QUIC_SESSION" and phase == BEGIN:
            sessions[ident] = Session(params, quic)
        elif ident in sessions:
            sessions[ident].see(name, params)
        if source == "HTTP2_SESSION":
            http2.add(ident)
        if name == "TCP_CONNECT_ATTEMPT" and phase == BEGIN and not local(params["address"]):
            tcp.append(params["address"])
        if name in ("UDP_SEND_ERROR", "UDP_RECEIVE_ERROR", "QUIC_READ_ERROR"):
            errors.append(net.get(error, error))
        if source == "URL_REQUEST" and error:
            failed.append(net.get(error, error))
        if name == "HOST_RESOLVER_MANAGER_REQUEST" and "host" in params:
            hosts.append(params["host"].split("://")[-1])
    lines = [str(session) for session in sessions.values()]
    lines.append(
        f"browser sessions={len(sessions)} http2={len(http2)} tcp={listed(tcp)} "
        f"errors={listed(errors)} failed={listed(failed)} hosts={listed(hosts)}"
    )
    return lines


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as log:
        print(*report(log.read()), sep="\n")
