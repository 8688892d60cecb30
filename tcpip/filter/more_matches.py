"""Matches and targets that only rules of iptables-nft(8) use, beside those of `match` and `target`.

Source: iptables-extensions(8), net/netfilter/xt_*.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tcpip.filter import table
from tcpip.filter.flow_tuple import PORT_PROTOCOLS, REPLY
from tcpip.filter.match import Match
from tcpip.filter.nft.act import address_type, segment_size
from tcpip.filter.nft.meta import packet_type, status_of
from tcpip.filter.nft.payload import set_tcp_option, tcp_option
from tcpip.filter.packet import DST, SRC, FilteredPacket
from tcpip.filter.table import Target

if TYPE_CHECKING:
    from tcpip.filter.netfilter import Netfilter
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack


class All(Match):
    """Every one of them holds."""

    def __init__(self, inner: Sequence[Match]) -> None:
        self.inner = tuple(inner)

    def matches(self, pkt: FilteredPacket) -> bool:
        return all([match.matches(pkt) for match in self.inner])


class MultiPort(Match):
    """TCP or UDP from (`which` SRC), to (DST) or either (both) a port of `ranges`."""

    def __init__(self, which: int, ranges: Sequence[tuple[int, int]]) -> None:
        self.which = which
        self.ranges = tuple(ranges)

    def matches(self, pkt: FilteredPacket) -> bool:
        flow = pkt.flow
        if flow is None or flow[0] not in PORT_PROTOCOLS:
            return False
        for low, high in self.ranges:
            if self.which & SRC and low <= flow[3] <= high or self.which & DST and low <= flow[4] <= high:
                return True
        return False


class AddressType(Match):
    """The source's (SRC) or destination's (DST) RTN_* is one of the bits of `types`. `at`: "in" or "out", of that
    interface only."""

    def __init__(self, stack: Stack, which: int, types: int, at: str) -> None:
        self.stack = stack
        self.which = which
        self.types = types
        self.at = at

    def matches(self, pkt: FilteredPacket) -> bool:
        nic: Nic | None = pkt.in_nic if self.at == "in" else pkt.out_nic if self.at == "out" else None
        addr = pkt.src if self.which == SRC else pkt.dst
        return self.types >> address_type(self.stack, addr, nic) & 1 != 0


class AddressRange(Match):
    """The source (SRC) or destination (DST) is from `low` to `high`."""

    def __init__(self, which: int, low: bytes, high: bytes) -> None:
        self.which = which
        self.low, self.high = low, high

    def matches(self, pkt: FilteredPacket) -> bool:
        return self.low <= (pkt.src if self.which == SRC else pkt.dst) <= self.high


class IcmpCodes(Match):
    """An ICMP message of `protocol` and this type, 0xFF any, with a code from `low` to `high`."""

    def __init__(self, protocol: int, kind: int, low: int, high: int) -> None:
        self.protocol, self.kind, self.low, self.high = protocol, kind, low, high

    def matches(self, pkt: FilteredPacket) -> bool:
        at = pkt.transport
        if pkt.protocol != self.protocol or at + 2 > pkt.end or pkt.later_fragment():
            return False
        return self.kind == 0xFF or (pkt.data[at] == self.kind and self.low <= pkt.data[at + 1] <= self.high)


class HasTcpOption(Match):
    """A TCP option of this kind is there."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def matches(self, pkt: FilteredPacket) -> bool:
        return tcp_option(pkt, self.kind) is not None


class PacketType(Match):
    """PACKET_HOST, PACKET_BROADCAST or PACKET_MULTICAST."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def matches(self, pkt: FilteredPacket) -> bool:
        return packet_type(pkt) == self.kind


class Length(Match):
    """The IP packet (of IPv6 the payload and its header) has so many bytes."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def matches(self, pkt: FilteredPacket) -> bool:
        return self.low <= pkt.length <= self.high


class HopLimit(Match):
    """The time to live is from `low` to `high`."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def matches(self, pkt: FilteredPacket) -> bool:
        return self.low <= pkt.data[pkt.network + (8 if pkt.four else 7)] <= self.high


class ConnectionMark(Match):
    """The connection's mark, of which `mask` is looked at."""

    def __init__(self, value: int, mask: int) -> None:
        self.value, self.mask = value, mask

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.connection is not None and pkt.connection.mark & self.mask == self.value


