"""TCP as the stack sees it: checks what comes in, finds whose it is, and ends each batch with one round of answers.

Implements: RFC 9293 3.10.7.1 (segments to nobody), RFC 6528 (through isn.py), RFC 5961 7 (challenge ACKs are limited).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.addr import is_any, is_multicast
from tcpip.buffer import TO_HOST, RxPacket
from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.header.tcp import MIN_LENGTH
from tcpip.seqnum import MASK
from tcpip.sockopt import IPPROTO_TCP
from tcpip.transport.demux import Demuxer
from tcpip.transport.protocol import IcmpError, TransportProtocol, transport_checksum_ok
from tcpip.transport.tcp.config import TcpConfig
from tcpip.transport.tcp.fast_open_cookies import CookieCache
from tcpip.transport.tcp.isn import IsnGenerator
from tcpip.transport.tcp.syn_cookies import SynCookies
from tcpip.transport.tcp.time_wait import TimeWaitTable

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.tcp.endpoint import TcpEndpoint

MAX_ROUNDS: Final = 16


class TcpProtocol(TransportProtocol):
    """Protocol 6 of one stack: its connections, secrets and limits."""

    number = IPPROTO_TCP

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.config = TcpConfig()
        self.demux = Demuxer()
        self.isn = IsnGenerator(stack.random)
        self.cookies = SynCookies(stack.random)
        self.fast_open_cookies = CookieCache()
        self.fast_open_secret = stack.random.randbytes(16)
        self.time_wait = TimeWaitTable(self)
        self.dirty: list[TcpEndpoint] = []
        self.orphans = 0
        self._challenges = 0
        self._challenge_second = -1

    def new_endpoint(self, family: int) -> TcpEndpoint:
        from tcpip.transport.socket_options import SocketOptions
        from tcpip.transport.tcp.endpoint import TcpEndpoint
        from tcpip.transport.tcp.options import TcpSocketOptions

        so, config = SocketOptions(self.stack.buffers), self.config
        so.stream = True
        so.peeks = True
        so.rcvbuf, so.sndbuf = config.rmem[1], config.wmem[1]
        return TcpEndpoint(self, family, so, TcpSocketOptions(config))

    def deliver(self, pkt: RxPacket) -> None:
        stats = self.stack.stats.tcp.values
        stats["InSegs"] += 1  # a super-segment is one, as in net/ipv4/tcp_ipv4.c:tcp_v4_rcv
        if pkt.end - pkt.transport < MIN_LENGTH:
            stats["InErrs"] += 1
            raise Malformed(DropReason.TRUNCATED)
        if not transport_checksum_ok(pkt):
            stats["InCsumErrors"] += 1
            stats["InErrs"] += 1
            raise Malformed(DropReason.BAD_CHECKSUM)
        handler = self.demux.connected.get(pkt.key)
        if handler is None:
            self._deliver_unconnected(pkt)
            return
        handler.handle_packet(pkt)

    def _deliver_unconnected(self, pkt: RxPacket) -> None:
        """To a listener, or RFC 9293 3.10.7.1: to nobody. Broadcasts and multicasts are never TCP's (RFC 9293 3.9.2.3)."""
        if pkt.kind != TO_HOST or is_multicast(pkt.dst) or is_multicast(pkt.src) or is_any(pkt.src):
            raise Malformed(DropReason.BAD_SOURCE)
        handler = self.demux.find_listener(pkt, int.from_bytes(pkt.key[-2:], "big"))
        if handler is not None:
            handler.handle_packet(pkt)
            return
        if self.stack.flows is not None and self.stack.flows.segment(pkt):
            return
        from tcpip.transport.tcp.emit import reset_for
        from tcpip.transport.tcp.segment import Segment

        reset_for(self.stack, Segment(pkt, self.stack.clock.now_ns()))
        raise Malformed(DropReason.NO_ENDPOINT)

    def deliver_again(self, pkt: RxPacket) -> None:
        """A SYN that ended a TIME_WAIT: now to whoever listens."""
        self._deliver_unconnected(pkt)

    def expects_error(self, error: IcmpError) -> bool:
        handler = self.demux.connected.get(error.key)
        return handler is not None and handler.expects_error(error)

    def deliver_error(self, error: IcmpError) -> None:
        handler = self.demux.connected.get(error.key)
        if handler is not None:
            handler.handle_error(error)

    def flush(self) -> None:
        """The end of a batch: wake who waits, send what windows allow, acknowledge. May be called at any time."""
        rounds = 0
        while self.dirty and rounds < MAX_ROUNDS:
            rounds += 1
            batch = self.dirty
            self.dirty = []
            for ep in batch:
                ep.finish_batch()

    def orphans_have_data(self) -> bool:
        """A connection that nobody has open any more has bytes or a FIN that its peer has not acknowledged."""
        if not self.orphans:
            return False
        from tcpip.transport.tcp.endpoint import TcpEndpoint

        held = self.demux.connected.values()
        return any(isinstance(ep, TcpEndpoint) and ep.orphaned and ep.unsent_bytes() > 0 for ep in held)

    def timestamp(self, key: bytes, now: int) -> int:
        """What a timestamp option to this peer says: milliseconds from a secret origin (RFC 7323 5.4)."""
        return (now // 1_000_000 + self.isn.ts_offset(key)) & MASK

    def may_challenge(self, now: int) -> bool:
        """One of this second's challenge ACKs is left (the limit is jittered, CVE-2016-5696)."""
        second = now // NS_PER_S
        if second != self._challenge_second:
            self._challenge_second = second
            half = self.config.challenge_ack_limit // 2
            self._challenges = half + self.stack.random.randrange(half + 1)
        if self._challenges <= 0:
            return False
        self._challenges -= 1
        self.stack.stats.tcp_ext.inc("TCPChallengeACK")
        return True
