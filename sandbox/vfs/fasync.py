"""Signal-driven I/O: F_SETOWN, F_SETSIG and O_ASYNC of an open file, and SIGURG (fs/fcntl.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_KILL
from sandbox.abi.linux.fcntl import F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID
from sandbox.abi.linux.signal import SI_KERNEL, SIGIO, SIGURG
from sandbox.errors import SyscallError
from sandbox.kernel.pid_namespace import number_in
from sandbox.kernel.signal_info import SignalInfo
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, EVENT_URGENT, Waiter

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.sessions import ProcessGroup
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.file_description import FileDescription

POLL_IN: Final = 1
POLL_OUT: Final = 2
POLL_MSG: Final = 3
POLL_PRI: Final = 5
POLL_HUP: Final = 6
_WANTED: Final = EVENT_IN | EVENT_OUT | EVENT_PRI


class FileOwner:
    """Who is told about events of `file`. `kind` as F_SETOWN_EX has it; `ids` None: nobody.

    `signo` 0 is SIGIO without information. The right to send is that of who set the owner.
    """

    __slots__ = ("file", "kind", "ids", "signo", "creds", "fd", "_waiter", "_urgent")

    def __init__(self, file: FileDescription) -> None:
        self.file = file
        self.kind = F_OWNER_PID
        self.ids: Pid | None = None
        self.signo = 0
        self.creds: Credentials | None = None
        self.fd = -1
        self._waiter: Waiter | None = None
        self._urgent: Waiter | None = None

    def set(self, t: Task, kind: int, number: int) -> None:
        """F_SETOWN(_EX); ESRCH, EINVAL."""
        pids = t.pids
        named: Task | ThreadGroup | ProcessGroup | None = None
        if number:
            if kind == F_OWNER_TID:
                named = pids.tasks.get(number)
            elif kind == F_OWNER_PID:
                named = pids.groups.get(number)
            else:
                named = pids.process_groups.get(number)
            if named is None:
                raise SyscallError(errno.ESRCH)
        self.kind = kind
        self.ids = named.ids if named is not None else None
        self.creds = t.creds
        if self._urgent is None:
            self._urgent = self.file.queue.add(EVENT_URGENT, self._urgent_event)

    def start(self, fd: int) -> None:
        """O_ASYNC was set through descriptor `fd`."""
        self.fd = fd
        if self._waiter is None:
            self._waiter = self.file.queue.add(_WANTED, self._event)

    def stop(self) -> None:
        """O_ASYNC was cleared."""
        if self._waiter is not None:
            self.file.queue.remove(self._waiter)
            self._waiter = None

    def gone(self) -> None:
        """The file is closed: nothing more is told."""
        self.stop()
        if self._urgent is not None:
            self.file.queue.remove(self._urgent)
            self._urgent = None

    def directory_event(self, fd: int) -> None:
        """dnotify_handle_event: something happened in the directory that `fd` has open."""
        self.fd = fd
        self._tell(POLL_MSG, 0x441)

    def lease_broken(self) -> None:
        """lease_break_callback: the lease has to be given up, or weakened."""
        self._tell(POLL_MSG, 0x441)

    def _event(self, mask: int) -> None:
        """send_sigio."""
        if mask & EVENT_HUP:
            self._tell(POLL_HUP, 0x10 | 0x8)
        elif mask & (EVENT_IN | EVENT_ERR):
            self._tell(POLL_IN, 0x41)
        elif mask & EVENT_PRI:
            self._tell(POLL_PRI, 0x82)
        else:
            self._tell(POLL_OUT, 0x304)

    def _urgent_event(self, mask: int) -> None:
        """send_sigurg: SIGURG whether or not O_ASYNC is set, and what that asks for besides."""
        if mask & EVENT_URGENT:
            self._tell(0, 0)
            if self._waiter is not None and not mask & _WANTED:
                self._tell(POLL_PRI, 0x82)

    def _tell(self, code: int, band: int) -> None:
        """`code` 0: SIGURG."""
        if self.ids is None:
            return
        pids, number = self.ids.ns, self.ids.number
        if self.kind == F_OWNER_TID:
            task = pids.tasks.get(number)
            if task is not None and self._may(task.group):
                task.send_signal(self._info(code, band))
        elif self.kind == F_OWNER_PID:
            group = pids.groups.get(number)
            if group is not None and self._may(group):
                group.send_signal(self._info(code, band))
        else:
            pgrp = pids.process_groups.get(number)
            if pgrp is not None:
                for member in list(pgrp.members):
                    if self._may(member):
                        member.send_signal(self._info(code, band))

    def _info(self, code: int, band: int) -> SignalInfo:
        if not code:
            return SignalInfo(SIGURG, SI_KERNEL)
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
        file.owner = FileOwner(file)
    return file.owner


def set_owner(t: Task, file: FileDescription, number: int) -> None:
    """F_SETOWN, FIOSETOWN: negative is a process group."""
    if number == -0x80000000:
        raise SyscallError(errno.EINVAL)
    kind = F_OWNER_PGRP if number < 0 else F_OWNER_PID
    owner_of(t, file).set(t, kind, abs(number))


def get_owner(t: Task, file: FileDescription) -> int:
    """F_GETOWN."""
    owner = file.owner
    if owner is None:
        return 0
    number = number_in(owner.ids, t.pids)
    return -number if owner.kind == F_OWNER_PGRP else number
