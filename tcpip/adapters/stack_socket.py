"""Objects like socket.socket over endpoints of a stack."""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.names import name_of, scope_of
from tcpip.adapters.oserror import os_error
from tcpip.adapters.pollable import Pollable
from tcpip.adapters.stack_host import StackHost
from tcpip.addr import AF_INET6, SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_ERROR, SOL_SOCKET
from tcpip.transport.endpoint import AGAIN, Endpoint, Message
from tcpip.waiter import EVENT_ALL, EVENT_IN, EVENT_OUT, Waiter

Address = tuple[Any, ...]
MAX_CONTROL: Final = 64
"""Control messages that recvmsg hands out at most; a datagram has fewer."""

SENDFILE_SIZE: Final = 1 << 17
"""What `sendfile` reads at a time."""

numbered: weakref.WeakValueDictionary[int, StackSocket] = weakref.WeakValueDictionary()
"""The sockets that `fileno` has given a number."""


def _setter(event: threading.Event) -> Callable[[int], None]:
    """A wait queue callback that sets `event`."""

    def wake(_: int) -> None:
        event.set()

    return wake


class _Sharing:
    """What the objects for one endpoint have in common: how many there are, and their descriptors that can be polled."""

    __slots__ = ("endpoint", "count", "descriptors", "_waiter")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.count = 1
        self.descriptors: list[Pollable] = []
        self._waiter: Waiter | None = None

    def show(self, _: int = 0) -> None:
        """They are polled as the endpoint is now. With the host's lock held, as the next two."""
        if not self.descriptors:
            return
        state = self.endpoint.readiness()
        for descriptor in self.descriptors:
            descriptor.show(state)

    def new_descriptor(self) -> Pollable:
        descriptor = Pollable()
        self.descriptors.append(descriptor)
        if self._waiter is None:
            self._waiter = self.endpoint.queue.add(EVENT_ALL, self.show)
        self.show()
        return descriptor

    def drop_descriptor(self, descriptor: Pollable) -> None:
        self.descriptors.remove(descriptor)
        if not self.descriptors and self._waiter is not None:
            self.endpoint.queue.remove(self._waiter)
            self._waiter = None


