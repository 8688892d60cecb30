"""signalfd (signalfd(2), fs/signalfd.c): reads the pending signals of whoever reads."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.abi.linux.signal import UNBLOCKABLE
from sandbox.errors import SyscallError
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_signals import dequeue
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_IN, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

# signo, errno, code, pid, uid, fd, tid, band, overrun, trapno, status, int, ptr, utime, stime, addr
INFO: Final = struct.Struct("<IiiIIiIIIIiiQQQQ")
INFO_SIZE: Final = 128


def pack_info(info: SignalInfo) -> bytes:
    """struct signalfd_siginfo."""
    value = info.value & 0xFFFFFFFF
    number = value - (1 << 32) if value & 0x80000000 else value
    head = INFO.pack(
        info.signo,
        info.errno,
        info.code,
        info.pid & 0xFFFFFFFF,
        info.uid & 0xFFFFFFFF,
        info.fd,
        info.timer_id & 0xFFFFFFFF,
        info.band & 0xFFFFFFFF,
        info.overrun & 0xFFFFFFFF,
        0,
        info.status,
        number,
        info.value & 0xFFFFFFFFFFFFFFFF,
        info.utime,
        info.stime,
        info.addr & 0xFFFFFFFFFFFFFFFF,
    )
    return head + bytes(INFO_SIZE - len(head))


class SignalFile(AnonFile):
    """`mask`: the signals that it accepts."""

    can_write = False
    nowait = True
    norm = 0

    def __init__(self, mask: int, flags: int) -> None:
        super().__init__(O_RDWR | flags)
        self.mask = mask & ~UNBLOCKABLE

    def set_mask(self, t: Task, mask: int) -> None:
        """signalfd(2) on an existing descriptor."""
        self.mask = mask & ~UNBLOCKABLE
        t.group.signal_queue.notify(EVENT_IN)

    def queue_for(self, t: Task) -> WaitQueue:
        return t.group.signal_queue

    def read(self, t: Task, dst: memoryview) -> int:
        room = len(dst) // INFO_SIZE
        if not room:
            raise SyscallError(errno.EINVAL)
        done = 0
        while room:
            info = dequeue(t, self.mask)
            if info is None:
                break
            dst[done : done + INFO_SIZE] = pack_info(info)
            done += INFO_SIZE
            room -= 1
        return done or WOULD_BLOCK

    def poll(self, t: Task | None) -> int:
        if t is None:
            return 0
        return EVENT_IN if (t.pending.mask | t.group.pending.mask) & self.mask else 0

    def link_text(self) -> str:
        return "anon_inode:[signalfd]"

    def fdinfo(self) -> str:
        return f"sigmask:\t{self.mask:016x}\n"
