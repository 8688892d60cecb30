"""Futexes in files of a volume that others have mapped as well: other sandboxes, and programs of the host.

Their threads wait in another kernel. A guest that has nobody left to wake inside has the host wake who waits at the same word of
the file. A guest that waits is told by nobody: it looks at the word after a while, and is woken when that has changed, which a
waiter has to expect at any time (futex(2): a return of 0 may be a spurious wake-up). Locks that inherit priorities (FUTEX_LOCK_PI)
and waiters that are moved (FUTEX_REQUEUE) belong to one kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.kernel.futex import key_of
from sandbox.kernel.futex_word import read_word
from sandbox.platform.hostcalls import futex_wake_in

if TYPE_CHECKING:
    from sandbox.kernel.futex import FutexWaiter
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

SOON_NS: Final = 1_000_000  # until the first look; twice as long each time
LATE_NS: Final = 160_000_000


def wake_at(t: Task, address: int, private: bool, count: int, bitset: int) -> int:
    """Wake up to `count` that wait at the word: how many it were. EFAULT."""
    woken = t.kernel.futexes.wake(key_of(t, address, private), count, bitset)
    if private or woken >= count or t.mm is None:
        return woken
    word = t.mm.outside_word(address)
    if word is None:
        return woken
    backing, offset = word
    try:
        fd = backing.host_fd(False)
    except SyscallError:
        return woken
    return woken + futex_wake_in(fd, backing.base + offset, count - woken, bitset)


def watch_word(t: Task, waiter: FutexWaiter, private: bool, value: int) -> None:
    """It waits for a word that has this value, and looks again if others may change it."""
    if not private and t.mm is not None and t.mm.outside_word(waiter.address) is not None:
        waiter.value, waiter.delay = value, SOON_NS


def sleep(t: Task, waiters: Sequence[FutexWaiter], interrupted: Callable[[Task, SyscallArgs], int]) -> Block:
    """Until one is woken, their time (the same for all) has come, or it is time to look."""
    deadline = waiters[0].deadline
    for waiter in waiters:
        if waiter.delay:
            look = t.kernel.clock.now_ns() + waiter.delay
            waiter.delay = min(waiter.delay * 2, LATE_NS)
            if deadline is None or look < deadline:
                deadline = look
    return Block((), deadline, on_interrupt=interrupted)


def only_looks(t: Task, waiters: Sequence[FutexWaiter]) -> bool:
    """Their time has not come yet: it was time to look at the words."""
    deadline = waiters[0].deadline
    return deadline is None or t.kernel.clock.now_ns() < deadline


def changed(t: Task, waiters: Sequence[FutexWaiter]) -> int:
    """The index of the first whose word somebody else has changed, or that is not there any more; -1."""
    for index, waiter in enumerate(waiters):
        if waiter.delay:
            try:
                if read_word(t, waiter.address) == waiter.value:
                    continue
            except SyscallError:
                pass
            return index
    return -1
