"""The host process that stands for a process inside: whoever waits for it learns how that one ended, whoever signals
it signals that one, and when it is killed that one is.

In the foreground it is the command itself; with --detach it is a child that is left behind.
"""

from __future__ import annotations

import os
import select
import signal
from typing import Final, NoReturn

from runsc.container.console import open_terminal
from runsc.container.container import Container
from runsc.container.pid_file import write_pid
from runsc.container.pidfd_socket import FURTHER, send_pidfd
from runsc.failure import RuntimeFailure, as_go_spells
from runsc.oci import program_of
from runsc.spec.types import Process
from sandbox.boot.exit_status import exit_status
from sandbox.boot.terminal import HostTerminal, own_terminal
from sandbox.control import wire
from sandbox.control.client import ControlClient, Refused, SandboxGone, SandboxSilent
from sandbox.control.messages import ENCODING, program_body
from sandbox.control.wire import BadFrame

FORWARDED: Final = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
KILLED: Final = 9
FAILURE: Final = 255


class Execution:
    """`run` it."""

    what = "exec failed"
    title = b"runsc-exec"
    kind = FURTHER

    def __init__(self, container: Container, process: Process, preserve_fds: int) -> None:
        self.container = container
        self.process = process
        self.preserve_fds = preserve_fds
        self.ignore_paused = False  # it begins once a paused container goes on
        self.pidfd_socket = ""
        self.cgroup = ""  # below the container's
        self.client: ControlClient
        self.terminal = -1  # the host's terminal that it has

    def run(self, detached: bool, console_socket: str, pid_file: str) -> int:
        """The exit status; 0 when detached. RuntimeFailure when it does not run."""
        if self.process.terminal and not detached and not os.isatty(0):
            raise RuntimeFailure("--tty: stdin is not a terminal")
        if detached:
            return self._leave_behind(console_socket, pid_file)
        self.terminal = 0 if self.process.terminal else -1
        wake = self._catch_signals()
        host = HostTerminal(0) if self.process.terminal else None
        try:
            if host is not None:
                host.set_raw()  # before it can print anything
            self._begin((0, 1, 2))
            if pid_file:
                write_pid(pid_file, os.getpid())
            if self.pidfd_socket:
                send_pidfd(self.pidfd_socket, os.getpid(), self.kind)
            return exit_status(self._wait(wake))
        finally:
            if host is not None:
                host.restore()

    def _begin(self, stdio: tuple[int, int, int]) -> None:
        body = program_body(program_of(self.process))
        if self.process.terminal:
            window = HostTerminal(stdio[0]).window()
            body |= {"terminal": True, **sizes(window)}
        if self.cgroup:
            body["cgroup"] = os.fsencode(self.cgroup).decode(ENCODING)
        if self.ignore_paused:
            body["ignore_paused"] = True
        fds = (*stdio, *range(3, 3 + self.preserve_fds))
        try:
            self.client = self.container.connect()
            self.client.send(wire.EXEC, body, fds)
            self.client.receive(-1 if self.ignore_paused else None)
        except Refused as refusal:
            raise RuntimeFailure(f"exec failed: {as_go_spells(str(refusal))}", FAILURE) from None
        except (SandboxGone, SandboxSilent, BadFrame) as error:
            raise RuntimeFailure(f"exec failed: {error}", FAILURE) from None

    def _catch_signals(self) -> int:
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (*FORWARDED, signal.SIGWINCH):
            signal.signal(number, _noted)
        return wake_read

    def _wait(self, wake: int) -> int:
        """The wait status."""
        client = self.client
        poll = select.poll()
        poll.register(client.fileno(), select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            try:
                frame = client.pending()
                if frame is not None and frame.kind == wire.EXITED:
                    status = frame.body.get("status")
                    return status if isinstance(status, int) else KILLED
                for fd, _ in poll.poll() if frame is None else ():
                    if fd == wake:
                        self._forward(os.read(wake, 512))
                    else:
                        client.read()
            except (SandboxGone, SandboxSilent, Refused):
                return KILLED  # the container has ended, and everybody in it

    def _forward(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGWINCH:
                if self.terminal >= 0:
                    self.client.send(wire.RESIZE, dict(sizes(HostTerminal(self.terminal).window())))
            else:
                self.client.send(wire.SIGNAL, {"signal": number})

    # --- detached ---

    def _leave_behind(self, console_socket: str, pid_file: str) -> int:
        told_read, told = os.pipe2(os.O_CLOEXEC)
        stdio = (0, 1, 2)
        if self.process.terminal:
            slave = open_terminal(console_socket, self.process.rows, self.process.columns)
            stdio = (slave, slave, slave)
        pid = os.fork()
        if pid == 0:
            self._stand_in(stdio, told)
        os.close(told)
        said = os.read(told_read, 1 << 16)
        os.close(told_read)
        if said != b"r":
            os.waitpid(pid, 0)
            raise RuntimeFailure(said[1:].decode("utf-8", "replace") or f"{self.what}: its process was killed", FAILURE)
        try:
            if pid_file:
                write_pid(pid_file, pid)
            if self.pidfd_socket:
                send_pidfd(self.pidfd_socket, pid, self.kind)
        except RuntimeFailure:
            os.kill(pid, signal.SIGKILL)
            raise
        return 0

    def _stand_in(self, stdio: tuple[int, int, int], told: int) -> NoReturn:
        status = FAILURE
        try:
            from sandbox.boot import libc

            os.setsid()
            libc.set_name(self.title)
            if self.process.terminal:
                self.terminal = stdio[0]
                own_terminal(self.terminal)
            wake = self._catch_signals()
            try:
                self._begin(stdio)
            except RuntimeFailure as failure:
                os.write(told, b"!" + str(failure).encode("utf-8", "replace"))
                os._exit(status)
            self._let_go(stdio)
            os.write(told, b"r")
            os.close(told)
            status = exit_status(self._wait(wake))
        finally:
            os._exit(status)

    def _let_go(self, stdio: tuple[int, int, int]) -> None:
        """The process inside has them now; whoever reads the other ends must not wait for us."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        for fd in range(3, 3 + self.preserve_fds):
            os.close(fd)


def sizes(window: bytes) -> dict[str, int]:
    """Of struct winsize."""
    return {"rows": int.from_bytes(window[:2], "little"), "columns": int.from_bytes(window[2:4], "little")}


def _noted(number: int, frame: object) -> None:
    """The wake-up descriptor carries the number; nothing to do here."""
