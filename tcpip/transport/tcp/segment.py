"""A received segment, as the state machine reads it.

Inside a connection sequence numbers are *unwrapped*: plain ints that start at the ISN and are never reduced modulo
2**32, so that `<` is RFC 9293's modular comparison. They are unwrapped on the way in (`seqnum.unwrap`, next to the
connection's own numbers) and masked when a header is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.buffer import RxPacket
from tcpip.errors import DropReason, Malformed
from tcpip.header.tcp import FIN, FLAGS_MASK, HEADER, MIN_LENGTH, SYN
from tcpip.header.tcp_options import TcpOptions

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.socket_options import SocketOptions

TIMESTAMPS_LENGTH: Final = 12
_NO_OPTIONS: Final = TcpOptions()


def passes_screen(options: SocketOptions, pkt: RxPacket, stack: Stack) -> bool:
    """It has come from near enough (IP_MINTTL), and what the socket filter leaves, at least the header (net/ipv4/tcp_ipv4.c: tcp_filter). Text that it cuts off comes
    again and again, as it was never acknowledged."""
    if options.min_hops(len(pkt.src) == 4) > pkt.ttl:
        stack.stats.tcp_ext.inc("TCPMinTTLDrop")
        stack.stats.drop(DropReason.FILTERED, pkt)
        return False
    at = pkt.transport
    if not options.filter:
        return True
    from tcpip.transport.socket_filter import passes

    end = passes(options, pkt, at, (pkt.data[at + 12] >> 4) * 4, stack.random)
    if end < 0:
        stack.stats.drop(DropReason.FILTERED, pkt)
        return False
    pkt.end = end
    return True


class Segment:
    """One segment. `seq` and `ack` are as on the wire until `segment_arrives` unwraps them.

    `start` and `end` delimit the payload in `data`; `flags` loses SYN, FIN when trimming cuts them off.
    """

    __slots__ = ("pkt", "data", "seq", "ack", "flags", "window", "urgent", "options", "start", "end", "now")

    def __init__(self, pkt: RxPacket, now: int) -> None:
        """Malformed when the header is cut short or its length lies."""
        at = pkt.transport
        end = pkt.end
        if end - at < MIN_LENGTH:
            raise Malformed(DropReason.TRUNCATED)
        data = pkt.data
        _, _, seq, ack, word, window, _, urgent = HEADER.unpack_from(data, at)
        length = (word >> 12) * 4
        if length < MIN_LENGTH or at + length > end:
            raise Malformed(DropReason.BAD_HEADER_LENGTH)
        self.pkt = pkt
        self.data = data
        self.seq: int = seq
        self.ack: int = ack
        self.flags: int = word & FLAGS_MASK
        self.window: int = window
        self.urgent: int = urgent
        self.start: int = at + length
        self.end = end
        self.now = now
        self.options = TcpOptions.parse(data[at + MIN_LENGTH : at + length]) if length > MIN_LENGTH else _NO_OPTIONS

    def payload_len(self) -> int:
        """Bytes of text."""
        return self.end - self.start

    def seg_len(self) -> int:
        """RFC 9293 3.4: text, SYN and FIN count."""
        flags = self.flags
        return self.end - self.start + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)

    def extra_options(self, timestamps: bool) -> int:
        """Bytes of options beside those that every segment of the connection has."""
        at = self.pkt.transport
        return (self.data[at + 12] >> 4) * 4 - MIN_LENGTH - (TIMESTAMPS_LENGTH if timestamps else 0)

    def payload(self) -> memoryview:
        """The text, not copied."""
        return memoryview(self.data)[self.start : self.end]

    def trim_front(self, count: int) -> None:
        """Cut `count` sequence numbers off the front: the SYN first."""
        if count > 0 and self.flags & SYN:
            self.flags &= ~SYN
            self.seq += 1
            count -= 1
        take = min(count, self.end - self.start)
        self.start += take
        self.seq += take
