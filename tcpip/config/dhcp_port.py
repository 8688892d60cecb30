"""How DHCP messages of one NIC leave and arrive: also before there is an address to send from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.addr import AF_INET, IPV4_ANY, IPV4_BROADCAST, SockAddr
from tcpip.buffer import TxPacket
from tcpip.errors import Malformed, NetworkError
from tcpip.header.dhcp import CLIENT_PORT, SERVER_PORT, DhcpMessage
from tcpip.header.udp import CHECKSUM_OFFSET, FIXED, HEADER_LEN
from tcpip.network.ipv4 import IPv4Route
from tcpip.sockopt import IPPROTO_UDP, SO_BINDTODEVICE, SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.route import Route

MAX_MESSAGE: Final = 1500


class DhcpPort:
    """UDP port 68 of a NIC; whole messages go to `received`, what is malformed is counted and dropped.

    ADDRESS_IN_USE when somebody else has the port.
    """

    def __init__(self, nic: Nic, received: Callable[[DhcpMessage], None]) -> None:
        self.nic = nic
        self._received = received
        self._buffer = bytearray(MAX_MESSAGE)
        self._endpoint = nic.stack.new_endpoint(AF_INET, SOCK_DGRAM)
        try:
            self._endpoint.set_option(SOL_SOCKET, SO_REUSEADDR, 1)
            self._endpoint.set_option(SOL_SOCKET, SO_BINDTODEVICE, nic.name.encode())
            self._endpoint.bind(SockAddr(IPV4_ANY, CLIENT_PORT))
        except NetworkError:
            self._endpoint.close()
            raise
        self._endpoint.queue.add(EVENT_IN, self._readable)

    def close(self) -> None:
        """Harmless when repeated."""
        self._endpoint.close()

    def broadcast(self, message: DhcpMessage, source: bytes = IPV4_ANY) -> None:
        """To every server on the link."""
        route = IPv4Route(self.nic.stack, self.nic, source, IPV4_BROADCAST, IPV4_BROADCAST, False, True)
        self._write(route, message)

    def unicast(self, message: DhcpMessage, source: bytes, server: bytes) -> None:
        """To one server, by the routes that there are; lost when there is none."""
        try:
            self._write(self.nic.stack.find_route(server, source, self.nic.number), message)
        except NetworkError:
            self.nic.stack.stats.ip.inc("OutNoRoutes")

    def _write(self, route: Route, message: DhcpMessage) -> None:
        body = message.to_bytes()
        header = bytearray(FIXED.pack(CLIENT_PORT, SERVER_PORT, HEADER_LEN + len(body), 0))
        self.nic.stack.stats.udp.inc("OutDatagrams")
        pkt = TxPacket(header, [body], len(body), CHECKSUM_OFFSET)
        route.write_packet(pkt, IPPROTO_UDP, dont_fragment=False)

    def _readable(self, _: int) -> None:
        view = memoryview(self._buffer)
        while True:
            try:
                got = self._endpoint.recvmsg(view)
            except NetworkError:
                return
            try:
                message = DhcpMessage.parse(view[: got.length])
            except Malformed as error:
                self.nic.stack.stats.drop(error.reason)
                continue
            self._received(message)
