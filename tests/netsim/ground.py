# SPDX-License-Identifier: GPL-2.0-or-later
"""Lanes: real kernels at both ends of a synthetic internet, and inpathd between.

    client ---- 192.168.77.0/24, 2001:db8:77::/64 ---- gw === wan [netsim] srv === server

Each lane has three network namespaces of its own, so that any number may run side by side. In gw are
inpathd with its rules, NAT for IPv4, and the TUN device `wan` (192.0.2.2, 2001:db8:2::2); in server the TUN
device `srv` with the servers' addresses (198.51.100.1, 2001:db8:5::1). IPv6 is routed: netsim hands all that is for the
household to `wan`. netsim is started once per topology. The flows are real ones (talk.py).

    with ground.ended_by_signals(), ground.Lane("build", "mytest", options="probe = { interval = 2; };") as lane:
        lane.start(seed=7)                          # or start(file="a.topology"), or start(text="router r1\n...")
        flows = lane.open([4, 4, 6])                # of that family each, source ports of their own; 4 is (4, "tcp")
        late = lane.wait_for_records(flows, 30)     # flows without a record after 30 s: []
        said = lane.finish()                        # bytes compared, errors: see Said
        truth = lane.stop()                         # netsim's truth file, as a dict; flows are reset
        paths = lane.paths(flows[0])                # records (records.py) since start()

What else there is: lane.records (all since start, ev=hop and ev=probe too), lane.topology() (as netsim -p prints it),
lane.run(host, *command) and lane.popen(host, *command) with host `client`, `gw` or `server`, lane.stats() (all counters
of inpathd), lane.work (its folder), lane.add_server(addr4, addr6), lane.wait(seconds, condition).

inpathd is $INPATHD, or the build's; netsim $NETSIM; the rules' backend is $INPATH_BACKEND, or iptables.

Owns:   namespaces, processes (by PID) and one folder; all gone at the end of `with`, however it comes.
Time:   waiting is for a condition, with a generous bound; nothing sleeps to be right.
"""

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import records as logs  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PORT = 5001
CLIENT = {4: "192.168.77.2", 6: "2001:db8:77::2"}
WAN = {4: "192.0.2.2", 6: "2001:db8:2::2"}
SERVER = {4: "198.51.100.1", 6: "2001:db8:5::1"}
FIRST_SPORT, LAST_SPORT = 20001, 29999  # below those that a kernel would choose by itself
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
BOUND = 60  # seconds for what takes milliseconds on an idle machine

# Each command in a namespace has a /run of its own: control sockets and locks stay apart.
ENTER = 'mount --bind "$1" /run && shift && exec "$@"'

# Sockets keep their IPv6 flow label for life: on a real path it is what routers hash.
SYSCTL = {
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/all/accept_ra": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/tcp_ecn": 1,
    "net/core/txrehash": 0,
}
FORWARD = {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1}

CONF = """log = {{ syslog = false; file = "{log}"; paths = "all"; hops = true; probes = true; }};
gateway = {{ lan = "lan"; wan = "wan"; }};
{budget}
services = "{root}/etc/services";
{options}
"""


BUDGET = "budget = { gateway = 100000; client = 100000; first_hops = 100000; };"


class Failed(Exception):
    """The ground itself does not hold; says why in one sentence."""


class Flow(NamedTuple):
    af: int
    sport: int
    dst: str
    dport: int
    proto: str = "tcp"  # or quic


class Said(NamedTuple):
    """What both ends of the flows have seen."""

    flows: list  # per flow: {"af", "sport", "requests", "bytes", "error"}
    server: list  # errors, in words
    discarded: int  # datagrams that QUIC servers threw away unread
    icmp: list  # ICMP errors that came to the client: {"af", "from", "type", "code", "quoted_length", "quoted_port"}

    def errors(self):
        return [f"af={f['af']} sport={f['sport']}: {f['error']}" for f in self.flows if f["error"]] + self.server


@contextlib.contextmanager
def ended_by_signals():
    """TERM, HUP and INT unwind what is under way, once; more of them do not disturb that. A lane whose own unwinding
    was just then under way is taken down here."""

    def end(number, _frame):
        for other in SIGNALS:
            signal.signal(other, lambda *_: None)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        finally:
            for lane in list(Lane.live):
                lane.close()
            for number, handler in before.items():
                signal.signal(number, handler)
            signals_come()


