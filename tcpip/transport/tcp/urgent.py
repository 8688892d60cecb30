"""Urgent data as Linux has it: one byte, marked by the last urgent pointer, read apart or (SO_OOBINLINE) in its place.

The byte stays in the receive queue, where ordinary reads stop before it and then step over it. A newer pointer makes
what the older one marked ordinary text.

Implements: RFC 9293 3.8.5, 3.10.7.4 (sixth), RFC 6093 3.1 (the pointer is behind the byte), 3.2 (one byte).
Source: net/ipv4/tcp_input.c:tcp_check_urg, tcp_urg; net/ipv4/tcp.c:tcp_recv_urg, tcp_recvmsg_locked, tcp_inq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.header.tcp import URG
from tcpip.sockopt import MSG_PEEK, MSG_TRUNC
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp import reading
from tcpip.transport.tcp import state as st
from tcpip.waiter import EVENT_IN, EVENT_PRI, EVENT_URGENT

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.receiver import Receiver
    from tcpip.transport.tcp.segment import Segment

# Values of Receiver.urgent_byte beside 0 … 255; Receiver.urgent_seq is -1 when there is no mark at all.
NOT_YET: Final = -1
WAS_READ: Final = -2


def check_urgent(ep: TcpEndpoint, seg: Segment) -> None:
    """Sixth: a new pointer, and the byte when this segment has it. The segment is as it came, not yet trimmed."""
    if not st.can_receive(ep.state):
        return
    rcv = ep.rcv
    if seg.flags & URG:
        _new_pointer(ep, seg.seq + (seg.urgent if ep.config.stdurg else max(seg.urgent - 1, 0)))
    at = rcv.urgent_seq - seg.seq
    if rcv.urgent_seq >= 0 and rcv.urgent_byte == NOT_YET and 0 <= at < seg.payload_len():
        rcv.urgent_byte = seg.data[seg.start + at]
        ep.raise_events(EVENT_IN | EVENT_PRI)


def _new_pointer(ep: TcpEndpoint, at: int) -> None:
    rcv = ep.rcv
    if at < rcv.nxt or (rcv.urgent_seq >= 0 and at <= rcv.urgent_seq):
        return
    ep.raise_events(EVENT_URGENT)
    if at_mark(rcv) and not ep.so.oob_inline and rcv.queue.size:
        rcv.copied += rcv.queue.discard(1)  # the older one's byte: read or not, nobody gets it any more
    rcv.urgent_seq = at
    rcv.urgent_byte = NOT_YET


def at_mark(rcv: Receiver) -> bool:
    """The next byte to read is the marked one (SIOCATMARK)."""
    return rcv.urgent_seq >= 0 and rcv.urgent_seq == rcv.copied_seq()


def readable(ep: TcpEndpoint) -> int:
    """Bytes before the mark, or all."""
    rcv = ep.rcv
    if rcv.urgent_seq < 0 or ep.so.oob_inline or rcv.urgent_seq >= rcv.nxt:
        return rcv.queue.size
    return rcv.urgent_seq - rcv.copied_seq()


def read_byte(ep: TcpEndpoint, buffer: memoryview, flags: int) -> int:
    """recv(2) with MSG_OOB."""
    rcv = ep.rcv
    byte = rcv.urgent_byte
    if ep.so.oob_inline or rcv.urgent_seq < 0 or byte == WAS_READ:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if ep.state == st.CLOSED and not ep.done:
        raise NetworkError(errors.NOT_CONNECTED)
    if byte == NOT_YET:
        return 0 if ep.state == st.CLOSED or ep.shutdown_mask & 1 else AGAIN
    if not flags & MSG_PEEK:
        rcv.urgent_byte = WAS_READ
    if not len(buffer):
        return 0
    if not flags & MSG_TRUNC:
        buffer[0] = byte
    return 1


def read_text(ep: TcpEndpoint, buffer: memoryview, flags: int) -> int:
    """An ordinary read while there is a mark: up to it, or from it on."""
    rcv = ep.rcv
    queue = rcv.queue
    inline = ep.so.oob_inline
    before = rcv.urgent_seq - rcv.copied_seq()
    hole = 1 if before == 0 and not inline else 0
    if not queue.size or not len(buffer):
        return reading.nothing_to_read(ep, buffer)
    if before > 0:
        buffer = buffer[: min(before, len(buffer))]
    if flags & MSG_PEEK:
        return queue.read_into(buffer, True, hole) or reading.nothing_to_read(ep, buffer)
    taken = hole
    if hole:
        queue.discard(1)
    count = queue.discard(len(buffer)) if flags & MSG_TRUNC else queue.read_into(buffer)
    taken += count
    rcv.copied += taken
    reading.read_past(ep.so, taken)
    if rcv.copied_seq() > rcv.urgent_seq:
        rcv.urgent_seq = rcv.urgent_byte = -1
    rcv.text_taken(ep.stack.clock.now_ns())
    return count or reading.nothing_to_read(ep, buffer)
