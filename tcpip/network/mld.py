"""Multicast listener discovery, host side.

Implements: RFC 3810 6 for groups without source lists, RFC 2710 4 in reading version 1 queries.
Deviates: answers in version 2 format always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.addr import IPV6_ALL_NODES, IPV6_ANY, is_link_local, multicast_mac
from tcpip.buffer import RxPacket, TxPacket
from tcpip.checksum import finish, partial_sum, pseudo_sum
from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.header import icmpv6
from tcpip.header import mld as wire
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.header.ipv6 import Ipv6Header

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

V2_ROUTERS: Final = b"\xff\x02" + bytes(13) + b"\x16"
HOP_BY_HOP_ALERT: Final = bytes((58, 0, 5, 2, 0, 0, 1, 0))
REPEAT: Final = NS_PER_S
MAX_QUIET: Final = 10 * NS_PER_S
"""Longest time for which one query silences answers to others: a forged one must not silence them for ever."""


def joined(nic: Nic, group: bytes) -> None:
    """The NIC began to listen to `group`; said again once."""
    _report(nic, group, wire.CHANGE_TO_EXCLUDE)
    repeat = _Repeat(nic, group, wire.CHANGE_TO_EXCLUDE)
    nic.stack.timers.after(nic.stack.clock.now_ns() + REPEAT, repeat.run)


def left(nic: Nic, group: bytes) -> None:
    """The NIC stopped listening."""
    _report(nic, group, wire.CHANGE_TO_INCLUDE)


def handle_query(nic: Nic, pkt: RxPacket, message: icmpv6.Icmpv6Message) -> None:
    """Answer within the time it asks for; Malformed. Only neighbours may ask (RFC 3810 6.2)."""
    if not is_link_local(pkt.src) or pkt.ttl != 1:
        raise Malformed(DropReason.BAD_SOURCE)
    query = wire.MldQuery.parse(message.rest, message.body)
    now = nic.stack.clock.now_ns()
    if now < nic.mld_quiet_until:
        return
    longest = max(query.max_response_ns(), 1)
    nic.mld_quiet_until = now + min(longest, MAX_QUIET)
    groups = [g for g in nic.groups if len(g) == 16] if query.group == IPV6_ANY else [query.group]
    for group in groups:
        answer = _Repeat(nic, group, wire.MODE_IS_EXCLUDE)
        nic.stack.timers.after(now + nic.stack.random.randrange(longest), answer.run)


class _Repeat:
    """A report that is sent later, if the group is still listened to."""

    __slots__ = ("nic", "group", "record")

    def __init__(self, nic: Nic, group: bytes, record: int) -> None:
        self.nic = nic
        self.group = group
        self.record = record

    def run(self) -> None:
        if self.group in self.nic.groups:
            _report(self.nic, self.group, self.record)


def _report(nic: Nic, group: bytes, record: int) -> None:
    if nic.loopback or group == IPV6_ALL_NODES or group[1] & 15 < 2:
        return
    own = [a.addr for a in nic.addresses.values() if is_link_local(a.addr) and len(a.addr) == 16 and not a.tentative]
    src = own[0] if own else IPV6_ANY
    records = wire.v2_report_records([(record, group)])
    size = icmpv6.HEADER_LEN + len(records)
    out = bytearray(48 + size)
    Ipv6Header(src, V2_ROUTERS, 0, 8 + size, 1).emit(out, 0)
    out[40:48] = HOP_BY_HOP_ALERT
    icmpv6.Icmpv6Message(icmpv6.MLDV2_REPORT, 0, 1, records).emit(out, 48)
    value = finish(pseudo_sum(src, V2_ROUTERS, 58, size) + partial_sum(memoryview(out)[48:]))
    out[50:52] = value.to_bytes(2, "big")
    nic.send_frame(TxPacket(bytes(out), [], 0), multicast_mac(V2_ROUTERS), TYPE_IPV6)
