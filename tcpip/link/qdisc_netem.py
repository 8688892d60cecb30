"""A network that is far away and bad: what tc-netem(8) does to packets that leave.

Source of behaviour: net/sched/sch_netem.c. Deviates: no loss models but the plain one, no slots, no ECN marks, no cells of a rate.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import Final

from tcpip.buffer import CSUM_PARTIAL, TxPacket
from tcpip.clock import NS_PER_S
from tcpip.link.offload import complete_checksum, split
from tcpip.link.qdisc import DEFAULT_LIMIT, Qdisc
from tcpip.timers import NEVER

_SCALE: Final = 8192  # NETEM_DIST_SCALE
_WORD: Final = 1 << 32


class Chance:
    """A probability and how much each draw is like the last one, both of 2**32 - 1."""

    __slots__ = ("share", "correlation", "_last")

    def __init__(self, share: int = 0, correlation: int = 0) -> None:
        self.share = share
        self.correlation = correlation
        self._last = 0

    def draw(self, random: Random) -> int:
        """32 bits."""
        value = random.getrandbits(32)
        if self.correlation:
            weight = self.correlation + 1
            value = self._last = (value * (_WORD - weight) + self._last * weight) >> 32
        return value

    def happens(self, random: Random) -> bool:
        """This time."""
        return self.share != 0 and self.share >= self.draw(random)


class NetemSettings:
    """`latency` and `jitter` in ns, `rate` in bytes a second with `overhead` bytes for each packet (0: as fast as may be), `limit`
    in packets. Every `gap`th packet is not delayed, with the chance of `reorder`. `delays`: a distribution of delays around the
    mean, in 8192ths of the jitter; empty: uniform."""

    __slots__ = (
        "latency",
        "jitter",
        "limit",
        "gap",
        "rate",
        "overhead",
        "loss",
        "duplicate",
        "reorder",
        "corrupt",
        "spread",
        "delays",
        "seed",
    )

    def __init__(self) -> None:
        self.latency = 0
        self.jitter = 0
        self.limit = DEFAULT_LIMIT
        self.gap = 0
        self.rate = 0
        self.overhead = 0
        self.loss = Chance()
        self.duplicate = Chance()
        self.reorder = Chance()
        self.corrupt = Chance()
        self.spread = Chance()
        self.delays: list[int] = []
        self.seed = 0


class Netem(Qdisc):
    """Delays, loses, doubles, damages and reorders. Later packets may overtake earlier ones where there is a jitter."""

    def __init__(self, settings: NetemSettings) -> None:
        super().__init__()
        self.settings = settings
        self.random = Random(settings.seed)
        self._queue: list[tuple[int, int, TxPacket]] = []
        self._front: list[TxPacket] = []
        self.child: Qdisc | None = None
        self._waiting = 0
        self._waiting_bytes = 0
        self._number = 0
        self._since = 0
        self._last_at = 0

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        s = self.settings
        doubled = s.duplicate.happens(self.random)
        lost = s.loss.happens(self.random)
        if lost and not doubled:
            self.dropped += 1
            return
        if doubled and not lost:
            self._one(_copy(pkt), now)
        self._one(pkt, now)

    def _one(self, pkt: TxPacket, now: int) -> None:
        if self.settings.corrupt.happens(self.random):
            pieces = split(pkt) if pkt.gso_size else [pkt]
            pieces[0] = self._damaged(pieces[0])
        else:
            pieces = [pkt]
        for piece in pieces:
            if self.packets >= self.settings.limit:
                self.dropped += 1
            else:
                self._wait(piece, now)

    def _damaged(self, pkt: TxPacket) -> TxPacket:
        if pkt.csum == CSUM_PARTIAL:
            complete_checksum(pkt)
        raw = bytearray(pkt.join())
        raw[self.random.randrange(len(raw))] ^= 1 << self.random.randrange(8)
        damaged = _like(pkt, bytes(raw))
        damaged.csum_offset = -1
        return damaged

    def _wait(self, pkt: TxPacket, now: int) -> None:
        s = self.settings
        self._waiting += 1
        self._waiting_bytes += len(pkt)
        self._add_up()
        if s.gap and self._since >= s.gap - 1 and s.reorder.share >= s.reorder.draw(self.random):
            self._since = 0
            self.requeues += 1
            self._front.insert(0, pkt)
            return
        delay = self._delay()
        if s.rate:
            if self._queue:
                delay = max(0, delay - (self._last_at - now))
                now = self._last_at
            delay += (len(pkt) + s.overhead) * NS_PER_S // s.rate
        self._since += 1
        self._number += 1
        at = now + delay
        self._last_at = max(at, self._last_at) if self._queue else at
        heappush(self._queue, (at, self._number, pkt))

    def _delay(self) -> int:
        s = self.settings
        if not s.jitter:
            return s.latency
        drawn = s.spread.draw(self.random)
        if not s.delays:
            return drawn % (2 * s.jitter) + s.latency - s.jitter
        return s.latency + s.jitter * s.delays[drawn % len(s.delays)] // _SCALE

    def dequeue(self, now: int) -> TxPacket | None:
        child = self.child
        while child is not None and (late := self._due(now)) is not None:
            child.enqueue(late, now)
        pkt = self._due(now) if child is None else child.dequeue(now)
        self._add_up()
        if pkt is not None:
            self._count(pkt)
        return pkt

    def _due(self, now: int) -> TxPacket | None:
        if self._front:
            pkt = self._front.pop(0)
        elif self._queue and self._queue[0][0] <= now:
            pkt = heappop(self._queue)[2]
        else:
            return None
        self._waiting -= 1
        self._waiting_bytes -= len(pkt)
        return pkt

    def _add_up(self) -> None:
        child = self.child
        if child is None:
            self._holds(self._waiting, self._waiting_bytes)
        else:
            self._holds(self._waiting + child.packets, self._waiting_bytes + child.bytes)

    def next_at(self, now: int) -> int:
        if self._front:
            return now
        first = max(self._queue[0][0], now) if self._queue else NEVER
        return first if self.child is None else min(first, self.child.next_at(now))

    def children(self) -> list[Qdisc]:
        return [self.child] if self.child is not None else []

    def graft(self, number: int, child: Qdisc | None) -> None:
        """What is late enough waits in `child` for its turn."""
        if self.child is not None:
            self._retire(self.child)
        self.child = child
        self._add_up()

    def reset(self) -> None:
        super().reset()
        self._waiting = self._waiting_bytes = 0
        self._queue.clear()
        self._front.clear()


def _like(pkt: TxPacket, raw: bytes) -> TxPacket:
    other = TxPacket(raw, [], 0, pkt.csum_offset, pkt.gso_type, pkt.gso_size)
    other.network, other.transport, other.ethertype, other.csum = pkt.network, pkt.transport, pkt.ethertype, pkt.csum
    other.socket, other.track, other.unseen = pkt.socket, pkt.track, pkt.unseen
    return other


def _copy(pkt: TxPacket) -> TxPacket:
    other = _like(pkt, bytes(pkt.header))
    other.payload, other.payload_len = pkt.payload, pkt.payload_len
    return other
