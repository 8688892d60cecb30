"""The same packets through a router of the host's kernel with the same rules: what leaves is the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tcpip.addr import text
from tcpip.filter.match import Destination, DestinationPort, InInterface, OutInterface, Protocol, Source, State
from tcpip.filter.packet import INVALID
from tcpip.filter.table import Rule
from tcpip.filter.target import Dnat, Drop, Masquerade, Redirect, Reject
from tcpip.header.tcp import ACK, FIN, PSH, RST, SYN
from tests.unit.tcpip.bench import icmpv4_message
from tests.unit.tcpip.filter.router import CLIENT, CLIENT2, LAN4, SERVER, WAN4, Router, checks, echo, ip, tcp, udp

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/net/tun") or shutil.which("iptables-legacy") is None,
    reason="needs root, /dev/net/tun and iptables-legacy",
)

SETUP = """
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
for d in lan wan; do ip link set $d up; echo 0 > /proc/sys/net/ipv4/conf/$d/rp_filter; done
ip addr add 10.0.0.1/24 dev lan; ip addr add 203.0.113.1/24 dev wan
ip route add default via 203.0.113.254 dev wan
echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects; echo 0 > /proc/sys/net/ipv4/conf/lan/send_redirects
iptables-legacy -t nat -A POSTROUTING -o wan -j MASQUERADE
iptables-legacy -t nat -A POSTROUTING -o lan -s 10.0.0.0/24 -j MASQUERADE
iptables-legacy -t nat -A PREROUTING -d 203.0.113.1 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.80:8080
iptables-legacy -t nat -A PREROUTING -i lan -p udp --dport 5300 -j REDIRECT --to-ports 53
iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP
iptables-legacy -A FORWARD -p tcp --dport 25 -j REJECT --reject-with tcp-reset
iptables-legacy -A FORWARD -p udp --dport 25 -j REJECT
"""
LINUX = """
import fcntl, os, select, struct, subprocess, sys
fds = {}
for name in ("lan", "wan"):
    fds[name] = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fds[name], 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))
subprocess.run(["sh", "-ec", sys.argv[1]], check=True)
for line in sys.stdin:
    name, packet = line.split()
    os.write(fds[name], bytes.fromhex(packet))
    out = {"lan": [], "wan": []}
    wait = 150
    while ready := select.select(list(fds.values()), [], [], wait / 1000)[0]:
        wait = 5
        for name, fd in fds.items():
            if fd in ready:
                out[name].append(os.read(fd, 65536).hex())
    print(",".join(out["lan"]) + ";" + ",".join(out["wan"]), flush=True)
