"""A guest address space on the ptrace platform: one host process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.platform.host_space import HostSpace

if TYPE_CHECKING:
    from sandbox.platform.ptrace.platform import PtracePlatform
    from sandbox.platform.ptrace.thread import PtraceThread


class PtraceSpace(HostSpace):
    """`threads` by number; `pooled`: those whose guest thread has ended, stopped, to be used again."""

    __slots__ = ("platform", "threads", "pooled")

    def __init__(self, platform: PtracePlatform, pid: int) -> None:
        super().__init__(platform.proc, pid, os.pidfd_open(pid))
        self.platform = platform
        self.threads: dict[int, PtraceThread] = {}
        self.pooled: list[PtraceThread] = []

    def kill(self) -> None:
        if self.dead:
            return
        self.dead = True
        self.platform.forget_threads(self)
        self.end_process()

    def close(self) -> None:
        """The host process is reaped."""
        self.dead = True
        self.platform.forget_threads(self)
        self.threads.clear()
        self.pooled.clear()
        os.close(self.pidfd)
