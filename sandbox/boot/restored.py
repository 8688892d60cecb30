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
        self._limits = options.limits
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
        if why_not:
            self._failed(StartFailure(f"cannot restore: {why_not}"))
            return
        kernel = self.kernel
        self.view = kernel.view
        self.group = kernel.view.first
        if self._limits.memory:
            kernel.memory_bytes = self._limits.memory
        if self._limits.pids:
            kernel.view.limit_tasks(self._limits.pids)
        self._running(self)
