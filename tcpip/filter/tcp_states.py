"""TCP as somebody in the middle sees it: states by flags and direction, and windows.

Implements: RFC 9293 3.3.2 as an observer, by Linux's transition table and window checks (nf_conntrack_proto_tcp.c, which
follows van Rooij, "Real Stateful TCP Packet Filtering in IP Filter").
Deviates: no scan of SACK blocks when the acknowledgement lies, no separate time-out for retransmissions.
"""

from __future__ import annotations

from typing import Final

from tcpip import seqnum
from tcpip.errors import DropReason, Malformed
from tcpip.filter.flow_tuple import ORIGINAL, REPLY
from tcpip.header.tcp import ACK, FIN, HEADER, MIN_LENGTH, PSH, RST, SYN, URG
from tcpip.header.tcp_options import TcpOptions
from tcpip.seqnum import MASK

NONE: Final = 0
SYN_SENT: Final = 1
SYN_RECV: Final = 2
ESTABLISHED: Final = 3
FIN_WAIT: Final = 4
CLOSE_WAIT: Final = 5
LAST_ACK: Final = 6
TIME_WAIT: Final = 7
CLOSE: Final = 8
SYN_SENT2: Final = 9
STATE_NAMES: Final = "NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2".split()

IGNORE: Final = -1
INVALID: Final = -2
_STATES: Final = {
    "-": NONE,
    "S": SYN_SENT,
    "R": SYN_RECV,
    "E": ESTABLISHED,
    "F": FIN_WAIT,
    "C": CLOSE_WAIT,
    "L": LAST_ACK,
    "T": TIME_WAIT,
    "X": CLOSE,
    "2": SYN_SENT2,
    "i": IGNORE,
    "!": INVALID,
}
_BY_SYN, _BY_SYN_ACK, _BY_FIN, _BY_ACK, _BY_RST = range(5)
_ROWS: Final = (
    # from NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2
    ("SSiiiiiSS2", "!!R!!!!!!R", "!!FFLLLTX!", "E!EECCTTX!", "!XXXXXXXXX"),
    ("!2!!!!!S!2", "!RiiiiiiiR", "!!FFLLLTX!", "!iRECCTTXi", "!XXXXXXXXX"),
)
_NEXT: Final = tuple(tuple(tuple(_STATES[c] for c in row) for row in rows) for rows in _ROWS)
_VALID_FLAGS: Final = frozenset((SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG))
_LEAST_WINDOW: Final = 66000
"""How far behind an acknowledgement may lie in any case."""


class Half:
    """What one side has sent and allowed: sequence numbers as on the wire."""

    __slots__ = ("end", "max_end", "max_window", "scale", "scales", "unacknowledged", "liberal")

    def __init__(self) -> None:
        self.end = 0
        self.max_end = 0
        self.max_window = 0
        self.scale = 0
        self.scales = False
        self.unacknowledged = False
        self.liberal = False


class Seen:
    """The fields of one segment."""

    __slots__ = ("seq", "ack", "flags", "window", "end", "options")

    def __init__(self, data: bytes, at: int, end: int, length: int) -> None:
        """`length` counts the whole segment, of which data[at:end] holds the header. Malformed."""
        if end - at < MIN_LENGTH:
            raise Malformed(DropReason.TRUNCATED)
        _, _, self.seq, self.ack, word, self.window, _, _ = HEADER.unpack_from(data, at)
        header = (word >> 12) * 4
        if header < MIN_LENGTH or header > length:
            raise Malformed(DropReason.BAD_HEADER_LENGTH)
        self.flags: int = word & (FIN | SYN | RST | PSH | ACK | URG)
        text = length - header
        self.end: int = (self.seq + text + bool(self.flags & SYN) + bool(self.flags & FIN)) & MASK
        self.options = data[at + MIN_LENGTH : min(at + header, end)] if self.flags & SYN else b""


def _kind(flags: int) -> int:
    """Which row of the table; -1 for combinations that nobody sends."""
    if flags & ~PSH not in _VALID_FLAGS:
        return -1
    if flags & RST:
        return _BY_RST
    if flags & SYN:
        return _BY_SYN_ACK if flags & ACK else _BY_SYN
    return _BY_FIN if flags & FIN else _BY_ACK


def first_state(seen: Seen, loose: bool) -> int:
    """The state that a connection begins in, or INVALID; `loose` picks up those that were there before us."""
    kind = _kind(seen.flags)
    if kind < 0:
        return INVALID
    state = _NEXT[ORIGINAL][kind][NONE]
    return INVALID if state < SYN_SENT or (state != SYN_SENT and not loose) else state


