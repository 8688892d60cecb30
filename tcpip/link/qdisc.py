"""Queueing disciplines: what waits where a link is slower than who sends, and in which order it goes on.

A `QdiscLink` wraps a link; its discipline gets every packet that is sent. `Fifo` and `FairQueue` decide who waits and who
is dropped, `TokenBucket` (in `tbf`) lets them go at a rate. Super-segments stay whole, as on Linux.
Source of behaviour: net/sched/sch_fifo.c, net/sched/sch_fq_codel.c; RFC 8290 4.1, 4.2.
Deviates: FairQueue has no CoDel: it drops only when it is full.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections import deque
from typing import Final

from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import Clock
from tcpip.link.base import LinkEndpoint, WrapperLink
from tcpip.native import mypyc_attr
from tcpip.timers import NEVER, TimerQueue

FLOWS: Final = 1024
DEFAULT_LIMIT: Final = 1000
FAIR_LIMIT: Final = 10240
_PORTS_AT: Final = {6, 17}


@mypyc_attr(allow_interpreted_subclasses=True)
class Qdisc:
    """`packets` and `bytes` wait now; `dropped` and `sent` count packets since the start, `overlimits` how often something had to
    wait for its time, `requeues` what was put in front."""

    def __init__(self) -> None:
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        self.sent = 0
        self.overlimits = 0
        self.requeues = 0
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
        return self._peeked

    def take(self, now: int) -> TxPacket | None:
        """`dequeue` for who peeks."""
        pkt, self._peeked = self.peek(now), None
        if pkt is not None:
            self.packets -= 1
            self.bytes -= len(pkt)
            self.sent += 1
        return pkt

    def next_at(self, now: int) -> int:
        """When `dequeue` is worth another try; NEVER when nothing waits."""
        return now if self.packets else NEVER

    def reset(self) -> None:
        """Forget what waits; it does not count as dropped."""
        self._peeked = None
        self.packets = self.bytes = 0

    def total_dropped(self) -> int:
        """Here and below."""
        return self.dropped


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
        self.packets -= 1
        self.bytes -= len(pkt)
        self.sent += 1
        return pkt


class Flow:
    """One flow's packets, and how many bytes it may still send in its turn."""

    __slots__ = ("queue", "bytes", "deficit", "listed")

    def __init__(self) -> None:
        self.queue: deque[TxPacket] = deque()
        self.bytes = 0
        self.deficit = 0
        self.listed = False


class FairQueue(Qdisc):
    """Deficit round robin over flows, new ones first. Full, it drops the oldest packet of the flow with the most bytes.

    A flow is a source, destination, protocol and ports, hashed with `seed` into `FLOWS` queues.
    """

    def __init__(self, limit: int = FAIR_LIMIT, quantum: int = 1514, seed: int = 0) -> None:
        super().__init__()
        self.limit = limit
        self.quantum = quantum
        self.seed = seed
        self._flows: dict[int, Flow] = {}
        self._new: deque[Flow] = deque()
        self._old: deque[Flow] = deque()

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        number = zlib.crc32(flow_key(pkt), self.seed) % FLOWS
        flow = self._flows.get(number)
        if flow is None:
            flow = self._flows[number] = Flow()
        size = len(pkt)
        flow.queue.append(pkt)
        flow.bytes += size
        self.packets += 1
        self.bytes += size
        if not flow.listed:
            flow.listed = True
            flow.deficit = self.quantum
            self._new.append(flow)
        if self.packets > self.limit:
            self._take(max(self._flows.values(), key=_bytes_of))
            self.dropped += 1

    def reset(self) -> None:
        super().reset()
        self._flows.clear()
        self._new.clear()
        self._old.clear()

    def _take(self, flow: Flow) -> TxPacket:
        pkt = flow.queue.popleft()
        size = len(pkt)
        flow.bytes -= size
        self.packets -= 1
        self.bytes -= size
        return pkt

    def dequeue(self, now: int) -> TxPacket | None:
        while self._new or self._old:
            turn = self._new or self._old
            flow = turn[0]
            if flow.deficit <= 0:
                flow.deficit += self.quantum
                turn.popleft()
                self._old.append(flow)
            elif flow.queue:
                pkt = self._take(flow)
                flow.deficit -= len(pkt)
                self.sent += 1
                return pkt
            else:
                turn.popleft()
                if turn is self._new and self._old:
                    self._old.append(flow)  # RFC 8290 4.2: else a flow of single packets would always be a new one
                else:
                    flow.listed = False
        return None


def _bytes_of(flow: Flow) -> int:
    return flow.bytes


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
