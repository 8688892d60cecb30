"""Header prediction: in-order text and plain ACKs of an established connection, without the general code's checks.

Whatever is not exactly the expected is left to `segment_arrives`; a test shows that both end in the same state.
Implements: RFC 9293 3.10.7.4 and RFC 7323 5.3 for the case in which every check of theirs passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.buffer import RxPacket
from tcpip.header.tcp import ACK, HEADER, PSH
from tcpip.header.tcp_options import TS_WORD
from tcpip.seqnum import HALF, MASK
from tcpip.transport.tcp.emit import HEADER_TS, WORD_PLAIN, WORD_TS
from tcpip.transport.tcp.recovery import grow_cwnd
from tcpip.transport.tcp.sack import EVER_RETRANS
from tcpip.transport.tcp.sender import CA_OPEN, Sender

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

EXPECT_TS: Final = WORD_TS | ACK
EXPECT_PLAIN: Final = WORD_PLAIN | ACK
IGNORE_PSH: Final = 0xFFFF & ~PSH


def fast_path(ep: TcpEndpoint, pkt: RxPacket) -> bool:
    """Handle the packet of an ESTABLISHED endpoint, or answer False and change nothing."""
    at = pkt.transport
    rcv = ep.rcv
    snd = ep.snd
    ts_val = ts_ecr = 0
    if ep.timestamps:
        start = at + 32
        if pkt.end < start:
            return False
        _, _, seq, ack, word, window, _, _, option, ts_val, ts_ecr = HEADER_TS.unpack_from(pkt.data, at)
        if word & IGNORE_PSH != EXPECT_TS or option != TS_WORD or (ts_val - rcv.ts_recent) & HALF:
            return False
    else:
        start = at + 20
        _, _, seq, ack, word, window, _, _ = HEADER.unpack_from(pkt.data, at)
        if word & IGNORE_PSH != EXPECT_PLAIN:
            return False
    nxt = rcv.nxt
    if seq != nxt & MASK or window == 0:
        return False
    size = pkt.end - start
    acked = (ack - snd.una) & MASK
    if acked > snd.nxt - snd.una or (not acked and not size):
        return False
    if acked and snd.measured:
        return False
    if snd.ca_state != CA_OPEN or snd.tlp_end >= 0 or snd.dup_acks or snd.undo_marker >= 0:
        return False
    if size and (size > rcv.adv - nxt or rcv.ofo.size or rcv.fin_seq >= 0 or rcv.urgent_seq >= 0 or ep.shutdown_mask):
        return False
    if ep.ecn.ok and (not ep.ecn.seen or pkt.tos & 3 in (0, 3)):
        return False
    now = ep.stack.clock.now_ns()
    rcv.segs_in += 1
    rcv.last_rcv = now
    if ep.timestamps and nxt == rcv.wup:
        rcv.ts_recent = ts_val
        rcv.ts_recent_at = now
    opened = _window(snd, window << snd.wscale, nxt, snd.una + acked)
    stats = ep.stats_ext.values
    if acked:
        stats["TCPDelivered"] += -(-acked // snd.mss)
        _acknowledge(ep, acked, now)
    elif opened:
        ep.want_output = True
        ep.touch()
    stats["TCPHPHits" if size else "TCPHPAcks"] += 1
    if size:
        if ts_ecr:
            rcv.sample_rtt(ts_ecr, size, now)
        rcv.data_segs_in += 1
        rcv.space_of.came(size)
        rcv.queue_text(memoryview(pkt.data)[start : pkt.end])
        rcv.text_arrived(pkt.gso_size or size, now, word & PSH != 0, 0, size)
    return True


def _window(snd: Sender, window: int, seq: int, ack: int) -> bool:
    snd.wl1 = seq
    snd.wl2 = ack
    if window == snd.wnd:
        return False
    if window > snd.max_wnd:
        snd.window_grew(window)
    snd.wnd = window
    return True


def _acknowledge(ep: TcpEndpoint, acked: int, now: int) -> None:
    """`process_ack` for new data acknowledged in the open state with a clean scoreboard."""
    snd = ep.snd
    una = snd.una + acked
    snd.una = una
    board = snd.board
    done = 0
    first = -1
    last = -1
    retransmitted = False
    rack = snd.rack
    for seg in board.segs:
        if seg.seq >= una:
            break
        if seg.state & EVER_RETRANS:
            retransmitted = True
        else:
            first = seg.sent if first < 0 else first
            last = seg.sent
            rack.rtt = now - last
            if last > rack.xmit or (last == rack.xmit and seg.end > rack.end):
                rack.xmit = last
                rack.end = seg.end
                rack.again = False
        if seg.end > una:
            seg.seq = una
            break
        done += 1
    if done:
        del board.segs[:done]
    snd.buf.free(una)
    snd.bytes_acked += acked
    rtt = 0
    if first >= 0 and not retransmitted and now > first:
        rtt = max(now - last, 1)
        snd.rtt.sample(now - first, now, rtt)
    elif snd.rtt.backoff:
        snd.rtt.reset_backoff()
    snd.retransmits = 0
    snd.first_timeout = -1
    snd.probes_out = 0
    ep.soft_error = None
    if rtt:
        snd.round_trip(rtt, now)
    grow_cwnd(snd, acked, rtt, now)
    ep.timers.acked(acked, now)
    ep.acknowledged()
