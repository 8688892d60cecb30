"""TIME_WAIT without an endpoint: small records that answer for connections which are over.

All records wait equally long, so one dict in order of expiry and one timer serve them all.
Implements: RFC 9293 3.6.1, 3.10.7.4 for TIME-WAIT, RFC 6191 (a new SYN may end it early), RFC 1337 is left at Linux's
default (a reset ends it).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from tcpip import seqnum
from tcpip.buffer import RxPacket
from tcpip.clock import NS_PER_S
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.header.tcp_options import emit_timestamp
from tcpip.seqnum import MASK
from tcpip.transport.protocol import IcmpError, PacketHandler
from tcpip.transport.tcp.config import TIME_WAIT_NS

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.port_hold import PortHold
    from tcpip.transport.tcp.protocol import TcpProtocol
    from tcpip.transport.tcp.segment import Segment


class TimeWait(PacketHandler):
    """One connection in TIME_WAIT. Sequence numbers as on the wire."""

    __slots__ = (
        "tcp",
        "key",
        "route",
        "ports",
        "snd_nxt",
        "rcv_nxt",
        "window",
        "timestamps",
        "md5_key",
        "tos",
        "ts_recent",
        "ts_recent_at",
        "hold",
        "expires",
        "last_ack",
    )

    def __init__(self, ep: TcpEndpoint, route: Route, hold: PortHold | None, now: int) -> None:
        self.tcp = ep.tcp
        self.key = ep.key
        self.route = route
        self.ports = (ep.local_port, ep.remote_port)
        self.snd_nxt = ep.snd.nxt & MASK
        self.rcv_nxt = ep.rcv.nxt & MASK
        self.window = min(max(ep.rcv.window(), 0) >> ep.rcv.wscale, 65535)
        self.md5_key = ep.md5_key
        self.timestamps = ep.timestamps
        self.tos = ep.tos
        self.ts_recent = ep.rcv.ts_recent
        self.ts_recent_at = ep.rcv.ts_recent_at
        self.hold = hold
        self.expires = now + TIME_WAIT_NS
        self.last_ack = -NS_PER_S

    def handle_packet(self, pkt: RxPacket) -> None:
        """RFC 9293 3.10.7.4 in TIME-WAIT (net/ipv4/tcp_minisocks.c:tcp_timewait_state_process)."""
        from tcpip.transport.tcp.segment import Segment

        seg = Segment(pkt, self.tcp.stack.clock.now_ns())
        flags = seg.flags
        stamped = self.timestamps and seg.options.timestamp
        paws_failed = stamped and seqnum.lt(seg.options.ts_val, self.ts_recent)
        in_order = not paws_failed and seg.seq == self.rcv_nxt and (seg.payload_len() == 0 or flags & RST)
        if in_order and flags & RST:
            if not self.tcp.config.rfc1337:
                self.tcp.time_wait.kill(self)
            return
        if in_order and not flags & SYN:
            if stamped:
                self.ts_recent = seg.options.ts_val
                self.ts_recent_at = seg.now
            if not flags & FIN:
                return
        if flags & SYN and not flags & (RST | ACK) and not paws_failed and self._newer(seg, bool(stamped)):
            self.tcp.time_wait.kill(self)
            self.tcp.stack.stats.tcp_ext.inc("TWRecycled")
            self.tcp.deliver_again(pkt)
            return
        if flags & RST:
            return
        self._acknowledge(seg)

    def _newer(self, seg: Segment, stamped: bool) -> bool:
        """RFC 6191: the SYN cannot be an old one."""
        return seqnum.gt(seg.seq, self.rcv_nxt) or (stamped and seqnum.lt(self.ts_recent, seg.options.ts_val))

    def _acknowledge(self, seg: Segment) -> None:
        if seg.flags & FIN:
            self.tcp.time_wait.restart(self, seg.now)
        elif not seg.payload_len() and seg.now - self.last_ack < self.tcp.config.invalid_ratelimit_ns:
            self.tcp.stack.stats.tcp_ext.inc("TCPACKSkippedTimeWait")
            return
        from tcpip.transport.tcp.emit import emit_bare

        self.last_ack = seg.now
        options = emit_timestamp(self.tcp.timestamp(self.key, seg.now), self.ts_recent) if self.timestamps else b""
        emit_bare(
            self.route, self.ports, self.snd_nxt, self.rcv_nxt, ACK, self.window, options, self.md5_key, -1, self.tos
        )

    def reusable(self, now: int) -> bool:
        """A new connection of ours may take its place (tcp_tw_reuse): timestamps tell old segments from new ones."""
        mode = self.tcp.config.tw_reuse
        if not self.timestamps or mode == 0 or (mode == 2 and not self.route.loopback):
            return False
        return now - self.ts_recent_at > NS_PER_S

    def handle_error(self, error: IcmpError) -> None:
        """Nobody to tell."""


class TimeWaitTable:
    """All records of a stack, in order of expiry."""

    __slots__ = ("_tcp", "_records", "_timer")

    def __init__(self, tcp: TcpProtocol) -> None:
        self._tcp = tcp
        self._records: OrderedDict[TimeWait, None] = OrderedDict()  # a dict is slow to find its first after others went
        self._timer = tcp.stack.timers.timer(self._expire)

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> list[TimeWait]:
        """All of them, soonest to expire first."""
        return list(self._records)

    def add(self, record: TimeWait) -> None:
        """Take a finished connection's place in the demultiplexer."""
        stats = self._tcp.stack.stats.tcp_ext
        if len(self._records) >= self._tcp.config.max_tw_buckets:
            stats.inc("TCPTimeWaitOverflow")
            if record.hold is not None:
                record.hold.release()
            return
        stats.inc("TW")
        self._tcp.demux.connected[record.key] = record
        self._records[record] = None
        if self._timer.deadline is None:
            self._timer.arm(record.expires)

    def restart(self, record: TimeWait, now: int) -> None:
        """The peer sent its FIN again: another 2 MSL."""
        if record in self._records:
            del self._records[record]
            record.expires = now + TIME_WAIT_NS
            self._records[record] = None

    def kill(self, record: TimeWait) -> None:
        """Gone at once."""
        if record not in self._records:
            return
        del self._records[record]
        connected = self._tcp.demux.connected
        if connected.get(record.key) is record:
            del connected[record.key]
        if record.hold is not None:
            record.hold.release()
            record.hold = None

    def _expire(self) -> None:
        now = self._tcp.stack.clock.now_ns()
        while self._records:
            record = next(iter(self._records))
            if record.expires > now:
                self._timer.arm(record.expires)
                return
            self.kill(record)
