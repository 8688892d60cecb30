"""A listening endpoint's queues: embryonic connections, and established ones that wait for accept(2).

An embryonic connection is a small `Request`, found by the demultiplexer under the connection's own key; it becomes an
endpoint with the ACK that completes the handshake. When there are too many, SYN cookies keep none.
Implements: RFC 9293 3.10.7.2 (LISTEN) and 3.10.7.4 for SYN-RECEIVED, RFC 4987 3.6; TCP_DEFER_ACCEPT and backlogs as
Linux has them (net/ipv4/tcp_minisocks.c:tcp_check_req, inet_connection_sock.c).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tcpip import seqnum
from tcpip.buffer import RxPacket
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, ECE, FIN, RST, SYN
from tcpip.header.tcp_options import TcpOptions, UnknownOption
from tcpip.network.longer_routes import lengthened
from tcpip.seqnum import MASK
from tcpip.stack.route_flow import of_packet
from tcpip.transport.ancillary import echoed_options
from tcpip.transport.flow_labels import REFLECT_ESTABLISHED, label_in, with_info
from tcpip.transport.protocol import IcmpError, PacketHandler
from tcpip.transport.tcp import fast_open
from tcpip.transport.tcp.config import MAX_SYN_QUEUE, MIN_SEND_MSS, RTO_INITIAL_NS
from tcpip.transport.tcp.ecn import MASK as ECN_BITS
from tcpip.transport.tcp.ecn import allowed, grants
from tcpip.transport.tcp.emit import emit_bare, reset_for
from tcpip.transport.tcp.handshake import first_window, largest_space, window_scale_for
from tcpip.transport.tcp.md5 import acceptable, key_for
from tcpip.transport.tcp.more_options import saved_syn
from tcpip.transport.tcp.segment import Segment, passes_screen
from tcpip.transport.tcp.syn_cookies import options_from_timestamp, options_into_timestamp

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.tcp.endpoint import TcpEndpoint


class Request(PacketHandler):
    """One SYN_RECEIVED connection of a listener. Sequence numbers are as on the wire."""

    __slots__ = (
        "listener",
        "key",
        "route",
        "ports",
        "irs",
        "iss",
        "options",
        "window",
        "wscale",
        "space",
        "ecn",
        "cookie",
        "sent",
        "retries",
        "acked",
        "timer",
        "ts_recent",
        "saved_syn",
        "tos",
        "md5_key",
        "answered",
    )

    def __init__(self, listener: Listener, key: bytes, route: Route, ports: tuple[int, int], seg: Segment) -> None:
        self.listener = listener
        self.key = key
        self.route = route
        self.ports = ports
        self.irs = seg.seq
        self.iss = 0
        self.options = seg.options
        self.window = seg.window
        self.wscale = 0
        self.space = 0
        self.ecn = False
        self.cookie: UnknownOption | None = None
        self.sent = seg.now
        self.retries = 0
        self.acked = False
        self.timer = listener.ep.stack.timers.timer(self._expired)
        self.ts_recent = seg.options.ts_val
        self.answered = -(1 << 62)
        self.md5_key = key_for(listener.ep, seg.pkt.src)
        if self.md5_key and listener.ep.config.sack and self.options.sack_permitted:
            self.options.timestamp = False  # there is no room for blocks beside it
        self.saved_syn = saved_syn(listener.ep.tcp_options.save_syn, seg)
        self.tos = syn_ack_tos(listener.ep, seg.pkt)

    def _ttl(self) -> int:
        so = self.listener.ep.so
        return so.hop_limit if self.route.six else so.ttl

    def send_syn_ack(self, now: int, ts_val: int = -1) -> None:
        """(Re)transmit our SYN."""
        ep = self.listener.ep
        offer = self.options
        reply = TcpOptions()
        reply.mss = ep.advertised_mss_on(self.route)
        reply.sack_permitted = bool(ep.config.sack and offer.sack_permitted)
        if ep.config.timestamps and offer.timestamp:
            reply.timestamp = True
            reply.ts_val = ts_val if ts_val >= 0 else ep.tcp.timestamp(self.key, now)
            reply.ts_ecr = self.ts_recent
        if ep.config.window_scaling and offer.window_scale >= 0:
            reply.window_scale = self.wscale
        if self.cookie is not None:
            reply.unknown.append(self.cookie)
        window = min(self.space, 65535)
        flags = SYN | ACK | ECE if self.ecn else SYN | ACK
        emit_bare(
            self.route,
            self.ports,
            self.iss,
            self.irs + 1,
            flags,
            window,
            reply.emit(),
            self.md5_key,
            self._ttl(),
            self.tos,
        )
        self.sent = now

    def handle_packet(self, pkt: RxPacket) -> None:
        """SYN-RECEIVED: an ACK completes it, a SYN repeats our answer, a reset ends it."""
        ep = self.listener.ep
        if ep.screened and not passes_screen(ep.so, pkt, ep.stack):
            return
        seg = Segment(pkt, ep.stack.clock.now_ns())
        flags = seg.flags
        if (seg.options.signed or self.md5_key) and not acceptable(ep, seg, self.md5_key):
            return
        paws_failed = self._paws_failed(seg)
        if flags & SYN and not flags & (RST | ACK) and seg.seq == self.irs and not paws_failed:
            if self._may_answer(seg):
                self.send_syn_ack(seg.now)
            return
        window = self.space
        offset = (seg.seq - self.irs - 1) & MASK
        if paws_failed or not (offset <= window or (offset + seg.seg_len()) & MASK <= window):
            if not flags & RST:
                self._answer(seg)
            return
        if flags & RST:
            if offset == 0:
                ep.stats_ext.inc("EmbryonicRsts")
                ep.stats.inc("AttemptFails")
                self.drop()
            else:
                self._answer(seg)
            return
        if flags & SYN:
            self._answer(seg)
        elif flags & ACK:
            self._acknowledged(seg)

    def _paws_failed(self, seg: Segment) -> bool:
        return self.options.timestamp and seg.options.timestamp and seqnum.lt(seg.options.ts_val, self.ts_recent)

    def _may_answer(self, seg: Segment) -> bool:
        """Not too often (net/ipv4/tcp_input.c:tcp_oow_rate_limited): the answer may come back to us, as after a SYN
        from the listener's own address and port. An answer never has text."""
        if seg.payload_len() and not seg.flags & SYN:
            return True
        ep = self.listener.ep
        if seg.now - self.answered < ep.config.invalid_ratelimit_ns:
            ep.stats_ext.inc("TCPACKSkippedSynRecv")
            return False
        self.answered = seg.now
        return True

    def _answer(self, seg: Segment) -> None:
        """RFC 9293 3.10.7.4 first: what does not fit is told where we are."""
        if not self._may_answer(seg):
            return
        ep = self.listener.ep
        now = seg.now
        options = b""
        if ep.config.timestamps and self.options.timestamp:
            reply = TcpOptions()
            reply.timestamp = True
            reply.ts_val = ep.tcp.timestamp(self.key, now)
            reply.ts_ecr = self.ts_recent
            options = reply.emit()
        window = min(self.space >> self.wscale, 65535)
        emit_bare(
            self.route,
            self.ports,
            self.iss + 1,
            self.irs + 1,
            ACK,
            window,
            options,
            self.md5_key,
            self._ttl(),
            self.tos,
        )

    def _acknowledged(self, seg: Segment) -> None:
        listener = self.listener
        ep = listener.ep
        if seg.ack != (self.iss + 1) & MASK:
            reset_for(ep.stack, seg)
            return
        if listener.full():
            ep.stats_ext.inc("ListenOverflows")
            self.acked = True
            if ep.config.abort_on_overflow:
                reset_for(ep.stack, seg)
                self.drop()
            return
        if self.retries < ep.tcp_options.defer_accept and seg.seg_len() == 0:
            self.acked = True
            ep.stats_ext.inc("TCPDeferAcceptDrop")
            return
        self.drop()
        listener.complete(self, seg)

    def handle_error(self, error: IcmpError) -> None:
        """Hard errors do not end it: the peer, or the timer, does (net/ipv4/tcp_ipv4.c:tcp_req_err)."""

    def _expired(self) -> None:
        ep = self.listener.ep
        now = ep.stack.clock.now_ns()
        defer = ep.tcp_options.defer_accept
        if self.retries >= ep.config.synack_retries and not (self.acked and self.retries < defer):
            ep.stats.inc("AttemptFails")
            self.drop()
            return
        resend = not self.acked or self.retries >= defer - 1  # syn_ack_recalc: one more chance at the end of waiting
        self.retries += 1
        if resend:
            ep.stats.inc("RetransSegs")
            ep.stats_ext.inc("TCPSynRetrans")
            try:
                self.send_syn_ack(now)
            except NetworkError:
                self.drop()
                return
        self.timer.arm(now + min(RTO_INITIAL_NS << self.retries, ep.tcp_options.rto_max_ns))

    def drop(self) -> None:
        """Forget it."""
        self.timer.cancel()
        self.listener.forget(self)


