"""What datagram endpoints share: binding, the bounded receive queue, the error queue, options, group memberships.

Source of behaviour: udp(7), ip(7), ipv6(7), net/ipv4/udp.c, net/ipv4/datagram.c.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, SockAddr, any_of, is_any, is_link_local, is_multicast, unmapped, v4_mapped
from tcpip.buffer import RxPacket, WholePacket
from tcpip.errors import DropReason, NetError, NetworkError
from tcpip.network.longer_routes import lengthened
from tcpip.stack.route_flow import NO_FLOW, of_socket
from tcpip.transport import anycast, error_queue, flow_labels
from tcpip.transport.ancillary import received_control
from tcpip.transport.endpoint import AGAIN, Control, Endpoint, Message
from tcpip.transport.ip_options import get_ip, mtu_of, out_interface, preferred_source, set_ip
from tcpip.transport.memberships import Memberships
from tcpip.transport.option_values import int_value
from tcpip.transport.ports import Reservation
from tcpip.transport.protocol import IcmpError
from tcpip.transport.sent_control import SendOptions, parse_control
from tcpip.transport.socket_options import SELECT_ERROR_QUEUE, SocketOptions
from tcpip.transport.timestamping import NAMES, OPT_ID, SentStamp, get_flags, set_flags
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, EVENT_RDHUP

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack

OVERHEAD: Final = 512
"""What a queued datagram is charged beside its data (an sk_buff with its shared info)."""
_V6ONLY: Final = (AF_INET6, so.SOL_IPV6, so.IPV6_V6ONLY)
PATH_MTU: Final = (so.SOL_IPV6, so.IPV6_RECVPATHMTU)
_SOCKADDR_IN6: Final = struct.Struct("=HHI16sI")


class Datagram:
    """One received datagram: packet[start:end], not copied (no view either, so that it can be pickled)."""

    __slots__ = (
        "packet",
        "network",
        "transport",
        "start",
        "end",
        "src",
        "src_port",
        "dst",
        "nic",
        "ttl",
        "tos",
        "time_ns",
        "ip_options",
        "mark",
        "drops",
        "segment_size",
        "peeked",
        "largest",
    )

    def __init__(self, pkt: RxPacket, start: int, src_port: int, time_ns: int) -> None:
        self.packet = pkt.data
        self.network = pkt.network
        self.transport = pkt.transport
        self.start = start
        self.end = pkt.end
        self.src = pkt.src
        self.src_port = src_port
        self.dst = pkt.dst
        self.nic = pkt.nic.number if pkt.nic is not None else 0
        self.ttl = pkt.ttl
        self.tos = pkt.tos
        self.time_ns = time_ns
        at = pkt.network + 20
        self.ip_options = pkt.data[at : pkt.transport] if len(pkt.src) == 4 and pkt.transport > at else b""
        self.mark = pkt.track.mark if pkt.track is not None else 0
        self.drops = 0  # how many were lost before it
        self.segment_size = 0  # UDP_GRO: of the datagrams in it
        self.peeked = False
        self.largest = pkt.largest if isinstance(pkt, WholePacket) else 0  # fragment

    @property
    def dst_port(self) -> bytes:
        """As on the wire; of a protocol without ports what lies there."""
        return self.packet[self.transport + 2 : self.transport + 4].ljust(2, b"\0")


class DatagramEndpoint(Endpoint):
    """A bound or unbound, connected or unconnected endpoint. Addresses inside are wire addresses, never v4-mapped."""

    __slots__ = (
        "stack",
        "options",
        "local",
        "local_port",
        "peer",
        "peer_port",
        "peer_scope",
        "reservation",
        "error",
        "error_queue",
        "received",
        "received_bytes",
        "drops",
        "stamp_key",
        "memberships",
        "bound_addr",
        "bound_nic",
        "shut_read",
        "shut_write",
        "closed",
        "too_long",
    )

    def __init__(self, stack: Stack, family: int, sock_type: int, protocol: int) -> None:
        super().__init__(family, sock_type, protocol)
        self.stack = stack
        self.options = SocketOptions(stack.buffers)
        self.local = any_of(family)
        self.bound_addr = self.local
        self.bound_nic = 0
        self.local_port = 0
        self.peer = b""
        self.peer_port = 0
        self.peer_scope = 0
        self.reservation: Reservation | None = None
        self.error: NetError | None = None
        self.error_queue: deque[error_queue.QueuedError | SentStamp] = deque()
        self.received: deque[Datagram] = deque()
        self.received_bytes = 0
        self.drops = 0
        self.stamp_key = 0  # SO_TIMESTAMPING: which message the next one is
        self.memberships = Memberships(stack)
        self.shut_read = False
        self.shut_write = False
        self.closed = False
        self.too_long: Message | None = None  # IPV6_RECVPATHMTU: what would have fitted

    # Addresses.

    def wire_address(self, address: SockAddr) -> bytes:
        """An address as the caller gave it, checked against the family and as it goes on the wire."""
        addr = address.addr
        if self.family == AF_INET:
            if len(addr) != 4:
                raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
            return addr
        if len(addr) == 16:
            addr = unmapped(addr)
        if len(addr) == 4 and self.options.v6only:
            raise NetworkError(errors.NETWORK_UNREACHABLE)
        return addr

    def shown(self, addr: bytes, port: int, nic: int) -> SockAddr:
        """An address as the endpoint's family shows it; link-local ones with their scope."""
        if self.family == AF_INET6:
            if len(addr) == 4:
                return SockAddr(v4_mapped(addr), port)
            return SockAddr(addr, port, nic if is_link_local(addr) or addr[0] == 0xFF else 0)
        return SockAddr(addr, port)

    def check_bindable(self, addr: bytes, scope_id: int) -> int:
        """The NIC that binding to `addr` ties to (0: none). ADDRESS_NOT_AVAILABLE, INVALID_ARGUMENT, NO_SUCH_DEVICE."""
        stack = self.stack
        if len(addr) == 16 and (is_link_local(addr) or (is_multicast(addr) and addr[1] & 15 <= 2)):
            number = scope_id or self.options.nic
            if not number:
                raise NetworkError(errors.INVALID_ARGUMENT)
            if number not in stack.nics:
                raise NetworkError(errors.NO_SUCH_DEVICE)
            if not is_multicast(addr) and addr not in stack.nics[number].addresses:
                raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
            return number
        if (
            is_any(addr)
            or is_multicast(addr)
            or stack.is_local(addr)
            or self.options.freebind
            or (stack.nonlocal_bind if len(addr) == 4 else stack.nonlocal_bind_v6)
            or self.options.transparent
        ):
            return 0
        if len(addr) == 4 and (addr == b"\xff\xff\xff\xff" or any(addr in n.broadcasts for n in stack.nics.values())):
            return 0
        if any(nic.promiscuous for nic in stack.nics.values()):
            return 0
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)

    def bind(self, address: SockAddr) -> None:
        if len(address.addr) != (4 if self.family == AF_INET else 16):
            raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
        addr = self.wire_address(address)
        nic = self.check_bindable(addr, address.scope_id)
        if self.reservation is not None:
            raise NetworkError(errors.INVALID_ARGUMENT)
        self.reserve(addr, address.port, nic)
        if len(addr) == 16 and not is_any(addr):
            self.options.v6only = True  # __inet6_bind

    def reserve(self, addr: bytes, port: int, nic: int) -> None:
        """Take the port and be found by packets from now on."""
        options = self.options
        self.reservation = self.stack.ports.reserve(
            Reservation(
                self.protocol,
                port,
                addr,
                nic or options.nic,
                options.v6only,
                options.reuse_addr,
                options.reuse_port,
                options.owner,
                port_range=options.port_range,
            )
        )
        self.bound_addr = self.local = addr
        self.bound_nic = nic
        self.local_port = self.reservation.port
        self.start_receiving()

    def start_receiving(self) -> None:
        """Be found by packets to the bound address and port."""
        raise NotImplementedError

    def stop_receiving(self) -> None:
        """No longer be found."""
        raise NotImplementedError

    def autobind(self) -> None:
        """An ephemeral port for who sends or connects without one."""
        if self.reservation is None:
            self.reserve(any_of(self.family), 0, 0)

    def getsockname(self) -> SockAddr:
        return self.shown(self.local, self.local_port, self.bound_nic)

    def multicast_members(self) -> Memberships:
        return self.memberships

    def settings(self) -> SocketOptions:
        return self.options

    def getpeername(self) -> SockAddr:
        if not self.peer:
            raise NetworkError(errors.NOT_CONNECTED)
        address = self.shown(self.peer, self.peer_port, self.peer_scope)
        address.flowinfo = flow_labels.shown_info(self.options)
        return address

    def route_to(self, addr: bytes, scope_id: int, choices: SendOptions, port: int = 0) -> Route:
        """The way a datagram takes, by destination, binding, device and control messages."""
        options = self.options
        number = choices.nic or options.nic or scope_id
        if options.nic and options.nic not in self.stack.nics:
            raise NetworkError(errors.NO_SUCH_DEVICE)
        if not number and is_multicast(addr):
            number = self.memberships.out_nic_for(addr)
        elif not number:
            number = out_interface(options, addr) or (options.sticky_nic if len(addr) == 16 else 0)
        source = choices.source
        if not source and not is_any(self.local) and not is_multicast(self.local) and len(self.local) == len(addr):
            source = self.local
            if (
                len(source) == 4
                and not self.stack.is_local(source)
                and not options.freebind
                and not self.stack.nonlocal_bind
                and not options.transparent
            ):
                source = source if self._spoofs() else b""
        if not source and len(addr) == 4 and is_multicast(addr):
            source = self.memberships.out_addr
        if not number and self.bound_nic:
            number = self.bound_nic
        if len(addr) == 16 and is_link_local(addr) and not number and addr not in self.stack.local:
            raise NetworkError(errors.INVALID_ARGUMENT)
        source = source or preferred_source(self.stack, options, addr, number)
        flow = NO_FLOW
        if self.stack.rules.detailed:
            flow = of_socket(options, len(addr) == 16, self.protocol, self.local_port if port else 0, port)
            flow.tos = choices.tos if choices.tos >= 0 else flow.tos
        route = self.stack.find_route(addr, source, number, options.mark, flow)
        added, headers = choices.ip_options or options.ip_options, choices.headers or options.headers
        return route if added is None and headers is None else lengthened(route, added, headers)

    def _spoofs(self) -> bool:
        return any(nic.promiscuous for nic in self.stack.nics.values())

    # Receiving.

    def filtered_end(self, pkt: RxPacket, start: int, header: int) -> int:
        """Where what the socket filter leaves of a packet ends, seen from offset `start`; -1: it is to be dropped."""
        if not self.options.filter:
            return pkt.end
        from tcpip.transport.socket_filter import passes

        end = passes(self.options, pkt, start, header, self.stack.random)
        if end < 0:
            self.stack.stats.drop(DropReason.FILTERED, pkt)
        return end

    def enqueue_filtered(self, pkt: RxPacket, start: int) -> None:
        """Queue what the socket filter leaves of what follows offset `start`, if there is room."""
        end = pkt.end
        kept = self.filtered_end(pkt, start, 1)
        if kept < 0:
            return
        pkt.end = kept
        if not self.enqueue(pkt, start, 0):
            self.stack.stats.drop(DropReason.QUEUE_FULL, pkt)
        pkt.end = end  # others get the same packet

    def enqueue(self, pkt: RxPacket, start: int, src_port: int, segment_size: int = 0) -> bool:
        """Queue what follows offset `start` of a received packet; False when the receive buffer is full."""
        if self.received_bytes >= self.options.rcvbuf:
            self.drops += 1
            return False
        datagram = Datagram(pkt, start, src_port, self.stack.clock.realtime_ns())
        datagram.drops = self.drops
        datagram.segment_size = segment_size
        self.received.append(datagram)
        self.received_bytes += pkt.end - start + OVERHEAD
        self.queue.notify(EVENT_IN)
        return True

    def raise_pending(self) -> None:
        """Raise the pending error once."""
        error = self.error
        if error is not None:
            self.error = None
            raise NetworkError(error)

    def check_send(self) -> None:
        self.raise_pending()
        self.check_room()
        if self.shut_write:
            raise NetworkError(errors.BROKEN_PIPE)

    def check_room(self) -> None:
        """WOULD_BLOCK while as much as the send buffer holds waits for a neighbour to answer (sock_alloc_send_pskb)."""
        if self.options.waiting >= self.options.sndbuf:
            self.options.on_room = self._has_room
            raise NetworkError(errors.WOULD_BLOCK)

    def _is_full(self) -> bool:
        """sock_writeable; who asks is told when it is over."""
        if 2 * self.options.waiting <= self.options.sndbuf:
            return False
        self.options.on_room = self._has_room
        return True

    def _has_room(self) -> None:
        self.queue.notify(EVENT_OUT)

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        try:
            return self.sendmsg(data, None, flags)
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return AGAIN
            raise

    def recvmsg(self, buffer: memoryview, flags: int = 0) -> Message:
        if flags & so.MSG_OOB and self.protocol not in (so.IPPROTO_UDP, so.IPPROTO_UDPLITE):
            raise NetworkError(errors.NOT_SUPPORTED)
        if flags & so.MSG_ERRQUEUE:
            return error_queue.receive(self, buffer)
        if self.too_long is not None and self.options.kept.get(PATH_MTU):
            told, self.too_long = self.too_long, None
            return told
        self.raise_pending()
        if not self.received:
            if self.shut_read and not flags & so.MSG_DONTWAIT:
                return Message(0, None, [], 0)
            raise NetworkError(errors.WOULD_BLOCK)
        got, skipped = self._first(flags)
        size = got.end - got.start - skipped
        count = min(size, len(buffer))
        start = got.start + skipped
        buffer[:count] = memoryview(got.packet)[start : start + count]
        if not flags & so.MSG_PEEK:
            self.received.popleft()
            self.received_bytes -= size + OVERHEAD
        if self.options.peek_off >= 0:
            self.options.peek_off = max(self.options.peek_off + (count if flags & so.MSG_PEEK else -size), 0)
        short = size > count
        length = size if flags & so.MSG_TRUNC else count
        address = self.shown(got.src, got.src_port, got.nic)
        return Message(length, address, received_control(self, got), so.MSG_TRUNC if short else 0)

    def note_too_long(self, dst: bytes, mtu: int) -> None:
        """A message to `dst` was refused that does not fit in `mtu`: the next recvmsg tells (RFC 3542 11.3)."""
        if self.options.kept.get(PATH_MTU):
            info = _SOCKADDR_IN6.pack(AF_INET6, 0, 0, dst, 0) + mtu.to_bytes(4, "little")
            self.too_long = Message(0, SockAddr(dst, 0), [(so.SOL_IPV6, so.IPV6_PATHMTU, info)], 0)

    def source_on(self, number: int) -> bytes:
        nic = self.stack.nics.get(number)
        return (nic.source_for(b"\xe0\0\0\x01") if nic is not None else b"") or bytes(4)

    def _first(self, flags: int) -> tuple[Datagram, int]:
        """The datagram to read, and how much of it SO_PEEK_OFF passes over. WOULD_BLOCK when it passes over all
        (net/core/datagram.c: __skb_try_recv_from_queue)."""
        skip = self.options.peek_off if flags & so.MSG_PEEK else -1
        if skip < 0:
            return self.received[0], 0
        for got in self.received:
            size = got.end - got.start
            if skip < size or not (skip or got.peeked):
                got.peeked = True
                return got, skip
            skip -= size
        raise NetworkError(errors.WOULD_BLOCK)

    def parse_control(self, control: list[Control] | None) -> SendOptions:
        """Control messages of a sendmsg. INVALID_ARGUMENT, NOT_PERMITTED."""
        return parse_control(self, control)

    # Errors.

    def report_error(self, error: IcmpError, payload: bytes) -> None:
        """An ICMP error about a datagram of ours."""
        error_queue.report_error(self, error, payload)

    def take_error(self) -> NetError | None:
        error, self.error = self.error, None
        return error

    # The rest of the interface.

    def disconnect(self) -> None:
        """connect(2) with AF_UNSPEC: forget the peer; an address that connect chose goes, too."""
        if self.peer:
            self.peer = b""
            self.peer_port = 0
            self.local = self.bound_addr

    def shutdown(self, how: int) -> None:
        if how not in (so.SHUT_RD, so.SHUT_WR, so.SHUT_RDWR):
            raise NetworkError(errors.INVALID_ARGUMENT)
        if how != so.SHUT_WR:
            self.shut_read = True
        if how != so.SHUT_RD:
            self.shut_write = True
        connected = bool(self.peer)
        self.queue.notify(EVENT_IN | EVENT_OUT | EVENT_HUP | EVENT_RDHUP)
        if not connected:
            raise NetworkError(errors.NOT_CONNECTED)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.stop_receiving()
        if self.reservation is not None:
            self.stack.ports.release(self.reservation)
        self.memberships.leave_all()
        flow_labels.closed(self.stack, self.options)
        anycast.closed(self.stack, self.options)
        self.received.clear()
        self.error_queue.clear()

    def readiness(self) -> int:
        mask = 0 if self.options.waiting and self._is_full() else EVENT_OUT
        if self.received or self.shut_read:
            mask |= EVENT_IN
        if self.error is not None or self.error_queue:
            mask |= EVENT_ERR | (EVENT_PRI if self.options.kept.get(SELECT_ERROR_QUEUE) else 0)
        if self.shut_read:
            mask |= EVENT_RDHUP
            if self.shut_write:
                mask |= EVENT_HUP
        return mask

    def readable_bytes(self) -> int:
        return self.received[0].end - self.received[0].start if self.received else 0

    def held_bytes(self) -> int:
        return self.received_bytes

    def dropped(self) -> int:
        return self.drops

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        if level == so.SOL_SOCKET and name in (so.SO_BINDTODEVICE, so.SO_BINDTOIFINDEX):
            self._bind_to_device(name, value)
        elif level == so.SOL_SOCKET and name in NAMES:
            if not set_flags(self.options, name, value, False) & OPT_ID:
                self.stamp_key = 0
        elif (level, name) == (so.SOL_SOCKET, so.SO_CNX_ADVICE):
            if int_value(value) == 1 and self.peer:
                self.stack.path_mtus.forget(self.peer)
        elif set_ip(self.stack, self.family, self.options, level, name, value) or self.memberships.set_option(
            self.family, level, name, value
        ):
            return
        elif (self.family, level, name) == _V6ONLY and self.reservation is not None:
            raise NetworkError(errors.INVALID_ARGUMENT)
        elif not self.options.set(self.family, level, name, value):
            raise NetworkError(errors.NO_SUCH_OPTION)

    def _bind_to_device(self, name: int, value: int | bytes) -> None:
        if isinstance(value, bytes) and name == so.SO_BINDTODEVICE:
            text = value.split(b"\0", 1)[0].decode("ascii", "replace")
            nic = self.stack.find_nic(text)
            number = nic.number if nic is not None else 0
            if text and nic is None:
                raise NetworkError(errors.NO_SUCH_DEVICE)
        else:
            number = int_value(value)
            if number < 0:
                raise NetworkError(errors.INVALID_ARGUMENT)
        self.options.nic = number
        if self.reservation is not None:
            self.stop_receiving()
            self.start_receiving()

    def _route_to_peer(self) -> Route | None:
        return self.stack.find_route(self.peer, b"", self.peer_scope) if self.peer else None

    def get_option(self, level: int, name: int) -> int | bytes:
        if level == so.SOL_SOCKET:
            known = {
                so.SO_TYPE: self.type,
                so.SO_PROTOCOL: self.protocol,
                so.SO_DOMAIN: self.family,
                so.SO_ACCEPTCONN: 0,
            }
            if name in known:
                return known[name]
            if name in NAMES:
                return get_flags(self.options, name)
            if name == so.SO_BINDTODEVICE:
                nic = self.stack.nics.get(self.options.nic)
                return nic.name.encode() + b"\0" if nic is not None else b""
        if level in (so.SOL_IP, so.SOL_IPV6):
            special = get_ip(self.stack, self.family, self.options, level, name, self.local_port)
            if special is None:
                special = mtu_of(self.family, level, name, self._route_to_peer())
            if special is not None:
                return special
        value = self.memberships.get_option(level, name)
        if value is None:
            value = self.options.get(self.family, level, name)
        if value is None:
            raise NetworkError(errors.NO_SUCH_OPTION)
        return value
