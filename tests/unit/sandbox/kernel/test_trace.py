"""ptrace(2) at the edges: what a task pays after it was traced, and what is kept of threads that nobody waits for."""

from __future__ import annotations

import errno

import pytest

from sandbox.abi.linux.ptrace import PTRACE_CONT, PTRACE_DETACH, PTRACE_INTERRUPT, PTRACE_O_EXITKILL, PTRACE_SEIZE
from sandbox.abi.linux.sched import CLONE_SIGHAND, CLONE_THREAD, CLONE_VM
from sandbox.abi.linux.wait import WALL, WNOHANG
from sandbox.errors import SyscallError
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_NONE, PARK_TRACED

from .box import Box
from .numbers import EXIT, EXIT_GROUP, GETPPID, KILL, PAUSE, WAIT4

PTRACE = 101
THREAD = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM


def seize(box: Box, tracer: Task, t: Task, options: int = 0) -> None:
    assert box.call(tracer, PTRACE, PTRACE_SEIZE, t.tid, 0, options) == 0


def stop(box: Box, tracer: Task, t: Task) -> None:
    """Seized, it is interrupted and waited for."""
    assert box.call(tracer, PTRACE, PTRACE_INTERRUPT, t.tid, 0, 0) == 0
    if t.parked == PARK_NONE:
        box.thread(t).come()
        box.settle()
    assert t.parked == PARK_TRACED
    assert box.call(tracer, WAIT4, t.tid, 0, WALL, 0) == t.tid


def test_nothing_of_it_is_left_after_a_detach(box: Box) -> None:
    t = box.fork(box.init)
    seize(box, box.init, t)
    assert t.handlers is box.kernel.traced_handlers
    stop(box, box.init, t)
    assert box.call(box.init, PTRACE, PTRACE_DETACH, t.tid, 0, 0) == 0
    assert box.running(t) and t.work == 0
    assert t.handlers is box.kernel.handlers
    assert not box.init.tracees
    assert box.call(t, GETPPID) == box.init.pid


def test_a_call_that_was_interrupted_goes_on(box: Box) -> None:
    t = box.fork(box.init)
    assert box.call(t, PAUSE) is None
    seize(box, box.init, t)
    stop(box, box.init, t)
    assert box.call(box.init, PTRACE, PTRACE_CONT, t.tid, 0, 0) == 0
    assert box.running(t)
    assert box.call(t, PAUSE) is None  # the instruction again
    assert t.parked == PARK_BLOCK


def test_a_thread_that_has_ended_keeps_its_number_for_its_tracer(box: Box) -> None:
    process = box.fork(box.init)
    t = box.fork(process, THREAD, 0, box.room())
    seize(box, box.init, t)
    box.call(t, EXIT, 5)
    assert t.parked == PARK_DEAD and box.kernel.pids.held.keys() == {t.tid}
    status = box.room()
    assert box.call(box.init, WAIT4, t.tid, status, WALL, 0) == t.tid
    assert box.word(box.init, status) == 5 << 8
    assert not box.kernel.pids.held and not box.init.tracees
    assert box.call(box.init, WAIT4, t.tid, 0, WALL | WNOHANG, 0) == -errno.ECHILD


def test_threads_that_nobody_waits_for_count(box: Box) -> None:
    process = box.fork(box.init)
    pids = box.kernel.pids
    pids.max_tasks = len(pids.tasks) + 1
    t = box.fork(process, THREAD, 0, box.room())
    seize(box, box.init, t)
    box.call(t, EXIT, 0)
    with pytest.raises(SyscallError, match="EAGAIN|11"):
        pids.allocate()
    box.call(box.init, WAIT4, t.tid, 0, WALL, 0)
    assert pids.allocate()


def test_the_end_of_the_tracer_frees_what_it_kept(box: Box) -> None:
    tracer, process = box.fork(box.init), box.fork(box.init)
    t = box.fork(process, THREAD, 0, box.room())
    seize(box, tracer, t)
    seize(box, tracer, process)
    box.call(t, EXIT, 0)
    stop(box, tracer, process)
    box.call(tracer, EXIT_GROUP, 0)
    assert not box.kernel.pids.held
    assert process.ptrace is None and box.running(process)


def test_the_end_of_the_tracer_may_be_theirs(box: Box) -> None:
    tracer, t = box.fork(box.init), box.fork(box.init)
    seize(box, tracer, t, PTRACE_O_EXITKILL)
    stop(box, tracer, t)
    box.call(tracer, KILL, tracer.pid, 9)
    assert t.parked == PARK_DEAD and t.group.exit_status == 9
    assert box.call(box.init, WAIT4, t.pid, 0, 0, 0) == t.pid
