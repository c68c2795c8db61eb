#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""short.py BUILD [TRACES]: no probe of UDP that is not QUIC comes to the server. TAP.

Flows of UDP are traced again and again over ways whose way back is up to two routers longer or shorter than
the way there, until there are TRACES (1000); servers send with each of the TTLs that systems begin with.
At the server, every datagram that comes to its interface is looked at, before any firewall or socket: each must
be one that the client sent, by the seal that both ends know (tests/netns/tools/udp.py). What the
synthetic internet knows must agree, every path that was logged must be true, and no ICMP error may come to the client.

Its other ends, started in the namespaces:

    short.py count IFACE            says ready; at SIGTERM `own=N foreign=N unseen=N`, behind the foreign ones in hex
    short.py talk ADDR PORT SPORT... an echo flow from each port; at SIGTERM `sent=N received=N faults=N`
"""

import collections
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(os.path.dirname(HERE), "netns", "tools")
sys.path[:0] = [HERE, TOOLS]
import ground  # noqa: E402
import judge  # noqa: E402
import udp  # noqa: E402

LONGER = (-2, -1, 0, 1, 2)  # routers on the way back, beside those on the way there
WAYS = ((6, 64), (9, 128), (13, 255))  # routers on the way there, TTL that the server's packets begin with
MARGIN = 3  # PROBER_MARGIN
FLOWS = 10  # on one topology, of each family
PORTS = {4: 6004, 6: 6006}
PERIOD = 0.1
PATIENCE = 60
OPTIONS = """probe = { interval = 1; };
policies = ( { name = "calls"; protocols = [ "udp" ]; } );"""
SOL_PACKET, PACKET_STATISTICS = 263, 6


# --- the ends ---


class Stopped(Exception):
    pass


def stop(*_):
    raise Stopped


def payload_of(packet):
    """The UDP payload of an IP packet to one of our ports; None if it is none."""
    at = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    proto = packet[9] if packet[0] >> 4 == 4 else packet[6]
    if proto != socket.IPPROTO_UDP or struct.unpack_from("!H", packet, at + 2)[0] not in PORTS.values():
        return None
    return packet[at + 8 :]


def packets(sock):
    """Those that come in, until SIGTERM; then those that have come by then."""
    try:
        while True:
            yield sock.recvfrom(65536)
    except Stopped:
        sock.setblocking(False)
    try:
        while True:
            yield sock.recvfrom(65536)
    except BlockingIOError:
        pass


def count(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    sock.bind((interface, 3))
    own, foreign = 0, []
    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    for packet, source in packets(sock):
        payload = payload_of(packet) if source[2] != socket.PACKET_OUTGOING else None
        if payload is None:
            continue
        if udp.unwrap(udp.Echo, udp.UP, payload) < 0:
            foreign.append(packet)
        else:
            own += 1
    unseen = struct.unpack("II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    print(f"own={own} foreign={len(foreign)} unseen={unseen}", *(p.hex() for p in foreign), flush=True)


def talk(addr, port, *sports):
    ends = []
    for sport in sports:
        end = udp.End("echo", udp.UP)
        end.open(addr)
        end.socket.bind(("", int(sport)))
        end.socket.connect((addr, int(port)))
        ends.append((end, udp.Seen()))
    sent = received = 0
    due = time.monotonic()
    patience = None
    while patience is None or (received < sent and time.monotonic() < patience):
        if any(end.stopped for end, _ in ends):
            patience = patience or time.monotonic() + PATIENCE / 2
        elif time.monotonic() >= due:
            due += PERIOD
            for end, me in ends:
                end.send(me)
                sent += 1
        select.select([end.socket for end, _ in ends], [], [], max(0.01, due - time.monotonic()))
        for end, _ in ends:
            received += sum(1 for _ in end.receive(0))
    faults = sum(end.duplicates + end.foreign + end.errors for end, _ in ends)
    print(f"sent={sent} received={received} faults={faults}", flush=True)


# --- one topology ---


def topology(routers, longer):
    there = [f"r{i}" for i in range(1, routers + 1)]
    back = [f"b{i}" for i in range(1, routers + longer + 1)]
    lines = [f"router {name}" for name in there + back]
    lines += ["server s1 addr 198.51.100.1 addr6 2001:db8:5::1", "path gw " + " ".join(there) + " s1"]
    return "\n".join(lines + ["back s1 " + " ".join(back) + " gw", ""])


def begin_with(lane, ttl):
    """The TTL with which the server's packets leave."""
    script = 'echo "$1" >/proc/sys/net/ipv4/ip_default_ttl; echo "$1" >/proc/sys/net/ipv6/conf/srv/hop_limit'
    lane.must(*lane.inside("server", "sh", "-c", script, "sh", str(ttl)))


