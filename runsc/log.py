"""The runtime's log: `--log FILE`, in JSON lines or text, as runc writes it.

The last line of a failed run is the error. What a guest chose (names, paths, arguments) is escaped, so
that no guest can forge a line.
"""

from __future__ import annotations

import os

from sandbox.text import printable, quote, timestamp

__all__ = ("Log", "open_log", "printable", "quote", "timestamp")


class Log:
    """Appends lines to a descriptor; -1 writes nowhere. One write per line, so that processes can share the file. When the
    file takes no more (a full disk) the user is told, once, and the command goes on, as with runc."""

    __slots__ = ("fd", "json", "debug", "path")

    def __init__(self, fd: int = -1, json: bool = False, debug: bool = False, path: str = "") -> None:
        self.path = path
        self.fd = fd
        self.json = json
        self.debug = debug

    def write(self, level: str, message: str) -> None:
        """One line."""
        if self.fd < 0 or (level == "debug" and not self.debug):
            return
        import time

        when = timestamp(time.time_ns())
        if self.json:
            line = f'{{"level":"{level}","msg":{quote(message)},"time":"{when}"}}\n'
        else:
            line = f"time={when} level={level} msg={quote(message)}\n"
        try:
            os.write(self.fd, line.encode("ascii"))
        except OSError as error:
            self.fd = -1
            note = f"runsc: --log {printable(self.path)}: {os.strerror(error.errno or 0)}\n"
            try:
                os.write(2, note.encode("utf-8", "replace"))
            except OSError:
                pass  # there is nobody to be told


def open_log(path: str, json: bool, debug: bool) -> Log:
    """The log named on the command line; OSError when it cannot be opened."""
    if not path:
        return Log(-1, json, debug)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    return Log(fd, json, debug, path)
