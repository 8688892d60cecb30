"""TLS over a `StackSocket`: what ssl.SSLContext.wrap_socket does to a real socket, by memory BIOs."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any, Final

from tcpip.adapters.stack_socket import StackSocket

READ_SIZE: Final = 64 * 1024


class TlsSocket:
    """`recv`, `send` and their like encrypted; everything else is the socket's. Blocking, with the socket's timeout."""

    def __init__(
        self, sock: StackSocket, context: ssl.SSLContext, server_side: bool = False, server_hostname: str | None = None
    ) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_hostname)
        self.handshake_on_connect = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _run(self, step: Any, *arguments: Any) -> Any:
        """`step` until TLS has what it needs. ssl.SSLError; OSError and TimeoutError of the socket."""
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                data = self._sock.recv(READ_SIZE)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()  # the alert, if anybody is there to hear it
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._sock.sendall(self._outgoing.read())

    def connect(self, address: Any) -> None:
        self._sock.connect(address)
        if self.handshake_on_connect:
            self.do_handshake()

    def do_handshake(self) -> None:
        self._run(self._tls.do_handshake)

    def recv(self, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def recv_into(self, buffer: Any, nbytes: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        try:
            count: int = self._run(self._tls.read, nbytes or len(view), view)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # the latter: an end without a farewell
            return 0
        return count

    read = recv

    def send(self, data: Any) -> int:
        count: int = self._run(self._tls.write, data)
        return count

    def sendall(self, data: Any) -> None:
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

    def getpeercert(self, binary_form: bool = False) -> Any:
        return self._tls.getpeercert(binary_form)

    def version(self) -> str | None:
        return self._tls.version()

    def cipher(self) -> tuple[str, str, int] | None:
        return self._tls.cipher()

    def selected_alpn_protocol(self) -> str | None:
        return self._tls.selected_alpn_protocol()

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
