"""The routing tables: longest prefix first, then the lowest metric, then the oldest. Tables are numbered as Linux's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import in_prefix
from tcpip.errors import NetError
from tcpip.stack.route_metrics import NO_METRICS

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic


TABLE_DEFAULT: Final = 253
TABLE_MAIN: Final = 254

ERRORS: Final = {
    "blackhole": errors.INVALID_ARGUMENT,
    "unreachable": errors.HOST_UNREACHABLE,
    "prohibit": errors.PERMISSION_DENIED,
    "throw": errors.NETWORK_UNREACHABLE,
}
"""What a socket is told by rows of these kinds (net/ipv4/fib_semantics.c:fib_props). `throw` is about its table only:
the next rule is asked, and when there is none it is as if there were no route."""


class RouteEntry:
    """One row. `gateway` empty: on link. `source` empty: selected. `error`: what a reject route answers (nic None).
    `kind`: unicast, local (what matches is for this host), or one of `ERRORS`."""

    __slots__ = (
        "prefix",
        "length",
        "gateway",
        "nic",
        "metric",
        "source",
        "error",
        "protocol",
        "expires",
        "metrics",
        "table",
        "kind",
    )

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
        table: int = TABLE_MAIN,
        kind: str = "",
    ) -> None:
        self.prefix = prefix
        self.length = length
        self.nic = nic
        self.gateway = gateway
        self.metric = metric
        self.source = source
        self.error = ERRORS.get(kind, error)
        self.kind = kind or _kind_of(error)
        self.table = table
        self.protocol = protocol
        self.expires: int | None = None
        self.metrics = NO_METRICS


class RouteTable:
    """All routes of a stack, both families and every table. `tables`: the numbers of those that there are, also empty ones."""

    __slots__ = ("entries", "tables")

    def __init__(self) -> None:
        self.entries: list[RouteEntry] = []
        self.tables: set[int] = set()

    def add(self, entry: RouteEntry) -> None:
        """Keep the order."""
        self.entries.append(entry)
        self.tables.add(entry.table)
        self.entries.sort(key=_order)

    def remove(self, entry: RouteEntry) -> bool:
        """Harmless when absent: it was there."""
        if entry not in self.entries:
            return False
        self.entries.remove(entry)
        return True

    def lookup(self, dst: bytes, nic: int = 0, table: int = TABLE_MAIN) -> RouteEntry | None:
        """The best usable route of one table; with `nic` only those through it."""
        for entry in self.entries:
            if entry.table != table:
                continue
            out = entry.nic
            if out is not None and (not out.up or (nic and out.number != nic)):
                continue
            if out is None and nic:
                continue
            if in_prefix(dst, entry.prefix, entry.length):
                return entry
        return None


def _kind_of(error: NetError | None) -> str:
    if error is None:
        return "unicast"
    return next((kind for kind, raised in ERRORS.items() if raised is error), "unreachable")


def _order(entry: RouteEntry) -> tuple[int, int]:
    return -entry.length, entry.metric
