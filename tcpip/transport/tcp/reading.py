"""recv(2) off the beaten path: peeking, discarding, and what an empty queue means.

Source: net/ipv4/tcp.c:tcp_recvmsg_locked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import MSG_PEEK
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp import state as st

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint


def read_special(ep: TcpEndpoint, buffer: memoryview, flags: int) -> int:
    """MSG_PEEK and MSG_TRUNC (discard)."""
    rcv = ep.rcv
    if not rcv.queue.size:
        return nothing_to_read(ep, buffer)
    if flags & MSG_PEEK:
        return rcv.queue.read_into(buffer, True)
    taken = rcv.queue.discard(len(buffer))
    rcv.copied += taken
    rcv.text_taken(ep.stack.clock.now_ns())
    return taken


def nothing_to_read(ep: TcpEndpoint, buffer: memoryview) -> int:
    """tcp_recvmsg_locked with an empty queue."""
    if ep.state == st.LISTEN:
        raise NetworkError(errors.NOT_CONNECTED)
    if ep.done:
        return 0
    if ep.error is not None:
        raise NetworkError(ep.take_error() or errors.CONNECTION_RESET)
    if ep.shutdown_mask & 1:
        return 0
    if ep.state == st.CLOSED:
        raise NetworkError(errors.NOT_CONNECTED)
    return AGAIN if len(buffer) else 0
