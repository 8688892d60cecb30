"""futex(2): waiting, waking, requeueing, compound operations, PI locks, robust lists."""

from __future__ import annotations

import errno
import struct

from sandbox.abi.linux.futex import FUTEX_OWNER_DIED, FUTEX_WAITERS
from sandbox.abi.linux.sched import CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM
from sandbox.abi.linux.signal import SIGUSR1
from sandbox.arch.amd64 import RAX, RIP
from sandbox.kernel.futex_robust import exit_futexes
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_BLOCK

from .box import Box
from .numbers import EXIT, FUTEX, KILL, RESTART_SYSCALL, SET_ROBUST_LIST, TKILL

THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, LOCK_PI, UNLOCK_PI, TRYLOCK_PI = 0, 1, 3, 4, 5, 6, 7, 8
WAIT_BITSET, WAKE_BITSET = 9, 10
PRIVATE = 128


def put_word(box: Box, t: Task, value: int, address: int = 0) -> int:
    return box.put(t, value.to_bytes(4, "little"), address)


def sleeper(box: Box, word: int, value: int, op: int = WAIT, *rest: int) -> Task:
    other = box.fork(box.init, THREAD, 0)
    assert box.call(other, FUTEX, word, op, value, *rest) is None
    return other


def test_wait_compares_first(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 5)
    assert box.call(t, FUTEX, word, WAIT, 4, 0) == -errno.EAGAIN
    assert box.call(t, FUTEX, word + 1, WAIT, 5, 0) == -errno.EINVAL
    assert box.call(t, FUTEX, 0x100, WAIT | PRIVATE, 5, 0) == -errno.EFAULT
    assert box.call(t, FUTEX, 0x100, WAKE, 1) == -errno.EFAULT
    assert box.call(t, FUTEX, word, 99, 1) == -errno.ENOSYS
    assert box.call(t, FUTEX, word, WAIT_BITSET, 5, 0, 0, 0) == -errno.EINVAL
    bad = box.put(t, struct.pack("<qq", 0, 1_000_000_000))
    assert box.call(t, FUTEX, word, WAIT, 5, bad) == -errno.EINVAL


