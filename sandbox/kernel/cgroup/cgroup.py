"""Cgroup: a control group of the unified hierarchy (cgroups(7), Documentation/admin-guide/cgroup-v2.rst; kernel/cgroup/cgroup.c).

A process is in one group, its domain, with all that it has; its threads may be in threaded groups below that, which bound
what is of single threads. The hierarchy's own root is never seen; each container has a group of its own below it, which is
the root of its cgroup namespace.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.abi.linux.sched import CPU_SHARES_USUAL
from sandbox.abi.linux.signal import SI_USER, SIGKILL
from sandbox.errors import SyscallError
from sandbox.kernel.cgroup import bandwidth, freezer
from sandbox.kernel.cgroup.events import Event
from sandbox.kernel.cgroup.memory import GroupMemory, MemoryEvents
from sandbox.kernel.cgroup.weights import IDLE_SHARES, Weights
from sandbox.kernel.ebpf.programs import Programs
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import WORK_CPU, WORK_FREEZE

if TYPE_CHECKING:
    from sandbox.kernel.ebpf.device_programs import DevicePrograms
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.kernel.view import View

CPU: Final = b"cpu"
MEMORY: Final = b"memory"
PIDS: Final = b"pids"
CONTROLLERS: Final = (CPU, MEMORY, PIDS)  # in the order in which Linux names them
DOMAIN: Final = frozenset((MEMORY,))  # those that a group with processes of its own cannot pass on
MAX_DEPTH: Final = 128  # below a container's own
LOOK_SOON_NS: Final = 20_000_000
MAX_GROUPS: Final = 4096  # of all: what one costs the sentry is a few KB with its files


class Hierarchy:
    """All groups. `memory_bounds`: those whose processes may have but a part of the memory, `memory_highs`: who wait beyond one; `pids_bounds`, `cpu_bounds`:
    how many have a bound of tasks, of processor time; `cpu_looked_at`: in how many of the last somebody runs. `weights`: who gets
    processors that several want, where there is a kernel."""

    def __init__(self, kernel: Kernel | None = None) -> None:
        self.count = 0
        self.memory_bounds: dict[Cgroup, None] = {}
        self.pids_bounds = 0
        self.cpu_bounds = self.cpu_looked_at = 0
        self.memory_highs: dict[Cgroup, None] = {}
        self.weights = Weights(kernel, self) if kernel is not None else None
        self.programs = Programs()  # that bpf(2) has loaded
        # Memory that is used has a bound that it had not: it is looked at in so many ns.
        self.on_bound: Callable[[int], None] | None = None
        self.root = Cgroup(self, None, b"")
        self.root.enabled = frozenset(CONTROLLERS)

    def regrouped(self, parent: Cgroup) -> None:
        """A group was made in `parent`, or that passes on more controllers than it did."""
        if self.weights is not None:
            self.weights.changed(parent)


class Cgroup:
    """`members` are processes, zombies too, in the order in which they came. `live` counts those below as well, without
    zombies. A threaded group has `threads` instead, which `live` counts, and its `domain` is another group.

    `enabled`: the controllers of its children. None: no bound."""

    __slots__ = (
        "hierarchy", "parent", "name", "children", "members", "threads", "domain", "live", "enabled", "deleted", "view", "node", "max_depth",
        "max_descendants", "cpu_ns_past", "bandwidth", "shares", "idle", "events", "freeze", "frozen", "awaited", "pids_max", "pids_hits", "pids_events", "memory",
        "memory_pages", "memory_events", "oom_group", "devices",
    )  # fmt: skip

    def __init__(self, hierarchy: Hierarchy, parent: Cgroup | None, name: bytes) -> None:
        self.hierarchy = hierarchy
        self.parent = parent
        self.name = name
        self.children: dict[bytes, Cgroup] = {}
        self.members: dict[ThreadGroup, None] = {}
        self.threads: dict[Task, None] = {}
        self.domain = self
        self.live = 0
        self.enabled: frozenset[bytes] = frozenset()
        self.deleted = False
        self.view: View | None = None  # of the container whose top it is
        self.node: object = None  # its directory
        self.max_depth: int | None = None
        self.max_descendants: int | None = None
        self.cpu_ns_past = 0  # of processes that have left, and of groups below that were removed
        self.bandwidth: bandwidth.Bandwidth | None = None  # made with the first limit
        self.shares = CPU_SHARES_USUAL  # its weight, where 1024 is 100
        self.idle = False  # cpu.idle: it gets what the others leave
        self.events = Event()
        self.freeze = False  # asked for here
        self.frozen = False  # here or above
        self.awaited: list[Task] = []  # some of those that do not stand still yet (freezer.py)
        self.pids_max: int | None = None
        self.pids_hits = 0
        self.pids_events = Event()
        self.memory: GroupMemory = GroupMemory()
        self.memory_pages: int | None = None
        self.memory_events: MemoryEvents = MemoryEvents()
        self.oom_group = False
        self.devices: DevicePrograms | None = None  # made with the first program
        if parent is not None:
            self.frozen = parent.frozen
            parent.children[name] = self
        hierarchy.count += 1

    # --- the tree ---

    def controllers(self) -> frozenset[bytes]:
        """Those that it has files of."""
        if self.parent is None:
            return frozenset(CONTROLLERS)
        return self.parent.enabled - DOMAIN if self.threaded() else self.parent.enabled

    def competing(self) -> list[Cgroup]:
        """Those below it that have weights."""
        return list(self.children.values()) if self.children and CPU in self.enabled else []

    def weight_shares(self) -> int:
        """How it is weighed against those beside it."""
        return IDLE_SHARES if self.idle else self.shares

    def threaded(self) -> bool:
        """It is in the thread subtree of another."""
        return self.domain is not self

    def ancestors(self) -> Iterator[Cgroup]:
        """It, and those above."""
        here: Cgroup | None = self
        while here is not None:
            yield here
            here = here.parent

    def walk(self) -> Iterator[Cgroup]:
        """It, and those below, parents first."""
        yield self
        for child in list(self.children.values()):
            yield from child.walk()

    def within(self, other: Cgroup) -> bool:
        """It is `other`, or below it."""
        return any(one is other for one in self.ancestors())

    def above(self) -> Cgroup:
        """Its parent; it has one."""
        assert self.parent is not None
        return self.parent

    def common_with(self, other: Cgroup) -> Cgroup:
        """The nearest that both are, or are below."""
        common = self
        while not other.within(common):
            common = common.above()
        return common

    def path_from(self, top: Cgroup) -> bytes:
        """As seen from a cgroup namespace whose root is `top` (kernfs_path_from_node)."""
        common = self.common_with(top)
        up, down = b"", b""
        while top is not common:
            up += b"/.."
            top = top.above()
        here = self
        while here is not common:
            down = b"/" + here.name + down
            here = here.above()
        return up + down or b"/"

    def make(self, name: bytes) -> Cgroup:
        """A new child: EAGAIN at a bound of depth or number, ENODEV below one that is gone (cgroup_mkdir)."""
        if self.deleted:
            raise SyscallError(errno.ENODEV)
        if b"\n" in name:
            raise SyscallError(errno.EINVAL)
        for depth, above in enumerate(self.ancestors(), 1):
            most = above.max_descendants
            if most is not None and sum(1 for _ in above.walk()) > most:
                raise SyscallError(errno.EAGAIN)
            if depth > MAX_DEPTH or (above.max_depth is not None and depth > above.max_depth):
                raise SyscallError(errno.EAGAIN)
        if self.hierarchy.count >= MAX_GROUPS:
            raise SyscallError(errno.ENOMEM)
        made = Cgroup(self.hierarchy, self, name)
        self.hierarchy.regrouped(self)
        return made

    def remove(self) -> None:
        """EBUSY while it has children or live processes (cgroup_destroy_locked)."""
        parent = self.parent
        if self.live or self.children or parent is None:
            raise SyscallError(errno.EBUSY)
        self.deleted = True
        del parent.children[self.name]
        if parent.threaded() == self.threaded():  # else its processes have it
            parent.cpu_ns_past += self.cpu_ns_past
        self.cpu_ns_past = 0
        self._unbind()
        self.hierarchy.count -= 1

    def discard(self) -> None:
        """Its container is gone, with all that was in it and below."""
        if self.parent is not None:
            self.parent.children.pop(self.name, None)
        for cgroup in self.walk():
            cgroup.deleted = True
            cgroup._unbind()
            self.hierarchy.count -= 1

    def _unbind(self) -> None:
        self.lost(set(CONTROLLERS))
        if self.devices is not None:
            self.devices.clear()
            self.devices = None

    # --- members ---

    def enter(self, group: ThreadGroup) -> None:
        """A new process, or one that comes from elsewhere."""
        self.members[group] = None
        self._count(1)

    def ended(self) -> None:
        """A process has become a zombie."""
        self._count(-1)

    def leave(self, group: ThreadGroup) -> None:
        """It was reaped, or goes elsewhere: what it has used stays counted here."""
        if group in self.members:
            del self.members[group]
            self.cpu_ns_past += group.cpu_ns() - group.cgroup_cpu_ns

    def _count(self, change: int) -> None:
        here: Cgroup | None = self
        while here is not None and here.threaded() == self.threaded():
            here.live += change
            if here.live == (change > 0):
                here.events.happened()
            here = here.parent

    def take(self, group: ThreadGroup) -> None:
        """Move a live process here, with all its threads. The rights were checked."""
        old, domain = group.cgroup, self.domain
        if group.exited:
            return
        if old is not domain:
            old.leave(group)
            old.ended()
            group.cgroup, group.cgroup_cpu_ns = domain, group.cpu_ns()
            domain.enter(group)
            domain._look_soon()
        for task in list(group.tasks):
            if task.cgroup() is not self or old is not domain:
                self.take_thread(task)
        freezer.look(old)

    def take_thread(self, t: Task) -> None:
        """Move a thread here, whose process is in the same domain."""
        old = t.subgroup
        if old is not None:
            old.left_by(t)
        if self.threaded():
            self.entered_by(t)
        freezer.follow(t)
        if self.hierarchy.cpu_bounds:
            bandwidth.follow(t)
        for cgroup in (old, self):
            if cgroup is not None:
                freezer.look(cgroup)

    def entered_by(self, t: Task) -> None:
        """A thread has come to this threaded group."""
        t.subgroup, t.subgroup_cpu_ns = self, t.cpu_ns()
        self.threads[t] = None
        self._count(1)

    def left_by(self, t: Task) -> None:
        """It has ended, or goes elsewhere."""
        self.cpu_ns_past += t.cpu_ns() - t.subgroup_cpu_ns
        del self.threads[t]
        t.subgroup = None
        self._count(-1)

    def first_work(self) -> int:
        """WORK_* of a thread that begins in it."""
        hierarchy = self.hierarchy
        weighed = hierarchy.weights is not None and hierarchy.weights.watching
        return (WORK_FREEZE if self.frozen else 0) | (WORK_CPU if hierarchy.cpu_bounds or weighed else 0)

    def own_tasks(self) -> Iterator[Task]:
        """Threads in it."""
        if self.threaded():
            yield from self.threads
            return
        for group in self.members:
            for task in group.tasks:
                if task.subgroup is None:
                    yield task

    def all_tasks(self) -> Iterator[Task]:
        """Threads in it and below."""
        if self.threaded():
            return (task for one in self.walk() for task in one.threads)
        return (task for one in self.walk() for group in one.members for task in group.tasks)

    def kill(self, sender: Task) -> None:
        """cgroup.kill: everything in it and below ends."""
        for cgroup in self.walk():
            for group in list(cgroup.members):
                info = SignalInfo(SIGKILL, SI_USER, sender.group.ids.number_in(group.pids), sender.creds.uid)
                info.outside = not info.pid
                group.send_signal(info)

    def cpu_ns(self) -> int:
        """Processor time of everything that is or was in it or below."""
        if self.threaded():
            past = sum(one.cpu_ns_past for one in self.walk())
            return past + sum(task.cpu_ns() - task.subgroup_cpu_ns for task in self.all_tasks())
        total = 0
        for cgroup in self.walk():
            if cgroup.threaded():
                continue  # its processes are counted
            total += cgroup.cpu_ns_past + sum(group.cpu_ns() - group.cgroup_cpu_ns for group in cgroup.members)
        return total

    # --- bounds ---

    def tasks(self) -> int:
        """Threads in it and below; a zombie counts."""
        if self.threaded():
            return sum(len(one.threads) for one in self.walk())
        return sum(max(1, len(group.tasks)) for cgroup in self.walk() for group in cgroup.members)

    def limit_tasks(self, most: int | None) -> None:
        """pids.max."""
        self.hierarchy.pids_bounds += (most is not None) - (self.pids_max is not None)
        self.pids_max = most

    def check_room(self) -> None:
        """For one more task: EAGAIN at a bound here or above (pids_can_fork)."""
        for cgroup in self.ancestors():
            if cgroup.pids_max is not None and cgroup.tasks() >= cgroup.pids_max:
                self.pids_hits += 1
                self.pids_events.happened()
                raise SyscallError(errno.EAGAIN)

    def limit_memory(self, pages: int | None) -> None:
        """memory.max."""
        self.memory_pages = pages
        self.hierarchy.memory_bounds.pop(self, None)
        if pages is not None:
            self.hierarchy.memory_bounds[self] = None
            self._look_soon()

    def slow_memory(self, pages: int | None) -> None:
        """memory.high."""
        self.memory.high = pages
        self.hierarchy.memory_highs.pop(self, None)
        if pages is not None:
            self.hierarchy.memory_highs[self] = None
            self._look_soon()

    def _look_soon(self) -> None:
        hierarchy = self.hierarchy
        if (hierarchy.memory_bounds or hierarchy.memory_highs) and hierarchy.on_bound is not None:
            hierarchy.on_bound(LOOK_SOON_NS)

    def lost(self, controllers: set[bytes]) -> None:
        """Its parent passes these on no longer: what they bounded here is free again."""
        if MEMORY in controllers:
            self.limit_memory(None)
            self.slow_memory(None)
            self.memory = GroupMemory()
            self.oom_group = False
        if PIDS in controllers:
            self.limit_tasks(None)
        if CPU in controllers:
            self.shares, self.idle = CPU_SHARES_USUAL, False
            if self.bandwidth is not None:
                self.bandwidth.close()
                self.bandwidth = None

    def out_of_memory(self, victim: ThreadGroup) -> list[ThreadGroup]:
        """The watch kills `victim` for this group's bound: who has to end, too (memory.oom.group: everybody)."""
        own = self.memory_events
        own.local_max += 1
        own.local_oom += 1
        others: list[ThreadGroup] = []
        if self.oom_group:
            own.local_group_kill += 1
            for one in self.walk():
                others += [group for group in one.members if group is not victim and not group.exited]
        for cgroup in self.ancestors():
            cgroup.memory_events.max += 1
            cgroup.memory_events.oom += 1
            cgroup.memory_events.group_kill += self.oom_group
            cgroup.memory_events.changed.happened()
        for group in others:
            group.cgroup.was_killed()
        return others

    def was_killed(self) -> None:
        """One of its processes was, since there was too little memory."""
        self.memory_events.local_kill += 1
        for cgroup in self.ancestors():
            cgroup.memory_events.kill += 1
            cgroup.memory_events.changed.happened()
