"""SEGMENT ARRIVES for synchronized states, checks in the RFC's order.

A check that disposes of the segment answers False.
Implements: RFC 9293 3.10.7.4, RFC 7323 5 (PAWS), RFC 5961 3-5 (resets, SYNs and ACKs from nowhere get a challenge ACK).
Deviates: a segment counts as acceptable when it touches [last ACK sent, right edge of the window], as
net/ipv4/tcp_input.c:tcp_sequence has it, so that ACKs of a peer that has filled the window are heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors, seqnum
from tcpip.clock import NS_PER_S
from tcpip.header.tcp import ACK, FIN, PSH, RST, SYN, URG
from tcpip.seqnum import MASK, unwrap
from tcpip.transport.tcp import ecn, fast_open, handshake
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.emit import emit_bare, reset_for
from tcpip.transport.tcp.md5 import acceptable
from tcpip.transport.tcp.recovery import process_ack, process_old_ack
from tcpip.transport.tcp.segment import Segment
from tcpip.transport.tcp.urgent import check_urgent

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

MAY_BE_SHORT: Final = FIN | PSH | SYN | URG
"""With one of these a segment need not be a full one."""
PAWS_EXPIRY_NS: Final = 24 * 86400 * NS_PER_S
"""RFC 7323 5.5: a connection idle for longer believes any timestamp."""


def segment_arrives(ep: TcpEndpoint, seg: Segment) -> None:
    """3.10.7: a segment for this endpoint, whose checksum holds."""
    if (seg.options.signed or ep.md5_key) and not acceptable(ep, seg, ep.md5_key):
        return
    ep.rcv.segs_in += 1
    if seg.payload_len():
        ep.rcv.data_segs_in += 1
    state = ep.state
    if state == st.SYN_SENT:
        handshake.syn_sent_arrives(ep, seg)
        return
    if state == st.CLOSED:
        reset_for(ep.stack, seg)
        return
    seg.seq = unwrap(seg.seq, ep.rcv.nxt)
    if seg.flags & ACK:
        seg.ack = unwrap(seg.ack, ep.snd.nxt)
    if ep.fast_open is not None and fast_open.syn_again(ep, seg):
        return
    if (
        check_paws(ep, seg)
        and check_sequence(ep, seg)
        and check_rst(ep, seg)
        and check_syn(ep, seg)
        and check_ack(ep, seg)
    ):
        if seg.flags & URG or ep.rcv.urgent_seq >= 0:
            check_urgent(ep, seg)
        text_and_fin(ep, seg)
    if ep.rcv.dsack is not None:
        ep.send_ack(seg.now)  # one for each: the sender counts them to see whether it has sent again in vain


def check_paws(ep: TcpEndpoint, seg: Segment) -> bool:
    """RFC 7323 5.3 R1, R3."""
    options = seg.options
    if not ep.timestamps or not options.timestamp:
        return True
    rcv = ep.rcv
    if seqnum.lt(options.ts_val, rcv.ts_recent) and not seg.flags & RST:
        if seg.now - rcv.ts_recent_at >= PAWS_EXPIRY_NS:
            rcv.store_timestamp(options.ts_val, seg.now)
        elif not _overtaken_ack(ep, seg):
            ep.stats_ext.inc("PAWSEstab")
            _note_duplicate(ep, seg)
            ep.challenge_ack(seg, "PAWS")
            return False
    return True


def _overtaken_ack(ep: TcpEndpoint, seg: Segment) -> bool:
    """A plain ACK that a later one has overtaken is harmless (tcp_input.c:tcp_disordered_ack)."""
    if seg.seg_len() or not seg.flags & ACK or seg.seq != ep.rcv.nxt or seg.ack != ep.snd.una:
        return False
    late_ms = (ep.rcv.ts_recent - seg.options.ts_val) & MASK
    return seg.window << ep.snd.wscale == ep.snd.wnd and late_ms * 1_000_000 <= ep.snd.rtt.rto


def check_sequence(ep: TcpEndpoint, seg: Segment) -> bool:
    """First: the segment touches the window; what lies outside is cut off."""
    rcv = ep.rcv
    end = seg.seq + seg.seg_len()
    right = max(rcv.adv, rcv.nxt)
    beyond = seg.seq > right or rcv.is_beyond(seg.seq + seg.payload_len())
    if end < rcv.wup or beyond:
        if not seg.flags & RST:
            ep.stats_ext.inc("BeyondWindow", int(beyond))
            _note_duplicate(ep, seg)
            ep.challenge_ack(seg, "Seq")
        return False
    return True


def _note_timestamp(ep: TcpEndpoint, seg: Segment) -> None:
    """RFC 7323 4.3 (2), of a segment with an acceptable ACK."""
    rcv = ep.rcv
    options = seg.options
    if ep.timestamps and options.timestamp and seg.seq <= rcv.wup and seqnum.ge(options.ts_val, rcv.ts_recent):
        rcv.store_timestamp(options.ts_val, seg.now)


def _note_duplicate(ep: TcpEndpoint, seg: Segment) -> None:
    """Old text: the ACK that answers it carries a DSACK."""
    end = seg.seq + seg.payload_len()
    if seg.payload_len() and seg.seq < ep.rcv.nxt:
        ep.stats_ext.inc("DelayedACKLost")
        ep.rcv.acknowledge_quickly()
        ep.rcv.duplicate(seg.seq, min(end, ep.rcv.nxt))


def check_rst(ep: TcpEndpoint, seg: Segment) -> bool:
    """Second, with RFC 5961 3.2."""
    if not seg.flags & RST:
        return True
    if seg.seq != ep.rcv.nxt:
        ep.challenge_ack(seg)
        return False
    if ep.state == st.SYN_RECEIVED:
        ep.stats.inc("AttemptFails")
        ep.abort(errors.CONNECTION_REFUSED if ep.fast_open is None else errors.CONNECTION_RESET)
    else:
        ep.stats.inc("EstabResets", int(ep.state in (st.ESTABLISHED, st.CLOSE_WAIT)))
        ep.abort(errors.BROKEN_PIPE if ep.state == st.CLOSE_WAIT else errors.CONNECTION_RESET)
    return False


def check_syn(ep: TcpEndpoint, seg: Segment) -> bool:
    """Fourth, with RFC 5961 4.2. In a simultaneous open the peer's SYN comes again, now with an ACK."""
    if not seg.flags & SYN:
        return True
    if ep.state == st.SYN_RECEIVED and seg.seq == ep.rcv.irs and seg.flags & ACK:
        ep.rcv.duplicate(seg.seq, seg.seq + 1)
        ep.rcv.ack_at_once()
        seg.trim_front(1)
        return True
    ep.stats_ext.inc("TCPSYNChallenge")
    ep.challenge_ack(seg)
    return False


