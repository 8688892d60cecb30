"""poll(2) on a TCP endpoint. Source: net/ipv4/tcp.c:tcp_poll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.transport.socket_options import SELECT_ERROR_QUEUE
from tcpip.transport.tcp import fast_open_client, urgent
from tcpip.transport.tcp import state as st
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, EVENT_RDHUP

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
BOTH: Final = 3


def readiness(ep: TcpEndpoint) -> int:
    """EVENT_* bits that hold now."""
    state = ep.state
    if ep.listener is not None:
        return EVENT_IN if ep.listener.ready else 0
    mask = 0
    down = ep.shutdown_mask
    if down == BOTH or state == st.CLOSED:
        mask |= EVENT_HUP
    if down & RCV_SHUTDOWN:
        mask |= EVENT_IN | EVENT_RDHUP
    if state != st.SYN_SENT and (state != st.SYN_RECEIVED or ep.fast_open is not None):
        rcv = ep.rcv
        wanted = ep.so.rcvlowat
        if rcv.urgent_seq >= 0 and urgent.at_mark(rcv) and not ep.so.oob_inline:
            wanted += 1
        if rcv.queue.size >= wanted:
            mask |= EVENT_IN
        if down & SEND_SHUTDOWN or ep.writable():
            mask |= EVENT_OUT
        else:
            ep.no_space = True
        if rcv.urgent_byte >= 0:
            mask |= EVENT_PRI
    elif fast_open_client.waits_for_text(ep):
        mask |= EVENT_OUT
    if ep.error is not None or _has_news(ep):
        mask |= EVENT_ERR | (EVENT_PRI if ep.so.kept.get(SELECT_ERROR_QUEUE) else 0)
    return mask


def _has_news(ep: TcpEndpoint) -> bool:
    """Something is in the error queue."""
    if ep.zero_copy is not None and ep.zero_copy.done:
        return True
    return ep.tx_stamps is not None and bool(ep.tx_stamps.done)
