"""The channel between the launcher and the sentry: datagrams on a socketpair.

Launcher → sentry: a signal to forward, a new terminal size, the keys, the time-out, an order to stop.
Sentry → launcher: started, a failure to start, the wish for keys, the exit status of the first process, the summary.
When one side is gone the other reads an end of file. Every message is one byte of kind and a payload.
"""

from __future__ import annotations

import os
import struct
from typing import Final

# launcher → sentry
SIGNAL: Final = b"s"  # one byte: the signal's number
WINDOW: Final = b"w"  # rows, columns, x and y pixels: four native shorts (struct winsize)
TIMEOUT: Final = b"t"  # end every process
KEYS: Final = b"k"  # the terminal is raw: what is typed is the sandbox's
ADOPTED: Final = b"a"  # a container's sentry is the launcher's child now, no longer the helper's that made it
JOINED: Final = b"j"  # it is in its control groups, and may make processes
GO: Final = b"g"  # hooks have run: build the network
# sentry → launcher
READY: Final = b"R"  # a container's namespaces are there: hooks may run
CREATED: Final = b"C"  # its first program is loaded and waits
STARTED: Final = b"S"
FAILED: Final = b"F"  # exit status as one byte, then the message
EXITED: Final = b"X"  # wait status as a native int
SUMMARY: Final = b"m"  # text for the user
NOTICE: Final = b"n"  # one line for the user
WANTED: Final = b"K"  # a program waits for keys

LIMIT: Final = 65536
_STATUS: Final = struct.Struct("=i")


def send(fd: int, kind: bytes, payload: bytes = b"") -> bool:
    """Send a message; False when the other side is gone or does not read."""
    try:
        os.write(fd, (kind + payload)[:LIMIT])
    except (BrokenPipeError, ConnectionResetError, BlockingIOError):
        return False
    return True


def receive(fd: int) -> tuple[bytes, bytes] | None:
    """One message, None at the end; BlockingIOError when there is none yet."""
    try:
        data = os.read(fd, LIMIT + 1)
    except ConnectionResetError:
        return None
    if not data:
        return None
    return data[:1], data[1:]


def pack_status(status: int) -> bytes:
    """A wait status (waitpid(2)) for EXITED."""
    return _STATUS.pack(status)


def unpack_status(payload: bytes) -> int:
    """The opposite."""
    status: int = _STATUS.unpack(payload)[0]
    return status