def check_ack(ep: TcpEndpoint, seg: Segment) -> bool:
    """Fifth, with RFC 5961 5.2."""
    if not seg.flags & ACK:
        return False
    snd = ep.snd
    ack = seg.ack
    if ep.state == st.SYN_RECEIVED:
        if not snd.una < ack <= snd.nxt:
            if ep.route is not None:
                emit_bare(ep.route, (ep.local_port, ep.remote_port), ack, 0, RST, 0, b"", ep.md5_key)
            return False
        snd.una = snd.iss + 1
        handshake.syn_acked(ep, seg, seg.now)
        snd.wl2 = ack
        snd.wnd = seg.window << snd.wscale
        snd.max_wnd = snd.wnd if ep.fast_open is None else max(snd.max_wnd, snd.wnd)  # text may have gone by the SYN's
        snd.sync_mss()
        handshake.established(ep, seg.now)
        if snd.fin_queued:
            ep.set_state(st.FIN_WAIT_1)
    if ack > snd.nxt or ack < snd.una - min(snd.max_wnd, snd.bytes_acked):
        ep.challenge_ack(seg)
        return False
    ep.rcv.last_rcv = seg.now
    window_changed = False
    if ack >= snd.una:
        _note_timestamp(ep, seg)
        window_changed = snd.update_window(seg.window << snd.wscale, seg.seq, ack)
        if ep.timestamps and seg.options.timestamp and seg.payload_len() and seg.options.ts_ecr:
            ep.rcv.sample_rtt(seg.options.ts_ecr, seg.payload_len(), seg.now)
        process_ack(snd, seg, window_changed, ecn.echoed(ep, seg.flags))
        ep.acknowledged()
    elif ep.sack_ok and seg.options.sack:
        process_old_ack(snd, seg)
        ep.acknowledged()
    return fin_acknowledged(ep, seg)


