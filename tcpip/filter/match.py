"""What a rule asks of a packet. A match of one's own derives from `Match`.

Source: iptables-extensions(8), whose matches these are.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tcpip.addr import in_prefix, masked, parse_prefix
from tcpip.clock import NS_PER_S
from tcpip.filter.flow_tuple import PORT_PROTOCOLS
from tcpip.native import mypyc_attr
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP

if TYPE_CHECKING:
    from tcpip.clock import Clock
    from tcpip.filter.packet import FilteredPacket
    from tcpip.stack.nic import Nic


@mypyc_attr(allow_interpreted_subclasses=True)
class Match:
    """One condition."""

    @abstractmethod
    def matches(self, pkt: FilteredPacket) -> bool:
        """It holds for this packet."""


class Not(Match):
    """The opposite of another match."""

    def __init__(self, inner: Match) -> None:
        self.inner = inner

    def matches(self, pkt: FilteredPacket) -> bool:
        return not self.inner.matches(pkt)


def _named(nic: Nic | None, name: str) -> bool:
    if nic is None:
        return False
    return nic.name.startswith(name[:-1]) if name.endswith("+") else nic.name == name


class InInterface(Match):
    """It came in there; a name that ends in `+` stands for all that begin so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def matches(self, pkt: FilteredPacket) -> bool:
        return _named(pkt.in_nic, self.name)


class OutInterface(Match):
    """It leaves there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def matches(self, pkt: FilteredPacket) -> bool:
        return _named(pkt.out_nic, self.name)


class Source(Match):
    """From `ADDRESS[/LENGTH]`; ValueError."""

    def __init__(self, prefix: str) -> None:
        addr, self.length = parse_prefix(prefix)
        self.prefix = masked(addr, self.length)

    def matches(self, pkt: FilteredPacket) -> bool:
        return in_prefix(pkt.src, self.prefix, self.length)


class Destination(Match):
    """To `ADDRESS[/LENGTH]`; ValueError."""

    def __init__(self, prefix: str) -> None:
        addr, self.length = parse_prefix(prefix)
        self.prefix = masked(addr, self.length)

    def matches(self, pkt: FilteredPacket) -> bool:
        return in_prefix(pkt.dst, self.prefix, self.length)


class Protocol(Match):
    """IPPROTO_*."""

    def __init__(self, number: int) -> None:
        self.number = number

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.protocol == self.number


class SourcePort(Match):
    """TCP or UDP from a port of `first` to `last`."""

    def __init__(self, first: int, last: int = -1) -> None:
        self.first, self.last = first, first if last < 0 else last

    def matches(self, pkt: FilteredPacket) -> bool:
        flow = pkt.flow
        return flow is not None and flow[0] in PORT_PROTOCOLS and self.first <= flow[3] <= self.last


class DestinationPort(Match):
    """TCP or UDP to a port of `first` to `last`."""

    def __init__(self, first: int, last: int = -1) -> None:
        self.first, self.last = first, first if last < 0 else last

    def matches(self, pkt: FilteredPacket) -> bool:
        flow = pkt.flow
        return flow is not None and flow[0] in PORT_PROTOCOLS and self.first <= flow[4] <= self.last


class IcmpType(Match):
    """An ICMP message of this type, and code unless that is -1; of IPv4 or IPv6 as the protocol says."""

    def __init__(self, kind: int, code: int = -1, protocol: int = IPPROTO_ICMP) -> None:
        self.kind, self.code, self.protocol = kind, code, protocol

    def matches(self, pkt: FilteredPacket) -> bool:
        if pkt.protocol != self.protocol or pkt.protocol not in (IPPROTO_ICMP, IPPROTO_ICMPV6):
            return False
        at = pkt.transport
        return at + 2 <= pkt.end and pkt.data[at] == self.kind and self.code in (-1, pkt.data[at + 1])


class TcpFlags(Match):
    """Of the flags in `mask` exactly those of `flags` are set (tcpip.header.tcp)."""

    def __init__(self, mask: int, flags: int) -> None:
        self.mask, self.flags = mask, flags

    def matches(self, pkt: FilteredPacket) -> bool:
        at = pkt.transport
        if pkt.protocol != IPPROTO_TCP or pkt.flow is None or at + 14 > pkt.end:
            return False
        return pkt.data[at + 13] & self.mask == self.flags


class State(Match):
    """The connection's state is one of `states`: tcpip.filter.packet's NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED."""

    def __init__(self, states: int) -> None:
        self.states = states

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.state & self.states != 0


class Translated(Match):
    """The connection has its source (SRC), destination (DST) or either (SRC | DST) translated."""

    def __init__(self, which: int) -> None:
        self.which = which

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.connection is not None and pkt.connection.translated & self.which != 0


class Owner(Match):
    """Sent by a socket of this user of this host."""

    def __init__(self, uid: int) -> None:
        self.uid = uid

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.socket is not None and pkt.socket.owner == self.uid


class Mark(Match):
    """The packet's mark, of which `mask` is looked at."""

    def __init__(self, value: int, mask: int = 0xFFFFFFFF) -> None:
        self.value, self.mask = value, mask

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.mark & self.mask == self.value


class Limit(Match):
    """True `per_second` times a second, and `burst` times at once (a token bucket)."""

    def __init__(self, clock: Clock, per_second: float, burst: int = 5) -> None:
        self.clock = clock
        self.cost = int(NS_PER_S / per_second)
        self.most = self.cost * burst
        self.credit = self.most
        self.at = clock.now_ns()

    def matches(self, pkt: FilteredPacket) -> bool:
        now = self.clock.now_ns()
        self.credit = min(self.most, self.credit + now - self.at)
        self.at = now
        if self.credit < self.cost:
            return False
        self.credit -= self.cost
        return True
