# SPDX-License-Identifier: GPL-2.0-or-later
"""Two houses on equal synthetic internets: one with inpathd and its rules, one without anything. Both stand all the
time; flows run in one, then in the other.

    client --- gw === wan [r1 r2 r3 r4 r5, a link of its own to each server] srv === s1 ... s14: nginx

Each flow of a run has a server of its own, and so a slow link of its own: the links decide how long it takes, not the processor. What
a link loses is every Nth long packet of the flow, by its number: the same ones in both houses.
"""

import glob
import json
import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "netsim")]
import ends  # noqa: E402
import ground  # noqa: E402
import measures  # noqa: E402

FLOWS = 14  # at the same time
STEP = 37  # which packets are lost moves on by so many from run to run
SETTLE = 0.3  # seconds in which what comes behind a flow's end would come
INTERVAL = "probe = { interval = 1; };"
SERVERS = {
    4: [f"198.51.100.{n}" for n in range(1, FLOWS + 1)],
    6: [f"2001:db8:5::{n}" for n in range(1, FLOWS + 1)],
}

NGINX = """user root; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off; default_type application/octet-stream; client_max_body_size 100m;
    client_body_temp_path {work}/body; proxy_temp_path {work}/t1; fastcgi_temp_path {work}/t2; uwsgi_temp_path {work}/t3; scgi_temp_path {work}/t4;
    server {{
        listen 80; listen [::]:80; root {work}/www;
        location /up/ {{ dav_methods PUT; }}
    }}
}}
"""


class Scenario(NamedTuple):
    name: str
    kind: str = "down"  # down, up, h3, quic: see ends.py
    af: int = 4
    control: str = "cubic"
    size: int = 600_000  # bytes; quic: answers
    rate: str = "6mbit"
    lost: int = 0  # every so manyth long packet; 0: none
    sack: int = 1
    timestamps: int = 1
    width: float = 0.1  # seconds of a slice; 1 where the flow lasts longer
    judged: bool = True
    flows: int = FLOWS
    timed: bool = True  # not where it is the processor that says how long it takes

    @property
    def tcp(self):
        return self.kind in ("down", "up")


def topology(scenario):
    routers = [f"r{n}" for n in range(1, 6)]
    lines = [f"router {name}" for name in routers]
    lines += [f"server s{n + 1} addr {SERVERS[4][n]} addr6 {SERVERS[6][n]}" for n in range(FLOWS)]
    lines += ["link gw r1 delay 2ms", "link r2 r3 delay 3ms", "link r4 r5 delay 3ms"]
    lines += [f"link r5 s{n + 1} delay 2ms rate {scenario.rate}" for n in range(FLOWS)]
    lines += [f"path gw {' '.join(routers)} s{n + 1}" for n in range(FLOWS)]
    return "\n".join(lines) + "\n"


