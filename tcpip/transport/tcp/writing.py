"""What a write does: text is queued in packets as large as the next ones may be, and sent as it is queued.

The room of the send buffer is asked for where a packet is begun, no more often: a write may fill the last one beyond it.
PSH goes with the packet that a write ends in, and with one now and then of a long write.
Source: net/ipv4/tcp.c:tcp_sendmsg_locked, tcp_push, forced_push; tcp_output.c:tcp_push_one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.sockopt import MSG_EOR, MSG_MORE, MSG_OOB, MSG_ZEROCOPY
from tcpip.transport.endpoint import AGAIN, Control
from tcpip.transport.tcp.tx_stamps import note_write
from tcpip.transport.tcp.zero_copy import number_writes

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint


def write(ep: TcpEndpoint, data: bytes | memoryview, flags: int, control: list[Control] | None) -> int:
    """send(2) on a connection that takes text: how much was taken, AGAIN for nothing."""
    zerocopy = number_writes(ep) if flags & MSG_ZEROCOPY else None
    snd = ep.snd
    size = len(data)
    route = ep.route
    taken = _hand_over(ep, data) if route is not None and route.local else _queue(ep, data)
    more = flags & MSG_MORE != 0
    if taken < size:
        ep.no_space = True
        if not taken:
            return AGAIN
        more = False
        snd.push_forced = snd.buf.end
    if flags & MSG_OOB and taken:
        snd.urgent_end = snd.buf.end
    if flags & MSG_EOR and taken:
        snd.records.append(snd.buf.end)
    if zerocopy is not None and taken:
        zerocopy.written(snd.buf.end)
    if (ep.tx_stamps is not None or control) and taken:
        note_write(ep, control)
    now = ep.stack.clock.now_ns()
    if now - ep.rcv.last_data < ep.rcv.ato:
        ep.rcv.pingpong = True
    if not more or snd.push_is_due():
        snd.push_end = snd.buf.end
    ep.more_coming = more
    snd.output(now)
    ep.more_coming = False
    return taken


def has_room(ep: TcpEndpoint) -> bool:
    """Another packet may be begun: sk_stream_memory_free, with TCP_NOTSENT_LOWAT."""
    snd = ep.snd
    lowat = ep.tcp_options.notsent_lowat
    return snd.memory() < ep.so.sndbuf and (lowat == 0xFFFFFFFF or snd.unsent() < lowat)


def _hand_over(ep: TcpEndpoint, data: bytes | memoryview) -> int:
    """To a peer in this stack, which mostly takes it as it is (same_stack.py): packets are not counted."""
    room = ep.send_space()
    if len(data) > room:
        data = memoryview(data)[:room]
    if data:
        ep.snd.buf.append(data if isinstance(data, bytes) else bytes(data))
    return len(data)


def _queue(ep: TcpEndpoint, data: bytes | memoryview) -> int:
    """As much as there is room for."""
    snd = ep.snd
    size = len(data)
    taken = 0
    while taken < size:
        space = snd.room_in_packet()
        if space <= 0:
            if not has_room(ep):
                break
            space = snd.begin_packet()
        if not taken and size <= space:
            snd.buf.append(data if isinstance(data, bytes) else bytes(data))
            return size
        piece = min(size - taken, space)
        snd.buf.append(bytes(memoryview(data)[taken : taken + piece]))
        taken += piece
        if taken < size and ep.route is not None:
            _push(ep)
    return taken


def _push(ep: TcpEndpoint) -> None:
    """A packet is full, and more follows."""
    snd = ep.snd
    now = ep.stack.clock.now_ns()
    if snd.push_is_due():
        snd.push_end = snd.buf.end
        snd.output(now)
    elif snd.nxt >= snd.packet_start:
        snd.output(now, True)
