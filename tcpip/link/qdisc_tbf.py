"""The token bucket: a rate in the mean, with bursts; and how a discipline is named on a command line.

Source of behaviour: net/sched/sch_tbf.c, tc-tbf(8). Deviates: no peakrate, mpu or link-layer overhead.
"""

from __future__ import annotations

from typing import Final

from tcpip.buffer import TxPacket
from tcpip.clock import NS_PER_S
from tcpip.link.base import LinkEndpoint
from tcpip.link.offload import split
from tcpip.link.qdisc import DEFAULT_LIMIT, Fifo, Nothing, Qdisc
from tcpip.link.qdisc_fair import FAIR_LIMIT, FairQueue
from tcpip.link.quantity import RATES, SIZES, TIMES, scaled

DEFAULT_LATENCY: Final = 50_000_000


class TokenBucket(Qdisc):
    """`rate` bits a second, `burst` bytes at once; `child` is where packets wait, a Fifo of
    `limit` bytes unless given.

    A packet above `burst` never could go: a super-segment is cut, anything else is dropped. Tokens are ns of sending
    time, as in Linux.
    """

    def __init__(self, rate: int, burst: int, limit: int = 0, child: Qdisc | None = None) -> None:
        super().__init__()
        if rate <= 0 or burst <= 0:
            raise ValueError("a token bucket needs a rate and a burst")
        self.rate = rate
        self.burst = burst
        self.limit = limit or burst + rate * DEFAULT_LATENCY // (8 * NS_PER_S)
        self.child = child or Fifo(self.limit, in_bytes=True)
        self._full = self._time_of(burst)
        self._tokens = self._full
        self._at = 0

    def children(self) -> list[Qdisc]:
        return [self.child]

    def graft(self, number: int, child: Qdisc | None) -> None:
        """Without another one nothing goes out any more, as on Linux (tbf_graft)."""
        self._retire(self.child)
        self.child = child or Nothing()
        self._add_up()

    def change(self, rate: int, burst: int, limit: int) -> None:
        """Another rate and burst, and another limit of what waits where that is a Fifo; the bucket is full."""
        self.rate, self.burst, self.limit = rate, burst, limit
        self._tokens = self._full = self._time_of(burst)
        if isinstance(self.child, Fifo):
            self.child.limit = limit
        elif limit and isinstance(self.child, Nothing):
            self.graft(1, Fifo(limit, in_bytes=True))

    def _time_of(self, size: int) -> int:
        return size * 8 * NS_PER_S // self.rate

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        pieces = split(pkt) if len(pkt) > self.burst and pkt.gso_size else [pkt]
        for piece in pieces:
            if len(piece) > self.burst:
                self.dropped += 1
            else:
                self.child.enqueue(piece, now)
        self._add_up()

    def reset(self) -> None:
        super().reset()
        self._tokens = self._full

    def _add_up(self) -> None:
        self._holds(self.child.packets, self.child.bytes)

    def dequeue(self, now: int) -> TxPacket | None:
        pkt = self.child.peek(now)
        if pkt is None:
            return None
        tokens = min(self._tokens + now - self._at, self._full)
        left = tokens - self._time_of(len(pkt))
        if left < 0:
            self.overlimits += 1
            return None
        self._tokens, self._at = left, now
        self.child.take(now)
        self._add_up()
        self._count(pkt)
        return pkt

    def next_at(self, now: int) -> int:
        pkt = self.child.peek(now)
        if pkt is None:
            return self.child.next_at(now)
        return max(self._at + self._time_of(len(pkt)) - self._tokens, now)


def qdisc_from(spec: str, link: LinkEndpoint) -> Qdisc:
    """`fifo[,limit=N]`, `fq[,limit=N]`, or `tbf,rate=10mbit[,burst=16kb][,latency=50ms][,fq]`; ValueError."""
    kind, *parts = [part.strip() for part in spec.split(",")]
    values: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        values[name] = value if equals else name
    limit = int(values.pop("limit")) if kind in ("fifo", "fq") and values.get("limit", "").isdecimal() else 0
    quantum = link.mtu + 14
    made: Qdisc | None = None
    if kind == "fifo":
        made = Fifo(limit or DEFAULT_LIMIT)
    elif kind == "fq":
        made = FairQueue(limit or FAIR_LIMIT, quantum)
    elif kind == "tbf" and "rate" in values:
        rate = scaled(values.pop("rate"), RATES)
        burst = scaled(values.pop("burst"), SIZES) if "burst" in values else max(rate // 2000, 10 * quantum)
        latency = scaled(values.pop("latency"), TIMES) if "latency" in values else DEFAULT_LATENCY
        child = FairQueue(quantum=quantum) if values.pop("fq", "") else None
        made = TokenBucket(rate, burst, burst + rate * latency // (8 * NS_PER_S), child)
    if made is None or values:
        raise ValueError(f"not a queueing discipline: {spec!r} (fifo, fq, or tbf,rate=10mbit,burst=16kb,latency=50ms)")
    return made
