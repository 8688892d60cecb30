"""cpu.max: how much a control group may use, and who is held."""

from __future__ import annotations

import errno

import pytest

from sandbox.abi.linux.signal import SIGKILL, SIGUSR1
from sandbox.errors import SyscallError
from sandbox.kernel.cgroup.bandwidth import Bandwidth
from sandbox.kernel.cgroup.cgroup import CPU, Cgroup
from sandbox.kernel.cgroup.freezer import is_still, set_freeze
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_HELD, PARK_NONE, PARK_STOP, WORK_CPU

from .box import Box
from .fake_platform import FakeSpace

MS = 1_000_000
GETPPID, PAUSE, NANOSLEEP = 110, 34, 35


@pytest.fixture
def group(box: Box) -> Cgroup:
    """A group with the first process in it."""
    top = box.kernel.view.cgroup
    top.enabled = frozenset((CPU,))
    made = top.make(b"a")
    made.take(box.init.group)
    return made


def limit(cgroup: Cgroup, box: Box, quota_ms: int | None, period_ms: int = 100, burst_ms: int = 0) -> Bandwidth:
    if cgroup.bandwidth is None:
        cgroup.bandwidth = Bandwidth(box.kernel, cgroup)
    cgroup.bandwidth.set(None if quota_ms is None else quota_ms * MS, period_ms * MS, burst_ms * MS)
    return cgroup.bandwidth


def come(box: Box) -> None:
    """Threads that were interrupted stop."""
    for task in box.kernel.pids.tasks.values():
        if box.thread(task).interrupted:
            box.thread(task).come()
    box.settle()


def compute(box: Box, t: Task, ms: int) -> int:
    """`t` would compute for so long: how much it was let. A thread that is interrupted stops."""
    space, done = t.space, 0
    assert isinstance(space, FakeSpace)
    for _ in range(ms):
        if t.parked == PARK_NONE:
            space.cpu_ns += MS
            done += 1
        box.advance(MS)
        come(box)
    return done


def test_a_thread_that_computes_is_held(box: Box, group: Cgroup) -> None:
    bandwidth = limit(group, box, 20)
    assert compute(box, box.init, 950) in range(200, 211)
    assert box.init.parked == PARK_HELD and bandwidth.throttled
    assert (bandwidth.periods, bandwidth.throttles) == (9, 9)
    assert 700 * MS < bandwidth.throttled_ns < 800 * MS


def test_what_was_used_beyond_is_taken_from_the_next_period(box: Box, group: Cgroup) -> None:
    bandwidth = limit(group, box, 10)
    space = box.init.space
    assert isinstance(space, FakeSpace)
    space.cpu_ns += 35 * MS
    box.advance(10 * MS)
    come(box)
    assert box.init.parked == PARK_HELD
    for _ in range(2):
        box.advance(100 * MS)
        assert box.init.parked == PARK_HELD
    box.advance(100 * MS)
    assert box.init.parked == PARK_NONE and bandwidth.throttles == 3


def test_a_call_that_waits_is_not_interrupted(box: Box, group: Cgroup) -> None:
    """It ends when it would; only then the thread is held."""
    other = box.fork(box.init)
    seconds = box.put(other, (0).to_bytes(8, "little") + (50 * MS).to_bytes(8, "little"))
    limit(group, box, 20)
    assert box.call(other, NANOSLEEP, seconds, 0) is None and other.parked == PARK_BLOCK
    assert compute(box, box.init, 30) < 25
    assert (box.init.parked, other.parked) == (PARK_HELD, PARK_BLOCK)
    box.advance(25 * MS)
    assert other.parked == PARK_HELD and box.thread(other).stopped
    box.advance(50 * MS)
    assert other.parked == PARK_NONE and box.thread(other).result() == 0


def test_nobody_looks_while_nobody_runs(box: Box, group: Cgroup) -> None:
    bandwidth = limit(group, box, 20)
    box.handle(box.init, SIGUSR1)
    assert box.call(box.init, PAUSE) is None
    box.advance(100 * MS)
    box.advance(100 * MS)
    assert not bandwidth.active and box.init.work & WORK_CPU
    periods = bandwidth.periods
    box.advance(10_000 * MS)
    assert bandwidth.periods == periods
    box.init.send_signal(SignalInfo(SIGUSR1))
    box.settle()
    assert bandwidth.active and box.init.parked == PARK_NONE and not box.init.work & WORK_CPU
    assert compute(box, box.init, 100) in range(20, 25), "it has no more than one period's"


def test_where_nothing_is_limited_nobody_is_asked(box: Box, group: Cgroup) -> None:
    bandwidth = limit(group, box, 20)
    assert box.kernel.cgroups.cpu_bounds == 1
    limit(group, box, None)
    assert box.kernel.cgroups.cpu_bounds == 0 and not bandwidth.active
    child = box.fork(box.init)
    assert not child.work and not box.init.work


