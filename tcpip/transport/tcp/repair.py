"""TCP_REPAIR: a connection is taken out of one socket and put into another one, without its peer noticing.

In repair nothing is said to the peer: closing sends nothing, connect(2) is done at once, what is written goes into the
queue that TCP_REPAIR_QUEUE names, as if it had been sent or received, and what is read is peeked at. At the end a probe
asks the peer where it is. Source: net/ipv4/tcp.c (tcp_repair_set_window, tcp_repair_options_est, tcp_peek_sndq),
tcp_input.c:tcp_send_rcvq, tcp_output.c:tcp_send_window_probe, LWN "TCP connection repair".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError
from tcpip.header.tcp_options import MAX_WINDOW_SCALE, MSS, SACK_PERMITTED, TIMESTAMPS, WINDOW_SCALE
from tcpip.seqnum import MASK, unwrap
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.option_values import in_range, int_value
from tcpip.transport.tcp import addressing, closing, connecting, handshake
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.emit import emit_probe
from tcpip.transport.tcp.md5 import option_len
from tcpip.transport.tcp.receiver import first_mss_estimate
from tcpip.transport.tcp.sack import SentSegment
from tcpip.transport.tcp.segment_arrives import PAWS_EXPIRY_NS

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint

NO_QUEUE: Final = 0
RECV_QUEUE: Final = 1
SEND_QUEUE: Final = 2
ON: Final = 1
OFF: Final = 0
OFF_NO_PROBE: Final = -1
OPTIONS: Final = frozenset(
    (
        so.TCP_REPAIR,
        so.TCP_REPAIR_QUEUE,
        so.TCP_QUEUE_SEQ,
        so.TCP_REPAIR_OPTIONS,
        so.TCP_REPAIR_WINDOW,
        so.TCP_TIMESTAMP,
    )
)
_OPTION: Final = struct.Struct("=II")
_WINDOW: Final = struct.Struct("=5I")


class Repair:
    """Of a socket in repair: the queue that is looked at, and where both begin in a connection that is yet to be made."""

    __slots__ = ("queue", "write_seq", "read_seq")

    def __init__(self) -> None:
        self.queue = NO_QUEUE
        self.write_seq = 0
        self.read_seq = 0


def set_option(ep: TcpEndpoint, name: int, value: int | bytes) -> None:
    """setsockopt(2) of one of OPTIONS. NOT_PERMITTED, INVALID_ARGUMENT."""
    number = int_value(value)
    if name == so.TCP_REPAIR_OPTIONS:
        _set_options(ep, value)
        return
    if name == so.TCP_REPAIR_WINDOW:
        _set_window(ep, value)
        return
    if name == so.TCP_REPAIR:
        _set_repair(ep, number)
        return
    repair = ep.repair
    if name == so.TCP_TIMESTAMP:
        if repair is None:
            raise NetworkError(errors.NOT_PERMITTED)
        ep.ts_offset = (number - ep.stack.clock.now_ns() // 1_000_000) & MASK
    elif name == so.TCP_REPAIR_QUEUE:
        if repair is None:
            raise NetworkError(errors.NOT_PERMITTED)
        repair.queue = in_range(number, NO_QUEUE, SEND_QUEUE)
    else:
        _set_queue_seq(ep, number & MASK)


def get_option(ep: TcpEndpoint, name: int) -> int | bytes:
    """getsockopt(2) of one of OPTIONS."""
    repair = ep.repair
    if name == so.TCP_REPAIR:
        return int(repair is not None)
    if name == so.TCP_TIMESTAMP:
        return ep.ts_now(ep.stack.clock.now_ns())
    if name == so.TCP_REPAIR_OPTIONS:
        raise NetworkError(errors.NO_SUCH_OPTION)
    if name == so.TCP_REPAIR_WINDOW:
        if repair is None:
            raise NetworkError(errors.NOT_PERMITTED)
        snd, rcv = ep.snd, ep.rcv
        return _WINDOW.pack(snd.wl1 & MASK, snd.wnd, snd.max_wnd, max(rcv.adv - rcv.wup, 0), rcv.wup & MASK)
    if repair is None or (name == so.TCP_QUEUE_SEQ and repair.queue == NO_QUEUE):
        raise NetworkError(errors.INVALID_ARGUMENT)
    if name == so.TCP_REPAIR_QUEUE:
        return repair.queue
    if ep.state == st.CLOSED:
        return repair.write_seq if repair.queue == SEND_QUEUE else repair.read_seq
    return (ep.snd.buf.end if repair.queue == SEND_QUEUE else ep.rcv.nxt) & MASK


def _set_repair(ep: TcpEndpoint, number: int) -> None:
    if not ep.so.privileged or ep.state == st.LISTEN:
        raise NetworkError(errors.NOT_PERMITTED)
    if not OFF_NO_PROBE <= number <= ON:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if number == ON:
        ep.repair = Repair()
        return
    was, ep.repair = ep.repair, None
    if was is None or ep.state == st.CLOSED:
        return
    now = ep.stack.clock.now_ns()
    if ep.snd.board.segs:
        ep.timers.sent_data(now)
    if number == OFF and ep.state == st.ESTABLISHED:
        ep.snd.wl1 = ep.rcv.nxt - 1  # whatever it answers tells the window
        emit_probe(ep, now)


def _set_queue_seq(ep: TcpEndpoint, seq: int) -> None:
    """Where the chosen queue's next byte is, before there is a connection."""
    if ep.state != st.CLOSED:
        raise NetworkError(errors.NOT_PERMITTED)
    if ep.repair is None or ep.repair.queue == NO_QUEUE:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if ep.repair.queue == SEND_QUEUE:
        ep.repair.write_seq = seq
    else:
        ep.repair.read_seq = seq