"""


def ours() -> Router:
    router = Router()
    nf = router.nf
    nf.nat["postrouting"].append(
        Rule([OutInterface("wan")], Masquerade()),
        Rule([OutInterface("lan"), Source("10.0.0.0/24")], Masquerade()),
    )
    nf.nat["prerouting"].append(
        Rule([Protocol(6), DestinationPort(80), _to(WAN4)], Dnat("10.0.0.80", ports=(8080, 8080))),
        Rule([InInterface("lan"), Protocol(17), DestinationPort(5300)], Redirect(ports=(53, 53))),
    )
    nf.filter["forward"].append(
        Rule([State(INVALID)], Drop()),
        Rule([Protocol(6), DestinationPort(25)], Reject(tcp_reset=True)),
        Rule([Protocol(17), DestinationPort(25)], Reject()),
    )
    return router


def _to(addr: bytes) -> Destination:
    return Destination(text(addr))


def shown(packet: bytes) -> str:
    """What does not depend on identifications, windows of the router and the like."""
    at = (packet[0] & 15) * 4
    head = f"{text(packet[12:16])} > {text(packet[16:20])} proto {packet[9]} ttl {packet[8]}"
    if packet[9] == 1:
        head += f" type {packet[at]} code {packet[at + 1]}"
        return (
            f"{head} [{shown(packet[at + 8 :])}]"
            if packet[at] in (3, 11)
            else f"{head} id {packet[at + 4 :][:2].hex()}"
        )
    ports = f"{int.from_bytes(packet[at : at + 2], 'big')} > {int.from_bytes(packet[at + 2 : at + 4], 'big')}"
    flags = f" flags {packet[at + 13]:02x}" if packet[9] == 6 and len(packet) > at + 13 else ""
    return f"{head} {ports}{flags}"


BEHIND = b"\x0a\x00\x00\x50"
ODD = tcp(CLIENT, 9, SERVER, 9, SYN | FIN)
QUOTED = udp(WAN4, 4000, SERVER, 53)
PACKETS = [
    ("lan", udp(CLIENT, 4000, SERVER, 53)),
    ("wan", udp(SERVER, 53, WAN4, 4000)),
    ("wan", udp(SERVER, 54, WAN4, 4000)),
    ("wan", ip(icmpv4_message(3, 3, 0, QUOTED), 1, SERVER, WAN4)),
    ("wan", ip(icmpv4_message(11, 0, 0, QUOTED), 1, b"\xc0\0\2\x01", WAN4)),
    ("wan", udp(SERVER, 53, WAN4, 4000, ttl=1)),
    ("lan", echo(CLIENT, SERVER, 7)),
    ("wan", echo(SERVER, WAN4, 7, reply=True)),
    ("wan", echo(SERVER, WAN4, 8, reply=True)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22)),
    ("wan", tcp(SERVER, 22, WAN4, 5000, SYN | ACK, 9000, 1001)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22, ACK, 1001, 9001)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22, ACK | PSH, 1001, 9001, b"hello")),
    ("wan", tcp(SERVER, 22, WAN4, 5000, RST, 9001 + 900_000)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22, ACK, 1001, 19001)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22, FIN | ACK, 1006, 9001)),
    ("wan", tcp(SERVER, 22, WAN4, 5000, FIN | ACK, 9001, 1007)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22, ACK, 1007, 9002)),
    ("lan", tcp(CLIENT, 5000, SERVER, 22, SYN, 500_000)),
    ("wan", tcp(SERVER, 22, WAN4, 5000, RST | ACK, 0, 500_001)),
    ("wan", tcp(SERVER, 999, WAN4, 80)),
    ("lan", tcp(BEHIND, 8080, SERVER, 999, SYN | ACK, 1, 1001)),
    ("lan", ip(icmpv4_message(3, 1, 0, tcp(SERVER, 999, BEHIND, 8080)), 1, b"\x0a\0\0\x33", SERVER)),
    ("lan", tcp(CLIENT2, 777, WAN4, 80)),
    ("lan", tcp(BEHIND, 8080, LAN4, 777, SYN | ACK, 1, 1001)),
    ("lan", tcp(CLIENT, 6000, SERVER, 25)),
    ("lan", udp(CLIENT, 6000, SERVER, 25)),
    ("lan", udp(CLIENT, 6001, SERVER, 5300)),
    ("lan", ODD),
    ("lan", tcp(CLIENT, 9, SERVER, 10, SYN | ACK)),
    ("lan", tcp(CLIENT, 9, SERVER, 11, RST)),
    ("lan", udp(CLIENT, 4000, SERVER, 99, ttl=1)),
]


def test_the_same_leaves() -> None:
    lines = "".join(f"{name} {packet.hex()}\n" for name, packet in PACKETS)
    words = ["unshare", "-n", sys.executable, "-c", LINUX, SETUP]
    done = subprocess.run(words, input=lines, capture_output=True, text=True, timeout=60, check=True)
    router = ours()
    for (name, packet), line in zip(PACKETS, done.stdout.splitlines(), strict=True):
        linux = [[shown(bytes.fromhex(p)) for p in side.split(",") if p] for side in line.split(";")]
        sent = router.from_lan(packet) if name == "lan" else router.from_wan(packet)
        assert all(checks(p) for side in sent for p in side if p[20:22] != b"\x03\x01")
        assert [[shown(p) for p in side] for side in sent] == linux, shown(packet)