def test_a_limit_above(box: Box, group: Cgroup) -> None:
    """It is of all below; and a new child asks at once."""
    group.enabled = frozenset((CPU,))
    below = group.make(b"b")
    below.take(box.init.group)
    limit(below, box, 80)
    bandwidth = limit(group, box, 20)
    assert compute(box, box.init, 200) in range(40, 45)
    assert bandwidth.throttles == 2 and below.bandwidth is not None and not below.bandwidth.throttles


def test_killing_one_that_is_held(box: Box, group: Cgroup) -> None:
    child = box.fork(box.init)
    limit(group, box, 20)
    compute(box, child, 30)
    assert child.parked == PARK_HELD
    child.group.send_signal(SignalInfo(SIGKILL))
    box.settle()
    assert child.parked == PARK_DEAD and child.group.exited
    box.advance(200 * MS)


def test_freezing_one_that_is_held(box: Box, group: Cgroup) -> None:
    limit(group, box, 20)
    compute(box, box.init, 30)
    set_freeze(group, True)
    assert is_still(group) and box.init.parked == PARK_STOP
    box.advance(200 * MS)
    assert is_still(group)
    set_freeze(group, False)
    box.settle()
    assert box.init.parked == PARK_NONE


def test_moving_one_that_is_held(box: Box, group: Cgroup) -> None:
    """It goes on where there is no limit, and comes back to one that is throttled still."""
    other = box.kernel.view.cgroup.make(b"other")
    limit(group, box, 20)
    compute(box, box.init, 30)
    assert box.init.parked == PARK_HELD
    other.take(box.init.group)
    box.settle()
    assert box.init.parked == PARK_NONE and not box.init.work & WORK_CPU
    group.take(box.init.group)
    come(box)
    assert box.init.parked == PARK_HELD


def test_a_limit_that_is_lifted(box: Box, group: Cgroup) -> None:
    limit(group, box, 20)
    compute(box, box.init, 30)
    group.lost({CPU})
    box.settle()
    assert box.init.parked == PARK_NONE and group.bandwidth is None and box.kernel.cgroups.cpu_bounds == 0


def test_what_was_not_used_is_kept_up_to_the_burst(box: Box, group: Cgroup) -> None:
    bandwidth = limit(group, box, 20, burst_ms=20)
    compute(box, box.init, 5)
    box.advance(95 * MS)
    assert compute(box, box.init, 100) in range(35, 41)
    box.advance(MS)
    assert bandwidth.bursts == 1 and 10 * MS < bandwidth.burst_used_ns <= 20 * MS


@pytest.mark.parametrize("values", [(0, 100, 0), (20, 0, 0), (20, 1001, 0), (20, 100, 21)])
def test_values(box: Box, group: Cgroup, values: tuple[int, int, int]) -> None:
    with pytest.raises(SyscallError) as caught:
        limit(group, box, *values)
    assert caught.value.errno == errno.EINVAL


def test_a_thread_with_many_processors(box: Box, group: Cgroup) -> None:
    """Two that run use it up twice as fast: neither gets much more than its part."""
    other = box.fork(box.init)
    limit(group, box, 40)
    spaces = (box.init.space, other.space)
    used = 0
    for _ in range(100):
        for task, space in zip((box.init, other), spaces, strict=True):
            assert isinstance(space, FakeSpace)
            if task.parked == PARK_NONE:
                space.cpu_ns += MS
                used += 1
        box.advance(MS)
        come(box)
    assert 40 <= used <= 44


def test_many_limits_are_looked_at_less_often(box: Box, group: Cgroup, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody inside may have the sandbox do is bounded, however many limits he makes."""
    looks = 0

    def counted(space: FakeSpace) -> int:
        nonlocal looks
        looks += 1
        return space.cpu_ns

    monkeypatch.setattr(FakeSpace, "cpu_time_ns", counted)
    limit(group, box, 1, period_ms=1)
    compute(box, box.init, 100)
    alone, looks = looks, 0
    for number in range(200):
        limit(box.kernel.view.cgroup.make(b"%d" % number), box, 1, period_ms=1)
    looks = 0
    compute(box, box.init, 100)
    assert alone >= 30 and looks < 10
    box.advance(200 * MS)
    assert box.kernel.cgroups.cpu_looked_at == 1
    looks = 0
    compute(box, box.init, 100)
    assert looks >= 30, "where nobody is nobody looks"


def test_a_look_that_waited_itself_is_not_paid_for(box: Box, group: Cgroup, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host has let the sandbox itself wait for a second in the middle of a look: the next comes soon all the same."""
    limit(group, box, 20)

    def slow(space: FakeSpace) -> int:
        box.clock.advance(1000 * MS)
        return space.cpu_ns

    monkeypatch.setattr(FakeSpace, "cpu_time_ns", slow)
    box.advance(50 * MS)
    monkeypatch.undo()
    assert compute(box, box.init, 400) < 250
