"""Address translation: a binding is chosen for a connection's first packet, and applied to every packet both ways.

Two connections never share a translated tuple: the port is kept when that is free, else another of its class is taken.
Implements: RFC 2663 4.1 (NAPT), RFC 4787 REQ-1, 3, 8 as Linux does it, REQ-9 (hairpinning), RFC 5382 in what follows from
those, RFC 5508 (ICMP). Source: net/netfilter/nf_nat_core.c.
Deviates: mappings depend on the destination only where ports are short (RFC 4787 4.1 wants never).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from tcpip.filter import flow_tuple
from tcpip.filter.connection import Connection
from tcpip.filter.flow_tuple import ORIGINAL, PORT_PROTOCOLS, REQUESTS, FlowTuple, address, changed, invert, port
from tcpip.filter.packet import DST, NEW, SRC, FilteredPacket
from tcpip.filter.quoted import rewrite_quoted
from tcpip.filter.table import ACCEPT, CONTINUE, DROP, OUTPUT, PREROUTING
from tcpip.transport.demux import spread

if TYPE_CHECKING:
    from tcpip.filter.netfilter import Netfilter

_TRIES: Final = (128, 64, 32, 16)


RANDOM: Final = 4 | 16
"""NF_NAT_RANGE_PROTO_RANDOM and PROTO_RANDOM_FULLY: the port is drawn also where it could stay."""
PERSISTENT: Final = 8
"""NF_NAT_RANGE_PERSISTENT: a sender has the same address of the range for all destinations."""


class NatRange:
    """Addresses `first` to `last` (empty: the address stays) and `ports`, both ends included (None: as it comes)."""

    __slots__ = ("first", "last", "ports", "flags")

    def __init__(self, first: bytes, last: bytes, ports: tuple[int, int] | None = None, flags: int = 0) -> None:
        self.first = first
        self.last = last
        self.ports = ports
        self.flags = flags


ANY: Final = NatRange(b"", b"")


class Translator:
    """The NAT of a stack."""

    __slots__ = ("owner",)

    def __init__(self, owner: Netfilter) -> None:
        self.owner = owner

    def translate(self, pkt: FilteredPacket, hook: str) -> bool:
        """The destination at PREROUTING and OUTPUT, the source at INPUT and POSTROUTING. False: the packet is dropped."""
        conn = pkt.connection
        if conn is None:
            return True
        which = DST if hook in (PREROUTING, OUTPUT) else SRC
        if pkt.is_icmp_error():
            self._translate_error(pkt, conn, which)
            return True
        if not conn.confirmed and pkt.state == NEW and not conn.decided & which:
            if not self.owner.nat[hook].passes(pkt, hook, self.owner) or not self._ask(pkt, hook, which):
                return False
            if not conn.decided & which:
                self.decide(conn, ANY, which)
        if conn.translated & (which if pkt.direction == ORIGINAL else SRC + DST - which):
            target = invert(conn.tuple_of(1 - pkt.direction))
            pkt.rewrite(which, address(target, which), port(target, which))
        return True

    def _ask(self, pkt: FilteredPacket, hook: str, which: int) -> bool:
        """Who else may choose, until somebody does (nf_nat_inet_fn). False: the packet is dropped."""
        conn = pkt.connection
        for entry in self.owner.nat_hooks[hook].entries:
            if conn is None or conn.decided & which:
                break
            if not entry.passes(pkt, hook):
                return False
        return True

    def _translate_error(self, pkt: FilteredPacket, conn: Connection, which: int) -> None:
        """The error, and what it quotes, as the quoted packet's sender knows them."""
        if not conn.translated & (which if pkt.direction == ORIGINAL else SRC + DST - which):
            return
        quoted = conn.tuple_of(1 - pkt.direction)
        inner = SRC + DST - which
        rewrite_quoted(pkt, inner, address(quoted, inner), port(quoted, inner))
        pkt.rewrite(which, address(quoted, inner), 0)

    def bind(self, pkt: FilteredPacket, wanted: NatRange, which: int) -> int:
        """The verdict of a translating target: its choice stands for the whole connection."""
        conn = pkt.connection
        if conn is None or (wanted.first and len(wanted.first) != len(pkt.src)):
            return CONTINUE
        return ACCEPT if self.decide(conn, wanted, which) else DROP

    def decide(self, conn: Connection, wanted: NatRange, which: int) -> bool:
        """The translation of SRC or DST for good. False: nothing is free."""
        current = invert(conn.reply)
        new = self._unique(current, wanted, which)
        if new is None:
            return False
        conn.decided |= which
        if new != current:
            conn.reply = invert(new)
            conn.translated |= which
        return True

    def _unique(self, current: FlowTuple, wanted: NatRange, which: int) -> FlowTuple | None:
        """`current` with the address and port that `wanted` asks for, such that no other connection has it."""
        addr = address(current, which)
        if wanted.first and not wanted.first <= addr <= wanted.last:
            count = int.from_bytes(wanted.last, "big") - int.from_bytes(wanted.first, "big") + 1
            key = current[1] if wanted.flags & PERSISTENT else current[1] + current[2]
            chosen = int.from_bytes(wanted.first, "big") + spread(key) % max(count, 1)
            addr = chosen.to_bytes(len(addr), "big")
        is_free = self.owner.conntrack.is_free
        ported = current[0] in PORT_PROTOCOLS or current[0] in REQUESTS
        number = port(current, which)
        ports = wanted.ports if ported else None
        kept = changed(current, which, addr, number)
        drawn = ported and wanted.flags & RANDOM and (which == SRC or ports is not None)
        if not drawn and (ports is None or ports[0] <= number <= ports[1]) and is_free(kept):
            return kept
        if not ported:
            return None
        if which == DST and ports is None:
            return kept  # the source will tell them apart
        low, high = ports or _port_class(current[0], number)
        return self._search(kept, which, low, high)

    def _search(self, flow: FlowTuple, which: int, low: int, high: int) -> FlowTuple | None:
        """A bounded search from random places: a table that is nearly full must not cost a scan for each packet."""
        random: Random = self.owner.stack.random
        count = high - low + 1
        for tries in _TRIES:
            start = random.randrange(count)
            for step in range(min(tries, count)):
                found = changed(flow, which, address(flow, which), low + (start + step) % count)
                if self.owner.conntrack.is_free(found):
                    return found
            if tries >= count:
                break
        return None


def _port_class(protocol: int, port: int) -> tuple[int, int]:
    """Ports that stand for `port`: privileged ones for privileged ones (RFC 4787 4.2.1 is about this)."""
    if protocol in flow_tuple.REQUESTS:
        return 0, 65535
    if port < 512:
        return 1, 511
    return (600, 1023) if port < 1024 else (1024, 65535)
