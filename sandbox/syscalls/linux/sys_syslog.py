"""syslog(2), klogctl(3) (kernel/printk/printk.c: do_syslog)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYSLOG
from sandbox.kernel.control import Block, Result
from sandbox.syscalls.row import FULL, Arg, Row
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, CONSOLE_OFF, CONSOLE_ON, CONSOLE_LEVEL, SIZE_UNREAD, SIZE_BUFFER = (
    range(11)
)
BUFFER: Final = 1 << 17
_READS: Final = (READ, READ_ALL, READ_CLEAR)
_LEVEL_MOST: Final = 8


def sys_syslog(t: Task, a: SyscallArgs) -> Result:
    """syslog(2): EPERM, EINVAL, EFAULT."""
    action, size = a.int(0), a.int(2)
    free = action in (READ_ALL, SIZE_BUFFER) and not t.kernel.settings.dmesg_restrict
    if not free and not t.creds.has(CAP_SYSLOG):
        return -errno.EPERM
    reader = t.kernel.log.reader()
    if action in _READS:
        return _read(t, a, action, size)
    if action in (CLOSE, OPEN):
        return 0
    if action == CLEAR:
        reader.clear()
    elif action in (CONSOLE_OFF, CONSOLE_ON):
        reader.set_console(None, action == CONSOLE_OFF)
    elif action == CONSOLE_LEVEL:
        if not 1 <= size <= _LEVEL_MOST:
            return -errno.EINVAL
        reader.set_console(size, False)
    elif action == SIZE_UNREAD:
        return reader.unread()
    elif action == SIZE_BUFFER:
        return BUFFER
    else:
        return -errno.EINVAL
    return 0


def _read(t: Task, a: SyscallArgs, action: int, size: int) -> Result:
    if not a.addr(1) or size < 0:
        return -errno.EINVAL
    if not size:
        return 0
    log = t.kernel.log
    reader = log.reader()
    if action == READ:
        if not reader.waits():
            return Block([(log.queue, EVENT_IN)])
        text = reader.take(size)
    else:
        text = reader.last(size)
        if action == READ_CLEAR:
            reader.clear()
    t.copy_out(a.addr(1), text)
    return len(text)


ROWS: Final[tuple[Row, ...]] = (Row(103, "syslog", sys_syslog, FULL, (Arg.INT, Arg.OUT_BUF, Arg.SIZE)),)
