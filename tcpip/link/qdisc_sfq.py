"""Stochastic fairness: flows take turns, and the longest queue loses when there is too much (net/sched/sch_sfq.c, tc-sfq(8)).

Deviates: no RED in it.
"""

from __future__ import annotations

import zlib
from collections import deque
from random import Random
from typing import Final

from tcpip.buffer import TxPacket
from tcpip.clock import NS_PER_S
from tcpip.link.qdisc import Qdisc, flow_key
from tcpip.link.qdisc_codel import FULL_SIZE

SFQ_DEPTH: Final = 127
SFQ_FLOWS: Final = 128
SFQ_DIVISOR: Final = 1024


class SfqSettings:
    """`limit`: packets in all, `depth`: of one flow; `flows` at once, hashed into `divisor` places, anew every `perturb` seconds.
    `head_drop`: the oldest of a flow is dropped rather than the last."""

    __slots__ = ("limit", "depth", "flows", "divisor", "quantum", "perturb", "head_drop")

    def __init__(self, quantum: int = FULL_SIZE) -> None:
        self.limit = SFQ_DEPTH
        self.depth = SFQ_DEPTH
        self.flows = SFQ_FLOWS
        self.divisor = SFQ_DIVISOR
        self.quantum = quantum
        self.perturb = 0
        self.head_drop = False


class Slot:
    """One flow's packets, and how many bytes it may still send in its turn."""

    __slots__ = ("number", "queue", "allot")

    def __init__(self, number: int, allot: int) -> None:
        self.number = number
        self.queue: deque[TxPacket] = deque()
        self.allot = allot


class Sfq(Qdisc):
    """Flows that have something to send, in a ring."""

    def __init__(self, settings: SfqSettings, seed: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self._random = Random(seed)
        self._seed = self._random.getrandbits(32)
        self._slots: dict[int, Slot] = {}
        self._ring: deque[Slot] = deque()
        self._anew_at = 0

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        self._perturb(now)
        if self._place(pkt) and self.packets > self.settings.limit:
            self._drop_longest()

    def _place(self, pkt: TxPacket) -> bool:
        s = self.settings
        number = zlib.crc32(flow_key(pkt), self._seed) % s.divisor
        slot = self._slots.get(number)
        if slot is None:
            if len(self._slots) >= s.flows:
                self.dropped += 1
                return False
            slot = self._slots[number] = Slot(number, s.quantum)
            self._ring.append(slot)
        if len(slot.queue) >= s.depth:
            if not s.head_drop:
                self.dropped += 1
                return False
            self._drop(slot)
        slot.queue.append(pkt)
        self.packets += 1
        self.bytes += len(pkt)
        return True

    def _drop(self, slot: Slot) -> None:
        pkt = slot.queue.popleft() if self.settings.head_drop else slot.queue.pop()
        self.packets -= 1
        self.bytes -= len(pkt)
        self.dropped += 1

    def _drop_longest(self) -> None:
        self._drop(max(self._ring, key=_length))
        self._sweep()

    def _sweep(self) -> None:
        for slot in [slot for slot in self._ring if not slot.queue]:
            self._ring.remove(slot)
            del self._slots[slot.number]

    def _perturb(self, now: int) -> None:
        """Flows that share a place do not for ever."""
        if not self.settings.perturb:
            self._anew_at = 0
        elif not self._anew_at:
            self._anew_at = now + self.settings.perturb * NS_PER_S
        elif now >= self._anew_at:
            self._anew_at = now + self.settings.perturb * NS_PER_S
            self._seed = self._random.getrandbits(32)
            self.again()

    def again(self) -> None:
        """Place everything anew, as the settings are now."""
        waiting = [pkt for slot in self._ring for pkt in slot.queue]
        self.reset()
        for pkt in waiting:
            if self._place(pkt) and self.packets > self.settings.limit:
                self._drop_longest()

    def dequeue(self, now: int) -> TxPacket | None:
        while self._ring:
            slot = self._ring[0]
            if slot.allot <= 0:
                slot.allot += self.settings.quantum
                self._ring.rotate(-1)
                continue
            pkt = slot.queue.popleft()
            self._goes(pkt)
            slot.allot -= len(pkt)
            if not slot.queue:
                self._ring.popleft()
                del self._slots[slot.number]
            return pkt
        return None

    def reset(self) -> None:
        super().reset()
        self._slots.clear()
        self._ring.clear()


def _length(slot: Slot) -> int:
    return len(slot.queue)
