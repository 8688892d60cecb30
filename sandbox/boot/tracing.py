"""`--strace`: where the lines go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.kernel.log import DEBUG
from sandbox.strace.printer import SyscallTrace
from sandbox.syscalls.linux.table_amd64 import ROWS

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel


def trace_to(kernel: Kernel, fd: int, json: bool) -> None:
    """Every call of every task, one line each, to a host descriptor. The printer escapes what guests wrote.
    `json`: as entries of a log in that format."""
    if json:
        from sandbox.boot.logging import log_sink

        sink = log_sink(fd, True)
        kernel.set_trace(SyscallTrace(lambda line: sink(DEBUG, line), ROWS))
        return

    def write(line: str) -> None:
        try:
            os.write(fd, line.encode("ascii", "backslashreplace") + b"\n")
        except OSError:
            pass  # a full disk or a closed pipe ends the trace's use, not the sandbox

    kernel.set_trace(SyscallTrace(write, ROWS))
