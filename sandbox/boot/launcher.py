"""The launcher: the process that the user started and waits for.

It makes the namespaces, forks the sentry into them, owns the user's terminal, forwards signals, keeps the
time-out, and ends with the exit status of the sandbox's first process. It never touches a guest.

When the launcher dies the sentry is killed with it (PR_SET_PDEATHSIG), and the sentry is PID 1 of the PID
namespace that holds every guest: nothing is left on the host. What a sandbox holds of the host beyond that is
given back by a keeper (keeper.py).
"""

from __future__ import annotations

import os
import select
import time
from typing import Callable, Final

from sandbox import host_signal as signal
from sandbox.boot import channel, libc
from sandbox.boot.holdings import Holdings
from sandbox.boot.host_checks import HostLacks, check_this_host, why_no_process
from sandbox.boot.namespaces import isolate
from sandbox.boot.options import SandboxOptions
from sandbox.boot.terminal import HostTerminal, is_ours_alone

SILENCE_MS: Final = 60_000  # that a sandbox may take for each step of its start
GRACE_NS: Final = 2_000_000_000  # between asking the sentry to end everything and killing it


class Outcome:
    """How a run ended. `failure`: the sandbox's own trouble, as one line; then `status` is an exit status to
    use (0: the front end's). Otherwise `status` is the first process's wait status."""

    __slots__ = ("status", "failure", "timed_out")

    def __init__(self, status: int, failure: str = "", timed_out: bool = False) -> None:
        self.status = status
        self.failure = failure
        self.timed_out = timed_out


def launch(options: SandboxOptions, tell: Callable[[str], None]) -> Outcome:
    """Run the sandbox to its end. `tell` gets lines for the user. Raises HostLacks."""
    options.platform = check_this_host(options.platform)
    if options.terminal:
        leave_keys_to_the_foreground(options)
        options.window = next((HostTerminal(fd).window() for fd in options.stdio if os.isatty(fd)), options.window)
    holdings = Holdings(options)
    try:
        return _launch(options, tell, holdings)
    finally:
        failure = holdings.finish()
        if failure:
            tell(failure)


def _launch(options: SandboxOptions, tell: Callable[[str], None], holdings: Holdings) -> Outcome:
    options.note_places()
    isolate(os.geteuid(), os.getegid(), options.network.kind in ("none", "internal"))
    ours, theirs = libc.socketpair()
    try:
        pid = os.fork()
    except OSError as error:
        raise HostLacks(why_no_process(os.strerror(error.errno or 0))) from None
    if pid == 0:
        status = 1
        try:
            os.close(ours)
            from sandbox.boot.sentry import sentry_main

            sentry_main(options, theirs, holdings)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    for fd in options.donated() - {0, 1, 2, options.log_fd}:
        os.close(fd)
    return Launcher(pid, ours, options, tell).run()


def leave_keys_to_the_foreground(options: SandboxOptions) -> None:
    """Started in the background, the sandbox must not take the keys that are meant for somebody else: it reads
    nothing, as if from /dev/null."""
    keys = HostTerminal(options.stdio[0])
    if keys.is_terminal and not keys.in_foreground():
        options.stdio = (os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), *options.stdio[1:])


