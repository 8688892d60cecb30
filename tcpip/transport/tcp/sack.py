"""What is outstanding: one record per transmitted piece, with what SACK and loss detection say about it.

A record may be as large as a super-segment; it is split at multiples of the segment size only, so that a peer who
acknowledges odd ranges cannot make us keep a record per byte. Sequence numbers are unwrapped; counts are bytes.
Implements: RFC 2018 5, RFC 2883 4, RFC 6675 3-5 (scoreboard, pipe); losses are found by rack.py or by duplicate ACKs.
"""

from __future__ import annotations

from typing import Final

SACKED: Final = 1
LOST: Final = 2
RETRANS: Final = 4
"""A retransmission of it is in flight."""
EVER_RETRANS: Final = 8
"""It was sent more than once: no RTT sample from it (Karn)."""

MAX_RECORDS: Final = 4096
"""With so many a SACK block splits no further ones: each costs time on every ACK."""


class SentSegment:
    """Sequence numbers [seq, end), last sent at `sent`; `fin` when the last of them is the FIN."""

    __slots__ = ("seq", "end", "sent", "state", "fin", "push", "rate")

    def __init__(self, seq: int, end: int, sent: int, fin: bool) -> None:
        self.seq = seq
        self.end = end
        self.sent = sent
        self.state = 0
        self.fin = fin
        self.push = False  # PSH goes with its last byte
        self.rate: tuple[int, int, int, bool] | None = None  # rate.py, where congestion control wants it


class Delivered:
    """What one ACK newly delivered: filled by `ack_to` and `mark_sacked`, read by RACK and the RTT estimator.

    `fresh` are bytes of which no earlier ACK has told. `first_sent` and `last_sent` are send times of records that are
    acknowledged and were sent once only, `first_sacked` and `last_sacked` of such that a SACK block tells of; -1 for none;
    `original_end` is where the first of all these ends; `reordered` the lowest of those that were overtaken.
    """

    __slots__ = (
        "acked",
        "sacked",
        "fresh",
        "first_sent",
        "last_sent",
        "first_sacked",
        "last_sacked",
        "records",
        "retrans_acked",
        "reordered",
        "original_end",
    )

    def __init__(self) -> None:
        self.acked = 0
        self.sacked = 0
        self.fresh = 0
        self.first_sent = -1
        self.last_sent = -1
        self.first_sacked = -1
        self.last_sacked = -1
        self.records: list[SentSegment] = []
        self.retrans_acked = False
        self.reordered = -1
        self.original_end = -1


