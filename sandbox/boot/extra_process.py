"""A process that is started beside the first one: `runsc exec`.

It lives as long as its connection: who hangs up kills it. Frames that come on the connection afterwards are its
signals and its terminal's size.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.signal import SIGKILL
from sandbox.boot.first_program import ProgramStart
from sandbox.boot.signals import forward
from sandbox.control import wire
from sandbox.control.messages import BadMessage, Fields, program_of
from sandbox.control.server import Connection
from sandbox.control.wire import Frame
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.boot.start_failure import StartFailure
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.kernel.view import View
    from tcpip.bpf.opcodes import Insn

STDIO: Final = 3
SIGNAL_MAX: Final = 64


class ExtraProcess:
    """From the request to the exit status."""

    def __init__(
        self, kernel: Kernel, view: View, seccomp: tuple[Insn, ...], connection: Connection, frame: Frame
    ) -> None:
        """BadMessage."""
        self.kernel = kernel
        self.connection = connection
        fields = Fields(frame.body)
        program = program_of(fields)
        if len(frame.fds) < STDIO:
            raise BadMessage("three descriptors are needed")
        start = self.start = ProgramStart(kernel, program, self._failed, self._running)
        start.view = view
        start.home = True
        start.cgroup = fields.raw("cgroup") if fields.has("cgroup") else b""
        start.terminal = fields.flag("terminal")
        if start.terminal:
            from sandbox.boot.container import window_of

            start.window = window_of(fields)
        start.seccomp = seccomp
        self._fds, frame.fds = frame.fds, []
        start.stdio = (self._fds[0], self._fds[1], self._fds[2])
        start.more_fds = tuple(self._fds[STDIO:])
        self.tell: Callable[[str, dict[str, object]], None] = _nobody
        self._group: ThreadGroup | None = None
        self._hung_up = False

    def begin(self) -> None:
        """One of `failed` and `exited` is answered in the end."""
        self.connection.on_close.append(self._gone)
        self.start.begin()

    def _close_fds(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def _failed(self, failure: StartFailure) -> None:
        self._close_fds()
        if self.start.console is not None:
            self.start.console.close()
        self.connection.answer({"code": str(failure.status), "message": str(failure)}, wire.REFUSED)

    def _running(self, start: ProgramStart) -> None:
        group = self._group = start.group
        assert group is not None
        words = [word.decode("utf-8", "replace") for word in start.program.argv]
        self.tell("exec", {"pid": group.pid, "args": words})
        self._close_fds()
        if start.console is not None:
            start.console.take_keys()
        group.exit_queue.add(EVENT_IN, lambda mask: self.kernel.reactor.call_soon(self._exited))
        if self._hung_up:
            forward(group, SIGKILL)
            return
        self.connection.on_frame = self._frame
        self.connection.answer({"pid": group.pid})

    def _exited(self) -> None:
        console, group = self.start.console, self._group
        if group is None or not group.exited:
            return
        self._group = None
        self.tell("exec-exited", {"pid": group.pid, "status": group.exit_status})
        answer = partial(self.connection.answer, {"status": group.exit_status}, wire.EXITED)
        if console is not None:
            console.finish(answer)
        else:
            answer()

    def _frame(self, frame: Frame) -> bool:
        """Signals and sizes of this process."""
        if frame.kind not in (wire.SIGNAL, wire.RESIZE):
            return False
        fields = Fields(frame.body)
        try:
            if frame.kind == wire.SIGNAL:
                number = fields.number("signal", 1, SIGNAL_MAX)
                if self._group is not None:
                    forward(self._group, number)
            elif self.start.console is not None:
                from sandbox.boot.container import window_of

                self.start.console.set_window(window_of(fields))
        except BadMessage as error:
            self.connection.refuse("bad-message", str(error))
        return True

    def _gone(self) -> None:
        """Whoever stood for the process outside has been killed."""
        self._hung_up = True
        if self._group is not None:
            forward(self._group, SIGKILL)


def _nobody(what: str, body: dict[str, object]) -> None:
    """Nobody listens."""
