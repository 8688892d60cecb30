"""What an ACK means to the sender: new data acknowledged, losses, fast recovery, and taking a mistake back.

Implements: RFC 5681 3.2, RFC 6582 (peers without SACK), RFC 6675, RFC 8985 6 and 7.4, RFC 9937 (proportional rate
reduction), RFC 3522 with RFC 4015 (a spurious retransmission is seen by its timestamp and undone), RFC 3708 (or by
DSACKs for all of them).
"""

from __future__ import annotations

from typing import Final

from tcpip import seqnum
from tcpip.clock import NS_PER_MS
from tcpip.transport.tcp.dsack import all_came_twice, came_twice, count_ignored
from tcpip.transport.tcp.sack import LOST, SACKED, Delivered
from tcpip.transport.tcp.segment import Segment
from tcpip.transport.tcp.sender import CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, Sender

THIN: Final = 4
THIN_RETRIES: Final = 6


def process_ack(snd: Sender, seg: Segment, window_changed: bool, congested: bool) -> None:
    """An acceptable ACK, SND.UNA <= SEG.ACK <= SND.NXT, of a synchronized connection. `congested`: it echoes a mark."""
    now = seg.now
    ep = snd.ep
    prior_lost = snd.board.lost
    prior_una = snd.una
    delivered = Delivered()
    ack = seg.ack
    advanced = ack - prior_una
    if advanced > 0:
        snd.una = ack
        snd.board.ack_to(ack, delivered)
        snd.buf.free(min(ack, snd.buf.end))
        while snd.records and snd.records[0] <= ack:
            del snd.records[0]
        snd.bytes_acked += advanced
        if snd.prober is not None:
            snd.prober.acknowledged(ack)
    dsack = _take_sacks(snd, seg, delivered) if ep.sack_ok and seg.options.sack else False
    rtt = _sample_rtt(snd, seg, delivered, advanced, dsack, now)
    if rtt:
        snd.round_trip(rtt, now)
    if not ep.sack_ok:
        _count_duplicates(snd, seg, advanced, window_changed, delivered)
    _count(snd, seg, delivered, congested)
    snd.rack.update(delivered, snd.rtt.min_rtt, now)
    _note_reordering(snd, delivered)
    if advanced > 0 or not snd.board.segs:
        snd.retransmits = 0
        snd.first_timeout = -1
    snd.probes_out = 0
    ep.soft_error = None  # something gets through
    if advanced > 0:
        if snd.rtt.backoff and rtt == 0 and not _answers_original(snd, seg):
            snd.rtt.reset_backoff()
    _check_undo(snd, seg, advanced)
    if snd.frto and snd.ca_state == CA_LOSS:
        _judge_timeout(snd, delivered, advanced)
    _tail_probe_acked(snd, dsack, now)
    _detect_losses(snd, advanced, now)
    if congested:
        ep.ecn.delivered_ce += delivered.fresh
        if snd.ca_state < CA_CWR:
            _enter_cwr(snd, now)
    _move_cwnd(snd, delivered, rtt, now)
    if snd.measured:
        _measure(snd, delivered, rtt, prior_lost, now)
    if advanced > 0:
        snd.chrono.acknowledged(now)
    ep.timers.acked(advanced, now)
    if not advanced and delivered.first_sacked >= 0:
        ep.timers.sacked(delivered.first_sacked, now)
    if advanced > 0 and snd.board.reneged():
        ep.timers.reneged(now)


