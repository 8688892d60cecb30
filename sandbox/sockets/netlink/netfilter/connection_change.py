"""IPCTNL_MSG_CT_NEW: connections that nobody's packets have made, and other values for those that there are
(net/netfilter/nf_conntrack_netlink.c: ctnetlink_new_conntrack).

Not supported: helpers, masters, zones, labels, sequence numbers (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError
from sandbox.sockets.netlink.netfilter.connections import (
    MARK,
    MARK_MASK,
    ORIG,
    PROTOINFO,
    REPLY,
    STATUS,
    TIMEOUT,
    ZONE,
    read_tuple,
)
from tcpip.clock import NS_PER_S
from tcpip.filter.connection import Connection
from tcpip.filter.nat import ANY, NatRange
from tcpip.filter.nft.meta import status_of
from tcpip.filter.packet import DST, SRC
from tcpip.filter.tcp_states import STATE_NAMES, TcpTrack
from tcpip.filter.tracking import EVENT_ASSURED, EVENT_MARK, EVENT_NEW, EVENT_PROTOCOL, EVENT_REPLY
from tcpip.sockopt import IPPROTO_TCP

if TYPE_CHECKING:
    from sandbox.sockets.netlink.netfilter.batch import Message
    from tcpip.filter.netfilter import Netfilter
    from tcpip.stack.stack import Stack

_HELP, _NAT_SRC, _NAT_DST, _MASTER = 5, 6, 13, 14
_NOT_SUPPORTED: Final = frozenset((_HELP, _MASTER, 15, 16, 22, 23, 24))
_V4_FIRST, _V4_LAST, _PORTS, _V6_FIRST, _V6_LAST = range(1, 6)
_SEEN_REPLY, _ASSURED, _CONFIRMED, _DYING, _FIXED = 2, 4, 8, 0x200, 0x400
_EXPECTED: Final = 1
_SECONDS_MAX: Final = 0x7FFFFFFF
_SET: Final = EVENT_REPLY | EVENT_ASSURED | EVENT_PROTOCOL | EVENT_MARK


def new(stack: Stack, m: Message) -> None:
    """EEXIST, ENOENT, EINVAL, EBUSY, ENOMEM, EOPNOTSUPP."""
    a = m.attributes
    if set(a.found) & _NOT_SUPPORTED or (ZONE in a and a.u16(ZONE)):
        raise NfError(errno.EOPNOTSUPP)
    flows = [read_tuple(a.nested(kind), m.family) for kind in (ORIG, REPLY) if kind in a]
    table = stack.netfilter.conntrack if stack.netfilter is not None else None
    found = next((table.table[flow] for flow in flows if table is not None and flow in table.table), None)
    if found is None:
        if not m.flags & nl.NLM_F_CREATE:
            raise NfError(errno.ENOENT)
        if len(flows) < 2:
            raise NfError(errno.EINVAL)
        _create(stack.enable_netfilter(), a, Connection(stack.enable_netfilter().conntrack, flows[0]), flows[1])
        return
    if m.flags & nl.NLM_F_EXCL:
        raise NfError(errno.EEXIST)
    if _NAT_SRC in a or _NAT_DST in a:
        raise NfError(errno.EOPNOTSUPP)
    status = _status(found, a)
    tcp = _protocol(found, a)
    if TIMEOUT in a:
        if found.fixed:
            raise NfError(errno.EPERM)
        found.stay(stack.clock.now_ns() + _seconds(a) * NS_PER_S)
    _apply(found, a, status, tcp)
    _tell(found, _SET)


def _create(netfilter: Netfilter, a: Attributes, conn: Connection, reply: tuple[int, bytes, bytes, int, int]) -> None:
    if TIMEOUT not in a:
        raise NfError(errno.EINVAL)
    conn.reply = reply
    if conn.protocol == IPPROTO_TCP:
        conn.tcp = TcpTrack(None)
    conn.deadline = netfilter.stack.clock.now_ns() + _seconds(a) * NS_PER_S
    for kind, which in ((_NAT_DST, DST), (_NAT_SRC, SRC)):
        if kind in a and not netfilter.translator.decide(conn, _range(a.nested(kind), len(reply[1])), which):
            raise NfError(errno.EINVAL)
    if _NAT_SRC in a or _NAT_DST in a:
        for which in (DST, SRC):
            if not conn.decided & which and not netfilter.translator.decide(conn, ANY, which):
                raise NfError(errno.EINVAL)
    _apply(conn, a, _status(conn, a), _protocol(conn, a))
    try:
        netfilter.conntrack.insert(conn)
    except ValueError:
        there = conn.original in netfilter.conntrack.table or conn.reply in netfilter.conntrack.table
        raise NfError(errno.EEXIST if there else errno.ENOMEM) from None
    _tell(conn, EVENT_NEW | _SET)


def _tell(conn: Connection, events: int) -> None:
    watch = conn.owner.stack.tracking.watch
    if watch is not None and conn.watched:
        watch.told(conn, events)


def _seconds(a: Attributes) -> int:
    return min(a.u32(TIMEOUT), _SECONDS_MAX)


def _status(conn: Connection, a: Attributes) -> int:
    """What is asked for; EBUSY for what cannot be taken back (ctnetlink_change_status)."""
    now = status_of(conn) | _FIXED * conn.fixed
    if STATUS not in a:
        return now
    status = a.u32(STATUS)
    if not conn.confirmed:
        status |= now & _CONFIRMED
        return status
    if (now ^ status) & (_EXPECTED | _CONFIRMED | _DYING) or now & (_SEEN_REPLY | _ASSURED) & ~status:
        raise NfError(errno.EBUSY)
    return status


def _protocol(conn: Connection, a: Attributes) -> Attributes | None:
    """CTA_PROTOINFO_TCP, where it is of use (nlattr_to_tcp)."""
    if PROTOINFO not in a or conn.tcp is None:
        return None
    info = a.nested(PROTOINFO)
    if 1 not in info:
        return None
    tcp = info.nested(1)
    if 1 in tcp and tcp.u8(1) >= len(STATE_NAMES):
        raise NfError(errno.EINVAL)
    for kind in (2, 3):
        tcp.u8(kind, 0)
    return tcp


def _apply(conn: Connection, a: Attributes, status: int, tcp: Attributes | None) -> None:
    conn.seen_reply = bool(status & _SEEN_REPLY)
    if status & _ASSURED:
        conn.owner.assure(conn)
    conn.fixed = bool(status & _FIXED)
    if tcp is not None and conn.tcp is not None:
        if 1 in tcp:
            conn.tcp.state = tcp.u8(1)
        if 2 in tcp and 3 in tcp:
            for side, half in enumerate(conn.tcp.halves):
                half.scale = min(tcp.u8(2 + side), 14)
    if MARK in a:
        mask = a.u32(MARK_MASK, 0xFFFFFFFF)
        conn.mark = (conn.mark & ~mask & 0xFFFFFFFF) ^ a.u32(MARK)


def _range(a: Attributes, size: int) -> NatRange:
    """nfnetlink_parse_nat."""
    first_at, last_at = (_V4_FIRST, _V4_LAST) if size == 4 else (_V6_FIRST, _V6_LAST)
    first = a.get(first_at) if first_at in a else b""
    last = a.get(last_at) if last_at in a else first
    if first and not len(first) == len(last) == size:
        raise NfError(errno.EINVAL)
    ports = None
    if _PORTS in a:
        protocol = a.nested(_PORTS)
        if 1 in protocol:
            low = protocol.u16(1)
            ports = low, max(protocol.u16(2, low), low)
    return NatRange(first, max(first, last), ports)