class Launcher:
    """Waits for one sentry."""

    def __init__(self, pid: int, link: int, options: SandboxOptions, tell: Callable[[str], None]) -> None:
        self._pid = pid
        self._fd = link
        self._tell = tell
        self._terminal: HostTerminal | None = None
        self._takes_keys = is_ours_alone(options.stdio)
        if options.terminal:
            fd = next((fd for fd in options.stdio if os.isatty(fd)), options.stdio[0])
            self._terminal = HostTerminal(fd, shared=not self._takes_keys)
        self._timeout_ns = options.limits.timeout_ns
        self._wait_status: int | None = None
        self._failure = ""
        self._failure_status = 0
        self._timed_out = False
        self._killed = False
        self.on_ready: Callable[[], None] | None = None  # a container: hooks may run
        self._created = False

    def until_created(self) -> Outcome | None:
        """A container: serve the sentry until its first program is loaded; the outcome when that fails, with the
        sentry gone, or silent for too long."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while not self._created:
            if not poll.poll(SILENCE_MS):
                return Outcome(0, "the sandbox does not come up: is its process stopped?")
            if not self._receive():
                return self._outcome()
        return None

    def take_terminal(self) -> None:
        """Raw, where it is wanted so; `run` does it too, but what a container's program prints first may be earlier."""
        if self._terminal is not None:
            self._take_keys()
            self._send_window()

    def leave_terminal(self) -> None:
        """As it was."""
        if self._terminal is not None:
            self._terminal.restore()

    def run(self) -> Outcome:
        """Until the sentry is gone; the terminal is as it was afterwards."""
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        previous = signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, _wake) for number in (*signal.FORWARDED, signal.SIGWINCH)}
        for number in [number for number, handler in handlers.items() if handler == signal.SIG_IGN]:
            signal.signal(number, handlers.pop(number))
        try:
            self.take_terminal()
            self._serve(wake_read)
        finally:
            self.leave_terminal()
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(previous)
            os.close(wake_read)
            os.close(wake_write)
            os.close(self._fd)
        return self._outcome()

    def _serve(self, wake_fd: int) -> None:
        deadline = time.monotonic_ns() + self._timeout_ns if self._timeout_ns else None
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(wake_fd, select.POLLIN)
        while True:
            left = None if deadline is None else max(0, deadline - time.monotonic_ns())
            events = poll.poll(None if left is None else (left + 999_999) // 1_000_000)
            if left == 0:
                deadline = self._time_is_up()
            for fd, _mask in events:
                if fd == wake_fd:
                    self._forward(os.read(wake_fd, 512))
                elif not self._receive():
                    return

    def _time_is_up(self) -> int | None:
        """The first time ask, the second time kill."""
        if self._timed_out:
            self._killed = True
            os.kill(self._pid, signal.SIGKILL)
            return None
        self._timed_out = True
        channel.send(self._fd, channel.TIMEOUT)
        return time.monotonic_ns() + GRACE_NS

    def _forward(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGWINCH:
                self._send_window()
            else:
                if number == signal.SIGCONT and self._terminal is not None:
                    self._take_keys()
                    self._send_window()
                channel.send(self._fd, channel.SIGNAL, bytes([number]))

    def _take_keys(self) -> None:
        """Now if they are wanted and we are in the foreground, else when that is so."""
        if self._takes_keys and self._terminal is not None and self._terminal.set_raw():
            channel.send(self._fd, channel.KEYS)

    def _send_window(self) -> None:
        if self._terminal is not None:
            channel.send(self._fd, channel.WINDOW, self._terminal.window())

    def _receive(self) -> bool:
        message = channel.receive(self._fd)
        if message is None:
            return False
        kind, payload = message
        if kind == channel.EXITED:
            self._wait_status = channel.unpack_status(payload)
        elif kind == channel.FAILED:
            self._failure_status = payload[0]
            self._failure = payload[1:].decode("utf-8", "replace")
        elif kind == channel.WANTED:
            self._takes_keys = True
            self._take_keys()
        elif kind == channel.READY and self.on_ready is not None:
            self.on_ready()
            channel.send(self._fd, channel.GO)
        elif kind == channel.CREATED:
            self._created = True
        elif kind in (channel.NOTICE, channel.SUMMARY):
            self._tell(payload.decode("utf-8", "replace"))
        return True

    def _outcome(self) -> Outcome:
        try:
            _, status = os.waitpid(self._pid, 0)
        except ChildProcessError:  # a container that is somebody else's
            status = 0
        if self._failure:
            return Outcome(self._failure_status, self._failure)
        if self._wait_status is not None:
            # What ended by itself at the last moment did not time out.
            return Outcome(self._wait_status, timed_out=self._timed_out and self._wait_status == signal.SIGKILL)
        if self._killed:
            return Outcome(int(signal.SIGKILL), timed_out=True)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return Outcome(0, f"the sandbox's kernel was killed by signal {number}")
        return Outcome(0, f"the sandbox's kernel ended unexpectedly (status {os.WEXITSTATUS(status)})")


def _wake(number: int, frame: object) -> None:
    """The wake-up descriptor carries the number; nothing to do here."""
