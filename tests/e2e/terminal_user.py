"""Somebody at a pseudo-terminal, at which a sandbox was started."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import termios
import time

from tests.e2e.conftest import ROOT, command

BOUND_S = 30.0


class TerminalUser:
    """Somebody at a terminal: types, waits for text, resizes. `in_shell`: the sandbox is started by a shell that says
    its status and stays: when the first process of a terminal ends, what was not read yet is lost."""

    def __init__(self, *words: str, in_shell: bool = False) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            line = command("do", *words)
            if in_shell:
                line = ["/bin/sh", "-c", f"{shlex.join(line)}; echo status $?; read held"]
            os.execvp(line[0], line)
        self.seen = b""
        self.status: int | None = None

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def expect(self, text: str) -> str:
        """Read on until `text` has come; what came up to its end."""
        wanted = text.encode()
        deadline = time.monotonic() + BOUND_S
        while wanted not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"waiting for {text!r}, got {self.seen!r}"
            assert self._read(), f"the end came before {text!r}, got {self.seen!r}"
        at = self.seen.index(wanted) + len(wanted)
        got, self.seen = self.seen[:at], self.seen[at:]
        return got.decode()

    def press_until(self, keys: str, text: str) -> str:
        """Press `keys` again whenever nothing comes for a while: a program that is drawing may miss a signal."""
        deadline = time.monotonic() + BOUND_S
        while time.monotonic() < deadline:
            self.type(keys)
            while text.encode() not in self.seen and select.select([self.fd], [], [], 2.0)[0]:
                assert self._read(), f"the end came before {text!r}, got {self.seen!r}"
            if text.encode() in self.seen:
                break
        return self.expect(text)

    def _read(self) -> bool:
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def end(self) -> int:
        """Read to the end; the exit status."""
        deadline = time.monotonic() + BOUND_S
        while True:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"it does not end, got {self.seen!r}"
            if not self._read():
                break
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
