"""The processes of an image in the place of a first program."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Callable

from sandbox.boot.first_program import ProgramStart
from sandbox.boot.start_failure import StartFailure
from sandbox.checkpoint.restore import Restore
from tcpip.native import is_compiled

if TYPE_CHECKING:
    from sandbox.boot.options import SandboxOptions
    from sandbox.kernel.kernel import Kernel


class RestoredStart(ProgramStart):
    """As a ProgramStart with `hold`. The options are the bundle's: its limits count, its program does not."""

    def __init__(
        self,
        kernel: Kernel,
        options: SandboxOptions,
        failed: Callable[[StartFailure], None],
        running: Callable[[ProgramStart], None],
    ) -> None:
        super().__init__(kernel, options.program, failed, running)
        container = options.container
        assert container is not None
        self._options = options
        self._image = container.restore_fd
        self._restore = Restore(kernel, self._image, (*options.stdio, *container.more_fds), self._made_all)

    def begin(self) -> None:
        """Make the processes."""
        if is_compiled():
            self.kernel.reactor.call_soon(partial(self._made_all, "this sandbox's kernel is compiled"))
        else:
            self.kernel.reactor.call_soon(self._restore.begin)

    def go(self) -> None:
        """They run."""
        self._restore.go()

    def _made_all(self, why_not: str) -> None:
        os.close(self._image)
        options, screen = self._options, self._restore.screen
        if not why_not and options.terminal != (screen is not None):
            had, have = ("a", "none") if screen is not None else ("no", "one")
            why_not = f"the container had {had} terminal, and is to have {have} now (process.terminal)"
        if why_not:
            self._failed(StartFailure(f"cannot restore: {why_not}"))
            return
        kernel = self.kernel
        self.view = kernel.view
        self.group = kernel.view.first
        if options.limits.memory:
            kernel.memory_bytes = options.limits.memory
        if options.limits.pids:
            kernel.view.limit_tasks(options.limits.pids)
        if screen is not None:
            from sandbox.boot.console import restore_console

            self.console = restore_console(kernel.reactor, *screen, options.stdio, options.window)
        self._running(self)
