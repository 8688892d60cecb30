"""Opening a connection: the active side, simultaneous open, and what the options of both SYNs agree on.

Implements: RFC 9293 3.5, 3.10.1, 3.10.7.3 (SYN-SENT), RFC 7323 2.2, 3.2, RFC 2018 2, RFC 6691, RFC 6928,
RFC 6298 (2.1), (5.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors, seqnum
from tcpip.clock import NS_PER_MS
from tcpip.header.tcp import ACK, RST, SYN
from tcpip.header.tcp_options import TcpOptions
from tcpip.seqnum import unwrap
from tcpip.transport.tcp import fast_open, fast_open_client
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import DEFAULT_MSS, RTO_INITIAL_NS
from tcpip.transport.tcp.ecn import answered
from tcpip.transport.tcp.emit import emit_bare, emit_syn
from tcpip.transport.tcp.md5 import option_len
from tcpip.transport.tcp.mtu_probe import ALWAYS
from tcpip.transport.tcp.receiver import INITIAL_SPACE_SEGMENTS, first_mss_estimate
from tcpip.transport.tcp.rtt import retries_last
from tcpip.transport.tcp.segment import Segment

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

SOON_NS: Final = 2 * NS_PER_MS
_NS_PER_METRIC: Final = NS_PER_MS // 8  # of a round trip, as routes say it
"""TCP_TIMEOUT_MIN."""
FALLBACK_RTO_NS: Final = 3 * RTO_INITIAL_NS
"""RFC 6298 (5.7): after a SYN had to be sent again."""


def window_scale_for(space: int) -> int:
    """The shift that lets a window of `space` bytes be said in 16 bits (tcp_select_initial_window)."""
    scale = 0
    while space > 65535 << scale and scale < 14:
        scale += 1
    return scale


def largest_space(ep: TcpEndpoint) -> int:
    """What the receive buffer may once hold, which the window scale has to be enough for (tcp_select_initial_window)."""
    space = ep.so.rcvbuf // 2 if ep.so.rcvbuf_locked else max(ep.so.rcvbuf // 2, ep.config.rmem[2])
    clamp = ep.tcp_options.window_clamp
    return min(space, clamp) if clamp else space


def first_window(ep: TcpEndpoint, mss: int, metric: int) -> int:
    """The window before any text: whole segments of `mss` bytes, `metric` of them when the route says so (initrwnd)."""
    space = ep.so.rcvbuf // 2
    clamp = ep.tcp_options.window_clamp
    if clamp:
        space = min(space, clamp)
    if mss < space:
        space -= space % mss
    return min(space, metric * mss) if metric else space


def start_connect(ep: TcpEndpoint) -> None:
    """3.10.1: what a SYN will offer; the endpoint has its ISN, route and ports."""
    config = ep.config
    ep.timestamps = bool(config.timestamps and not ep.md5_key)
    ep.sack_ok = bool(config.sack)
    ep.window_scaling = bool(config.window_scaling)
    rcv = ep.rcv
    rcv.wscale = rcv.offered_wscale = window_scale_for(largest_space(ep)) if ep.window_scaling else 0
    rcv.first_window = first_window(ep, ep.advertised_mss(), ep.route.metrics.initrwnd if ep.route is not None else 0)
    snd = ep.snd
    snd.nxt = snd.iss + 1
    snd.rtt.rto = config.syn_rto_ns
    ep.set_state(st.SYN_SENT)


def send_first_syn(ep: TcpEndpoint, now: int) -> None:
    """In SYN_SENT, right after `start_connect` or with the first write (fast_open_client.py)."""
    ep.snd.last_send = now
    ep.stats.inc("ActiveOpens")
    request = ep.fast_open_request
    if request is None:
        emit_syn(ep, SYN, now)
    else:
        emit_syn(ep, SYN, now, request.option, request.size)
    ep.timers.arm_retransmit(now)


def _lasted_too_long(ep: TcpEndpoint, now: int) -> bool:
    """The user timeout is over; or, where the first time-outs do not double, what as many doublings would last."""
    snd = ep.snd
    if snd.first_timeout < 0:
        snd.first_timeout = now - snd.rtt.rto
    if not snd.retransmits:
        return False
    limit = ep.tcp_options.user_timeout_ns
    if not limit:
        retries = ep.tcp_options.syn_retries if ep.state == st.SYN_SENT else ep.config.synack_retries
        first = ep.config.syn_rto_ns if ep.state == st.SYN_SENT else RTO_INITIAL_NS
        limit = retries_last(retries, first, ep.tcp_options.rto_max_ns)
    return now - snd.first_timeout >= limit


def timeout(ep: TcpEndpoint, now: int) -> None:
    """The SYN or SYN-ACK was not answered: once more, with back-off, or ETIMEDOUT."""
    snd = ep.snd
    linear = ep.config.syn_linear_timeouts if ep.state == st.SYN_SENT else 0
    retries = ep.tcp_options.syn_retries + linear if ep.state == st.SYN_SENT else ep.config.synack_retries
    if snd.retransmits >= retries or _lasted_too_long(ep, now):
        ep.stats.inc("AttemptFails")
        ep.abort(ep.soft_error or errors.TIMED_OUT)
        return
    snd.retransmits += 1
    snd.total_retrans += 1
    first = ep.config.syn_rto_ns if ep.state == st.SYN_SENT else RTO_INITIAL_NS
    snd.rtt.rto = min(first << max(snd.retransmits - linear, 0), ep.tcp_options.rto_max_ns)
    ep.stats.inc("RetransSegs")
    ep.stats_ext.inc("TCPSynRetrans")
    emit_syn(ep, SYN if ep.state == st.SYN_SENT else SYN | ACK, now)
    ep.timers.arm_retransmit(now)


def agree(ep: TcpEndpoint, options: TcpOptions) -> None:
    """What both sides can do, from the options of the peer's SYN."""
    snd = ep.snd
    ep.timestamps = ep.timestamps and options.timestamp
    ep.sack_ok = ep.sack_ok and options.sack_permitted
    if ep.window_scaling and options.window_scale >= 0:
        snd.wscale = options.window_scale
    else:
        ep.window_scaling = False
        snd.wscale = 0
        ep.rcv.wscale = 0
    ep.option_len = option_len(ep)
    if options.mss >= 0:
        snd.peer_mss = max(options.mss, ep.config.min_snd_mss)
    else:
        snd.peer_mss = DEFAULT_MSS
    snd.sync_mss()
    ep.rcv.mss_est = first_mss_estimate(snd.mss)


