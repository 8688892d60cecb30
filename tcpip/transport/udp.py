"""UDP: its endpoint.

Implements: RFC 768, RFC 8200 8.1 (no zero checksum over IPv6), RFC 1122 4.1, RFC 8085 in what falls to a stack.
Deviates: no encapsulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, SockAddr, is_any, is_multicast
from tcpip.buffer import CSUM_VALID, GSO_UDP_L4, TO_BROADCAST, TO_MULTICAST, RxPacket, TxPacket
from tcpip.errors import DropReason, NetworkError
from tcpip.header.udp import CHECKSUM_OFFSET, FIXED, HEADER_LEN
from tcpip.link.offload import split_datagrams
from tcpip.sockopt import IPPROTO_UDP, SOCK_DGRAM
from tcpip.stats import Counters
from tcpip.transport import flow_labels
from tcpip.transport.address_form import ADDRESS_FORM, get_address_form, set_address_form
from tcpip.transport.datagram import DatagramEndpoint
from tcpip.transport.demux import Bound, Demuxer, connection_key
from tcpip.transport.endpoint import Control
from tcpip.transport.error_queue import as_frame, report_stamp
from tcpip.transport.protocol import IcmpError
from tcpip.transport.sent_control import sent_tos
from tcpip.transport.timestamping import OPT_ID, OPT_TSONLY, SCHED, SND, TX_RECORD, TX_SCHED, TX_SOFTWARE, flags_of
from tcpip.transport.udp_options import UdpOptions, cut

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack

MAX_PAYLOAD_V4: Final = 65507
MAX_PAYLOAD_V6: Final = 65527
_DONTFRAG: Final = (so.SOL_IPV6, so.IPV6_DONTFRAG)
_UNSAID: Final = -1
"""No control message says whether it may be cut,"""
_TOGETHER: Final = -2
"""... nor does one of this piece of a super-datagram."""


class UdpEndpoint(DatagramEndpoint):
    """socket(AF_INET*, SOCK_DGRAM, IPPROTO_UDP)."""

    __slots__ = ("_entry", "_key", "_corked", "_cut", "udp", "stats4", "stats6")

    def __init__(self, stack: Stack, family: int, protocol: int = IPPROTO_UDP) -> None:
        super().__init__(stack, family, SOCK_DGRAM, protocol)
        self.stats4, self.stats6 = stack.stats.udp, stack.stats.udp6
        self.options.peeks = True
        self._entry: Bound | None = None
        self._key = b""
        self._corked: list[bytes] = []
        self._cut = 0  # UDP_SEGMENT of what is corked: the first piece's
        self.udp = UdpOptions()

    # Being found.

    def demux(self) -> Demuxer:
        """Where packets look for it."""
        return self.stack.udp.demux

    def start_receiving(self) -> None:
        o = self.options
        addr = b"" if is_any(self.bound_addr) else self.bound_addr
        v4 = self.family == AF_INET or (not o.v6only and len(addr) != 16)
        v6 = self.family != AF_INET and len(addr) != 4
        if self.peer:
            v4, v6 = v4 and len(self.peer) == 4, v6 and len(self.peer) == 16
            self._key = connection_key(self.peer, self.local, self.peer_port, self.local_port)
            self.demux().connected.setdefault(self._key, self)
            return
        nic = o.nic or self.bound_nic
        self._entry = Bound(self, addr, self.local_port, nic, v4, v6, o.reuse_port, o.group)
        self.demux().add(self._entry)
        o.group, o.hashed = self._entry.group, True

    def stop_receiving(self) -> None:
        demux = self.demux()
        if self._entry is not None:
            demux.remove(self._entry)
            self._entry = self.options.group = None
            self.options.hashed = False
        if self._key and demux.connected.get(self._key) is self:
            del demux.connected[self._key]
        self._key = b""

    def connect(self, address: SockAddr | None) -> None:
        if address is None:
            self._leave_peer()
            return
        addr = self.wire_address(address)
        if self.family == AF_INET and self.options.broadcast is False and self._is_broadcast(addr):
            raise NetworkError(errors.BROADCAST_NOT_ALLOWED)
        if self.stack.rules.detailed:
            self.autobind()  # its port decides about the way
        route = self.route_to(addr, address.scope_id, self.parse_control(None), address.port)
        flow_labels.connected(self.stack, self.options, address)
        if route.broadcast and not self.options.broadcast:
            raise NetworkError(errors.BROADCAST_NOT_ALLOWED)
        self.autobind()
        self.stop_receiving()
        self.peer, self.peer_port = route.dst, address.port
        self.peer_scope = address.scope_id or (route.nic.number if route.multicast else 0)
        if is_any(self.bound_addr) or is_multicast(self.bound_addr):
            self.local = route.src
        self.error = None
        self.start_receiving()

    def _is_broadcast(self, addr: bytes) -> bool:
        return addr == b"\xff\xff\xff\xff"

    def _leave_peer(self) -> None:
        self.stop_receiving()
        self.disconnect()
        if self.reservation is not None:
            self.start_receiving()

    # Packets.

    def handle_packet(self, pkt: RxPacket) -> None:
        four = len(pkt.dst) == 4
        o = self.options
        stats = self.stats4 if four else self.stats6
        if pkt.kind == TO_MULTICAST and pkt.nic is not None:
            everything = o.multicast_all if four else o.multicast_all6
            if not self.memberships.receives(pkt.dst, pkt.nic.number, pkt.src, everything):
                return
        if o.filter:
            self._filter(pkt, stats)
            return
        at = pkt.transport
        port = pkt.data[at] << 8 | pkt.data[at + 1]
        start, end = at + HEADER_LEN, pkt.end
        step = pkt.gso_size if pkt.gso_type & 0x7F == GSO_UDP_L4 else 0
        if step and self.udp.gro:
            self._take(pkt, start, port, stats, step)
            return
        while True:  # a super-packet is several datagrams
            if step:
                pkt.end = min(start + step, end)
            self._take(pkt, start, port, stats)
            start = pkt.end
            if start >= end:
                return

    def _take(self, pkt: RxPacket, start: int, port: int, stats: Counters, segment_size: int = 0) -> None:
        if self.enqueue(pkt, start, port, segment_size):
            stats.inc("InDatagrams")
        else:
            stats.inc("RcvbufErrors")
            stats.inc("InErrors")
            self.stack.stats.drop(DropReason.QUEUE_FULL, pkt)

    def _filter(self, pkt: RxPacket, stats: Counters) -> None:
        """The same with a socket filter, which sees each datagram of a super-packet with a header of its own."""
        at = pkt.transport
        port = pkt.data[at] << 8 | pkt.data[at + 1]
        for one in split_datagrams(pkt):
            end = one.end
            kept = self.filtered_end(one, at, HEADER_LEN)
            if kept < 0:
                stats.inc("InErrors")
                continue
            one.end = kept
            self._take(one, at + HEADER_LEN, port, stats)
            one.end = end  # others get the same packet

    def handle_error(self, error: IcmpError) -> None:
        self.report_error(error, error.quoted[HEADER_LEN:])

    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        if flags & so.MSG_OOB:
            raise NetworkError(errors.NOT_SUPPORTED)
        self.check_send()
        size = len(data)
        if address is not None:
            addr, port, scope = self.wire_address(address), address.port, address.scope_id
            if not port:
                raise NetworkError(errors.INVALID_ARGUMENT)
        elif self.peer:
            addr, port, scope = self.peer, self.peer_port, self.peer_scope
        else:
            raise NetworkError(errors.DESTINATION_REQUIRED)
        if size + sum(map(len, self._corked)) > (MAX_PAYLOAD_V4 if len(addr) == 4 else MAX_PAYLOAD_V6):
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        choices = self.parse_control(control)
        tos = sent_tos(self, len(addr) == 4, address, choices)
        if self.stack.rules.detailed:
            self.autobind()  # its port decides about the way
        route = self.route_to(addr, scope, choices, port)
        if route.broadcast and not self.options.broadcast:
            raise NetworkError(errors.BROADCAST_NOT_ALLOWED)
        self.autobind()
        payload = data if isinstance(data, bytes) else bytes(data)
        segment = self.udp.segment_of(control)
        if self._corked:
            segment = self._cut
        if flags & so.MSG_MORE or self.udp.cork:
            self._corked.append(payload)
            self._cut = segment
            return size
        if self._corked:
            payload = b"".join((*self._corked, payload))
            self._corked.clear()
        stamps = flags_of(self.options, control) if self.options.kept or control else 0
        if not segment:
            self._transmit(route, port, payload, choices.ttl, tos, stamps, choices.dont_fragment)
            return size
        room = route.mtu() - route.ip_header_len - HEADER_LEN
        *pieces, last = cut(payload, segment, room, not self._unchecked(route))
        for piece in pieces:
            self._transmit(route, port, piece, choices.ttl, tos, whole=_TOGETHER)
        self._transmit(route, port, last, choices.ttl, tos, stamps, _TOGETHER)
        if route.nic.loopback:
            self.stack.udp.batch.flush()  # others' datagrams are not put together with these, as nobody does that here
        return size

    def _unchecked(self, route: Route) -> bool:
        """SO_NO_CHECK, UDP_NO_CHECK6_TX: datagrams leave without a checksum."""
        return self.options.no_check if len(route.dst) == 4 else self.udp.no_check6_tx

    def _transmit(
        self, route: Route, port: int, payload: bytes, ttl: int, tos: int, stamps: int = 0, whole: int = _UNSAID
    ) -> None:
        stack = self.stack
        four = len(route.dst) == 4
        o = self.options
        if ttl < 0:
            if route.multicast:
                ttl = o.multicast_ttl if four else o.multicast_hops
            else:
                ttl = o.ttl if four else o.hop_limit
        discover = o.pmtudisc if four else o.pmtudisc6
        size = len(payload)
        plain = self._unchecked(route)
        fits = route.ip_header_len + HEADER_LEN + size <= route.mtu()
        if not fits:
            self._check_may_be_cut(route, discover, whole)
        dont_fragment = fits and discover in (so.PMTUDISC_WANT, so.PMTUDISC_DO, so.PMTUDISC_PROBE)
        if dont_fragment and discover == so.PMTUDISC_WANT and route.metrics.mtu_locked():
            dont_fragment = False
        (stack.stats.udp if four else stack.stats.udp6).inc("OutDatagrams")
        cuts = (
            (route.nic.cuts_udp or (whole == _TOGETHER and route.nic.loopback))
            and route.plain
            and stack.netfilter is None
            and not stack.packets.endpoints
            and not stamps & TX_RECORD
        )
        if fits and size and not plain and cuts and not route.multicast and not route.broadcast:
            if stack.udp.batch.add((route, self.local_port, port, ttl, tos, dont_fragment, o), payload):
                stack.output_may_wait()
            return
        stack.udp.batch.flush()
        header = bytearray(FIXED.pack(self.local_port, port, size + HEADER_LEN, 0))
        pkt = TxPacket(header, [payload], size, -1 if plain else CHECKSUM_OFFSET)
        pkt.socket = o
        if route.multicast or route.broadcast:
            self._loop_back(route, pkt, ttl, tos)
            if ttl == 0 and route.multicast:
                return
        route.write_packet(pkt, IPPROTO_UDP, ttl, tos, dont_fragment)
        if stamps & TX_RECORD:
            self._stamp(stamps, route, pkt)

    def _check_may_be_cut(self, route: Route, discover: int, whole: int) -> None:
        """Of a datagram that does not fit: MESSAGE_TOO_LONG where it may not leave in fragments."""
        if discover in (so.PMTUDISC_DO, so.PMTUDISC_PROBE, so.PMTUDISC_INTERFACE):
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        if len(route.dst) != 4 and (self.options.kept.get(_DONTFRAG) if whole < 0 else whole):
            self.note_too_long(route.dst, route.mtu() - (route.ip_header_len - 40))
            raise NetworkError(errors.MESSAGE_TOO_LONG)

    def _stamp(self, flags: int, route: Route, pkt: TxPacket) -> None:
        """SO_TIMESTAMPING: tell when it was queued and when it was given to the interface."""
        key = 0
        if flags & OPT_ID:
            key, self.stamp_key = self.stamp_key, self.stamp_key + 1
        packet = b"" if flags & OPT_TSONLY else as_frame(route, pkt)
        for flag, event in ((TX_SCHED, SCHED), (TX_SOFTWARE, SND)):
            if flags & flag:
                report_stamp(self, event, key, packet)

    def _loop_back(self, route: Route, pkt: TxPacket, ttl: int, tos: int) -> None:
        """This host's own members get a copy (RFC 1112 6.1: IP_MULTICAST_LOOP is the sender's choice, as on Linux)."""
        four = len(route.dst) == 4
        loop = self.options.multicast_loop if four else self.options.multicast_loop6
        nic = route.nic
        if nic.loopback or (route.multicast and (not loop or route.dst not in nic.groups)):
            return
        copy = RxPacket(pkt.join(), CSUM_VALID)
        copy.data = copy.data[:CHECKSUM_OFFSET] + b"\xff\xff" + copy.data[HEADER_LEN:]
        copy.src, copy.dst, copy.nic, copy.protocol = route.src, route.dst, nic, self.protocol
        copy.ttl = ttl if ttl >= 0 else 64
        copy.tos = tos & 0xFF
        copy.kind = TO_MULTICAST if route.multicast else TO_BROADCAST
        copy.key = copy.src + copy.dst + copy.data[:4]
        self.stack.loop_back(copy)

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        if (self.family, level, name) == ADDRESS_FORM:
            set_address_form(self, value, self.peer != b"", self.peer)
            self.memberships.leave_all(16)
            return
        if level != IPPROTO_UDP:
            super().set_option(level, name, value)
            return
        self.udp.set(name, value)
        if name == so.UDP_CORK and not self.udp.cork and self._corked and self.peer:
            self.sendmsg(b"")

    def get_option(self, level: int, name: int) -> int | bytes:
        if (self.family, level, name) == ADDRESS_FORM:
            return get_address_form(self, self.peer != b"")
        return self.udp.get(name) if level == IPPROTO_UDP else super().get_option(level, name)
