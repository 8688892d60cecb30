"""IGMP, host side: tell routers and switches which groups, and which sources of them, a NIC listens to.

Implements: RFC 3376 5, 7.2, RFC 2236 3 towards an older querier, RFC 1112 appendix I towards the oldest, which is told of no leave.
Source of behaviour: net/ipv4/igmp.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.addr import IPV4_ALL_SYSTEMS, IPV4_ANY, multicast_mac
from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.header import igmp as wire
from tcpip.header.ethernet import TYPE_IPV4
from tcpip.header.group_record import Record
from tcpip.header.ipv4 import Ipv4Header
from tcpip.network.listener import Listener
from tcpip.sockopt import IPPROTO_IGMP
from tcpip.transport.protocol import IcmpError, TransportProtocol

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint

ALL_ROUTERS: Final = b"\xe0\0\0\x02"
V3_ROUTERS: Final = b"\xe0\0\0\x16"
ROUTER_ALERT: Final = b"\x94\x04\0\0"
HEADER: Final = 24
"""Of IPv4, with the router alert."""
OLD_QUERIER_PRESENT: Final = 400 * NS_PER_S
V1_RESPONSE: Final = 10 * NS_PER_S
LEAST_MTU: Final = 68


class IgmpListener(Listener):
    """The groups of IPv4 of one NIC."""

    __slots__ = ()

    def usual_robustness(self) -> int:
        """net.ipv4.igmp_qrv."""
        return self.nic.stack.group_settings.igmp_qrv

    def reported(self, group: bytes) -> bool:
        """All but that of all hosts and, where that is set, those of the link."""
        if group == IPV4_ALL_SYSTEMS or not self.nic.has_arp:
            return False
        return group[:3] != IPV4_ALL_SYSTEMS[:3] or bool(self.nic.stack.group_settings.igmp_link_local_mcast_reports)

    def send_records(self, records: list[Record]) -> None:
        """Reports of version 3."""
        if self.nic.mtu >= LEAST_MTU:
            for report in wire.v3_reports(records, self.nic.mtu - HEADER):
                self._send(report, V3_ROUTERS)

    def send_old(self, group: bytes, leave: bool) -> None:
        """Of version 2 or 1."""
        kind = wire.V2_LEAVE if leave else wire.V1_REPORT if self.is_oldest() else wire.V2_REPORT
        out = bytearray(8)
        wire.IgmpMessage(kind, 0, group).emit(out, 0)
        self._send(bytes(out), ALL_ROUTERS if leave else group)

    def _send(self, body: bytes, dst: bytes) -> None:
        source = self.nic.source_for(dst) or IPV4_ANY
        size = HEADER + len(body)
        header = Ipv4Header(source, dst, IPPROTO_IGMP, size, 1, 0xC0, dont_fragment=True, options=ROUTER_ALERT)
        out = bytearray(HEADER)
        header.emit(out, 0)
        self.nic.stack.stats.count_report_v4(size)
        self.nic.send_frame(TxPacket(bytes(out), [body], len(body)), multicast_mac(dst), TYPE_IPV4)

    def heard_query(self, message: wire.IgmpMessage) -> None:
        """igmp_heard_query. Malformed: a general one with sources."""
        now = self.nic.stack.clock.now_ns()
        longest = message.max_response_ns()
        group = b"" if message.group == IPV4_ANY else message.group
        if message.version < 3:
            if message.version == 1:
                self.oldest_until = now + OLD_QUERIER_PRESENT
                group = b""
            else:
                self.old_until = now + OLD_QUERIER_PRESENT
            self.older_router()
            self.query(group, (), longest)
        elif self.is_old():
            oldest = self.is_oldest()
            self.query(b"" if oldest else group, (), V1_RESPONSE if oldest else longest)
        else:
            if message.robustness:
                self.robustness = message.robustness
            if group:
                self.query(group, message.sources, longest)
            elif message.sources:
                raise Malformed(DropReason.BAD_LENGTH)
            else:
                self.general_query(longest)


class IGMP(TransportProtocol):
    """Protocol 2: queries, and reports of others."""

    number = IPPROTO_IGMP

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def new_endpoint(self, family: int) -> Endpoint:
        from tcpip import errors

        raise errors.NetworkError(errors.PROTOCOL_NOT_SUPPORTED)

    def deliver(self, pkt: RxPacket) -> None:
        message = wire.IgmpMessage.parse(memoryview(pkt.data)[pkt.transport : pkt.end])
        nic = pkt.nic
        if nic is None:
            return
        if message.type in (wire.V1_REPORT, wire.V2_REPORT):
            nic.igmp.heard_report(message.group)
        if message.type != wire.QUERY:
            return
        if message.group != IPV4_ANY and message.group not in nic.groups:
            raise Malformed(DropReason.NOT_FOR_US)
        nic.igmp.heard_query(message)

    def deliver_error(self, error: IcmpError) -> None:
        """Nobody waits for one."""
