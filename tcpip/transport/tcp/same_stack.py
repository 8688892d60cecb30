"""Both ends of a connection in one stack: text goes from the one's send buffer straight to the other's receive queue.

It is what the loopback would do with a segment and its acknowledgement, without making either: sequence numbers,
windows and counters end up as if they had been there. Only a connection that is idle on the wire and in good order
takes this way; a handshake, a FIN, urgent data, a cork, a capture on the loopback, and whatever is half way in packets
stay with packets. Nobody is called back from here: who waits is told at the end of the batch, as always.

Implements: RFC 9293 3.10.4 (SEND) and 3.10.7.4 (text, window) for two ends that share one memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import DELACK_MIN_NS

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.receiver import Receiver
    from tcpip.transport.tcp.sender import Sender


def hand_over(snd: Sender, now: int) -> bool:
    """Move what the other end has room for. False when it has to go in packets: then nothing has changed."""
    ep = snd.ep
    if ep.more_coming or ep.tcp_options.cork or snd.urgent_end > snd.nxt:
        return False
    rcv = _idle_peer(snd)
    if rcv is None or rcv.ofo.size or rcv.urgent_seq >= 0 or rcv.ep.shutdown_mask:
        return False
    moved = False
    size = min(snd.buf.end - snd.nxt, rcv.select_window())
    while size > 0:
        moved = True
        _move(snd, rcv, size, now)
        _acknowledge(snd, rcv)  # the window may be larger for it
        size = min(snd.buf.end - snd.nxt, snd.wnd)
    if moved:
        _tell(snd, rcv)
    else:
        _acknowledge(snd, rcv)
    return True


def _move(snd: Sender, rcv: Receiver, size: int, now: int) -> None:
    """As one segment."""
    for piece in snd.buf.slices(snd.nxt, size):
        rcv.take_text(piece)
    rcv.space_of.came(size)
    rcv.space_of.grow(rcv, size)
    snd.nxt += size
    snd.una = snd.nxt
    snd.buf.free(snd.una)
    _count(snd, rcv, size, now)


def _tell(snd: Sender, rcv: Receiver) -> None:
    """Those who wait for text, or for room."""
    ep = snd.ep
    if ep.zero_copy is not None:
        ep.notify_written(snd.una)
    if ep.tx_stamps is not None:
        ep.tx_stamps.sent(ep, snd.una)
        ep.tx_stamps.acknowledged(ep, snd.una)
    if ep.no_space:
        ep.write_space()
    if len(rcv.ep.queue):
        rcv.ep.text_ready()
        ep.stack.endpoints_pending()


def window_opened(rcv: Receiver) -> bool:
    """The user has read, and the peer is to know. False when that takes a packet."""
    mine = _idle_peer(rcv.ep.snd, False)
    if mine is None:
        return False
    ep = mine.ep
    snd = ep.snd
    if snd.nxt != snd.una or rcv.nxt != snd.nxt:
        return False
    _acknowledge(snd, rcv)
    if snd.buf.end > snd.nxt:
        ep.want_output = True
        ep.touch()
    return True


def _acknowledge(snd: Sender, rcv: Receiver) -> None:
    """What an acknowledgement would tell the sender."""
    snd.wnd = window = rcv.select_window()
    if window > snd.max_wnd:
        snd.max_wnd = window
    snd.wl1 = rcv.ep.snd.nxt
    snd.wl2 = snd.una
    rcv.ack_sent()


def _idle_peer(snd: Sender, sends: bool = True) -> Receiver | None:
    """The receiving half of the other end, if nothing is under way that a shortcut would overtake; of our own text
    only when we are to send (`sends`)."""
    ep = snd.ep
    route = ep.route
    if route is None or not route.local or ep.state != st.ESTABLISHED:
        return None
    rcv = snd.mate
    if rcv is None or rcv.ep.rcv is not rcv:
        rcv = snd.mate = _find(ep)
        if rcv is None:
            return None
    if rcv.ep.state != st.ESTABLISHED or (sends and (snd.nxt != snd.una or rcv.nxt != snd.nxt or snd.ca_state)):
        return None
    if rcv.ep.screened or ep.screened or snd.recorder is not None:
        return None  # it sees packets
    return rcv if ep.stack.loopback_is_idle() and ep.config.local_shortcut else None


def _find(ep: TcpEndpoint) -> Receiver | None:
    """Whose segments we would be answering: the connection with our addresses and ports the other way round."""
    from tcpip.transport.tcp.endpoint import TcpEndpoint

    key = ep.key
    size = (len(key) - 4) // 2
    other = ep.tcp.demux.connected.get(key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2])
    return other.rcv if isinstance(other, TcpEndpoint) and other is not ep else None


def _count(snd: Sender, rcv: Receiver, size: int, now: int) -> None:
    """As one segment."""
    ep = snd.ep
    snd.last_send = now
    snd.bytes_sent += size
    snd.bytes_acked += size
    snd.segs_out += 1
    snd.data_segs_out += 1
    rcv.last_rcv = rcv.last_data = now
    rcv.ato = rcv.ato or DELACK_MIN_NS
    rcv.segs_in += 1
    rcv.data_segs_in += 1
    values = ep.stats.values
    values["OutSegs"] += 1
    values["InSegs"] += 1
    ext = ep.stats_ext.values
    ext["TCPOrigDataSent"] += 1
    ext["TCPDelivered"] += 1
    ext["TCPHPHits"] += 1
    lo = ep.stack.lo
    if lo is not None:
        length = size + 52
        lo.tx_packets += 1
        lo.rx_packets += 1
        lo.tx_bytes += length
        lo.rx_bytes += length
