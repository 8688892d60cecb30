"""Multicast listener discovery, host side.

Implements: RFC 3810 6, 8.2, RFC 2710 4 towards an older querier. Source of behaviour: net/ipv6/mcast.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.addr import IPV6_ALL_NODES, IPV6_ALL_ROUTERS, IPV6_ANY, is_link_local, multicast_mac
from tcpip.buffer import RxPacket, TxPacket
from tcpip.checksum import finish, partial_sum, pseudo_sum
from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.header import icmpv6
from tcpip.header import mld as wire
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.header.group_record import Record, pack
from tcpip.header.ipv6 import Ipv6Header
from tcpip.network.listener import Listener

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

V2_ROUTERS: Final = b"\xff\x02" + bytes(13) + b"\x16"
HOP_BY_HOP_ALERT: Final = bytes((58, 0, 5, 2, 0, 0, 1, 0))
HEADER: Final = 48
"""Of IPv6, with the router alert."""
LEAST_MTU: Final = 1280
QUERY_INTERVAL: Final = 125 * NS_PER_S
LEAST_ROBUSTNESS: Final = 2


class MldListener(Listener):
    """The groups of IPv6 of one NIC."""

    __slots__ = ()

    def usual_robustness(self) -> int:
        """net.ipv6.mld_qrv."""
        return self.nic.stack.group_settings.mld_qrv

    def reported(self, group: bytes) -> bool:
        """All but that of all nodes, and what does not leave the host."""
        return self.nic.has_arp and group != IPV6_ALL_NODES and group[1] & 15 >= 2

    def send_records(self, records: list[Record]) -> None:
        """Reports of version 2."""
        if self.nic.mtu >= LEAST_MTU:
            for count, body in pack(records, self.nic.mtu - HEADER - icmpv6.HEADER_LEN):
                self._send(icmpv6.Icmpv6Message(icmpv6.MLDV2_REPORT, 0, count, body), V2_ROUTERS)

    def send_old(self, group: bytes, leave: bool) -> None:
        """Of version 1."""
        kind = icmpv6.MLD_DONE if leave else icmpv6.MLD_REPORT
        self._send(icmpv6.Icmpv6Message(kind, 0, 0, group), IPV6_ALL_ROUTERS if leave else group)

    def _send(self, message: icmpv6.Icmpv6Message, dst: bytes) -> None:
        ours = self.nic.addresses.values()
        own = [a.addr for a in ours if is_link_local(a.addr) and len(a.addr) == 16 and not a.tentative]
        src = own[0] if own else IPV6_ANY
        size = icmpv6.HEADER_LEN + len(message.body)
        out = bytearray(HEADER + size)
        Ipv6Header(src, dst, 0, 8 + size, 1).emit(out, 0)
        out[40:48] = HOP_BY_HOP_ALERT
        message.emit(out, HEADER)
        value = finish(pseudo_sum(src, dst, 58, size) + partial_sum(memoryview(out)[HEADER:]))
        out[50:52] = value.to_bytes(2, "big")
        self.nic.stack.stats.count_message_v6(message.type, len(out), True)
        self.nic.stats6.count_message(message.type, len(out), True)
        self.nic.send_frame(TxPacket(bytes(out), [], 0), multicast_mac(dst), TYPE_IPV6)

    def heard_query(self, query: wire.MldQuery) -> None:
        """__mld_query_work. Malformed: a general one with sources."""
        longest = query.max_response_ns()
        group = b"" if query.group == IPV6_ANY else query.group
        if query.version == 1:
            now = self.nic.stack.clock.now_ns()
            self.old_until = now + self.robustness * QUERY_INTERVAL + longest
            self.older_router()
            self.query(group, (), longest)
        elif self.is_old():
            self.query(group, (), longest)
        else:
            least = min(LEAST_ROBUSTNESS, self.usual_robustness())
            self.robustness = max(query.robustness, least)
            if group:
                self.query(group, query.sources, longest)
            elif query.sources:
                raise Malformed(DropReason.BAD_LENGTH)
            else:
                self.general_query(longest)

    def address_confirmed(self) -> None:
        """Reports may have a source now: switches that ignored those without learn of all groups (RFC 3590 4)."""
        self.tell_all()


def handle_query(nic: Nic, pkt: RxPacket, message: icmpv6.Icmpv6Message) -> None:
    """Malformed. Only neighbours may ask (RFC 3810 6.2)."""
    if not is_link_local(pkt.src) or pkt.ttl != 1:
        raise Malformed(DropReason.BAD_SOURCE)
    query = wire.MldQuery.parse(message.rest, message.body)
    if query.group != IPV6_ANY and query.group not in nic.groups:
        raise Malformed(DropReason.NOT_FOR_US)
    nic.mld.heard_query(query)


def handle_report(nic: Nic, message: icmpv6.Icmpv6Message) -> None:
    """Of version 1, of somebody else."""
    nic.mld.heard_report(bytes(message.body[:16]))