class TcpTrack:
    """The state of one connection."""

    __slots__ = ("state", "halves")

    def __init__(self, seen: Seen | None) -> None:
        """From a first segment that `first_state` allows; without one both sides are taken as they come."""
        self.state = NONE
        first = Half()
        second = Half()
        self.halves = (first, second)
        if seen is None:
            first.liberal = second.liberal = True
            return
        first.end = seen.end
        first.max_window = max(seen.window, 1)
        if seen.flags & SYN:
            first.max_end = seen.end
            _read_options(first, seen)
        else:
            first.max_end = (seen.end + first.max_window) & MASK
            first.liberal = second.liberal = True

    def update(self, seen: Seen, direction: int, liberal: bool) -> int:
        """Take a segment: the new state, or IGNORE (passes, changes nothing), or INVALID."""
        kind = _kind(seen.flags)
        if kind < 0:
            return INVALID
        new = _NEXT[direction][kind][self.state]
        if new < 0:
            return new
        if not self._in_window(seen, direction) and not liberal:
            return INVALID
        self.state = new
        return new

    def over(self, seen: Seen, direction: int) -> bool:
        """A SYN after the end: a new connection with the same addresses and ports."""
        again = seen.flags & (SYN | ACK | RST | FIN) == SYN and self.state in (TIME_WAIT, CLOSE)
        return again and _NEXT[direction][_BY_SYN][self.state] == SYN_SENT

    def unacknowledged(self) -> bool:
        """Somebody waits for an answer."""
        return any([half.unacknowledged for half in self.halves])

    def _in_window(self, seen: Seen, direction: int) -> bool:
        sender, receiver = self.halves[direction], self.halves[1 - direction]
        seq, end, ack = seen.seq, seen.end, seen.ack
        if not sender.max_window:
            self._first_of(sender, receiver, seen)
            if seen.flags & SYN and not seen.flags & ACK:
                return True
        elif seen.flags & SYN and seqnum.gt(end, sender.end) and self._opens_again(direction):
            self._first_of(sender, receiver, seen)
        if not seen.flags & ACK or (seen.flags & RST and ack == 0):
            ack = receiver.end
        if seen.flags & RST and seq == 0 and self.state == SYN_SENT:
            seq = end = sender.end
        reach = max(sender.max_window, _LEAST_WINDOW)
        fits = (
            seqnum.le(seq, sender.max_end)
            and (not receiver.max_window or seqnum.ge(end, sender.end - receiver.max_window))
            and seqnum.le(ack, receiver.end)
            and seqnum.ge(ack, receiver.end - reach)
        )
        if not fits and not (sender.liberal or receiver.liberal):
            return False
        self._note(sender, receiver, seen, end, ack)
        return True

    def _opens_again(self, direction: int) -> bool:
        return (self.state == SYN_SENT and direction == ORIGINAL) or (self.state == SYN_RECV and direction == REPLY)

    def _first_of(self, sender: Half, receiver: Half, seen: Seen) -> None:
        sender.end = sender.max_end = seen.end
        sender.max_window = max(seen.window, 1)
        if seen.flags & SYN:
            _read_options(sender, seen)
            if not (sender.scales and receiver.scales):
                sender.scale = receiver.scale = 0
        else:
            sender.max_end = (seen.end + sender.max_window) & MASK
            if not receiver.max_window:
                receiver.end = receiver.max_end = seen.ack

    def _note(self, sender: Half, receiver: Half, seen: Seen, end: int, ack: int) -> None:
        window = seen.window if seen.flags & SYN else seen.window << sender.scale
        sender.max_window = max(sender.max_window, window)
        if seqnum.gt(end, sender.end):
            sender.end = end
            sender.unacknowledged = True
        if receiver.max_window and seqnum.gt(end, sender.max_end):
            receiver.max_window += seqnum.size(sender.max_end, end)
        if seqnum.ge((ack + window) & MASK, receiver.max_end):
            receiver.max_end = (ack + max(window, 1)) & MASK
        if ack == receiver.end:
            receiver.unacknowledged = False


def _read_options(half: Half, seen: Seen) -> None:
    half.scales = False
    half.scale = 0
    try:
        options = TcpOptions.parse(seen.options)
    except Malformed:
        return
    if options.window_scale >= 0:
        half.scales = True
        half.scale = min(options.window_scale, 14)
