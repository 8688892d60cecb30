"""Reno congestion control.

Implements: RFC 5681 3.1, 3.2, counting segments.
Deviates: a loss halves cwnd, not what is in flight, as net/ipv4/tcp_cong.c:tcp_reno_ssthresh has it.
"""

from __future__ import annotations

from typing import ClassVar

from tcpip.native import mypyc_attr
from tcpip.transport.tcp.congestion.base import CongestionControl


@mypyc_attr(allow_interpreted_subclasses=True)
class Reno(CongestionControl):
    """Additive increase of one segment a round trip, halving on loss."""

    name: ClassVar[str] = "reno"

    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        segments = self.slow_start(-(-acked // self.mss))
        if segments > 0:
            self.grow(self.cwnd // self.mss, segments)

    def reduced(self, flight: int) -> int:
        return self.cwnd // self.mss // 2 * self.mss
