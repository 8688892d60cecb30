"""A connection's course over time: windows, round trip, flight and delivery rate, at its acknowledgements and time-outs.

A connection that is not recorded pays nothing: it is `Sender.measured`, which TCP_INFO and congestion controls that model
the path need as well, that leads here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.congestion.base import INFINITE_SSTHRESH

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.sender import Sender

CAPACITY: Final = 4096


class Point:
    """`at` ns on the stack's clock, `srtt` ns, `rate` bytes/s (the latest sample, 0 before the first); the rest bytes.
    `ssthresh` -1: none yet. `acked`: since the connection was made."""

    __slots__ = ("at", "cwnd", "ssthresh", "srtt", "flight", "rate", "acked")

    def __init__(self, at: int, cwnd: int, ssthresh: int, srtt: int, flight: int, rate: int, acked: int) -> None:
        self.at = at
        self.cwnd = cwnd
        self.ssthresh = ssthresh
        self.srtt = srtt
        self.flight = flight
        self.rate = rate
        self.acked = acked


class Recorder:
    """`points`, at least `interval` ns apart. There are never more than `capacity`: when it is reached every other one is
    given up and the interval doubles, so that they cover the whole time, ever more coarsely."""

    __slots__ = ("points", "capacity", "interval", "rate", "_next")

    def __init__(self, capacity: int, interval: int) -> None:
        self.points: list[Point] = []
        self.capacity = capacity
        self.interval = interval
        self.rate = 0
        self._next = 0

    def take(self, snd: Sender, now: int) -> None:
        """One point, unless the last is too recent."""
        points = self.points
        if points and now < self._next:
            return
        if len(points) >= self.capacity:
            del points[1::2]
            self.interval = max(2 * self.interval, (now - points[0].at) // max(len(points), 1))
        cc = snd.cc
        ssthresh = cc.ssthresh if cc.ssthresh < INFINITE_SSTHRESH else -1
        points.append(Point(now, cc.cwnd, ssthresh, snd.rtt.srtt, snd.in_flight(), self.rate, snd.bytes_acked))
        self._next = now + self.interval


def start_recording(ep: TcpEndpoint, capacity: int = CAPACITY, interval: int = 0) -> Recorder:
    """From now on; `interval` ns, 0 for every acknowledgement. NOT_CONNECTED; INVALID_ARGUMENT for a capacity below 2."""
    if not st.synchronized(ep.state):
        raise NetworkError(errors.NOT_CONNECTED)
    if capacity < 2:
        raise NetworkError(errors.INVALID_ARGUMENT)
    recorder = Recorder(capacity, interval)
    ep.snd.recorder = recorder
    ep.snd.measured = True
    recorder.take(ep.snd, ep.stack.clock.now_ns())
    return recorder


def stop_recording(ep: TcpEndpoint) -> None:
    """What was recorded stays with the recorder."""
    ep.snd.recorder = None
