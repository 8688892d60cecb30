"""eventfd (eventfd(2), fs/eventfd.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile, next_inode
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

MAX: Final = (1 << 64) - 1


class EventFile(AnonFile):
    """A counter of 0 … 2^64 - 2. As a semaphore each read takes one."""

    nowait = True
    norm = 0
    flagged_writes = False

    def __init__(self, count: int, flags: int, semaphore: bool) -> None:
        super().__init__(O_RDWR | flags)
        self.count = count
        self.semaphore = semaphore
        self._id = next_inode()

    @property
    def write_once(self) -> bool:
        return True

    def read(self, t: Task, dst: memoryview) -> int:
        if len(dst) < 8:
            raise SyscallError(errno.EINVAL)
        count = self.count
        if not count:
            return WOULD_BLOCK
        taken = 1 if self.semaphore else count
        self.count = count - taken
        dst[:8] = taken.to_bytes(8, "little")
        self.queue.notify(EVENT_OUT)
        return 8

    def check_write(self, t: Task, size: int) -> None:
        if size != 8:
            raise SyscallError(errno.EINVAL)

    def write(self, t: Task, src: memoryview) -> int:
        self.check_write(t, len(src))
        value = int.from_bytes(src[:8], "little")
        if value == MAX:
            raise SyscallError(errno.EINVAL)
        if value > MAX - 1 - self.count:
            return WOULD_BLOCK
        self.count += value
        self.queue.notify(EVENT_IN)
        return 8

    def signal(self) -> None:
        """Count one more, as far as it counts (eventfd_signal)."""
        self.count = min(self.count + 1, MAX)
        self.queue.notify(EVENT_IN)

    def poll(self, t: Task | None) -> int:
        count = self.count
        mask = EVENT_IN if count else 0
        if count == MAX:
            mask |= EVENT_ERR
        if count < MAX - 1:
            mask |= EVENT_OUT
        return mask

    def link_text(self) -> str:
        return "anon_inode:[eventfd]"

    def fdinfo(self) -> str:
        return f"eventfd-count: {self.count:16x}\neventfd-id: {self._id}\neventfd-semaphore: {int(self.semaphore)}\n"
