"""The routing table: longest prefix first, then the lowest metric, then the oldest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.addr import in_prefix
from tcpip.errors import NetError
from tcpip.stack.route_metrics import NO_METRICS

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic


class RouteEntry:
    """One row. `gateway` empty: on link. `source` empty: selected. `error`: what a reject route answers (nic None)."""

    __slots__ = ("prefix", "length", "gateway", "nic", "metric", "source", "error", "protocol", "expires", "metrics")

    def __init__(
        self,
        prefix: bytes,
        length: int,
        nic: Nic | None,
        gateway: bytes = b"",
        metric: int = 0,
        source: bytes = b"",
        error: NetError | None = None,
        protocol: str = "static",
    ) -> None:
        self.prefix = prefix
        self.length = length
        self.nic = nic
        self.gateway = gateway
        self.metric = metric
        self.source = source
        self.error = error
        self.protocol = protocol
        self.expires: int | None = None
        self.metrics = NO_METRICS


class RouteTable:
    """All routes of a stack, both families."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[RouteEntry] = []

    def add(self, entry: RouteEntry) -> None:
        """Keep the order."""
        self.entries.append(entry)
        self.entries.sort(key=_order)

    def remove(self, entry: RouteEntry) -> None:
        """Harmless when absent."""
        if entry in self.entries:
            self.entries.remove(entry)

    def lookup(self, dst: bytes, nic: int = 0) -> RouteEntry | None:
        """The best usable route; with `nic` only those through it."""
        for entry in self.entries:
            out = entry.nic
            if out is not None and (not out.up or (nic and out.number != nic)):
                continue
            if out is None and nic:
                continue
            if in_prefix(dst, entry.prefix, entry.length):
                return entry
        return None


def _order(entry: RouteEntry) -> tuple[int, int]:
    return -entry.length, entry.metric
