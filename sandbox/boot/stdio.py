"""Descriptors 0, 1 and 2 of the first process.

A host descriptor that is a terminal becomes the sandbox's own terminal, whose other side is the host's; any other
is used as it is.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE
from sandbox.fs.host_stdio import HostFile

NULL: Final = os.makedev(1, 3)

if TYPE_CHECKING:
    from sandbox.boot.console import Console
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription


def open_stdio(
    task: Task, stdio: tuple[int, ...], more_fds: tuple[int, ...], terminal: bool, window: bytes, first: bool = False
) -> Console | None:
    """Enter them, and `more_fds` behind them, into the task's table; terminals share one description, as a shell's
    do, and their console is returned. `first`: of the container's first process, whose are given anew when it is restored."""
    console: Console | None = None
    slave: FileDescription | None = None
    for number, fd in enumerate((*stdio, *more_fds)):
        if terminal and fd in stdio and os.isatty(fd):
            if slave is None:
                from sandbox.boot.console import open_console

                console, slave = open_console(task, stdio, window)
            task.fds.install(slave)
            continue
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        access = fcntl.fcntl(fd, fcntl.F_GETFL) & O_ACCMODE
        given = os.isatty(copy) or os.fstat(copy).st_rdev == NULL  # no user's own, as /dev/null is not
        file = HostFile(copy, access, task.kernel.reactor, 0 if given else task.creds.uid)
        file.origin = number if first else -1
        file.container = task.group.view.number
        task.fds.install(file)
    return console
