"""TCP from the guest to the outside: a SYN waits until the host's connect has an answer, then the guest gets the same.

The gateway's stack asks about each SYN (`tcpip.transport.forwarder`). Connected: it is accepted, and a `Pump` joins the
two connections. Refused: a reset. Unreachable: ICMP says so.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket, icmp_reply
from sandbox.gateway.flow_key import frame_of, read_flow_key
from sandbox.gateway.pump import Pump
from sandbox.reactor import WRITE
from tcpip.sockopt import IPPROTO_TCP

if TYPE_CHECKING:
    import _socket

    from sandbox.gateway.outlet import Outlet
    from tcpip.transport.endpoint import Endpoint
    from tcpip.transport.forwarder import FlowRequest

MAX_CONNECTIONS: Final = 4096
MAX_CONNECTING: Final = 512
TCP_NODELAY: Final = 1
_CAUSES: Final = {
    errno.ENETUNREACH: icmp_reply.NO_ROUTE,
    errno.EADDRNOTAVAIL: icmp_reply.NO_ROUTE,
    errno.EHOSTUNREACH: icmp_reply.HOST,
    errno.ETIMEDOUT: icmp_reply.HOST,
    errno.EACCES: icmp_reply.PROHIBITED,
    errno.EPERM: icmp_reply.PROHIBITED,
}


class Attempt:
    """A connect of the host's under way for the guest's SYN."""

    __slots__ = ("request", "sock", "fd", "left", "number")

    def __init__(self, request: FlowRequest, left: list[tuple[int, str, int]]) -> None:
        self.request = request
        self.left = left  # targets still to be tried
        self.sock: _socket.socket | None = None
        self.fd = -1
        self.number = 0  # errno of the last one


class TcpEgress:
    """All TCP connections that the guest opened through the gateway."""

    def __init__(self, gateway: Outlet) -> None:
        self._gateway = gateway
        self._flows = gateway.stack.forward_flows()
        self._flows.tcp = self.syn
        self._attempts: dict[FlowRequest, Attempt] = {}
        self.pumps: set[Pump] = set()

    # --- a SYN ---

    def syn(self, request: FlowRequest) -> None:
        """Of the guest, to nobody in the gateway's stack."""
        too_many = (
            len(self.pumps) + len(self._flows.waiting) >= MAX_CONNECTIONS or len(self._attempts) >= MAX_CONNECTING
        )
        if not too_many and self._gateway.serves(request):
            return
        if too_many or not self._gateway.may_leave(request):
            request.refuse()
            return
        attempt = Attempt(request, host_socket.targets(request.dst, request.dst_port))
        self._attempts[request] = attempt
        self._next_target(attempt)

    def _next_target(self, attempt: Attempt) -> None:
        while attempt.left:
            family, address, port = attempt.left.pop(0)
            try:
                sock = host_socket.open_stream(family)
            except OSError as error:
                attempt.number = error.errno or errno.EIO
                continue
            number = sock.connect_ex((address, port))
            if number == errno.EINPROGRESS:
                attempt.sock, attempt.fd = sock, sock.fileno()
                self._gateway.reactor.watch(attempt.fd, WRITE, lambda events: self._answered(attempt))
                return
            if number == 0:
                self._connected(attempt, sock)
                return
            sock.close()
            attempt.number = number
        self._failed(attempt)

    def _answered(self, attempt: Attempt) -> None:
        sock = attempt.sock
        if sock is None:
            return
        attempt.sock = None
        self._gateway.reactor.unwatch(attempt.fd)
        number = sock.getsockopt(1, 4)  # SOL_SOCKET, SO_ERROR
        if number:
            sock.close()
            attempt.number = number
            self._next_target(attempt)
        else:
            self._connected(attempt, sock)

    def _failed(self, attempt: Attempt) -> None:
        request = attempt.request
        del self._attempts[request]
        cause = _CAUSES.get(attempt.number)
        packet = frame_of(request.pkt)
        flow = read_flow_key(packet)
        if cause is None or flow is None:
            request.refuse()
        else:
            request.drop()
            self._gateway.unreachable(flow, packet, cause)

    # --- the guest's side ---

    def _connected(self, attempt: Attempt, sock: _socket.socket) -> None:
        del self._attempts[attempt.request]
        attempt.request.accept(lambda endpoint: self._join(endpoint, sock), sock.close)

    def _join(self, endpoint: Endpoint, sock: _socket.socket) -> None:
        """The handshake with the guest is complete."""
        gateway = self._gateway
        gateway.counters.connections += 1
        endpoint.set_option(IPPROTO_TCP, TCP_NODELAY, 1)
        pump = Pump(gateway.reactor, gateway.counters, endpoint, sock, self.pumps.discard)
        if not pump.closed:
            self.pumps.add(pump)

    def close(self) -> None:
        """The sandbox ends."""
        for attempt in self._attempts.values():
            if attempt.sock is not None:
                self._gateway.reactor.unwatch(attempt.fd)
                attempt.sock.close()
        for _, gone, _ in list(self._flows.waiting.values()):
            if gone is not None:
                gone()
        for pump in list(self.pumps):
            pump.close()
        self._attempts.clear()
        self._flows.close()
