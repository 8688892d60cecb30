"""Blocking, socket-like objects over a stack that runs on a private thread: for threads, and for libraries that take a socket.

    with ThreadedStack(stack) as host:
        with host.create_connection(("10.9.0.1", 80), timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")

Exceptions are the standard library's (TimeoutError, BlockingIOError, ConnectionRefusedError ...). The stack itself has no
locks: everything that touches it here holds the host's one lock. There is no descriptor, so `fileno` is -1 and
`ssl.SSLContext.wrap_socket` cannot be used: wrap with `ssl.MemoryBIO`.
"""

from __future__ import annotations

import io
import os
import select
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.aio_transport import name_of
from tcpip.adapters.oserror import os_error
from tcpip.addr import AF_INET, AF_INET6, SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.link.fdbased import FdLink
from tcpip.sockopt import SHUT_RDWR, SOCK_DGRAM, SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_IN, EVENT_OUT

Address = tuple[Any, ...]
MAX_DATAGRAM: Final = 65536


class ThreadedStack:
    """Drives a stack on its own daemon thread from `__init__` to `close`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.lock = threading.RLock()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._closing = False
        self._woken = False
        stack.on_output = self.wake
        self._links = {link.fileno(): link for link in _descriptor_links(stack)}
        self._thread = threading.Thread(target=self._run, name="tcpip", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        for fd in self._links:
            poll.register(fd, select.POLLIN)
        stack = self.stack
        while not self._closing:
            with self.lock:
                stack.run_timers()
                stack.flush()
                deadline = stack.next_deadline()
                timeout = None if deadline is None else max(0.0, (deadline - stack.clock.now_ns()) / 1e6)
            for fd, _ in poll.poll(timeout):
                if fd == self._wake_read:
                    with self.lock:
                        self._woken = False
                        os.read(fd, 64)
                else:
                    with self.lock:
                        self._links[fd].receive()

    def wake(self) -> None:
        """The thread must look again; called with the lock held."""
        if not self._woken:
            self._woken = True
            os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Stop the thread; sockets are useless from then on."""
        with self.lock:
            if self._closing:
                return
            self._closing = True
            self.wake()
        self._thread.join()
        self.stack.on_output = None
        os.close(self._wake_read)
        os.close(self._wake_write)

    def __enter__(self) -> ThreadedStack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def socket(self, family: int = AF_INET, kind: int = SOCK_STREAM, protocol: int = 0) -> StackSocket:
        """As socket.socket()."""
        with self.lock:
            try:
                return StackSocket(self, self.stack.new_endpoint(family, kind, protocol))
            except NetworkError as error:
                raise os_error(error) from None

    def create_connection(self, address: tuple[str, int], timeout: float | None = None) -> StackSocket:
        """As socket.create_connection; the host is an address literal."""
        sock = self.socket(AF_INET6 if ":" in address[0] else AF_INET)
        try:
            sock.settimeout(timeout)
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock

    def create_server(self, address: tuple[str, int], backlog: int = 128) -> StackSocket:
        """As socket.create_server: a listening socket with SO_REUSEADDR."""
        sock = self.socket(AF_INET6 if ":" in address[0] else AF_INET)
        try:
            sock.setsockopt(1, 2, 1)
            sock.bind(address)
            sock.listen(backlog)
        except BaseException:
            sock.close()
            raise
        return sock


def _descriptor_links(stack: Stack) -> list[FdLink]:
    """The links to poll, behind sniffers and impairments."""
    found: list[FdLink] = []
    for nic in stack.nics.values():
        link: Any = nic.link
        while link is not None and not isinstance(link, FdLink):
            link = getattr(link, "inner", None)
        if link is not None:
            found.append(link)
    return found


def _setter(event: threading.Event) -> Callable[[int], None]:
    """A wait queue callback that sets `event`."""

    def wake(_: int) -> None:
        event.set()

    return wake


