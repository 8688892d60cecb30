"""What goes wrong, and when: a plan of faults, each of which ends, and after the last of which the network is well again."""

from __future__ import annotations

import asyncio
from random import Random

from tcpip.clock import NS_PER_MS
from tools.netsim.network import Network, Port

HORIZON_S = 60.0
"""No fault begins later; none lasts longer than `LONGEST_S`."""
LONGEST_S = 30.0
RESOLUTION_S = 4.0
"""A neighbour has answered by then, or its packets are dropped."""


class Fault:
    """`kind` on `port` from `at` for `lasts` seconds."""

    def __init__(self, random: Random, port: Port, small: bool) -> None:
        self.port = port
        self.kind = random.choice(("storm", "storm", "storm", "partition", "down", "mtu", "mtu"))
        self.at = random.choice((0.0, random.uniform(0, 2), random.uniform(0, HORIZON_S)))
        self.lasts = random.choice((random.uniform(0, 1), random.uniform(0, LONGEST_S)))
        self.mtu = random.choice((1400, 1300, 1280, *((1000, 576) if small else ())))
        self.seed = random.getrandbits(32)
        self.corrupts = False

    def __str__(self) -> str:
        what = f"mtu {self.mtu}" if self.kind == "mtu" else self.kind
        return f"{self.at:8.3f} s  {self.port.witness.name}: {what} for {self.lasts:.3f} s"

    async def run(self) -> None:
        """Wait, break, wait, mend."""
        await asyncio.sleep(self.at)
        nic = self.port.nic
        nic.stack.flush()
        if self.kind == "storm":
            self._storm()
        elif self.kind == "partition":
            for settings in self.port.directions():
                settings.partition = True
        elif self.kind == "down":
            nic.set_up(False)
        else:
            await self._shrink()
        await asyncio.sleep(self.lasts)
        nic.stack.flush()
        self._mend()

    async def _shrink(self) -> None:
        """A smaller MTU; what waits for a neighbour was cut for the old one."""
        nic, witness = self.port.nic, self.port.witness
        witness.shrinking += 1
        nic.set_mtu(self.mtu)
        await asyncio.sleep(RESOLUTION_S)
        witness.shrinking -= 1

    def _storm(self) -> None:
        """Each direction gets its own weather."""
        random = Random(self.seed)
        for settings in self.port.directions():
            settings.loss = random.choice((0.0, 0.01, 0.1, 0.3))
            settings.duplicate = random.choice((0.0, 0.0, 0.05, 0.3))
            settings.reorder = random.choice((0.0, 0.0, 0.1, 0.5))
            if self.corrupts and settings is self.port.link.outbound:
                settings.corrupt = random.choice((0.01, 0.1))
            settings.delay_ns = random.choice((0, 2, 20, 150)) * NS_PER_MS
            settings.jitter_ns = random.choice((0, 3, 40)) * NS_PER_MS
            settings.rate = random.choice((0, 1_000_000, 10_000_000))
            settings.queue_limit = random.choice((3, 20, 1000))
            if random.random() < 0.3:
                settings.burst_enter, settings.burst_leave = 0.02, 0.2

    def _mend(self) -> None:
        port = self.port
        if self.kind == "down":
            port.nic.set_up(True)
        elif self.kind == "mtu":
            port.nic.set_mtu(1500)
        elif self.kind == "partition":
            for settings in port.directions():
                settings.partition = False
        else:
            for settings in port.directions():
                settings.loss = settings.duplicate = settings.reorder = settings.corrupt = 0.0
                settings.burst_enter, settings.burst_leave = 0.0, 1.0
                settings.jitter_ns, settings.queue_limit = 0, 1000
                settings.delay_ns, settings.rate = port.calm


def plan(random: Random, network: Network) -> list[Fault]:
    """A few for each interface, on average; none in one network of ten.

    One direction of one link corrupts at most: of two flipped bits in one packet the Internet checksum may see none.
    """
    ports = [port for node in network.nodes for port in node.ports]
    count = 0 if random.random() < 0.1 else random.randint(1, 2 * len(ports))
    faults = [Fault(random, random.choice(ports), network.small) for _ in range(count)]
    corruptor = random.choice(ports)
    for fault in faults:
        fault.corrupts = fault.port is corruptor
    return sorted(faults, key=lambda fault: fault.at)
