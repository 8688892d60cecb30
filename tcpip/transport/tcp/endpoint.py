"""A TCP endpoint: a socket's user calls, and the connection that owns the parts beside this file.

Calls and errors are Linux's (net/ipv4/tcp.c, net/ipv4/af_inet.c); the protocol itself is in segment_arrives.py,
sender.py, receiver.py, recovery.py, timers.py. What a packet causes is done at its batch's end: `finish_batch`.
Implements: RFC 9293 3.9.1 (user calls), 3.10.1-3.10.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import SockAddr, any_of
from tcpip.buffer import RxPacket
from tcpip.errors import NetError, NetworkError
from tcpip.seqnum import HALF, MASK
from tcpip.sockopt import (
    IPPROTO_TCP,
    MSG_ERRQUEUE,
    MSG_FASTOPEN,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_ZEROCOPY,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SOCK_STREAM,
)
from tcpip.transport import anycast, flow_labels
from tcpip.transport.demux import Bound
from tcpip.transport.endpoint import AGAIN, Control, Endpoint, Message
from tcpip.transport.memberships import Memberships
from tcpip.transport.protocol import IcmpError
from tcpip.transport.socket_options import SocketOptions
from tcpip.transport.tcp import (
    addressing,
    closing,
    connecting,
    fast_open_client,
    handshake,
    icmp,
    options,
    polling,
    reading,
    repair,
    urgent,
    writing,
)
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.closing import RCV_SHUTDOWN, SEND_SHUTDOWN
from tcpip.transport.tcp.config import MAX_SYN_QUEUE, MIN_SEND_MSS
from tcpip.transport.tcp.ecn import MASK as ECN_BITS
from tcpip.transport.tcp.ecn import Ecn
from tcpip.transport.tcp.emit import dont_fragment, emit_ack
from tcpip.transport.tcp.fast_open_client import FastOpenRequest
from tcpip.transport.tcp.fast_path import fast_path
from tcpip.transport.tcp.listener import Listener, Request
from tcpip.transport.tcp.receiver import Receiver
from tcpip.transport.tcp.segment import Segment, passes_screen
from tcpip.transport.tcp.segment_arrives import segment_arrives
from tcpip.transport.tcp.sender import TCP_HEADER, Sender
from tcpip.transport.tcp.timers import TcpTimers
from tcpip.transport.tcp.tx_stamps import TxStamps
from tcpip.transport.tcp.zero_copy import ZeroCopy, number_writes
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, EVENT_RDHUP

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.tcp.port_hold import PortHold
    from tcpip.transport.tcp.protocol import TcpProtocol

SS_UNCONNECTED: Final = 1
SS_CONNECTING: Final = 2
SS_CONNECTED: Final = 3

SHUTDOWN_BOTH: Final = RCV_SHUTDOWN | SEND_SHUTDOWN
EVENT_ANY: Final = EVENT_IN | EVENT_OUT | EVENT_PRI | EVENT_ERR | EVENT_HUP | EVENT_RDHUP
INITIAL_SNDBUF: Final = 16384
ESTABLISHED_SNDBUF: Final = 262144


class TcpEndpoint(Endpoint):
    """One socket: unconnected, listening, or a connection."""

    __slots__ = (
        "tcp",
        "stack",
        "config",
        "stats",
        "stats_ext",
        "so",
        "tcp_options",
        "state",
        "socket_state",
        "shutdown_mask",
        "error",
        "soft_error",
        "done",
        "orphaned",
        "closed",
        "local_addr",
        "local_port",
        "remote_addr",
        "remote_port",
        "scope_id",
        "key",
        "route",
        "hold",
        "bound",
        "explicit_addr",
        "explicit_port",
        "listener",
        "snd",
        "rcv",
        "timers",
        "timestamps",
        "sack_ok",
        "window_scaling",
        "option_len",
        "ts_offset",
        "tos",
        "dont_fragment",
        "more_coming",
        "want_output",
        "dirty",
        "events",
        "no_space",
        "last_challenge",
        "ecn",
        "fast_open",
        "fast_open_request",
        "zero_copy",
        "syn_data",
        "fresh",
        "screened",
        "repair",
        "came_in",
        "came_tos",
        "new_label",
        "rehashes",
        "tx_stamps",
        "md5_key",
    )

    def __init__(self, tcp: TcpProtocol, family: int, so: SocketOptions, own: options.TcpSocketOptions) -> None:
        super().__init__(family, SOCK_STREAM, IPPROTO_TCP)
        self.tcp = tcp
        self.stack = tcp.stack
        self.config = tcp.config
        self.stats = tcp.stack.stats.tcp
        self.stats_ext = tcp.stack.stats.tcp_ext
        self.so = so
        self.tcp_options = own
        self.state = st.CLOSED
        self.listener: Listener | None = None
        self.hold: PortHold | None = None
        self.bound: Bound | None = None
        self.explicit_addr = False
        self.explicit_port = False
        self.local_addr = any_of(family)
        self.local_port = 0
        self.scope_id = 0
        self.closed = False
        self.dirty = False
        self.events = 0
        self.reset_connection()

    def reset_connection(self) -> None:
        """As before any connect(2)."""
        self.socket_state = SS_UNCONNECTED
        self.shutdown_mask = 0
        self.error: NetError | None = None
        self.soft_error: NetError | None = None
        self.done = False
        self.orphaned = False
        self.remote_addr = b""
        self.remote_port = 0
        self.key = b""
        self.route: Route | None = None
        self.timestamps = False
        self.sack_ok = False
        self.window_scaling = False
        self.option_len = 0
        self.ts_offset = 0
        self.more_coming = False
        self.want_output = False
        self.no_space = False
        self.last_challenge = -(1 << 62)
        self.ecn = Ecn()
        self.fast_open: Listener | None = None  # whose connection it is, until its SYN-ACK is acknowledged (RFC 7413)
        self.fast_open_request: FastOpenRequest | None = None  # ... and what we try as a client
        self.syn_data = False
        self.zero_copy: ZeroCopy | None = None  # once MSG_ZEROCOPY was used
        self.md5_key = b""  # RFC 2385
        self.tx_stamps: TxStamps | None = None  # once SO_TIMESTAMPING was used
        self.repair: repair.Repair | None = None
        self.new_label = self.rehashes = (
            0  # SO_TXREHASH: the flow label since the last time-out, and how many there were
        )
        self.came_in = self.came_tos = 0  # IP_PKTOPTIONS: the interface and TOS of what completed its handshake
        self.snd = Sender(self, 0)
        self.rcv = Receiver(self)
        self.timers = TcpTimers(self)
        self.fresh = True  # no connection was begun since
        self.options_changed()

    # State.

    def set_state(self, new: int) -> None:
        """The only writer of `state`; IllegalTransition for a move that `NEXT` does not know."""
        old = self.state
        if old == new:
            return
        st.check_transition(old, new)
        self.state = new
        change = int(new in st.DATA_STATES) - int(old in st.DATA_STATES)
        if change:
            self.stats.inc("CurrEstab", change)

    def options_changed(self) -> None:
        """Copies of options that every segment needs."""
        so = self.so
        six = len(self.remote_addr) == 16
        self.tos = (so.traffic_class if six else so.tos) & ~ECN_BITS  # these are TCP's own
        if six:
            self.tos = flow_labels.with_info(self.stack, so, self.tos, 0, self.new_label)
        adds = (so.headers if six else so.ip_options) is not None
        self.screened = adds or so.screens() or self.md5_key != b""
        locked = self.route is not None and self.route.metrics.mtu_locked()
        self.dont_fragment = six or dont_fragment(so.pmtudisc, locked)
        if self.hold is not None and self.listener is None:
            self.hold.reservation.reuse_addr = so.reuse_addr
            self.hold.reservation.reuse_port = so.reuse_port
            self.stack.ports.changed(self.hold.reservation)

    # Packets.

    def handle_packet(self, pkt: RxPacket) -> None:
        if self.screened and not passes_screen(self.so, pkt, self.stack):
            return
        if self.state == st.ESTABLISHED and fast_path(self, pkt):
            return
        if self.listener is not None:
            self.listener.handle_packet(pkt)
            return
        segment_arrives(self, Segment(pkt, self.stack.clock.now_ns()))

    def multicast_members(self) -> Memberships:
        return Memberships(self.stack)  # streams have none

    def settings(self) -> SocketOptions:
        return self.so

    def handle_error(self, error: IcmpError) -> None:
        icmp.handle_error(self, error)

    def expects_error(self, error: IcmpError) -> bool:
        return icmp.quotes_text_under_way(self, error)

    def touch(self) -> None:
        """There is something to do at the end of this batch."""
        if not self.dirty:
            self.dirty = True
            self.tcp.dirty.append(self)
            self.stack.endpoints_pending()

    def finish_batch(self) -> None:
        """Wake who waits, then send, then acknowledge what no text carried the acknowledgement of."""
        self.dirty = False
        events = self.events
        if events:
            self.events = 0
            self.queue.notify(events)
        if self.want_output:
            self.want_output = False
            self.snd.output_acknowledged(self.stack.clock.now_ns())
        if self.rcv.ack_now and self.state not in st.UNSYNCHRONIZED:
            emit_ack(self, self.stack.clock.now_ns())

    def raise_events(self, mask: int) -> None:
        """Readiness may have changed; `mask` 0 when only a state did."""
        self.events |= mask or EVENT_ANY & ~(EVENT_ERR | EVENT_PRI)
        self.touch()

    # Called by the parts.

    def ts_now(self, now: int) -> int:
        """The timestamp to send at `now`."""
        return (now // 1_000_000 + self.ts_offset) & MASK

    def ts_elapsed(self, ts_ecr: int, now: int) -> int:
        """How long ago an echoed timestamp was sent, ns, at least 1; 0 when it is none of ours."""
        delta = (now // 1_000_000 + self.ts_offset - ts_ecr) & MASK
        return 0 if delta & HALF else delta * 1_000_000 or 1_000_000

    def advertised_mss(self) -> int:
        """The MSS option's value: what the interface can receive."""
        return MIN_SEND_MSS if self.route is None else self.advertised_mss_on(self.route)

    def advertised_mss_on(self, route: Route) -> int:
        """RFC 6691: fixed headers only."""
        headers = (40 if route.six else 20) + TCP_HEADER
        mss = route.metrics.advmss or min(route.metrics.mtu or route.nic.mtu, 65535) - headers
        return min(mss, self.tcp_options.user_mss) if self.tcp_options.user_mss else mss

    def text_ready(self) -> None:
        """Text was queued."""
        if self.rcv.queue.size >= self.so.rcvlowat or self.shutdown_mask & RCV_SHUTDOWN:
            self.events |= EVENT_IN
        if not self.dirty:
            self.dirty = True
            self.tcp.dirty.append(self)

    def acknowledged(self) -> None:
        """The send buffer shrank or the window moved: more may be sent, and perhaps written."""
        self.want_output = True
        self.snd.acks += 1
        if self.zero_copy is not None:
            self.notify_written(self.snd.una)
        if self.tx_stamps is not None:
            self.tx_stamps.acknowledged(self, self.snd.una)
        if self.no_space:
            self.write_space()
        if not self.dirty:
            self.dirty = True
            self.tcp.dirty.append(self)

    def notify_written(self, una: int) -> None:
        """Writes with MSG_ZEROCOPY up to `una` are over."""
        if self.zero_copy is not None and self.zero_copy.acknowledged(una):
            self.raise_events(EVENT_ERR)

    def write_space(self) -> None:
        """Tell writers when there is room again (sk_stream_write_space)."""
        self.grow_send_buffer()
        if self.writable():
            self.no_space = False
            self.raise_events(EVENT_OUT)

    def grow_send_buffer(self) -> None:
        """Twice the congestion window, within tcp_wmem (tcp_sndbuf_expand)."""
        if not self.so.sndbuf_locked and self.state in st.DATA_STATES:
            wanted = max(ESTABLISHED_SNDBUF, 3 * self.snd.cc.cwnd)
            self.so.sndbuf = max(self.so.sndbuf, min(wanted, self.config.wmem[2]))

    def writable(self) -> bool:
        """sk_stream_is_writeable: a third of the buffer is free, and TCP_NOTSENT_LOWAT allows."""
        used = self.snd.memory()
        lowat = self.tcp_options.notsent_lowat
        return self.so.sndbuf - used >= used >> 1 and (lowat == 0xFFFFFFFF or self.snd.unsent() < lowat)

    def connected(self) -> None:
        """The handshake is over."""
        self.raise_events(EVENT_OUT)

    def peer_finished(self) -> None:
        """The peer's FIN was taken."""
        self.done = True
        self.raise_events(EVENT_IN | EVENT_RDHUP | (EVENT_HUP if self.shutdown_mask == SHUTDOWN_BOTH else 0))

    def challenge_ack(self, seg: Segment, why: str = "Challenge") -> None:
        """RFC 5961: tell where we are, but not too often, to one peer or to all. `why`: of the counters TCPACKSkipped*."""
        if seg.now - self.last_challenge < self.config.invalid_ratelimit_ns and not seg.payload_len():
            self.stats_ext.inc("TCPACKSkipped" + why)
            return
        if not seg.payload_len() and not self.tcp.may_challenge(seg.now):
            return
        self.last_challenge = seg.now
        self.rcv.ack_at_once()

    def send_ack(self, now: int) -> None:
        """Acknowledge now, or update the window."""
        if self.state not in st.UNSYNCHRONIZED:
            emit_ack(self, now)

    def acknowledge_last(self, now: int) -> None:
        """The ACK of the peer's FIN on the way into TIME_WAIT."""
        emit_ack(self, now)

    def handshake_timeout(self, now: int) -> None:
        """The retransmission timer in SYN_SENT or SYN_RECEIVED."""
        handshake.timeout(self, now)

    def segment_size(self) -> int:
        """TCP_MAXSEG."""
        if self.repair is not None:
            return self.snd.peer_mss
        if self.state in (st.CLOSED, st.LISTEN) and self.tcp_options.user_mss:
            return self.tcp_options.user_mss
        return self.snd.mss

    def push_now(self) -> None:
        """Nagle or a cork no longer hold back what is queued."""
        self.snd.push_forced = self.snd.buf.end
        self.snd.output(self.stack.clock.now_ns())

    def abort(self, error: NetError) -> None:
        """The connection failed: `error` is what the user sees once."""
        closing.abort(self, error)

    def finish(self) -> None:
        """The connection is over, in good order."""
        closing.finish(self)

    def enter_time_wait(self, now: int) -> None:
        """Both FINs are through; a small record waits in our place."""
        closing.enter_time_wait(self, now)

    def abandon(self) -> None:
        """Established but never accepted: reset."""
        closing.abandon(self)

    # User calls: addresses.

    def bind(self, address: SockAddr) -> None:
        addressing.bind(self, address)

    def bind_to_device(self, name: int, value: int | bytes) -> None:
        """SO_BINDTODEVICE, SO_BINDTOIFINDEX."""
        addressing.bind_to_device(self, name, value)

    def getsockname(self) -> SockAddr:
        return addressing.shown(self, self.local_addr, self.local_port)

    def getpeername(self) -> SockAddr:
        if not self.remote_port or self.state in (st.CLOSED, st.SYN_SENT):
            raise NetworkError(errors.NOT_CONNECTED)
        address = addressing.shown(self, self.remote_addr, self.remote_port)
        address.flowinfo = flow_labels.shown_info(self.so)
        return address

    def connect(self, address: SockAddr | None) -> None:
        if address is None:
            closing.disconnect(self)
            return
        if self.repair is not None:
            repair.connect(self, address)
            return
        if self.socket_state == SS_CONNECTING:
            connecting.outcome(self)
            return
        connecting.check_unconnected(self)
        addressing.connect(self, address)
        if self.tcp_options.fastopen_connect and fast_open_client.defers(self):
            return
        handshake.send_first_syn(self, self.stack.clock.now_ns())
        raise NetworkError(errors.CONNECT_STARTED)

    def listen(self, backlog: int) -> None:
        limit = min(backlog if backlog >= 0 else self.config.somaxconn, self.config.somaxconn, MAX_SYN_QUEUE)
        if self.listener is not None:
            self.listener.backlog = limit
            return
        if self.state != st.CLOSED or self.socket_state != SS_UNCONNECTED:
            raise NetworkError(errors.INVALID_ARGUMENT)
        addressing.start_listening(self)
        self.listen_unbound(limit)

    def listen_unbound(self, backlog: int = MAX_SYN_QUEUE) -> None:
        """Listen, without being found by the demultiplexer."""
        self.listener = Listener(self, backlog)
        self.shutdown_mask = 0
        self.set_state(st.LISTEN)

    def accept(self) -> TcpEndpoint:
        if self.listener is None:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if not self.listener.ready:
            raise NetworkError(errors.WOULD_BLOCK)
        return self.listener.ready.popleft()

    def connection_ready(self) -> None:
        """Something to accept."""
        self.raise_events(EVENT_IN)

    def new_child(self, request: Request, seg: Segment) -> TcpEndpoint:
        """The endpoint of a connection whose handshake `seg` completes."""
        child = TcpEndpoint(self.tcp, self.family, self.so.copy(), self.tcp_options.copy(self.config))
        addressing.adopt(child, self, request, seg)
        return child

    def first_segment(self, seg: Segment) -> None:
        """The ACK that completed the handshake, with the text that it may carry."""
        segment_arrives(self, seg)

    # User calls: data.

    def send(self, data: bytes | memoryview, flags: int = 0, control: list[Control] | None = None) -> int:
        if self.repair is not None:
            return repair.send(self, data)
        state = self.state
        if (state not in st.DATA_STATES and self.fast_open is None) or self.shutdown_mask & SEND_SHUTDOWN:
            return self._cannot_send(data)
        if self.error is not None:
            raise NetworkError(self.take_error() or errors.BROKEN_PIPE)
        return writing.write(self, data, flags, control)

    def _cannot_send(self, data: bytes | memoryview) -> int:
        if fast_open_client.waits_for_text(self) and not self.shutdown_mask & SEND_SHUTDOWN:
            return fast_open_client.send_syn(self, data)
        if self.state in (st.SYN_SENT, st.SYN_RECEIVED) and not self.shutdown_mask & SEND_SHUTDOWN:
            if self.error is None:
                self.no_space = True
                return AGAIN
        raise NetworkError(self.take_error() or errors.BROKEN_PIPE)

    def send_space(self) -> int:
        return self.so.sndbuf - self.snd.memory() if writing.has_room(self) else 0

    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        if flags & MSG_FASTOPEN:
            return fast_open_client.send(self, data, address, number_writes(self) if flags & MSG_ZEROCOPY else None)
        taken = self.send(data, flags, control)
        if taken == AGAIN:
            raise NetworkError(errors.WOULD_BLOCK)
        return taken

    def recv_into(self, buffer: memoryview, flags: int = 0) -> int:
        rcv = self.rcv
        if rcv.urgent_seq >= 0 or flags & MSG_OOB or self.repair is not None:
            if self.repair is not None:
                return repair.read(self, buffer, flags)
            read = urgent.read_byte if flags & MSG_OOB else urgent.read_text
            return read(self, buffer, flags)
        if flags & (MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE):
            return reading.read_special(self, buffer, flags)
        if not rcv.queue.size:
            return reading.nothing_to_read(self, buffer)
        taken = rcv.queue.read_into(buffer)
        rcv.copied += taken
        if self.so.peek_off > 0:
            reading.read_past(self.so, taken)
        if self.state in st.DATA_STATES or self.state in st.RECEIVING:
            rcv.text_taken(self.stack.clock.now_ns())
        return taken

    def unread(self, data: memoryview) -> None:
        self.rcv.put_back(data)

    def recvmsg(self, buffer: memoryview, flags: int = 0) -> Message:
        return reading.receive_message(self, buffer, flags)

    def shutdown(self, how: int) -> None:
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise NetworkError(errors.INVALID_ARGUMENT)
        closing.shutdown(self, how + 1)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            flow_labels.closed(self.stack, self.so)
            anycast.closed(self.stack, self.so)
            (closing if self.repair is None else repair).close(self)

    def readiness(self) -> int:
        return polling.readiness(self)

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        options.set_option(self, level, name, value)

    def get_option(self, level: int, name: int) -> int | bytes:
        return options.get_option(self, level, name)

    def take_error(self) -> NetError | None:
        error, self.error = self.error, None
        return error

    def socket_error(self) -> NetError | None:
        error = self.take_error()
        if error is None and self.listener is None:  # what an ICMP error told that did not end the connection
            error, self.soft_error = self.soft_error, None
        return error

    def readable_bytes(self) -> int:
        if self.listener is not None:
            raise NetworkError(errors.INVALID_ARGUMENT)
        return urgent.readable(self)

    def held_bytes(self) -> int:
        return self.rcv.queue.size

    def queued_bytes(self) -> int:
        return self.snd.memory()

    def at_mark(self) -> bool:
        return urgent.at_mark(self.rcv)

    def unsent_bytes(self) -> int:
        if self.listener is not None:
            raise NetworkError(errors.INVALID_ARGUMENT)
        return len(self.snd.buf) + int(self.snd.fin_queued and self.snd.una <= self.snd.buf.end)
