"""Control groups: the tree, who is in it, freezing."""

from __future__ import annotations

import errno

import pytest

from sandbox.abi.linux.signal import SIGKILL, SIGTERM, SIGUSR1
from sandbox.errors import SyscallError
from sandbox.kernel.cgroup.cgroup import MEMORY, PIDS, Cgroup
from sandbox.kernel.cgroup.freezer import is_still, set_freeze
from sandbox.kernel.cgroup.kinds import check_target
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_clone import CloneRequest, clone
from sandbox.kernel.task_state import PARK_STOP

from .box import Box


def error_of(what: object, *arguments: object) -> int:
    with pytest.raises(SyscallError) as caught:
        what(*arguments)  # type: ignore[operator]
    return caught.value.errno


@pytest.fixture
def top(box: Box) -> Cgroup:
    return box.kernel.view.cgroup


def test_paths(top: Cgroup) -> None:
    a = top.make(b"a")
    b, c = a.make(b"b"), top.make(b"c")
    assert (b.path_from(top), b.path_from(b), top.path_from(top)) == (b"/a/b", b"/", b"/")
    assert (top.path_from(b), c.path_from(b), c.path_from(a)) == (b"/../..", b"/../../c", b"/../c")


def test_a_group_goes_when_it_is_empty(box: Box, top: Cgroup) -> None:
    a = top.make(b"a")
    child = box.fork(box.init)
    told = a.events.count
    a.take(child.group)
    assert (child.group.cgroup, top.live, a.live, a.events.count) == (a, 2, 1, told + 1)
    assert error_of(a.remove) == errno.EBUSY
    child.group.begin_exit(SIGKILL)
    box.settle()
    assert (a.live, a.tasks(), a.events.count) == (0, 1, told + 2)  # a zombie is still counted
    a.remove()
    assert error_of(a.make, b"x") == errno.ENODEV and error_of(check_target, a) == errno.ENODEV
    assert b"a" not in top.children


def test_a_group_that_goes_while_somebody_is_made_in_it(box: Box, top: Cgroup) -> None:
    """clone3(2) with CLONE_INTO_CGROUP: ENODEV."""
    a = top.make(b"a")
    request = CloneRequest(0, 17)
    request.cgroup = a
    thread = box.thread(box.init)
    thread.stopped = True
    clone(box.init, request)
    a.remove()
    box.settle()
    assert thread.result() == -errno.ENODEV and not a.live


def test_bounds_of_the_tree(top: Cgroup) -> None:
    top.max_depth = 1
    a = top.make(b"a")
    assert error_of(a.make, b"b") == errno.EAGAIN
    top.max_depth, top.max_descendants = None, 2
    a.make(b"b")
    assert error_of(a.make, b"c") == errno.EAGAIN


def test_tasks_are_bounded_here_and_above(box: Box, top: Cgroup) -> None:
    a = top.make(b"a")
    a.take(box.init.group)
    a.check_room()
    top.limit_tasks(1)
    assert error_of(a.check_room) == errno.EAGAIN and (a.pids_hits, top.pids_hits) == (1, 0)
    top.limit_tasks(None)
    a.check_room()


def test_what_is_no_longer_passed_on_bounds_nothing(box: Box, top: Cgroup) -> None:
    top.enabled = frozenset((MEMORY, PIDS))
    a = top.make(b"a")
    a.limit_tasks(1)
    a.limit_memory(7)
    a.lost({MEMORY, PIDS})
    assert (a.pids_max, a.memory_pages) == (None, None)
    assert (box.kernel.cgroups.pids_bounds, dict(box.kernel.cgroups.memory_bounds)) == (0, {})


def test_processes_may_not_be_beside_groups_that_compete(box: Box, top: Cgroup) -> None:
    a = top.make(b"a")
    b = a.make(b"b")
    a.enabled = frozenset((PIDS,))
    check_target(a)  # tasks do not compete while nobody is below
    b.take(box.init.group)
    assert error_of(check_target, a) == errno.EBUSY
    top.take(box.init.group)
    a.enabled = frozenset((MEMORY,))
    assert error_of(check_target, a) == errno.EBUSY


def test_frozen_processes_stand_still_until_thawed_or_killed(box: Box, top: Cgroup) -> None:
    a = top.make(b"a")
    first, second = box.fork(box.init), box.fork(box.init)
    box.handle(second, SIGUSR1)
    a.take(first.group)
    set_freeze(a, True)
    box.thread(first).come()
    box.settle()
    assert first.parked == PARK_STOP and is_still(a) and a.events.count == 2
    a.take(second.group)
    assert not is_still(a)
    box.thread(second).come()
    box.settle()
    assert is_still(a) and not is_still(top)
    first.group.send_signal(SignalInfo(SIGTERM))
    second.group.send_signal(SignalInfo(SIGUSR1))
    box.settle()
    assert first.group.exited and first.group.exit_status == SIGTERM
    assert second.parked == PARK_STOP
    set_freeze(a, False)
    box.settle()
    assert box.running(second) and not second.pending.mask | second.group.pending.mask


def test_a_child_of_a_frozen_group_begins_frozen(box: Box, top: Cgroup) -> None:
    """One that was being made when its group froze."""
    a = top.make(b"a")
    a.frozen = True
    box.init.group.cgroup = a
    child = box.fork(box.init)
    box.settle()
    assert child.parked == PARK_STOP


def test_what_came_while_it_froze_is_waited_for(box: Box, top: Cgroup) -> None:
    a = top.make(b"a")
    first, second = box.fork(box.init), box.fork(box.init)
    a.take(first.group)
    set_freeze(a, True)
    assert not is_still(a)
    a.take(second.group)
    box.thread(first).come()
    assert not is_still(a)
    top.take(second.group)  # who leaves is waited for no longer
    assert is_still(a)


def test_the_tree_is_not_deeper_than_what_walks_it(top: Cgroup) -> None:
    here = top
    with pytest.raises(SyscallError) as caught:
        for _ in range(10_000):
            here = here.make(b"x")
    assert caught.value.errno == errno.EAGAIN
    assert sum(1 for _ in top.walk()) > 100
