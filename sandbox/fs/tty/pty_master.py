"""The master end of a pseudo-terminal (ptmx(4))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.fs.tty.tty_ioctl import master_ioctl
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from tcpip.waiter import EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_table import PtyTable
    from sandbox.fs.tty.terminal import Terminal
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


class PtyMaster(FileDescription):
    """Closing it hangs the slave up."""

    write_turn = 16 << 10  # the line discipline looks at each byte

    def __init__(self, flags: int, terminal: Terminal, table: PtyTable) -> None:
        super().__init__(flags)
        self.terminal = terminal
        self.table = table
        self.queue = terminal.master_queue

    def take(self, dst: memoryview) -> int:
        """Read without a task: bytes, or WOULD_BLOCK; EIO when the slave is closed and everything was read."""
        terminal = self.terminal
        if not len(dst):
            return 0
        start = 0
        if terminal.packet:
            if terminal.packet_status:
                dst[0] = terminal.packet_status
                terminal.packet_status = 0
                return 1
            start = 1
        data = terminal.output.data
        if not data:
            if terminal.slave_closed:
                raise SyscallError(errno.EIO)
            return WOULD_BLOCK
        if start:
            dst[0] = 0
        count = min(len(data), len(dst) - start)
        dst[start : start + count] = data[:count]
        del data[:count]
        terminal.drained()
        return start + count

    def read(self, t: Task, dst: memoryview) -> int:
        return self.take(dst)

    def write(self, t: Task, src: memoryview) -> int:
        return self.terminal.type(src[: self.write_turn]) or (WOULD_BLOCK if len(src) else 0)

    def unread(self, data: memoryview) -> None:
        """Lost, as on Linux."""

    def poll(self, t: Task | None) -> int:
        terminal = self.terminal
        mask = 0
        if terminal.output.data:
            mask = EVENT_IN
        if terminal.packet and terminal.packet_status:
            mask |= EVENT_IN | EVENT_PRI
        if terminal.slave_closed:
            mask |= EVENT_HUP
        if len(terminal.pending) < 4096:
            mask |= EVENT_OUT
        return mask

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        return master_ioctl(self, t, cmd, arg)

    def release(self) -> None:
        terminal = self.terminal
        terminal.master_open = False
        terminal.hang_up()
        self.table.remove(terminal)

    def link_text(self) -> str:
        return "/dev/pts/ptmx" if self.path is None else self.path.text().decode("utf-8", "surrogateescape")

    def fdinfo(self) -> str:
        return f"tty-index:\t{self.terminal.index}\n"
