"""Lines for the user while a guest runs, in their place among what the guest writes to the same descriptor."""

from __future__ import annotations

import os
import select
from typing import Final

from sandbox.text import printable

ATOMIC: Final = 4096  # PIPE_BUF: what a pipe that polls as writable takes whole


def write_line(fd: int, line: str) -> bool:
    """Write it at once, before the call that it speaks of returns. False when the launcher has to: on a terminal,
    whose settings are its business, or when `fd` would make us wait."""
    data = f"runsc: {printable(line)}\n".encode("utf-8", "backslashreplace")
    if len(data) > ATOMIC or os.isatty(fd):
        return False
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if not any(events == select.POLLOUT for _, events in poll.poll(0)):
        return False
    try:
        os.write(fd, data)
    except OSError:
        return False
    return True