class House(ground.Lane):
    # How client and server reach each other.
    WAYS = {"client": (" via 192.168.77.1 dev lan", " via 2001:db8:77::1 dev lan"), "server": (" dev srv",) * 2}

    def __init__(self, build, name, inpathd):
        super().__init__(build, name, INTERVAL, inpathd)

    def up(self):
        super().up()
        self.tcpdumps, self.h3 = [], None
        for addr4, addr6 in zip(SERVERS[4], SERVERS[6]):
            self.add_server(addr4, addr6)
        for folder in "www/up", "qlog":
            os.makedirs(f"{self.work}/{folder}")
        self.must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=s.example",
                  "-days", "2", "-keyout", self.work + "/key", "-out", self.work + "/certificate")  # fmt: skip
        with open(self.work + "/nginx.conf", "w", encoding="utf-8") as file:
            file.write(NGINX.format(work=self.work))
        with open(self.work + "/nginx.err", "wb") as errors:
            self.popen("server", "nginx", "-c", self.work + "/nginx.conf", "-g", "daemon off;", stdout=errors, stderr=errors)
        with open(self.work + "/clients.err", "wb") as errors:
            self.clients = ground.Peer(self.popen("client", sys.executable, HERE + "/ends.py", stdin=subprocess.PIPE,
                                                  stdout=subprocess.PIPE, stderr=errors))  # fmt: skip
        listening = self.wait(ground.BOUND, lambda: ":80 " in self.run("server", "ss", "-Hltn").stdout)
        if not listening:
            raise ground.Failed(f"nginx does not listen: {self.text('nginx.err')} {self.text('nginx.log')}")

    def set(self, host, **values):
        script = 'for p; do echo "${p#*=}" >"/proc/sys/net/ipv4/${p%%=*}" || exit 1; done'
        self.must(*self.inside(host, "sh", "-c", script, "sh", *(f"{key}={value}" for key, value in values.items())))

    def begin_scenario(self, scenario):
        """No flow learns from one before it."""
        for host in "client", "server":
            self.set(host, tcp_no_metrics_save=1)
        # By the route: a namespace may not make any algorithm its default.
        for host, (via4, via6) in self.WAYS.items():
            self.ip(host, f"route replace default{via4} congctl {scenario.control}", f"route replace ::/0{via6} congctl {scenario.control}")
        self.set("client", tcp_sack=scenario.sack, tcp_timestamps=scenario.timestamps)
        if scenario.kind == "down":
            with open(f"{self.work}/www/{scenario.size}", "wb") as file:
                file.write(ends.content(scenario.size))
        if scenario.kind == "h3":
            self.serve_h3(scenario)
        self.begin_internet(scenario)

    def end_scenario(self, scenario):
        self.lose(scenario, [])
        self.end_internet()

    def begin_internet(self, scenario):
        self.start(text=topology(scenario))

    def end_internet(self):
        self.stop()

    def serve_h3(self, scenario):
        with open(f"{self.work}/www/{ends.h3_file(scenario.size)}", "wb") as file:
            file.write(ends.content(scenario.size))
        with open(self.work + "/h3.err", "wb") as errors:
            self.h3 = self.popen("server", ends.SERVER, "-q", "--cc=" + scenario.control, f"--qlog-dir={self.work}/qlog", f"--htdocs={self.work}/www",
                                 "*", str(ends.H3), self.work + "/key", self.work + "/certificate", stdout=errors, stderr=errors)  # fmt: skip
        if not self.wait(ground.BOUND, lambda: f":{ends.H3} " in self.run("server", "ss", "-Hlun").stdout):
            raise ground.Failed(f"{ends.SERVER} does not listen: {self.text('h3.err')}")

    def told_h3(self):
        """By a flow's number, the packets in 100 that its server believed to be lost. It writes the rest of it as it ends."""
        self.h3.send_signal(signal.SIGINT)
        self.end(self.h3)
        told = {}
        for path in glob.glob(f"{glob.escape(self.work)}/qlog/*"):
            with open(path, encoding="utf-8") as file:
                first, text = file.readline(), file.read()
            named = bytes.fromhex(json.loads(first.lstrip("\x1e"))["trace"]["common_fields"]["group_id"])
            lost, sent = (text.count(f'"name":"{name}"') for name in ("recovery:packet_lost", "transport:packet_sent"))
            told[int.from_bytes(named[len(ends.NAME) :], "big")] = 100 * lost / max(sent, 1)
            os.unlink(path)
        return told

    def lose(self, scenario, runs):
        """Beyond inpath, as any loss of the internet's: what comes down is lost before the gateway, what goes up behind the last
        router. `runs`: a number for each run, and its flows' ports. Of TCP all rules at once: no program starts between two runs.
        QUIC's clients have ports of their own choice; there a run's flows are told apart by their servers, and `runs` is one."""
        host = "server" if scenario.kind == "up" else "gw"
        match = {"up": "-i srv -p tcp --sport", "down": "-i wan -p tcp --dport", "h3": "-i wan -p udp -s"}.get(scenario.kind)
        rules = []
        for number, ports in runs if scenario.lost else []:
            for n, which in enumerate(SERVERS[scenario.af] if scenario.kind == "h3" else ports):
                packet = (number * STEP + n * 23) % scenario.lost
                rules.append(f"-A PREROUTING {match} {which} -m length --length 600:65535"
                             f" -m statistic --mode nth --every {scenario.lost} --packet {packet} -j DROP\n")  # fmt: skip
        command = "ip6tables-restore" if scenario.af == 6 else "iptables-restore"
        self.must(*self.inside(host, command, "-w", "-T", "raw"), input=f"*raw\n{''.join(rules)}COMMIT\n".encode())

    def flows(self, scenario, sports):
        """One run: its flows' results, by the client's port."""
        # QUIC's server is at the first address alone.
        servers = SERVERS[scenario.af] if scenario.kind != "quic" else SERVERS[scenario.af][:1] * FLOWS
        orders = [{"kind": scenario.kind, "af": scenario.af, "dst": dst, "sport": sport, "bytes": scenario.size, "src": ""}
                  for dst, sport in zip(servers, sports)]  # fmt: skip
        said = self.clients.ask(bound=3 * ground.BOUND, flows=orders)["flows"]
        if scenario.kind == "up":
            for flow in said:
                flow["good"] = flow["good"] and self.given(flow["sport"], scenario.size)
        return {flow["sport"]: flow for flow in said}

    def given(self, sport, size):
        path = f"{self.work}/www/up/{sport}"
        try:
            with open(path, "rb") as file:
                return file.read() == ends.content(size)
        except FileNotFoundError:
            return False
        finally:
            if os.path.exists(path):
                os.unlink(path)

    # --- captures ---

    def capture(self):
        self.tcpdumps = []
        for host, interface in ("client", "lan"), ("gw", "wan"), ("server", "srv"):
            path = f"{self.work}/{interface}.pcap"
            errors = open(f"{self.work}/{interface}.err", "wb")
            with errors:
                process = self.popen(host, "tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-B", "8192", "-s", "128", "-Z", "root",
                                     "-w", path, "tcp or udp", stderr=errors)  # fmt: skip
            self.tcpdumps.append((process, interface, path))
        for process, interface, _ in self.tcpdumps:
            if not self.wait(ground.BOUND, lambda name=interface: "listening" in self.text(name + ".err")):
                raise ground.Failed(f"tcpdump did not begin: {self.text(interface + '.err')}")

    def captured(self, ports):
        """Ends the captures when they have all there is: by place, the flows' packets."""
        time.sleep(SETTLE)
        self.clients.ask(flows=[{"kind": "mark", "dst": SERVERS[4][0], "sport": 0}])
        found = []
        for process, interface, path in self.tcpdumps:
            if not self.wait(ground.BOUND, lambda path=path: marked(path)):
                raise ground.Failed(f"the capture on {interface} is not whole")
            process.send_signal(signal.SIGINT)
            self.end(process)
            lost = [line for line in self.text(interface + ".err").splitlines() if "dropped by kernel" in line]
            if not lost or not lost[0].startswith("0 "):
                raise ground.Failed(f"the capture on {interface} is not whole: {self.text(interface + '.err')}")
            found.append(measures.read(path, ports))
        return found


def marked(path):
    with open(path, "rb") as file:
        file.seek(max(os.path.getsize(path) - 65536, 0))
        return ends.MARK in file.read()


def measured(house, scenario, results):
    """The measures of each flow of some runs, and what is wrong with them, in words."""
    ports = {ends.HTTP, ends.H3, ground.PORT}
    lan, wan, srv = house.captured(ports)
    told = house.told_h3() if scenario.kind == "h3" else {}
    flows, wrong = {}, []
    for sport, said in results.items():
        if not said["good"]:
            wrong.append(f"sport {sport}: {said['error'] or 'bytes differ'}")
        if not all(sport in place for place in (lan, wan, srv)) or not any(p.size and p.up != (scenario.kind == "up") for p in lan[sport]):
            wrong.append(f"sport {sport}: the flow is in no capture")
            continue
        flow = measures.flow(lan[sport], wan[sport], srv[sport], scenario.kind == "up", scenario.width)
        if scenario.kind == "quic":
            flow["again"] = 100 * said["again"] / said["sent"]
        elif scenario.kind == "h3":
            flow["again"] = told[sport]
        flows[sport] = flow
    return flows, wrong