def syn_sent_arrives(ep: TcpEndpoint, seg: Segment) -> None:
    """3.10.7.3 in its order."""
    snd = ep.snd
    flags = seg.flags
    ack_ok = False
    if flags & ACK:  # first
        ack = unwrap(seg.ack, snd.nxt)
        stale_echo = ep.timestamps and seg.options.timestamp and not _echo_ok(ep, seg)
        if ack <= snd.iss or ack > snd.nxt or stale_echo:
            ep.stats_ext.inc("PAWSActive", int(stale_echo))
            if snd.retransmits == 0:
                ep.timers.xmit.arm(seg.now + SOON_NS)  # our SYN may have met an old connection: ask again
            if not flags & RST and ep.route is not None:
                emit_bare(ep.route, (ep.local_port, ep.remote_port), ack, 0, RST, 0, b"", ep.md5_key)
            return
        ack_ok = True
        seg.ack = ack
    if flags & RST:  # second
        if ack_ok:
            ep.stats.inc("AttemptFails")
            ep.abort(errors.CONNECTION_REFUSED)
        return
    if not flags & SYN:  # fourth and fifth
        return
    _take_syn(ep, seg)
    if ack_ok:
        _establish(ep, seg)
        return
    ep.set_state(st.SYN_RECEIVED)  # simultaneous open
    snd.wnd = snd.max_wnd = seg.window
    snd.wl1 = seg.seq
    snd.retransmits = 0
    emit_syn(ep, SYN | ACK, seg.now)
    ep.timers.arm_retransmit(seg.now)


def _echo_ok(ep: TcpEndpoint, seg: Segment) -> bool:
    """The echoed timestamp is one that our SYNs carried."""
    return seqnum.le(seg.options.ts_ecr, ep.ts_now(seg.now))


def _take_syn(ep: TcpEndpoint, seg: Segment) -> None:
    ep.rcv.start(seg.seq)
    if seg.options.timestamp:
        ep.rcv.store_timestamp(seg.options.ts_val, seg.now)
    agree(ep, seg.options)
    answered(ep, seg)
    ep.rcv.adv = ep.rcv.nxt + ep.rcv.first_window


def _establish(ep: TcpEndpoint, seg: Segment) -> None:
    """Our SYN is acknowledged and the peer's has come."""
    snd = ep.snd
    now = seg.now
    snd.una = seg.ack
    snd.wnd = snd.max_wnd = seg.window  # the window of a SYN is never scaled
    snd.wl1 = seg.seq
    snd.wl2 = seg.ack
    syn_acked(ep, seg, now)
    fast_open_client.answered(ep, seg)
    established(ep, now)
    if ep.snd.board.lost:
        ep.want_output = True  # the text of our SYN, once more
    ep.rcv.ack_at_once()  # text and FIN of a SYN-ACK are not taken, as Linux has it: the peer sends them again


def syn_acked(ep: TcpEndpoint, seg: Segment, now: int) -> None:
    """The first round-trip sample, or the larger timeout when there can be none."""
    snd = ep.snd
    if snd.retransmits == 0:
        snd.rtt.sample(max(now - snd.last_send, 1), now)
    elif ep.timestamps and seg.options.ts_ecr:
        snd.rtt.sample(max(ep.ts_elapsed(seg.options.ts_ecr, now), 1), now)
    else:
        snd.rtt.rto = FALLBACK_RTO_NS
    if snd.retransmits > 1:
        snd.cc.cwnd = snd.mss  # RFC 6298 (5.7), RFC 5681 3.1
    snd.retransmits = 0
    snd.first_timeout = -1


def established(ep: TcpEndpoint, now: int) -> None:
    """Data may flow. Linux turns probing on for an accepted connection when the size of its segments is chosen already."""
    accepted = ep.state == st.SYN_RECEIVED
    ep.set_state(st.ESTABLISHED)
    if ep.route is not None and ep.route.metrics.rtt:
        ep.snd.rtt.assume(ep.route.metrics.rtt * _NS_PER_METRIC)
    if ep.config.mtu_probing == ALWAYS and not ep.snd.board.segs:
        ep.snd.probe_mtu(now, not accepted)
    ep.snd.cc.on_established(ep.snd.rtt.srtt)
    fast_open.finished(ep)
    ep.timers.xmit.cancel()
    ep.timers.kind = 0
    if ep.snd.board.segs:
        ep.timers.sent_data(now)
    ep.rcv.last_rcv = now
    if not ep.rcv.ato:
        ep.rcv.last_data = now
    ep.rcv.space_at = now
    ep.rcv.space_of.start(ep.so.rcvbuf, ep.advertised_mss(), ep.rcv.first_window)
    ep.rcv.space = min(ep.rcv.space_of.limit, ep.rcv.window(), INITIAL_SPACE_SEGMENTS * ep.advertised_mss())
    ep.grow_send_buffer()
    ep.connected()
    if ep.so.keepalive:
        ep.timers.arm_keepalive(now)
