"""The machine under test: a stack on a tun-like link, and a clock that only moves when it is told to.

Nothing here waits. `advance` runs the stack's timers one after the other at their own times, so that every packet has
the exact time at which it left.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Final

from tcpip.addr import any_of
from tcpip.buffer import CSUM_NONE, GSO_NONE, RxPacket, TxPacket
from tcpip.clock import NS_PER_US, ManualClock
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.channel import ChannelLink
from tcpip.stack.nic import Nic
from tcpip.stack.stack import Stack
from tools.packetdrill.settings import Settings

SEED: Final = 20131
MAX_MTU: Final = 65535
START_NS: Final = 1_000_000_000_000
"""Far from 0, as a machine's clock is after a while."""


class TunLink(ChannelLink):
    """Keeps what the stack sends with the time at which it did."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(MAX_MTU, b"", CAP_NO_ARP)
        self.clock = clock
        self.frames: deque[tuple[int, bytes]] = deque()

    def write_packets(self, batch: list[TxPacket]) -> int:
        now = self.clock.now_ns()
        self.frames.extend((now, pkt.join()) for pkt in batch)
        return len(batch)


class Host:
    """Times are µs since the script began; frames of the link have ns of the clock, `origin` is when the script began."""

    origin: int = START_NS

    def __init__(self, settings: Settings) -> None:
        self.clock = ManualClock(START_NS)
        self.stack = Stack(self.clock, Random(SEED))
        self.stack.tcp.config.spread_bursts = False  # scripts are written for what leaves at once
        self.link = TunLink(self.clock)
        self.counters: dict[str, int] = {}
        self.nic = self._add_tun(settings)
        self.stack.flush()
        self.link.frames.clear()

    def _add_tun(self, settings: Settings) -> Nic:
        nic = self.stack.add_nic(self.link, "tun0")
        nic.set_mtu(settings.mtu)
        nic.add_address(settings.local, settings.prefix_len, dad=False)
        family = 10 if settings.ipv6 else 2
        self.stack.add_route(any_of(family), 0, nic=nic)
        return nic

    def since_start(self, realtime_ns: int) -> int:
        """A wall-clock time in ns of the script."""
        return realtime_ns - self.clock.realtime_ns() + self.clock.now_ns() - START_NS

    @property
    def now(self) -> int:
        """µs since the start."""
        return (self.clock.now_ns() - START_NS) // NS_PER_US

    def inject(self, packet: bytes, gso_type: int = GSO_NONE, gso_size: int = 0) -> None:
        """A packet arrives from the link, or a super-segment of many."""
        self.nic.deliver([RxPacket(packet, CSUM_NONE, gso_type, gso_size)])
        self.stack.flush()

    def next_deadline(self) -> int | None:
        """When the stack's next timer fires, µs (rounded up), not before now."""
        deadline = self.stack.next_deadline()
        if deadline is None:
            return None
        return max(-(-(deadline - START_NS) // NS_PER_US), self.now)

    def step(self, until: int) -> None:
        """Move to the next timer's time and fire it, or to `until`, whichever is first."""
        deadline = self.next_deadline()
        target = until if deadline is None else min(deadline, until)
        self.clock.advance(max(START_NS + target * NS_PER_US - self.clock.now_ns(), 0))
        self.stack.run_timers()
        self.stack.flush()
