"""Queueing disciplines: what waits where a link is slower than who sends, and in which order it goes on.

A `QdiscLink` wraps a link; its discipline gets every packet that is sent. `Fifo` and those of `qdisc_codel`, `qdisc_fair` and
`qdisc_prio` decide who waits and who is dropped, `TokenBucket` (in `qdisc_tbf`) lets them go at a rate. Super-segments stay
whole, as on Linux. Source of behaviour: net/sched/sch_fifo.c, net/sched/sch_generic.c.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import Final

from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import Clock
from tcpip.link.base import LinkEndpoint, WrapperLink
from tcpip.native import mypyc_attr
from tcpip.timers import NEVER, TimerQueue

DEFAULT_LIMIT: Final = 1000
_PORTS_AT: Final = {6, 17}


@mypyc_attr(allow_interpreted_subclasses=True)
class Qdisc:
    """`packets` and `bytes` wait now; `dropped` and `sent` (of `sent_bytes`) count packets since the start, `overlimits` how often
    something had to wait for its time, `requeues` what was put in front."""

    def __init__(self) -> None:
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        self.sent = 0
        self.sent_bytes = 0
        self.overlimits = 0
        self.requeues = 0
        self._of_former = 0  # dropped by children that are no more
        self._peeked: TxPacket | None = None

    @abstractmethod
    def enqueue(self, pkt: TxPacket, now: int) -> None:
        """Let it wait, or drop it or another one, which is counted."""

    @abstractmethod
    def dequeue(self, now: int) -> TxPacket | None:
        """What goes out next; None when there is nothing, or nothing yet."""

    def peek(self, now: int) -> TxPacket | None:
        """What `take` will give. It counts as waiting until then (net/sched/sch_generic.c:qdisc_peek_dequeued)."""
        if self._peeked is None:
            pkt = self._peeked = self.dequeue(now)
            if pkt is not None:
                self.packets += 1
                self.bytes += len(pkt)
                self.sent -= 1
                self.sent_bytes -= len(pkt)
        return self._peeked

    def take(self, now: int) -> TxPacket | None:
        """`dequeue` for who peeks."""
        pkt, self._peeked = self.peek(now), None
        if pkt is not None:
            self._goes(pkt)
        return pkt

    def _goes(self, pkt: TxPacket) -> None:
        self.packets -= 1
        self.bytes -= len(pkt)
        self._count(pkt)

    def _count(self, pkt: TxPacket) -> None:
        self.sent += 1
        self.sent_bytes += len(pkt)

    def _holds(self, packets: int, octets: int) -> None:
        """So much waits below; with what `peek` has taken from there."""
        peeked = self._peeked
        self.packets = packets if peeked is None else packets + 1
        self.bytes = octets if peeked is None else octets + len(peeked)

    def next_at(self, now: int) -> int:
        """When `dequeue` is worth another try; NEVER when nothing waits."""
        return now if self.packets else NEVER

    def reset(self) -> None:
        """Forget what waits, here and below; it does not count as dropped."""
        self._peeked = None
        self.packets = self.bytes = 0
        for child in self.children():
            child.reset()

    def total_dropped(self) -> int:
        """Here and below."""
        return self.dropped + self._of_former + sum([child.total_dropped() for child in self.children()])

    def children(self) -> list[Qdisc]:
        """Those that packets wait in, class by class from 1 on; none for one that has no classes."""
        return []

    def has_class(self, number: int) -> bool:
        """Packets wait in a class of this number."""
        return 1 <= number <= len(self.children())

    def graft(self, number: int, child: Qdisc | None) -> None:
        """Let what is of class `number` wait in `child`, or where it does when nobody says. What waited there is gone."""
        raise NotImplementedError

    def _retire(self, child: Qdisc) -> None:
        """It is a child no more: what waits there is gone, what it has dropped still counts."""
        self._of_former += child.total_dropped()
        child.reset()


class Nothing(Qdisc):
    """Where nothing gets through (noop_qdisc); what it drops its parent counts."""

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        self.dropped += 1

    def dequeue(self, now: int) -> TxPacket | None:
        return None


class Fifo(Qdisc):
    """First come, first served, up to `limit` packets (pfifo) or, with `in_bytes`, bytes (bfifo); the last is dropped, or with
    `head_drop` the first (pfifo_head_drop)."""

    def __init__(self, limit: int = DEFAULT_LIMIT, in_bytes: bool = False, head_drop: bool = False) -> None:
        super().__init__()
        self.head_drop = head_drop
        self.limit = limit
        self.in_bytes = in_bytes
        self._queue: deque[TxPacket] = deque()

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        size = len(pkt)
        if (self.bytes + size if self.in_bytes else self.packets + 1) > self.limit:
            self.dropped += 1
            if not self.head_drop or not self._queue:
                return
            first = self._queue.popleft()
            self.packets -= 1
            self.bytes -= len(first)
        self._queue.append(pkt)
        self.packets += 1
        self.bytes += size

    def reset(self) -> None:
        super().reset()
        self._queue.clear()

    def dequeue(self, now: int) -> TxPacket | None:
        if not self._queue:
            return None
        pkt = self._queue.popleft()
        self._goes(pkt)
        return pkt


def flow_key(pkt: TxPacket) -> bytes:
    """Addresses, protocol and ports as they lie on the wire; what is not TCP or UDP over plain IP has no ports."""
    header, at = bytes(pkt.header), pkt.network
    if len(header) >= at + 20 and header[at] >> 4 == 4:
        addresses, protocol = header[at + 12 : at + 20], header[at + 9]
        ports_at = at + (header[at] & 15) * 4
        if header[at + 6] & 0x3F or header[at + 7]:  # of fragments only the first one has ports
            protocol = 0
    elif len(header) >= at + 40 and header[at] >> 4 == 6:
        addresses, protocol, ports_at = header[at + 8 : at + 40], header[at + 6], at + 40
    else:
        return header[:at]
    ports = header[ports_at : ports_at + 4] if protocol in _PORTS_AT else b""
    return addresses + bytes((protocol,)) + ports


class QdiscLink(WrapperLink):
    """What is sent waits in `qdisc`; what is received passes. `timers` is the owning stack's queue."""

    def __init__(self, inner: LinkEndpoint, qdisc: Qdisc, clock: Clock, timers: TimerQueue) -> None:
        super().__init__(inner, inner.capabilities)
        self.qdisc = qdisc
        self.clock = clock
        self._timer = timers.timer(self._run)

    def write_packets(self, batch: list[TxPacket]) -> int:
        now = self.clock.now_ns()
        ready: list[TxPacket] = []
        for pkt in batch:
            self.qdisc.enqueue(pkt, now)
            self._drain(ready, now)
        self._send(ready, now)
        return len(batch)

    def _drain(self, ready: list[TxPacket], now: int) -> None:
        pkt = self.qdisc.dequeue(now)
        while pkt is not None:
            ready.append(pkt)
            pkt = self.qdisc.dequeue(now)

    def _run(self) -> None:
        now = self.clock.now_ns()
        ready: list[TxPacket] = []
        self._drain(ready, now)
        self._send(ready, now)

    def _send(self, ready: list[TxPacket], now: int) -> None:
        if ready:
            self.inner.write_packets(ready)
        at = self.qdisc.next_at(now)
        if at != NEVER:
            self._timer.arm(at)

    def received(self, packets: list[RxPacket]) -> None:
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)

    def close(self) -> None:
        self._timer.cancel()
        self.inner.close()
