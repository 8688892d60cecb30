"""TCP services of the gateway itself: it is handed the SYNs, and for each connection an object gets the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import SHUT_WR
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.forwarder import FlowRequest

MAX_CONNECTIONS: Final = 256
IDLE_NS: Final = 60 * NS_PER_S
READ_SIZE: Final = 65536
MAX_OUT: Final = 4 << 20  # for a peer that asks and does not read


class Connection:
    """One connection. A service derives from it, overrides `received` and may override `more`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.closed = False
        self.touched = False
        self._out = bytearray()
        self._ending = False
        self._running = False  # calls on the endpoint notify its queue
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._waiter = endpoint.queue.add(EVENT_IN | EVENT_OUT, self._event)

    def received(self, data: bytes) -> None:
        """Bytes from the peer; b"" at the end of its stream."""

    def more(self) -> bytes:
        """Something to send once everything before is gone; b"" for nothing."""
        return b""

    def write(self, data: bytes) -> None:
        """Send, in order."""
        self._out += data
        if len(self._out) > MAX_OUT:
            self.close()

    def end(self) -> None:
        """Close once everything is sent."""
        self._ending = True

    def close(self) -> None:
        """Harmless when repeated."""
        if not self.closed:
            self.closed = True
            self.endpoint.queue.remove(self._waiter)
            self.endpoint.close()

    def _event(self, mask: int) -> None:
        self.run()

    def run(self) -> None:
        """Read and write what is possible."""
        if self.closed or self._running:
            return
        self.touched = self._running = True
        try:
            while not self.closed and (count := self.endpoint.recv_into(self._buffer)) != AGAIN:
                self.received(bytes(self._buffer[:count]))
                if not count:
                    break
            self._flush()
        except NetworkError:
            self.close()
        finally:
            self._running = False

    def _flush(self) -> None:
        while not self.closed:
            if not self._out:
                self.write(self.more())
            if not self._out:
                break
            taken = self.endpoint.send(bytes(self._out[:READ_SIZE]))
            if taken == AGAIN:
                return
            del self._out[:taken]
        if self._ending and not self.closed:
            self.endpoint.shutdown(SHUT_WR)
            self.close()


class StreamService:
    """Makes a connection object for each peer."""

    def __init__(self, stack: Stack, make: Callable[[Endpoint], Connection]) -> None:
        self._stack = stack
        self._make = make
        self._connections: set[Connection] = set()
        self._sweep = stack.timers.timer(self._run_sweep)

    def take(self, request: FlowRequest) -> None:
        """A SYN for the service."""
        self._connections = {c for c in self._connections if not c.closed}
        if len(self._connections) >= MAX_CONNECTIONS:
            request.refuse()
        else:
            request.accept(self._arrived)

    def _arrived(self, endpoint: Endpoint) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            endpoint.close()
            return
        connection = self._make(endpoint)
        self._connections.add(connection)
        if self._sweep.deadline is None:
            self._sweep.arm(self._stack.clock.now_ns() + IDLE_NS)
        connection.run()

    def _run_sweep(self) -> None:
        """Who did nothing for the whole period is closed."""
        for connection in list(self._connections):
            if connection.closed or not connection.touched:
                connection.close()
                self._connections.discard(connection)
            connection.touched = False
        if self._connections:
            self._sweep.arm(self._stack.clock.now_ns() + IDLE_NS)
