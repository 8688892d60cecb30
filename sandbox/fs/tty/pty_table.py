"""PtyTable: the pseudo-terminals of a sandbox, and how their device nodes open. What a terminal is, is imported with the first."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.fcntl import O_ACCMODE, O_NOCTTY, O_WRONLY
from sandbox.abi.linux.stat import minor
from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_master import PtyMaster
    from sandbox.fs.tty.pty_slave import PtySlave
    from sandbox.fs.tty.terminal import Terminal
    from sandbox.kernel.task import Task
    from sandbox.vfs.devices import DeviceRegistry
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path
    from tcpip.clock import Clock

PTS_MAJOR: Final = 136  # UNIX98_PTY_SLAVE_MAJOR
MAX_PTYS: Final = 4096  # kernel.pty.max
TTYAUX_MAJOR: Final = 5
ANY_MINOR: Final = -1


class PtyOwner:
    """A terminal with what its node in devpts shows; times are ns since the epoch. The node may outlive the terminal."""

    __slots__ = ("terminal", "uid", "gid", "time")

    def __init__(self, terminal: Terminal, uid: int, gid: int, time: int) -> None:
        self.terminal: Terminal | None = terminal
        self.uid = uid
        self.gid = gid
        self.time = time


class PtyTable:
    """`entries` by index. An index is free again when the master is closed and no slave is open."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.entries: dict[int, PtyOwner] = {}
        self.limit = MAX_PTYS
        self.created = 0  # how many there have been: a listing of devpts is stale when it differs

    def create(self, flags: int, uid: int, gid: int) -> PtyMaster:
        """A new pair: its master, locked. ENOSPC."""
        from sandbox.fs.tty.pty_master import PtyMaster
        from sandbox.fs.tty.terminal import Terminal

        if len(self.entries) >= self.limit:
            raise SyscallError(errno.ENOSPC)
        index = 0
        while index in self.entries:
            index += 1
        terminal = Terminal(index, self.clock)
        self.entries[index] = PtyOwner(terminal, uid, gid, self.clock.realtime_ns())
        self.created += 1
        return PtyMaster(flags & ~O_NOCTTY, terminal, self)

    def remove(self, terminal: Terminal) -> None:
        """The master is closed."""
        owner = self.entries.pop(terminal.index, None)
        if owner is not None:
            owner.terminal = None
        self.created += 1

    def open_slave(self, t: Task, terminal: Terminal | None, flags: int) -> PtySlave:
        """Open the slave end; EIO while it is locked or when the master is gone; EBUSY when exclusive."""
        if terminal is None or not terminal.master_open or terminal.locked:
            raise SyscallError(errno.EIO)
        if terminal.exclusive and not t.creds.has(CAP_SYS_ADMIN):
            raise SyscallError(errno.EBUSY)
        from sandbox.fs.tty.pty_slave import PtySlave

        file = PtySlave(flags & ~O_NOCTTY, terminal)
        group = t.group
        if (
            not flags & O_NOCTTY
            and flags & O_ACCMODE != O_WRONLY
            and group.session.leader is group
            and group.session.tty is None
            and terminal.session is None
        ):
            terminal.become_controlling(t)
        return file

    # --- device nodes ---

    def register(self, devices: DeviceRegistry) -> None:
        """/dev/ptmx, /dev/tty and /dev/pts/N, by their numbers."""
        devices.register(TTYAUX_MAJOR, 2, self.open_ptmx)
        devices.register(TTYAUX_MAJOR, 0, self.open_current)
        devices.register(PTS_MAJOR, ANY_MINOR, self.open_number)

    def open_ptmx(self, t: Task, path: Path, inode: Inode, flags: int) -> PtyMaster:
        """/dev/ptmx: a new pair."""
        return self.create(flags, t.creds.fsuid, t.creds.fsgid)

    def open_current(self, t: Task, path: Path, inode: Inode, flags: int) -> PtySlave:
        """/dev/tty: the controlling terminal; ENXIO without one."""
        from sandbox.fs.tty.terminal import Terminal

        terminal = t.group.tty
        if not isinstance(terminal, Terminal):
            raise SyscallError(errno.ENXIO)
        return self.open_slave(t, terminal, flags | O_NOCTTY)

    def open_number(self, t: Task, path: Path, inode: Inode, flags: int) -> PtySlave:
        """A node with the number of a pseudo-terminal; EIO when there is none."""
        owner = self.entries.get(minor(inode.rdev))
        if owner is None:
            raise SyscallError(errno.EIO)
        return self.open_slave(t, owner.terminal, flags)
