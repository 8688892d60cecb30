"""Signal-driven I/O: F_SETOWN, F_SETSIG and O_ASYNC of an open file (fs/fcntl.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_KILL
from sandbox.abi.linux.fcntl import F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID
from sandbox.abi.linux.signal import SI_KERNEL, SIGIO
from sandbox.errors import SyscallError
from sandbox.kernel.signal_info import SignalInfo
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, Waiter

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.file_description import FileDescription

POLL_IN: Final = 1
POLL_OUT: Final = 2
POLL_PRI: Final = 5
POLL_HUP: Final = 6
_WANTED: Final = EVENT_IN | EVENT_OUT | EVENT_PRI


class FileOwner:
    """Who is told about events of `file`. `kind` and `number` as F_SETOWN_EX has them; 0: nobody.

    `signo` 0 is SIGIO without information. The right to send is that of who set the owner.
    """

    __slots__ = ("file", "kernel", "kind", "number", "signo", "creds", "fd", "_waiter")

    def __init__(self, file: FileDescription, kernel: Kernel) -> None:
        self.file = file
        self.kernel = kernel
        self.kind = F_OWNER_PID
        self.number = 0
        self.signo = 0
        self.creds: Credentials | None = None
        self.fd = -1
        self._waiter: Waiter | None = None

    def set(self, t: Task, kind: int, number: int) -> None:
        """F_SETOWN(_EX); ESRCH, EINVAL."""
        pids = t.kernel.pids
        if number:
            if kind == F_OWNER_TID:
                known = number in pids.tasks
            elif kind == F_OWNER_PID:
                known = number in pids.groups
            else:
                known = number in pids.process_groups
            if not known:
                raise SyscallError(errno.ESRCH)
        self.kind = kind
        self.number = number
        self.creds = t.creds

    def start(self, fd: int) -> None:
        """O_ASYNC was set through descriptor `fd`."""
        self.fd = fd
        if self._waiter is None:
            self._waiter = self.file.queue.add(_WANTED, self._event)

    def stop(self) -> None:
        """O_ASYNC was cleared, or the file is gone."""
        if self._waiter is not None:
            self.file.queue.remove(self._waiter)
            self._waiter = None

    def _event(self, mask: int) -> None:
        """send_sigio."""
        if mask & EVENT_HUP:
            code, band = POLL_HUP, 0x10 | 0x8
        elif mask & (EVENT_IN | EVENT_ERR):
            code, band = POLL_IN, 0x41
        elif mask & EVENT_PRI:
            code, band = POLL_PRI, 0x82
        else:
            code, band = POLL_OUT, 0x304
        pids = self.kernel.pids
        number = self.number
        if not number:
            return
        info = self._info(code, band)
        if self.kind == F_OWNER_TID:
            task = pids.tasks.get(number)
            if task is not None and self._may(task.group):
                task.send_signal(info)
        elif self.kind == F_OWNER_PID:
            group = pids.groups.get(number)
            if group is not None and self._may(group):
                group.send_signal(info)
        else:
            pgrp = pids.process_groups.get(number)
            if pgrp is not None:
                for member in list(pgrp.members):
                    if self._may(member):
                        member.send_signal(self._info(code, band))

    def _info(self, code: int, band: int) -> SignalInfo:
        if not self.signo:
            return SignalInfo(SIGIO, SI_KERNEL)
        info = SignalInfo(self.signo, code)
        info.band = band
        info.fd = self.fd
        return info

    def _may(self, group: ThreadGroup) -> bool:
        """sigio_perm."""
        ours = self.creds
        if ours is None:
            return False
        theirs = group.leader.creds
        if ours.euid == 0 or ours.has(CAP_KILL):
            return True
        return ours.euid in (theirs.suid, theirs.uid) or ours.uid in (theirs.suid, theirs.uid)


def owner_of(t: Task, file: FileDescription) -> FileOwner:
    """The file's owner record, made when there is none."""
    if file.owner is None:
        file.owner = FileOwner(file, t.kernel)
    return file.owner


def set_owner(t: Task, file: FileDescription, number: int) -> None:
    """F_SETOWN, FIOSETOWN: negative is a process group."""
    if number == -0x80000000:
        raise SyscallError(errno.EINVAL)
    kind = F_OWNER_PGRP if number < 0 else F_OWNER_PID
    owner_of(t, file).set(t, kind, abs(number))


def get_owner(file: FileDescription) -> int:
    """F_GETOWN."""
    owner = file.owner
    if owner is None or owner.kind == F_OWNER_TID:
        return owner.number if owner is not None else 0
    return -owner.number if owner.kind == F_OWNER_PGRP else owner.number