def _count(snd: Sender, seg: Segment, delivered: Delivered, congested: bool) -> None:
    stats = snd.ep.stats_ext.values
    if not seg.seg_len():
        stats["TCPPureAcks"] += 1
    if delivered.fresh:
        segments = -(-delivered.fresh // snd.mss)
        stats["TCPDelivered"] += segments
        if congested:
            stats["TCPDeliveredCE"] += segments


def process_old_ack(snd: Sender, seg: Segment) -> None:
    """An ACK that a later one has overtaken: what its SACK blocks tell is news none the less (tcp_input.c:tcp_ack)."""
    delivered = Delivered()
    _take_sacks(snd, seg, delivered)
    snd.rack.update(delivered, snd.rtt.min_rtt, seg.now)
    _note_reordering(snd, delivered)
    _detect_losses(snd, 0, seg.now)
    if snd.board.lost and snd.ca_state < CA_RECOVERY:
        enter_recovery(snd, seg.now)


def _take_sacks(snd: Sender, seg: Segment, delivered: Delivered) -> bool:
    """Mark what SACK blocks cover; True when the first of them is a DSACK (RFC 2883 5)."""
    blocks = []
    for wire_left, wire_right in seg.options.sack:
        left = seqnum.unwrap(wire_left, snd.una)
        blocks.append((left, seqnum.unwrap(wire_right, left)))
    dsack = came_twice(snd, blocks, seg.ack)
    if dsack and all_came_twice(snd, blocks[0]):
        _undo(snd, "TCPDSACKUndo")
    for left, right in sorted(blocks):  # upwards, lest a block looks reordered to the one before it
        if snd.una < left < right <= snd.nxt:
            snd.board.mark_sacked(left, right, snd.mss, delivered)
        elif dsack and (left, right) == blocks[0]:
            count_ignored(snd, (left, right))
        elif right > snd.una or seg.ack == snd.una:
            snd.ep.stats_ext.inc("TCPSACKDiscard")
    return dsack


def _note_reordering(snd: Sender, delivered: Delivered) -> None:
    """Something that was sent once has come after what was sent behind it."""
    low = delivered.reordered
    if low < 0 or not snd.ep.sack_ok or (snd.ca_state == CA_LOSS and snd.undo_marker < 0):
        return
    highest = snd.board.fack if snd.board.sacked else snd.una
    if low < highest:
        snd.rack.on_reordering(-(-(highest - low) // snd.mss), snd.ep.config.max_reordering)
        snd.ep.stats_ext.inc("TCPSACKReorder")


def _sample_rtt(snd: Sender, seg: Segment, delivered: Delivered, advanced: int, dsack: bool, now: int) -> int:
    """RFC 6298 (Karn) or RFC 7323 4: the sample taken, 0 for none; from what is acknowledged, else from what SACK blocks tell
    of, else from the echo (net/ipv4/tcp_input.c:tcp_ack_update_rtt). Otherwise than there a SACK block does not lower the minimum:
    on a path that reorders, what has overtaken others would make the rest look lost.

    The echo in an ACK that answers a duplicate is that of an earlier segment, whose own ACK was lost: no sample.
    Nor is there one from an echo older than the last retransmission when timeouts have backed off.
    """
    rtt = latest = -1
    if delivered.first_sent >= 0 and not delivered.retrans_acked:
        rtt = now - delivered.first_sent
        latest = now - delivered.last_sent
    if delivered.first_sacked >= 0:
        rtt = rtt if rtt >= 0 else now - delivered.first_sacked
        latest = now - delivered.last_sacked
    elif rtt < 0 and advanced > 0 and seg.options.timestamp and seg.options.ts_ecr and not dsack:
        rtt = latest = snd.ep.ts_elapsed(seg.options.ts_ecr, now)
        if snd.rtt.backoff and rtt > now - _oldest_sent(delivered, now) + NS_PER_MS:
            return 0
    if rtt <= 0:
        return 0
    latest = max(latest, 1)
    snd.rtt.sample(rtt, now, latest if delivered.first_sacked < 0 else -1)
    return latest


def _answers_original(snd: Sender, seg: Segment) -> bool:
    """It may answer what was sent before a timeout: the timeout was too short, and stays long until measured (Karn)."""
    options = seg.options
    return snd.retrans_ts >= 0 and (not options.timestamp or seqnum.lt(options.ts_ecr, snd.retrans_ts))


def _oldest_sent(delivered: Delivered, now: int) -> int:
    """When the first of what was acknowledged was last sent."""
    return min((record.sent for record in delivered.records), default=now)


def _count_duplicates(snd: Sender, seg: Segment, advanced: int, window_changed: bool, delivered: Delivered) -> None:
    """Without SACK: every duplicate ACK stands for one segment that has left (RFC 5681 3.2, RFC 6582)."""
    board = snd.board
    if advanced > 0:
        snd.dup_acks = 0
        delivered.fresh = max(advanced - board.reno_sacked, min(advanced, snd.mss))
        if snd.ca_state != CA_RECOVERY:
            board.reno_sacked = 0
        else:
            board.reno_sacked = max(board.reno_sacked - max(advanced - snd.mss, 0), 0)
    elif board.segs and not window_changed and seg.seg_len() == 0:
        snd.dup_acks += 1
    else:
        return
    if snd.dup_acks:
        delivered.fresh = snd.mss
        outstanding = snd.nxt - snd.una
        board.reno_sacked = min(board.reno_sacked + snd.mss, max(outstanding - snd.mss, 0))


def _check_undo(snd: Sender, seg: Segment, advanced: int) -> None:
    """The Eifel detection: an ACK that echoes a timestamp older than the retransmission answers the original."""
    if snd.undo_marker < 0 or advanced <= 0 or snd.retrans_ts < 0 or not seg.options.timestamp:
        return
    if seg.options.ts_ecr and seqnum.lt(seg.options.ts_ecr, snd.retrans_ts):
        if snd.ca_state == CA_LOSS:
            _undo(snd, "TCPLossUndo")
        else:
            _undo(snd, "TCPFullUndo" if snd.una >= snd.high_seq else "TCPPartialUndo")
    elif snd.una > snd.undo_marker:
        snd.undo_marker = -1


def _judge_timeout(snd: Sender, delivered: Delivered, advanced: int) -> None:
    """F-RTO, RFC 5682 3.1: was the time-out spurious? (net/ipv4/tcp_input.c:tcp_process_loss)"""
    if 0 <= delivered.original_end <= snd.high_seq:
        _undo(snd, "TCPLossUndo")  # (3.b): what was sent once has arrived
        snd.ep.stats_ext.inc("TCPSpuriousRTOs")
        snd.frto = False
    elif snd.nxt > snd.high_seq:
        if delivered.sacked or snd.dup_acks:
            snd.frto = False  # (3.a)
    elif advanced > 0 and snd.una < snd.high_seq:
        snd.high_seq = snd.nxt
        snd.frto_probe = snd.frto = snd.unsent() > 0 and snd.window_end() > snd.nxt  # (2.b)


def _undo(snd: Sender, counter: str) -> None:
    """What was sent again had not been lost (RFC 4015 3.2, RFC 3708 3): the windows are as before."""
    if snd.ca_state != CA_LOSS:
        snd.rack.on_spurious(snd.una, snd.nxt)
    snd.cc.undo()
    snd.board.unmark_lost()
    snd.ca_state = CA_OPEN
    snd.undo_marker = snd.dsack_marker = -1
    snd.retrans_ts = -1
    snd.ep.stats_ext.inc(counter)


def _tail_probe_acked(snd: Sender, dsack: bool, now: int) -> None:
    """RFC 8985 7.4.2: did the probe repair a loss that congestion control has not heard of?"""
    if snd.tlp_end < 0 or snd.una < snd.tlp_end:
        return
    if not snd.tlp_retrans or dsack:
        snd.tlp_end = -1  # new text was acknowledged, or both copies arrived
    elif snd.una > snd.tlp_end:
        snd.tlp_end = -1
        if snd.ca_state >= CA_CWR:
            return
        snd.ep.stats_ext.inc("TCPLossProbeRecovery")
        snd.cc.on_congestion(snd.cc.cwnd, now)
        snd.cc.cwnd = min(snd.cc.cwnd, snd.cc.ssthresh)


def _detect_losses(snd: Sender, advanced: int, now: int) -> None:
    board = snd.board
    news, snd.rack.advanced = snd.rack.advanced, False
    if not board.segs:
        return
    if not snd.ep.sack_ok:
        _detect_without_sack(snd, advanced)
    elif not board.clean():
        if snd.ep.config.recovery & 1:
            if news:
                detect_by_time(snd, now)
        else:
            board.mark_lost_below(snd.rack.reordering, snd.mss)


def _count_lost_again(snd: Sender) -> None:
    """Retransmissions that were lost, too."""
    again, snd.board.lost_again = snd.board.lost_again, 0
    snd.ep.stats_ext.inc("TCPLostRetransmit", -(-again // snd.mss))


def detect_by_time(snd: Sender, now: int) -> None:
    """RACK: mark what is late, or look again when it would be."""
    reo_wnd = snd.rack.reo_wnd(
        snd.ca_state >= CA_RECOVERY, snd.board.sacked, snd.mss, snd.rtt.min_rtt, max(snd.rtt.srtt, 1), snd.ep.config
    )
    _, wait = snd.rack.detect(snd.board, reo_wnd, now)
    if snd.board.lost_again:
        _count_lost_again(snd)
    snd.ep.timers.reorder_wait(wait, now)


def _detect_without_sack(snd: Sender, advanced: int) -> None:
    board = snd.board
    if snd.ca_state >= CA_RECOVERY:
        head_missing = advanced > 0 and snd.una < snd.high_seq  # RFC 6582 3.2 step 3: a partial ACK
    else:
        head_missing = snd.dup_acks >= snd.rack.reordering
    head = board.segs[0]
    if head_missing and not head.state & LOST:
        if head.end - head.seq > snd.mss:
            board.split(0, head.seq + snd.mss)
        board.mark_lost(board.segs[0])


def probe_lost(snd: Sender) -> bool:
    """A segment that tried a larger size, and nothing else, is missing: it goes again in smaller ones."""
    if snd.prober is None or snd.ca_state >= CA_CWR or not snd.prober.lost_alone():
        return False
    snd.ca_state = CA_LOSS
    snd.high_seq = snd.nxt
    snd.undo_marker = -1
    return True


def enter_recovery(snd: Sender, now: int) -> None:
    """Fast retransmit: the first loss of a window."""
    stats = snd.ep.stats_ext
    stats.inc("TCPSackRecovery" if snd.ep.sack_ok else "TCPRenoRecovery")
    if snd.ca_state != CA_CWR:
        _begin_reduction(snd, now)
    snd.ca_state = CA_RECOVERY
    snd.high_seq = snd.nxt
    snd.undo_marker = snd.una
    _count_from_here(snd)
    snd.retrans_ts = -1


def _enter_cwr(snd: Sender, now: int) -> None:
    """RFC 3168 6.1.2: as for a loss, once a window, though nothing was lost; the peer is told with CWR."""
    _begin_reduction(snd, now)
    snd.undo_marker = -1
    snd.ca_state = CA_CWR
    snd.high_seq = snd.nxt


def _begin_reduction(snd: Sender, now: int) -> None:
    """ssthresh goes down now, cwnd towards it with what is delivered (tcp_init_cwnd_reduction)."""
    snd.recover_fs = max(snd.nxt - snd.una, 1)
    snd.cc.prior_cwnd = 0
    snd.cc.on_congestion(snd.in_flight(), now)
    snd.prr_delivered = 0
    snd.prr_out = 0
    snd.tlp_end = -1
    snd.ep.ecn.tell = snd.ep.ecn.ok


def _count_from_here(snd: Sender) -> None:
    """DSACKs for all that is sent again from now on will show that nothing was lost; not with earlier ones under way."""
    snd.undo_retrans = 0
    snd.dsack_marker = -1 if snd.board.retrans else snd.una


def _move_cwnd(snd: Sender, delivered: Delivered, rtt: int, now: int) -> None:
    """Leave, enter or continue recovery, or let congestion control grow."""
    cc = snd.cc
    if snd.ca_state >= CA_RECOVERY and (snd.una > snd.high_seq or (snd.una == snd.high_seq and snd.ep.sack_ok)):
        # Without SACK not before something newer is acknowledged: late duplicates would look like a new loss (RFC 6582).
        if snd.ca_state == CA_RECOVERY:
            if not cc.models:
                cc.cwnd = max(cc.ssthresh, 2 * snd.mss)
            snd.rack.on_recovery_end()
        snd.ca_state = CA_OPEN
        snd.board.reno_sacked = 0
        snd.retrans_ts = -1
    if snd.ca_state == CA_CWR and snd.una > snd.high_seq:  # our CWR has arrived
        if not cc.models:
            cc.cwnd = cc.ssthresh
        snd.ca_state = CA_OPEN
    if snd.board.lost and snd.ca_state < CA_RECOVERY and not probe_lost(snd):
        enter_recovery(snd, now)
    if snd.ca_state in (CA_CWR, CA_RECOVERY):
        if not cc.models:
            _proportional_rate(snd, delivered)
        return
    if snd.ca_state < CA_RECOVERY:
        snd.ca_state = CA_DISORDER if snd.board.sacked or snd.dup_acks else CA_OPEN
    reordering = snd.rack.reordering > snd.ep.config.reordering  # what is sacked is progress, too (tcp_may_raise_cwnd)
    if delivered.acked > 0 or (delivered.sacked > 0 and reordering):
        grow_cwnd(snd, delivered.fresh, rtt, now)


def _measure(snd: Sender, delivered: Delivered, rtt: int, prior_lost: int, now: int) -> None:
    """Congestion control that moves its window itself hears of what this ACK has delivered, and so does a recorder."""
    sample = snd.rate.acked(delivered.records, delivered.fresh, snd.rtt.min_rtt, now)
    sample.rtt = rtt
    sample.lost = max(snd.board.lost - prior_lost, 0)
    sample.in_flight = snd.in_flight()
    if snd.cc.models:
        snd.cc.on_sample(sample, snd.ca_state >= CA_RECOVERY, now)
    if snd.recorder is not None:
        snd.recorder.rate = sample.rate or snd.recorder.rate
        snd.recorder.take(snd, now)


def grow_cwnd(snd: Sender, acked: int, rtt: int, now: int) -> None:
    """Only while the window is what limits us (RFC 9438 4.2, RFC 7661's concern)."""
    if snd.limited_by_cwnd():
        snd.cc.on_ack(acked, rtt, snd.una, snd.nxt, now)


def _proportional_rate(snd: Sender, delivered: Delivered) -> None:
    """RFC 9937 6.2: cwnd follows what leaves the network towards ssthresh."""
    cc = snd.cc
    newly = delivered.fresh
    snd.prr_delivered += newly
    pipe = snd.in_flight()
    if pipe > cc.ssthresh:
        allowed = -(-snd.prr_delivered * cc.ssthresh // snd.recover_fs) - snd.prr_out
    else:
        limit = max(snd.prr_delivered - snd.prr_out, newly)
        if delivered.acked > 0:
            limit += snd.mss  # a safe ACK: progress and no further loss
        allowed = min(cc.ssthresh - pipe, limit)
    if snd.prr_out == 0 and snd.ca_state == CA_RECOVERY:
        allowed = max(allowed, snd.mss)  # the fast retransmit itself
    cc.cwnd = max(pipe + max(allowed, 0), snd.mss)


def on_retransmit_timeout(snd: Sender, now: int) -> None:
    """RFC 5681 3.1 (4), RFC 6298 (5.4)-(5.6): everything outstanding that was not sacked is taken for lost."""
    cc = snd.cc
    new_loss = snd.ca_state < CA_RECOVERY
    _count_failure(snd)
    snd.frto = snd.ep.config.frto != 0 and (new_loss or snd.retransmits > 0)
    if snd.ca_state <= CA_DISORDER or snd.una >= snd.high_seq or (snd.ca_state == CA_LOSS and snd.retransmits == 0):
        if snd.ca_state < CA_RECOVERY:
            cc.prior_cwnd = 0
            snd.retrans_ts = -1
        cc.on_congestion(snd.in_flight(), now)
        snd.undo_marker = snd.una
        _count_from_here(snd)
        snd.ep.ecn.tell = snd.ep.ecn.ok
    cc.on_timeout()
    if snd.prober is not None:
        snd.prober.timed_out()
    snd.ca_state = CA_LOSS
    snd.high_seq = snd.nxt
    snd.tlp_end = -1
    snd.dup_acks = 0
    if snd.board.mark_all_lost():
        snd.ep.stats_ext.inc("TCPSACKReneging")
    _count_lost_again(snd)
    cc.cwnd = snd.mss
    snd.chrono.timed_out(snd.retransmits == 0, now)
    snd.retransmits += 1
    thin_linear = snd.ep.config.thin_linear_timeouts or snd.ep.tcp_options.thin_linear
    if thin_linear and len(snd.board.segs) < THIN and snd.retransmits <= THIN_RETRIES:
        snd.rtt.reset_backoff()  # tcp_thin_linear_timeouts: few segments, no other way to learn of a loss
    else:
        snd.rtt.back_off()
    snd.ep.stats_ext.inc("TCPTimeouts")
    if snd.first_timeout < 0:
        snd.first_timeout = now
    if snd.recorder is not None:
        snd.recorder.take(snd, now)


def _count_failure(snd: Sender) -> None:
    """What the first time-out in a row has ended (net/ipv4/tcp_timer.c: tcp_retransmit_timer)."""
    if snd.retransmits:
        return
    kind = "Sack" if snd.ep.sack_ok else "Reno"
    if snd.ca_state == CA_RECOVERY:
        snd.ep.stats_ext.inc(f"TCP{kind}RecoveryFail")
    elif snd.ca_state == CA_LOSS:
        snd.ep.stats_ext.inc("TCPLossFailures")
    elif snd.ca_state == CA_DISORDER or snd.board.sacked:
        snd.ep.stats_ext.inc(f"TCP{kind}Failures")


def simple_retransmit(snd: Sender) -> None:
    """The path's MTU shrank: what was too large is lost, and it is nobody's congestion (RFC 1191 6.4)."""
    for seg in snd.board.segs:
        if not seg.state & SACKED and seg.end - seg.seq > snd.mss:
            snd.board.mark_lost(seg)
    if snd.board.lost and snd.ca_state < CA_RECOVERY:
        snd.ca_state = CA_LOSS
        snd.high_seq = snd.nxt
        snd.undo_marker = -1
