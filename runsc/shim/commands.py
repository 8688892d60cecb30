"""Runtime commands as children of the shim: forked with the modules already there, so that nothing has to be imported."""

from __future__ import annotations

import json
import os
import signal
from typing import Callable, Final, Sequence

from runsc.shim.loop import READ, Loop

OUTPUT_MOST: Final = 1 << 20
ERRORS_MOST: Final = 64  # lines that are told at a time
Done = Callable[[int, bytes], None]


class Commands:
    """`run` them; `ended` hears of every child of the shim's and says whether it was a command."""

    def __init__(self, loop: Loop, flags: Sequence[str]) -> None:
        self.loop = loop
        self.flags = list(flags)
        self._running: dict[int, tuple[Done, int, bytearray]] = {}

    def run(self, words: Sequence[str], done: Done, stdio: tuple[int, int, int] | None = None) -> None:
        """`done(exit status, output)`. `stdio`: the command's descriptors; otherwise its output is read. OSError."""
        out_read, out = (-1, -1) if stdio is not None else os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            self._become(words, stdio, out)
        output = bytearray()
        self._running[pid] = (done, out_read, output)
        if stdio is None:
            os.close(out)
            os.set_blocking(out_read, False)
            self.loop.watch(out_read, READ, lambda mask: self._take(out_read, output))

    def ended(self, pid: int, status: int) -> bool:
        """True: it was one of ours."""
        found = self._running.pop(pid, None)
        if found is None:
            return False
        done, fd, output = found
        if fd >= 0:
            while self._read(fd, output):
                pass
            self.loop.unwatch(fd)
            os.close(fd)
        done(os.waitstatus_to_exitcode(status), bytes(output))
        return True

    def _take(self, fd: int, output: bytearray) -> None:
        self._read(fd, output)

    def _read(self, fd: int, output: bytearray) -> bool:
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            self.loop.unwatch(fd)
        if len(output) < OUTPUT_MOST:
            output += data
        return bool(data)

    def _become(self, words: Sequence[str], stdio: tuple[int, int, int] | None, out: int) -> None:
        status = 1
        streams = stdio is not None
        try:
            self.loop.forget()
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            if stdio is None:
                null = os.open(os.devnull, os.O_RDWR)
                stdio = (null, out, null)
            safe = [os.dup(os.dup(os.dup(fd))) if fd < 3 else fd for fd in stdio]
            for at, fd in enumerate(safe):
                os.dup2(fd, at)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            from runsc.cli import run_command_line

            status = run_command_line([*self.flags, *words], streams)
        finally:
            os._exit(status)


def size_of(path: str) -> int:
    """In bytes; 0 of a file that is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def errors_in(path: str, begin: int) -> list[str]:
    """The last errors in a log of JSON lines, of what was written there after `begin`."""
    try:
        with open(path, "rb") as file:
            file.seek(begin)
            lines = file.read(OUTPUT_MOST).splitlines()
    except OSError:
        return []
    found: list[str] = []
    for line in lines:
        try:
            entry: object = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") == "error":
            found.append(str(entry.get("msg")))
    return found[-ERRORS_MOST:]
