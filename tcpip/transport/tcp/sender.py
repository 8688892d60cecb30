"""The sending half of a connection: snd_* variables, and deciding what may be sent now.

Sequence numbers are unwrapped (segment.py); windows and sizes are bytes; times ns.
Implements: RFC 9293 3.8.6.2.1 (sender's silly window avoidance), RFC 1122 4.2.3.4 (Nagle, with Minshall's change as
Linux has it), RFC 9293 3.8.6.1 (zero-window probes), RFC 3042 (limited transmit, through the pipe).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, PSH
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.chrono import Chrono
from tcpip.transport.tcp.config import DEFAULT_MSS
from tcpip.transport.tcp.congestion import ALGORITHMS
from tcpip.transport.tcp.congestion.base import CongestionControl
from tcpip.transport.tcp.emit import emit_segment
from tcpip.transport.tcp.mtu_probe import SENT, WAIT, MtuProber
from tcpip.transport.tcp.rack import Rack
from tcpip.transport.tcp.rate import RateSampler
from tcpip.transport.tcp.rtt import RttEstimator
from tcpip.transport.tcp.sack import LOST, RETRANS, Scoreboard, SentSegment
from tcpip.transport.tcp.same_stack import hand_over
from tcpip.transport.tcp.send_buffer import SendBuffer
from tcpip.transport.tcp.tso import burst_limit, pacing_rate, packet_limit, should_defer

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.receiver import Receiver
    from tcpip.transport.tcp.recorder import Recorder

CA_OPEN: Final = 0
CA_DISORDER: Final = 1
CA_CWR: Final = 2
CA_RECOVERY: Final = 3
CA_LOSS: Final = 4

SEGMENT_OVERHEAD: Final = 832
"""What one packet is charged to the send buffer beside its text, as Linux charges sk_buff's truesize."""
TCP_HEADER: Final = 20
MAX_IP_PACKET: Final = 65535
UNPACED_SEGMENTS: Final = 10
LEAST_PACKET: Final = 68


