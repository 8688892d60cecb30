"""The receiving half of a connection: rcv_* variables, the window, acknowledgements, text.

Sequence numbers are unwrapped (segment.py). How much of the receive buffer is window: receive_space.py.
Implements: RFC 9293 3.8.6.2.2 (receiver's silly window avoidance), 3.8.6.3 and RFC 5681 4.2 (delayed ACKs),
RFC 7323 4.3 (TS.Recent), RFC 2018 4, RFC 2883 4. Receive buffer auto-tuning as net/ipv4/tcp_input.c:tcp_rcv_space_adjust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.buffer import Slice
from tcpip.transport.tcp.assembler import Assembler
from tcpip.transport.tcp.config import DEFAULT_MSS, DELACK_MAX_NS, DELACK_MIN_NS
from tcpip.transport.tcp.receive_queue import ReceiveQueue
from tcpip.transport.tcp.receive_space import WORTH_GROWING, ReceiveSpace, next_window
from tcpip.transport.tcp.same_stack import window_opened

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

MAX_QUICK_ACKS: Final = 16
INITIAL_SPACE_SEGMENTS: Final = 10
LEAST_MSS_ESTIMATE: Final = 88
SAID_BLOCKS: Final = 2
"""How many ranges of text out of order are sure to be told of by one ACK, with room for a DSACK."""

LARGE_UPDATE: Final = 1 << 17  # what a window is opened by at most before the peer is told


def first_mss_estimate(mss: int) -> int:
    """What the peer's full segments are taken for before any has come: rather too small, which shows with the first one, than
    so large that few are acknowledged (net/ipv4/tcp_input.c:tcp_initialize_rcv_mss)."""
    return max(min(mss, DEFAULT_MSS), LEAST_MSS_ESTIMATE)


SHORT_PATH_NS: Final = 10_000_000
"""On a path with a shorter round trip half of the largest buffer is window enough: more only pushes text out of the processor's
caches before it is read, which halves what a stream of super-segments moves. Linux 6.19 has tcp_rcvbuf_low_rtt for that."""


class Receiver:
    """RCV.NXT, the advertised window, queued text and what is out of order."""

    __slots__ = (
        "ep",
        "irs",
        "nxt",
        "wup",
        "adv",
        "wscale",
        "offered_wscale",
        "first_window",
        "queue",
        "ofo",
        "ooo_packets",
        "has_sack_info",
        "dsack",
        "ts_recent",
        "ts_recent_at",
        "mss_est",
        "last_size",
        "pushed",
        "quick_acks",
        "pingpong",
        "always_quick",
        "ack_now",
        "fin_seq",
        "fin_taken",
        "fin_read",
        "urgent_seq",
        "urgent_byte",
        "last_data",
        "ato",
        "last_rcv",
        "bytes_received",
        "data_segs_in",
        "segs_in",
        "space_of",
        "space",
        "space_copied",
        "space_at",
        "rtt",
        "echo",
        "copied",
    )

    def __init__(self, ep: TcpEndpoint) -> None:
        self.ep = ep
        self.irs = 0
        self.nxt = 0
        self.wup = 0
        self.adv = 0
        self.wscale = 0
        self.offered_wscale = 0
        self.first_window = 0
        self.queue = ReceiveQueue()
        self.ooo_packets = 0
        self.ofo = Assembler()
        self.has_sack_info = False
        self.dsack: tuple[int, int] | None = None
        self.ts_recent = 0
        self.ts_recent_at = 0
        self.mss_est = DEFAULT_MSS  # what a full segment of the peer's is taken to be
        self.last_size = 0  # of the last segment that is smaller, but may be a full one
        self.pushed = 0  # what has come since the last ACK may be the end of what the peer has to say: 1; twice: 2
        self.quick_acks = MAX_QUICK_ACKS
        self.pingpong = False
        self.always_quick = False  # the route says so
        self.ack_now = False
        self.fin_seq = -1
        self.fin_taken = False
        self.fin_read = False  # the user has seen the end
        self.urgent_seq = -1
        self.urgent_byte = -1
        self.last_data = 0
        self.ato = 0  # how long an ACK waits for the user's answer; 0 before any text
        self.last_rcv = 0
        self.bytes_received = 0
        self.data_segs_in = 0
        self.segs_in = 0
        self.space_of = ReceiveSpace()
        self.space = 0
        self.space_copied = 0
        self.space_at = 0
        self.rtt = 0
        self.echo = 0
        self.copied = 0

    def start(self, irs: int) -> None:
        """The peer's SYN has been seen: its number is `irs`."""
        self.irs = irs
        self.nxt = irs + 1
        self.wup = self.nxt
        self.adv = self.nxt

    # Window.

    def window(self) -> int:
        """What the peer may still send: the advertised right edge never moves back (RFC 9293 3.8.6)."""
        return max(self.adv - self.nxt, 0)

    def is_beyond(self, end: int) -> bool:
        """Text (without the FIN behind it) up to `end` is more than the peer was allowed, and not the first that the user has
        not read: that is taken as a whole (net/ipv4/tcp_input.c:tcp_sequence)."""
        return end > self.adv and end > self.nxt and self.queue.size > 0

    def is_full(self, end: int) -> bool:
        """No text is wanted up to `end`. A segment that begins inside the window is taken as a whole, as long as the buffer
        is not full already (net/ipv4/tcp_input.c:tcp_data_queue)."""
        if end <= self.nxt:
            return False
        return self.adv <= self.nxt or self.queue.size + self.ofo.size > self.ep.so.rcvbuf

    def count_dropped(self, seq: int) -> None:
        """Text at `seq` finds the window or the buffer full (net/ipv4/tcp_input.c:tcp_data_queue)."""
        if self.adv > self.nxt:
            self.ep.stats_ext.inc("TCPRcvQDrop" if seq <= self.nxt else "TCPOFODrop")
        elif seq <= self.nxt:
            self.ep.stats_ext.inc("TCPZeroWindowDrop")

    def select_window(self) -> int:
        """The window to advertise now, a multiple of what the scale can say; moves the right edge, never back."""
        current = self.adv - self.nxt
        if current < 0:
            current = 0  # what was taken beyond the edge has moved it
        before = self.adv - self.wup
        window = next_window(self)
        if window < current and not (self.wscale and self.ep.config.shrink_window):
            if not window:
                self.ep.stats_ext.inc("TCPWantZeroWindowAdv")
            # Rounding up keeps the edge where the peer saw it.
            window = (current + (1 << self.wscale) - 1) >> self.wscale << self.wscale
        if window > 65535 << self.wscale:
            window = 65535 << self.wscale
        self.adv = self.nxt + window
        if not window:
            self.ep.stats_ext.inc("TCPToZeroWindowAdv", int(before > 0))
        elif before <= 0:
            self.ep.stats_ext.inc("TCPFromZeroWindowAdv")
        return window

    # Acknowledgements.

    def ack_sent(self) -> None:
        """A segment with ACK has left."""
        if self.quick_acks > 0 and self.wup != self.nxt:
            self.quick_acks -= 1
        self.wup = self.nxt
        self.ack_now = False
        self.pushed = 0
        self.ep.timers.delack.deadline = None

    def text_arrived(self, size: int, now: int, push: bool, extra: int, whole: int) -> None:
        """In-order text was queued: acknowledge more than a full segment at once, else later (RFC 5681 4.2). `whole` bytes came
        in segments of `size` bytes and `extra` bytes of options that others do not have; `push`: the last may be short."""
        if size == self.mss_est:
            self.last_size = 0
            if push and not self.pushed:
                self.pushed = 1
        else:
            self._measure(size, push, extra, whole)
        self._pace_of_text(now)
        space = self.space_of
        if whole >= WORTH_GROWING and space.limit < space.clamp:
            space.grow(self, whole)
        ep = self.ep
        if (
            (self.nxt - self.wup > self.mss_est and self._worth_telling())
            or self.ofo.size
            or self.has_sack_info
            or (self.quick_acks > 0 and not self.pingpong)
            or self.always_quick
        ):
            self.ack_now = True
            ep.touch()
        elif ep.timers.delack.deadline is None:
            ep.timers.delack.arm(now + self.ack_delay())

    def _measure(self, size: int, push: bool, extra: int, whole: int) -> None:
        """What a full segment of the peer's is (net/ipv4/tcp_input.c:tcp_measure_rcv_mss)."""
        mss = self.mss_est
        if size < mss:
            self._note_small(size + extra, push)
            return
        self.last_size = 0
        if size > mss:
            self.space_of.measure(self, whole)
            if self.space_of.clamp < self.space:
                self.space = self.space_of.clamp
            self.mss_est = min(size, self.ep.advertised_mss())
        if push and not self.pushed:
            self.pushed = 1

    def _note_small(self, size: int, push: bool) -> None:
        """Not a full segment, as far as is known: the peer may be done, and the ACK goes out once all is read. Or its segments
        are smaller than was thought: two of a size, neither of them tiny nor pushed (net/ipv4/tcp_input.c:tcp_measure_rcv_mss)."""
        last, self.last_size = self.last_size, 0
        if size >= DEFAULT_MSS or (size >= LEAST_MSS_ESTIMATE and not push):
            self.last_size = size
            if size == last:
                self.mss_est = size
                return
        self.pushed = 2 if self.pushed else 1

    def fin_arrived(self, now: int) -> None:
        """The peer has finished first: as for text, but at once where no text has ever come (net/ipv4/tcp_input.c:tcp_fin)."""
        full = self.queue.size > self.ep.so.rcvbuf
        if not self.ato or full or self.always_quick or self.nxt - self.wup > self.mss_est:
            self.ack_at_once()
        elif self.ep.timers.delack.deadline is None and not self.ack_now:
            self.ep.timers.delack.arm(now + self.ack_delay())

    def _pace_of_text(self, now: int) -> None:
        """How fast text comes says how long its ACK may wait (tcp_event_data_recv)."""
        since = now - self.last_data
        self.last_data = now
        ato = self.ato
        if not ato:
            self._quicken()
            self.ato = DELACK_MIN_NS
        elif since <= DELACK_MIN_NS // 2:
            self.ato = (ato + DELACK_MIN_NS) // 2
        elif since < ato:
            self.ato = min(ato // 2 + since, self.ep.snd.rtt.rto)
        elif since > self.ep.snd.rtt.rto:
            self._quicken()  # the peer begins anew

    def _quicken(self, most: int = MAX_QUICK_ACKS) -> None:
        """Acknowledge at once for half a window (tcp_incr_quickack)."""
        self.quick_acks = max(self.quick_acks, min(self.window() // (2 * self.mss_est) or 2, most))

    def acknowledge_quickly(self, most: int = MAX_QUICK_ACKS) -> None:
        """The peer sends again what is here: it may have lost our ACKs, and needs one for each (tcp_enter_quickack_mode)."""
        self._quicken(most)
        self.pingpong = False
        self.ato = DELACK_MIN_NS

    def waited_in_vain(self) -> None:
        """No answer of the user's came in time: it is not that kind of a connection, or needs longer."""
        if self.pingpong:
            self.pingpong = False
            self.ato = DELACK_MIN_NS
        else:
            self.ato = min(2 * self.ato, self.ep.snd.rtt.rto)

    def ack_delay(self) -> int:
        """For how long now, ns: a round trip at most, where that is known (tcp_send_delayed_ack)."""
        ato = self.ato
        if ato <= DELACK_MIN_NS:
            return min(DELACK_MIN_NS, self.ep.tcp_options.delack_max_ns)
        most = DELACK_MAX_NS if self.pingpong else 2 * DELACK_MAX_NS + DELACK_MAX_NS // 2
        srtt = self.ep.snd.rtt.srtt
        if srtt:
            most = min(most, max(srtt, DELACK_MIN_NS))
        return min(ato, most, self.ep.tcp_options.delack_max_ns)

    def _worth_telling(self) -> bool:
        """Somebody reads: the window is as large as the peer was told, or there is less than the reader waits for. Else
        the ACK waits for the reader, or its time (net/ipv4/tcp_input.c:__tcp_ack_snd_check)."""
        return self.queue.size < self.ep.so.rcvlowat or next_window(self) >= self.adv - self.wup

    def ack_at_once(self) -> None:
        """Acknowledge with the end of this batch."""
        self.ack_now = True
        self.ep.touch()

    def take_sack_blocks(self, count: int) -> list[tuple[int, int]]:
        """What SACK should say now; a DSACK comes first and is said once."""
        blocks: list[tuple[int, int]] = []
        if self.dsack is not None:
            blocks.append(self.dsack)
            self.dsack = None
        if self.ofo.size or self.fin_seq >= 0:
            blocks += self._held(count - len(blocks))
        else:
            self.has_sack_info = False
        return blocks

    def _held(self, count: int) -> list[tuple[int, int]]:
        """What is out of order, the newest first; a FIN beyond a hole counts with the text before it."""
        blocks = self.ofo.blocks(count)
        fin = self.fin_seq
        if fin < 0:
            return blocks
        if not self.ofo.ranges() or self.ofo.ranges()[-1][1] < fin:
            return [(fin, fin + 1), *blocks][:count]
        return [(left, right + 1 if right == fin else right) for left, right in blocks]

    def duplicate(self, left: int, right: int) -> None:
        """[left, right) came twice: tell with a DSACK."""
        if self.ep.sack_ok and left < right and self.ep.config.dsack:
            self.dsack = (left, right)
            self.has_sack_info = True
            self.ep.stats_ext.inc("TCPDSACKOldSent" if right <= self.nxt else "TCPDSACKOfoSent")

    # Text.

    def accept_text(self, seq: int, data: Slice, now: int, size: int, push: bool, extra: int) -> None:
        """Text inside the window, seq >= rcv_nxt: queue it, or keep it for later. The rest as for `text_arrived`."""
        if seq == self.nxt:
            self.space_of.came(len(data))
            self.queue_text(data)
            if self.ofo.size:
                self._held_again()
                for piece in self.ofo.pop(self.nxt):
                    self.queue_text(piece)
                self.has_sack_info = self.ofo.size > 0 or self.dsack is not None
                self.ack_now = True
                self.ep.touch()
            self.text_arrived(size, now, push, extra, len(data))
            return
        if self.ack_now and not self.ofo.is_recent(seq, seq + len(data), SAID_BLOCKS):
            self.ep.send_ack(now)
        self._measure(size, push, extra, len(data))
        self._keep(seq, data)
        self.ack_at_once()

    def _held_again(self) -> None:
        """What was held beyond a hole has come once more with what fills it (tcp_input.c:tcp_ofo_queue)."""
        left, right = self.ofo.ranges()[0]
        if left >= self.nxt:
            return
        right = min(right, self.nxt)
        if self.dsack is None:
            self.duplicate(left, right)
        elif left <= self.dsack[1] and self.dsack[0] <= right:  # else what was old of it is told of (tcp_dsack_extend)
            self.dsack = (min(left, self.dsack[0]), max(right, self.dsack[1]))

    def queue_text(self, data: Slice) -> None:
        """In-order text for the user, or for nobody once the receiving side is shut down."""
        self.take_text(data)
        self.ep.text_ready()

    def take_text(self, data: Slice) -> None:
        """The same without a word to who waits."""
        size = len(data)
        self.queue.append(data)
        self.nxt += size
        self.bytes_received += size

    def copied_seq(self) -> int:
        """The sequence number of the next byte that the user reads."""
        return self.nxt - self.queue.size - int(self.fin_taken)

    def _keep(self, seq: int, data: Slice) -> None:
        stats = self.ep.stats_ext
        stats.inc("TCPOFOQueue")
        self.ooo_packets += 1
        limit = self.ep.so.rcvbuf
        while True:
            try:
                overlap = self.ofo.insert(seq, data, limit)
                break
            except MemoryError:
                ranges = self.ofo.ranges()
                if not ranges or ranges[-1][0] <= seq:
                    stats.inc("TCPOFODrop")
                    return
                self.ofo.drop_last()
                stats.inc("OfoPruned")
        self.space_of.came(len(data))
        self.has_sack_info = self.ep.sack_ok
        if overlap is not None:
            self.duplicate(*overlap)
        if self.ep.sack_ok:  # else a window that changes would hide that this is a duplicate ACK
            self.space_of.grow(self, len(data))

    # The user took something.

    def text_taken(self, now: int) -> None:
        """After a read: tune the buffer, and open the window again when that is worth a segment."""
        self.space_of.left(self.queue.size + self.ofo.size)
        self._tune(now)
        ep = self.ep
        pending = ep.timers.delack.deadline is not None
        done = self.pushed > 1 or (self.pushed > 0 and not self.pingpong)  # the peer waits for this, or for an answer
        if pending and (self.nxt - self.wup > self.mss_est or (done and not self.queue.size)):
            ep.send_ack(now)
            return
        current = self.window()
        if 2 * current > self.space_of.clamp:
            return
        free = next_window(self)
        least = min(self.mss_est, ep.so.rcvbuf >> 2)
        if self.queue.size:
            # There is more to read: a reader of small pieces would be sent one small segment for each.
            least = max(least, min(ep.so.rcvbuf >> 3, LARGE_UPDATE))
        if 2 * current <= free and free - current >= least and not window_opened(self):
            ep.send_ack(now)

    def put_back(self, data: memoryview) -> None:
        """What the user took last, and could not keep. The window may have been told as if it were gone."""
        self.queue.put_back(data)
        self.copied -= len(data)
        self.space_of.came(len(data))

    def _tune(self, now: int) -> None:
        """Once a round trip: the buffer follows what the user took in it, as long as nothing is left to take."""
        rtt = self.rtt or self.ep.snd.rtt.srtt
        if rtt == 0 or now - self.space_at < rtt:
            return
        taken = self.copied - self.space_copied - self.queue.size
        if taken > self.space:
            self._grow(taken)
        self.space_copied = self.copied
        self.space_at = now

    def _grow(self, taken: int) -> None:
        """Room for twice what was taken in a round trip, as this is known one round trip late, and twice the growth that
        it shows, for a peer that doubles its rate, and for what waits behind a hole (net/ipv4/tcp_input.c:tcp_rcvbuf_grow)."""
        ep = self.ep
        before, self.space = self.space, taken
        if not ep.config.moderate_rcvbuf or ep.so.rcvbuf_locked:
            return
        window = 2 * taken
        if before:
            window += 2 * (window * (taken - before) // before)
        if self.ofo.size:
            window += self.ofo.ranges()[-1][1] - self.nxt
        most = ep.config.rmem[2]
        if ep.snd.rtt.min_rtt < SHORT_PATH_NS:
            window = min(window, most // 2)
        wanted = min(self.space_of.memory_for(window), most)
        if wanted > ep.so.rcvbuf:
            ep.so.rcvbuf = wanted
            self.space_of.clamp = self.space_of.window_in(wanted)

    def sample_rtt(self, echo: int, size: int, now: int) -> None:
        """A round trip as the receiver sees it, from the first segment that echoes a timestamp, where it is a full one:
        those behind it only come later. A longer one counts when no text has waited for the user (net/ipv4/tcp_input.c:tcp_rcv_rtt_update)."""
        if echo == self.echo:
            return
        self.echo = echo
        if size < self.mss_est:
            return
        elapsed = self.ep.ts_elapsed(echo, now)
        if not elapsed:
            return
        if self.rtt == 0 or elapsed < self.rtt:
            self.rtt = elapsed
        elif not self.queue.size:
            self.rtt += (elapsed - self.rtt) // 8

    def store_timestamp(self, ts_val: int, now: int) -> None:
        """TS.Recent moves."""
        self.ts_recent = ts_val
        self.ts_recent_at = now