class OwnerRange(Match):
    """Sent by a socket of a user (or a group) from `low` to `high`."""

    def __init__(self, group: bool, low: int, high: int) -> None:
        self.group, self.low, self.high = group, low, high

    def matches(self, pkt: FilteredPacket) -> bool:
        socket = pkt.socket
        return socket is not None and self.low <= (socket.owner_group if self.group else socket.owner) <= self.high


class FromSocket(Match):
    """Sent by a socket of this host."""

    def matches(self, pkt: FilteredPacket) -> bool:
        return pkt.socket is not None


class Chance(Match):
    """One of 2**31 / `probability` packets."""

    def __init__(self, stack: Stack, probability: int) -> None:
        self.stack, self.probability = stack, probability

    def matches(self, pkt: FilteredPacket) -> bool:
        return self.stack.random.getrandbits(31) < self.probability


class EveryNth(Match):
    """One packet of `every`, `first` ones being let pass before."""

    def __init__(self, every: int, first: int) -> None:
        self.every, self.count = every, first

    def matches(self, pkt: FilteredPacket) -> bool:
        self.count = (self.count + 1) % self.every
        return self.count == 0


class ConnectionEnd(Match):
    """One end of the packet's connection as ORIGINAL or REPLY has it: its address under a mask, or its port."""

    def __init__(self, direction: int, which: int, addr: bytes, mask: bytes, ports: tuple[int, int] | None) -> None:
        self.direction, self.which, self.ports = direction, which, ports
        self.mask = int.from_bytes(mask, "big")
        self.addr = int.from_bytes(addr, "big") & self.mask

    def matches(self, pkt: FilteredPacket) -> bool:
        if pkt.connection is None:
            return False
        flow = pkt.connection.tuple_of(self.direction)
        if self.ports is not None:
            return self.ports[0] <= (flow[3] if self.which == SRC else flow[4]) <= self.ports[1]
        return int.from_bytes(flow[1] if self.which == SRC else flow[2], "big") & self.mask == self.addr


class ConnectionIs(Match):
    """The connection's protocol (`what` "protocol") or direction ("direction") is `low`, some bits of its status
    ("status") are, or its seconds left ("expires") are from `low` to `high`."""

    def __init__(self, what: str, low: int, high: int) -> None:
        self.what, self.low, self.high = what, low, high

    def matches(self, pkt: FilteredPacket) -> bool:
        conn = pkt.connection
        if conn is None:
            return False
        if self.what == "protocol":
            return conn.protocol == self.low
        if self.what == "direction":
            return (pkt.direction == REPLY) == (self.low == REPLY)
        if self.what == "status":
            return status_of(conn) & self.low != 0
        left = (conn.deadline - conn.owner.stack.clock.now_ns()) // 1_000_000_000
        return self.low <= max(left, 0) <= self.high


class ChangeMark(Target):
    """The packet's mark loses the bits of `mask` and is XORed with `value`."""

    def __init__(self, value: int, mask: int) -> None:
        super().__init__()
        self.value, self.mask = value, mask

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        pkt.mark = pkt.mark & ~self.mask ^ self.value
        return table.CONTINUE


SET, SAVE, RESTORE = range(3)


class ConnectionMarkTarget(Target):
    """CONNMARK: sets the connection's mark, saves the packet's there, or restores it from there."""

    def __init__(self, mode: int, value: int, mask: int, packet_mask: int) -> None:
        super().__init__()
        self.mode, self.value, self.mask, self.packet_mask = mode, value, mask, packet_mask

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        conn = pkt.connection
        if conn is None:
            return table.CONTINUE
        if self.mode == SET:
            conn.set_mark(conn.mark & ~self.mask ^ self.value)
        elif self.mode == SAVE:
            conn.set_mark(conn.mark & ~self.mask ^ pkt.mark & self.packet_mask)
        else:
            pkt.mark = pkt.mark & ~self.packet_mask ^ conn.mark & self.mask
        return table.CONTINUE


CLAMP: Final = 0xFFFF


class SegmentSize(Target):
    """TCPMSS: a SYN's maximum segment size becomes `size`, or with CLAMP what the route has room for, if that is less."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def apply(self, pkt: FilteredPacket, hook: str, owner: Netfilter) -> int:
        size = segment_size(pkt, owner.stack) if self.size == CLAMP else self.size
        set_tcp_option(pkt, 2, 2, size.to_bytes(2, "big"))
        return table.CONTINUE
