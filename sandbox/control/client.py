"""The runtime's end of the control socket: one request at a time, each with a bound on how long it may take."""

from __future__ import annotations

import _socket
import errno
import os
import select
import struct
import time
from typing import Final, Sequence

from sandbox.control import wire
from sandbox.control.wire import BadFrame, Body, Decoder, Frame

SOCKET_NAME: Final = "control"
TIMEOUT_S: Final = 10.0
_TIMEVAL: Final = struct.Struct("=qq")


class SandboxGone(Exception):
    """Nobody listens, or whoever did has ended."""


class SandboxSilent(Exception):
    """It does not answer in time: it is stopped, or busy beyond reason."""


class Refused(Exception):
    """The sandbox says no: `code` for programs, `str()` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ControlClient:
    """A connection to the sandbox whose state lies in `directory`. SandboxGone."""

    def __init__(self, directory: str, timeout_s: float = TIMEOUT_S) -> None:
        self.timeout_s = timeout_s
        self._decoder = Decoder()
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        # A full queue of connections is waited for, too, which it is only by a socket that blocks.
        timeout = _TIMEVAL.pack(int(timeout_s), int(timeout_s % 1 * 1_000_000))
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, timeout)
        try:
            at = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._socket.close()
            raise SandboxGone(os.strerror(error.errno or 0)) from None
        try:
            # A path of any length: sun_path has 108 bytes.
            self._socket.connect(f"/proc/self/fd/{at}/{SOCKET_NAME}")
        except OSError as error:
            self._socket.close()
            if error.errno == errno.EAGAIN:
                raise SandboxSilent("the sandbox does not answer") from None
            raise SandboxGone(os.strerror(error.errno or 0)) from None
        finally:
            os.close(at)

    def fileno(self) -> int:
        """For poll(2)."""
        return self._socket.fileno()

    def send(self, kind: int, body: Body, fds: Sequence[int] = ()) -> None:
        """One request. SandboxGone, SandboxSilent, BadFrame."""
        data = memoryview(wire.encode(kind, body))
        try:
            done = self._socket.sendmsg([data], wire.rights(fds))
            while done < len(data):
                done += self._socket.send(data[done:])
        except BlockingIOError:
            raise SandboxSilent("the sandbox does not take requests") from None
        except OSError as error:
            raise SandboxGone(os.strerror(error.errno or 0)) from None

    def receive(self, timeout_s: float | None = None) -> Frame:
        """One answer. `timeout_s`: this connection's bound unless given; negative: none. Refused, SandboxGone,
        SandboxSilent."""
        bound = self.timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + bound if bound >= 0 else None
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        while True:
            frame = self.pending()
            if frame is not None:
                return frame
            left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            if not poll.poll(left):
                raise SandboxSilent("the sandbox does not answer")
            self.read()

    def read(self) -> None:
        """Take what has come. SandboxGone."""
        try:
            data = self._socket.recv(1 << 16)
        except OSError as error:
            raise SandboxGone(os.strerror(error.errno or 0)) from None
        if not data:
            raise SandboxGone("the sandbox has ended")
        self._decoder.feed(data, [])

    def pending(self) -> Frame | None:
        """An answer that has come whole. Refused."""
        try:
            frame = self._decoder.next()
        except BadFrame as error:
            raise SandboxGone(str(error)) from None
        if frame is not None and frame.kind == wire.REFUSED:
            code, message = frame.body.get("code"), frame.body.get("message")
            raise Refused(str(code), str(message))
        return frame

    def call(self, kind: int, body: Body | None = None, fds: Sequence[int] = ()) -> Body:
        """A request and its answer."""
        self.send(kind, body or {}, fds)
        return self.receive().body

    def close(self) -> None:
        """Hang up: what hangs on this connection inside ends."""
        self._socket.close()