@contextlib.contextmanager
def signals_wait():
    """Signals are delivered behind this block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def signals_come():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class Peer:
    """An end of the flows: talk.py in a namespace."""

    def __init__(self, process):
        self.process = process
        self.read(BOUND)

    def read(self, bound):
        if not select.select([self.process.stdout], [], [], bound)[0]:
            raise Failed("an end of the flows does not answer")
        line = self.process.stdout.readline()
        if not line:
            raise Failed("an end of the flows has ended")
        return json.loads(line)

    def ask(self, bound=BOUND, **order):
        with contextlib.suppress(BrokenPipeError):  # read() says it
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()
        return self.read(bound)


class Lane:
    count = itertools.count(1)
    live = []  # the lanes of this process that are up

    def __init__(self, build, name, options="", inpathd=True, budget=BUDGET):
        """`options` go into inpathd's configuration; log, gateway, budget and services stand there already.
        With inpathd=False there is none."""
        self.build = os.path.abspath(build)
        self.prefix = f"inpath-{name}-{os.getpid()}-{next(Lane.count)}"
        self.options, self.budget = options, budget
        self.inpathd = None if not inpathd else os.environ.get("INPATHD") or self.build + "/inpathd"
        self.netsim = os.environ.get("NETSIM") or self.build + "/netsim"
        self.sports = itertools.cycle(range(FIRST_SPORT, LAST_SPORT + 1))
        self.hosts, self.processes = [], []
        self.work = self.simulation = self.log = self.daemon = self.failure = None
        self.records, self.topology_args = [], []

    # --- life ---

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None and self.failure:
            raise Failed(self.failure)

    def up(self):
        Lane.live.append(self)
        with signals_wait():
            self.work = tempfile.mkdtemp(prefix=self.prefix + "-")
        for host in ("client", "gw", "server"):
            self.add_host(host)
        self.add_links()
        self.peers = {
            "client": Peer(self.talk("client", "client")),
            "server": Peer(self.talk("server", "server", str(PORT))),
        }
        if self.inpathd:
            self.start_inpathd()

    def close(self):
        """Undoes everything."""
        with signals_wait():
            self.undo()

    def undo(self):
        if self in Lane.live:
            Lane.live.remove(self)
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in list(self.processes):
            status = self.end(process)
            if process is self.daemon and status:
                self.failure = f"inpathd ended with {status}: {self.text('inpathd.err')}"
        for host in self.hosts:
            for pid in self.run_ip("netns", "pids", self.namespace(host)).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            self.run_ip("netns", "del", self.namespace(host))
        self.hosts = []
        if self.work:
            shutil.rmtree(self.work, ignore_errors=True)

    def end(self, process):
        """Ends a process and waits for its end; its status."""
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(BOUND)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        if process in self.processes:
            self.processes.remove(process)
        return process.returncode

    # --- the network ---

    def namespace(self, host):
        return f"{self.prefix}-{host}"

    def add_host(self, host):
        os.makedirs(f"{self.work}/{host}")
        with signals_wait():  # half a namespace could not be taken down
            self.must("ip", "netns", "add", self.namespace(host))
            self.hosts.append(host)
        values = SYSCTL | (FORWARD if host not in ("client", "server") else {})
        pairs = [f"{key}={value}" for key, value in values.items()]
        script = 'for p; do [ ! -e "/proc/sys/${p%%=*}" ] || echo "${p#*=}" >"/proc/sys/${p%%=*}" || exit 1; done'
        self.must(*self.inside(host, "sh", "-c", script, "sh", *pairs))
        self.ip(host, "link set lo up")

    @staticmethod
    def run_ip(*args):
        return subprocess.run(["ip", *args], capture_output=True, text=True, check=False).stdout

    def ip(self, host, *lines):
        text = "\n".join(lines) + "\n"
        self.must("ip", "-n", self.namespace(host), "-batch", "-", input=text.encode())

    def add_links(self):
        """The LAN's ends have link-local addresses, too: neighbours are asked for from these (RFC 4861 4.3)."""
        gw, client = self.namespace("gw"), self.namespace("client")
        self.must("ip", "link", "add", "lan", "netns", gw, "type", "veth", "peer", "name", "lan", "netns", client)
        up = "link set dev {0} addrgenmode none", "link set dev {0} up"
        self.ip("gw", *(line.format("lan") for line in up), "addr add 192.168.77.1/24 dev lan",
                "addr add 2001:db8:77::1/64 dev lan nodad", "addr add fe80::1/64 dev lan nodad")  # fmt: skip
        self.ip("client", *(line.format("lan") for line in up), f"addr add {CLIENT[4]}/24 dev lan",
                f"addr add {CLIENT[6]}/64 dev lan nodad", "addr add fe80::2/64 dev lan nodad", "route add default via 192.168.77.1",
                "route add ::/0 via 2001:db8:77::1")  # fmt: skip
        self.add_internet()
        self.must(*self.inside("gw", "iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-j", "MASQUERADE"))

    def add_internet(self):
        self.ip("gw", *self.tun("wan", WAN))
        self.ip("server", *self.tun("srv", SERVER))
        if os.environ.get("INPATH_VM"):
            # On an emulated machine answers are so late that the client would send again what has arrived. Behind a NAT that shifts
            # sequence numbers but not SACK blocks gw's conntrack cannot place what the server says of that, and gw's own stack ends
            # the connection, be inpath there or not.
            self.ip("client", "route change default via 192.168.77.1 rto_min 5s")
            self.must(*self.inside("client", "sh", "-c", "echo 0 >/proc/sys/net/ipv4/tcp_early_retrans"))

    @staticmethod
    def tun(name, addrs):
        return (
            f"tuntap add dev {name} mode tun",
            f"link set dev {name} addrgenmode none",
            f"link set dev {name} up",
            f"addr add {addrs[4]}/32 dev {name}",
            f"addr add {addrs[6]}/128 dev {name} nodad",
            f"route add default dev {name}",
            f"route add ::/0 dev {name}",
        )

    def add_server(self, addr4=None, addr6=None):
        """Addresses of one more server of the topology: the same host answers for all. It speaks first from none of them."""
        for addr, rest in (addr4, "/32 dev srv"), (addr6, "/128 dev srv nodad preferred_lft 0"):
            if addr and addr not in SERVER.values():
                self.ip("server", f"addr replace {addr}{rest}")

    # --- processes ---

    def inside(self, host, *command):
        return ("ip", "netns", "exec", self.namespace(host), "sh", "-c", ENTER, "sh", f"{self.work}/{host}", *command)

    def must(self, *command, **more):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stdout.decode(errors='replace').strip()}")
        return done.stdout.decode(errors="replace")

    def run(self, host, *command, **more):
        """Runs a command to its end; subprocess.CompletedProcess, with its text in stdout and stderr."""
        more.setdefault("timeout", BOUND)
        return subprocess.run(self.inside(host, *command), capture_output=True, text=True, check=False, **more)

    def popen(self, host, *command, **more):
        """Starts a command, which is ended with the lane at the latest: by signals of the lane alone."""
        return self.begin(self.inside(host, *command), **more)

    def begin(self, command, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        with signals_wait():
            try:
                process = subprocess.Popen(command, start_new_session=True, preexec_fn=signals_come, **more)
            except OSError as error:
                raise Failed(f"{command[0]}: {error.strerror}") from None
            self.processes.append(process)
        return process

    def talk(self, host, *args):
        with open(f"{self.work}/{host}.err", "ab") as errors:
            return self.popen(host, sys.executable, f"{HERE}/talk.py", *args, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=errors)  # fmt: skip

    def wait(self, seconds, condition):
        """Polls until the condition holds; its value, which is false after so many seconds."""
        end = time.monotonic() + seconds
        while not (value := condition()) and time.monotonic() < end:
            time.sleep(0.02)
        return value

    # --- inpathd ---

    def start_inpathd(self):
        self.conf, self.log_path = f"{self.work}/inpath.conf", f"{self.work}/inpath.log"
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(CONF.format(log=self.log_path, root=ROOT, options=self.options, budget=self.budget))
        self.log = logs.Log(self.log_path)
        with open(f"{self.work}/inpathd.err", "ab") as errors:
            self.daemon = self.popen("gw", self.inpathd, "-c", self.conf, stdout=errors, stderr=errors)
        self.wait(BOUND, lambda: self.daemon.poll() is not None or self.said("start"))
        if self.daemon.poll() is not None or not self.said("start"):
            raise Failed(f"inpathd did not become ready: {self.text('inpathd.err')}")
        backend = os.environ.get("INPATH_BACKEND") or "iptables"
        self.must(*self.inside("gw", "env", "INPATHD=" + self.inpathd, "sh", f"{ROOT}/rules/inpath-rules", "up",
                               "-c", self.conf, "--backend", backend))  # fmt: skip

    def text(self, name):
        with open(f"{self.work}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    def read_log(self):
        if self.log:
            self.records += self.log.read()
        return self.records

    def said(self, event):
        return [record for record in self.read_log() if record["ev"] == event]

    def stats(self):
        """inpathd's counters, as of now."""
        answer = self.run("gw", self.build + "/inpath", "status", "--json")
        try:
            return json.loads(answer.stdout)
        except ValueError:
            raise Failed(f"inpath status: {answer.stderr.strip()}") from None

    def paths(self, flow=None):
        """The path records since start(), of one flow or of all."""
        paths = [record for record in self.read_log() if record["ev"] == "path"]
        return paths if flow is None else [record for record in paths if belongs(record, flow)]

    # --- a topology ---

    def start(self, seed=None, file=None, text=None):
        """Starts netsim on a topology: one that is drawn, one in a file, or this text."""
        if text is not None:
            file = f"{self.work}/topology"
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)
        self.topology_args = [file] if file is not None else ["-r", str(seed)]
        self.read_log()
        self.records = []
        self.truth_path = f"{self.work}/truth.json"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.truth_path)
        command = [self.netsim, "-w", self.namespace("gw") + "/wan", "-s", self.namespace("server") + "/srv",
                   "-t", self.truth_path, *self.topology_args]  # fmt: skip
        with open(f"{self.work}/netsim.err", "wb") as errors:
            self.simulation = self.begin(command, stdout=subprocess.PIPE, stderr=errors)
        ready = select.select([self.simulation.stdout], [], [], BOUND)[0] and self.simulation.stdout.readline()
        if ready != b"ready\n":
            raise Failed(f"netsim {' '.join(self.topology_args)}: not ready: {self.text('netsim.err')}")

    def topology(self):
        """The topology as netsim understood it."""
        return self.must(self.netsim, "-p", *self.topology_args)

    def open(self, families, dst=None, first=4000):
        """Starts a flow for each family (4, 6) in the list, or each (family, "tcp" or "quic"), all at once. `first`: bytes of
        the first answer; QUIC's are less than 12,000. QUIC servers have no address but that of srv."""
        dst = dst or SERVER
        kinds = [kind if isinstance(kind, tuple) else (kind, "tcp") for kind in families]
        flows = [Flow(af, next(self.sports), dst[af], PORT, proto) for af, proto in kinds]
        self.peers["client"].ask(do="open", flows=[flow._asdict() | {"first": first} for flow in flows])
        return flows

    def wait_for_records(self, flows, seconds, count=1):
        """Waits until each flow has `count` whole paths, their hops included; the flows that have not."""

        def missing():
            have = self.read_log()
            hops = {}
            for record in have:
                if record["ev"] == "hop":
                    hops[record["run"]] = hops.get(record["run"], 0) + 1
            whole = [r for r in have if r["ev"] == "path" and hops.get(r["run"], 0) >= int(r["nhop"])]
            return [flow for flow in flows if sum(belongs(r, flow) for r in whole) < count]

        self.wait(seconds, lambda: not missing())
        return missing()

    def status(self):
        """What the ends of the flows have seen so far."""
        client, server = self.peers["client"].ask(do="status"), self.peers["server"].ask(do="status")
        return Said(client["flows"], server["errors"], server["discarded"], client["icmp"])

    def still_there(self):
        if self.daemon and self.daemon.poll() is not None:
            raise Failed(f"inpathd ended with {self.daemon.returncode}: {self.text('inpathd.err')}")

    def finish(self):
        """Lets each flow's last request be answered; then as status. The flows stay open, and silent."""
        client = self.peers["client"].ask(do="finish", bound=2 * BOUND)
        server = self.peers["server"].ask(do="status")
        return Said(client["flows"], server["errors"], server["discarded"], client["icmp"])

    def stop(self):
        """Ends netsim, then the flows, which are reset. netsim's truth."""
        status = self.end(self.simulation)
        for end in "client", "server":
            self.peers[end].ask(do="abort")
        self.read_log()
        if status:
            raise Failed(f"netsim {' '.join(self.topology_args)} ended with {status}: {self.text('netsim.err')}")
        self.still_there()
        with open(self.truth_path, encoding="utf-8") as file:
            return json.load(file)


