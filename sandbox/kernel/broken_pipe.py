"""What writing to nobody does: pipe(7), unix(7) and tcp(7) have it from each other."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NoReturn

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.signal import SI_USER, SIGPIPE
from sandbox.errors import SyscallError
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def broken_pipe(t: Task, flags: int = 0) -> NoReturn:
    """EPIPE, with SIGPIPE unless MSG_NOSIGNAL is among `flags`."""
    if not flags & abi.MSG_NOSIGNAL:
        t.send_signal(SignalInfo(SIGPIPE, SI_USER, t.pid, t.creds.uid))
    raise SyscallError(errno.EPIPE)
