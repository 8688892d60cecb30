"""ttrpc: requests and answers over a stream socket (github.com/containerd/ttrpc, PROTOCOL.md).

A frame is a header (length, stream, type, flags; big endian) and a protocol buffer of at most 4 MiB.
"""

from __future__ import annotations

import _socket
import os
import struct
from typing import Callable, Final

from runsc.shim.loop import READ, WRITE, Loop
from runsc.shim.protobuf import BadMessage, Fields, message
from sandbox.control.backlog import send_pending

HEADER: Final = struct.Struct(">IIBB")
LIMIT: Final = 4 << 20
REQUEST: Final = 1
RESPONSE: Final = 2
READ_SIZE: Final = 1 << 16
BACKLOG: Final = 2 * LIMIT  # bytes that a peer may leave unread

# google.rpc.Code
OK: Final = 0
UNKNOWN: Final = 2
INVALID_ARGUMENT: Final = 3
NOT_FOUND: Final = 5
ALREADY_EXISTS: Final = 6
FAILED_PRECONDITION: Final = 9
UNIMPLEMENTED: Final = 12


class CallError(Exception):
    """What a call is answered in place of a result."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class BadFrame(Exception):
    """The connection is of no use any more."""


def frame(stream: int, kind: int, payload: bytes) -> bytes:
    """One frame."""
    return HEADER.pack(len(payload), stream, kind, 0) + payload


class Decoder:
    """Bytes into frames: stream, kind and payload. Holds at most one frame and one read."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """What was read."""
        self._data += data

    def next(self) -> tuple[int, int, bytes] | None:
        """A whole frame, None when there is none yet. BadFrame."""
        if len(self._data) < HEADER.size:
            return None
        length, stream, kind, _ = HEADER.unpack_from(self._data)
        if length > LIMIT:
            raise BadFrame(f"{length} bytes are more than a message may have")
        end = HEADER.size + length
        if len(self._data) < end:
            return None
        payload = bytes(self._data[HEADER.size : end])
        del self._data[:end]
        return stream, kind, payload


class Request:
    """One call. It is answered once, now or later; nobody minds when the caller is gone by then."""

    def __init__(self, connection: Connection, stream: int, service: str, method: str, body: Fields) -> None:
        self.service = service
        self.method = method
        self.body = body
        self._connection = connection
        self._stream = stream
        self._answered = False

    def answer(self, payload: bytes = b"") -> None:
        """The result."""
        self._send(message((2, payload)))

    def refuse(self, code: int, text: str) -> None:
        """An error."""
        self._send(message((1, message((1, code), (2, text[:4096])))))

    def failed(self, error: Exception) -> None:
        """The error that an exception stands for; one that nobody foresaw is told as a bug, too."""
        if isinstance(error, CallError):
            self.refuse(error.code, str(error))
        elif isinstance(error, BadMessage):
            self.refuse(INVALID_ARGUMENT, str(error))
        elif isinstance(error, OSError):
            self.refuse(UNKNOWN, f"{error.filename or self.method}: {os.strerror(error.errno or 0)}")
        else:
            self.refuse(UNKNOWN, f"{self.method}: {type(error).__name__}: {error}")
            self._connection.loop.on_bug(error)

    def _send(self, payload: bytes) -> None:
        if not self._answered:
            self._answered = True
            self._connection.send(frame(self._stream, RESPONSE, payload))


class Connection:
    """A client of ours. Streams of requests are odd and only ever used once; what is unfit hangs up."""

    def __init__(self, loop: Loop, sock: _socket.socket, serve: Callable[[Request], None]) -> None:
        self.loop = loop
        self._socket = sock
        self._serve = serve
        self._decoder = Decoder()
        self._out = bytearray()
        self.closed = False
        loop.watch(sock.fileno(), READ, self._ready)

    def send(self, data: bytes) -> None:
        """Now, or when there is room."""
        if not self.closed:
            self._out += data
            self._flush()

    def _ready(self, mask: int) -> None:
        if mask & WRITE:
            self._flush()
        if self.closed or not mask & ~WRITE:
            return
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._decoder.feed(data)
        try:
            while not self.closed:
                found = self._decoder.next()
                if found is None:
                    break
                self._take(*found)
        except (BadFrame, BadMessage):
            self.close()

    def _take(self, stream: int, kind: int, payload: bytes) -> None:
        if kind != REQUEST or stream % 2 == 0:
            raise BadFrame("not a request")
        fields = Fields(payload)
        service, method, data = fields.text(1), fields.text(2), fields.data(3)
        request = Request(self, stream, service, method, Fields(b""))
        try:
            request.body = Fields(data)
            self._serve(request)
        except Exception as error:  # noqa: BLE001
            request.failed(error)

    def _flush(self) -> None:
        if not send_pending(self._socket, self._out, BACKLOG):
            self.close()
            return
        self.loop.change(self._socket.fileno(), READ | WRITE if self._out else READ)

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            self.loop.unwatch(self._socket.fileno())
            self._socket.close()
