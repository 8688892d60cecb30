"""--pidfd-socket: a Unix socket that gets a pidfd (pidfd_open(2)) of the host process that stands for a container or a process, as
runc from 1.2 on has it: who has it need not fear that the number is another's by now."""

from __future__ import annotations

import os
from typing import Final

from runsc.container.console import send_to
from runsc.failure import RuntimeFailure

FLAG: Final = "--pidfd-socket"
FIRST: Final = "standard"  # what comes beside the descriptor: for the first process, and for one of `exec`
FURTHER: Final = "setns"


def send_pidfd(path: str, pid: int, kind: str) -> None:
    """RuntimeFailure when nobody takes it, or the process has ended."""
    try:
        fd = os.pidfd_open(pid)
    except OSError as error:
        raise RuntimeFailure(f"{FLAG} {path}: process {pid}: {os.strerror(error.errno or 0)}") from None
    try:
        send_to(FLAG, path, fd, kind)
    finally:
        os.close(fd)
