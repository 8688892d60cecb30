"""How connections end: shutdown, close, abort, disconnect, TIME_WAIT.

Implements: RFC 9293 3.6, 3.10.4, 3.10.5, RFC 1122 4.2.2.13 (half-duplex close), RFC 2525 2.17 (a close with unread
text resets). As net/ipv4/tcp.c:tcp_close, tcp_shutdown, tcp_disconnect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import any_of
from tcpip.errors import NetError, NetworkError
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.emit import emit_reset
from tcpip.transport.tcp.fast_open import finished
from tcpip.transport.tcp.time_wait import TimeWait
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
BOTH: Final = 3
FIN_NEXT: Final[dict[int, int]] = {
    st.ESTABLISHED: st.FIN_WAIT_1,
    st.SYN_RECEIVED: st.SYN_RECEIVED,
    st.CLOSE_WAIT: st.LAST_ACK,
}
"""Where sending a FIN leads; SYN_RECEIVED keeps it queued until the handshake is over."""
NEEDS_RESET: Final = frozenset({st.ESTABLISHED, st.CLOSE_WAIT, st.FIN_WAIT_1, st.FIN_WAIT_2, st.SYN_RECEIVED})


def queue_fin(ep: TcpEndpoint) -> None:
    """Our FIN follows the last byte."""
    new = FIN_NEXT.get(ep.state)
    if new is None or ep.snd.fin_queued:
        return
    ep.snd.fin_queued = True
    ep.set_state(new)
    ep.snd.output(ep.stack.clock.now_ns())


def shutdown(ep: TcpEndpoint, mask: int) -> None:
    """shutdown(2); `mask` 1 receive, 2 send, 3 both."""
    state = ep.state
    if state == st.CLOSED:
        ep.shutdown_mask |= mask
        raise NetworkError(errors.NOT_CONNECTED)
    if state == st.LISTEN:
        if mask & RCV_SHUTDOWN:
            stop_listening(ep)
        return
    if state == st.SYN_SENT:
        disconnect(ep)
        ep.raise_events(EVENT_OUT | EVENT_HUP | EVENT_ERR)
        return
    ep.shutdown_mask |= mask
    if mask & SEND_SHUTDOWN:
        queue_fin(ep)
    events = EVENT_OUT
    if ep.shutdown_mask & RCV_SHUTDOWN:
        events |= EVENT_IN | EVENT_RDHUP
    if ep.shutdown_mask == BOTH:
        events |= EVENT_HUP
    ep.queue.notify(events)


def close(ep: TcpEndpoint) -> None:
    """close(2): the user is gone; the connection goes on until it has said goodbye."""
    ep.shutdown_mask = BOTH
    state = ep.state
    if state == st.LISTEN:
        stop_listening(ep)
        release_port(ep)
        return
    if state == st.CLOSED:
        release_port(ep)
        return
    unread = ep.rcv.queue.size
    ep.rcv.queue.clear()
    if unread and state != st.SYN_SENT:
        ep.stats_ext.inc("TCPAbortOnClose")
        _reset_and_forget(ep)
    elif ep.so.linger == 0:
        ep.stats_ext.inc("TCPAbortOnData")
        _reset_and_forget(ep)
    elif state == st.SYN_SENT:
        _gone(ep)
    else:
        queue_fin(ep)
        _become_orphan(ep)


def _become_orphan(ep: TcpEndpoint) -> None:
    if ep.state == st.CLOSED:
        return
    now = ep.stack.clock.now_ns()
    if ep.tcp.orphans >= ep.config.max_orphans:
        ep.stats_ext.inc("TCPAbortOnMemory")
        _reset_and_forget(ep)
        return
    ep.orphaned = True
    ep.tcp.orphans += 1
    ep.rcv.ofo.clear()
    if ep.state == st.FIN_WAIT_2:
        if ep.tcp_options.linger2_ns < 0:
            ep.stats_ext.inc("TCPAbortOnLinger")
            _reset_and_forget(ep)
        else:
            ep.timers.arm_fin_wait_2(now)


def _reset_and_forget(ep: TcpEndpoint) -> None:
    if _needs_reset(ep):
        emit_reset(ep)
    _gone(ep)


def _needs_reset(ep: TcpEndpoint) -> bool:
    """The peer counts on this connection."""
    return ep.state in NEEDS_RESET or (ep.state in (st.CLOSING, st.LAST_ACK) and ep.snd.una != ep.snd.nxt)


def abort(ep: TcpEndpoint, error: NetError) -> None:
    """tcp_reset, tcp_write_err: what was received stays readable; the error is seen once."""
    if ep.state == st.CLOSED:
        return
    ep.error = error
    _gone(ep)
    ep.raise_events(EVENT_IN | EVENT_OUT | EVENT_RDHUP | EVENT_HUP | EVENT_ERR)


def finish(ep: TcpEndpoint) -> None:
    """tcp_done: the last ACK has come, or nobody waits any more."""
    _gone(ep)
    ep.raise_events(EVENT_IN | EVENT_OUT | EVENT_RDHUP | EVENT_HUP)


def _gone(ep: TcpEndpoint) -> None:
    """No connection any more: nothing finds the endpoint, nothing is sent or timed."""
    connected = ep.tcp.demux.connected
    if connected.get(ep.key) is ep:
        del connected[ep.key]
    ep.timers.stop()
    finished(ep)
    ep.snd.board.clear()
    ep.snd.buf.clear()
    ep.notify_written(ep.snd.buf.end)
    ep.snd.fin_queued = False
    ep.rcv.ofo.clear()
    ep.rcv.ack_now = False
    ep.want_output = False
    ep.shutdown_mask = BOTH
    ep.set_state(st.CLOSED)
    if ep.orphaned:
        ep.orphaned = False
        ep.tcp.orphans -= 1
    if ep.closed or not ep.explicit_port:
        release_port(ep)


def forget(ep: TcpEndpoint) -> None:
    """The connection lives elsewhere now: nothing is said."""
    _gone(ep)
    release_port(ep)


def release_port(ep: TcpEndpoint) -> None:
    """The endpoint holds its port no longer."""
    hold = ep.hold
    if hold is not None:
        ep.hold = None
        hold.release()


def enter_time_wait(ep: TcpEndpoint, now: int) -> None:
    """A record takes over, with the port; the endpoint is closed, what it has received stays readable."""
    ep.set_state(st.TIME_WAIT)
    if ep.rcv.ack_now:
        ep.acknowledge_last(now)  # which may open the window: the record repeats what it has said
    route = ep.route
    record = None
    if route is not None:
        hold = ep.hold.share() if ep.hold is not None else None
        record = TimeWait(ep, route, hold, now)
    finish(ep)
    if record is not None:
        ep.tcp.time_wait.add(record)


def abandon(ep: TcpEndpoint) -> None:
    """A connection that waits in a listener which is closed."""
    ep.closed = True
    _reset_and_forget(ep)
    release_port(ep)


def stop_listening(ep: TcpEndpoint) -> None:
    """inet_csk_listen_stop."""
    listener = ep.listener
    if listener is None:
        return
    ep.listener = None
    if ep.bound is not None:
        ep.tcp.demux.remove(ep.bound)
        ep.bound = ep.so.group = None
        ep.so.hashed = False
    if ep.hold is not None:
        ep.stack.ports.stop_listening(ep.hold.reservation)
    listener.stop()
    ep.set_state(st.CLOSED)
    ep.shutdown_mask = 0
    ep.raise_events(EVENT_IN | EVENT_OUT | EVENT_HUP)


def disconnect(ep: TcpEndpoint) -> None:
    """connect(2) with AF_UNSPEC, and what follows a failed connect: as good as new, still bound when bind(2) did it."""
    if ep.state == st.LISTEN:
        stop_listening(ep)
    elif ep.state == st.SYN_SENT:
        ep.error = errors.CONNECTION_RESET
        _gone(ep)
    elif ep.state != st.CLOSED:
        if _needs_reset(ep):
            ep.error = errors.CONNECTION_RESET
        _reset_and_forget(ep)
    error = ep.error
    if not ep.explicit_port:
        release_port(ep)
        ep.local_port = 0
    if not ep.explicit_addr:
        ep.local_addr = any_of(ep.family)
    ep.rcv.queue.clear()
    ep.timers.stop()
    ep.reset_connection()
    ep.error = error
    ep.raise_events(EVENT_OUT | EVENT_HUP)
