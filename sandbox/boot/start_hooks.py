"""Hooks of the kind startContainer: programs inside that run, one after the other, before the first process does.

Each gets the container's state on its standard input and a bounded time; the first that fails ends it all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable

from sandbox.abi.linux.signal import SIGKILL
from sandbox.boot.first_program import ProgramStart
from sandbox.boot.signals import forward
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.boot.options import Program
    from sandbox.boot.start_failure import StartFailure
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.kernel.view import View
    from tcpip.bpf.opcodes import Insn
    from tcpip.timers import Timer


class StartHooks:
    """`done(failure)` when all have run or one has failed; the text is empty for success."""

    def __init__(
        self,
        kernel: Kernel,
        hooks: tuple[tuple[Program, int], ...],
        state: bytes,
        done: Callable[[str], None],
        view: View,
        seccomp: tuple[Insn, ...] = (),
    ) -> None:
        self.kernel = kernel
        self.view = view
        self.seccomp = seccomp
        self._left = list(hooks)
        self._at = -1  # the number of the one that runs
        self._program = ""  # its path
        self._state = state
        self._done = done
        self._timer: Timer | None = None
        self._timed_out = False
        self._fds: tuple[int, ...] = ()

    def run(self) -> None:
        """The next one."""
        if not self._left:
            self._done("")
            return
        program, bound_ns = self._left.pop(0)
        self._at += 1
        self._program = os.fsdecode(program.argv[0])
        start = ProgramStart(self.kernel, program, self._failed, self._running)
        start.view = self.view
        start.seccomp = self.seccomp
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._fds = (self._stdin(), null)
        start.stdio = (self._fds[0], null, null)
        if bound_ns:
            self._timer = self.kernel.reactor.call_at(
                self.kernel.clock.now_ns() + bound_ns, lambda: self._time_is_up(start)
            )
        start.begin()

    def _stdin(self) -> int:
        """The state in a file that has no other end to wait for."""
        fd = os.memfd_create("state", os.MFD_CLOEXEC)
        os.pwrite(fd, self._state, 0)
        return fd

    def _running(self, start: ProgramStart) -> None:
        self._close_fds()
        group = start.group
        assert group is not None
        group.exit_queue.add(EVENT_IN, lambda mask: self.kernel.reactor.call_soon(lambda: self._exited(start, group)))
        if self._timed_out:
            forward(group, SIGKILL)

    def _failed(self, failure: StartFailure) -> None:
        self._close_fds()
        self._hook_failed(str(failure))

    def _exited(self, start: ProgramStart, group: ThreadGroup) -> None:
        status = group.exit_status
        if self._timed_out:
            self._hook_failed("timed out")
        elif status & 0x7F:
            self._hook_failed(f"ended by signal {status & 0x7F}")
        elif status:
            self._hook_failed(f"exit status {status >> 8}")
        else:
            self._stop_timer()
            self.run()

    def _time_is_up(self, start: ProgramStart) -> None:
        self._timed_out = True
        if start.group is not None:
            forward(start.group, SIGKILL)

    def _hook_failed(self, why: str) -> None:
        self._end(f"error running startContainer hook #{self._at}: {self._program}: {why}")

    def _end(self, failure: str) -> None:
        self._stop_timer()
        self._left = []
        self._done(failure)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_fds(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = ()
