"""futex(2), robust lists, set_tid_address(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.futex import (
    FUTEX_BITSET_MATCH_ANY,
    FUTEX_CLOCK_REALTIME,
    FUTEX_CMP_REQUEUE,
    FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI,
    FUTEX_LOCK_PI2,
    FUTEX_OP_ADD,
    FUTEX_OP_ANDN,
    FUTEX_OP_OPARG_SHIFT,
    FUTEX_OP_OR,
    FUTEX_OP_SET,
    FUTEX_OP_XOR,
    FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE,
    FUTEX_TRYLOCK_PI,
    FUTEX_UNLOCK_PI,
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAIT_REQUEUE_PI,
    FUTEX_WAKE,
    FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
)
from sandbox.abi.linux.time import CLOCK_MONOTONIC, CLOCK_REALTIME
from sandbox.errors import SyscallError
from sandbox.kernel import futex_pi, futex_requeue
from sandbox.kernel.control import ERESTART_RESTARTBLOCK, ERESTARTSYS, Result
from sandbox.kernel.futex import FutexWaiter, Key, key_of
from sandbox.kernel.futex_outside import changed, only_looks, sleep, wake_at, watch_word
from sandbox.kernel.futex_word import WordUpdate, read_word, wait_at
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.known import futexes_known
from sandbox.syscalls.linux.sys_time import to_monotonic
from sandbox.syscalls.linux.timespec import read_timespec
from sandbox.syscalls.row import PARTIAL, Arg, Row

_TIMED: Final = frozenset((FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_WAIT_REQUEUE_PI))
_CLOCKED: Final = frozenset((FUTEX_WAIT_BITSET, FUTEX_LOCK_PI2, FUTEX_WAIT_REQUEUE_PI))


def sys_futex(t: Task, a: SyscallArgs) -> Result:
    """futex(2). The plain operations come first; the rarer ones in `_rare`."""
    op = a.int(1)
    cmd = op & 0x7F
    private = op & FUTEX_PRIVATE_FLAG != 0
    if cmd == FUTEX_WAKE and not op & FUTEX_CLOCK_REALTIME:
        return wake(t, a.addr(0), private, a.int(2), FUTEX_BITSET_MATCH_ANY)
    if a.state is not None:
        return _wait_again(t, a)
    if op & FUTEX_CLOCK_REALTIME and cmd not in _CLOCKED:
        return -errno.ENOSYS
    deadline = _deadline(t, a, cmd, op) if cmd in _TIMED and a.addr(3) else None
    if cmd == FUTEX_WAIT:
        return wait(t, a, private, FUTEX_BITSET_MATCH_ANY, deadline)
    if cmd == FUTEX_WAIT_BITSET:
        return wait(t, a, private, a.uint(5), deadline)
    return _rare(t, a, cmd, private, deadline)


def _rare(t: Task, a: SyscallArgs, cmd: int, private: bool, deadline: int | None) -> Result:
    if cmd == FUTEX_WAKE_BITSET:
        return wake(t, a.addr(0), private, a.int(2), a.uint(5))
    if cmd == FUTEX_REQUEUE:
        return requeue(t, a, private, None)
    if cmd == FUTEX_CMP_REQUEUE:
        return requeue(t, a, private, a.uint(5))
    if cmd == FUTEX_WAKE_OP:
        return wake_op(t, a, private)
    if cmd in (FUTEX_LOCK_PI, FUTEX_LOCK_PI2):
        return futex_pi.lock(t, a, a.addr(0), private, deadline)
    if cmd == FUTEX_TRYLOCK_PI:
        return futex_pi.trylock(t, a, a.addr(0), private)
    if cmd == FUTEX_UNLOCK_PI:
        return futex_pi.unlock(t, a.addr(0), private)
    if cmd == FUTEX_WAIT_REQUEUE_PI:
        return futex_requeue.wait(t, a, a.addr(0), a.addr(4), private, deadline)
    if cmd == FUTEX_CMP_REQUEUE_PI:
        return futex_requeue.requeue(t, a, private)
    return -errno.ENOSYS


def _deadline(t: Task, a: SyscallArgs, cmd: int, op: int) -> int:
    """On the kernel's monotonic clock. FUTEX_WAIT's time is relative, the others' absolute."""
    at = read_timespec(t, a.addr(3))
    if cmd == FUTEX_WAIT:
        return t.kernel.clock.now_ns() + at
    realtime = cmd == FUTEX_LOCK_PI or op & FUTEX_CLOCK_REALTIME
    return to_monotonic(t, CLOCK_REALTIME if realtime else CLOCK_MONOTONIC, at)


def _check_address(addr: int) -> None:
    if addr & 3:
        raise SyscallError(errno.EINVAL)


def wake(t: Task, addr: int, private: bool, count: int, bitset: int) -> int:
    """FUTEX_WAKE, FUTEX_WAKE_BITSET. Like Linux it wakes one even when asked for none."""
    if not bitset or addr & 3:
        return -errno.EINVAL
    if addr >= t.kernel.task_size:
        return -errno.EFAULT
    woken = wake_at(t, addr, private, max(count, 1), bitset)
    if not woken:
        futexes_known(t)
    return woken


def wait(t: Task, a: SyscallArgs, private: bool, bitset: int, deadline: int | None) -> Result:
    """FUTEX_WAIT, FUTEX_WAIT_BITSET: compare and wait."""
    addr = a.addr(0)
    if not bitset:
        return -errno.EINVAL
    _check_address(addr)
    key = key_of(t, addr, private)
    waiter = FutexWaiter(t, addr, bitset, deadline)
    if not wait_at(t, waiter, key, addr, a.uint(2)):
        futexes_known(t)
        return -errno.EAGAIN
    a.state = waiter
    watch_word(t, waiter, private, a.uint(2))
    return sleep(t, (waiter,), _wait_interrupted)


