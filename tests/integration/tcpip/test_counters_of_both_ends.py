"""What one end says it has sent the other says it has received: the host's kernel and a stack of ours on a tap."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from .conftest import HOST, LINK, Namespace
from .programs import BOUND
from .test_counters_like_the_host import Groups, of_the_kernel, of_the_stack

TRAFFIC = """
import socket
for family, host, most in ((2, "10.9.0.2", 20000), (10, "fd00:9::2", 20000)):
    u = socket.socket(family, 2); u.settimeout(20); u.connect((host, 7))
    for size in (0, 1, 1400, 1473, 9000, most):
        u.send(bytes(size))
        assert len(u.recv(70000)) == size
    u = socket.socket(family, 2); u.settimeout(20); u.connect((host, 81)); u.send(b"x")
    try: u.recv(1); raise SystemExit("somebody listens")
    except ConnectionRefusedError: pass
    s = socket.socket(family); s.settimeout(20)
    assert s.connect_ex((host, 81)) == 111
    s = socket.create_connection((host, 7), 20)
    for _ in range(20):
        s.sendall(bytes(30000))
        left = 30000
        while left: left -= len(s.recv(left))
    s.shutdown(1)
    assert s.recv(1) == b""
"""
OCTETS = {"OutOctets": "InOctets", "OutMcastPkts": "InMcastPkts", "OutMcastOctets": "InMcastOctets"}
SAME = {
    "IpExt": OCTETS,
    "Ip6": OCTETS,
    "Icmp": {
        "OutMsgs": "InMsgs",
        "OutEchos": "InEchos",
        "OutEchoReps": "InEchoReps",
        "OutDestUnreachs": "InDestUnreachs",
    },
    "Icmp6": {
        "OutEchos": "InEchos",
        "OutEchoReplies": "InEchoReplies",
        "OutDestUnreachs": "InDestUnreachs",
        "OutNeighborSolicits": "InNeighborSolicits",
        "OutNeighborAdvertisements": "InNeighborAdvertisements",
    },
}
LEAST = {"Ip": 40, "Ip6": 40, "Tcp": 80, "Udp": 6, "Udp6": 6, "Icmp6": 8}
"""What has been on the wire at least, each way, lest nothing is compared with nothing."""


def quiet(pid: int, control: str) -> tuple[Groups, Groups]:
    """The kernel's and ours, with nothing under way between them."""
    deadline = time.monotonic() + BOUND
    last = of_the_kernel(pid), of_the_stack(control)
    same = 0
    while True:
        now = of_the_kernel(pid), of_the_stack(control)
        same = same + 1 if all(on_the_wire(a) == on_the_wire(b) for a, b in zip(last, now, strict=True)) else 0
        if same == 10:
            return now
        assert time.monotonic() < deadline, [since(a, b) for a, b in zip(last, now, strict=True)]
        last = now


def on_the_wire(groups: Groups) -> dict[str, tuple[int, int]]:
    """(sent, received) packets of each protocol."""
    ip, ip6, tcp = groups["Ip"], groups["Ip6"], groups["Tcp"]
    found = {
        "Ip": (ip["OutRequests"] - ip["FragOKs"] + ip["FragCreates"], ip["InReceives"]),
        "Ip6": (ip6["OutRequests"] - ip6["FragOKs"] + ip6["FragCreates"], ip6["InReceives"]),
        "Tcp": (tcp["OutSegs"] + tcp["RetransSegs"], tcp["InSegs"]),
    }
    for group in ("Udp", "Udp6"):
        udp = groups[group]
        found[group] = udp["OutDatagrams"], udp["InDatagrams"] + udp["NoPorts"] + udp["InErrors"]
    icmp6 = groups["Icmp6"]
    for_routers = icmp6["OutRouterSolicits"] + icmp6["OutMLDv2Reports"]  # a host is not in their groups
    found["Icmp6"] = icmp6["OutMsgs"] - for_routers, icmp6["InMsgs"]
    return found


def comparable(group: str, offload: bool) -> bool:
    """A super-segment is one packet of IP, and counts with its segments where it leaves TCP and as one where it comes to TCP.
    Without offload it is cut up below IP of the one end."""
    return group != "Tcp" if offload else group not in ("Ip", "IpExt", "Ip6")


def since(before: Groups, after: Groups) -> Groups:
    return {
        group: {name: value - before[group][name] for name, value in names.items() if name in before[group]}
        for group, names in after.items()
        if group in before
    }


@pytest.mark.parametrize("offload", [True, False])
def test_what_one_end_sends_the_other_receives(ns: Namespace, tmp_path: Path, offload: bool) -> None:
    control = str(tmp_path / "control")
    ns.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")  # it asks its own group about its address, not us
    pid = ns.tcpip("tap", *LINK, *HOST, "--control", control, *(() if offload else ("--no-offload",))).pid
    for host in ("10.9.0.2", "fd00:9::2"):
        ns.run("ping", "-c", "1", "-w", "20", host)  # until ours has found that nobody has its address, either
    before = quiet(pid, control)
    for host in ("10.9.0.2", "fd00:9::2"):
        for size in ("56", "5000"):
            ns.run("ping", "-c", "4", "-i", "0.01", "-W", "20", "-s", size, host)
    ns.run(sys.executable, "-c", TRAFFIC)
    kernel, ours = (since(a, b) for a, b in zip(before, quiet(pid, control), strict=True))
    problems = []
    for way, sender, receiver in (("kernel to us", kernel, ours), ("us to kernel", ours, kernel)):
        sent, came = on_the_wire(sender), on_the_wire(receiver)
        for group in filter(lambda name: comparable(name, offload), sent):
            out, into = sent[group][0], came[group][1]
            if out != into or out < LEAST[group]:
                problems.append(f"{way}: {group}: {out} sent, {into} received")
        for group, names in SAME.items():
            for name, other in names.items():
                if comparable(group, offload) and sender[group][name] != receiver[group][other]:
                    problems.append(f"{way}: {group} {name} {sender[group][name]}, {other} {receiver[group][other]}")
    assert not problems
