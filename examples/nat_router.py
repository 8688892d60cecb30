"""A router with NAT in userspace, between two network namespaces (root; ip(8) and a kernel with veth).

python examples/nat_router.py INSIDE OUTSIDE

INSIDE and OUTSIDE are interfaces of this namespace whose other ends are in the two networks, for instance made by

    ip link add in0 type veth peer name eth0 netns inside
    ip link add out0 type veth peer name eth0 netns outside

The router has 192.168.7.1/24 inside and 203.0.113.1/24 outside. Hosts inside reach the outside from its address; from the
outside nothing gets in but what was asked for, pings of the router, and TCP port 8080, which is port 80 of 192.168.7.2.
On SIGTERM or Ctrl-C it prints what its rules have counted.
"""

import asyncio
import signal
import sys

from tcpip.adapters import aio
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.filter.match import DestinationPort, IcmpType, InInterface, OutInterface, Protocol, State, Translated
from tcpip.filter.packet import DST, ESTABLISHED, RELATED
from tcpip.filter.table import DROP, Rule
from tcpip.filter.target import Accept, Dnat, Masquerade
from tcpip.link.packetsocket import PacketSocketLink
from tcpip.sockopt import IPPROTO_TCP
from tcpip.stack.stack import Stack


def rules(stack: Stack) -> list[Rule]:
    """The filter, and the rules in it."""
    netfilter = stack.enable_netfilter()
    outside = InInterface("outside")
    known = Rule([State(ESTABLISHED | RELATED)], Accept(), "known")
    forwarded = Rule([outside, Translated(DST)], Accept(), "forwarded port")
    outward = Rule([OutInterface("outside")], Accept(), "outward")
    pings = Rule([IcmpType(8)], Accept(), "pings")
    port = Rule(
        [outside, Protocol(IPPROTO_TCP), DestinationPort(8080)], Dnat("192.168.7.2", ports=(80, 80)), "port 8080"
    )
    masquerade = Rule([OutInterface("outside")], Masquerade(), "masquerade")
    for chain in (netfilter.filter["forward"], netfilter.filter["input"]):
        chain.policy = DROP
        chain.append(known)
    netfilter.filter["forward"].append(forwarded, outward)
    netfilter.filter["input"].append(pings)
    netfilter.nat["prerouting"].append(port)
    netfilter.nat["postrouting"].append(masquerade)
    return [known, forwarded, outward, pings, port, masquerade]


async def main(inside: str, outside: str) -> None:
    stack = Stack(MonotonicClock(), ipv6=False)
    stack.forwarding = True
    for name, interface, address in (("inside", inside, "192.168.7.1"), ("outside", outside, "203.0.113.1")):
        stack.add_nic(PacketSocketLink(interface, promiscuous=True), name).add_address(parse(address), 24)
    counted = rules(stack)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with aio.Runner(stack):
        print("ready", flush=True)
        await stopped.wait()
    for rule in counted:
        print(f"{rule.comment}: {rule.packets} packets, {rule.bytes} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/nat_router.py INSIDE OUTSIDE")
    asyncio.run(main(*sys.argv[1:]))