def _wait_again(t: Task, a: SyscallArgs) -> Result:
    """Woken, timed out, woken for nothing, or restarted after a stop."""
    state = a.state
    if isinstance(state, futex_pi.PiWait):
        return futex_pi.lock_again(t, a, state)
    if isinstance(state, futex_requeue.RequeueWait):
        return futex_requeue.wait_again(t, a, state)
    assert isinstance(state, FutexWaiter)
    if state.woken:
        return 0
    if a.timed_out and not only_looks(t, (state,)):
        t.kernel.futexes.remove(state)
        return -errno.ETIMEDOUT
    if not state.queued:
        a.state = None
        return wait(t, a, a.int(1) & FUTEX_PRIVATE_FLAG != 0, state.bitset, state.deadline)
    if changed(t, (state,)) == 0:
        t.kernel.futexes.remove(state)
        return 0
    return sleep(t, (state,), _wait_interrupted)


def _wait_interrupted(t: Task, a: SyscallArgs) -> int:
    state = a.state
    assert isinstance(state, FutexWaiter)
    if state.woken:
        return 0
    t.kernel.futexes.remove(state)
    return -ERESTARTSYS if state.deadline is None else -ERESTART_RESTARTBLOCK


def requeue(t: Task, a: SyscallArgs, private: bool, expected: int | None) -> int:
    """FUTEX_REQUEUE, FUTEX_CMP_REQUEUE."""
    source, target = a.addr(0), a.addr(4)
    nr_wake, nr_requeue = a.int(2), a.int(3)
    if nr_wake < 0 or nr_requeue < 0:
        return -errno.EINVAL
    _check_address(source)
    _check_address(target)
    key, target_key = key_of(t, source, private), key_of(t, target, private)
    word = None if expected is None else (source, expected)
    return wake_and_move(t, (key, target_key), word, nr_wake, nr_requeue)


def wake_and_move(t: Task, keys: tuple[Key, Key], word: tuple[int, int] | None, nr_wake: int, nr_requeue: int) -> int:
    """Wake some at the first key, let others wait at the second: how many it were. EAGAIN where the word at an address has
    another value."""
    futexes = t.kernel.futexes
    source, target = keys
    futexes.expect(target)
    try:
        if word is not None and read_word(t, word[0]) != word[1]:
            return -errno.EAGAIN
        woken = futexes.wake(source, nr_wake) if nr_wake else 0
        return woken + futexes.requeue(source, target, nr_requeue)
    finally:
        futexes.expect_no_more(target)


class _WakeOp:
    """FUTEX_WAKE_OP: the second word's change, the comparison, both wake-ups."""

    __slots__ = ("op", "operand", "compare", "value", "first", "second", "counts", "addr2")

    def __init__(self, t: Task, a: SyscallArgs, private: bool) -> None:
        encoded = a.uint(5)
        self.op = encoded >> 28 & 7
        operand = _sign12(encoded >> 12)
        if encoded >> 28 & FUTEX_OP_OPARG_SHIFT:
            operand = 1 << (operand & 31)
        self.operand = operand & 0xFFFFFFFF
        self.compare = encoded >> 24 & 15
        self.value = _sign12(encoded)
        self.first = key_of(t, a.addr(0), private)
        self.addr2 = a.addr(4)
        self.second = key_of(t, self.addr2, private)
        self.counts = (max(a.int(2), 1), max(a.int(3), 1))
        if self.op > FUTEX_OP_XOR or self.compare > 5:
            raise SyscallError(errno.ENOSYS)

    def change(self, old: int) -> int:
        """The new word."""
        op = self.op
        if op == FUTEX_OP_SET:
            return self.operand
        if op == FUTEX_OP_ADD:
            return (old + self.operand) & 0xFFFFFFFF
        if op == FUTEX_OP_OR:
            return old | self.operand
        if op == FUTEX_OP_ANDN:
            return old & ~self.operand
        return old ^ self.operand

    def then(self, t: Task, old: int) -> Result:
        """Wake at the first word, and at the second if the old value compares."""
        signed = old - 0x1_0000_0000 if old & 0x8000_0000 else old
        value = self.value
        holds = (
            signed == value,
            signed != value,
            signed < value,
            signed <= value,
            signed > value,
            signed >= value,
        )[self.compare]
        futexes = t.kernel.futexes
        woken = futexes.wake(self.first, self.counts[0])
        return woken + futexes.wake(self.second, self.counts[1]) if holds else woken


def _sign12(value: int) -> int:
    value &= 0xFFF
    return value - 0x1000 if value & 0x800 else value


def wake_op(t: Task, a: SyscallArgs, private: bool) -> Result:
    """FUTEX_WAKE_OP."""
    _check_address(a.addr(0))
    _check_address(a.addr(4))
    operation = _WakeOp(t, a, private)
    return WordUpdate(operation.addr2, operation.change, operation.then).run(t)


ROWS: Final[tuple[Row, ...]] = (
    Row(
        202,
        "futex",
        sys_futex,
        PARTIAL,
        (Arg.ADDR, Arg.HEX, Arg.UINT, Arg.ADDR, Arg.ADDR, Arg.HEX),
        "priorities are not inherited",
    ),
)