def spawn(lane, host, *command):
    return lane.popen(host, sys.executable, *command, stdout=subprocess.PIPE, text=True)


def said_at_end(lane, process):
    """The last line of an end, in words."""
    process.terminate()
    text = process.communicate(timeout=PATIENCE)[0]
    lane.processes.remove(process)
    lines = text.split("\n")
    return lines[-2].split() if len(lines) > 1 else []


def numbers(words):
    return {key: int(value) for key, value in (word.split("=") for word in words if "=" in word)}


def run_topology(lane, routers, longer, ttl, traces):
    """What is wrong, and how many traces there were."""
    wrong = []
    begin_with(lane, ttl)
    lane.start(text=topology(routers, longer))
    servers, talkers, flows = [], [], []
    counter = spawn(lane, "server", __file__, "count", "srv")
    for af, port in PORTS.items():
        servers.append(spawn(lane, "server", TOOLS + "/udp.py", "serve", "echo", ground.SERVER[af], str(port)))
    for process in (counter, *servers):
        if process.stdout.readline() != "ready\n":
            raise ground.Failed("an end of the flows is not ready")
    for af, port in PORTS.items():
        sports = [next(lane.sports) for _ in range(FLOWS)]
        flows += [ground.Flow(af, sport, ground.SERVER[af], port, "udp") for sport in sports]
        talkers.append(spawn(lane, "client", __file__, "talk", ground.SERVER[af], str(port), *map(str, sports)))
    enough = lane.wait(PATIENCE + traces / FLOWS, lambda: len(lane.paths()) >= traces and not lane.wait_for_records(flows, 0))
    if not enough:
        wrong.append(f"only {len(lane.paths())} of {traces} traces")
    talked = collections.Counter()
    for process in talkers:
        talked.update(numbers(said_at_end(lane, process)))
    came = said_at_end(lane, counter)
    for process in servers:
        said_at_end(lane, process)
    client = lane.status()
    truth = lane.stop()
    return len(lane.paths()), wrong + faults(lane, flows, truth, client, talked, came, routers + 1 + longer)


def faults(lane, flows, truth, client, talked, came, inferred):
    """`inferred`: the server's hop by the TTL of its packets."""
    wrong = []
    seen = numbers(came[:3])
    if seen.get("foreign") != 0 or seen.get("unseen") != 0 or seen.get("own") != talked["sent"]:
        wrong.append(f"at the server: {' '.join(came)}; the clients sent {talked['sent']}")
    if talked["faults"] or talked["received"] != talked["sent"]:
        wrong.append(f"the clients: {dict(talked)}")
    wrong += [f"an ICMP error came to the client: {error}" for error in client.icmp]
    for flow in truth["flows"]:
        wrong += [f"a probe with TTL {p['ttl']} came to the server" for p in flow["probes"] if p["end"] == "server"]
    for record in lane.paths():
        if (record["proto"], record["stop"], int(record["nhop"])) != ("udp", "short", inferred - MARGIN):
            wrong.append("a record: " + judge.show(record))
    for verdict in judge.judge(flows, lane.records, truth):
        wrong += [f"by the truth: {text}" for text in verdict.wrong]
    return wrong


# --- all of them ---


def run_lane(build, longer, traces, said):
    done, wrong = 0, []
    try:
        with ground.Lane(build, "short", options=OPTIONS) as lane:
            for routers, ttl in WAYS:
                more, problems = run_topology(lane, routers, longer, ttl, -(-traces // len(WAYS)))
                done += more
                wrong += [f"{routers} routers, back {longer:+d}: {problem}" for problem in problems]
    except ground.Failed as failure:
        wrong.append(str(failure))
    except Exception:
        wrong += traceback.format_exc().splitlines()
    said[longer] = done, wrong


def main(build, traces=1000):
    if os.geteuid() != 0:
        print("ok 1 - short # SKIP network namespaces need root\n1..1")
        return 0
    said, failed, total = {}, 0, 0
    each = -(-int(traces) // len(LONGER))
    with ground.ended_by_signals():
        lanes = [threading.Thread(target=run_lane, args=(build, longer, each, said)) for longer in LONGER]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    for number, longer in enumerate(LONGER, 1):
        done, wrong = said[longer]
        total += done
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - the way back {longer:+d}: no probe of {done} traces came to the server")
        for line in wrong[:20]:
            print("#   " + line[:400])
    print(f"1..{len(LONGER)}\n# short: {total} traces")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["count"]:
        count(*sys.argv[2:])
    elif sys.argv[1:2] == ["talk"]:
        talk(*sys.argv[2:])
    elif sys.argv[1:]:
        sys.exit(main(*sys.argv[1:3]))
    else:
        sys.exit(__doc__)