def belongs(record, flow):
    """Is it a record of this flow?"""
    return Flow(int(record["af"]), int(record["sport"]), record["dst"], int(record["dport"]), record["proto"]) == flow


def self_check(build):
    """One topology, a flow of each family and transport: prints what was logged and what was true."""
    with ended_by_signals(), Lane(build, "ground") as lane:
        lane.start(text="\n".join(["router r1", "router r2", "router r3", "server s1 addr 198.51.100.1 addr6 2001:db8:5::1",
                                   "link r1 r2 delay 5ms", "path gw r1 r2 r3 s1", ""]))  # fmt: skip
        flows = lane.open([4, 6, (4, "quic"), (6, "quic")])
        late = lane.wait_for_records(flows, 30)
        said = lane.finish()
        truth = lane.stop()
        for flow in flows:
            for record in lane.paths(flow):
                print(flow.af, flow.proto, record["stop"], record["nhop"], *(f"{h.ttl}/{'+'.join(h.addrs) or '*'}" for h in record["hops"]))
        print(json.dumps(truth["flows"], indent=None)[:2000])
        print("late:", late, "errors:", said.errors(), "discarded:", said.discarded, "icmp:", said.icmp)
        return bool(late or said.errors() or said.icmp)


if __name__ == "__main__":
    sys.exit(self_check(sys.argv[1] if len(sys.argv) > 1 else ROOT + "/build"))
