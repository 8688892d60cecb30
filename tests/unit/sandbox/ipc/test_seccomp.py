"""Filters: bounded, shared, remembered; and free for who has none."""

from __future__ import annotations

import errno
import struct
import time
from typing import Any, SupportsIndex

from sandbox.abi.linux.sched import CLONE_SIGHAND, CLONE_THREAD, CLONE_VM
from sandbox.abi.linux.seccomp import SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_MODE_FILTER, SOCK_FILTER, SOCK_FPROG
from sandbox.abi.linux.signal import SIGKILL
from sandbox.kernel.task import Task
from sandbox.seccomp.check import converted_length
from sandbox.seccomp.filter import MAX_INSNS_PER_PATH, SeccompFilter
from sandbox.seccomp.interpreter import run
from sandbox.seccomp.listener import Listener
from sandbox.vfs.space import SpaceAccount

from ..kernel.box import HEAP, Box

SECCOMP, PRCTL, GETPPID, GETPGID, EXIT, READ = 317, 157, 110, 121, 60, 0
ALLOW = (0x06, 0, 0, 0x7FFF0000)
LOAD_NR, LOAD_ARG = (0x20, 0, 0, 0), (0x20, 0, 0, 16)
Insn = tuple[int, int, int, int]


def install(box: Box, *program: Insn) -> int | None:
    t = box.init
    where = box.put(t, b"".join(SOCK_FILTER.pack(*insn) for insn in program), HEAP)
    return box.call(t, SECCOMP, 1, 0, box.put(t, SOCK_FPROG.pack(len(program), where), HEAP + 4096))


def answers(call: int, number: int) -> tuple[Insn, ...]:
    return (LOAD_NR, (0x15, 0, 1, call), (0x06, 0, 0, 0x50000 | number), ALLOW)


def test_who_has_no_filter_pays_nothing(box: Box) -> None:
    assert box.init.handlers is box.kernel.handlers
    assert install(box, *answers(GETPPID, 5)) == 0
    child = box.fork(box.init)
    assert child.handlers is box.init.handlers is not box.kernel.handlers
    assert box.call(child, GETPPID) == -5


def test_numbers_beyond_the_table_are_filtered(box: Box) -> None:
    assert box.call(box.init, 100_000) == -errno.ENOSYS
    assert install(box, *answers(100_000, 6)) == 0
    assert box.call(box.init, 100_000) == -6
    assert box.call(box.init, 100_001) == -errno.ENOSYS


def test_filters_are_charged_until_the_last_task_is_gone(box: Box, space: SpaceAccount) -> None:
    t = box.init
    child = box.fork(t)
    before = space.overhead
    where = box.put(child, b"".join(SOCK_FILTER.pack(*insn) for insn in answers(GETPPID, 5)))
    assert box.call(child, SECCOMP, 1, 0, box.put(child, SOCK_FPROG.pack(4, where))) == 0
    grandchild = box.fork(child)
    charged = space.overhead - before
    assert charged > 4000
    box.call(child, EXIT, 0)
    assert space.overhead - before == charged
    box.call(grandchild, EXIT, 0)
    assert space.overhead == before


def test_filters_do_not_outgrow_the_space(box: Box) -> None:
    result: int | None = 0
    count = 0
    while result == 0:
        result = install(box, ALLOW)
        count += 1
    assert result == -errno.ENOMEM and count < 300


def test_the_chain_is_bounded(space: SpaceAccount) -> None:
    huge = SpaceAccount()
    program = [(0x00, 0, 0, n) for n in range(4095)] + [ALLOW]
    chain: SeccompFilter | None = None
    for _ in range(7):
        chain = SeccompFilter(program, chain, huge)
    assert chain is not None and chain.total + converted_length(program) + 4 > MAX_INSNS_PER_PATH
    node = chain
    node.release()
    assert huge.overhead == 0


