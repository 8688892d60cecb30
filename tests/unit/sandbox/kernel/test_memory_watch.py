"""What the sandbox really uses is bounded: the process with the most of it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Callable

import pytest

from sandbox.abi.linux.signal import SIGKILL
from sandbox.kernel.cgroup.cgroup import Cgroup
from sandbox.kernel.cgroup.memory import penalty_ns
from sandbox.kernel.memory_watch import AREA_BYTES, HEARD_NS, LATEST_NS, OWN_SLACK, PAGE, TIDY_PAGES, MemoryWatch
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_DEAD, PARK_HELD, PARK_NONE
from sandbox.kernel.view import View
from sandbox.platform.base import AddressSpace, MemoryUse
from sandbox.vfs.space import SpaceAccount
from tcpip.waiter import EVENT_PRI

from .box import Box

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

LIMIT = 10_000
SECOND = 1_000_000_000


class Watched:
    """A box whose processes use what a test says, in pages."""

    def __init__(self, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
        self.box = box
        self.use: dict[object, MemoryUse] = {}
        self.own = 0
        self.lines: list[str] = []
        self.files = SpaceAccount(LIMIT * 4096)
        box.kernel.commit.size = LIMIT
        box.kernel.mounts = SimpleNamespace(vfs=SimpleNamespace(space=self.files))  # type: ignore[assignment]
        box.kernel.log.sink = lambda level, line: self.lines.append(line)
        monkeypatch.setattr(
            type(box.init.space), "memory_use", lambda space: self.use.get(space, MemoryUse(10, 0, 0)), raising=False
        )
        self.free = 0  # of the sentry's own, pages that can be given back
        self.watch = MemoryWatch(box.kernel, lambda: self.own, self.give_back)

    def give_back(self) -> None:
        self.own -= self.free
        self.free = 0

    def child(self, private: int, shared: int = 0) -> Task:
        t = self.box.fork(self.box.init)
        self.use[t.space] = MemoryUse(private, shared, 0)
        return t


@pytest.fixture
def watched(box: Box, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(box, monkeypatch)


def test_the_biggest_is_killed_and_nobody_else(watched: Watched) -> None:
    small, big = watched.child(LIMIT // 4), watched.child(LIMIT)
    watched.box.advance(SECOND)
    assert big.group.exiting and big.group.exit_status == 9
    assert not small.group.exiting and not watched.box.init.group.exiting
    assert len(watched.lines) == 1 and f"Killed process {big.group.pid} " in watched.lines[0]
    watched.box.advance(10 * SECOND)
    assert not small.group.exiting


def test_a_bounded_container_is_looked_at_by_itself(watched: Watched) -> None:
    """The biggest of its processes ends, bigger ones of others do not; what it shares counts once."""
    bounded, other = watched.child(200), watched.child(LIMIT // 2)
    small = watched.child(100, 300)
    kernel = watched.box.kernel
    view = View(kernel.pids, Cgroup(kernel.cgroups, kernel.cgroups.root, b"2"), True)
    for t in (bounded, small):
        t.group.view = view
        view.cgroup.take(t.group)
    view.cgroup.limit_memory(700)
    kernel.commit.shared = 300
    watched.box.advance(SECOND)
    assert not watched.lines and view.oom_kills == 0
    watched.use[bounded.space] = MemoryUse(500, 300, 0)
    watched.box.advance(SECOND)
    assert bounded.group.exiting and not small.group.exiting and not other.group.exiting
    assert view.oom_kills == 1 and "its container has 2800 kB and used 3600 kB" in watched.lines[0]
    watched.box.advance(10 * SECOND)
    assert not small.group.exiting


@pytest.mark.parametrize("awaited", [True, False])
def test_who_waits_for_the_events_hears_before_the_end(watched: Watched, awaited: bool) -> None:
    """Docker learns from them why a container has ended, and must not hear of its end first. The victim gets no further."""
    t = watched.child(500)
    kernel = watched.box.kernel
    cgroup = Cgroup(kernel.cgroups, kernel.cgroups.root, b"2")
    cgroup.take(t.group)
    cgroup.limit_memory(200)
    heard: list[tuple[int, int, bool]] = []
    events = cgroup.memory_events
    if awaited:
        kernel.cgroups.root.memory_events.changed.queue.add(
            EVENT_PRI, lambda _: heard.append((events.kill, events.oom, t.group.exiting))
        )
    while not events.kill:
        watched.box.advance(1_000_000)
    assert t.group.exiting is not awaited and (events.kill, events.oom) == (1, 1)
    assert heard == ([(1, 0, False), (1, 1, False)] if awaited else [])
    assert bool(t.penalty_until) is awaited
    watched.box.advance(HEARD_NS)
    assert t.group.exiting and t.group.exit_status == SIGKILL and events.kill == 1
    assert len(watched.lines) == 1


def test_what_fits_is_left_alone(watched: Watched) -> None:
    t = watched.child(LIMIT - 1000)
    watched.box.advance(10 * SECOND)
    assert not t.group.exiting and not watched.lines


def test_memory_that_several_share_counts_once(watched: Watched) -> None:
    children = [watched.child(10, LIMIT - 1000) for _ in range(3)]
    watched.box.kernel.commit.shared = LIMIT - 1000
    watched.box.advance(10 * SECOND)
    assert not any(t.group.exiting for t in children)


def test_what_forks_left_in_common_counts_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    children = [watched.child(LIMIT - 1000) for _ in range(40)]
    copies = dict.fromkeys((t.space for t in children), LIMIT - 1000 - 10)
    monkeypatch.setattr(
        type(watched.box.init.space), "shared_copies", lambda space: copies.get(space, 0), raising=False
    )
    watched.box.advance(10 * SECOND)
    assert not any(t.group.exiting for t in children)
    copies[children[7].space] = copies[children[9].space] = 0
    for _ in range(10):
        watched.box.advance(SECOND)
    assert sum(t.group.exiting for t in children) == 1


def test_a_look_at_big_processes_is_short(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, measured = watched.box.clock, []

    def slow(space: object) -> int:
        measured.append(space)
        clock.advance(SECOND // 20)
        return LIMIT - 1000 - 10

    children = [watched.child(LIMIT - 1000) for _ in range(10)]
    monkeypatch.setattr(type(watched.box.init.space), "shared_copies", slow, raising=False)
    watched.watch.look()
    assert len(measured) == 1
    for _ in range(12):
        watched.watch.look()
    assert set(measured) >= {t.space for t in children} and not watched.lines


def test_a_look_at_many_groups_is_short(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of each are measured, and no others; for who was not reached the next look is soon."""
    clock, kernel, measured = watched.box.clock, watched.box.kernel, []

    def slow(space: object) -> int:
        measured.append(space)
        clock.advance(15_000_000)
        return 0

    monkeypatch.setattr(type(watched.box.init.space), "shared_copies", slow, raising=False)
    children = [watched.child(300) for _ in range(6)]
    free = watched.child(5_000)
    for number, t in enumerate(children):
        cgroup = Cgroup(kernel.cgroups, kernel.cgroups.root, b"%d" % number)
        cgroup.limit_memory(200)
        cgroup.take(t.group)
    watched.watch.look()
    assert len(measured) == 2
    for _ in range(3):
        watched.box.advance(61_000_000)
    assert set(measured) == {t.space for t in children} and free.space not in measured
    watched.box.advance(61_000_000)
    assert all(t.group.exiting for t in children)


