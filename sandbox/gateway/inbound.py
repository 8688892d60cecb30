"""Streams of the host that go on to the guest: each host socket gets a connection in a stack, and a pump between both."""

from __future__ import annotations

import _socket
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.gateway.pump import Pump
from sandbox.reactor import READ
from tcpip import errors
from tcpip.addr import AF_INET, AF_INET6, SockAddr
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_STREAM
from tcpip.waiter import EVENT_OUT

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.reactor import Reactor
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint
    from tcpip.waiter import Waiter

MAX_CONNECTIONS: Final = 1024
MAX_OPENING: Final = 4  # connections to the guest that are being opened at a time


class _Opening:
    """A connection to the guest on its way: for `sock`; `rest` is tried where this address refuses."""

    __slots__ = ("sock", "target", "rest", "waiter")

    def __init__(self, sock: _socket.socket, target: SockAddr, rest: list[SockAddr]) -> None:
        self.sock = sock
        self.target = target
        self.rest = rest
        self.waiter: Waiter | None = None


class Connector:
    """`take` host sockets. `stack` is where connections to the guest are made; a class of its own says whereto."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters) -> None:
        self._stack = stack
        self._reactor = reactor
        self._counters = counters
        self._waiting: deque[_socket.socket] = deque()
        self._opening: dict[Endpoint, _Opening] = {}
        self._pumps: set[Pump] = set()

    def targets(self, sock: _socket.socket) -> list[SockAddr]:
        """Where the connection `sock` of the host may go on: the first that takes it. OSError, NetworkError: nowhere."""
        raise NotImplementedError

    def take(self, sock: _socket.socket) -> None:
        """A connected socket, which is closed when there are too many or nobody inside wants it."""
        sock.setblocking(False)
        if len(self._pumps) + len(self._opening) + len(self._waiting) >= MAX_CONNECTIONS:
            sock.close()
            return
        self._waiting.append(sock)
        self._open_next()

    def _open_next(self) -> None:
        """In the order in which they came: a burst that overran the guest's backlog would be retried at random."""
        while self._waiting and len(self._opening) < MAX_OPENING:
            sock = self._waiting.popleft()
            try:
                targets = self.targets(sock)
            except (OSError, NetworkError):  # the host's side is gone, or there is nowhere to go on to
                sock.close()
                continue
            self._open(sock, targets)

    def _open(self, sock: _socket.socket, targets: list[SockAddr]) -> None:
        target = targets[0]
        endpoint = self._stack.new_endpoint(AF_INET if len(target.addr) == 4 else AF_INET6, SOCK_STREAM, 0)
        opening = self._opening[endpoint] = _Opening(sock, target, targets[1:])
        opening.waiter = endpoint.queue.add(EVENT_OUT, lambda mask: self._opened(endpoint))
        self._opened(endpoint)

    def _opened(self, endpoint: Endpoint) -> None:
        opening = self._opening.get(endpoint)
        if opening is None:
            return
        refused = False
        try:
            endpoint.connect(opening.target)
        except NetworkError as error:
            if error.error in (errors.CONNECT_STARTED, errors.ALREADY_IN_PROGRESS):
                return
            refused = error.error is not errors.ALREADY_CONNECTED
        del self._opening[endpoint]
        if opening.waiter is not None:
            endpoint.queue.remove(opening.waiter)
        if refused:
            endpoint.close()
            if opening.rest:
                self._open(opening.sock, opening.rest)
            else:
                opening.sock.close()
        else:
            self._counters.connections += 1
            pump = Pump(self._reactor, self._counters, endpoint, opening.sock, self._pumps.discard)
            if not pump.closed:
                self._pumps.add(pump)
        self._reactor.call_soon(self._open_next)

    def close(self) -> None:
        """End what runs."""
        for sock in (*self._waiting, *(opening.sock for opening in self._opening.values())):
            sock.close()
        self._waiting.clear()
        for pump in list(self._pumps):
            pump.close()


class InboundStream(Connector):
    """What connects to a listening host socket."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters, sock: _socket.socket) -> None:
        super().__init__(stack, reactor, counters)
        self._sock = sock
        self._fd = sock.fileno()
        reactor.watch(self._fd, READ, self._accept)

    def _accept(self, events: int) -> None:
        """One connection a turn: the level-triggered reactor comes back for the next."""
        try:
            fd, _ = self._sock._accept()  # type: ignore[attr-defined]
        except OSError:
            return
        self.take(_socket.socket(fileno=fd))

    def close(self) -> None:
        """Stop listening, end what runs."""
        self.stop()
        super().close()

    def stop(self) -> None:
        """Stop listening; what runs goes on."""
        if self._fd >= 0:
            self._reactor.unwatch(self._fd)
            self._sock.close()
            self._fd = -1
