"""Time namespaces (time_namespaces(7), kernel/time/namespace.c): what is added to the clocks that count from the boot."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_TIME
from sandbox.abi.linux.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    NS_PER_S,
)
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.mm import vdso
from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task

SECONDS_MOST: Final = ((1 << 63) - 1) // NS_PER_S  # KTIME_SEC_MAX
_MONOTONIC: Final = frozenset((CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE))
_BOOT: Final = frozenset((CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM))
_NAMES: Final = {b"monotonic": CLOCK_MONOTONIC, b"boottime": CLOCK_BOOTTIME}
_LINES_MOST: Final = 2


class TimeNamespace:
    """`monotonic`, `boottime`: ns that are added. `frozen`: somebody is in it, so that they stay."""

    __slots__ = ("number", "users", "user", "monotonic", "boottime", "frozen")

    def __init__(self, number: int, user: UserNamespace = INITIAL, old: TimeNamespace | None = None) -> None:
        self.number = number
        self.user = user
        self.users = 0
        self.monotonic: int = old.monotonic if old is not None else 0
        self.boottime: int = old.boottime if old is not None else 0
        self.frozen = old is None

    def offset(self, clock: int) -> int:
        """Of one clock, ns."""
        if clock in _MONOTONIC:
            return self.monotonic
        return self.boottime if clock in _BOOT else 0

    def outside(self, clock: int, deadline: int) -> int:
        """An absolute time of a clock inside, on the same clock of the sandbox; never 0, which disarms timers
        (timens_ktime_to_host)."""
        offset = self.offset(clock)
        return max(deadline - offset, 1) if offset else deadline

    def text(self) -> bytes:
        """/proc/PID/timens_offsets."""
        rows = ((b"monotonic", self.monotonic), (b"boottime", self.boottime))
        return b"".join(b"%-10s %10d %9d\n" % (name, ns // NS_PER_S, ns % NS_PER_S) for name, ns in rows)

    def write(self, writer: Credentials, now: int, data: bytes) -> None:
        """timens_offsets as it is written: EINVAL, EPERM, ERANGE, EACCES once somebody is inside."""
        lines = data.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        offsets = [_offset(line) for line in lines[:_LINES_MOST]]
        if not offsets:
            raise SyscallError(errno.EINVAL)
        if not writer.has_in(self.user, CAP_SYS_TIME):
            raise SyscallError(errno.EPERM)
        for _, seconds, fraction in offsets:
            if abs(seconds) > SECONDS_MOST:
                raise SyscallError(errno.ERANGE)
            if not 0 <= (now + seconds * NS_PER_S + fraction) // NS_PER_S <= SECONDS_MOST // 2:
                raise SyscallError(errno.ERANGE)
        if self.frozen:
            raise SyscallError(errno.EACCES)
        for clock, seconds, fraction in offsets:
            if clock == CLOCK_MONOTONIC:
                self.monotonic = seconds * NS_PER_S + fraction
            else:
                self.boottime = seconds * NS_PER_S + fraction


def _offset(line: bytes) -> tuple[int, int, int]:
    """Clock, seconds and nanoseconds of a line: EINVAL."""
    words = line.split()
    if len(words) != 3:
        raise SyscallError(errno.EINVAL)
    clock = _NAMES.get(words[0], int(words[0]) if words[0].isdigit() and len(words[0]) < 10 else -1)
    if clock not in (CLOCK_MONOTONIC, CLOCK_BOOTTIME):
        raise SyscallError(errno.EINVAL)
    digits = words[1].removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 19 or not words[2].isdigit() or len(words[2]) > 19:
        raise SyscallError(errno.EINVAL)
    if int(words[2]) >= NS_PER_S:
        raise SyscallError(errno.EINVAL)
    return clock, int(words[1]), int(words[2])


def arrive(t: Task) -> None:
    """`t` has a new address space, or comes into a namespace with the one that it has: the vDSO there must not read the host's
    clock by itself where the namespace adds something. What it reads is the host's to write, so it asks with a system call."""
    time = t.ns.time
    time.frozen = True
    if time.monotonic or time.boottime:
        patch(t.kernel, t)


def patch(kernel: Kernel, t: Task) -> None:
    """A guest that has no vDSO any more, or another program there, has what it wants."""
    base, code = kernel.platform.vdso_address, vdso.asking_clock()
    if not base or code is None:
        return
    offset, old, new = code
    try:
        if t.space.peek(base + offset, len(old)) == old:
            t.space.poke(base + offset, new)
    except MemoryFault:
        pass
