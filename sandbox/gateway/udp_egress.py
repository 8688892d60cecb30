"""UDP from the guest to the outside: one connected host socket per flow, forgotten when idle."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket, icmp_reply
from sandbox.gateway.flow_key import frame_of, read_flow_key
from sandbox.reactor import READ
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.transport.endpoint import AGAIN
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    import _socket

    from sandbox.gateway.flow_key import FlowKey
    from sandbox.gateway.outlet import Outlet
    from tcpip.transport.endpoint import Endpoint
    from tcpip.transport.forwarder import FlowRequest

MAX_FLOWS: Final = 1024
IDLE_NS: Final = 120 * NS_PER_S  # RFC 4787 REQ-5
BATCH: Final = 64
_BUFFER: Final = memoryview(bytearray(65536))


class UdpFlow:
    """One (source, destination) pair."""

    __slots__ = ("flow", "endpoint", "sock", "fd", "used", "quoted")

    def __init__(self, flow: FlowKey, endpoint: Endpoint, sock: _socket.socket, packet: bytes) -> None:
        self.flow = flow
        self.endpoint = endpoint
        self.sock = sock
        self.fd = sock.fileno()
        self.used = 0
        self.quoted = packet  # of the guest: quoted when the host is told that nobody is there


class UdpEgress:
    """All of them, the longest idle first."""

    def __init__(self, gateway: Outlet) -> None:
        self._gateway = gateway
        self._flows: dict[bytes, UdpFlow] = {}
        gateway.stack.forward_flows().udp = self.first

    def first(self, request: FlowRequest) -> None:
        """A datagram of a new flow, to nobody in the gateway's stack."""
        packet = frame_of(request.pkt)
        flow = read_flow_key(packet)
        if not self._gateway.may_leave(request):
            request.refuse()
        elif flow is None or not self._open(flow, packet, request):
            request.drop()

    def _open(self, flow: FlowKey, packet: bytes, request: FlowRequest) -> bool:
        gateway = self._gateway
        if len(self._flows) >= MAX_FLOWS:
            self._end(next(iter(self._flows)))
        family, address, port = host_socket.targets(flow.dst, flow.dst_port)[0]
        try:
            sock = host_socket.open_datagram(family)
            number = sock.connect_ex((address, port))
        except OSError as refusal:
            gateway.warn(f"gateway: no UDP socket: {refusal}")
            return False
        if number:
            sock.close()
            cause = icmp_reply.PROHIBITED if number in (errno.EACCES, errno.EPERM) else icmp_reply.NO_ROUTE
            gateway.unreachable(flow, packet, cause)
            return False
        quoted = packet if len(packet) < 2048 else packet[:128]
        try:
            request.accept(lambda endpoint: self._opened(UdpFlow(flow, endpoint, sock, quoted)))
        except NetworkError as error:
            gateway.warn(f"gateway: no UDP endpoint: {error}")
            sock.close()
            return False
        return True

    def _opened(self, new: UdpFlow) -> None:
        gateway = self._gateway
        self._flows[new.flow.key] = new
        new.endpoint.queue.add(EVENT_IN, lambda mask: self._from_guest(new))
        gateway.reactor.watch(new.fd, READ, lambda events: self._from_host(new))
        gateway.counters.flows += 1
        gateway.expect_sweep()
        self._from_guest(new)

    def _from_guest(self, flow: UdpFlow) -> None:
        counters = self._gateway.counters
        flow.used = self._gateway.now()
        if self._flows.pop(flow.flow.key, None) is flow:
            self._flows[flow.flow.key] = flow
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
        self._gateway.unreachable(flow.flow, flow.quoted, icmp_reply.PORT)

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
