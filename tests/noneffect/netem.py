# SPDX-License-Identifier: GPL-2.0-or-later
"""The houses of house.py where the kernel has netem: their internet is two of the kernel's routers.

    client --- gw === wan r1 --- r2 === srv s1 ... s14: nginx

r1 delays by 5 ms each way. r2 has a queue of netem's for each flow and way, which delays by 8 ms and lets RATE through; where its scenario says
so it loses packets of the flow's own way at random, so that they are others in one house than in the other.
"""

import ground
import house

ROUTERS = {  # interface: its addresses; those of the server's side stand beside the servers'
    "r1": {"gw": ("192.0.2.1/24", "2001:db8:2::1/64"), "r2": ("10.0.1.1/24", "2001:db8:11::1/64")},
    "r2": {"r1": ("10.0.1.2/24", "2001:db8:11::2/64"), "srv": ("198.51.100.254/24", "2001:db8:5::fffe/64")},
}
LINKS = [("gw", "wan", "r1", "gw"), ("r1", "r2", "r2", "r1"), ("r2", "srv", "server", "srv")]
ROUTES = {
    "gw": ["default via 192.0.2.1", "::/0 via 2001:db8:2::1"],
    "r1": ["default via 10.0.1.2", "::/0 via 2001:db8:11::2", "2001:db8:77::/64 via 2001:db8:2::2"],
    "r2": ["default via 10.0.1.1", "::/0 via 2001:db8:11::1"],
    "server": ["default via 198.51.100.254", "::/0 via 2001:db8:5::fffe"],
}
DELAY = "netem delay 5ms limit 1000"
SLOW = "netem delay 8ms limit 100 rate"


class House(house.House):
    WAYS = house.House.WAYS | {"server": (" via 198.51.100.254 dev srv", " via 2001:db8:5::fffe dev srv")}

    def add_internet(self):
        for router in ROUTERS:
            self.add_host(router)
            self.set(router, icmp_ratelimit=0)
            self.must(*self.inside(router, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/icmp/ratelimit"))
        for a, at_a, b, at_b in LINKS:
            self.must("ip", "link", "add", at_a, "netns", self.namespace(a), "type", "veth", "peer", "name", at_b, "netns", self.namespace(b))
        own = {"gw": {"wan": (ground.WAN[4] + "/24", ground.WAN[6] + "/64")}, "server": {"srv": (ground.SERVER[4] + "/24", ground.SERVER[6] + "/64")}}
        for host, interfaces in (ROUTERS | own).items():
            for name, addrs in interfaces.items():
                self.ip(host, f"link set dev {name} up", *(f"addr add {addr} dev {name}{' nodad' * (':' in addr)}" for addr in addrs))
                # As on a wire, a packet is one segment: of such is what is lost, delayed and counted.
                self.must(*self.inside(host, "ethtool", "-K", name, "tso", "off", "gso", "off"))
        for host, routes in ROUTES.items():
            self.ip(host, *(f"route add {route}" for route in routes))

    def tc(self, host, *lines):
        self.must("tc", "-n", self.namespace(host), "-batch", "-", input=("\n".join(lines) + "\n").encode())

    def begin_internet(self, scenario):
        self.tc("r1", *(f"qdisc add dev {name} root {DELAY}" for name in ("gw", "r2")))
        for name, way, loses in ("r1", "src", scenario.kind != "up"), ("srv", "dst", scenario.kind == "up"):
            loss = f" loss {100 / scenario.lost}%" if scenario.lost and loses else ""
            # What is of no flow has a band of its own, the last.
            lines = [f"qdisc add dev {name} root handle 1: prio bands {house.FLOWS + 1} priomap" + f" {house.FLOWS}" * 16]
            for number, addr in enumerate(house.SERVERS[scenario.af], 1):
                lines += [f"qdisc add dev {name} parent 1:{number:x} {SLOW} {scenario.rate}{loss}",
                          f"filter add dev {name} parent 1: protocol ip{'v6' * (scenario.af == 6)} prio 1"
                          f" u32 match ip{'6' * (scenario.af == 6)} {way} {addr} flowid 1:{number:x}"]  # fmt: skip
            self.tc("r2", *lines)

    def end_internet(self):
        self.tc("r1", *(f"qdisc del dev {name} root" for name in ("gw", "r2")))
        self.tc("r2", *(f"qdisc del dev {name} root" for name in ("r1", "srv")))
        if self.daemon and self.daemon.poll() is not None:
            raise ground.Failed(f"inpathd ended with {self.daemon.returncode}: {self.text('inpathd.err')}")

    def lose(self, scenario, runs):
        """netem does."""
