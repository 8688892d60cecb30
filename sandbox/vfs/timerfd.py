"""timerfd (timerfd_create(2), fs/timerfd.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.abi.linux.time import CLOCK_REALTIME, CLOCK_REALTIME_ALARM
from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip.clock import NS_PER_S
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task


class TimerFile(AnonFile):
    """`next` is when it expires next (ns, the kernel's monotonic clock; None: disarmed), `interval` ns or 0.

    One timer of the kernel's is armed for the first expiration that nobody has been told of; those after
    it are counted when somebody looks, so a short interval costs nothing while nobody reads.
    """

    can_write = False
    nowait = True
    norm = 0

    def __init__(self, kernel: Kernel, clock: int, flags: int) -> None:
        super().__init__(O_RDWR | flags)
        self._kernel = kernel
        self.clock = clock
        self.interval = 0
        self.next: int | None = None
        self.settime_flags = 0
        self._timer = kernel.timers.timer(self._fire)

    @property
    def write_once(self) -> bool:
        return True

    def set(self, value: int, interval: int, absolute: bool) -> tuple[int, int]:
        """timerfd_settime: the previous (interval, time left). `value` 0 disarms."""
        before = self.get()
        now = self._kernel.clock.now_ns()
        self.interval = interval
        if not value:
            self.next = None
            self._timer.cancel()
            return before
        if not absolute:
            at = now + value
        elif self.clock in (CLOCK_REALTIME, CLOCK_REALTIME_ALARM):
            at = now + value - self._kernel.clock.realtime_ns()
        else:
            at = value
        self.next = at
        self._timer.arm(at)
        return before

    def get(self) -> tuple[int, int]:
        """(interval, time left); the time left is 0 when disarmed."""
        at = self.next
        if at is None:
            return self.interval, 0
        now = self._kernel.clock.now_ns()
        if at <= now:
            if not self.interval:
                return self.interval, 0
            at += ((now - at) // self.interval + 1) * self.interval
        return self.interval, at - now

    def _fire(self) -> None:
        self.queue.notify(EVENT_IN)

    def _expired(self) -> bool:
        at = self.next
        return at is not None and at <= self._kernel.clock.now_ns()

    def read(self, t: Task, dst: memoryview) -> int:
        if len(dst) < 8:
            raise SyscallError(errno.EINVAL)
        at = self.next
        now = self._kernel.clock.now_ns()
        if at is None or at > now:
            return WOULD_BLOCK
        ticks = 1
        if self.interval:
            ticks = (now - at) // self.interval + 1
            self.next = at + ticks * self.interval
            self._timer.arm(self.next)
        else:
            self.next = None
        dst[:8] = ticks.to_bytes(8, "little")
        return 8

    def poll(self, t: Task | None) -> int:
        return EVENT_IN if self._expired() else 0

    def release(self) -> None:
        self._timer.close()

    def link_text(self) -> str:
        return "anon_inode:[timerfd]"

    def fdinfo(self) -> str:
        interval, left = self.get()
        ticks = 1 if self._expired() else 0
        return (
            f"clockid: {self.clock}\nticks: {ticks}\nsettime flags: 0{self.settime_flags:o}\n"
            f"it_value: ({left // NS_PER_S}, {left % NS_PER_S})\n"
            f"it_interval: ({interval // NS_PER_S}, {interval % NS_PER_S})\n"
        )