def test_groups_within_groups_are_both_beyond_their_bounds(watched: Watched) -> None:
    """Who was killed for the one counts no more for the other."""
    kernel = watched.box.kernel
    outer = Cgroup(kernel.cgroups, kernel.cgroups.root, b"2")
    inner = Cgroup(kernel.cgroups, outer, b"3")
    first, second = watched.child(300), watched.child(200)
    for cgroup, t in ((inner, first), (inner, second)):
        cgroup.take(t.group)
        cgroup.limit_memory(250)
    outer.limit_memory(250)
    watched.box.advance(SECOND // 2)
    assert first.group.exiting and not second.group.exiting


def test_who_is_within_his_own_bounds_does_not_end_for_one_who_is_not(watched: Watched) -> None:
    """That one met his bound before there was too much in the groups around it."""
    kernel = watched.box.kernel
    outer = Cgroup(kernel.cgroups, kernel.cgroups.root, b"2")
    inner = Cgroup(kernel.cgroups, outer, b"3")
    outside, within, over = watched.child(LIMIT - 500), watched.child(500), watched.child(400)
    outer.limit_memory(600)
    inner.limit_memory(300)
    outer.take(within.group)
    inner.take(over.group)
    watched.box.advance(SECOND // 50)
    assert over.group.exiting and not within.group.exiting and not outside.group.exiting


def test_oom_score_adj(watched: Watched) -> None:
    wanted, big = watched.child(LIMIT // 2), watched.child(LIMIT)
    wanted.group.oom_score_adj = 1000
    watched.box.advance(SECOND // 50)
    assert wanted.group.exiting and not big.group.exiting
    big.group.oom_score_adj = -1000
    watched.box.advance(SECOND)
    assert watched.box.init.group.exiting  # it goes before one that must not be chosen


def test_files_that_a_mapping_let_grow(watched: Watched) -> None:
    t = watched.child(10, LIMIT)

    class File:
        def blocks(self) -> int:
            watched.files.used = LIMIT + 100 + LIMIT
            return 0

    watched.files.mapped[File()] = None
    watched.box.advance(SECOND)
    assert t.group.exiting


def test_the_sentrys_own_growth(watched: Watched) -> None:
    t = watched.child(100)
    watched.own = OWN_SLACK + LIMIT // 2
    watched.box.advance(SECOND)
    assert not t.group.exiting
    watched.own = OWN_SLACK + LIMIT + 1
    watched.box.advance(10 * SECOND)
    assert t.group.exiting and not watched.box.init.group.exiting  # memory that comes back is not always given back
    watched.own *= 3
    watched.box.advance(SECOND)
    assert watched.box.init.group.exiting


def test_nobody_else_is_killed_while_what_the_sentry_held_for_one_is_not_back(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    t, other = watched.child(100), watched.child(50)
    box, space = watched.box, t.space
    monkeypatch.setattr(type(space), "kill", lambda space: None)  # the host takes its time
    spaces = dict(box.kernel.spaces)
    watched.own = OWN_SLACK + LIMIT + 1
    box.advance(SECOND // 50)
    assert t.group.exiting
    box.kernel.spaces[space] = spaces[space]
    for _ in range(5):
        watched.own += 300
        box.advance(SECOND // 50)
    assert not other.group.exiting
    del box.kernel.spaces[space]
    watched.free = LIMIT
    box.advance(SECOND)
    assert not watched.free and not other.group.exiting and not box.init.group.exiting
    assert len(watched.lines) == 1


def test_a_name_cannot_forge_a_line(watched: Watched) -> None:
    t = watched.child(LIMIT)
    t.comm = b"x\nruns\x1b[2J"
    watched.box.advance(SECOND)
    assert len(watched.lines) == 1 and "\x1b" not in watched.lines[0], watched.lines


def test_nobody_looks_while_every_guest_waits(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something happens; then as before."""
    box = watched.box
    monkeypatch.setattr(box.platform, "quiet", lambda: True, raising=False)
    box.advance(SECOND)
    assert box.reactor.timers.next_deadline() is None
    monkeypatch.setattr(box.platform, "quiet", lambda: False, raising=False)
    big = watched.child(LIMIT + 1)
    box.advance(SECOND)
    assert not big.group.exiting
    box.reactor.something_happened()
    box.advance(SECOND)
    assert big.group.exiting


def test_areas_that_the_host_keeps_are_charged(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody counts them while they would fit all the same."""
    box = watched.box
    few, many = watched.child(LIMIT // 3), watched.child(100)
    asked: list[object] = []
    most = LIMIT * PAGE // AREA_BYTES
    areas = {few.space: 40, many.space: 16}
    monkeypatch.setattr(type(box.init.space), "count_areas", lambda space: asked.append(space), raising=False)
    monkeypatch.setattr(type(box.init.space), "known_areas", lambda space: areas.get(space, 16), raising=False)
    monkeypatch.setattr(type(box.platform), "most_areas", lambda platform: most // 10)
    box.advance(SECOND)
    assert not asked
    monkeypatch.setattr(type(box.platform), "most_areas", lambda platform: most)
    box.advance(SECOND)
    assert {few.space, many.space} <= set(asked)
    assert not few.group.exiting and not many.group.exiting
    areas[many.space] = most
    box.advance(10 * SECOND)
    assert many.group.exiting and not few.group.exiting and len(watched.lines) == 1
    assert f"{LIMIT * 4 + 400} kB of its own" in watched.lines[0]


def test_everybody_is_counted_before_nobody_looks(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """And at half of the time, not a tenth."""
    box = watched.box
    children = [watched.child(10) for _ in range(30)]
    asked: list[object] = []

    def count(space: object) -> None:
        box.clock.advance(30_000_000)
        asked.append(space)

    monkeypatch.setattr(box.platform, "quiet", lambda: True, raising=False)
    monkeypatch.setattr(type(box.init.space), "count_areas", count, raising=False)
    monkeypatch.setattr(type(box.platform), "most_areas", lambda platform: 200_000)
    start = box.clock.now_ns()
    while box.reactor.timers.next_deadline() is not None:
        box.advance(SECOND // 100)
    assert {t.space for t in children} <= set(asked) and len(asked) <= 3 * (len(children) + 1)
    assert box.clock.now_ns() - start < len(asked) * 80_000_000


def test_garbage_is_collected_as_it_grows_and_before_all_wait(watched: Watched) -> None:
    watched.box.advance(SECOND)
    watched.own, watched.free = TIDY_PAGES, 10
    watched.box.advance(SECOND)
    assert watched.free, "so little is not worth it"
    watched.own, watched.free = 2 * TIDY_PAGES + 1, 2 * TIDY_PAGES
    watched.box.advance(SECOND)
    assert watched.own == 1 and not watched.free


def test_who_takes_more_than_high_waits(watched: Watched) -> None:
    """One that grows beyond memory.high is held for two seconds at most, again and again; its neighbours are not; SIGKILL
    ends it at once."""
    eater, other, outside = watched.child(100), watched.child(100), watched.child(5000)
    box = watched.box
    cgroup = Cgroup(box.kernel.cgroups, box.kernel.cgroups.root, b"2")
    for t in (eater, other):
        cgroup.take(t.group)
    cgroup.slow_memory(300)
    box.advance(SECOND)
    assert (eater.parked, cgroup.memory_events.high, cgroup.memory.peak) == (PARK_NONE, 0, 200)
    for events in (1, 2):
        watched.use[eater.space] = MemoryUse(1000 * events, 0, 0)
        box.advance(LATEST_NS)
        assert box.thread(eater).interrupted
        box.thread(eater).come()
        box.settle()
        assert eater.parked == PARK_HELD and other.parked == outside.parked == PARK_NONE
        own, above = cgroup.memory_events, box.kernel.cgroups.root.memory_events
        assert (own.high, own.local_high, above.high, above.local_high) == (events, events, events, 0)
        if events == 1:
            box.advance(2 * SECOND)
            assert eater.parked == PARK_NONE
    eater.group.send_signal(SignalInfo(SIGKILL))
    box.settle()
    assert eater.parked == PARK_DEAD and not watched.lines
    assert cgroup.memory.peak == 2100


def test_how_long_it_waits() -> None:
    assert penalty_ns(1010, 1000, 1) == 0
    assert 600_000_000 < penalty_ns(1100, 1000, 64) < 680_000_000
    assert penalty_ns(2000, 1000, 64) == penalty_ns(10, 0, 1) == 2 * SECOND


def test_the_host_is_told_of_the_first_containers_processes_only(watched: Watched) -> None:
    """The victim waits for that, and ends afterwards."""
    told: list[Callable[[], None]] = []
    spaces: list[tuple[object, int, int]] = []

    def tell(space: AddressSpace, pages: int, others: int, then: Callable[[], None]) -> None:
        spaces.append((space, pages, others))
        told.append(then)

    watched.watch.tell_host = tell
    kernel = watched.box.kernel
    watched.child(40, 3)
    big = watched.child(LIMIT, 5)
    watched.box.advance(SECOND // 2)
    assert spaces == [(big.space, LIMIT + 5, 43)]
    assert len(told) == 1 and not big.group.exiting and big.penalty_until > 0
    watched.box.advance(SECOND // 2)
    assert len(told) == 1, "nobody else ends while that takes long"
    told[0]()
    assert big.group.exit_status == 9
    watched.use[big.space] = MemoryUse(0, 0, 0)
    bounded = watched.child(LIMIT // 4)
    bounded.group.view = View(kernel.pids, Cgroup(kernel.cgroups, kernel.cgroups.root, b"2"), True)
    bounded.group.view.cgroup.take(bounded.group)
    bounded.group.view.cgroup.limit_memory(LIMIT // 5)
    watched.box.advance(SECOND)
    assert len(told) == 1 and bounded.group.exit_status == 9


def test_the_host_is_told_of_a_small_one_and_of_what_is_shared(watched: Watched) -> None:
    """They are many, or its memory is no process's own."""
    told: list[int] = []
    watched.watch.tell_host = lambda space, pages, others, then: told.append(pages)
    watched.box.kernel.commit.shared = LIMIT
    watched.child(20, LIMIT)
    watched.box.advance(SECOND // 4)
    assert told == [LIMIT + 20]


def test_one_container_does_not_wait_for_the_end_of_anothers_process(watched: Watched) -> None:
    """Of each group one ends at a time: nobody is beyond a bound of his own since another takes long to end."""
    kernel = watched.box.kernel
    groups = []
    for name in (b"2", b"3"):
        groups.append(Cgroup(kernel.cgroups, kernel.cgroups.root, name))
        groups[-1].limit_memory(200)
    children = [watched.child(300) for _ in range(4)]
    for number, t in enumerate(children):
        groups[number // 2].take(t.group)
    held = {t.space: kernel.spaces[t.space] for t in children}
    for _ in range(60):
        watched.box.advance(5_000_000)
        kernel.spaces.update(held)  # they take long
    assert [sum(t.group.exiting for t in children[at : at + 2]) for at in (0, 2)] == [1, 1]
    watched.box.advance(SECOND)
    assert all(t.group.exiting for t in children)
