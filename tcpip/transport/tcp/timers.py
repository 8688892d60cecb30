"""The timers of one connection.

`xmit` serves one of several purposes at a time (its `kind`), as they exclude each other: retransmission, tail loss
probe, reordering, zero-window probes. `keep` is keep-alive, then the wait in FIN_WAIT_2.
Implements: RFC 6298 5, RFC 8985 7.3, RFC 9293 3.8.4 (keep-alive), 3.8.6.1 (probes), 3.8.3 (R2), RFC 5482 (user timeout).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.clock import NS_PER_MS, NS_PER_US
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, PSH
from tcpip.transport.flow_labels import rehash
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import RTO_MIN_NS
from tcpip.transport.tcp.emit import emit_ack, emit_probe, emit_reset, emit_segment
from tcpip.transport.tcp.rack import probe_timeout
from tcpip.transport.tcp.recovery import detect_by_time, enter_recovery, on_retransmit_timeout, probe_lost
from tcpip.transport.tcp.rtt import retries_last
from tcpip.transport.tcp.sack import LOST, RETRANS, SACKED, SentSegment
from tcpip.transport.tcp.sender import CA_CWR, CA_DISORDER, CA_RECOVERY

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

IDLE: Final = 0
RETRANSMIT: Final = 1
PROBE_TAIL: Final = 2
REORDER: Final = 3
PERSIST: Final = 4
ORPHAN_RETRIES: Final = 8  # where tcp_orphan_retries is 0
RENEGING_NS: Final = 10 * NS_PER_MS


class TcpTimers:
    """Three timers and what happens when they fire."""

    __slots__ = ("ep", "xmit", "kind", "delack", "keep", "keep_probes", "pace")

    def __init__(self, ep: TcpEndpoint) -> None:
        queue = ep.stack.timers
        self.ep = ep
        self.xmit = queue.timer(self._xmit_fired)
        self.kind = IDLE
        self.delack = queue.timer(self._delack_fired)
        self.keep = queue.timer(self._keep_fired)
        self.keep_probes = 0
        self.pace = queue.timer(self._pace_fired)

    def stop(self) -> None:
        """The connection is over."""
        self.xmit.cancel()
        self.kind = IDLE
        self.delack.cancel()
        self.keep.cancel()
        self.pace.cancel()

    def _arm(self, kind: int, deadline: int) -> None:
        self.kind = kind
        self.xmit.arm(deadline)

    # Who arms.

    def arm_retransmit(self, now: int) -> None:
        """RFC 6298 (5.1)."""
        wait = self.ep.snd.rtt.rto
        limit = self.ep.tcp_options.user_timeout_ns
        if limit and self.ep.snd.first_timeout >= 0:
            wait = min(wait, max(self.ep.snd.first_timeout + limit - now, NS_PER_MS))
        self._arm(RETRANSMIT, now + wait)

    def sent_data(self, now: int) -> None:
        """Something that wants an ACK has left."""
        if not self._arm_tail_probe(now) and (self.kind in (IDLE, PERSIST) or self.xmit.deadline is None):
            self.arm_retransmit(now)

    def acked(self, advanced: int, now: int) -> None:
        """RFC 6298 (5.2), (5.3)."""
        snd = self.ep.snd
        if not snd.board.segs:
            if self.kind != PERSIST or snd.window_end() - snd.nxt >= min(snd.unsent(), snd.mss):
                self.xmit.deadline = None
                self.kind = IDLE
                snd.probe_backoff = 0
                snd.probing_since = -1
            else:
                self._arm_window_probe(now)  # from the answer on (tcp_input.c:tcp_ack_probe)
        elif advanced > 0 and self.kind != REORDER:
            self.rearm(now)

    def sacked(self, sent: int, now: int) -> None:
        """A SACK block tells of what left at `sent`. Was that before the first segment left (again), the path is slow, and its
        answer may still come."""
        segs = self.ep.snd.board.segs
        if segs and self.kind != REORDER and sent < segs[0].sent:
            self.rearm(now)

    def rearm(self, now: int) -> None:
        """A tail probe, or the retransmission's time-out once more (tcp_input.c:tcp_set_xmit_timer): from when the first
        segment left where another timer has stood in for it."""
        snd = self.ep.snd
        stood_in = self.kind in (PROBE_TAIL, REORDER)
        if self._arm_tail_probe(now):
            return
        self.arm_retransmit(now)
        if stood_in:
            self._arm(RETRANSMIT, max(snd.board.segs[0].sent + snd.rtt.rto, now + NS_PER_US))

    def head_sent_again(self, now: int) -> None:
        """The first segment left once more: its time-out begins again (tcp_output.c:tcp_xmit_retransmit_queue)."""
        if self.kind != REORDER:
            self.arm_retransmit(now)

    def _arm_tail_probe(self, now: int) -> bool:
        """RFC 8985 7.2: in the open state, when all that is allowed has been sent. True: it takes the retransmission
        timer's place."""
        snd = self.ep.snd
        ep = self.ep
        if (
            snd.ca_state > CA_CWR
            or snd.ca_state == CA_DISORDER
            or not ep.sack_ok
            or snd.tlp_end >= 0
            or snd.board.sacked
        ):
            return False
        if ep.config.early_retrans not in (3, 4) or ep.fast_open is not None:
            return False
        alone = len(snd.board.segs) == 1 and snd.nxt - snd.una <= snd.mss
        self._arm(PROBE_TAIL, now + probe_timeout(snd.rtt, alone))
        return True

    def reorder_wait(self, wait: int, now: int) -> None:
        """RACK wants to look again in `wait` ns; 0: not needed."""
        if wait > 0:
            self._arm(REORDER, now + wait)
        elif self.kind == REORDER:
            self.arm_retransmit(now)

    def reneged(self, now: int) -> None:
        """What was sacked is missing after all: a time-out soon, unless it was an ACK on its way (tcp_check_sack_reneging)."""
        self._arm(RETRANSMIT, now + max(self.ep.snd.rtt.srtt // 2, RENEGING_NS))

    def revert_backoff(self, now: int) -> None:
        """RFC 6069: what a time-out has sent again came to a broken path (net/ipv4/tcp_ipv4.c:tcp_ld_RTO_revert)."""
        snd = self.ep.snd
        if self.kind != RETRANSMIT or not snd.board.segs or not snd.retransmits or not snd.rtt.backoff:
            return
        snd.rtt.revert_back_off()
        self._arm(RETRANSMIT, max(snd.board.segs[0].sent + snd.rtt.rto, now))

    def check_probe(self, now: int) -> None:
        """Text waits, nothing is outstanding that would bring an ACK: probe (or push a partial segment at last)."""
        snd = self.ep.snd
        if snd.board.segs or self.kind != IDLE:
            return
        if snd.buf.end > snd.nxt:
            self._arm_window_probe(now)

    def _arm_window_probe(self, now: int) -> None:
        """Its time-out, no later than the user's (tcp_clamp_probe0_to_user_timeout)."""
        snd = self.ep.snd
        wait = min(snd.rtt.base_rto() << min(snd.probe_backoff, 16), snd.rtt.most)
        limit = self.ep.tcp_options.user_timeout_ns
        if limit and snd.probing_since >= 0:
            wait = min(wait, max(snd.probing_since + limit - now, NS_PER_MS))
        self._arm(PERSIST, now + wait)

    # When they fire.

    def _delack_fired(self) -> None:
        ep = self.ep
        ep.stats_ext.inc("DelayedACKs")
        ep.rcv.waited_in_vain()
        if st.synchronized(ep.state):
            emit_ack(ep, ep.stack.clock.now_ns())

    def _pace_fired(self) -> None:
        self.ep.snd.output_burst(self.ep.stack.clock.now_ns())

    def _xmit_fired(self) -> None:
        now = self.ep.stack.clock.now_ns()
        kind = self.kind
        self.kind = IDLE
        if self.ep.state in (st.SYN_SENT, st.SYN_RECEIVED):
            self.ep.handshake_timeout(now)
            return
        if self.ep.route is not None:
            self.ep.snd.follow_path(self.ep.route)
        if kind == RETRANSMIT:
            self._retransmit(now)
        elif kind == PROBE_TAIL:
            self._probe_tail(now)
        elif kind == REORDER:
            self._reordering_over(now)
        elif kind == PERSIST:
            self._probe_window(now)

    def _gives_up(self, now: int) -> bool:
        """R2 or the user timeout has passed; the connection is aborted."""
        ep = self.ep
        snd = ep.snd
        first = snd.first_timeout
        if first < 0:
            return False
        if ep.tcp_options.user_timeout_ns:
            expired = now - first >= ep.tcp_options.user_timeout_ns
        else:
            boundary = self._most_retries(snd.rtt.rto < snd.rtt.most)
            expired = now - first >= retries_last(boundary, most=snd.rtt.most) - RTO_MIN_NS
        if expired:
            ep.stats_ext.inc("TCPAbortOnTimeout")
            ep.abort(ep.soft_error or errors.TIMED_OUT)
        return expired

    def _most_retries(self, alive: bool) -> int:
        """Of one that nobody holds any more fewer, and none once waits are as long as they get (tcp_timer.c:tcp_orphan_retries)."""
        ep = self.ep
        if not ep.orphaned:
            return ep.config.retries2
        if not alive:
            return 0 if ep.soft_error is not None else ep.config.orphan_retries
        return ep.config.orphan_retries or ORPHAN_RETRIES

    def _retransmit(self, now: int) -> None:
        snd = self.ep.snd
        if not snd.board.segs or self._gives_up(now):
            return
        self._suspect_black_hole(now)
        on_retransmit_timeout(snd, now)
        rehash(self.ep)
        self._send_head(now)
        self.arm_retransmit(now)

    def _suspect_black_hole(self, now: int) -> None:
        """R1 (RFC 9293 3.8.3): perhaps what is sent is too large, and nobody says so."""
        ep, snd = self.ep, self.ep.snd
        first = snd.first_timeout
        if not ep.config.mtu_probing or first < 0 or now - first < retries_last(ep.config.retries1) - RTO_MIN_NS:
            return
        if snd.prober is None:
            snd.probe_mtu(now)
        else:
            snd.prober.black_hole()
            snd.sync_mss()

    def _send_head(self, now: int) -> None:
        """The first segment that was not sacked, once more."""
        snd = self.ep.snd
        for index, seg in enumerate(snd.board.segs):
            if not seg.state & SACKED:
                try:
                    snd.retransmit(index, snd.mss, now)
                except NetworkError as failure:
                    self.ep.soft_error = failure.error
                return

    def _probe_tail(self, now: int) -> None:
        """RFC 8985 7.3: new text if there is and may be, else the last segment again."""
        ep = self.ep
        snd = ep.snd
        board = snd.board
        if not board.segs:
            return
        ep.stats_ext.inc("TCPLossProbes")
        size = min(snd.buf.end - snd.nxt, snd.mss)
        snd.tlp_retrans = size <= 0 or snd.window_end() - snd.nxt < size
        snd.tlp_end = snd.nxt
        try:
            if snd.tlp_retrans:
                last = board.segs[-1]
                if last.end - last.seq > snd.mss:
                    cut = (last.end - last.seq - 1) // snd.mss * snd.mss
                    board.split(len(board.segs) - 1, last.seq + cut)
                if not board.segs[-1].state & SACKED:
                    if not snd.retransmit(len(board.segs) - 1, snd.mss, now):
                        snd.tlp_end = -1
                        self._arm(RETRANSMIT, max(board.segs[0].sent + snd.rtt.rto, now + NS_PER_US))
                        return
                    board.not_in_flight_twice(board.segs[-1])
            else:
                self._send_forced(size, now)
                snd.tlp_end = snd.nxt
        except NetworkError as failure:
            ep.soft_error = failure.error
        self.arm_retransmit(now)

    def _send_forced(self, size: int, now: int, push: bool = False) -> None:
        snd = self.ep.snd
        seq = snd.nxt
        snd.nxt = seq + size
        record = SentSegment(seq, snd.nxt, now, False)
        record.push = push or (snd.nxt == snd.buf.end and snd.push_end > snd.packet_start)
        snd.board.segs.append(record)
        snd.bytes_sent += size
        snd.last_send = now
        emit_segment(self.ep, seq, size, ACK | PSH if record.push else ACK, now, True)

    def _reordering_over(self, now: int) -> None:
        snd = self.ep.snd
        detect_by_time(snd, now)
        if snd.board.lost:
            if snd.ca_state < CA_RECOVERY and probe_lost(snd):
                pass
            elif snd.ca_state < CA_RECOVERY:
                enter_recovery(snd, now)
                snd.cc.cwnd = max(snd.in_flight() + snd.mss, snd.mss)
            elif not any(seg.state & (LOST | RETRANS) == LOST for seg in snd.board.segs[:1]):
                snd.cc.cwnd = max(snd.cc.cwnd, snd.in_flight() + snd.mss)
            snd.output(now)
        if self.kind == IDLE and snd.board.segs:
            self.arm_retransmit(now)

    def _probe_window(self, now: int) -> None:
        """RFC 9293 3.8.6.1: text waits for a window, or for company (Nagle, a cork)."""
        ep = self.ep
        snd = ep.snd
        waiting = snd.buf.end - snd.nxt
        if snd.board.segs or waiting <= 0 or ep.state not in PROBING:
            return
        room = snd.window_end() - snd.nxt
        if room > 0:
            try:
                self._send_forced(min(waiting, room, snd.mss), now, True)
            except NetworkError as failure:
                ep.soft_error = failure.error
            self.arm_retransmit(now)
            snd.output(now)
            return
        alive = snd.rtt.base_rto() << min(snd.probe_backoff, 16) < snd.rtt.most
        limit = self._most_retries(alive)
        timeout = ep.tcp_options.user_timeout_ns
        # An orphan whose peer answers, and keeps the window shut, is given up when the waits are as long as they get.
        expired = snd.probes_out >= limit or (ep.orphaned and not alive and snd.probe_backoff >= limit)
        if snd.probing_since < 0:
            snd.probing_since = now
        elif timeout:
            expired = now - snd.probing_since >= timeout
        if expired:
            ep.abort(ep.soft_error or errors.TIMED_OUT)
            return
        snd.probes_out += 1
        snd.probe_backoff += 1
        snd.retransmits += 1
        ep.stats_ext.inc("TCPWinProbe")
        emit_probe(ep, now)
        self.check_probe(now)

    # Keep-alive and FIN_WAIT_2.

    def arm_keepalive(self, now: int) -> None:
        """SO_KEEPALIVE was switched, or the connection is new. An orphan's wait for the peer's FIN goes on."""
        if self.ep.orphaned and self.ep.state == st.FIN_WAIT_2:
            return
        self.keep_probes = 0
        if self.ep.so.keepalive and self.ep.state in KEPT:
            self.keep.arm(now + self.ep.tcp_options.keep_idle_ns)
        else:
            self.keep.cancel()

    def arm_fin_wait_2(self, now: int) -> None:
        """An orphan waits so long for the peer's FIN (TCP_LINGER2, tcp_fin_timeout)."""
        self.keep.arm(now + self.ep.tcp_options.linger2_ns)

    def _keep_fired(self) -> None:
        ep = self.ep
        now = ep.stack.clock.now_ns()
        if ep.state == st.FIN_WAIT_2 and ep.orphaned:
            ep.finish()
        elif ep.so.keepalive and ep.state in KEPT:
            self._keepalive(now)

    def _keepalive(self, now: int) -> None:
        ep = self.ep
        snd = ep.snd
        options = ep.tcp_options
        quiet = now - ep.rcv.last_rcv
        if snd.board.segs or snd.unsent():
            self.keep.arm(now + options.keep_idle_ns)
            return
        if quiet < options.keep_idle_ns:
            self.keep_probes = 0
            self.keep.arm(ep.rcv.last_rcv + options.keep_idle_ns)
            return
        timeout = options.user_timeout_ns
        given_up = quiet >= timeout if timeout else self.keep_probes >= options.keep_count
        if given_up and self.keep_probes > 0:
            emit_reset(ep)
            ep.abort(ep.soft_error or errors.TIMED_OUT)
            return
        self.keep_probes += 1
        ep.stats_ext.inc("TCPKeepAlive")
        emit_probe(ep, now)
        self.keep.arm(now + options.keep_intvl_ns)


PROBING: Final = frozenset({st.ESTABLISHED, st.CLOSE_WAIT, st.FIN_WAIT_1, st.CLOSING, st.LAST_ACK})
KEPT: Final = frozenset({st.ESTABLISHED, st.CLOSE_WAIT, st.FIN_WAIT_1, st.FIN_WAIT_2, st.CLOSING, st.LAST_ACK})
