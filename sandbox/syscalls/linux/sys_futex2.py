"""Futexes without the multiplexer: futex_waitv(2), and futex_wait, futex_wake, futex_requeue of Linux 6.7
(kernel/futex/syscalls.c)."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.time import CLOCK_MONOTONIC, CLOCK_REALTIME
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTSYS, Block, Result
from sandbox.kernel.futex import FutexWaiter, Key, key_of
from sandbox.kernel.futex_outside import changed, only_looks, sleep, wake_at, watch_word
from sandbox.kernel.futex_word import wait_at_all
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.sys_futex import wake_and_move
from sandbox.syscalls.linux.sys_time import to_monotonic
from sandbox.syscalls.linux.timespec import read_timespec
from sandbox.syscalls.row import FULL, Arg, Row

FUTEX_WAITV_MAX: Final = 128
FUTEX2_SIZE_MASK: Final = 3
FUTEX2_SIZE_U32: Final = 2
FUTEX2_PRIVATE: Final = 128
_WAITV: Final = struct.Struct("<QQII")  # val, uaddr, flags, reserved
_U32: Final = 0xFFFFFFFF


class _Word:
    """A word that somebody names: where it is, what it should hold."""

    __slots__ = ("address", "value", "private")

    def __init__(self, address: int, value: int, private: bool) -> None:
        self.address = address
        self.value = value
        self.private = private

    def key(self, t: Task) -> Key:
        """EINVAL where it is not aligned, EFAULT where no guest memory can be."""
        if self.address & 3:
            raise SyscallError(errno.EINVAL)
        if self.address >= t.kernel.task_size:
            raise SyscallError(errno.EFAULT)
        return key_of(t, self.address, self.private)


class _Sleep:
    """A wait on one word or several: whichever is woken first ends it."""

    __slots__ = ("waiters",)

    def __init__(self, waiters: tuple[FutexWaiter, ...]) -> None:
        self.waiters = waiters

    def woken(self) -> int:
        """The index of the first that was woken, -1 for none."""
        for index, waiter in enumerate(self.waiters):
            if waiter.woken:
                return index
        return -1

    def leave(self, t: Task) -> None:
        """Wait no longer."""
        for waiter in self.waiters:
            t.kernel.futexes.remove(waiter)


def _private(flags: int) -> bool:
    """EINVAL for all flags but those of a word of 32 bits, the only size that Linux has."""
    if flags & ~(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE) or flags & FUTEX2_SIZE_MASK != FUTEX2_SIZE_U32:
        raise SyscallError(errno.EINVAL)
    return flags & FUTEX2_PRIVATE != 0


def _read_words(t: Task, address: int, count: int) -> list[_Word]:
    """`count` struct futex_waitv; EFAULT, EINVAL."""
    words: list[_Word] = []
    for index in range(count):
        value, at, flags, reserved = _WAITV.unpack(t.copy_in(address + index * _WAITV.size, _WAITV.size))
        if reserved:
            raise SyscallError(errno.EINVAL)
        private = _private(flags)
        if value > _U32:
            raise SyscallError(errno.EINVAL)
        words.append(_Word(at, value, private))
    return words


def _deadline(t: Task, address: int, clock: int) -> int | None:
    """An absolute time of `clock`; None without one. EINVAL for other clocks than these two."""
    if not address:
        return None
    if clock not in (CLOCK_REALTIME, CLOCK_MONOTONIC):
        raise SyscallError(errno.EINVAL)
    return to_monotonic(t, clock, read_timespec(t, address))


def _sleep(t: Task, a: SyscallArgs, words: list[_Word], bitset: int, deadline: int | None) -> Result:
    """Compare all, then wait on all."""
    keys = [word.key(t) for word in words]
    waiters = tuple(FutexWaiter(t, word.address, bitset, deadline) for word in words)
    named = zip(waiters, keys, words, strict=True)
    if not wait_at_all(t, [(waiter, key, word.address, word.value) for waiter, key, word in named]):
        return -errno.EAGAIN
    for waiter, word in zip(waiters, words, strict=True):
        watch_word(t, waiter, word.private, word.value)
    a.state = _Sleep(waiters)
    return sleep(t, waiters, _interrupted)


def _again(t: Task, a: SyscallArgs, state: _Sleep) -> int | Block:
    """Woken (the index of the word), timed out, or woken for nothing."""
    index = state.woken()
    if index < 0 and (not a.timed_out or only_looks(t, state.waiters)):
        index = changed(t, state.waiters)
        if index < 0:
            return sleep(t, state.waiters, _interrupted)
    state.leave(t)
    return index if index >= 0 else -errno.ETIMEDOUT


def _interrupted(t: Task, a: SyscallArgs) -> int:
    state = a.state
    assert isinstance(state, _Sleep)
    state.leave(t)
    index = state.woken()
    return index if index >= 0 else -ERESTARTSYS


def sys_futex_waitv(t: Task, a: SyscallArgs) -> Result:
    """futex_waitv(2): the index of the word whose waker came."""
    if isinstance(a.state, _Sleep):
        return _again(t, a, a.state)
    count = a.uint(1)
    if a.uint(2) or not 0 < count <= FUTEX_WAITV_MAX or not a.addr(0):
        return -errno.EINVAL
    deadline = _deadline(t, a.addr(3), a.int(4))
    return _sleep(t, a, _read_words(t, a.addr(0), count), _U32, deadline)


def sys_futex_wait(t: Task, a: SyscallArgs) -> Result:
    """As FUTEX_WAIT_BITSET, with the clock named."""
    if isinstance(a.state, _Sleep):
        return _again(t, a, a.state)
    private = _private(a.uint(3))
    value, bitset = a.ulong(1), a.ulong(2)
    if value > _U32 or bitset > _U32:
        return -errno.EINVAL
    deadline = _deadline(t, a.addr(4), a.int(5))
    if not bitset:
        return -errno.EINVAL
    return _sleep(t, a, [_Word(a.addr(0), value, private)], bitset, deadline)


def sys_futex_wake(t: Task, a: SyscallArgs) -> Result:
    """As FUTEX_WAKE_BITSET, but nobody is woken where none is asked for."""
    private = _private(a.uint(3))
    bitset, count = a.ulong(1), a.int(2)
    if not 0 < bitset <= _U32:
        return -errno.EINVAL
    _Word(a.addr(0), 0, private).key(t)
    return wake_at(t, a.addr(0), private, max(count, 1), bitset) if count else 0


def sys_futex_requeue(t: Task, a: SyscallArgs) -> Result:
    """As FUTEX_CMP_REQUEUE; the first word holds what is compared."""
    if a.uint(1) or not a.addr(0):
        return -errno.EINVAL
    source, target = _read_words(t, a.addr(0), 2)
    nr_wake, nr_requeue = a.int(2), a.int(3)
    if nr_wake < 0 or nr_requeue < 0:
        return -errno.EINVAL
    key, target_key = source.key(t), target.key(t)
    return wake_and_move(t, (key, target_key), (source.address, source.value), nr_wake, nr_requeue)


ROWS: Final[tuple[Row, ...]] = (
    Row(449, "futex_waitv", sys_futex_waitv, FULL, (Arg.ADDR, Arg.UINT, Arg.HEX, Arg.ADDR, Arg.INT)),
    Row(454, "futex_wake", sys_futex_wake, FULL, (Arg.ADDR, Arg.HEX, Arg.INT, Arg.HEX)),
    Row(455, "futex_wait", sys_futex_wait, FULL, (Arg.ADDR, Arg.UINT, Arg.HEX, Arg.HEX, Arg.ADDR, Arg.INT)),
    Row(456, "futex_requeue", sys_futex_requeue, FULL, (Arg.ADDR, Arg.HEX, Arg.INT, Arg.INT)),
)
