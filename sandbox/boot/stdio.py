"""Descriptors 0, 1 and 2 of the first process.

A host descriptor that is a terminal becomes the sandbox's own terminal, whose other side is the host's; any other
is used as it is.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import O_ACCMODE, O_RDWR
from sandbox.fs.host_stdio import HostFile

if TYPE_CHECKING:
    from sandbox.boot.link import LauncherLink
    from sandbox.boot.options import SandboxOptions
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription


def open_stdio(task: Task, options: SandboxOptions, link: LauncherLink) -> None:
    """Enter them into the task's table; terminals share one description, as a shell's do."""
    terminal: FileDescription | None = None
    for fd in options.stdio:
        if options.terminal and os.isatty(fd):
            if terminal is None:
                from sandbox.boot.console import open_console

                terminal = open_console(task, options, link)
            task.fds.install(terminal)
            continue
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        access = fcntl.fcntl(fd, fcntl.F_GETFL) & O_ACCMODE
        task.fds.install(HostFile(copy, access if access != O_RDWR else O_RDWR, task.kernel.reactor))