class StackSocket:
    """The methods of socket.socket that libraries use, with its blocking and timeout rules.

    One whose stack this thread drives (`StackHost`) is non-blocking for good. `pollable`: poll(2) understands its `fileno`.
    """

    def __init__(self, host: StackHost, endpoint: Endpoint, pollable: bool = False) -> None:
        self.host = host
        self.endpoint = endpoint
        self.pollable = pollable
        self._timeout: float | None = None if host.threaded else 0.0
        self._closed = False
        self._files = 0
        self._sharing = _Sharing(endpoint)
        self._number: select.epoll | Pollable | None = None
        self.family = socket.AddressFamily(endpoint.family)
        self.type = socket.SocketKind(endpoint.type)
        self.proto = endpoint.protocol

    def __repr__(self) -> str:
        state = " [closed]" if self._closed else ""
        return f"<StackSocket{state} family={self.family!s} type={self.type!s} proto={self.proto}>"

    # One attempt after the other.

    def _block(self, mask: int, attempt: Callable[[], Any]) -> Any:
        """`attempt` until it does not say WOULD_BLOCK (or AGAIN), within the timeout."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        endpoint = self.endpoint
        while True:
            event = threading.Event()
            with self.host.lock:
                if self._closed and self._files <= 0:
                    raise OSError(9, os.strerror(9))
                try:
                    result = attempt()
                    if not (isinstance(result, int) and result == AGAIN):
                        self.host.wake()
                        return result
                except NetworkError as error:
                    if error.error is not errors.WOULD_BLOCK:
                        raise os_error(error) from None
                finally:
                    self._sharing.show()
                if self._timeout == 0:
                    raise BlockingIOError(11, os.strerror(11))
                waiter = endpoint.queue.add(mask, _setter(event))
            try:
                left = None if deadline is None else deadline - time.monotonic()
                if (left is not None and left <= 0) or not event.wait(left):
                    raise TimeoutError("timed out")
            finally:
                with self.host.lock:
                    endpoint.queue.remove(waiter)

    def _now(self, call: Callable[..., Any], *arguments: Any) -> Any:
        with self.host.lock:
            try:
                return call(*arguments)
            except NetworkError as error:
                raise os_error(error) from None
            finally:
                self._sharing.show()
                self.host.wake()

    def _sockaddr(self, address: Address) -> SockAddr:
        six = self.family == AF_INET6
        host, _, scope = (address[0] or ("::" if six else "0.0.0.0")).partition("%")
        if host == "localhost":
            host = "::1" if six else "127.0.0.1"
        try:
            addr = parse(host)
        except ValueError as error:
            raise socket.gaierror(socket.EAI_NONAME, str(error)) from None
        number = address[3] if len(address) > 3 else scope_of(self.host.stack, scope)
        return SockAddr(addr, address[1], number, address[2] if len(address) > 2 else 0)

    # Connections.

    def bind(self, address: Address) -> None:
        self._now(self.endpoint.bind, self._sockaddr(address))

    def listen(self, backlog: int = 128) -> None:
        self._now(self.endpoint.listen, backlog)

    def accept(self) -> tuple[StackSocket, Address]:
        endpoint = self._block(EVENT_IN, self.endpoint.accept)
        sock = self.another(endpoint)
        return sock, sock.getpeername()

    def another(self, endpoint: Endpoint) -> StackSocket:
        """An object of this kind for what was accepted, or for the same endpoint."""
        return StackSocket(self.host, endpoint, self.pollable)

    def connect(self, address: Address) -> None:
        target = self._sockaddr(address)
        try:
            self._block(EVENT_OUT, lambda: self._connect_once(target))
        except BlockingIOError:
            raise BlockingIOError(115, os.strerror(115)) from None

    def _connect_once(self, target: SockAddr) -> int:
        """0 once connected; WOULD_BLOCK while the attempt is under way."""
        try:
            self.endpoint.connect(target)
        except NetworkError as error:
            if error.error in (errors.CONNECT_STARTED, errors.ALREADY_IN_PROGRESS):
                self.host.wake()
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
        self._now(self.endpoint.shutdown, how)

    def getsockname(self) -> Address:
        return name_of(self._now(self.endpoint.getsockname))

    def getpeername(self) -> Address:
        return name_of(self._now(self.endpoint.getpeername))

    # Data.

    def send(self, data: bytes | bytearray | memoryview, flags: int = 0) -> int:
        view = data if isinstance(data, bytes) else memoryview(data).cast("B")
        count: int = self._block(EVENT_OUT, lambda: self.endpoint.send(view, flags))
        return count

    def sendall(self, data: bytes | bytearray | memoryview, flags: int = 0) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def sendto(self, data: bytes | bytearray | memoryview, *arguments: Any) -> int:
        """sendto(data, address) or sendto(data, flags, address)."""
        flags = arguments[0] if len(arguments) > 1 else 0
        target = self._sockaddr(arguments[-1])
        count: int = self._block(EVENT_OUT, lambda: self.endpoint.sendmsg(bytes(data), target, flags))
        return count

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: nbytes or len(view)]
        count: int = self._block(EVENT_IN, lambda: self.endpoint.recv_into(view, flags))
        return count

    def recv(self, size: int, flags: int = 0) -> bytes:
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: self.recv_into(buffer, 0, flags)]) if size else b""

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Address | None]:
        view = memoryview(buffer).cast("B")
        got = self._receive(view[: nbytes or len(view)], flags)
        return got.length, None if got.address is None else name_of(got.address)

    def _receive(self, view: memoryview, flags: int) -> Message:
        message: Message = self._block(EVENT_IN, lambda: self.endpoint.recvmsg(view, flags))
        return message

    def recvmsg(
        self, size: int, control_size: int = 0, flags: int = 0
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Address | None]:
        """As socket.recvmsg; control messages that do not fit are left out."""
        buffer = bytearray(size)
        got = self._receive(memoryview(buffer), flags)
        control = []
        for level, kind, data in got.control[:MAX_CONTROL]:
            control_size -= socket.CMSG_LEN(len(data))
            if control_size >= 0:
                control.append((level, kind, bytes(data)))
        where = None if got.address is None else name_of(got.address)
        return bytes(buffer[: got.length]), control, got.flags, where

    def recvmsg_into(
        self, buffers: Iterable[Any], control_size: int = 0, flags: int = 0
    ) -> tuple[int, list[tuple[int, int, bytes]], int, Address | None]:
        """As socket.recvmsg_into."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data, control, found, where = self.recvmsg(sum(map(len, views)), control_size, flags)
        done = 0
        for view in views:
            part = data[done : done + len(view)]
            view[: len(part)] = part
            done += len(part)
        return len(data), control, found, where

    def sendmsg(
        self,
        buffers: Iterable[Any],
        control: Iterable[tuple[int, int, Any]] = (),
        flags: int = 0,
        address: Address | None = None,
    ) -> int:
        data = b"".join(bytes(part) for part in buffers)
        target = None if address is None else self._sockaddr(address)
        messages = [(level, kind, bytes(value)) for level, kind, value in control]
        sent: int = self._block(EVENT_OUT, lambda: self.endpoint.sendmsg(data, target, flags, messages))
        return sent

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Address | None]:
        buffer = bytearray(size)
        got = self._receive(memoryview(buffer), flags)
        return bytes(buffer[: got.length]), None if got.address is None else name_of(got.address)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Reads and sends, from `offset` on; how much. The file stands behind what was sent, as after socket.sendfile."""
        if self._timeout == 0:
            raise ValueError("non-blocking sockets are not supported")
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            data = file.read(SENDFILE_SIZE if count is None else min(SENDFILE_SIZE, count - sent))
            if not data:
                break
            self.sendall(data)
            sent += len(data)
        return sent

    # Options and files.

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        self._now(self.endpoint.set_option, level, name, value)

    def getsockopt(self, level: int, name: int, size: int = 0) -> int | bytes:
        """SO_ERROR as an errno; an int unless `size` asks for bytes."""
        if (level, name) == (SOL_SOCKET, SO_ERROR):
            error = self._now(self.endpoint.socket_error)
            return 0 if error is None else os_error(error).errno or 0
        value: int | bytes = self._now(self.endpoint.get_option, level, name)
        if size:
            return (value.to_bytes(4, "little") if isinstance(value, int) else value)[:size]
        return value

    def get_inheritable(self) -> bool:
        """Of the descriptor; what inherits it can wait for the socket, and no more."""
        return os.get_inheritable(self.fileno())

    def set_inheritable(self, inheritable: bool) -> None:
        os.set_inheritable(self.fileno(), inheritable)

    @property
    def timeout(self) -> float | None:
        """As `gettimeout`."""
        return self._timeout

    def settimeout(self, timeout: float | None) -> None:
        if timeout is not None and timeout < 0:
            raise ValueError("Timeout value out of range")
        if timeout != 0 and not self.host.threaded:
            raise ValueError("the stack runs on this thread: nothing may block")
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, blocking: bool) -> None:
        self.settimeout(None if blocking else 0.0)

    def getblocking(self) -> bool:
        return self._timeout != 0

    def fileno(self) -> int:
        """By this number loops and selectors of ours know the socket. -1 once closed.

        It is a descriptor that poll(2) finds as ready as the socket, or, where nobody but loops of ours asks, one that says
        nothing. Neither can be read from or written to.
        """
        if self._closed and self._files <= 0:
            return -1
        if self._number is None:
            if self.pollable:
                with self.host.lock:
                    self._number = self._sharing.new_descriptor()
            else:
                self._number = select.epoll()
            numbered[self._number.fileno()] = self
        return self._number.fileno()

    def makefile(self, mode: str = "r", buffering: int | None = None, through: Any = None, **text: Any) -> Any:
        """As socket.makefile; the connection stays open until the files are closed, too. `through`: what encrypts."""
        raw = _SocketFile(self, through or self, "r" in mode, "w" in mode)
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
        if not self._closed:
            self._closed = True
            self._release()

    def dup(self) -> StackSocket:
        """Another object for the same connection, which ends when all are closed."""
        other = self.another(self.endpoint)
        other._timeout = self._timeout
        other._sharing = self._sharing
        self._sharing.count += 1
        return other

    def detach(self) -> int:
        """OSError: nobody could use the descriptor without this object."""
        raise OSError(errno.EOPNOTSUPP, "the socket of a stack cannot be had as a descriptor alone")

    def file_closed(self) -> None:
        """One of `makefile`."""
        if self._files > 0:
            self._files -= 1
        self._release()

    _decref_socketios = file_closed  # what socket.SocketIO calls, which some libraries put around a socket themselves

    def _release(self) -> None:
        if not self._closed or self._files > 0:
            return
        self._forget_number()
        self._sharing.count -= 1
        if self._sharing.count == 0:
            with self.host.lock:
                self.endpoint.close()
                self.host.wake()

    def _forget_number(self) -> None:
        if self._number is not None:
            numbered.pop(self._number.fileno(), None)
            if isinstance(self._number, Pollable):
                with self.host.lock:
                    self._sharing.drop_descriptor(self._number)
            self._number.close()
            self._number = None

    def __enter__(self) -> StackSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_endpoint(host: StackHost, family: int, kind: int, protocol: int) -> Endpoint:
    """A new one of the stack. OSError."""
    with host.lock:
        try:
            return host.stack.new_endpoint(family, kind, protocol)
        except NetworkError as error:
            raise os_error(error) from None


class _SocketFile(io.RawIOBase):
    """What `makefile` wraps."""

    def __init__(self, sock: StackSocket, stream: Any, reading: bool, writing: bool) -> None:
        self._sock = sock
        self._stream = stream
        self._reading = reading or not writing
        self._writing = writing

    def readable(self) -> bool:
        return self._reading

    def writable(self) -> bool:
        return self._writing

    def readinto(self, buffer: Any) -> int:
        count: int = self._stream.recv_into(buffer)
        return count

    def write(self, data: Any) -> int:
        count: int = self._stream.send(data)
        return count

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._sock.file_closed()