def test_wake_is_first_come_first_served(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    first, second, third = (sleeper(box, word, 0) for _ in range(3))
    assert box.call(t, FUTEX, word, WAKE | PRIVATE, 2) == 0  # another word
    assert box.call(t, FUTEX, word, WAKE, 2) == 2
    assert box.running(first) and box.running(second) and not box.running(third)
    assert box.thread(first).result() == 0
    assert box.call(t, FUTEX, word, WAKE, 10) == 1
    assert box.call(t, FUTEX, word, WAKE, 10) == 0


def test_bitsets(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    one = sleeper(box, word, 0, WAIT_BITSET, 0, 0, 1)
    two = sleeper(box, word, 0, WAIT_BITSET, 0, 0, 2)
    assert box.call(t, FUTEX, word, WAKE_BITSET, 10, 0, 0, 2) == 1
    assert box.running(two) and not box.running(one)


def test_timeouts(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    relative = box.put(t, struct.pack("<qq", 1, 0))
    assert box.call(t, FUTEX, word, WAIT, 0, relative) is None
    box.advance(1_000_000_000)
    assert box.thread(t).result() == -errno.ETIMEDOUT and box.running(t)
    now = box.clock.now_ns() + 500
    absolute = box.put(t, struct.pack("<qq", now // 10**9, now % 10**9))
    assert box.call(t, FUTEX, word, WAIT_BITSET, 0, absolute, 0, 1) is None
    box.advance(500)
    assert box.thread(t).result() == -errno.ETIMEDOUT
    assert box.call(t, FUTEX, word, WAKE, 1) == 0
    wall = box.clock.realtime_ns() + 700
    absolute = box.put(t, struct.pack("<qq", wall // 10**9, wall % 10**9))
    assert box.call(t, FUTEX, word, WAIT_BITSET | 256, 0, absolute, 0, 1) is None
    box.advance(700)
    assert box.thread(t).result() == -errno.ETIMEDOUT


def test_interrupted_wait_leaves_the_queue_and_restarts(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    box.handle(t, SIGUSR1)
    other = sleeper(box, word, 0)
    thread = box.thread(other)
    box.call(t, TKILL, other.tid, SIGUSR1)
    assert thread.regs[RIP] == 0x400000
    assert box.call(t, FUTEX, word, WAKE, 1) == 0


def test_stopped_timed_wait_compares_again(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    word = put_word(box, child, 0)
    timeout = box.put(child, struct.pack("<qq", 5, 0))
    assert box.call(child, FUTEX, word, WAIT, 0, timeout) is None
    box.call(t, KILL, child.pid, 19)
    put_word(box, child, 1, word)
    box.call(t, KILL, child.pid, 18)
    assert box.thread(child).regs[RAX] == RESTART_SYSCALL
    assert box.call(child, RESTART_SYSCALL) == -errno.EAGAIN


def test_requeue(box: Box) -> None:
    t = box.init
    word, other_word = put_word(box, t, 7), put_word(box, t, 0)
    tasks = [sleeper(box, word, 7) for _ in range(4)]
    assert box.call(t, FUTEX, word, CMP_REQUEUE, 1, 2, other_word, 8) == -errno.EAGAIN
    assert box.call(t, FUTEX, word, CMP_REQUEUE, 1, 2, other_word, 7) == 3
    assert [box.running(task) for task in tasks] == [True, False, False, False]
    assert box.call(t, FUTEX, other_word, WAKE, 10) == 2
    assert box.call(t, FUTEX, word, REQUEUE, 0, 10, other_word) == 1
    assert box.call(t, FUTEX, other_word, WAKE, 10) == 1


def wake_op(op: int, operand: int, compare: int, value: int) -> int:
    return op << 28 | compare << 24 | (operand & 0xFFF) << 12 | value & 0xFFF


def test_wake_op(box: Box) -> None:
    t = box.init
    word, second = put_word(box, t, 0), put_word(box, t, 10)
    first_task, second_task = sleeper(box, word, 0), sleeper(box, second, 10)
    # *second += -3; wake at second if it was > 9
    assert box.call(t, FUTEX, word, WAKE_OP, 1, 1, second, wake_op(1, -3, 4, 9)) == 2
    assert box.word(t, second) == 7
    assert box.running(first_task) and box.running(second_task)


def test_wake_op_is_atomic(box: Box) -> None:
    t = box.init
    word, second = put_word(box, t, 0), put_word(box, t, 10)
    box.platform.before_cmpxchg = lambda: t.space.write(second, (100).to_bytes(4, "little"))
    assert box.call(t, FUTEX, word, WAKE_OP, 1, 1, second, wake_op(2, 3, 0, 0)) == 0
    assert box.word(t, second) == 103


def test_pi_lock_is_handed_over(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    assert box.call(t, FUTEX, word, LOCK_PI, 0, 0) == 0
    assert box.word(t, word) == t.tid
    assert box.call(t, FUTEX, word, LOCK_PI, 0, 0) == -errno.EDEADLK
    other = sleeper(box, word, 0, LOCK_PI)
    assert box.word(t, word) == t.tid | FUTEX_WAITERS
    third = box.fork(t, THREAD, 0)
    assert box.call(third, FUTEX, word, TRYLOCK_PI, 0, 0) == -errno.EAGAIN
    assert box.call(third, FUTEX, word, UNLOCK_PI, 0, 0) == -errno.EPERM
    assert box.call(t, FUTEX, word, UNLOCK_PI, 0, 0) == 0
    assert box.word(t, word) == other.tid and box.running(other)
    assert box.call(other, FUTEX, word, UNLOCK_PI, 0, 0) == 0
    assert box.word(t, word) == 0 and not box.kernel.futexes.pi


def test_a_pi_lock_that_is_freed_while_a_waiter_is_announced(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    assert box.call(t, FUTEX, word, LOCK_PI, 0, 0) == 0
    other = box.fork(t, THREAD, 0)
    unlocked = []

    def unlock() -> None:
        unlocked.append(box.word(t, word))
        box.thread(t).call(FUTEX, word, UNLOCK_PI, 0, 0)

    box.platform.after_orders = unlock
    assert box.call(other, FUTEX, word, LOCK_PI, 0, 0) == 0
    assert unlocked == [t.tid | FUTEX_WAITERS] and box.thread(t).result() == 0
    assert box.word(t, word) == other.tid
    assert not box.kernel.futexes.turns and not box.kernel.futexes.pi


def test_who_dies_in_its_turn_lets_the_others_on(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    first, second = box.fork(t, THREAD, 0), box.fork(t, THREAD, 0)

    def die() -> None:
        box.thread(second).call(FUTEX, word, LOCK_PI, 0, 0)
        exit_futexes(first)

    box.platform.after_orders = die
    box.call(first, FUTEX, word, LOCK_PI, 0, 0)
    assert not box.kernel.futexes.turns
    assert second.parked == PARK_BLOCK and box.word(t, word) == first.tid | FUTEX_WAITERS


def test_who_is_interrupted_before_its_turn_begins_anew(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 0)
    box.handle(t, SIGUSR1)
    other, third = box.fork(t, THREAD, 0), box.fork(t, THREAD, 0)

    def meet() -> None:
        box.thread(other).call(FUTEX, word, LOCK_PI, 0, 0)
        assert other in next(iter(box.kernel.futexes.turns.values())).waiting
        box.thread(third).call(TKILL, other.tid, SIGUSR1)
        box.reactor.run_soon()
        assert not next(iter(box.kernel.futexes.turns.values())).waiting

    box.platform.after_orders = meet
    assert box.call(t, FUTEX, word, LOCK_PI, 0, 0) == 0
    assert not box.kernel.futexes.turns and box.thread(other).regs[RIP] == 0x400000  # in its handler


def test_pi_lock_of_a_dead_owner(box: Box) -> None:
    t = box.init
    word = put_word(box, t, 4000)
    assert box.call(t, FUTEX, word, LOCK_PI, 0, 0) == -errno.ESRCH
    owner = box.fork(t, THREAD, 0)
    put_word(box, t, owner.tid, word)
    assert box.call(t, FUTEX, word, LOCK_PI, 0, 0) is None
    box.call(owner, EXIT, 0)
    assert box.word(t, word) == t.tid | FUTEX_OWNER_DIED
    assert box.thread(t).result() == 0


def test_pi_timeout_leaves_no_waiter(box: Box) -> None:
    t = box.init
    owner = box.fork(t, THREAD, 0)
    word = put_word(box, t, owner.tid)
    wall = box.clock.realtime_ns() + 700
    absolute = box.put(t, struct.pack("<qq", wall // 10**9, wall % 10**9))
    assert box.call(t, FUTEX, word, LOCK_PI, 0, absolute) is None
    box.advance(700)
    assert box.thread(t).result() == -errno.ETIMEDOUT and not box.kernel.futexes.pi


def test_robust_list(box: Box) -> None:
    t = box.init
    owner = box.fork(t, THREAD, 0)
    head, lock = box.room(), box.room()
    # list head: next, futex offset, pending; the lock: next pointer, then the word at offset 8
    box.put(t, struct.pack("<QqQ", lock, 8, 0), head)
    box.put(t, struct.pack("<QI", head, owner.tid | FUTEX_WAITERS), lock)
    assert box.call(owner, SET_ROBUST_LIST, head, 23) == -errno.EINVAL
    assert box.call(owner, SET_ROBUST_LIST, head, 24) == 0
    assert box.call(t, FUTEX, lock + 8, WAIT, owner.tid | FUTEX_WAITERS, 0) is None
    box.call(owner, EXIT, 0)
    assert box.word(t, lock + 8) == FUTEX_WAITERS | FUTEX_OWNER_DIED
    assert box.running(t) and box.thread(t).result() == 0


def test_endless_and_garbage_robust_lists(box: Box) -> None:
    t = box.init
    for target in (0x100, None):
        owner = box.fork(t, THREAD, 0)
        head, entry = box.room(), box.room()
        box.put(t, struct.pack("<QqQ", entry, 8, 0), head)
        box.put(t, struct.pack("<QI", entry if target is None else target, 0), entry)
        box.call(owner, SET_ROBUST_LIST, head, 24)
        box.call(owner, EXIT, 0)
    assert len(box.kernel.pids.tasks) == 1