def connect(ep: TcpEndpoint, address: SockAddr) -> None:
    """connect(2) in repair: established at once, with the numbers that TCP_QUEUE_SEQ has set and no options yet."""
    repair = ep.repair
    if repair is None:
        raise NetworkError(errors.INVALID_ARGUMENT)
    connecting.check_unconnected(ep)
    offset = ep.ts_offset
    addressing.connect(ep, address, (repair.write_seq - 1) & MASK)
    ep.repair = repair
    ep.ts_offset = offset
    snd, rcv = ep.snd, ep.rcv
    ep.timestamps = ep.sack_ok = ep.window_scaling = False
    ep.option_len = option_len(ep)
    rcv.wscale = rcv.offered_wscale = 0
    rcv.start((repair.read_seq - 1) & MASK)
    rcv.adv = rcv.nxt + rcv.first_window
    snd.nxt = snd.una = snd.iss + 1
    snd.wscale = 0
    snd.wl1 = rcv.nxt - 1
    snd.wl2 = snd.una
    snd.sync_mss()
    handshake.established(ep, ep.stack.clock.now_ns())
    ep.socket_state = connecting.SS_CONNECTED


def _set_options(ep: TcpEndpoint, value: int | bytes) -> None:
    """What both SYNs agreed on, as pairs of a TCP option's number and its value. INVALID_ARGUMENT, NOT_PERMITTED."""
    if ep.repair is None or isinstance(value, int):
        raise NetworkError(errors.INVALID_ARGUMENT)
    if ep.state != st.ESTABLISHED or ep.snd.bytes_sent:
        raise NetworkError(errors.NOT_PERMITTED)
    snd = ep.snd
    for code, number in _OPTION.iter_unpack(value[: len(value) // _OPTION.size * _OPTION.size]):
        if code == MSS:
            snd.peer_mss = max(number, ep.config.min_snd_mss)
        elif code == WINDOW_SCALE:
            mine, theirs = number >> 16, number & 0xFFFF
            if mine > MAX_WINDOW_SCALE or theirs > MAX_WINDOW_SCALE:
                raise NetworkError(errors.FILE_TOO_LARGE)
            ep.window_scaling = True
            snd.wscale = theirs
            ep.rcv.wscale = ep.rcv.offered_wscale = mine
        elif code in (SACK_PERMITTED, TIMESTAMPS):
            if number:
                raise NetworkError(errors.INVALID_ARGUMENT)
            ep.sack_ok = ep.sack_ok or code == SACK_PERMITTED
            if code == TIMESTAMPS:
                ep.timestamps = True
                ep.rcv.ts_recent_at = ep.stack.clock.now_ns() - PAWS_EXPIRY_NS  # whatever the peer says is news
    ep.option_len = option_len(ep)
    snd.sync_mss()
    ep.rcv.mss_est = first_mss_estimate(snd.mss)


def _set_window(ep: TcpEndpoint, value: int | bytes) -> None:
    """struct tcp_repair_window: snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup."""
    if ep.repair is None:
        raise NetworkError(errors.NOT_PERMITTED)
    if isinstance(value, int) or len(value) != _WINDOW.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    wl1, window, largest, receive, at = _WINDOW.unpack(value)
    snd, rcv = ep.snd, ep.rcv
    wl1, at = unwrap(wl1, rcv.nxt), unwrap(at, rcv.nxt)
    if largest < window or wl1 > rcv.nxt + receive or at > rcv.nxt:
        raise NetworkError(errors.INVALID_ARGUMENT)
    snd.wl1 = wl1
    snd.wnd = window
    snd.max_wnd = largest
    rcv.wup = at
    rcv.adv = max(at + receive, rcv.nxt)
    snd.sync_mss()


def send(ep: TcpEndpoint, data: bytes | memoryview) -> int:
    """Bytes put into the chosen queue: as if they had been sent, and not acknowledged yet, or received and not read."""
    if ep.repair is None or ep.repair.queue == NO_QUEUE:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if ep.state not in st.DATA_STATES:
        raise NetworkError(errors.BROKEN_PIPE)
    if ep.repair.queue == RECV_QUEUE:
        if ep.rcv.queue.size + len(data) > ep.so.rcvbuf:
            raise NetworkError(errors.NO_BUFFER_SPACE)
        ep.rcv.take_text(bytes(data))
        ep.text_ready()
        return len(data)
    room = ep.send_space()
    if room <= 0:
        return AGAIN if len(data) else 0
    snd = ep.snd
    text = bytes(data[:room])
    snd.buf.append(text)
    now = ep.stack.clock.now_ns()
    while snd.nxt < snd.buf.end:
        end = min(snd.nxt + snd.mss, snd.buf.end)
        snd.board.segs.append(SentSegment(snd.nxt, end, now, False))
        snd.nxt = end
    return len(text)


def read(ep: TcpEndpoint, buffer: memoryview, flags: int) -> int:
    """recv(2) in repair only looks. NOT_PERMITTED without MSG_PEEK."""
    if ep.repair is None or not flags & so.MSG_PEEK:
        raise NetworkError(errors.NOT_PERMITTED)
    if ep.repair.queue == RECV_QUEUE:
        if not ep.rcv.queue.size:
            return AGAIN
        return ep.rcv.queue.read_into(buffer, True)
    if ep.repair.queue == NO_QUEUE:
        raise NetworkError(errors.INVALID_ARGUMENT)
    buf = ep.snd.buf
    size = min(len(buf), len(buffer))
    at = 0
    for piece in buf.slices(buf.start, size) if size else ():
        buffer[at : at + len(piece)] = piece
        at += len(piece)
    return at


def close(ep: TcpEndpoint) -> None:
    """close(2) in repair: the peer is not told."""
    ep.rcv.queue.clear()
    closing.forget(ep)
