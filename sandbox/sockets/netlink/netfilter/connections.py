"""NFNL_SUBSYS_CTNETLINK: what conntrack(8) lists, finds and deletes (net/netfilter/nf_conntrack_netlink.c).

Deviates: there are no expectations (EOPNOTSUPP or EINVAL), and what is counted is counted by one processor.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Iterable, Iterator

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be16, be32, be64, nested
from sandbox.sockets.netlink.netfilter.batch import GENMSG, Message
from tcpip.clock import NS_PER_S
from tcpip.filter.flow_tuple import PORT_PROTOCOLS, REQUESTS, FlowTuple, is_query
from tcpip.filter.nft.machine import FAMILY_IPV4, FAMILY_IPV6
from tcpip.filter.nft.meta import status_of
from tcpip.filter.tracking import EVENT_DESTROY, EVENT_MARK, EVENT_PROTOCOL
from tcpip.sockopt import IPPROTO_ICMP

if TYPE_CHECKING:
    from tcpip.filter.connection import Connection
    from tcpip.filter.conntrack import Conntrack
    from tcpip.filter.tcp_states import TcpTrack
    from tcpip.stack.stack import Stack

SUBSYSTEM: Final = 1
NEW, GET, DELETE, GET_ZERO, STATS_CPU, GET_STATS = range(6)
ORIG, REPLY, STATUS, PROTOINFO = 1, 2, 3, 4
TIMEOUT, MARK, COUNTERS, USE, ID = 7, 8, 9, 11, 12
ZONE: Final = 18
MARK_MASK: Final = 21
STATUS_MASK: Final = 26
_FILTERS: Final = frozenset((MARK, MARK_MASK, STATUS, STATUS_MASK))
_FOUND, _INVALID, _INSERT, _INSERT_FAILED, _DROP, _EARLY_DROP, _ERROR = 2, 4, 8, 9, 10, 11, 12
_SEARCH_RESTART, _CLASH_RESOLVE, _CHAIN_TOO_LONG = 13, 14, 15
_IP, _PROTO = 1, 2
_V4_SRC, _V4_DST, _V6_SRC, _V6_DST = 1, 2, 3, 4
_NUM, _SRC_PORT, _DST_PORT, _ICMP_ID, _ICMP_TYPE, _ICMP_CODE, _ICMPV6_ID, _ICMPV6_TYPE, _ICMPV6_CODE = range(1, 10)
_ENTRIES, _MAX_ENTRIES = 1, 2
_TICK: Final = 4_000_000


def _tuple(kind: int, flow: FlowTuple) -> bytes:
    protocol, src, dst, first, second = flow
    four = len(src) == 4
    ip = nested(_IP, nl.attribute(_V4_SRC if four else _V6_SRC, src), nl.attribute(_V4_DST if four else _V6_DST, dst))
    parts = [nl.u8(_NUM, protocol)]
    if protocol in PORT_PROTOCOLS:
        parts += [be16(_SRC_PORT, first), be16(_DST_PORT, second)]
    elif protocol in REQUESTS:
        at = 0 if protocol == IPPROTO_ICMP else _ICMPV6_ID - _ICMP_ID
        parts += [be16(_ICMP_ID + at, first), nl.u8(_ICMP_TYPE + at, second >> 8), nl.u8(_ICMP_CODE + at, second & 255)]
    return nested(kind, ip, nested(_PROTO, *parts))


def read_tuple(a: Attributes, family: int) -> FlowTuple:
    """EINVAL, EOPNOTSUPP for other families."""
    ip, proto = a.nested(_IP), a.nested(_PROTO)
    if family not in (FAMILY_IPV4, FAMILY_IPV6):
        raise NfError(errno.EOPNOTSUPP)
    four = family == FAMILY_IPV4
    src, dst = ip.get(_V4_SRC if four else _V6_SRC), ip.get(_V4_DST if four else _V6_DST)
    if not len(src) == len(dst) == (4 if four else 16):
        raise NfError(errno.EINVAL)
    protocol = proto.u8(_NUM)
    if protocol in PORT_PROTOCOLS:
        return protocol, src, dst, proto.u16(_SRC_PORT), proto.u16(_DST_PORT)
    if protocol in REQUESTS:
        at = 0 if protocol == IPPROTO_ICMP else _ICMPV6_ID - _ICMP_ID
        if not is_query(protocol, proto.u8(_ICMP_TYPE + at)):
            raise NfError(errno.EINVAL)
        return (
            protocol,
            src,
            dst,
            proto.u16(_ICMP_ID + at),
            proto.u8(_ICMP_TYPE + at) << 8 | proto.u8(_ICMP_CODE + at),
        )
    return protocol, src, dst, 0, 0


def seconds_left(conn: Connection, now: int) -> int:
    """Of its life, with the time as Linux has it: a few milliseconds have not passed yet."""
    return max(conn.deadline - now + _TICK, 0) // NS_PER_S


def _body(conn: Connection, now: int, uses: int) -> bytes:
    """IPCTNL_MSG_CT_NEW; `uses` are the references, of which whoever looks a single one up has one."""
    family = FAMILY_IPV4 if len(conn.original[1]) == 4 else FAMILY_IPV6
    parts = [_tuple(ORIG, conn.original), _tuple(REPLY, conn.reply), be32(STATUS, status_of(conn))]
    parts.append(be32(TIMEOUT, seconds_left(conn, now)))
    if conn.counted:
        parts += [_counters(conn, side) for side in range(2)]
    if conn.tcp is not None:
        parts.append(_protocol(conn.tcp, True))
    parts += [be32(MARK, conn.mark), be32(ID, conn.number), be32(USE, uses)]
    return GENMSG.pack(family, 0, 0) + b"".join(parts)


def _protocol(tcp: TcpTrack, scales: bool) -> bytes:
    shifts = [nl.u8(2 + side, tcp.halves[side].scale) for side in range(2)] if scales else []
    return nested(PROTOINFO, nested(1, nl.u8(1, tcp.state), *shifts))


def _counters(conn: Connection, side: int) -> bytes:
    return nested(COUNTERS + side, be64(1, conn.packets[side]), be64(2, conn.bytes[side]))


def event_body(conn: Connection, now: int, events: int) -> bytes:
    """What whoever watches is told (ctnetlink_conntrack_event)."""
    family = FAMILY_IPV4 if len(conn.original[1]) == 4 else FAMILY_IPV6
    parts = [_tuple(ORIG, conn.original), _tuple(REPLY, conn.reply), be32(ID, conn.number)]
    parts.append(be32(STATUS, status_of(conn)))
    gone = bool(events & EVENT_DESTROY)
    if gone and conn.counted:
        parts += [_counters(conn, side) for side in range(2)]
    parts.append(be32(TIMEOUT, seconds_left(conn, now)))
    if conn.tcp is not None and (gone or events & EVENT_PROTOCOL):
        parts.append(_protocol(conn.tcp, not gone))
    if conn.mark or events & EVENT_MARK:
        parts.append(be32(MARK, conn.mark))
    return GENMSG.pack(family, 0, 0) + b"".join(parts)


def _statistics(table: Conntrack | None) -> bytes:
    """Of the one processor that does it (ctnetlink_ct_stat_cpu_fill_info)."""
    counts = dict.fromkeys((_FOUND, _INVALID, _INSERT, _INSERT_FAILED, _DROP, _EARLY_DROP, _ERROR, _SEARCH_RESTART), 0)
    counts |= {_CLASH_RESOLVE: 0, _CHAIN_TOO_LONG: 0}
    if table is not None:
        counts[_INVALID], counts[_INSERT], counts[_INSERT_FAILED] = table.invalid, table.inserted, table.clashed
        counts[_DROP], counts[_EARLY_DROP] = table.dropped + table.clashed, table.evicted
    return GENMSG.pack(0, 0, 0) + b"".join([be32(kind, count) for kind, count in counts.items()])


def _table(stack: Stack) -> Conntrack | None:
    return stack.netfilter.conntrack if stack.netfilter is not None else None


def _named(stack: Stack, m: Message) -> Connection:
    """The one that either tuple names; ENOENT, EINVAL."""
    a = m.attributes
    if ORIG not in a and REPLY not in a:
        raise NfError(errno.EINVAL)
    flow = read_tuple(a.nested(ORIG if ORIG in a else REPLY), m.family)
    table = _table(stack)
    conn = table.table.get(flow) if table is not None else None
    if conn is None or (ID in a and a.u32(ID) != conn.number):
        raise NfError(errno.ENOENT)
    return conn


def _listed(stack: Stack, m: Message) -> list[Connection]:
    """Of the family and mark that are asked for."""
    a, table = m.attributes, _table(stack)
    if set(a.found) - _FILTERS:
        raise NfError(errno.EOPNOTSUPP)
    mask = a.u32(MARK_MASK, 0xFFFFFFFF if MARK in a else 0)
    mark = a.u32(MARK, 0)
    status, wanted = a.u32(STATUS_MASK, a.u32(STATUS, 0)), a.u32(STATUS, 0)
    if STATUS in a and not status:
        raise NfError(errno.EINVAL)
    size = {FAMILY_IPV4: 4, FAMILY_IPV6: 16}.get(m.family, 0)
    return [
        conn
        for conn in (table.connections() if table is not None else [])
        if size in (0, len(conn.original[1]))
        and conn.mark & mask == mark & mask
        and status_of(conn) & status == wanted & status
    ]


def answer(stack: Stack, m: Message) -> Iterable[bytes]:
    """The bodies that answer a request: of IPCTNL_MSG_CT_NEW, or of GET_STATS for that. ENOENT, EINVAL, EOPNOTSUPP."""
    now = stack.clock.now_ns()
    if m.kind in (GET, GET_ZERO):
        if m.kind == GET_ZERO:
            return _zeroed(stack, m, now)
        if not m.dump:
            return [_body(_named(stack, m), now, 2)]
        return _bodies(_listed(stack, m), now)
    table = _table(stack)
    if m.kind == GET_STATS:
        entries = len(table) if table is not None else 0
        most = table.max_connections if table is not None else 0
        return [GENMSG.pack(0, 0, 0) + be32(_ENTRIES, entries) + be32(_MAX_ENTRIES, most)]
    if m.kind == STATS_CPU and m.dump:
        return [_statistics(table)]
    if m.kind == DELETE:
        if ORIG in m.attributes or REPLY in m.attributes:
            conn = _named(stack, m)
            conn.owner.remove(conn)
        else:
            for conn in _listed(stack, m):
                conn.owner.remove(conn)
        return []
    if m.kind == NEW:
        from sandbox.sockets.netlink.netfilter import connection_change

        connection_change.new(stack, m)
        return []
    raise NfError(errno.EOPNOTSUPP if m.kind == STATS_CPU else errno.EINVAL)


def _bodies(found: list[Connection], now: int) -> Iterator[bytes]:
    for conn in found:
        yield _body(conn, now, 1)


def _zeroed(stack: Stack, m: Message, now: int) -> list[bytes]:
    """What is told, and counted from 0 again."""
    found = _listed(stack, m) if m.dump else [_named(stack, m)]
    bodies = [_body(conn, now, 1 if m.dump else 2) for conn in found]
    for conn in found:
        conn.packets, conn.bytes = [0, 0], [0, 0]
    return bodies
