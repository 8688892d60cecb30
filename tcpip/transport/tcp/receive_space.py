"""How much of the receive buffer the peer may fill: the ratio of text to memory, and a window that grows with what comes.

Linux counts memory against SO_RCVBUF, and the window is the part of it that text is expected to make use of: half at first,
then what the peer's full segments show. What a segment would take is what a tun device of Linux's gives it, the device under
most tests; here nothing is laid out like that, and of text that is read in part the rest counts by its length.
Source: net/ipv4/tcp_input.c (tcp_measure_rcv_mss, tcp_grow_window, tcp_init_buffer_space, tcp_rcvbuf_grow),
net/ipv4/tcp_output.c (__tcp_select_window), include/net/tcp.h (tcp_win_from_space), drivers/net/tun.c (tun_alloc_skb).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.transport.tcp.receiver import Receiver

HALF: Final = 128
"""Of 256ths: the ratio before any full segment has come."""
NO_LIMIT: Final = 1 << 30
WORTH_GROWING: Final = 128
"""Bytes: text in order that is shorter opens no window."""
_PAGE: Final = 4096
_HEADERS: Final = 40
_HEADROOM: Final = 64
_SHARED_INFO: Final = 320
_BUFFER: Final = 256
_SMALL_HEAD: Final = 640
_LINEAR: Final = _PAGE - _HEADROOM - _SHARED_INFO


def memory_of(size: int) -> int:
    """What Linux has in use for a packet with `size` bytes of text (skb->truesize)."""
    packet = size + _HEADERS
    if packet + _HEADROOM >= _PAGE:
        beyond = max(packet - _LINEAR, 0)
        return _BUFFER + _PAGE + (beyond + _PAGE - 1) // _PAGE * _PAGE
    head = (packet + _HEADROOM + 63 & ~63) + _SHARED_INFO
    if head <= _SMALL_HEAD:
        return _BUFFER + _SMALL_HEAD
    return _BUFFER + (1 << (head - 1).bit_length())


def room_behind(size: int) -> int:
    """What of that memory is left for the text of a small packet behind it (skb_tailroom)."""
    memory = memory_of(size) - _BUFFER
    return max(memory - _SHARED_INFO - _HEADROOM - _HEADERS - size, 0) if memory < _PAGE else 0


class ReceiveSpace:
    """`ratio` of window to memory in 256ths; the window is never larger than `limit` bytes, which grows up to `clamp`.
    `held`: the memory that `counted` bytes of text would have in use until they are read."""

    __slots__ = ("ratio", "clamp", "limit", "held", "counted", "_behind", "_size", "_memory", "_room")

    def __init__(self) -> None:
        self.ratio = HALF
        self.clamp = NO_LIMIT
        self.limit = NO_LIMIT
        self.held = 0
        self.counted = 0
        self._behind = 0
        self._size = self._memory = self._room = 0  # the last size, for most are of one

    def came(self, size: int) -> None:
        """A packet with so much text is kept."""
        self.counted += size
        if size <= self._behind:
            self._behind -= size
            return
        if size != self._size:
            self._size = size
            self._memory = memory_of(size)
            self._room = room_behind(size)
        self.held += self._memory
        self._behind = self._room

    def left(self, size: int) -> None:
        """So much text is left after a read."""
        if not size:
            self.held = self._behind = 0
        elif size < self.counted:
            self.held = self.held * size // self.counted
        self.counted = size

    def start(self, rcvbuf: int, mss: int, first_window: int) -> None:
        """The connection is established: one segment of `mss` bytes is kept back."""
        most = self.window_in(rcvbuf)
        self.clamp = max(2 * mss, most - mss) if most > 2 * mss else most
        self.limit = min(first_window, self.clamp)

    def window_in(self, memory: int) -> int:
        """The part of so much memory that is window."""
        return memory * self.ratio >> 8

    def memory_for(self, window: int) -> int:
        """The memory that a window needs."""
        return (window << 8) // self.ratio

    def told_clamp(self, chosen: int) -> int:
        """TCP_WINDOW_CLAMP: what the user has chosen (0: nothing), or less that there is room for."""
        if self.clamp == NO_LIMIT:
            return chosen
        return min(chosen, self.clamp) if chosen else self.clamp

    def resized(self, rcvbuf: int) -> None:
        """The buffer has got so large: the window may grow again. Linux waits for a larger packet than any before."""
        self.clamp = max(self.clamp, self.window_in(rcvbuf))

    def measure(self, rcv: Receiver, size: int) -> None:
        """A packet with `size` bytes of text is larger than any before: its ratio is taken for that of all that follow."""
        ratio = min(max((size << 8) // memory_of(size), 1), 255)
        if ratio == self.ratio:
            return
        self.ratio = ratio
        before, self.clamp = self.clamp, self.window_in(rcv.ep.so.rcvbuf)
        if self.clamp < before:
            self.limit = min(self.limit, self.clamp)
        else:
            self.limit = max(self.limit, min(rcv.adv - rcv.wup, self.clamp))

    def grow(self, rcv: Receiver, size: int) -> None:
        """`size` bytes of text have come: room for twice as much, if such packets fit in the buffer."""
        room = ((rcv.ep.so.rcvbuf - self.held) * self.ratio >> 8) - self.limit
        if room > self.clamp - self.limit:
            room = self.clamp - self.limit
        if room <= 0:
            return
        used = self.window_in(memory_of(size))
        more = 2 * rcv.ep.advertised_mss() if used <= size else self._cautiously(rcv, size, used >> 1)
        if more:
            self.limit += min(room, max(more, 2 * size))
            rcv.quick_acks |= 1

    def _cautiously(self, rcv: Receiver, size: int, used: int) -> int:
        """Packets that hold little text: the larger the window already is, the more of them would be in it."""
        window = self.window_in(rcv.ep.config.rmem[2]) >> 1
        while self.limit <= window:
            if used <= size:
                return 2 * rcv.mss_est
            used >>= 1
            window >>= 1
        return 0


def next_window(rcv: Receiver) -> int:
    """The window to advertise now, if the right edge may move back: 0 rather than less than is worth a segment. Without a
    scale it changes by whole segments; with one it is a multiple of the scale's unit."""
    space = rcv.space_of
    ep = rcv.ep
    rcvbuf = ep.so.rcvbuf
    full = allowed = rcvbuf * space.ratio >> 8
    free = (rcvbuf - space.held) * space.ratio >> 8
    if space.clamp < full:
        full = space.clamp
    mss = rcv.mss_est
    if full < mss:
        mss = full
        if mss <= 0:
            return 0
    scale = rcv.wscale
    limit = space.limit
    chosen = ep.tcp_options.window_clamp
    if 0 < chosen < limit:
        limit = chosen
    if (scale and ep.config.shrink_window) or free < full >> 1:
        free = max(free, 0) >> scale << scale
    if free < full >> 1:
        rcv.quick_acks = 0
        if free < allowed >> 4 or free < mss:
            return 0
    if free > limit:
        free = limit
    if scale:
        return (free + (1 << scale) - 1) >> scale << scale
    window = max(rcv.adv - rcv.wup, 0)
    if window <= free - mss or window > free:
        return free - free % mss
    if mss == full and free > window + (full >> 1):
        return free
    return window