class Sender:
    """SND.UNA, SND.NXT, SND.WND, the bytes between and behind them, and what congestion control allows."""

    __slots__ = (
        "ep",
        "iss",
        "una",
        "nxt",
        "wnd",
        "wl1",
        "wl2",
        "max_wnd",
        "wscale",
        "peer_mss",
        "mss",
        "gso_max",
        "mtu",
        "buf",
        "board",
        "rack",
        "rtt",
        "cc",
        "ca_state",
        "high_seq",
        "prr_delivered",
        "prr_out",
        "recover_fs",
        "undo_marker",
        "undo_retrans",
        "dsack_marker",
        "retrans_ts",
        "dup_acks",
        "frto",
        "frto_probe",
        "tlp_end",
        "tlp_retrans",
        "small_end",
        "urgent_end",
        "fin_queued",
        "fin_sent",
        "last_send",
        "cwnd_limited",
        "held_by_cwnd",
        "most_out",
        "usage_end",
        "retransmits",
        "first_timeout",
        "probes_out",
        "probe_backoff",
        "probing_since",
        "total_retrans",
        "dsack_dups",
        "bytes_acked",
        "bytes_sent",
        "bytes_retrans",
        "segs_out",
        "data_segs_out",
        "push_forced",
        "push_end",
        "packet_start",
        "packets",
        "records",
        "mate",
        "rate",
        "pace_at",
        "burst",
        "acks",
        "chrono",
        "measured",
        "recorder",
        "prober",
    )

    def __init__(self, ep: TcpEndpoint, iss: int) -> None:
        self.ep = ep
        self.iss = iss
        self.una = self.nxt = iss
        self.wnd = 0
        self.wl1 = self.wl2 = 0
        self.max_wnd = 0
        self.wscale = 0
        self.peer_mss = DEFAULT_MSS
        self.mss = self.gso_max = DEFAULT_MSS
        self.mtu = 0
        self.buf = SendBuffer(iss + 1)
        self.board = Scoreboard()
        self.rack = Rack(ep.config.reordering)
        self.rtt = RttEstimator(ep.tcp_options.rto_min_ns, ep.tcp_options.rto_max_ns)
        self.cc: CongestionControl = ALGORITHMS[ep.tcp_options.congestion](DEFAULT_MSS)
        self.ca_state = CA_OPEN
        self.high_seq = iss
        self.prr_delivered = self.prr_out = self.recover_fs = 0
        self.undo_marker = -1
        self.undo_retrans = 0  # segments sent again since `dsack_marker` that no DSACK has spoken of
        self.dsack_marker = -1
        self.retrans_ts = -1
        self.dup_acks = 0
        self.frto = False  # the last time-out may have been spurious (RFC 5682)
        self.frto_probe = False  # to find out, new text is sent before what was taken for lost
        self.tlp_end = -1
        self.tlp_retrans = False
        self.small_end = iss
        self.urgent_end = -1
        self.fin_queued = False
        self.fin_sent = False
        self.last_send = 0
        self.cwnd_limited = False
        self.held_by_cwnd = False  # the congestion window has stopped what is being sent now
        self.most_out = 0
        self.usage_end = iss
        self.retransmits = 0
        self.first_timeout = -1
        self.probes_out = 0  # without an answer
        self.probe_backoff = 0  # how often the wait before the next has doubled
        self.probing_since = -1
        self.total_retrans = self.dsack_dups = 0
        self.bytes_acked = self.bytes_sent = self.bytes_retrans = 0
        self.segs_out = self.data_segs_out = 0
        self.push_forced = iss
        self.push_end = iss  # up to where writes without MSG_MORE have come: PSH goes with what holds the end of them
        self.packet_start = iss  # where the packet begins that the next write may be added to
        self.packets: deque[tuple[int, bool]] = deque()  # where full ones before it end, and whether with PSH
        self.records: list[int] = []  # where MSG_EOR has ended a write that is not acknowledged yet
        self.rate = RateSampler()
        self.pace_at = 0  # when the next packet may leave, where there is a pace
        self.burst = -1  # what may still leave at once; -1: all that the windows allow
        self.acks = 0  # how many have come in this batch
        self.chrono = Chrono()
        # ACKs are sampled: from the first TCP_INFO or record on, or for congestion control
        self.measured = self.cc.models
        self.recorder: Recorder | None = None
        self.prober: MtuProber | None = None  # RFC 4821
        self.mate: Receiver | None = None  # the other end's receiving half, where it is in this stack

    def begin(self, iss: int) -> None:
        """Nothing has been sent: the connection's numbers start at `iss`."""
        ep = self.ep
        self.iss = self.una = self.nxt = self.high_seq = self.small_end = self.push_forced = iss
        self.push_end = self.packet_start = iss + 1
        self.buf = SendBuffer(iss + 1)
        self.rtt = RttEstimator(ep.tcp_options.rto_min_ns, ep.tcp_options.rto_max_ns)
        if self.cc.name != ep.tcp_options.congestion:
            self.use(ALGORITHMS[ep.tcp_options.congestion](DEFAULT_MSS))

    def use(self, cc: CongestionControl) -> None:
        """Another congestion control."""
        self.cc = cc
        self.measured = self.measured or cc.models

    def probe_mtu(self, now: int, at_once: bool = True) -> None:
        """Find the path's MTU by trying, from the base size on; the segments are that small from now on if `at_once`."""
        self.prober = MtuProber(self, now)
        self.measured = True  # every ACK of a probe counts
        if at_once:
            self.sync_mss()

    # Sizes.

    def sync_mss(self) -> None:
        """The largest payload of one segment now, from the peer's MSS, the path MTU, TCP_MAXSEG and our options."""
        ep = self.ep
        route = ep.route
        if route is None:
            return
        self.mtu = mtu = min(route.mtu(), MAX_IP_PACKET)
        headers = route.ip_header_len + TCP_HEADER
        mss = min(self.peer_mss, mtu - headers)
        if ep.tcp_options.user_mss:
            mss = min(mss, ep.tcp_options.user_mss)
        if self.prober is not None:
            mss = self.prober.limit(mss - ep.option_len, mtu) + ep.option_len
        self.mss = self._half_window(max(mss, ep.config.min_snd_mss) - ep.option_len)
        room = min(route.gso_limit(), MAX_IP_PACKET) - headers - ep.option_len
        self.gso_max = self.mss if ep.md5_key else max(room - room % self.mss, self.mss)
        self.cc.set_mss(self.mss)

    def follow_path(self, route: Route) -> None:
        """The path's MTU may have changed since the last segment: another connection, or an interface, has learnt."""
        if self.mtu != route.mtu() and self.mtu != MAX_IP_PACKET:
            self.sync_mss()

    def _half_window(self, mss: int) -> int:
        """A peer with a small window gets segments of half of it (net/ipv4/tcp_output.c:tcp_bound_to_half_wnd)."""
        cutoff = self.max_wnd // 2 if self.max_wnd > DEFAULT_MSS else self.max_wnd
        return max(cutoff, LEAST_PACKET - TCP_HEADER - self.ep.option_len) if 0 < cutoff < mss else mss

    def window_grew(self, window: int) -> None:
        """The largest window so far."""
        bound = self.mss > self.max_wnd // 4
        self.max_wnd = window
        if bound:
            self.sync_mss()

    def round_trip(self, rtt: int, now: int) -> None:
        """A round trip of `rtt` ns, for congestion control."""
        cc = self.cc
        cc.on_rtt(rtt, self.una, self.nxt, now)
        for kind in cc.hystart:
            self.ep.stats_ext.inc(f"TCPHystart{kind}Detect")
            self.ep.stats_ext.inc(f"TCPHystart{kind}Cwnd", cc.cwnd // cc.mss)
        cc.hystart = ()

    def in_flight(self) -> int:
        """RFC 6675's pipe, without our SYN."""
        return self.board.pipe(self.nxt - (self.una if self.una > self.iss else self.iss + 1))

    def window_end(self) -> int:
        """The first sequence number that the peer does not want yet."""
        return self.una + self.wnd

    def unsent(self) -> int:
        """Bytes of text not sent yet."""
        return max(self.buf.end - self.nxt, 0)

    def memory(self) -> int:
        """What is charged to SO_SNDBUF."""
        packets = len(self.board.segs) + len(self.packets) + (1 if self.nxt < self.buf.end else 0)
        return len(self.buf) + SEGMENT_OVERHEAD * packets

    def update_window(self, window: int, seq: int, ack: int) -> bool:
        """RFC 9293 3.10.7.4 fifth: take the window of a segment that is newer than the one it came from last."""
        if self.wl1 < seq or (self.wl1 == seq and self.wl2 <= ack) or ack > self.una or self.wnd < window:
            changed = window != self.wnd
            self.wnd = window
            self.wl1 = seq
            self.wl2 = ack
            if window > self.max_wnd:
                self.window_grew(window)
            return changed
        return False

    # Output.

    def room_in_packet(self) -> int:
        """What the last packet that was not sent yet may still take."""
        if self.nxt >= self.buf.end or (self.records and self.records[-1] == self.buf.end):
            return 0
        return self._packet_goal() - (self.buf.end - max(self.packet_start, self.nxt))

    def begin_packet(self) -> int:
        """What is written from now on goes into another packet; how much that takes."""
        if self.nxt < self.buf.end:
            self.packets.append((self.buf.end, self.push_end > self.packet_start))
        self.packet_start = self.buf.end
        return self._packet_goal()

    def _packet_goal(self) -> int:
        """Whole segments, half a window at most (tcp_xmit_size_goal)."""
        goal = self._half_window(self.gso_max)
        return max(goal - goal % self.mss, self.mss)

    def push_is_due(self) -> bool:
        """Half a window was written since the last PSH (forced_push)."""
        return self.buf.end > self.push_end + self.max_wnd // 2

    def output_acknowledged(self, now: int) -> None:
        """`output` when acknowledgements have come. Each stands for a moment of its own, but those of a batch are handled at
        once: what several let go together beyond `burst_limit` follows at the pace of the connection (`output_burst`), lest
        a short queue on the path overflow. So does what one lets go that stands for many segments, except in slow start.
        (Linux sends that at once; it is in time more often, and its segments stay apart.)"""
        bounded = self.ep.config.spread_bursts and (self.acks > 1 or not self.cc.in_slow_start())
        self.acks = 0
        if bounded and self.ca_state == CA_OPEN:  # else it is reordering, or loss, in which PRR holds back
            self.output_burst(now)
        else:
            self.output(now)

    def output_burst(self, now: int) -> None:
        """`output`, with a bound on what leaves at once."""
        self.burst = burst_limit(self)
        self.output(now)
        self.burst = -1

    def output(self, now: int, once: bool = False) -> None:
        """Send what may be sent: lost segments first, then new ones (`once`: one packet of them), then the FIN."""
        if self.ep.state not in SENDING and self.ep.fast_open is None:
            return
        route = self.ep.route
        if route is None:
            return
        self.follow_path(route)
        try:
            probe, self.frto_probe = self.frto_probe, False
            if self.board.lost and not probe:
                self._retransmit_lost(now)
            if self.nxt < self.buf.end or (self.fin_queued and not self.fin_sent):
                self._send_new(now, once)
            if probe and self.nxt == self.high_seq:
                self.frto = False
                self._retransmit_lost(now)
        except NetworkError as failure:  # as if the link had lost it
            self.ep.soft_error = failure.error
            self.ep.stats_ext.inc("TCPRetransFail", int(self.board.lost > 0))
            if self.board.segs:
                self.ep.timers.sent_data(now)
        self.ep.timers.check_probe(now)
        self.chrono.look(self, now)

    def _send_new(self, now: int, once: bool) -> None:
        self.held_by_cwnd = False
        if self.nxt == self.una and hand_over(self, now) and not self.fin_queued:
            return
        if self.nxt == self.una and self.bytes_sent:
            idle = now - self.last_send
            self.cc.on_restart(idle, now)
            if idle > self.rtt.rto and self.ep.config.slow_start_after_idle:
                self.cc.on_idle(idle, self.rtt.rto)
        sent = False
        if self.prober is not None and not once:
            outcome = self.prober.try_probe(now)
            if outcome == WAIT:
                return
            sent = outcome == SENT
        while self._may_leave(now):
            size = self._next_size(now)
            if size == 0:
                break
            end = self.nxt + size
            last = end == self.buf.end
            if self.packets and self.packets[0][0] == end:
                push = self.packets.popleft()[1]
            else:
                push = last and self.push_end > self.packet_start
            self._transmit_new(size, last and self.fin_queued, push or end in self.records, now)
            sent = True
            if once:
                break
        if self.measured and self.nxt >= self.buf.end and self.in_flight() < self.cc.cwnd:
            self.rate.nothing_to_send(self.in_flight())
        if self.fin_queued and not self.fin_sent and self.nxt == self.buf.end:
            self._transmit_new(0, True, True, now)
            sent = True
        if sent or self.held_by_cwnd:
            self._validate_cwnd()
        if sent:
            self.ep.timers.sent_data(now)

    def _validate_cwnd(self) -> None:
        """How much of the congestion window this window of text has used (tcp_output.c:tcp_cwnd_validate)."""
        limited = self.held_by_cwnd or self.in_flight() >= self.cc.cwnd
        out = self.nxt - self.una
        if self.una >= self.usage_end or limited or (not self.cwnd_limited and out > self.most_out):
            self.cwnd_limited = limited
            self.most_out = out
            self.usage_end = self.nxt

    def limited_by_cwnd(self) -> bool:
        """The congestion window may grow: it was all used, or in slow start more than half (tcp_is_cwnd_limited)."""
        return self.cwnd_limited or (self.cc.in_slow_start() and self.cc.cwnd < 2 * self.most_out)

    def _next_size(self, now: int) -> int:
        """How much to send in the next packet; 0: nothing now."""
        unsent = self.buf.end - self.nxt
        if unsent <= 0:
            return 0
        if self.records:
            unsent = next((end for end in self.records if end > self.nxt), self.buf.end) - self.nxt
        packets = self.packets
        while packets and packets[0][0] <= self.nxt:
            packets.popleft()
        if packets:
            unsent = min(unsent, packets[0][0] - self.nxt)
        mss = self.mss
        window = self.una + self.wnd - self.nxt
        congestion = self.cc.cwnd - self.in_flight()
        size = min(unsent, window, congestion)
        if size > mss:
            limit = mss if self.urgent_end > self.nxt or self.ep.ecn.tell else packet_limit(self)
            size = min(size, limit)
        if size < mss:
            return self._small_size(unsent, window, congestion)
        if size == unsent:
            tail = size % mss
            if tail and size > mss and not self._may_send_small(True):
                return size - tail
            return size
        if congestion <= min(window, unsent):
            self.held_by_cwnd = True
        if self.ca_state < CA_RECOVERY and unsent > mss:
            if should_defer(self, min(congestion, window), congestion, packet_limit(self), unsent, now):
                return 0
        if size == window and self._may_send_small(True):
            return size  # the window ends there (tcp_mss_split_point)
        return size - size % mss

    def _small_size(self, unsent: int, window: int, congestion: int) -> int:
        """Less than a segment: RFC 9293 3.8.6.2.1 and Nagle."""
        if congestion < min(self.mss, unsent):
            self.held_by_cwnd = True
            if congestion <= 0 or self.nxt != self.una:
                return 0
        if window < min(unsent, self.mss):
            if window > 0 and window >= max(self.max_wnd // 2, 1) and self.nxt == self.una:
                return min(window, unsent)  # (3) at least half of the largest window
            return 0
        if unsent >= self.mss:
            return self.mss
        return unsent if self._may_send_small(False) else 0

    def _may_send_small(self, after_full: bool) -> bool:
        """Nagle's test for the last, partial segment (net/ipv4/tcp_output.c:tcp_nagle_check)."""
        if self.fin_queued or self.push_forced >= self.buf.end or self.urgent_end > self.una:
            return True
        if self.packets or any(self.nxt < end < self.buf.end for end in self.records):
            return True
        options = self.ep.tcp_options
        if options.cork or self.ep.more_coming:
            return False
        if options.nodelay or (self.nxt == self.una and not after_full):
            return True
        return self.small_end <= self.una

    def _transmit_new(self, size: int, fin: bool, push: bool, now: int) -> None:
        seq = self.nxt
        push = push and size > 0
        flags = ACK | PSH if push else ACK
        end = seq + size
        if fin:
            flags |= FIN
            end += 1
            self.fin_sent = True
        if size % self.mss and size:
            self.small_end = seq + size
        record = SentSegment(seq, end, now, fin)
        record.push = push
        if self.measured:
            record.rate = self.rate.sending(self.in_flight(), now)
        self.nxt = end
        self.board.segs.append(record)
        self.last_send = now
        self.bytes_sent += size
        if self.ca_state in (CA_CWR, CA_RECOVERY):
            self.prr_out += size
        emit_segment(self.ep, seq, size, flags, now, True)
        if self.ep.tx_stamps is not None:
            self.ep.tx_stamps.sent(self.ep, self.nxt)
        self._left(size, now)

    # Pacing.

    def pace(self) -> int:
        """Bytes a second, 0 for none: congestion control's, or SO_MAX_PACING_RATE's bound."""
        rate = self.cc.pacing_rate
        most = self.ep.so.max_pacing_rate
        if self.ep.config.paced:
            rate = rate or pacing_rate(self)
        if most >= 0:
            rate = min(rate or pacing_rate(self) or most, most)
        return rate

    def _may_leave(self, now: int) -> bool:
        """Its time has come; else a timer waits for it."""
        if self.pace_at <= now:
            return True
        self.ep.timers.pace.arm(self.pace_at)
        return False

    def _left(self, size: int, now: int) -> None:
        """The first ten segments are not paced (net/ipv4/tcp_output.c:tcp_update_skb_after_send)."""
        rate = self.pace()
        if rate and self.data_segs_out >= UNPACED_SEGMENTS:
            wait = size * NS_PER_S // rate
            wait -= min(wait // 2, max(now - self.pace_at, 0))  # who was late, or idle, has some credit
            self.pace_at = max(self.pace_at, now) + wait
        if self.burst >= 0:
            self.burst -= size
            if self.burst <= 0:
                self._rest_after_burst(now)

    def _rest_after_burst(self, now: int) -> None:
        """The next burst is due when this one has left at the pace of the connection."""
        rate = pacing_rate(self)
        if rate:
            spent = burst_limit(self) - self.burst
            self.pace_at = max(self.pace_at, now + spent * NS_PER_S // rate)

    # Retransmission.

    def lose_syn_text(self) -> None:
        """The peer took our SYN without its text: that is nobody's congestion (tcp_non_congestion_loss_retransmit)."""
        for seg in self.board.segs:
            self.board.mark_lost(seg)
        self.ca_state = CA_LOSS
        self.high_seq = self.nxt
        self.undo_marker = -1

    def _retransmit_lost(self, now: int) -> None:
        """Lost segments in order, as far as the congestion window goes."""
        board = self.board
        index = 0
        while index < len(board.segs):
            seg = board.segs[index]
            if seg.state & (LOST | RETRANS) == LOST:
                room = self.cc.cwnd - self.in_flight()
                if room < self.mss and room < seg.end - seg.seq and board.pipe(self.nxt - self.una) > 0:
                    break
                if not self._may_leave(now):
                    break
                before = self.total_retrans
                if not self.retransmit(index, max(room, self.mss), now):
                    break
                if index == 0:
                    self.ep.timers.head_sent_again(now)
                counter = "TCPSlowStartRetrans" if self.ca_state == CA_LOSS else "TCPFastRetrans"
                self.ep.stats_ext.inc(counter, self.total_retrans - before)
            index += 1

    def retransmit(self, index: int, limit: int, now: int) -> bool:
        """Send record `index` again, at most `limit` bytes of it (whole segments). False: the window has shrunk, and it lies
        outside."""
        seg = self.board.segs[index]
        size = seg.end - seg.seq
        limit = min(limit - limit % self.mss, packet_limit(self))
        beyond = self.window_end() - seg.seq
        if beyond <= 0 and seg.seq != self.una:
            return False
        if beyond < limit:
            limit = max(beyond - beyond % self.mss, self.mss)  # a shrunken window: no more than one segment of it
        if size - (1 if seg.fin else 0) > limit:
            self.board.split(index, seg.seq + limit)
            seg = self.board.segs[index]
            size = limit
        if self.measured:
            seg.rate = self.rate.sending(self.in_flight(), now)
        self.board.mark_retransmitted(seg, now)
        self.ep.timers.sent_data(now)
        text = size - (1 if seg.fin else 0)
        if self.retrans_ts < 0:
            self.retrans_ts = self.ep.ts_now(now)
        segments = max(-(-text // self.mss), 1)
        self.total_retrans += segments
        self.undo_retrans += segments
        self.bytes_retrans += text
        self.last_send = now
        self.ep.stats.inc("RetransSegs", segments)
        if self.ca_state == CA_RECOVERY:
            self.prr_out += text
        flags = ACK | FIN if seg.fin else ACK
        if text and seg.push:
            flags |= PSH
        emit_segment(self.ep, seg.seq, text, flags, now)
        self._left(text, now)
        return True


SENDING: Final = frozenset({st.ESTABLISHED, st.CLOSE_WAIT, st.FIN_WAIT_1, st.CLOSING, st.LAST_ACK})
