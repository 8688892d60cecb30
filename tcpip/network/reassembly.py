"""Putting fragments back together, for IPv4 and IPv6.

Bounded in total bytes, in packets under way and in fragments of one packet; the oldest packet makes room.
Overlap discards the whole packet in both families (RFC 5722; RFC 8200 4.5); an exact duplicate is ignored.
Implements: RFC 791 3.2, RFC 815 in effect, RFC 1858 (tiny and overlapping fragments), RFC 8200 4.5, RFC 5722, RFC 6946.
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.timers import Timer, TimerQueue

TIMEOUT_V4: Final = 30 * NS_PER_S
TIMEOUT_V6: Final = 60 * NS_PER_S
MAX_BYTES: Final = 4 << 20
MAX_PACKETS: Final = 1024
MAX_FRAGMENTS: Final = 128
OVERHEAD: Final = 256
"""Bytes a held fragment is charged beside its data."""

FragmentKey = tuple[bytes, bytes, int, int]
"""Source, destination, identification, protocol (-1 for IPv6)."""


class Partial:
    """One packet under way: (offset, data) pieces in order, its length once the last piece is there, the first header."""

    __slots__ = ("key", "pieces", "received", "total", "head", "charged", "timer")

    def __init__(self, key: FragmentKey) -> None:
        self.key = key
        self.pieces: list[tuple[int, bytes]] = []
        self.received = 0
        self.total = -1
        self.head = b""
        self.charged = 0
        self.timer: Timer | None = None


class Reassembler:
    """All packets under way of one family; `on_expired` is told of those whose time was up."""

    __slots__ = ("timers", "timeout_ns", "partials", "bytes_held", "on_expired")

    def __init__(self, timers: TimerQueue, timeout_ns: int, on_expired: ExpiredHook) -> None:
        self.timers = timers
        self.timeout_ns = timeout_ns
        self.partials: dict[FragmentKey, Partial] = {}
        self.bytes_held = 0
        self.on_expired = on_expired

    def add(self, key: FragmentKey, offset: int, more: bool, data: bytes, head: bytes, now: int) -> Partial | None:
        """Take a fragment; `head` is the packet's bytes up to the fragment's data, kept from the first one.

        Answers the complete packet, no longer held. Malformed: the fragment, or the whole packet, was dropped.
        """
        end = offset + len(data)
        if not data or (more and len(data) & 7) or end > 65535:
            raise Malformed(DropReason.BAD_FRAGMENT)
        partial = self.partials.get(key)
        if partial is None:
            partial = self._start(key, now)
        self._insert(partial, offset, end, more, data)
        if offset == 0:
            partial.head = head
        if partial.received == partial.total:
            self.discard(partial)
            return partial
        while self.bytes_held > MAX_BYTES:
            self.discard(next(iter(self.partials.values())))
            if partial.key not in self.partials:
                raise Malformed(DropReason.FRAGMENT_LIMIT)
        return None

    def _start(self, key: FragmentKey, now: int) -> Partial:
        if len(self.partials) >= MAX_PACKETS:
            self.discard(next(iter(self.partials.values())))
        partial = Partial(key)
        expiry = _Expiry(self, key)
        partial.timer = self.timers.after(now + self.timeout_ns, expiry.run)
        self.partials[key] = partial
        return partial

    def _insert(self, partial: Partial, offset: int, end: int, more: bool, data: bytes) -> None:
        if (not more and partial.total not in (-1, end)) or (partial.total >= 0 and end > partial.total):
            self._refuse(partial, DropReason.BAD_FRAGMENT)
        at = len(partial.pieces)
        while at and partial.pieces[at - 1][0] >= offset:
            at -= 1
        if at < len(partial.pieces) and partial.pieces[at] == (offset, data):
            raise Malformed(DropReason.BAD_FRAGMENT)
        if at < len(partial.pieces) and partial.pieces[at][0] < end:
            self._refuse(partial, DropReason.FRAGMENT_OVERLAP)
        if at and partial.pieces[at - 1][0] + len(partial.pieces[at - 1][1]) > offset:
            self._refuse(partial, DropReason.FRAGMENT_OVERLAP)
        if len(partial.pieces) >= MAX_FRAGMENTS:
            self._refuse(partial, DropReason.FRAGMENT_LIMIT)
        if not more:
            if at < len(partial.pieces):
                self._refuse(partial, DropReason.BAD_FRAGMENT)
            partial.total = end
        partial.pieces.insert(at, (offset, data))
        partial.received += len(data)
        partial.charged += len(data) + OVERHEAD
        self.bytes_held += len(data) + OVERHEAD

    def _refuse(self, partial: Partial, reason: str) -> None:
        self.discard(partial)
        raise Malformed(reason)

    def discard(self, partial: Partial) -> None:
        """Forget a packet under way; harmless when repeated."""
        if self.partials.pop(partial.key, None) is not None:
            self.bytes_held -= partial.charged
            if partial.timer is not None:
                partial.timer.cancel()


class ExpiredHook:
    """Who is told of packets that were never completed."""

    def fragments_expired(self, partial: Partial) -> None:
        """`partial.head` is empty unless the first fragment came."""


class _Expiry:
    """What one packet's timer runs. A cancelled timer may linger, so it keeps no data alive."""

    __slots__ = ("owner", "key")

    def __init__(self, owner: Reassembler, key: FragmentKey) -> None:
        self.owner = owner
        self.key = key

    def run(self) -> None:
        partial = self.owner.partials[self.key]
        self.owner.discard(partial)
        self.owner.on_expired.fragments_expired(partial)


def joined(partial: Partial) -> bytes:
    """The payload of a complete packet."""
    return b"".join([piece for _, piece in partial.pieces])
