"""What the shim has to say of itself. containerd reads a FIFO `log` in the bundle, and copies it to its own log."""

from __future__ import annotations

import os
import stat
import time
from typing import Final

from sandbox.text import quote, timestamp

NAME: Final = "log"
FRAMES: Final = 20  # of a traceback


class Log:
    """Lines as containerd writes them. What nobody reads is lost: the shim does not wait for it."""

    def __init__(self, path: str = NAME) -> None:
        self._fd = -1
        try:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            self._fd = fd
        else:
            os.close(fd)

    def error(self, text: str, name: str = "") -> None:
        """One line. `name`: of the container that it is about."""
        about = f" id={quote(name)}" if name else ""
        line = f"time={quote(timestamp(time.time_ns()))} level=error msg={quote(text)}{about} runtime=runsc\n"
        try:
            if self._fd >= 0:
                os.write(self._fd, line.encode("ascii", "backslashreplace"))
        except OSError:
            pass

    def bug(self, error: Exception) -> None:
        """An exception that nobody expected, whole."""
        import traceback

        for line in "".join(traceback.format_exception(error, limit=-FRAMES)).splitlines():
            self.error(line)
