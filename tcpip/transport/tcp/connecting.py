"""connect(2) called again on a socket that is connecting, or was (net/ipv4/af_inet.c: __inet_stream_connect)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.transport.tcp import closing, fast_open_client
from tcpip.transport.tcp import state as st

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

SS_CONNECTING: Final = 2
SS_CONNECTED: Final = 3


def check_unconnected(ep: TcpEndpoint) -> None:
    """ALREADY_CONNECTED, ALREADY_IN_PROGRESS."""
    if ep.socket_state == SS_CONNECTING:
        raise NetworkError(errors.ALREADY_IN_PROGRESS)
    if ep.socket_state == SS_CONNECTED or ep.state != st.CLOSED:
        raise NetworkError(errors.ALREADY_CONNECTED)


def is_over(ep: TcpEndpoint) -> bool:
    """A handshake has come to its end since connect(2) was last called; its outcome is told now."""
    if ep.socket_state != SS_CONNECTING or ep.state in (st.SYN_SENT, st.SYN_RECEIVED):
        return False
    outcome(ep)
    return True


def outcome(ep: TcpEndpoint) -> None:
    """How a connection that was under way stands. ALREADY_CONNECTED, ALREADY_IN_PROGRESS, or what it failed with."""
    if fast_open_client.waits_for_text(ep):
        raise NetworkError(errors.ALREADY_CONNECTED)
    if ep.state in (st.SYN_SENT, st.SYN_RECEIVED):
        raise NetworkError(errors.ALREADY_IN_PROGRESS)
    if ep.state == st.CLOSED:
        error = ep.take_error() or errors.CONNECTION_ABORTED
        closing.disconnect(ep)
        raise NetworkError(error)
    ep.socket_state = SS_CONNECTED
