"""cpu.weight: who gets processors that several groups want."""

from __future__ import annotations

import pytest

from sandbox.abi.linux.signal import SIGKILL, SIGUSR1
from sandbox.kernel.cgroup.cgroup import CPU, Cgroup
from sandbox.kernel.cgroup.weights import divided
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_DEAD, PARK_HELD, PARK_NONE, WORK_CPU

from .box import Box
from .fake_platform import FakeSpace

MS = 1_000_000
PAUSE = 34


@pytest.fixture
def top(box: Box) -> Cgroup:
    """A container's own group, which passes the controller on."""
    box.kernel.cpus = 1
    made = box.kernel.view.cgroup
    made.enabled = frozenset((CPU,))
    return made


def group(box: Box, above: Cgroup, name: bytes, shares: int = 1024, processes: int = 1) -> list[Task]:
    """Processes in a new group of this weight; the first process stays where it is, and waits."""
    made = above.make(name)
    made.shares = shares
    tasks = [box.fork(box.init) for _ in range(processes)]
    for task in tasks:
        made.take(task.group)
    return tasks


def come(box: Box) -> None:
    for task in box.kernel.pids.tasks.values():
        if box.thread(task).interrupted:
            box.thread(task).come()
    box.settle()


def compute(box: Box, tasks: list[Task], ms: int) -> dict[Task, float]:
    """All of them would compute for so long on the machine's processors, which are shared evenly among those that may: what
    each got, ms."""
    got = dict.fromkeys(tasks, 0.0)
    for _ in range(ms):
        run = [task for task in tasks if task.parked == PARK_NONE]
        for task in run:
            part = min(1.0, box.kernel.cpus / len(run))
            space = task.space
            assert isinstance(space, FakeSpace)
            space.cpu_ns += int(part * MS)
            got[task] += part
        box.advance(MS)
        come(box)
    return got


def of(got: dict[Task, float], tasks: list[Task]) -> float:
    return sum(got[task] for task in tasks)


def wait(box: Box, *tasks: Task) -> None:
    """They wait for a signal."""
    for task in tasks:
        box.handle(task, SIGUSR1)
        assert box.call(task, PAUSE) is None


def test_three_to_one(box: Box, top: Cgroup) -> None:
    a, b = group(box, top, b"a", 3072), group(box, top, b"b")
    wait(box, box.init)
    got = compute(box, [*a, *b], 2000)
    assert of(got, a) / of(got, b) == pytest.approx(3, rel=0.15)
    assert of(got, a) + of(got, b) == pytest.approx(2000, rel=0.02), "nothing is wasted"


def test_many_threads_get_no_more_than_one(box: Box, top: Cgroup) -> None:
    a, b = group(box, top, b"a"), group(box, top, b"b", processes=9)
    wait(box, box.init)
    got = compute(box, [*a, *b], 2000)
    assert of(got, a) == pytest.approx(of(got, b), rel=0.15)
    assert max(got[task] for task in b) < 2 * min(got[task] for task in b), "they take turns"


def test_what_a_group_cannot_use_is_the_others(box: Box, top: Cgroup) -> None:
    """One thread cannot use more than one processor; who waits uses none, and saves nothing up."""
    box.kernel.cpus = 2
    a, b = group(box, top, b"a", 8192), group(box, top, b"b", processes=2)
    wait(box, box.init)
    got = compute(box, [*a, *b], 1000)
    assert of(got, a) == pytest.approx(1000, rel=0.1) and of(got, b) == pytest.approx(1000, rel=0.1)
    wait(box, a[0])
    assert of(compute(box, b, 1000), b) > 1900
    a[0].send_signal(SignalInfo(SIGUSR1))
    box.settle()
    got = compute(box, [*a, *b], 1000)
    assert of(got, b) == pytest.approx(1000, rel=0.1)


def test_groups_below_groups(box: Box, top: Cgroup) -> None:
    """The parts of those below a group are of its part."""
    outer = top.make(b"outer")
    outer.enabled = frozenset((CPU,))
    c = group(box, top, b"c")
    a, b = group(box, outer, b"a", 3072), group(box, outer, b"b")
    wait(box, box.init)
    got = compute(box, [*a, *b, *c], 4000)
    assert of(got, a) + of(got, b) == pytest.approx(of(got, c), rel=0.15)
    assert of(got, a) / of(got, b) == pytest.approx(3, rel=0.2)


def test_threads_beside_groups(box: Box, top: Cgroup) -> None:
    """Each counts as a group that was given no weight."""
    a = group(box, top, b"a", 3072)
    got = compute(box, [box.init, *a], 2000)
    assert of(got, a) / got[box.init] == pytest.approx(3, rel=0.15)


def test_who_is_idle_gets_what_is_left(box: Box, top: Cgroup) -> None:
    a, b = group(box, top, b"a"), group(box, top, b"b")
    b[0].cgroup().idle = True
    wait(box, box.init)
    got = compute(box, [*a, *b], 2000)
    assert of(got, a) > 1900 and got[b[0]] > 0


def test_nobody_looks_where_nobody_runs_or_competes(box: Box, top: Cgroup) -> None:
    weights = box.kernel.cgroups.weights
    assert weights is not None and not weights.watching
    tasks = [*group(box, top, b"a"), *group(box, top, b"b")]
    assert tasks[0].cgroup().first_work() == WORK_CPU
    assert weights.watching and weights.active
    wait(box, box.init, *tasks)
    for _ in range(5):
        box.advance(100 * MS)
    assert not weights.active and all(task.work & WORK_CPU for task in tasks)
    tasks[0].send_signal(SignalInfo(SIGUSR1))
    box.settle()
    assert weights.active and tasks[0].parked == PARK_NONE and not tasks[0].work & WORK_CPU
    top.enabled = frozenset()
    for _ in range(5):
        box.advance(100 * MS)
    assert not weights.watching


def test_who_is_held_can_be_killed(box: Box, top: Cgroup) -> None:
    a, b = group(box, top, b"a", 1 << 18), group(box, top, b"b")
    wait(box, box.init)
    compute(box, [*a, *b], 200)
    assert b[0].parked == PARK_HELD
    b[0].send_signal(SignalInfo(SIGKILL))
    box.settle()
    assert b[0].parked == PARK_DEAD
    assert of(compute(box, a, 100), a) == 100


def test_a_part_and_what_can_be_used_of_it() -> None:
    assert divided(2.0, [(3, 2), (1, 2)]) == [1.5, 0.5]
    assert divided(2.0, [(3, 1), (1, 2)]) == [1.0, 1.0]
    assert divided(4.0, [(1, 1), (1, 0), (1, 1)]) == [1.0, 0.0, 1.0]
    assert divided(1.0, [(1, 5), (1, 5), (2, 5)]) == [0.25, 0.25, 0.5]
    assert divided(1.0, []) == []
