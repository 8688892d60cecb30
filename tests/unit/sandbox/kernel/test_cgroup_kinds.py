"""Threaded control groups: what becomes of a group, and what is counted for threads in it. Their errors beside the host's, as
far as it has no controllers, are tests/guest/c/cgroup_threads.c."""

from __future__ import annotations

import errno

import pytest

from sandbox.abi.linux.sched import CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM
from sandbox.abi.linux.signal import SIGKILL
from sandbox.errors import SyscallError
from sandbox.kernel.cgroup.bandwidth import bandwidth_of
from sandbox.kernel.cgroup.cgroup import CPU, MEMORY, PIDS, Cgroup
from sandbox.kernel.cgroup.kinds import check_enable, check_target, make_threaded, name_of
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_HELD, PARK_NONE

from .box import Box
from .fake_platform import FakeSpace

MS = 1_000_000
THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD


def error_of(what: object, *arguments: object) -> int:
    with pytest.raises(SyscallError) as caught:
        what(*arguments)  # type: ignore[operator]
    return caught.value.errno


@pytest.fixture
def top(box: Box) -> Cgroup:
    """With the first process in it, and two threaded groups below."""
    top = box.kernel.view.cgroup
    top.enabled = frozenset((CPU, PIDS))
    for name in (b"a", b"b"):
        make_threaded(top.make(name))
    return top


def spend(box: Box, t: Task, ms: int) -> None:
    """`t` has computed for so long."""
    space = t.space
    assert isinstance(space, FakeSpace)
    space.cpu_ns += ms * MS
    box.thread(t).cpu_ns += ms * MS


def test_what_may_be_enabled(box: Box) -> None:
    """Where processes are, controllers that threads share may be; then groups below are none until they are threaded."""
    top = box.kernel.view.cgroup
    assert error_of(check_enable, top, {MEMORY}) == error_of(check_enable, top, {MEMORY, PIDS}) == errno.EBUSY
    check_enable(top, {CPU, PIDS})
    a = top.make(b"a")
    assert (name_of(top), name_of(a)) == ("domain", "domain")
    top.enabled = frozenset((PIDS,))
    assert (name_of(top), name_of(a)) == ("domain threaded", "domain invalid")
    assert error_of(check_target, a) == error_of(check_enable, a, {PIDS}) == errno.EOPNOTSUPP
    make_threaded(a)
    assert (name_of(top), name_of(a), a.controllers()) == ("domain threaded", "threaded", {PIDS})
    assert error_of(check_enable, top, {MEMORY}) == error_of(check_enable, a, {MEMORY}) == errno.EOPNOTSUPP
    check_enable(a, {PIDS})
    check_target(a)


def test_a_domain_with_processes_below_is_no_root(box: Box) -> None:
    top = box.kernel.view.cgroup
    a = top.make(b"a")
    a.take(box.init.group)
    b = top.make(b"b")
    assert error_of(make_threaded, b) == error_of(make_threaded, a) == errno.EOPNOTSUPP
    check_enable(top, {CPU, MEMORY})  # nobody is in it
    top.enabled = frozenset((MEMORY,))
    top.take(box.init.group)
    assert error_of(make_threaded, b) == errno.EOPNOTSUPP


def test_what_was_bounded_of_a_domain_is_free(box: Box) -> None:
    """A threaded group has no memory of its own."""
    top = box.kernel.view.cgroup
    a = top.make(b"a")
    b = a.make(b"b")
    b.limit_memory(7)
    make_threaded(b)
    assert b.memory_pages is None and not box.kernel.cgroups.memory_bounds


def test_threads_are_counted_where_they_are(box: Box, top: Cgroup) -> None:
    a, b = top.children[b"a"], top.children[b"b"]
    thread = box.fork(box.init, THREAD, 0)
    spend(box, thread, 10)
    a.take_thread(thread)
    spend(box, thread, 30)
    spend(box, box.init, 5)
    assert (a.tasks(), top.tasks(), a.live, top.live) == (1, 2, 1, 1)
    assert (a.cpu_ns(), top.cpu_ns()) == (30 * MS, 45 * MS)
    b.take_thread(thread)
    spend(box, thread, 2)
    assert (a.cpu_ns(), b.cpu_ns(), top.cpu_ns()) == (30 * MS, 2 * MS, 47 * MS)
    assert (
        list(a.own_tasks()) == [] and list(top.own_tasks()) == [box.init] and set(top.all_tasks()) == {box.init, thread}
    )
    more = box.fork(thread, THREAD, 0)
    child = box.fork(thread)
    assert more.cgroup() is child.cgroup() is b and child.group.cgroup is top and b.tasks() == 3
    child.group.begin_exit(SIGKILL)
    box.settle()
    assert b.tasks() == 2
    thread.exit(), more.exit()
    assert (b.live, b.tasks(), b.cpu_ns()) == (0, 0, 2 * MS) and not b.threads
    b.remove()
    assert (top.cpu_ns(), top.cpu_ns_past) == (47 * MS, 0), "its processes have that"


def test_a_bound_of_tasks_is_of_threads(box: Box, top: Cgroup) -> None:
    a = top.children[b"a"]
    a.limit_tasks(1)
    a.take_thread(box.init)
    assert error_of(box.init.cgroup().check_room) == errno.EAGAIN
    top.take_thread(box.init)
    box.init.cgroup().check_room()


def test_a_process_moves_with_all_threads(box: Box, top: Cgroup) -> None:
    a = top.children[b"a"]
    thread = box.fork(box.init, THREAD, 0)
    a.take_thread(thread)
    a.take(box.init.group)
    assert set(a.threads) == {box.init, thread} and box.init.group.cgroup is top and top.live == 1
    other = box.kernel.cgroups.root.make(b"other")
    other.take(box.init.group)
    assert not a.threads and not a.live and not top.live and set(other.own_tasks()) == {box.init, thread}


def test_one_thread_is_held(box: Box, top: Cgroup) -> None:
    a = top.children[b"a"]
    thread = box.fork(box.init, THREAD, 0)
    a.take_thread(thread)
    bandwidth_of(a, box.kernel).set(10 * MS, 100 * MS, 0)
    spend(box, thread, 15)
    spend(box, box.init, 50)
    box.advance(10 * MS)
    assert not box.thread(box.init).interrupted
    box.thread(thread).come()
    assert (thread.parked, box.init.parked) == (PARK_HELD, PARK_NONE)
    top.take_thread(thread)
    box.settle()
    assert thread.parked == PARK_NONE