def syn_ack_tos(ep: TcpEndpoint, pkt: RxPacket) -> int:
    """The listener's type of service or, with tcp_reflect_tos, the SYN's, and the flow label (tcp_v6_send_synack)."""
    six = len(pkt.src) == 16
    if ep.config.reflect_tos:
        tos = pkt.tos & ~ECN_BITS
    else:
        tos = (ep.so.traffic_class if six else ep.so.tos) & ~ECN_BITS
    if not six:
        return tos
    labels = ep.so.labels
    reflects = labels.reflects if labels is not None else ep.stack.flow_labels.reflect & REFLECT_ESTABLISHED
    return with_info(ep.stack, ep.so, tos, label_in(pkt) if reflects else 0)


class Listener:
    """`backlog` is listen(2)'s; one more than that may wait in `ready`, as on Linux."""

    __slots__ = ("ep", "backlog", "ready", "requests", "fast_opens")

    def __init__(self, ep: TcpEndpoint, backlog: int) -> None:
        self.ep = ep
        self.backlog = backlog
        self.ready: deque[TcpEndpoint] = deque()
        self.requests: dict[bytes, Request] = {}
        self.fast_opens = 0  # connections of fast opens whose handshake is not over

    def full(self) -> bool:
        """accept(2) is too slow."""
        return len(self.ready) > self.backlog

    def handle_packet(self, pkt: RxPacket) -> None:
        """RFC 9293 3.10.7.2: LISTEN."""
        ep = self.ep
        seg = Segment(pkt, ep.stack.clock.now_ns())
        flags = seg.flags
        if seg.options.signed or ep.tcp_options.md5 is not None:
            if not acceptable(ep, seg, key_for(ep, pkt.src)):
                return
        if flags & RST:
            return
        if flags & ACK:
            if flags & SYN or not self._cookie_arrives(seg):
                reset_for(ep.stack, seg)
            return
        if not flags & SYN or flags & FIN:
            return
        self._syn_arrives(seg)

    def _syn_arrives(self, seg: Segment) -> None:
        ep = self.ep
        pkt = seg.pkt
        if self.full():
            ep.stats_ext.inc("ListenOverflows")
            ep.stats_ext.inc("ListenDrops")
            return
        flooded = len(self.requests) > min(self.backlog, MAX_SYN_QUEUE) or ep.config.syncookies == 2
        if flooded and not ep.config.syncookies:
            ep.stats_ext.inc("TCPReqQFullDrop")
            return
        request = self._new_request(seg)
        if request is None:
            return
        if flooded:
            self._send_cookie(request, seg)
            return
        request.iss = ep.tcp.isn.isn(pkt.key, seg.now)
        request.ecn = grants(ep.config, request.route, seg)
        if fast_open.syn_arrives(self, request, seg):
            return
        self.requests[pkt.key] = request
        ep.tcp.demux.connected[pkt.key] = request
        request.send_syn_ack(seg.now)
        request.timer.arm(seg.now + RTO_INITIAL_NS)

    def _new_request(self, seg: Segment) -> Request | None:
        ep = self.ep
        pkt = seg.pkt
        number = pkt.nic.number if pkt.nic is not None else 0
        if pkt.dst not in ep.stack.local and ep.stack.is_anycast(pkt.dst):
            return None  # no connection has such an address
        try:
            out = ep.so.nic or (number if pkt.src[:1] == b"\xfe" else 0)
            flow = of_packet(pkt, True)
            flow.tos, flow.uid = ep.so.traffic_class if len(pkt.src) == 16 else ep.so.tos, ep.so.owner
            route = ep.stack.find_route(pkt.src, pkt.dst, out, ep.so.mark, flow)
        except NetworkError:
            return None
        if route.broadcast or route.multicast:
            return None
        key = pkt.key
        ports = (int.from_bytes(key[-2:], "big"), int.from_bytes(key[-4:-2], "big"))
        route = lengthened(route, echoed_options(pkt), ep.so.headers)
        request = Request(self, key, route, ports, seg)
        if ep.config.window_scaling and seg.options.window_scale >= 0:
            request.wscale = window_scale_for(largest_space(ep))
        stamped = 12 if ep.config.timestamps and seg.options.timestamp else 0
        request.space = first_window(ep, ep.advertised_mss_on(route) - stamped, route.metrics.initrwnd)
        return request

    def _send_cookie(self, request: Request, seg: Segment) -> None:
        ep = self.ep
        ep.stats_ext.inc("SyncookiesSent")
        ep.stats_ext.inc("TCPReqQFullDoCookies")
        offer = seg.options
        ts_val = -1
        if offer.timestamp and ep.config.timestamps:
            request.ecn = grants(ep.config, request.route, seg)
            ts_val = options_into_timestamp(
                ep.tcp.timestamp(request.key, seg.now), offer.window_scale, offer.sack_permitted, request.ecn
            )
        else:
            offer.window_scale = -1
            offer.sack_permitted = False
        request.iss = ep.tcp.cookies.make(request.key, seg.seq, max(offer.mss, MIN_SEND_MSS), seg.now)
        request.send_syn_ack(seg.now, ts_val)

    def _cookie_arrives(self, seg: Segment) -> bool:
        """An ACK to the listener itself: True when it brings a valid cookie back. While accept(2) is too slow it is
        dropped, and the peer comes again (net/ipv4/syncookies.c: tcp_get_cookie_sock)."""
        ep = self.ep
        if not ep.config.syncookies:
            return False
        irs = (seg.seq - 1) & MASK
        cookie = (seg.ack - 1) & MASK
        mss = ep.tcp.cookies.check(seg.pkt.key, irs, cookie, seg.now)
        if mss < 0:
            ep.stats_ext.inc("SyncookiesFailed")
            return False
        if self.full():
            ep.stats_ext.inc("ListenOverflows")
            ep.stats_ext.inc("ListenDrops")
            return True
        request = self._new_request(seg)
        if request is None:
            return True
        offer = TcpOptions()
        offer.mss = mss
        if seg.options.timestamp:
            offer.timestamp = True
            offer.ts_val = seg.options.ts_val
            offer.window_scale, offer.sack_permitted, ecn = options_from_timestamp(seg.options.ts_ecr)
            request.ecn = ecn and allowed(ep.config, request.route)
            request.wscale = 0
            if offer.window_scale >= 0:
                request.wscale = window_scale_for(largest_space(ep))
        request.options = offer
        request.saved_syn = b""  # it is long gone
        request.irs = irs
        request.iss = cookie
        request.window = 65535
        ep.stats_ext.inc("SyncookiesRecv")
        self.complete(request, seg)
        return True

    def complete(self, request: Request, seg: Segment) -> None:
        """The handshake is over: a new endpoint waits for accept(2)."""
        child = self.ep.new_child(request, seg)
        self.ready.append(child)
        child.first_segment(seg)
        self.ep.connection_ready()

    def forget(self, request: Request) -> None:
        """A request is over, whichever way."""
        if self.requests.get(request.key) is request:
            del self.requests[request.key]
        connected = self.ep.tcp.demux.connected
        if connected.get(request.key) is request:
            del connected[request.key]

    def stop(self) -> None:
        """listen(2) is over: nobody will accept what waits here (net/ipv4/inet_connection_sock.c:inet_csk_listen_stop)."""
        for request in list(self.requests.values()):
            request.drop()
        while self.ready:
            self.ready.popleft().abandon()