def seconds_to_follow(box: Box, threads: int) -> float:
    """So long takes it to look at so many threads, of which the last one has a filter that a long chain has not."""
    huge = SpaceAccount()
    t = box.fork(box.init)
    first = chain = SeccompFilter([ALLOW], None, huge)
    for _ in range(2000):
        chain = SeccompFilter([ALLOW], chain, huge)
    for _ in range(threads + 1):
        thread = box.fork(t, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
        thread.seccomp, thread.seccomp_mode = first, SECCOMP_MODE_FILTER
    thread.seccomp = SeccompFilter([ALLOW], None, huge)
    t.seccomp, t.seccomp_mode = chain, SECCOMP_MODE_FILTER
    program = box.put(t, SOCK_FILTER.pack(*ALLOW))
    where = box.put(t, SOCK_FPROG.pack(1, program))
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        assert box.call(t, SECCOMP, 1, SECCOMP_FILTER_FLAG_TSYNC, where) == thread.tid
        took.append(time.perf_counter() - begin)
    return min(took)


def test_threads_that_cannot_follow_are_found_at_once(box: Box) -> None:
    """The chain was gone through for each of them: 80 ms for 1,500."""
    assert seconds_to_follow(box, 150) < 20 * seconds_to_follow(box, 1)


def test_a_chain_is_run_once_for_who_is_told(box: Box) -> None:
    """Filters of 32,768 instructions were run twice."""

    class Counted(tuple[Insn, ...]):
        reads = 0

        def __getitem__(self, at: SupportsIndex | slice) -> Any:
            Counted.reads += 1
            return super().__getitem__(at)

    chain = SeccompFilter([(0x06, 0, 0, 0x7FC00000)], None, SpaceAccount())
    asked = chain
    for _ in range(3):
        chain = SeccompFilter(Counted([ALLOW]), chain, SpaceAccount())
    assert chain.verdict(box.init, GETPPID, (0,) * 6) == (0x7FC00000, asked)
    assert Counted.reads == 3
    assert chain.verdict(box.init, GETPPID, (0,) * 6) == (0x7FC00000, asked)


def test_only_what_the_number_decides_is_remembered() -> None:
    words = [GETPGID, 0xC000003E, 0, 0, *range(12)]
    assert run([LOAD_NR, ALLOW], words).pure
    assert not run([LOAD_ARG, ALLOW], words).pure


def test_arguments_are_looked_at_each_time(box: Box) -> None:
    program = (LOAD_NR, (0x15, 0, 3, GETPGID), LOAD_ARG, (0x15, 0, 1, 7), (0x06, 0, 0, 0x50009), ALLOW)
    assert install(box, *program) == 0
    assert box.call(box.init, GETPGID, 7) == -9
    assert box.call(box.init, GETPGID, 1) == 1
    assert box.call(box.init, GETPGID, 7) == -9


def test_a_later_filter_makes_remembered_verdicts_stricter(box: Box) -> None:
    assert install(box, ALLOW) == 0
    assert box.call(box.init, GETPPID) == 0
    assert install(box, *answers(GETPPID, 3)) == 0
    assert box.call(box.init, GETPPID) == -3
    assert install(box, ALLOW) == 0
    assert box.call(box.init, GETPPID) == -3


def test_strict_mode_ends_the_thread(box: Box) -> None:
    child = box.fork(box.init)
    assert box.call(child, SECCOMP, 0, 0, 0) == 0
    assert box.call(child, READ, 99, 0, 0) == -errno.EBADF
    box.call(child, GETPPID)
    assert child.group.exited and child.group.exit_status == SIGKILL


def test_a_filter_may_divide_by_nothing() -> None:
    divide = [(0x80, 0, 0, 0), (0x3C, 0, 0, 0), ALLOW]  # A = 64; A /= X
    assert run(divide, [0] * 16).value == 0
    assert struct.calcsize("<HBBI") == SOCK_FILTER.size


def test_who_waits_for_a_supervisor_is_forgotten_when_it_ends(box: Box, space: SpaceAccount) -> None:
    t = box.init
    child = box.fork(t)
    program = (LOAD_NR, (0x15, 0, 1, GETPPID), (0x06, 0, 0, 0x7FC00000), ALLOW)
    where = box.put(child, b"".join(SOCK_FILTER.pack(*insn) for insn in program))
    fd = box.call(child, SECCOMP, 1, 8, box.put(child, SOCK_FPROG.pack(4, where)))
    assert fd == 0
    listener = child.fds.get(0)
    assert isinstance(listener, Listener)
    listener.acquire()
    assert box.call(child, GETPPID) is None
    assert len(listener.notices) == 1 and not listener.dead
    child.group.begin_exit(SIGKILL)
    box.settle()
    assert not listener.notices and listener.dead
    listener.drop()


def test_the_end_of_the_supervisor_ends_the_wait(box: Box, space: SpaceAccount) -> None:
    child = box.fork(box.init)
    program = (LOAD_NR, (0x15, 0, 1, GETPPID), (0x06, 0, 0, 0x7FC00000), ALLOW)
    where = box.put(child, b"".join(SOCK_FILTER.pack(*insn) for insn in program))
    assert box.call(child, SECCOMP, 1, 8, box.put(child, SOCK_FPROG.pack(4, where))) == 0
    assert box.call(child, GETPPID) is None
    child.fds.close(0)
    box.settle()
    assert box.thread(child).result() == -errno.ENOSYS
    assert box.call(child, GETPPID) == -errno.ENOSYS


def test_a_call_that_was_answered_is_not_made_by_who_was_killed(box: Box, space: SpaceAccount) -> None:
    """It was, by a process that had no memory and no descriptors any more."""
    t = box.init
    made: list[Task] = []
    child = box.fork(t)
    program = (LOAD_NR, (0x15, 0, 1, GETPGID), (0x06, 0, 0, 0x7FC00000), ALLOW)
    where = box.put(child, b"".join(SOCK_FILTER.pack(*insn) for insn in program))
    assert box.call(child, SECCOMP, 1, 8 | 32, box.put(child, SOCK_FPROG.pack(4, where))) == 0
    listener = child.fds.get(0)
    assert isinstance(listener, Listener)
    listener.acquire()
    assert box.call(child, GETPGID, 0) is None
    (notice,) = listener.notices.values()
    box.kernel.handlers[GETPGID] = lambda t, a: made.append(t) or 0
    notice.hold()
    child.group.begin_exit(SIGKILL)
    notice.reply(0, True)
    box.settle()
    assert not made
    listener.drop()