class StackSocket:
    """The methods of socket.socket that libraries use, with its blocking and timeout rules."""

    def __init__(self, host: ThreadedStack, endpoint: Endpoint) -> None:
        self._host = host
        self._endpoint = endpoint
        self._timeout: float | None = None
        self._closed = False
        self._files = 0
        self.family, self.type, self.proto = endpoint.family, endpoint.type, endpoint.protocol

    # One attempt after the other.

    def _block(self, mask: int, attempt: Callable[[], Any]) -> Any:
        """`attempt` until it does not say WOULD_BLOCK (or AGAIN), within the timeout."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        endpoint = self._endpoint
        while True:
            event = threading.Event()
            with self._host.lock:
                if self._closed and self._files <= 0:
                    raise OSError(9, os.strerror(9))
                try:
                    result = attempt()
                    if not (isinstance(result, int) and result == AGAIN):
                        self._host.wake()
                        return result
                except NetworkError as error:
                    if error.error is not errors.WOULD_BLOCK:
                        raise os_error(error) from None
                if self._timeout == 0:
                    raise BlockingIOError(11, os.strerror(11))
                waiter = endpoint.queue.add(mask, _setter(event))
            try:
                left = None if deadline is None else deadline - time.monotonic()
                if (left is not None and left <= 0) or not event.wait(left):
                    raise TimeoutError("timed out")
            finally:
                with self._host.lock:
                    endpoint.queue.remove(waiter)

    def _now(self, call: Callable[..., Any], *arguments: Any) -> Any:
        with self._host.lock:
            try:
                return call(*arguments)
            except NetworkError as error:
                raise os_error(error) from None
            finally:
                self._host.wake()

    def _sockaddr(self, address: Address) -> SockAddr:
        host = address[0] or ("::" if self.family == AF_INET6 else "0.0.0.0")
        try:
            addr = parse(host)
        except ValueError as error:
            raise OSError(str(error)) from None
        return SockAddr(addr, address[1], address[3] if len(address) > 3 else 0)

    # Connections.

    def bind(self, address: Address) -> None:
        self._now(self._endpoint.bind, self._sockaddr(address))

    def listen(self, backlog: int = 128) -> None:
        self._now(self._endpoint.listen, backlog)

    def accept(self) -> tuple[StackSocket, Address]:
        endpoint = self._block(EVENT_IN, self._endpoint.accept)
        sock = StackSocket(self._host, endpoint)
        return sock, sock.getpeername()

    def connect(self, address: Address) -> None:
        target = self._sockaddr(address)
        try:
            self._block(EVENT_OUT, lambda: self._connect_once(target))
        except BlockingIOError:
            raise BlockingIOError(115, os.strerror(115)) from None

    def _connect_once(self, target: SockAddr) -> int:
        """0 once connected; WOULD_BLOCK while the attempt is under way."""
        try:
            self._endpoint.connect(target)
        except NetworkError as error:
            if error.error in (errors.CONNECT_STARTED, errors.ALREADY_IN_PROGRESS):
                self._host.wake()
                raise NetworkError(errors.WOULD_BLOCK) from None
            raise
        return 0

    def connect_ex(self, address: Address) -> int:
        try:
            self.connect(address)
        except OSError as error:
            if error.errno is None:
                raise
            return error.errno
        return 0

    def shutdown(self, how: int) -> None:
        self._now(self._endpoint.shutdown, how)

    def getsockname(self) -> Address:
        return name_of(self._now(self._endpoint.getsockname))

    def getpeername(self) -> Address:
        return name_of(self._now(self._endpoint.getpeername))

    # Data.

    def send(self, data: bytes | bytearray | memoryview, flags: int = 0) -> int:
        view = data if isinstance(data, bytes) else memoryview(data).cast("B")
        count: int = self._block(EVENT_OUT, lambda: self._endpoint.send(view, flags))
        return count

    def sendall(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def sendto(self, data: bytes | bytearray | memoryview, *arguments: Any) -> int:
        """sendto(data, address) or sendto(data, flags, address)."""
        flags = arguments[0] if len(arguments) > 1 else 0
        target = self._sockaddr(arguments[-1])
        count: int = self._block(EVENT_OUT, lambda: self._endpoint.sendmsg(bytes(data), target, flags))
        return count

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: nbytes or len(view)]
        count: int = self._block(EVENT_IN, lambda: self._endpoint.recv_into(view, flags))
        return count

    def recv(self, size: int, flags: int = 0) -> bytes:
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: self.recv_into(buffer, 0, flags)]) if size else b""

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Address | None]:
        buffer = bytearray(size)
        got = self._block(EVENT_IN, lambda: self._endpoint.recvmsg(memoryview(buffer), flags))
        return bytes(buffer[: got.length]), None if got.address is None else name_of(got.address)

    # Options and files.

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        self._now(self._endpoint.set_option, level, name, value)

    def getsockopt(self, level: int, name: int, size: int = 0) -> int | bytes:
        """SO_ERROR as an errno; an int unless `size` asks for bytes."""
        if (level, name) == (1, 4):
            error = self._now(self._endpoint.take_error)
            return 0 if error is None else os_error(error).errno or 0
        value: int | bytes = self._now(self._endpoint.get_option, level, name)
        if size:
            return (value.to_bytes(4, "little") if isinstance(value, int) else value)[:size]
        return value

    def settimeout(self, timeout: float | None) -> None:
        if timeout is not None and timeout < 0:
            raise ValueError("Timeout value out of range")
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, blocking: bool) -> None:
        self._timeout = None if blocking else 0.0

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def makefile(self, mode: str = "r", buffering: int | None = None, **text: Any) -> Any:
        """As socket.makefile; the connection stays open until the files are closed, too."""
        raw = _SocketFile(self, "r" in mode, "w" in mode)
        self._files += 1
        if buffering == 0:
            return raw
        size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
        stream: Any
        if raw.readable() and raw.writable():
            stream = io.BufferedRWPair(raw, raw, size)
        elif raw.readable():
            stream = io.BufferedReader(raw, size)
        else:
            stream = io.BufferedWriter(raw, size)
        return stream if "b" in mode else io.TextIOWrapper(stream, **text)

    def close(self) -> None:
        self._closed = True
        self._release()

    def _file_closed(self) -> None:
        self._files -= 1
        self._release()

    def _release(self) -> None:
        if self._closed and self._files <= 0:
            with self._host.lock:
                self._endpoint.close()
                self._host.wake()

    def __enter__(self) -> StackSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _SocketFile(io.RawIOBase):
    """What `makefile` wraps."""

    def __init__(self, sock: StackSocket, reading: bool, writing: bool) -> None:
        self._sock = sock
        self._reading = reading or not writing
        self._writing = writing

    def readable(self) -> bool:
        return self._reading

    def writable(self) -> bool:
        return self._writing

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)

    def write(self, data: Any) -> int:
        return self._sock.send(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._sock._file_closed()


__all__ = ["SHUT_RDWR", "SOCK_DGRAM", "SOCK_STREAM", "StackSocket", "ThreadedStack"]
