"""The gateway of `--network user` without a sandbox: it serves a network namespace over a tap and carries its flows on over
sockets of the namespace that it is started in. `python -m tools.bench.peers.our_gateway /run/netns/NAME TAP` prints "ready" and
runs until it is killed. The tap is 10.0.2.15 there, and 10.0.2.2 is the loopback here."""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random

from sandbox.boot import libc
from sandbox.gateway import address_plan as plan
from sandbox.gateway.counters import Counters
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.gateway import Gateway
from sandbox.gateway.networks import drive
from sandbox.gateway.pins import NamePins
from sandbox.gateway.policy import HOST_NAME, Policy
from sandbox.reactor import READ, Reactor
from tcpip.addr import text
from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import MonotonicClock
from tcpip.link.base import WrapperLink
from tcpip.link.tap import TapLink
from tcpip.stack.stack import Stack


class BareFrames(WrapperLink):
    """The gateway reads frames as they lie on its cable, where nothing is in front of them."""

    def write_packets(self, batch: list[TxPacket]) -> int:
        return self.inner.write_packets(batch)

    def received(self, packets: list[RxPacket]) -> None:
        if self.dispatcher is not None:
            self.dispatcher.deliver([RxPacket(p.frame(), p.csum, p.gso_type, p.gso_size) for p in packets])


def tap_in(namespace: str, name: str) -> TapLink:
    """A tap of another namespace, set up there."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(namespace, os.O_RDONLY)
    libc.setns(there, libc.CLONE_NEWNET)
    try:
        link = TapLink(name, plan.GATEWAY_MAC)
        link.host_up(text(plan.GUEST4), "255.255.255.0")
        subprocess.run(["ip", "route", "add", "default", "via", text(plan.GATEWAY4)], check=True)
    finally:
        libc.setns(here, libc.CLONE_NEWNET)
        os.close(there)
        os.close(here)
    return link


def main(namespace: str, name: str) -> None:
    """What goes to the host is permitted, nothing else."""
    clock = MonotonicClock()
    reactor = Reactor(clock)
    stack = Stack(clock, Random())
    link = tap_in(namespace, name)
    counters = Counters()

    def warn(line: str) -> None:
        print(line, file=sys.stderr)

    guard = EgressGuard(Policy.parse((HOST_NAME,)), NamePins(clock), counters, warn)
    Gateway(stack, BareFrames(link, link.capabilities), reactor, guard, counters, warn)
    drive(reactor, stack)
    reactor.watch(link.fileno(), READ, lambda events: receive(link))
    print("ready", flush=True)
    reactor.run()


def receive(link: TapLink) -> None:
    """The reactor comes back for more."""
    link.receive()


if __name__ == "__main__":
    main(*sys.argv[1:3])
