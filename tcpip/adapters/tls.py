"""TLS over a `StackSocket`: what ssl.SSLContext.wrap_socket does to a real socket, by memory BIOs."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any, Final

from tcpip.adapters.stack_socket import StackSocket

READ_SIZE: Final = 64 * 1024


_OF_TLS: Final = frozenset(
    """cipher compression context get_channel_binding getpeercert pending selected_alpn_protocol server_hostname server_side
    session session_reused shared_ciphers version""".split()
)


def _no_flags(flags: int) -> None:
    """As ssl.SSLSocket has it."""
    if flags:
        raise ValueError("flags mean nothing to a socket with TLS")


class TlsSocket:
    """`recv`, `send` and their like encrypted; everything else is the socket's, and what is asked of TLS an ssl.SSLObject's.

    Blocking, with the socket's timeout, or, as the socket, not: then ssl.SSLWantReadError and ssl.SSLWantWriteError say what to
    wait for."""

    def __init__(
        self, sock: StackSocket, context: ssl.SSLContext, server_side: bool = False, server_hostname: str | None = None
    ) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unsent = bytearray()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_hostname)
        self.handshake_on_connect = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls if name in _OF_TLS else self._sock, name)

    def _run(self, step: Any, *arguments: Any) -> Any:
        """`step` until TLS has what it needs. ssl.SSLError; OSError and TimeoutError of the socket."""
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()  # the alert, if anybody is there to hear it
                raise
            else:
                with contextlib.suppress(ssl.SSLWantWriteError):
                    self._flush()
                return result

    def _fill(self) -> None:
        try:
            data = self._sock.recv(READ_SIZE)
        except BlockingIOError:
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)") from None
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        """What there is no room for is kept, and goes before all else the next time."""
        self._unsent += self._outgoing.read()
        while self._unsent:
            try:
                del self._unsent[: self._sock.send(bytes(self._unsent))]
            except BlockingIOError:
                raise ssl.SSLWantWriteError(
                    ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)"
                ) from None

    def accept(self) -> tuple[TlsSocket, Any]:
        """Of a listening one: its handshake is over, unless the socket does not block or there was to be none."""
        sock, address = self._sock.accept()
        return wrap_socket(sock, self._tls.context, True, None, self.handshake_on_connect), address

    def connect(self, address: Any) -> None:
        self._sock.connect(address)
        if self.handshake_on_connect:
            self.do_handshake()

    def do_handshake(self) -> None:
        self._run(self._tls.do_handshake)

    def recv(self, size: int, flags: int = 0) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer, 0, flags)])

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        _no_flags(flags)
        view = memoryview(buffer).cast("B")
        try:
            count: int = self._run(self._tls.read, nbytes or len(view), view)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # the latter: an end without a farewell
            return 0
        return count

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """As ssl.SSLSocket.read."""
        return self.recv(size) if buffer is None else self.recv_into(buffer, size)

    def send(self, data: Any, flags: int = 0) -> int:
        _no_flags(flags)
        self._flush()
        count: int = self._run(self._tls.write, data)
        return count

    write = send

    def sendall(self, data: Any, flags: int = 0) -> None:
        _no_flags(flags)
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view) :]

    def unwrap(self) -> StackSocket:
        """Say and hear the end of TLS; the socket, for what comes after."""
        self._run(self._tls.unwrap)
        return self._sock

    def shutdown(self, how: int) -> None:
        """No more TLS either; as on a real one there is no farewell."""
        self._sock.shutdown(how)

    def makefile(self, mode: str = "r", buffering: int | None = None, **text: Any) -> Any:
        """As socket.makefile, encrypted."""
        return self._sock.makefile(mode, buffering, through=self, **text)

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> TlsSocket:
        return self

    def __exit__(self, *what: object) -> None:
        self.close()


def wrap_socket(
    sock: StackSocket,
    context: ssl.SSLContext,
    server_side: bool = False,
    server_hostname: str | None = None,
    do_handshake_on_connect: bool = True,
) -> TlsSocket:
    """As context.wrap_socket: `sock` itself counts as closed. One not connected yet has its handshake in `connect`."""
    wrapped = TlsSocket(sock.dup(), context, server_side, server_hostname)
    sock.close()
    if do_handshake_on_connect:
        try:
            wrapped.getpeername()
        except OSError:
            wrapped.handshake_on_connect = True
        else:
            wrapped.do_handshake()
    return wrapped
