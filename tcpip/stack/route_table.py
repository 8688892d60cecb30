"""The routing tables: longest prefix first, then those of a type of service, then the lowest metric, then the first one there. Tables are numbered as Linux's."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import in_prefix
from tcpip.errors import NetError
from tcpip.stack.route_metrics import NO_METRICS

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic


TABLE_DEFAULT: Final = 253
TABLE_MAIN: Final = 254
TABLES_MOST: Final = 4096  # a table stays when its last row is gone

ERRORS: Final = {
    "blackhole": errors.INVALID_ARGUMENT,
    "unreachable": errors.HOST_UNREACHABLE,
    "prohibit": errors.PERMISSION_DENIED,
    "throw": errors.NETWORK_UNREACHABLE,
}
"""What a socket is told by rows of these kinds (net/ipv4/fib_semantics.c:fib_props). `throw` is about its table only:
the next rule is asked, and when there is none it is as if there were no route."""


_TOS_LOOKED_AT: Final = 0x1C


class NextHop:
    """One of several ways of a row. `gateway` empty: on link. `weight`: its share among the others."""

    __slots__ = ("nic", "gateway", "weight", "onlink")

    def __init__(self, nic: Nic, gateway: bytes, weight: int = 1, onlink: bool = False) -> None:
        self.nic = nic
        self.gateway = gateway
        self.weight = weight
        self.onlink = onlink


class RouteEntry:
    """One row. `gateway` empty: on link. `source` empty: selected. `error`: what a reject route answers (nic None).
    `tos`: only packets of this type of service go by it (0: all).
    `kind`: unicast, local (what matches is for this host), or one of `ERRORS`. `onlink`: the gateway is a neighbour, whatever
    the table says. `learnt`: of an advertised prefix or router. `hops`: the ways, where there are several; the first is then in `nic` and `gateway`, too. `next_hop`: the
    object that it goes by (`HopTable`), 0 for none."""

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
        "onlink",
        "learnt",
        "hops",
        "next_hop",
        "tos",
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
        self.onlink = False
        self.learnt = False
        self.hops: list[NextHop] = []
        self.next_hop = 0
        self.tos = 0

    def through(self, number: int) -> bool:
        """It can be used, through the interface of that number (0: any)."""
        if self.hops:
            return any([hop.nic.up and number in (0, hop.nic.number) for hop in self.hops])
        out = self.nic
        return (out.up and number in (0, out.number)) if out is not None else not number

    def serves(self, tos: int) -> bool:
        """Packets of this type of service go by it (fib_dscp_masked_match)."""
        return not self.tos or self.tos == tos & _TOS_LOOKED_AT

    def choose(self, dst: bytes, src: bytes, number: int) -> tuple[Nic | None, bytes]:
        """The interface and the gateway for a pair of addresses: always the same ones, spread by weight over all pairs
        (net/ipv4/fib_semantics.c: fib_select_multipath, policy 0)."""
        if not self.hops:
            return self.nic, self.gateway
        usable = [hop for hop in self.hops if hop.nic.up and number in (0, hop.nic.number)]
        point = zlib.crc32(src + dst) * sum([hop.weight for hop in usable]) >> 32
        for hop in usable:
            point -= hop.weight
            if point < 0:
                return hop.nic, hop.gateway
        return self.nic, self.gateway


class RouteTable:
    """All routes of a stack, both families and every table. `tables`: the numbers of those that there are, also empty ones.
    `multipath`: a row with several ways has been here. `next_hops`: objects that rows go by."""

    __slots__ = ("entries", "tables", "multipath", "next_hops")

    def __init__(self) -> None:
        self.entries: list[RouteEntry] = []
        self.tables: set[int] = set()
        self.multipath = False
        from tcpip.stack.next_hops import HopTable

        self.next_hops = HopTable(self)

    def add(self, entry: RouteEntry, before: RouteEntry | None = None) -> None:
        """Keep the order: behind those of the same prefix and metric, or before one of them."""
        if before is None:
            self.entries.append(entry)
        else:
            self.entries.insert(self.entries.index(before), entry)
        self.tables.add(entry.table)
        self.multipath = self.multipath or entry.hops != []
        self.entries.sort(key=_order)

    def remove(self, entry: RouteEntry) -> bool:
        """Harmless when absent: it was there."""
        if entry not in self.entries:
            return False
        self.entries.remove(entry)
        return True

    def drop(self, nic: Nic) -> None:
        """No way leads through `nic` any more."""
        self.next_hops.drop(nic)
        for entry in self.entries:
            if entry.hops:
                entry.hops = [hop for hop in entry.hops if hop.nic is not nic]
                if entry.hops:
                    entry.nic, entry.gateway = entry.hops[0].nic, entry.hops[0].gateway
        self.entries = [entry for entry in self.entries if entry.nic is not nic]

    def lookup(self, dst: bytes, nic: int = 0, table: int = TABLE_MAIN, tos: int = 0) -> RouteEntry | None:
        """The best usable route of one table; with `nic` only those through it."""
        for entry in self.entries:
            if entry.table != table:
                continue
            if entry.through(nic) and in_prefix(dst, entry.prefix, entry.length) and entry.serves(tos):
                return entry
        return None

    def lookup_all(self, dst: bytes, nic: int = 0, tos: int = 0) -> dict[int, RouteEntry | None]:
        """As `lookup`, of every table that has one."""
        found: dict[int, RouteEntry | None] = {}
        for entry in self.entries:
            if entry.table in found or not entry.through(nic) or not entry.serves(tos):
                continue
            if in_prefix(dst, entry.prefix, entry.length):
                found[entry.table] = entry
        return found


def _kind_of(error: NetError | None) -> str:
    if error is None:
        return "unicast"
    return next((kind for kind, raised in ERRORS.items() if raised is error), "unreachable")


def _order(entry: RouteEntry) -> tuple[int, int, int]:
    return -entry.length, -entry.tos, entry.metric