class Scoreboard:
    """Records in sequence order, and sums over them."""

    __slots__ = ("segs", "sacked", "lost", "retrans", "fack", "reno_sacked", "lost_again")

    def __init__(self) -> None:
        self.segs: list[SentSegment] = []
        self.sacked = 0
        self.lost = 0
        self.retrans = 0
        self.fack = 0
        self.reno_sacked = 0
        self.lost_again = 0  # bytes of retransmissions, until somebody counts them

    def pipe(self, outstanding: int) -> int:
        """RFC 6675 4: how much is in the network, of `outstanding` = snd_nxt - snd_una."""
        return max(outstanding - self.sacked - self.reno_sacked - self.lost + self.retrans, 0)

    def clean(self) -> bool:
        """Nothing was lost, sacked or retransmitted."""
        return not (self.sacked or self.lost or self.retrans or self.reno_sacked)

    def ack_to(self, una: int, result: Delivered) -> None:
        """Everything before `una` is acknowledged."""
        done = 0
        for seg in self.segs:
            if seg.end > una:
                break
            self._deliver(seg, seg.end - seg.seq, result)
            done += 1
        if done:
            del self.segs[:done]
        if self.segs and self.segs[0].seq < una:
            seg = self.segs[0]
            size = una - seg.seq
            self._deliver(seg, size, result)
            seg.seq = una

    def _deliver(self, seg: SentSegment, size: int, result: Delivered) -> None:
        state = seg.state
        result.acked += size
        if state & RETRANS:
            self.retrans -= size
        if state & LOST:
            self.lost -= size
        if state & SACKED:
            self.sacked -= size
            return
        result.fresh += size
        result.records.append(seg)
        if state & EVER_RETRANS:
            result.retrans_acked = True
            return
        if result.first_sent < 0:
            result.first_sent = seg.sent
        result.last_sent = seg.sent
        self._note(seg, result)

    def _note(self, seg: SentSegment, result: Delivered) -> None:
        """It was sent once only."""
        if result.original_end < 0:
            result.original_end = seg.end
        if seg.seq < self.fack and (result.reordered < 0 or seg.seq < result.reordered):
            result.reordered = seg.seq

    def mark_sacked(self, left: int, right: int, mss: int, result: Delivered) -> None:
        """[left, right) arrived out of order."""
        segs = self.segs
        index = self._find(left)
        while index < len(segs):
            seg = segs[index]
            if seg.seq >= right:
                break
            if not seg.state & SACKED:
                start, stop = aligned(seg, left, right, mss)
                if start < stop and (len(segs) < MAX_RECORDS or (start, stop) == (seg.seq, seg.end)):
                    if start > seg.seq:
                        self.split(index, start)
                        index += 1
                        seg = segs[index]
                    if stop < seg.end:
                        self.split(index, stop)
                    self._sack(seg, result)
            index += 1

    def _sack(self, seg: SentSegment, result: Delivered) -> None:
        size = seg.end - seg.seq
        if seg.state & RETRANS:
            self.retrans -= size
        if seg.state & LOST:
            self.lost -= size
        if not seg.state & EVER_RETRANS:
            if result.first_sacked < 0:
                result.first_sacked = seg.sent
            result.last_sacked = seg.sent
            self._note(seg, result)
        result.sacked += size
        result.fresh += size
        result.records.append(seg)
        seg.state = seg.state & ~(LOST | RETRANS) | SACKED
        self.sacked += size
        self.fack = max(self.fack, seg.end)

    def _find(self, seq: int) -> int:
        """The index of the record that holds `seq`, or of the first behind it."""
        segs = self.segs
        low, high = 0, len(segs)
        while low < high:
            middle = (low + high) // 2
            if segs[middle].end <= seq:
                low = middle + 1
            else:
                high = middle
        return low

    def split(self, index: int, at: int) -> None:
        """Cut record `index` in two at sequence number `at`, inside of it."""
        seg = self.segs[index]
        rest = SentSegment(at, seg.end, seg.sent, seg.fin)
        rest.state = seg.state
        rest.rate = seg.rate
        rest.push = seg.push
        seg.end = at
        seg.fin = seg.push = False
        self.segs.insert(index + 1, rest)

    def mark_lost(self, seg: SentSegment) -> None:
        """It, or its retransmission, has left the network."""
        size = seg.end - seg.seq
        if seg.state & RETRANS:
            self.retrans -= size
            self.lost_again += size
        if not seg.state & LOST:
            self.lost += size
        seg.state = seg.state & ~RETRANS | LOST

    def mark_retransmitted(self, seg: SentSegment, now: int) -> None:
        """It is on its way again."""
        seg.sent = now
        if not seg.state & RETRANS:
            self.retrans += seg.end - seg.seq
        seg.state |= RETRANS | EVER_RETRANS

    def not_in_flight_twice(self, seg: SentSegment) -> None:
        """It was sent again as a probe, which is not counted as a retransmission under way (tcp_send_loss_probe)."""
        if seg.state & RETRANS:
            self.retrans -= seg.end - seg.seq
            seg.state &= ~RETRANS

    def mark_lost_below(self, threshold: int, mss: int) -> None:
        """RFC 6675 4, IsLost: what has `threshold` sacked segments above it; never what was sent again already."""
        above = 0
        for seg in reversed(self.segs):
            if seg.state & SACKED:
                above += seg.end - seg.seq
            elif above > (threshold - 1) * mss and not seg.state & (LOST | RETRANS | EVER_RETRANS):
                self.mark_lost(seg)

    def mark_all_lost(self) -> bool:
        """After a timeout (RFC 6675 5.1): all but what was sacked. True when the receiver reneged (RFC 2018 8)."""
        reneged = self.reneged()
        if reneged:
            self.forget_sacks()
        self.reno_sacked = 0
        for seg in self.segs:
            if not seg.state & SACKED:
                self.mark_lost(seg)
        return reneged

    def reneged(self) -> bool:
        """The peer has dropped what it had sacked: it acknowledges all before it, and not that (RFC 2018 8)."""
        return bool(self.segs) and self.segs[0].state & SACKED != 0

    def forget_sacks(self) -> None:
        """Sacked data counts as never sacked."""
        for seg in self.segs:
            seg.state &= ~SACKED
        self.sacked = 0
        self.fack = 0

    def unmark_lost(self) -> None:
        """The losses were none: everything that is not sacked is in flight once."""
        for seg in self.segs:
            seg.state &= ~(LOST | RETRANS)
        self.lost = 0
        self.retrans = 0

    def clear(self) -> None:
        """Nothing is outstanding any more."""
        self.segs = []
        self.sacked = 0
        self.lost = 0
        self.retrans = 0
        self.fack = 0
        self.reno_sacked = 0


def aligned(seg: SentSegment, left: int, right: int, mss: int) -> tuple[int, int]:
    """The part of `seg` in [left, right), rounded inwards to segment boundaries."""
    start = seg.seq
    if left > start:
        start += -(-(left - start) // mss) * mss
    stop = seg.end
    if right < stop:
        stop = seg.seq + (right - seg.seq) // mss * mss
    return start, stop
