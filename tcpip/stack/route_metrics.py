"""Metrics of a route: what ip-route(8) can say about the way to a destination, beyond how to get there."""

from __future__ import annotations

from typing import Final

METRIC_MTU: Final = 2
METRIC_CWND: Final = 7
METRIC_RTO_MIN: Final = 13
METRIC_CONGESTION: Final = 16
"""RTAX_*."""


class RouteMetrics:
    """Numbers are 0, and the name empty, where the route says nothing.

    `initcwnd`, `initrwnd` segments; `window`, `advmss`, `mtu` bytes; `quickack`, `ecn`, `fastopen_no_cookie` flags;
    `congestion` the name of an algorithm; `hop_limit` of packets whose socket does not say. `rtt`, `rttvar` eighths and quarters of a ms,
    `ssthresh`, `cwnd`, `reordering` segments. `locked`: a bit for each that measurements do not change, by Linux's number;
    `rto_min_ns` has no effect without its own, as there.
    """

    __slots__ = (
        "mtu",
        "advmss",
        "initcwnd",
        "initrwnd",
        "window",
        "rto_min_ns",
        "quickack",
        "ecn",
        "fastopen_no_cookie",
        "congestion",
        "hop_limit",
        "rtt",
        "rttvar",
        "ssthresh",
        "cwnd",
        "reordering",
        "locked",
    )

    def __init__(self) -> None:
        self.mtu = 0
        self.advmss = 0
        self.initcwnd = 0
        self.initrwnd = 0
        self.window = 0
        self.rto_min_ns = 0
        self.quickack = 0
        self.ecn = 0
        self.fastopen_no_cookie = 0
        self.congestion = ""
        self.hop_limit = 0
        self.rtt = 0
        self.rttvar = 0
        self.ssthresh = 0
        self.cwnd = 0
        self.reordering = 0
        self.locked = 0

    def mtu_locked(self) -> bool:
        """The path's MTU is what the route says: packets may be cut on the way (ip_mtu_locked)."""
        return self.locked & 1 << METRIC_MTU != 0


NO_METRICS: Final = RouteMetrics()
"""Of most routes; never changed."""
