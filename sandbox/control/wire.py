"""Frames of the control protocol: a header, a JSON object, and descriptors beside its first byte (unix(7): SCM_RIGHTS).

The header is magic, version, kind and length in the machine's byte order: both ends are on one host. Whatever a
frame says, nobody reads more than `BODY_LIMIT` bytes or takes more than `FDS_LIMIT` descriptors for it.
"""

from __future__ import annotations

import _socket
import os
import struct
from typing import Final, Sequence

from sandbox import plain_json

VERSION: Final = 1
BODY_LIMIT: Final = 4 << 20
FDS_LIMIT: Final = 253  # SCM_MAX_FD (include/net/scm.h)
HEADER: Final = struct.Struct("=4sHHI")
_MAGIC: Final = b"sbxc"
_INT: Final = 4  # bytes of an int
ANCILLARY: Final = _socket.CMSG_SPACE(FDS_LIMIT * _INT)

# requests
START: Final = 1
STATE: Final = 2
EXEC: Final = 3
SIGNAL: Final = 4
WAIT: Final = 5
PS: Final = 6
STATS: Final = 7
PAUSE: Final = 8
RESUME: Final = 9
RESIZE: Final = 10
UPDATE: Final = 11
CREATE: Final = 12  # one more container: lives as long as its connection
REMOVE: Final = 13  # everything of it
STACKS: Final = 14
TRACE: Final = 15  # on: to the descriptor that comes with it; off
FORWARD: Final = 16  # the stream that comes with it, to a port of the sandbox's loopback
NETWORK: Final = 17  # list, capture, impair, allow, deny
EVENTS: Final = 18  # over the socket that comes with it
CHECKPOINT: Final = 19  # to the file that comes with it
PROFILE: Final = 20  # of the sandbox's kernel, for so many seconds
REQUESTS: Final = (
    START, STATE, EXEC, SIGNAL, WAIT, PS, STATS, PAUSE, RESUME, RESIZE, UPDATE, CREATE, REMOVE, STACKS, TRACE,
    FORWARD, NETWORK, EVENTS, CHECKPOINT, PROFILE,
)  # fmt: skip
# answers
OK: Final = 64
REFUSED: Final = 65
EXITED: Final = 66

Body = dict[str, object]


class BadFrame(Exception):
    """What came is not a frame of this protocol; `str()` says why."""


class Frame:
    """`kind`, a body and the descriptors that came with it, which are the receiver's."""

    __slots__ = ("kind", "body", "fds")

    def __init__(self, kind: int, body: Body, fds: list[int]) -> None:
        self.kind = kind
        self.body = body
        self.fds = fds

    def close(self) -> None:
        """Close the descriptors that nobody has taken."""
        for fd in self.fds:
            os.close(fd)
        self.fds = []


def encode(kind: int, body: Body) -> bytes:
    """BadFrame when it is too large."""
    text = plain_json.dumps(body, (",", ":")).encode("ascii")
    if len(text) > BODY_LIMIT:
        raise BadFrame(f"{len(text)} bytes are more than a message may have ({BODY_LIMIT})")
    return HEADER.pack(_MAGIC, VERSION, kind, len(text)) + text


def rights(fds: Sequence[int]) -> list[tuple[int, int, bytes]]:
    """The ancillary data that carries `fds`."""
    return [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"={len(fds)}i", *fds))] if fds else []


def received(ancillary: Sequence[tuple[int, int, bytes]]) -> list[int]:
    """The descriptors in ancillary data."""
    found: list[int] = []
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            found += struct.unpack(f"={len(data) // _INT}i", data[: len(data) // _INT * _INT])
    return found


class Decoder:
    """Turns bytes into frames. What it holds is bounded by one frame and one read."""

    __slots__ = ("_data", "_fds")

    def __init__(self) -> None:
        self._data = bytearray()
        self._fds: list[int] = []

    def feed(self, data: bytes, fds: list[int]) -> None:
        """What was read. BadFrame for too many descriptors."""
        self._data += data
        self._fds += fds
        if len(self._fds) > FDS_LIMIT:
            self.close()
            raise BadFrame(f"more than {FDS_LIMIT} descriptors")

    def next(self) -> Frame | None:
        """A whole frame, None when there is none yet. BadFrame."""
        data = self._data
        if len(data) < HEADER.size:
            return None
        magic, version, kind, length = HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise BadFrame("not a control message")
        if version != VERSION:
            raise BadFrame(f"version {version} of the control protocol; this is version {VERSION}")
        if length > BODY_LIMIT:
            raise BadFrame(f"{length} bytes are more than a message may have ({BODY_LIMIT})")
        end = HEADER.size + length
        if len(data) < end:
            return None
        try:
            body: object = plain_json.loads(data[HEADER.size : end].decode("utf-8"))
        except (ValueError, RecursionError):
            raise BadFrame("the body is not JSON") from None
        if not isinstance(body, dict):
            raise BadFrame("the body is not an object")
        del data[:end]
        fds, self._fds = self._fds, []
        return Frame(kind, body, fds)

    def close(self) -> None:
        """Give up: descriptors of a frame that never became whole are closed."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []
        self._data.clear()
