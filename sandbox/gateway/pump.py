"""Pump: bytes between a TCP endpoint of the gateway and a host socket, in both directions, with back-pressure.

What one side does not take waits, at most `CHUNK` bytes a direction; the other side's window or buffer then
fills by itself. The end of one direction is passed on as a half-close, a reset as a reset, an urgent byte as one.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.reactor import READ, WRITE
from tcpip.errors import NetworkError
from tcpip.sockopt import MSG_OOB, SHUT_WR, SO_LINGER, SO_OOBINLINE, SOL_SOCKET
from tcpip.transport.endpoint import AGAIN
from tcpip.waiter import EVENT_IN, EVENT_OUT, EVENT_RDHUP

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.reactor import Reactor
    from tcpip.transport.endpoint import Endpoint
    from tcpip.waiter import Waiter

CHUNK: Final = 1 << 18
SIOCATMARK: Final = 0x8905
ROUNDS: Final = 8  # chunks in one go before others get their turn
SMALL: Final = 4096
_WOULD_BLOCK: Final = (errno.EAGAIN, errno.EINTR)
_ABORT: Final = struct.pack("ii", 1, 0)


class Pump:
    """`done(self)` is called once, when both sides are finished; that may be before the constructor returns."""

    def __init__(
        self,
        reactor: Reactor,
        counters: Counters,
        endpoint: Endpoint,
        sock: _socket.socket,
        done: Callable[[Pump], None],
    ) -> None:
        self._reactor = reactor
        self._counters = counters
        self._endpoint = endpoint
        self._sock = sock
        self._fd = sock.fileno()
        self._done = done
        self._buffer = memoryview(bytearray(0))
        self._to_host: memoryview | None = None  # taken from the guest, not yet by the host
        self._to_guest: memoryview | None = None
        self._guest_ended = False  # no more from the guest, and the host knows
        self._host_ended = False
        self._mask = 0  # what the reactor watches; 0: not watched
        self.closed = False
        self._queued = False
        self._running = False  # calls on the endpoint notify its queue
        self._to_host_flags = 0  # MSG_OOB for an urgent byte
        self._to_guest_flags = 0
        endpoint.set_option(SOL_SOCKET, SO_OOBINLINE, 1)
        sock.setsockopt(SOL_SOCKET, SO_OOBINLINE, 1)
        self._waiter: Waiter = endpoint.queue.add(EVENT_IN | EVENT_OUT | EVENT_RDHUP, self._guest_event)
        self._run()

    # --- events ---

    def _guest_event(self, mask: int) -> None:
        """From inside the stack's flush: do the work there and then, its packets leave with the same flush."""
        self._run()

    def _host_event(self, events: int) -> None:
        """An error or hang-up shows with the read or write that is waited for."""
        self._run()

    def _again(self) -> None:
        self._queued = False
        self._run()

    def _run(self) -> None:
        if self.closed or self._running:
            return
        self._running = True
        try:
            more = self._guest_to_host()
            more = self._host_to_guest() or more
        except NetworkError:
            self._abort_host()
            return
        except OSError:
            self.abort()
            return
        finally:
            self._running = False
        if self._guest_ended and self._host_ended:
            self.close()
            return
        self._watch()
        if more and not self._queued:
            self._queued = True
            self._reactor.call_soon(self._again)

    # --- the two directions; True: there is more to do at once ---

    def _guest_to_host(self) -> bool:
        if self._guest_ended:
            return False
        for _ in range(ROUNDS):
            if self._to_host is not None and not self._write_host():
                return False
            if not len(self._buffer):
                self._buffer = memoryview(bytearray(CHUNK))
            urgent = self._endpoint.at_mark()
            count = self._endpoint.recv_into(self._buffer[:1] if urgent else self._buffer)
            if count == AGAIN:
                return False
            if count == 0:
                self._guest_ended = True
                self._sock.shutdown(SHUT_WR)
                return False
            self._counters.bytes_out += count
            self._to_host = self._buffer[:count]
            self._to_host_flags = MSG_OOB if urgent else 0
        return True

    def _write_host(self) -> bool:
        """What waits for the host; False: it does not take it all now."""
        data = self._to_host
        while data is not None:
            try:
                sent = self._sock.send(data, self._to_host_flags)
            except OSError as error:
                if error.errno not in _WOULD_BLOCK:
                    raise
                self._to_host = data
                return False
            data = data[sent:] if sent < len(data) else None
        self._to_host = None
        return True

    def _host_to_guest(self) -> bool:
        if self._host_ended:
            return False
        for _ in range(ROUNDS):
            if self._to_guest is not None and not self._write_guest():
                return False
            space = self._endpoint.send_space()
            if space <= 0:
                return False
            try:
                urgent = self._at_mark()
                data = self._sock.recv(1 if urgent else min(space, CHUNK))
            except OSError as error:
                if error.errno not in _WOULD_BLOCK:
                    raise
                return False
            if not data:
                self._host_ended = True
                self._endpoint.shutdown(SHUT_WR)
                return False
            self._counters.bytes_in += len(data)
            self._to_guest_flags = MSG_OOB if urgent else 0
            taken = self._endpoint.send(data, self._to_guest_flags)
            if taken < len(data):
                self._to_guest = memoryview(data)[max(taken, 0) :]
            elif len(data) < SMALL:
                return False  # mostly that was all, and the reactor says when there is more
        return True

    def _at_mark(self) -> bool:
        """The host's next byte is the urgent one. A read stops before it, so asking before each is enough."""
        return fcntl.ioctl(self._fd, SIOCATMARK, bytes(4)) != bytes(4)

    def _write_guest(self) -> bool:
        data = self._to_guest
        if data is not None:
            taken = self._endpoint.send(data, self._to_guest_flags)
            if taken == AGAIN:
                return False
            if taken < len(data):
                self._to_guest = data[taken:]
                return False
        self._to_guest = None
        return True

    def _watch(self) -> None:
        """Ask the reactor for just what is needed: a watched descriptor that nobody reads would spin."""
        mask = 0
        if not self._host_ended and self._to_guest is None and self._endpoint.readiness() & EVENT_OUT:
            mask |= READ  # when it is not writable, having asked makes it tell when it is
        if self._to_host is not None:
            mask |= WRITE
        if mask == self._mask:
            return
        if not self._mask:
            self._reactor.watch(self._fd, mask, self._host_event)
        elif not mask:
            self._reactor.unwatch(self._fd)
        else:
            self._reactor.change(self._fd, mask)
        self._mask = mask

    # --- ends ---

    def _abort_host(self) -> None:
        """The guest's side is gone the hard way."""
        self._sock.setsockopt(SOL_SOCKET, SO_LINGER, _ABORT)
        self.close()

    def abort(self) -> None:
        """The host's side is gone the hard way: the guest gets a reset."""
        if self.closed:
            return
        self._endpoint.set_option(SOL_SOCKET, SO_LINGER, _ABORT)
        self.close()

    def close(self) -> None:
        """Release both sides; harmless when repeated."""
        if self.closed:
            return
        self.closed = True
        self._endpoint.queue.remove(self._waiter)
        if self._mask:
            self._reactor.unwatch(self._fd)
        self._sock.close()
        self._endpoint.close()
        self._done(self)
