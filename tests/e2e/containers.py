"""Driving the runtime as containerd's shim does: a subreaper that creates containers, waits for the host process that
stands for each and reads how it ended."""

from __future__ import annotations

import array
import ctypes
import json
import os
import pty
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

from tests.e2e.bundles import change
from tests.e2e.conftest import BOUND_S, ROOT, Result, command, processes_of, runsc

PR_SET_CHILD_SUBREAPER = 36


def set_subreaper(on: bool) -> None:
    """Orphans below us become our children."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) == 0


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what


class Shim:
    """One ROOT and one bundle."""

    def __init__(self, bundle: Path) -> None:
        set_subreaper(True)
        self.bundle = bundle
        self.root = bundle / "state"
        self.log = bundle / "log.json"
        self.sentries: list[int] = []

    def call(self, *words: str, stdin: str = "") -> Result:
        """One command, as the shim words it."""
        return runsc("--root", str(self.root), "--log", str(self.log), "--log-format", "json", *words, stdin=stdin)

    def last_error(self) -> str:
        """What the shim tells its user: the last line of the log, which is an error."""
        entry = json.loads(self.log.read_text().splitlines()[-1])
        assert entry["level"] == "error"
        return str(entry["msg"])

    def create(self, name: str, *words: str, **parts: Any) -> int:
        """A container that runs `words`; the host process that stands for it. Its output goes to the file `name`.out."""
        if words:
            change(self.bundle, process__args=list(words))
        if parts:
            change(self.bundle, **parts)
        pid_file = self.bundle / f"{name}.pid"
        with open(self.out(name), "wb") as out:
            argv = command("--root", str(self.root), "--log", str(self.log), "--log-format", "json")
            argv += ["create", "--bundle", str(self.bundle), "--pid-file", str(pid_file), name]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT, timeout=BOUND_S)
        assert done.returncode == 0, self.out(name).read_text()
        pid = int(pid_file.read_text())
        self.sentries.append(pid)
        return pid

    def start(self, name: str, *words: str, **parts: Any) -> int:
        """The same, started."""
        pid = self.create(name, *words, **parts)
        result = self.call("start", name)
        assert result.status == 0, result
        return pid

    def out(self, name: str) -> Path:
        return self.bundle / f"{name}.out"

    def status(self, name: str) -> str:
        result = self.call("state", name)
        return str(json.loads(result.out)["status"]) if result.status == 0 else ""

    def says(self, name: str, text: str) -> None:
        """Wait until the container has printed it."""
        eventually(
            lambda: text in self.out(name).read_text(), f"{name} does not say {text!r}: {self.out(name).read_text()}"
        )

    def reap(self, pid: int) -> int:
        """Wait for a child, as the shim does: its exit status."""
        fd = os.pidfd_open(pid)
        try:
            assert select.select([fd], [], [], BOUND_S)[0], f"process {pid} does not end"
        finally:
            os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self) -> None:
        """Delete by force whatever there is, and see that nothing is left."""
        namespaces = [
            space for space in map(pid_namespace, self.sentries) if space not in ("", pid_namespace(os.getpid()))
        ]
        for name in os.listdir(self.root) if self.root.exists() else []:
            result = self.call("delete", "--force", name)
            assert result.status == 0, result
        for namespace in namespaces:
            eventually(lambda space=namespace: not processes_of(space), "processes are left")  # type: ignore[misc]
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        set_subreaper(False)
        assert not self.root.exists() or os.listdir(self.root) == []


def pid_namespace(pid: int) -> str:
    """Empty for one that has ended."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


class ConsoleSocket:
    """What waits for a terminal's master."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "console.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        self._listener.settimeout(BOUND_S)

    def master(self) -> int:
        """The descriptor that was sent; the message names it."""
        peer, _ = self._listener.accept()
        with peer:
            data, ancillary, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
        self._listener.close()
        assert data.startswith(b"/dev/pts/")
        return array.array("i", ancillary[0][2])[0]


def read_until(fd: int, text: bytes) -> bytes:
    """From a terminal."""
    found = b""
    while text not in found:
        assert select.select([fd], [], [], BOUND_S)[0], found
        found += os.read(fd, 4096)
    return found


def talk(argv: list[str], word: bytes, typed: bytes) -> tuple[bytes, int]:
    """A command on a terminal: when it prints `word`, type. All that it printed, and its status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    found = b""
    try:
        while True:
            assert select.select([fd], [], [], BOUND_S)[0], found
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            before, found = word in found, found + data
            if word in found and not before:
                os.write(fd, typed)
    finally:
        os.close(fd)
    return found, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
