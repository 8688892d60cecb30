"""Expressions that count: also what named objects are, and what elements of sets carry.

Source: net/netfilter/nft_counter.c, nft_limit.c, nft_quota.c, nft_last.c.
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_S
from tcpip.filter.nft.machine import BREAK, Evaluation, Expression

PACKETS, BYTES = range(2)
INVERT: Final = 1
DEPLETED: Final = 2
DEFAULT_BURST: Final = 5


class Counter(Expression):
    """Packets and bytes that came by."""

    def __init__(self, packets: int, count: int) -> None:
        super().__init__("counter")
        self.packets = packets
        self.bytes = count

    def evaluate(self, e: Evaluation) -> None:
        self.packets += 1
        self.bytes += e.pkt.length

    def copy(self) -> Expression:
        return Counter(self.packets, self.bytes)


class Limit(Expression):
    """Goes on for `rate` packets (or bytes) in `unit` seconds and `burst` more; INVERT: beyond those."""

    def __init__(self, rate: int, unit: int, burst: int, kind: int, flags: int) -> None:
        super().__init__("limit")
        self.rate = rate
        self.unit = unit
        self.burst = burst
        self.kind = kind
        self.flags = flags
        time = unit * NS_PER_S
        self.most = time // rate * burst if kind == PACKETS else time * (rate + burst) // rate
        self.tokens = self.most
        self.at = -1

    def evaluate(self, e: Evaluation) -> None:
        now = e.owner.stack.clock.now_ns()
        if self.at >= 0:
            self.tokens = min(self.most, self.tokens + now - self.at)
        self.at = now
        time = self.unit * NS_PER_S
        cost = time // self.rate if self.kind == PACKETS else time * e.pkt.length // self.rate
        within = self.tokens >= cost
        if within:
            self.tokens -= cost
        if within == (self.flags & INVERT != 0):
            e.code = BREAK

    def copy(self) -> Expression:
        return Limit(self.rate, self.unit, self.burst, self.kind, self.flags)


class Quota(Expression):
    """Goes on until so many bytes have come by; INVERT: from then on."""

    def __init__(self, most: int, flags: int, consumed: int) -> None:
        super().__init__("quota")
        self.most = most
        self.flags = flags
        self.consumed = consumed

    def evaluate(self, e: Evaluation) -> None:
        self.consumed += e.pkt.length
        if (self.consumed > self.most) != (self.flags & INVERT != 0):
            e.code = BREAK

    def copy(self) -> Expression:
        return Quota(self.most, self.flags, self.consumed)


class Last(Expression):
    """When a packet came by last: `at`, ns of the stack's clock, or -1."""

    def __init__(self) -> None:
        super().__init__("last")
        self.at = -1

    def evaluate(self, e: Evaluation) -> None:
        self.at = e.owner.stack.clock.now_ns()

    def copy(self) -> Expression:
        return Last()
