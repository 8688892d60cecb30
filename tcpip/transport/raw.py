"""Raw endpoints: SOCK_RAW over one IP protocol, with copies of every packet of that protocol that reaches this host.

IPv4 endpoints receive the IP header, too, and write it themselves with IP_HDRINCL; IPv6 ones see what follows the
headers. Who may have one is the caller's business (CAP_NET_RAW).
Source of behaviour: raw(7), icmp(7), net/ipv4/raw.c, net/ipv6/raw.c, RFC 3542 3.1, 3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, SockAddr, is_any, is_multicast
from tcpip.buffer import RxPacket, TxPacket
from tcpip.errors import Malformed, NetworkError
from tcpip.header.ethernet import TYPE_IPV4, TYPE_IPV6
from tcpip.header.ipv4 import MIN_LEN, Ipv4Header
from tcpip.header.ipv6 import HEADER_LEN
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6
from tcpip.transport import flow_labels
from tcpip.transport.datagram import DatagramEndpoint
from tcpip.transport.endpoint import Control
from tcpip.transport.option_values import int_or_char_value, int_value
from tcpip.transport.protocol import IcmpError
from tcpip.transport.sent_control import sent_tos

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack

MAX_PACKET: Final = 65535


class RawEndpoint(DatagramEndpoint):
    """socket(AF_INET*, SOCK_RAW, protocol). With IPPROTO_RAW what is sent has its header, and what is received
    is of protocol 255 (raw(7) says that nothing is: net/ipv4/raw.c looks sockets up by that number all the same)."""

    __slots__ = ("header_included", "checksum_offset", "_filter", "alerts", "alert_value")

    def __init__(self, stack: Stack, family: int, protocol: int) -> None:
        super().__init__(stack, family, so.SOCK_RAW, protocol)
        self.options.v6only = True
        self.options.reuse_addr = True
        self.options.hashed = True
        self.header_included = protocol == so.IPPROTO_RAW
        self.checksum_offset = 2 if protocol == so.IPPROTO_ICMPV6 and family != AF_INET else -1
        self._filter = b""
        self.alerts = False  # IP_ROUTER_ALERT
        self.alert_value = -1  # IPV6_ROUTER_ALERT; -1: none
        self.start_receiving()

    def _key(self) -> tuple[int, int]:
        return (4 if self.family == AF_INET else 16, self.protocol)

    def start_receiving(self) -> None:
        members = self.stack.raws.endpoints.setdefault(self._key(), [])
        if self not in members:
            members.append(self)

    def stop_receiving(self) -> None:
        members = self.stack.raws.endpoints.get(self._key())
        if members is not None and self in members:
            members.remove(self)
            if not members:
                del self.stack.raws.endpoints[self._key()]

    def bind(self, address: SockAddr) -> None:
        if len(address.addr) != (4 if self.family == AF_INET else 16):
            raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
        addr = self.wire_address(address)
        self.bound_nic = self.check_bindable(addr, address.scope_id)
        self.bound_addr = self.local = addr

    def connect(self, address: SockAddr | None) -> None:
        if address is None:
            self.disconnect()
            return
        addr = self.wire_address(address)
        route = self.route_to(addr, address.scope_id, self.parse_control(None))
        flow_labels.connected(self.stack, self.options, address)
        if route.broadcast and not self.options.broadcast:
            raise NetworkError(errors.BROADCAST_NOT_ALLOWED)
        self.peer, self.peer_port, self.peer_scope = route.dst, address.port, address.scope_id
        if is_any(self.bound_addr):
            self.local = route.src

    def getsockname(self) -> SockAddr:
        return self.shown(self.local, self.protocol, self.bound_nic)

    # Receiving.

    def wants(self, pkt: RxPacket) -> bool:
        """Bound address, peer, device and ICMP filter let it through."""
        nic = pkt.nic.number if pkt.nic is not None else 0
        if self.options.nic and self.options.nic != nic:
            return False
        if not is_any(self.bound_addr) and self.bound_addr != pkt.dst:
            return False
        if self.peer and self.peer != pkt.src:
            return False
        if is_multicast(pkt.dst):
            everything = self.options.multicast_all if len(pkt.dst) == 4 else self.options.multicast_all6
            if not self.memberships.receives(pkt.dst, nic, pkt.src, everything):
                return False
        if self._filter and pkt.transport < pkt.end:
            kind = pkt.data[pkt.transport]
            if kind >> 3 < len(self._filter) and self._filter[kind >> 3] >> (kind & 7) & 1:
                return False
        return True

    def handle_packet(self, pkt: RxPacket) -> None:
        at = pkt.network if self.family == AF_INET else pkt.transport
        self.enqueue_filtered(pkt, at)

    def handle_error(self, error: IcmpError) -> None:
        self.report_error(error, error.quoted)

    # Sending.

    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        if flags & so.MSG_OOB:
            raise NetworkError(errors.NOT_SUPPORTED)
        self.raise_pending()
        self.check_room()
        size = len(data)
        if size > MAX_PACKET:
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        if address is not None:
            addr, scope = self.wire_address(address), address.scope_id
        elif self.peer:
            addr, scope = self.peer, self.peer_scope
        else:
            raise NetworkError(errors.DESTINATION_REQUIRED)
        choices = self.parse_control(control)
        route = self.route_to(addr, scope, choices)
        if route.broadcast and not self.options.broadcast:
            raise NetworkError(errors.BROADCAST_NOT_ALLOWED)
        four = self.family == AF_INET
        if self.header_included:
            (self._send_whole if four else self._send_whole_6)(route, bytes(data))
            return size
        o = self.options
        if choices.ttl < 0:
            if is_multicast(addr):
                choices.ttl = o.multicast_ttl if four else o.multicast_hops
            else:
                choices.ttl = o.ttl if four else o.hop_limit
        tos = sent_tos(self, four, address, choices)
        pkt = self._packet(data)
        pkt.socket = o
        if size and self.protocol == (IPPROTO_ICMP if four else IPPROTO_ICMPV6):
            (self.stack.stats.icmp if four else self.stack.stats.icmp6).count_sent(data[0])
            if not four:
                route.device().icmp6.count_sent(data[0])
        route.write_packet(pkt, self.protocol, choices.ttl, tos, dont_fragment=False)
        return size

    def _packet(self, data: bytes | memoryview) -> TxPacket:
        offset = self.checksum_offset
        if offset < 0:
            return TxPacket(b"", [bytes(data)], len(data))
        if offset + 2 > len(data):
            raise NetworkError(errors.INVALID_ARGUMENT)
        header = bytearray(data)
        header[offset : offset + 2] = b"\0\0"
        return TxPacket(header, [], 0, offset)

    def _send_whole(self, route: Route, data: bytes) -> None:
        """IP_HDRINCL: length and checksum are always written, a zero source and identification are filled in (raw(7))."""
        if len(data) < MIN_LEN or data[0] >> 4 != 4 or not MIN_LEN <= (data[0] & 15) * 4 <= len(data):
            raise NetworkError(errors.INVALID_ARGUMENT)
        head = bytearray(data)
        header_len = (data[0] & 15) * 4
        head[2:4] = len(data).to_bytes(2, "big")
        if is_any(bytes(head[12:16])):
            head[12:16] = route.src
        if not any(head[4:6]):
            route.ident = (route.ident + 1) & 0xFFFF
            head[4:6] = route.ident.to_bytes(2, "big")
        head[10:12] = b"\0\0"
        total = int.from_bytes(head[:header_len], "big") % 0xFFFF
        head[10:12] = (0xFFFF - (total or 0xFFFF)).to_bytes(2, "big")
        try:
            Ipv4Header.parse(bytes(head))
        except Malformed:
            raise NetworkError(errors.INVALID_ARGUMENT) from None
        self._transmit(route, bytes(head), header_len, TYPE_IPV4, head[9])

    def _send_whole_6(self, route: Route, data: bytes) -> None:
        """IPV6_HDRINCL: what is given leaves as it is (net/ipv6/raw.c: rawv6_send_hdrinc)."""
        if len(data) > route.mtu():
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        if len(data) < HEADER_LEN:
            raise NetworkError(errors.INVALID_ARGUMENT)
        self._transmit(route, data, HEADER_LEN, TYPE_IPV6, data[6])

    def _transmit(self, route: Route, data: bytes, header_len: int, kind: int, protocol: int) -> None:
        pkt = TxPacket(data, [], 0)
        pkt.transport = header_len
        pkt.ethertype = kind
        pkt.socket = self.options
        if len(data) > route.mtu():
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        if self.stack.netfilter is not None:
            self.stack.netfilter.send(route, pkt, protocol, True)
        else:
            route.transmit(pkt, True)

    # Options.

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        if level == so.SOL_IP and self.family != AF_INET:
            raise NetworkError(errors.NO_SUCH_OPTION)
        if (level, name) == (so.SOL_IP, so.IP_HDRINCL) and self.family == AF_INET:
            self.header_included = int_or_char_value(value) != 0
        elif (level, name) == (so.SOL_IPV6, so.IPV6_HDRINCL) and self.family != AF_INET:
            self.header_included = int_value(value) != 0
        elif (level, name) == (so.SOL_IP, so.IP_ROUTER_ALERT) and self.protocol != so.IPPROTO_RAW:
            self._set_alerts(int_or_char_value(value) != 0)
        elif (level, name) == (so.SOL_IPV6, so.IPV6_ROUTER_ALERT) and self.protocol == so.IPPROTO_RAW:
            self._set_alerts_6(int_value(value))
        elif (level, name) == (so.SOL_IP, so.IP_NODEFRAG):
            self.options.kept = {**self.options.kept, (level, name): int(int_or_char_value(value) != 0)}
        elif (level, name) == (so.SOL_RAW, so.ICMP_FILTER) and self.protocol == so.IPPROTO_ICMP:
            self._filter = value.to_bytes(4, "little") if isinstance(value, int) else value[:4]
        elif (level, name) == (so.SOL_ICMPV6, so.ICMPV6_FILTER) and self.protocol == so.IPPROTO_ICMPV6:
            if isinstance(value, int):
                raise NetworkError(errors.INVALID_ARGUMENT)
            self._filter = value[:32]
        elif (level, name) in (
            (so.SOL_IPV6, so.IPV6_CHECKSUM),
            (so.SOL_RAW, so.IPV6_CHECKSUM),
        ) and self.family != AF_INET:
            offset = int_value(value)
            kept = self.protocol == so.IPPROTO_ICMPV6 and level == so.SOL_IPV6  # as rawv6_setsockopt has it
            if kept or offset & 1 and offset > 0:
                raise NetworkError(errors.INVALID_ARGUMENT)
            self.checksum_offset = max(offset, -1)
        else:
            super().set_option(level, name, value)

    def _set_alerts(self, on: bool) -> None:
        """IP_ROUTER_ALERT: packets that this host forwards and routers are to look at are the socket's (RFC 2113; net/ipv4/
        ip_sockglue.c: ip_ra_control). ADDRESS_IN_USE, NO_BUFFER_SPACE."""
        waiting = self.stack.raws.alerted
        if on == self.alerts:
            raise NetworkError(errors.ADDRESS_IN_USE if on else errors.NO_BUFFER_SPACE)
        self.alerts = on
        if on:
            waiting.append(self)
        else:
            waiting.remove(self)

    def _set_alerts_6(self, value: int) -> None:
        """IPV6_ROUTER_ALERT (RFC 2711; net/ipv6/ipv6_sockglue.c: ip6_ra_control); -1 for none any more."""
        if (value >= 0) == (self.alert_value >= 0):
            raise NetworkError(errors.ADDRESS_IN_USE if value >= 0 else errors.NO_BUFFER_SPACE)
        waiting = self.stack.raws.alerted6
        if value >= 0:
            waiting.append(self)
        else:
            waiting.remove(self)
        self.alert_value = max(value, -1)

    def close(self) -> None:
        if self.alert_value >= 0:
            self._set_alerts_6(-1)
        if self.alerts:
            self._set_alerts(False)
        super().close()

    def get_option(self, level: int, name: int) -> int | bytes:
        if level == so.SOL_IP and self.family != AF_INET:
            raise NetworkError(errors.NO_SUCH_OPTION)
        if (level, name) == (so.SOL_IP, so.IP_PROTOCOL):
            return self.protocol
        if (level, name) == (so.SOL_IP, so.IP_ROUTER_ALERT):
            return int(self.alerts)
        if (level, name) == (so.SOL_IPV6, so.IPV6_ROUTER_ALERT) and self.family != AF_INET:
            return int(self.alert_value >= 0)
        if (level, name) == (so.SOL_IP, so.IP_HDRINCL) and self.family == AF_INET:
            return int(self.header_included)
        if (level, name) == (so.SOL_IPV6, so.IPV6_HDRINCL) and self.family != AF_INET:
            return int(self.header_included)
        if (level, name) == (so.SOL_RAW, so.ICMP_FILTER) and self.protocol == so.IPPROTO_ICMP:
            return self._filter.ljust(4, b"\0")
        if (level, name) == (so.SOL_ICMPV6, so.ICMPV6_FILTER) and self.protocol == so.IPPROTO_ICMPV6:
            return self._filter.ljust(32, b"\0")
        if (level, name) in (
            (so.SOL_IPV6, so.IPV6_CHECKSUM),
            (so.SOL_RAW, so.IPV6_CHECKSUM),
        ) and self.family != AF_INET:
            return self.checksum_offset
        return super().get_option(level, name)
