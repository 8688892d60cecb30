"""Connection tracking: which packets belong together, and whether they make sense.

A connection is entered when its first packet has passed every hook (`confirm`), so what is dropped costs nothing. The
table is bounded: the oldest connection that is not assured makes room, and when there is none the new packet is dropped.
Implements: RFC 5508 and RFC 4787 in what a table of flows is asked for; states and time-outs are those of Linux
(net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_*.c).
Deviates: no helpers for protocols that name other connections in their text (FTP, SIP), no zones, no time-outs of single connections (CT target).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.filter import flow_tuple, tcp_states
from tcpip.filter.connection import Connection
from tcpip.filter.flow_tuple import REPLY, FlowTuple
from tcpip.filter.packet import ESTABLISHED, INVALID, NEW, RELATED, UNTRACKED, FilteredPacket
from tcpip.filter.quoted import read_quoted
from tcpip.filter.tcp_states import Seen, TcpTrack
from tcpip.filter.tracking import EVENT_ASSURED, EVENT_DESTROY, EVENT_NEW, EVENT_PROTOCOL, EVENT_REPLY
from tcpip.header.tcp import RST
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

MAX_CONNECTIONS: Final = 65536
UDP_STREAM_AFTER: Final = 2 * NS_PER_S
_UNTRACKED_ICMPV6: Final = frozenset((130, 131, 132, 133, 134, 135, 136, 137, 143))
"""Neighbour and listener discovery belong to no connection."""


class Conntrack:
    """The connections of a stack. `invalid`, `inserted`, `clashed`, `dropped`, `evicted` count packets and connections."""

    __slots__ = (
        "stack",
        "table",
        "max_connections",
        "settings",
        "invalid",
        "inserted",
        "clashed",
        "dropped",
        "evicted",
        "_count",
        "_unassured",
        "_last",
    )

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.table: dict[FlowTuple, Connection] = {}
        self.max_connections = MAX_CONNECTIONS
        self.settings = stack.tracking
        self.invalid = 0
        self.inserted = 0
        self.clashed = 0
        self.dropped = 0
        self.evicted = 0
        self._count = 0
        self._last = 0
        self._unassured: dict[Connection, None] = {}

    def new_number(self) -> int:
        """The next connection's, of 32 bits."""
        self._last = self._last % 0xFFFFFFFF + 1
        return self._last

    def __len__(self) -> int:
        """How many connections there are."""
        return self._count

    def connections(self) -> list[Connection]:
        """All of them, the oldest first."""
        return [conn for flow, conn in self.table.items() if flow == conn.original]

    # A packet.

    def track(self, pkt: FilteredPacket) -> None:
        """Find or make the packet's connection; sets `state`, `connection`, `direction`. Malformed: there is no room."""
        self._find(pkt)
        if pkt.state == INVALID:
            self.invalid += 1

    def _find(self, pkt: FilteredPacket) -> None:
        kind = pkt.data[pkt.transport] if pkt.transport < pkt.end else -1
        if pkt.protocol in flow_tuple.REQUESTS:
            if pkt.protocol == IPPROTO_ICMPV6 and kind in _UNTRACKED_ICMPV6:
                pkt.state = UNTRACKED
                return
            if kind in flow_tuple.ICMP_ERRORS[pkt.protocol]:
                self._track_error(pkt)
                return
        pkt.state = INVALID
        flow = pkt.flow
        if flow is None or not self._is_whole(pkt):
            return
        seen = self._segment(pkt)
        if pkt.protocol == IPPROTO_TCP and seen is None:
            return
        conn = self.table.get(flow)
        if conn is not None and conn.tcp is not None and seen is not None:
            if conn.tcp.over(seen, conn.direction_of(flow)):
                self.remove(conn)
                conn = None
        if conn is None:
            conn = self._new(pkt, flow, seen)
            if conn is None:
                return
        self._accept(pkt, conn, flow, seen)

    def _is_whole(self, pkt: FilteredPacket) -> bool:
        return not self.settings.checksum or pkt.checksum_ok()

    def _segment(self, pkt: FilteredPacket) -> Seen | None:
        if pkt.protocol != IPPROTO_TCP:
            return None
        try:
            return Seen(pkt.data, pkt.transport, pkt.end, pkt.transport_len())
        except Malformed:
            return None

    def _new(self, pkt: FilteredPacket, flow: FlowTuple, seen: Seen | None) -> Connection | None:
        if pkt.protocol in flow_tuple.REQUESTS:
            if flow[4] >> 8 not in flow_tuple.REQUESTS[pkt.protocol]:
                return None  # an answer to nothing
        elif seen is not None and tcp_states.first_state(seen, self.settings.loose) < 0:
            return None
        if len(self) >= self.max_connections and not self._early_drop():
            self.dropped += 1
            raise Malformed(DropReason.CONNECTION_TABLE_FULL)
        conn = Connection(self, flow)
        self._begin(conn)
        conn.stream_at = self.stack.clock.now_ns() + UDP_STREAM_AFTER
        if seen is not None:
            conn.tcp = TcpTrack(seen)
        return conn

    def _begin(self, conn: Connection) -> None:
        settings, watch = self.settings, self.stack.tracking.watch
        conn.counted = settings.acct
        conn.watched = watch is not None and (settings.events == 1 or (settings.events == 2 and watch.listens()))

    def _early_drop(self) -> bool:
        conn = next(iter(self._unassured), None)
        if conn is None:
            return False
        self.evicted += 1
        self.remove(conn)
        return True

    def _accept(self, pkt: FilteredPacket, conn: Connection, flow: FlowTuple, seen: Seen | None) -> None:
        direction = conn.direction_of(flow)
        now = self.stack.clock.now_ns()
        if seen is not None and conn.tcp is not None:
            before = conn.tcp.state
            after = conn.tcp.update(seen, direction, self.settings.liberal)
            if after == tcp_states.INVALID:
                return
            if after >= 0:
                if not conn.seen_reply and seen.flags & RST:
                    self.remove(conn)  # it was never answered
                elif before in (tcp_states.SYN_RECV, tcp_states.ESTABLISHED) and after == tcp_states.ESTABLISHED:
                    self._assure(conn, direction)
                if after != before:
                    conn.events |= EVENT_PROTOCOL
                conn.stay(now + self.settings.of_tcp(after, conn.tcp.unacknowledged()))
        elif conn.protocol == IPPROTO_UDP:
            stream = conn.seen_reply and now > conn.stream_at
            conn.stay(now + (self.settings.udp_stream if stream else self.settings.udp) * NS_PER_S)
            if stream:
                self._assure(conn, direction)
        else:
            conn.stay(now + self._lifetime(conn.protocol))
        if direction == REPLY and not conn.seen_reply:
            conn.seen_reply = True
            conn.events |= EVENT_REPLY
        conn.packets[direction] += 1
        conn.bytes[direction] += pkt.length
        pkt.connection, pkt.direction = conn, direction
        pkt.state = ESTABLISHED if direction == REPLY or conn.seen_reply else NEW

    def _lifetime(self, protocol: int) -> int:
        settings = self.settings
        if protocol in flow_tuple.REQUESTS:
            return (settings.icmp if protocol == IPPROTO_ICMP else settings.icmpv6) * NS_PER_S
        return settings.generic * NS_PER_S

    def _assure(self, conn: Connection, direction: int) -> None:
        if not conn.assured and (conn.seen_reply or direction == REPLY):
            conn.assured = True
            conn.events |= EVENT_ASSURED
            self._unassured.pop(conn, None)

    def _track_error(self, pkt: FilteredPacket) -> None:
        """An ICMP error belongs to the connection whose packet it quotes; its direction is the answer's to that."""
        pkt.state = INVALID
        quoted = read_quoted(pkt)
        if quoted is None or (pkt.protocol == IPPROTO_ICMP and not self._is_whole(pkt)):
            return
        if pkt.protocol == IPPROTO_ICMPV6 and not self._is_whole(pkt):
            return
        answer = flow_tuple.invert(quoted.flow)
        conn = self.table.get(answer)
        if conn is None:
            return
        pkt.connection, pkt.direction = conn, conn.direction_of(answer)
        pkt.state = RELATED

    # The table.

    def confirm(self, pkt: FilteredPacket) -> None:
        """The packet has passed: its connection is entered. Malformed: another has taken one of its tuples."""
        conn = pkt.connection
        if conn is None or pkt.state == RELATED:
            return
        if not conn.confirmed:
            if conn.original in self.table or conn.reply in self.table:
                self.clashed += 1
                raise Malformed(DropReason.FILTERED)
            self._enter(conn)
            conn.events |= EVENT_NEW
        if conn.events:
            self._tell(conn)

    def _tell(self, conn: Connection) -> None:
        events, conn.events = conn.events, 0
        watch = self.stack.tracking.watch
        if watch is not None and conn.watched and conn.timer is not None:
            watch.told(conn, events)

    def _enter(self, conn: Connection) -> None:
        conn.confirmed = True
        self._count += 1
        self.table[conn.original] = self.table[conn.reply] = conn
        if not conn.assured:
            self._unassured[conn] = None
        conn.timer = self.stack.timers.timer(conn.expired)
        conn.timer.arm(conn.deadline)

    def insert(self, conn: Connection) -> None:
        """One that no packet has made (nf_conntrack_hash_check_insert). ValueError: another has one of its tuples, or there is no room."""
        if conn.original in self.table or conn.reply in self.table:
            self.clashed += 1
            raise ValueError("there is another one")
        if len(self) >= self.max_connections and not self._early_drop():
            self.dropped += 1
            raise ValueError("no room")
        self._begin(conn)
        self._enter(conn)
        self.inserted += 1

    def assure(self, conn: Connection) -> None:
        """It is in earnest, whatever was seen of it."""
        conn.assured = True
        self._unassured.pop(conn, None)

    def remove(self, conn: Connection) -> None:
        """Forget it; harmless when repeated."""
        if conn.timer is not None:
            watch = self.stack.tracking.watch
            if watch is not None and conn.watched:
                watch.told(conn, EVENT_DESTROY)
            conn.timer.cancel()
            conn.timer = None
            self._count -= 1
        for flow in (conn.original, conn.reply):
            if self.table.get(flow) is conn:
                del self.table[flow]
        self._unassured.pop(conn, None)

    def is_free(self, flow: FlowTuple) -> bool:
        """Nobody gets answers to `flow` yet."""
        return flow_tuple.invert(flow) not in self.table

    def flush(self) -> None:
        """Forget all."""
        for conn in self.connections():
            self.remove(conn)

    def address_gone(self, nic: Nic, addr: bytes = b"") -> None:
        """An interface has lost an address, or all of them: nobody can go on behind it."""
        for conn in self.connections():
            if conn.masquerade_nic is nic and addr in (b"", conn.reply[2]):
                self.remove(conn)
