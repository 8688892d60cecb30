"""Blocking, socket-like objects over a stack that runs on a private thread: for threads, and for libraries that take a socket.

    with ThreadedStack(stack) as host:
        with host.create_connection(("10.9.0.1", 80), timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")

Exceptions are the standard library's (TimeoutError, BlockingIOError, ConnectionRefusedError ...). The stack itself has no
locks: everything that touches it here holds the host's one lock. `ssl.SSLContext.wrap_socket` wants a real socket:
`tcpip.adapters.tls` does the same to one of these.
"""

from __future__ import annotations

import os
import select
import threading
from types import TracebackType
from typing import Any

from tcpip.adapters.stack_host import StackHost
from tcpip.adapters.stack_socket import StackSocket, open_endpoint
from tcpip.addr import AF_INET, AF_INET6
from tcpip.link.fdbased import FdLink
from tcpip.sockopt import SHUT_RDWR, SOCK_DGRAM, SOCK_STREAM
from tcpip.stack.stack import Stack


class ThreadedStack(StackHost):
    """Drives a stack on its own daemon thread from `__init__` to `close`."""

    threaded = True

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
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
        if not self._woken and not self._closing:
            self._woken = True
            os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Stop the thread; sockets are useless from then on."""
        with self.lock:
            if self._closing:
                return
            self.wake()
            self._closing = True
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
        return StackSocket(self, open_endpoint(self, family, kind, protocol), pollable=True)

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


__all__ = ["SHUT_RDWR", "SOCK_DGRAM", "SOCK_STREAM", "StackSocket", "ThreadedStack"]
