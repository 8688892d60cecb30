"""recv(2) off the beaten path: peeking, discarding, and what an empty queue means.

Source: net/ipv4/tcp.c:tcp_recvmsg_locked (SO_PEEK_OFF as since Linux 6.9).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, SOL_TCP
from tcpip.transport.endpoint import AGAIN, Control, Message
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.zero_copy import ZeroCopy

if TYPE_CHECKING:
    from tcpip.transport.socket_options import SocketOptions
    from tcpip.transport.tcp.endpoint import TcpEndpoint

TCP_CM_INQ: Final = 36


def receive_message(ep: TcpEndpoint, buffer: memoryview, flags: int) -> Message:
    """recvmsg(2)."""
    if flags & MSG_ERRQUEUE:
        if ep.tx_stamps is not None and ep.tx_stamps.done:
            return ep.tx_stamps.receive(ep)
        return (ep.zero_copy or ZeroCopy()).receive(ep.family)
    taken = ep.recv_into(buffer, flags)
    if taken == AGAIN:
        raise NetworkError(errors.WOULD_BLOCK)
    control = [unread(ep)] if ep.tcp_options.inq else []
    return Message(taken, None, control, MSG_OOB if flags & MSG_OOB else 0)


def read_special(ep: TcpEndpoint, buffer: memoryview, flags: int) -> int:
    """MSG_PEEK, MSG_TRUNC (discard) and MSG_ERRQUEUE."""
    if flags & MSG_ERRQUEUE:
        return receive_message(ep, buffer, flags).length
    rcv = ep.rcv
    if not rcv.queue.size:
        return nothing_to_read(ep, buffer)
    if flags & MSG_PEEK:
        return _peek(ep, buffer)
    taken = rcv.queue.discard(len(buffer))
    rcv.copied += taken
    read_past(ep.so, taken)
    rcv.text_taken(ep.stack.clock.now_ns())
    return taken


def _peek(ep: TcpEndpoint, buffer: memoryview) -> int:
    """From where SO_PEEK_OFF is on, which moves with it."""
    so = ep.so
    skip = max(so.peek_off, 0)
    if skip and skip >= ep.rcv.queue.size:
        return nothing_to_read(ep, buffer)
    taken = ep.rcv.queue.read_into(buffer, True, skip)
    if so.peek_off >= 0:
        so.peek_off += taken
    return taken


def read_past(so: SocketOptions, taken: int) -> None:
    """`taken` bytes were read: SO_PEEK_OFF counts from behind them (sk_peek_offset_bwd)."""
    if so.peek_off > 0:
        so.peek_off = max(so.peek_off - taken, 0)


def unread(ep: TcpEndpoint) -> Control:
    """TCP_CM_INQ: what is left to read; 1 for an end of file that is still to be seen."""
    left = ep.readable_bytes()
    return SOL_TCP, TCP_CM_INQ, struct.pack("=i", left or int(ep.done))


def nothing_to_read(ep: TcpEndpoint, buffer: memoryview) -> int:
    """tcp_recvmsg_locked with an empty queue."""
    if ep.state == st.LISTEN:
        raise NetworkError(errors.NOT_CONNECTED)
    if ep.done:
        ep.rcv.fin_read = True
        return 0
    if ep.error is not None:
        raise NetworkError(ep.take_error() or errors.CONNECTION_RESET)
    if ep.shutdown_mask & 1:
        return 0
    if ep.state == st.CLOSED:
        raise NetworkError(errors.NOT_CONNECTED)
    return AGAIN if len(buffer) else 0
