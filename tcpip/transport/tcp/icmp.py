"""What ICMP errors do to a connection.

Implements: RFC 1122 4.2.3.9, RFC 5927 (the quoted sequence number must be outstanding; hard errors are soft once the
connection is synchronized), RFC 1191 6.4, RFC 6069 (a time-out's back-off is taken back), RFC 8201 (path MTU). As net/ipv4/tcp_ipv4.c:tcp_v4_err.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.seqnum import unwrap
from tcpip.transport.protocol import IcmpError
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.recovery import simple_retransmit
from tcpip.waiter import EVENT_ERR

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint


REVERTING: Final = (errors.HOST_UNREACHABLE, errors.NETWORK_UNREACHABLE)
"""That a retransmission met these says that the path is broken, not congested."""


def quotes_text_under_way(ep: TcpEndpoint, error: IcmpError) -> bool:
    """The quoted sequence number is outstanding."""
    if ep.state in (st.CLOSED, st.LISTEN):
        return False
    snd = ep.snd
    return snd.una <= unwrap(int.from_bytes(error.quoted[4:8], "big"), snd.nxt) <= snd.nxt


def handle_error(ep: TcpEndpoint, error: IcmpError) -> None:
    """An ICMP error that quotes a segment of this connection."""
    if not quotes_text_under_way(ep, error):
        if ep.state != st.LISTEN:
            ep.stats_ext.inc("OutOfWindowIcmps")
        return
    if error.mtu:
        path_mtu_changed(ep)
        return
    if ep.state in (st.SYN_SENT, st.SYN_RECEIVED):
        ep.stats.inc("AttemptFails")
        ep.abort(error.error)
        return
    if error.error in REVERTING and unwrap(int.from_bytes(error.quoted[4:8], "big"), ep.snd.nxt) == ep.snd.una:
        ep.timers.revert_backoff(ep.stack.clock.now_ns())
    recverr = ep.so.recverr6 if len(ep.remote_addr) == 16 else ep.so.recverr
    if recverr:
        ep.error = error.error
        ep.raise_events(EVENT_ERR)
    else:
        ep.soft_error = error.error


def path_mtu_changed(ep: TcpEndpoint) -> None:
    """Smaller segments from now on; what was too large goes again at once."""
    snd = ep.snd
    old = snd.mss
    snd.sync_mss()
    if snd.mss < old and st.synchronized(ep.state):
        simple_retransmit(snd)
        ep.want_output = True
        ep.touch()
