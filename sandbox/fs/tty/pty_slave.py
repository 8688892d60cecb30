"""The slave end of a pseudo-terminal: what programs see as their terminal (pts(4), drivers/tty/n_tty.c: n_tty_read)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.abi.linux.ioctls import TIOCSPGRP
from sandbox.abi.linux.signal import SIGTTIN, SIGTTOU
from sandbox.abi.linux.stat import S_IFCHR, makedev
from sandbox.abi.linux.termios import TOSTOP, VMIN, VTIME
from sandbox.errors import SyscallError
from sandbox.fs.tty.pty_table import PTS_MAJOR
from sandbox.fs.tty.tty_ioctl import slave_ioctl
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from sandbox.vfs.kstat import Kstat
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.fs.tty.terminal import Terminal
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

TENTH_NS: Final = 100_000_000
CHUNK: Final = 64  # drivers/tty/tty_io.c: iterate_tty_read


class PtySlave(FileDescription):
    """After a hang-up (`hung`) reads are at the end and writes fail."""

    def __init__(self, flags: int, terminal: Terminal) -> None:
        super().__init__(flags)
        self.terminal = terminal
        self.queue = terminal.slave_queue
        self._generation = terminal.generation
        terminal.slave_opened()

    def hung(self) -> bool:
        """The terminal was hung up after this file was opened."""
        return self._generation != self.terminal.generation

    def read(self, t: Task, dst: memoryview) -> int:
        terminal = self.terminal
        if self.hung():
            return 0
        check = terminal.check_change(t, SIGTTIN)
        if check:
            return check
        if not len(dst):
            return 0
        source = terminal.input
        if source.canonical():
            got = source.read_line(dst) if source.canon_head != source.read_tail else WOULD_BLOCK
        else:
            got = self._read_raw(t, dst)
        if got == WOULD_BLOCK:
            terminal.waited_for()
        elif terminal.pending:
            terminal.pump()
        return got

    def _read_raw(self, t: Task, dst: memoryview) -> int:
        """VMIN and VTIME (termios(3), noncanonical mode)."""
        source = self.terminal.input
        cc = source.termios.cc
        least, tenths = cc[VMIN], cc[VTIME]
        if least > CHUNK:
            dst = dst[:CHUNK]  # a read that wants more than the kernel's own buffer gets one buffer full
        there = source.read_head - source.read_tail
        if not there:
            return WOULD_BLOCK if least or tenths else 0
        if there < min(least, len(dst)) and not self.flags & O_NONBLOCK:
            waited = t.args.timed_out or (
                tenths and t.kernel.clock.now_ns() >= self.terminal.last_input + tenths * TENTH_NS
            )
            if not waited:
                return WOULD_BLOCK
        return source.read_raw(dst)

    def read_deadline(self, t: Task, before: int | None) -> int | None:
        source = self.terminal.input
        cc = source.termios.cc
        least, tenths = cc[VMIN], cc[VTIME]
        if source.canonical() or not tenths:
            return None
        if not least:
            return before if before is not None else t.kernel.clock.now_ns() + tenths * TENTH_NS
        if source.read_head == source.read_tail:
            return None
        return self.terminal.last_input + tenths * TENTH_NS

    def read_expired(self) -> int:
        return 0

    def write(self, t: Task, src: memoryview) -> int:
        terminal = self.terminal
        if self.hung():
            raise SyscallError(errno.EIO)
        if terminal.termios.lflag & TOSTOP:
            check = terminal.check_change(t, SIGTTOU)
            if check:
                return check
        output = terminal.output
        if output.echoes:
            output.process_echoes()
        put = output.write(src)
        if put:
            terminal.master_queue.notify(EVENT_IN)
            return put
        return WOULD_BLOCK if len(src) else 0

    def unread(self, data: memoryview) -> None:
        """Lost, as on Linux."""

    def poll(self, t: Task | None) -> int:
        if self.hung():
            return EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP
        terminal = self.terminal
        source = terminal.input
        mask = 0
        if source.canonical():
            if source.canon_head != source.read_tail:
                mask = EVENT_IN
        else:
            cc = source.termios.cc
            least = cc[VMIN] if cc[VMIN] and not cc[VTIME] else 1
            if source.read_head - source.read_tail >= least:
                mask = EVENT_IN
        if not mask:
            terminal.waited_for()
        if terminal.output.room() > 0:
            mask |= EVENT_OUT
        return mask

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        if self.hung():
            raise SyscallError(errno.ENOTTY if cmd == TIOCSPGRP else errno.EIO)
        return slave_ioctl(self, t, cmd, arg)

    def release(self) -> None:
        self.terminal.slave_released()

    def stat(self) -> Kstat:
        attributes = Kstat(S_IFCHR | 0o620, self.terminal.index + 3)
        attributes.rdev = makedev(PTS_MAJOR, self.terminal.index)
        return attributes

    def link_text(self) -> str:
        return f"/dev/pts/{self.terminal.index}"