def fin_acknowledged(ep: TcpEndpoint, seg: Segment) -> bool:
    """The state's own part of the fifth check: has our FIN been acknowledged? False when the connection is over."""
    snd = ep.snd
    if not snd.fin_sent or snd.una < snd.nxt:
        return True
    state = ep.state
    if state == st.FIN_WAIT_1:
        ep.set_state(st.FIN_WAIT_2)
        ep.shutdown_mask |= 2
        if ep.orphaned:
            if ep.tcp_options.linger2_ns < 0:
                ep.finish()
                return False
            ep.timers.arm_fin_wait_2(seg.now)
        else:
            ep.raise_events(0)
    elif state == st.CLOSING:
        ep.enter_time_wait(seg.now)
        return False
    elif state == st.LAST_ACK:
        ep.finish()
        return False
    return True


def text_and_fin(ep: TcpEndpoint, seg: Segment) -> None:
    """Seventh and eighth: the text inside the window, then the FIN."""
    rcv = ep.rcv
    size = seg.payload_len()
    if not size and not seg.flags & FIN:
        return
    if ep.ecn.ok and size:
        ecn.text_came(ep, seg.pkt, seg.flags)
    if not st.can_receive(ep.state):
        if size or seg.flags & FIN:
            rcv.ack_at_once()
        return
    if size and ep.shutdown_mask & 1 and ep.state != st.ESTABLISHED and seg.seq + size > rcv.nxt:
        _text_for_nobody(ep, seg)
        return
    if size and rcv.is_full(seg.seq + size):
        rcv.count_dropped(seg.seq)
        rcv.duplicate(seg.seq, min(seg.seq + size, rcv.nxt))
        rcv.acknowledge_quickly()
        rcv.ack_at_once()
        return
    old = rcv.nxt - seg.seq
    if old > 0:
        rcv.duplicate(seg.seq, min(seg.seq + size, rcv.nxt))
        seg.trim_front(old)
        rcv.ack_at_once()
        if size and not seg.seg_len():
            ep.stats_ext.inc("DelayedACKLost")
            rcv.acknowledge_quickly()
    if seg.seq < rcv.nxt and not seg.flags & FIN:
        return
    fin_at = seg.seq + seg.payload_len()
    if seg.flags & FIN and seg.seq == rcv.nxt and ep.state == st.ESTABLISHED:
        rcv.pingpong = True  # the user is likely to close, too: our FIN can carry the ACK (tcp_input.c:tcp_fin)
    if seg.payload_len():
        size = seg.pkt.gso_size or seg.payload_len()
        short = seg.flags & MAY_BE_SHORT != 0
        rcv.accept_text(seg.seq, seg.payload(), seg.now, size, short, seg.extra_options(ep.timestamps))
    elif not seg.flags & FIN:
        rcv.ack_at_once()
    if seg.flags & FIN:
        rcv.fin_seq = fin_at
        rcv.has_sack_info = rcv.has_sack_info or (ep.sack_ok and fin_at != rcv.nxt)
        if fin_at != rcv.nxt:
            rcv.ack_at_once()
    if rcv.fin_seq >= 0 and rcv.nxt == rcv.fin_seq:
        check_fin(ep, seg.now)


def _text_for_nobody(ep: TcpEndpoint, seg: Segment) -> None:
    """RFC 1122 4.2.2.13: text after the user has closed is answered with a reset."""
    ep.stats_ext.inc("TCPAbortOnData")
    if ep.route is not None:
        seq = seg.ack if seg.flags & ACK else ep.snd.nxt
        emit_bare(ep.route, (ep.local_port, ep.remote_port), seq & MASK, 0, RST, 0, b"", ep.md5_key)
    ep.abort(errors.CONNECTION_RESET)


def check_fin(ep: TcpEndpoint, now: int) -> None:
    """Eighth: all text up to the peer's FIN is here."""
    rcv = ep.rcv
    rcv.nxt += 1
    rcv.fin_seq = -1
    rcv.fin_taken = True
    rcv.ofo.clear()
    rcv.dsack = None
    rcv.has_sack_info = False
    ep.shutdown_mask |= 1
    state = ep.state
    if state != st.ESTABLISHED:
        rcv.ack_at_once()
    else:
        ep.set_state(st.CLOSE_WAIT)
        rcv.fin_arrived(now)
    if state == st.FIN_WAIT_1:
        ep.set_state(st.CLOSING)
    elif state == st.FIN_WAIT_2:
        ep.peer_finished()
        ep.enter_time_wait(now)
        return
    ep.peer_finished()
