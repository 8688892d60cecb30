"""What a sandbox streams until one of both ends: to a descriptor of this command's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runsc.failure import RuntimeFailure
from sandbox.boot import libc

if TYPE_CHECKING:
    from runsc.container.container import Container
    from sandbox.control.wire import Body

CHUNK = 1 << 16


def follow(container: Container, kind: int, body: Body, out: int, name: str) -> None:
    """Ask for it, and copy to `out` (called `name`) until the sandbox or the reader ends. RuntimeFailure."""
    ours, theirs = libc.stream_pair()
    try:
        container.call(kind, body, fds=(theirs,))
    finally:
        os.close(theirs)
    while True:
        try:
            data = os.read(ours, CHUNK)
        except ConnectionResetError:  # the sandbox ended with something of ours unread
            return
        if not data:
            return
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(out, left) :]
        except OSError as error:
            raise RuntimeFailure(f"{name}: {os.strerror(error.errno or 0)}") from None
