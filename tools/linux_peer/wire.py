"""The bad link: frames of two interfaces, from each to the other: `python -m tools.linux_peer.wire LEFT RIGHT SEED [AT=SPEC …]`.

SPEC is an impairment (`tcpip.link.impairment`) of both directions from AT seconds after the first line on standard input on.
"""

from __future__ import annotations

import os
import select
import sys

from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import NS_PER_S, MonotonicClock
from tcpip.link.base import Dispatcher
from tcpip.link.impairment import Impairment, ImpairmentLink, apply_spec
from tcpip.link.packetsocket import PacketSocketLink
from tcpip.timers import TimerQueue


class Side(Dispatcher):
    """What comes in from one interface goes out by the other's impairment."""

    def __init__(self, other: ImpairmentLink) -> None:
        self.other = other

    def deliver(self, packets: list[RxPacket]) -> None:
        """From the interface."""
        self.other.write_packets([TxPacket(packet.frame(), [], 0) for packet in packets])


def set_to(spec: str, settings: Impairment) -> None:
    """Everything as `spec` says, the rest as on a good link."""
    for name in Impairment.__slots__:
        setattr(settings, name, getattr(Impairment(), name))
    if spec:
        apply_spec(spec, settings)


def main(left: str, right: str, seed: str, *plan: str) -> None:
    """Until standard input ends."""
    clock, timers = MonotonicClock(), TimerQueue()
    links = [PacketSocketLink(name, offload=False, promiscuous=True) for name in (left, right)]
    bad = [ImpairmentLink(link, clock, timers, int(seed) * 2 + side) for side, link in enumerate(links)]
    for side, link in enumerate(links):
        link.attach(Side(bad[1 - side]))

    def change(spec: str) -> None:
        for link in bad:
            set_to(spec, link.outbound)

    steps = [(float(at), spec) for at, _, spec in (step.partition("=") for step in plan)]
    for at, spec in steps:
        if at == 0:
            change(spec)
    readers = {link.fileno(): link for link in links}
    print("ready", flush=True)
    while True:
        deadline = timers.next_deadline()
        wait = None if deadline is None else max(0, deadline - clock.now_ns()) / NS_PER_S
        for fd in select.select([*readers, 0], [], [], wait)[0]:
            if fd:
                readers[fd].receive()
            elif not os.read(0, 1):
                return
            else:
                for at, spec in steps:
                    if at:
                        timers.after(clock.now_ns() + int(at * NS_PER_S), lambda spec=spec: change(spec))  # type: ignore[misc]
        timers.run(clock.now_ns())


main(*sys.argv[1:])
