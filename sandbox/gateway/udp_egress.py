"""UDP from the guest to the outside: one connected host socket per flow, forgotten when idle."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket, icmp_reply
from sandbox.gateway.tcp_egress import transparent_endpoint
from sandbox.reactor import READ
from tcpip.addr import SockAddr
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET
from tcpip.transport.endpoint import AGAIN
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    import _socket

    from sandbox.gateway.flow_key import FlowKey
    from sandbox.gateway.gateway import Gateway
    from tcpip.buffer import RxPacket
    from tcpip.transport.endpoint import Endpoint

MAX_FLOWS: Final = 1024
IDLE_NS: Final = 120 * NS_PER_S  # RFC 4787 REQ-5
BATCH: Final = 64
_BUFFER: Final = memoryview(bytearray(65536))


class UdpFlow:
    """One (source, destination) pair."""

    __slots__ = ("flow", "endpoint", "sock", "fd", "used", "last")

    def __init__(self, flow: FlowKey, endpoint: Endpoint, sock: _socket.socket, packet: bytes) -> None:
        self.flow = flow
        self.endpoint = endpoint
        self.sock = sock
        self.fd = sock.fileno()
        self.used = 0
        self.last = packet  # of the guest: quoted when the host is told that nobody is there


class UdpEgress:
    """All of them, the longest idle first."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._flows: dict[bytes, UdpFlow] = {}

    def packet(self, flow: FlowKey, pkt: RxPacket) -> None:
        """A datagram (or its first fragment) that the policy permits."""
        key = flow.key
        known = self._flows.pop(key, None) or self._open(flow, pkt.data)
        if known is None:
            return
        self._flows[key] = known
        known.used = self._gateway.now()
        known.last = pkt.data if len(pkt.data) < 2048 else pkt.data[:128]
        self._gateway.pass_on(pkt)

    def _open(self, flow: FlowKey, packet: bytes) -> UdpFlow | None:
        gateway = self._gateway
        if len(self._flows) >= MAX_FLOWS:
            self._end(next(iter(self._flows)))
        family, address, port = host_socket.targets(flow.dst, flow.dst_port)[0]
        try:
            sock = host_socket.open_datagram(family)
            number = sock.connect_ex((address, port))
        except OSError as refusal:
            gateway.warn(f"gateway: no UDP socket: {refusal}")
            return None
        if number:
            sock.close()
            cause = icmp_reply.PROHIBITED if number in (errno.EACCES, errno.EPERM) else icmp_reply.NO_ROUTE
            gateway.write_frame(icmp_reply.unreachable(flow, packet, cause))
            return None
        try:
            endpoint = transparent_endpoint(gateway.stack, SOCK_DGRAM, flow.dst, flow.dst_port)
            endpoint.set_option(SOL_SOCKET, SO_REUSEADDR, 1)
            endpoint.bind(SockAddr(flow.dst, flow.dst_port))
            endpoint.connect(SockAddr(flow.src, flow.src_port))
        except NetworkError as error:
            gateway.warn(f"gateway: no UDP endpoint: {error}")
            sock.close()
            return None
        new = UdpFlow(flow, endpoint, sock, packet)
        endpoint.queue.add(EVENT_IN, lambda mask: self._from_guest(new))
        gateway.reactor.watch(new.fd, READ, lambda events: self._from_host(new))
        gateway.counters.flows += 1
        gateway.expect_sweep()
        return new

    def _from_guest(self, flow: UdpFlow) -> None:
        counters = self._gateway.counters
        try:
            while (count := flow.endpoint.recv_into(_BUFFER)) != AGAIN:
                counters.bytes_out += count
                self._send(flow, count)
        except NetworkError:
            return  # an ICMP error of the guest's: its socket is gone

    def _send(self, flow: UdpFlow, count: int) -> None:
        try:
            flow.sock.send(_BUFFER[:count])
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                self._refused(flow)
            # Anything else is a datagram that was lost on the way.

    def _from_host(self, flow: UdpFlow) -> None:
        counters = self._gateway.counters
        for _ in range(BATCH):
            try:
                data = flow.sock.recv(65536)
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    self._refused(flow)
                return
            counters.bytes_in += len(data)
            flow.used = self._gateway.now()
            try:
                flow.endpoint.send(data)
            except NetworkError:
                return

    def _refused(self, flow: UdpFlow) -> None:
        """The host's socket was told that nobody is at the port: so is the guest."""
        self._gateway.write_frame(icmp_reply.unreachable(flow.flow, flow.last, icmp_reply.PORT))

    def _end(self, key: bytes) -> None:
        flow = self._flows.pop(key)
        self._gateway.reactor.unwatch(flow.fd)
        flow.sock.close()
        flow.endpoint.close()

    def sweep(self, now: int) -> bool:
        """Forget idle flows; True: there are some left."""
        for key, flow in list(self._flows.items()):
            if flow.used + IDLE_NS <= now:
                self._end(key)
        return bool(self._flows)

    def close(self) -> None:
        """The sandbox ends."""
        for key in list(self._flows):
            self._end(key)
