"""IGMP, host side: tell routers and switches which groups a NIC listens to.

Implements: RFC 3376 5 for groups without source lists, RFC 2236 3 towards an older querier,
RFC 1112 appendix I towards the oldest, which is told of no leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.addr import IPV4_ALL_SYSTEMS, IPV4_ANY, multicast_mac
from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.header import igmp as wire
from tcpip.header.ethernet import TYPE_IPV4
from tcpip.header.ipv4 import Ipv4Header
from tcpip.sockopt import IPPROTO_IGMP
from tcpip.transport.protocol import IcmpError, TransportProtocol

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint

ALL_ROUTERS: Final = b"\xe0\0\0\x02"
V3_ROUTERS: Final = b"\xe0\0\0\x16"
ROUTER_ALERT: Final = b"\x94\x04\0\0"
V2_QUERIER_PRESENT: Final = 400 * NS_PER_S
REPEAT: Final = NS_PER_S
MAX_QUIET: Final = 10 * NS_PER_S
"""Longest time for which one query silences answers to others: a forged one must not silence them for ever."""


def joined(nic: Nic, group: bytes) -> None:
    """The NIC began to listen to `group`; said again once, for a lost packet."""
    _report(nic, group, wire.CHANGE_TO_EXCLUDE)
    repeat = _Repeat(nic, group)
    nic.stack.timers.after(nic.stack.clock.now_ns() + REPEAT, repeat.run)


def left(nic: Nic, group: bytes) -> None:
    """The NIC stopped listening."""
    if group == IPV4_ALL_SYSTEMS:
        return
    if _oldest_querier(nic):
        return
    if _old_querier(nic):
        _send_old(nic, wire.V2_LEAVE, group, ALL_ROUTERS)
    else:
        _send(nic, wire.v3_report([(wire.CHANGE_TO_INCLUDE, group)]), V3_ROUTERS)


def _old_querier(nic: Nic) -> bool:
    return nic.igmp_v2_until > nic.stack.clock.now_ns()


def _oldest_querier(nic: Nic) -> bool:
    return nic.igmp_v1_until > nic.stack.clock.now_ns()


def _report(nic: Nic, group: bytes, record: int) -> None:
    if group == IPV4_ALL_SYSTEMS:
        return
    if _oldest_querier(nic):
        _send_old(nic, wire.V1_REPORT, group, group)
    elif _old_querier(nic):
        _send_old(nic, wire.V2_REPORT, group, group)
    else:
        _send(nic, wire.v3_report([(record, group)]), V3_ROUTERS)


class _Repeat:
    """The second, unsolicited report of a join, or the delayed answer to a query."""

    __slots__ = ("nic", "group", "record")

    def __init__(self, nic: Nic, group: bytes, record: int = wire.CHANGE_TO_EXCLUDE) -> None:
        self.nic = nic
        self.group = group
        self.record = record

    def run(self) -> None:
        if self.group in self.nic.groups:
            _report(self.nic, self.group, self.record)


def _send_old(nic: Nic, kind: int, group: bytes, dst: bytes) -> None:
    out = bytearray(8)
    wire.IgmpMessage(kind, 0, group).emit(out, 0)
    _send(nic, bytes(out), dst)


def _send(nic: Nic, body: bytes, dst: bytes) -> None:
    if nic.loopback:
        return
    header = Ipv4Header(
        nic.source_for(dst) or IPV4_ANY, dst, IPPROTO_IGMP, 24 + len(body), 1, 0xC0, options=ROUTER_ALERT
    )
    out = bytearray(24)
    header.emit(out, 0)
    nic.send_frame(TxPacket(bytes(out), [body], len(body)), multicast_mac(dst), TYPE_IPV4)


class IGMP(TransportProtocol):
    """Protocol 2: queries."""

    number = IPPROTO_IGMP

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def new_endpoint(self, family: int) -> Endpoint:
        from tcpip import errors

        raise errors.NetworkError(errors.PROTOCOL_NOT_SUPPORTED)

    def deliver(self, pkt: RxPacket) -> None:
        message = wire.IgmpMessage.parse(memoryview(pkt.data)[pkt.transport : pkt.end])
        nic = pkt.nic
        if message.type != wire.QUERY or nic is None:
            return
        if message.group != IPV4_ANY and message.group not in nic.groups:
            raise Malformed(DropReason.NOT_FOR_US)
        now = self.stack.clock.now_ns()
        if message.version == 1:
            nic.igmp_v1_until = now + V2_QUERIER_PRESENT
        elif message.version == 2:
            nic.igmp_v2_until = now + V2_QUERIER_PRESENT
        groups = [g for g in nic.groups if len(g) == 4] if message.group == IPV4_ANY else [message.group]
        if now < nic.igmp_quiet_until:
            return
        longest = max(message.max_response_ns(), 1)
        nic.igmp_quiet_until = now + min(longest, MAX_QUIET)
        for group in groups:
            answer = _Repeat(nic, group, wire.MODE_IS_EXCLUDE)
            self.stack.timers.after(now + self.stack.random.randrange(longest), answer.run)

    def deliver_error(self, error: IcmpError) -> None:
        """Nobody waits for one."""
