"""futex_waitv(2) and the calls of Linux 6.7: who is woken, and that nothing is left behind."""

from __future__ import annotations

import errno
import struct

from sandbox.abi.linux.sched import CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM
from sandbox.abi.linux.signal import SIGUSR1
from sandbox.kernel.futex import key_of
from sandbox.kernel.task import Task

from .box import Box
from .numbers import EXIT, FUTEX_REQUEUE2, FUTEX_WAIT2, FUTEX_WAITV, FUTEX_WAKE2, TKILL

THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
U32 = 2


def vector(box: Box, t: Task, words: list[int]) -> int:
    return box.put(t, b"".join(struct.pack("<QQII", 0, word, U32, 0) for word in words))


def left(box: Box, t: Task, words: list[int]) -> int:
    return sum(box.kernel.futexes.waiters(key_of(t, word, False)) for word in words)


def test_one_of_several_words_wakes(box: Box) -> None:
    t = box.init
    words = [box.put(t, bytes(4)) for _ in range(3)]
    at = vector(box, t, words)
    other = box.fork(t, THREAD, 0)
    assert box.call(other, FUTEX_WAITV, at, 3, 0, 0, 0) is None
    assert left(box, t, words) == 3
    assert box.call(t, FUTEX_WAKE2, words[2], 1, 1, U32) == 1
    assert box.thread(other).result() == 2
    assert left(box, t, words) == 0


def test_a_signal_or_the_end_leaves_no_waiter(box: Box) -> None:
    t = box.init
    words = [box.put(t, bytes(4)) for _ in range(2)]
    at = vector(box, t, words)
    box.handle(t, SIGUSR1)
    other, third = box.fork(t, THREAD, 0), box.fork(t, THREAD, 0)
    assert box.call(other, FUTEX_WAITV, at, 2, 0, 0, 0) is None
    assert box.call(third, FUTEX_WAIT2, words[0], 0, 1, U32, 0, 0) is None
    assert left(box, t, words) == 3
    assert box.call(t, TKILL, other.tid, SIGUSR1) == 0
    assert left(box, t, words) == 1
    third.exit()
    assert left(box, t, words) == 0
    assert box.call(t, EXIT, 0) is None


def test_requeue_moves_to_the_second_word(box: Box) -> None:
    t = box.init
    words = [box.put(t, bytes(4)) for _ in range(2)]
    at = vector(box, t, words)
    others = [box.fork(t, THREAD, 0) for _ in range(3)]
    for other in others:
        assert box.call(other, FUTEX_WAIT2, words[0], 0, 0xFFFFFFFF, U32, 0, 0) is None
    assert box.call(t, FUTEX_REQUEUE2, at, 0, 1, 1) == 2
    assert box.running(others[0]) and not box.running(others[1])
    assert box.call(t, FUTEX_WAKE2, words[1], 1, 9, U32) == 1
    assert box.running(others[1]) and not box.running(others[2])


def test_bounds(box: Box) -> None:
    t = box.init
    word = box.put(t, bytes(4))
    at = vector(box, t, [word])
    assert box.call(t, FUTEX_WAITV, at, 129, 0, 0, 0) == -errno.EINVAL
    assert box.call(t, FUTEX_WAITV, at, 1 << 32, 0, 0, 0) == -errno.EINVAL
    assert box.call(t, FUTEX_WAKE2, word, 1 << 32, 1, U32) == -errno.EINVAL
    assert box.call(t, FUTEX_WAKE2, 1 << 62, 1, 1, U32) == -errno.EFAULT
