"""Ping endpoints: SOCK_DGRAM sockets that send ICMP echo requests and get the replies to them.

The "port" is the echo identifier; the stack writes it and the checksum. Source of behaviour: net/ipv4/ping.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.addr import AF_INET, SockAddr, is_any, is_multicast
from tcpip.buffer import RxPacket, TxPacket
from tcpip.checksum import checksum
from tcpip.errors import NetworkError
from tcpip.header import icmpv4, icmpv6
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_DGRAM
from tcpip.transport import flow_labels
from tcpip.transport.datagram import DatagramEndpoint
from tcpip.transport.endpoint import Control
from tcpip.transport.protocol import IcmpError
from tcpip.transport.sent_control import sent_tos

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack


class PingEndpoint(DatagramEndpoint):
    """socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) or its IPv6 sister. What is sent and received begins with the ICMP header."""

    __slots__ = ()

    def __init__(self, stack: Stack, family: int) -> None:
        super().__init__(stack, family, SOCK_DGRAM, IPPROTO_ICMP if family == AF_INET else IPPROTO_ICMPV6)
        self.options.v6only = True

    def start_receiving(self) -> None:
        key = (4 if self.family == AF_INET else 16, self.local_port)
        self.stack.pings.endpoints.setdefault(key, []).append(self)

    def stop_receiving(self) -> None:
        key = (4 if self.family == AF_INET else 16, self.local_port)
        members = self.stack.pings.endpoints.get(key)
        if members is not None and self in members:
            members.remove(self)
            if not members:
                del self.stack.pings.endpoints[key]

    def connect(self, address: SockAddr | None) -> None:
        if address is None:
            self.disconnect()
            return
        addr = self.wire_address(address)
        route = self.route_to(addr, address.scope_id, self.parse_control(None))
        flow_labels.connected(self.stack, self.options, address)
        self.autobind()
        self.peer, self.peer_port, self.peer_scope = route.dst, address.port, address.scope_id
        if is_any(self.bound_addr):
            self.local = route.src

    def wants(self, pkt: RxPacket) -> bool:
        """It is bound to where the reply went, and connected, if at all, to who sent it."""
        if self.options.nic and (pkt.nic is None or pkt.nic.number != self.options.nic):
            return False
        return is_any(self.bound_addr) or self.bound_addr == pkt.dst

    def handle_packet(self, pkt: RxPacket) -> None:
        self.enqueue_filtered(pkt, pkt.transport)

    def handle_error(self, error: IcmpError) -> None:
        self.report_error(error, error.quoted)

    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        self.check_send()
        size = len(data)
        if size > 65507:
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        four = self.family == AF_INET
        request = icmpv4.ECHO_REQUEST if four else icmpv6.ECHO_REQUEST
        if size < icmpv4.HEADER_LEN or data[0] != request or data[1]:
            raise NetworkError(errors.INVALID_ARGUMENT)
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
        self.autobind()
        message = bytearray(data)
        message[2:4] = b"\0\0"
        message[4:6] = self.local_port.to_bytes(2, "big")
        o = self.options
        if choices.ttl < 0:
            if is_multicast(addr):
                choices.ttl = o.multicast_ttl if four else o.multicast_hops
            else:
                choices.ttl = o.ttl if four else o.hop_limit
        tos = sent_tos(self, four, address, choices)
        if four:
            message[2:4] = checksum(message).to_bytes(2, "big")
            pkt = TxPacket(bytes(message[:8]), [bytes(message[8:])], size - 8)
            self.stack.stats.icmp.count_sent(message[0])
        else:
            pkt = TxPacket(message[:8], [bytes(message[8:])], size - 8, icmpv6.CHECKSUM_OFFSET)
            self.stack.stats.icmp6.count_sent(message[0])
            route.device().icmp6.count_sent(message[0])
        pkt.socket = o
        route.write_packet(pkt, self.protocol, choices.ttl, tos, dont_fragment=False)
        return size
