"""Loss detection by time: RACK, with its reordering window, and the timeout of tail loss probes.

Implements: RFC 8985 6 (RACK), 7.2 (PTO). Times ns, counts bytes.
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_MS
from tcpip.transport.tcp.config import TcpConfig
from tcpip.transport.tcp.rtt import RttEstimator
from tcpip.transport.tcp.sack import EVER_RETRANS, LOST, RETRANS, SACKED, Delivered, Scoreboard, SentSegment

MAX_MULTIPLIER: Final = 255
PERSIST_RECOVERIES: Final = 16
TLP_SLACK_NS: Final = 2 * NS_PER_MS


class Rack:
    """The most recently sent delivered segment, and what follows from it."""

    __slots__ = (
        "xmit",
        "end",
        "again",
        "rtt",
        "reordering",
        "reorders",
        "multiplier",
        "persist",
        "dsack_round",
        "undo_round",
        "advanced",
    )

    def __init__(self, reordering: int) -> None:
        self.xmit = -1
        self.end = 0
        self.again = False  # it was a retransmission
        self.rtt = 0
        self.reordering = reordering  # how many segments may overtake one, as far as is known
        self.reorders = 0  # how often some have
        self.multiplier = 1
        self.persist = 0
        self.dsack_round = -1
        self.undo_round = -1
        self.advanced = False

    def update(self, delivered: Delivered, min_rtt: int, now: int) -> None:
        """6.2 steps 1-3 for all that one ACK delivered: what it sacks, then what it acknowledges, as Linux goes through it."""
        for sacked in (SACKED, 0):
            for seg in delivered.records:
                if seg.state & SACKED == sacked:
                    self._update_one(seg, min_rtt, now)

    def _update_one(self, seg: SentSegment, min_rtt: int, now: int) -> None:
        rtt = now - seg.sent
        if seg.state & EVER_RETRANS and rtt < min_rtt:
            return  # more likely the answer to the original
        self.advanced = True
        self.rtt = rtt
        if seg.sent > self.xmit or (seg.sent == self.xmit and seg.end > self.end):
            self.xmit = seg.sent
            self.end = seg.end
            self.again = seg.state & EVER_RETRANS != 0

    def on_dsack(self, una: int, nxt: int) -> None:
        """6.2 step 4: the peer got something twice; widen the reordering window once a round trip, where anything has ever been
        reordered (net/ipv4/tcp_input.c:tcp_dsack_seen)."""
        if self.reorders and una >= self.dsack_round:
            self.dsack_round = nxt
            self.multiplier = min(self.multiplier + 1, MAX_MULTIPLIER)
            self.persist = PERSIST_RECOVERIES

    def on_spurious(self, una: int, nxt: int) -> None:
        """A recovery was taken back: what was taken for lost came late. The window doubles, at most once a round trip,
        and never counts for more than a smoothed one."""
        if una >= self.undo_round:
            self.undo_round = nxt
            self.multiplier = min(self.multiplier * 2, MAX_MULTIPLIER)
            self.persist = PERSIST_RECOVERIES

    def on_reordering(self, segments: int, most: int) -> None:
        """`segments` were overtaken by one that was sent before them (tcp_input.c:tcp_check_sack_reordering)."""
        self.reordering = max(self.reordering, min(segments, most))
        self.reorders += 1

    def on_recovery_end(self) -> None:
        """The wide window lasts for some recoveries."""
        self.persist -= 1
        if self.persist <= 0:
            self.multiplier = 1

    def reo_wnd(self, in_recovery: bool, sacked: int, mss: int, min_rtt: int, srtt: int, config: TcpConfig) -> int:
        """6.2 step 4: how late a segment may be."""
        if (
            not self.reorders
            and self.undo_round < 0
            and (in_recovery or sacked >= self.reordering * mss)
            and not config.recovery & 4
        ):
            return 0
        if config.recovery & 2:
            return min(min_rtt // 4, srtt)
        return min(self.multiplier * min_rtt // 4, srtt)

    def detect(self, board: Scoreboard, reo_wnd: int, now: int) -> tuple[bool, int]:
        """6.2 step 5: mark what is lost. (something was, ns until the next candidate is or 0)."""
        found = False
        wait = 0
        if self.xmit < 0:
            return False, 0
        for seg in board.segs:
            state = seg.state
            if state & SACKED or state & (LOST | RETRANS) == LOST:
                continue
            # Of what was sent again in one tick of the clock the order is that of the numbers; new text was sent before it.
            after = seg.end >= self.end or (state & RETRANS != 0 and not self.again)
            if seg.sent > self.xmit or (seg.sent == self.xmit and after):
                if seg.seq >= board.fack and not board.retrans:
                    break
                continue
            remaining = seg.sent + self.rtt + reo_wnd - now
            if remaining <= 0:
                board.mark_lost(seg)
                found = True
            else:
                wait = max(wait, remaining)
        return found, wait


def probe_timeout(rtt: RttEstimator, one_segment: bool) -> int:
    """7.2: when to probe for a lost tail; a lone segment's ACK may be delayed by the peer."""
    if rtt.srtt == 0:
        return rtt.rto
    return min(2 * rtt.srtt + (rtt.least if one_segment else TLP_SLACK_NS), rtt.rto)
