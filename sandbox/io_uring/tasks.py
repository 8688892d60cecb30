"""What a sandbox's rings share: bounds, the requests of each task, the rings that it has registered (io_uring/tctx.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.capability import CAP_SYS_ADMIN

if TYPE_CHECKING:
    from sandbox.io_uring.request import Request
    from sandbox.io_uring.ring import RingFile
    from sandbox.kernel.task import Task

MAX_REQUESTS: Final = 32768  # in flight in all rings, some 1.2 KiB each
MAX_OVERFLOW: Final = 131_072  # completions that wait for room in a ring
MAX_BUFFERS: Final = 1 << 18  # that are provided or registered


class TaskRings:
    """One task's: `requests` in flight, `rings` by number (IORING_REGISTER_RING_FDS), each held."""

    __slots__ = ("requests", "rings", "gone", "workers")

    def __init__(self) -> None:
        self.requests: dict[Request, None] = {}
        self.rings: list[RingFile | None] = []
        self.gone = False
        self.workers: tuple[int, int] | None = None  # bounds that were asked for (IORING_REGISTER_IOWQ_MAX_WORKERS)

    def registered(self, number: int) -> RingFile | None:
        """The ring of this number."""
        return self.rings[number] if number < len(self.rings) else None


class Poller:
    """In whose name entries of a ring with IORING_SETUP_SQPOLL are taken: a task of the process that made it."""

    __slots__ = ("task", "group", "mm", "creds")

    def __init__(self, t: Task) -> None:
        self.task = t
        self.group = t.group
        self.mm = t.mm
        self.creds = t.creds

    def find(self) -> Task | None:
        """None: the process has ended, or executes another program."""
        if self.task not in self.group.tasks:
            for other in self.group.tasks:
                self.task = other
                break
            else:
                return None
        return self.task if self.mm is not None and self.task.mm is self.mm else None


class UringTasks:
    """Of one kernel. `disabled` and `group` are kernel.io_uring_disabled and kernel.io_uring_group."""

    __slots__ = ("tasks", "requests", "overflow", "buffers", "disabled", "group", "signalling", "pinned", "max_requests", "max_overflow",
                 "max_buffers")  # fmt: skip

    def __init__(self) -> None:
        self.tasks: dict[Task, TaskRings] = {}
        self.requests = 0
        self.overflow = 0
        self.buffers = 0
        self.max_requests = MAX_REQUESTS
        self.max_overflow = MAX_OVERFLOW
        self.max_buffers = MAX_BUFFERS
        self.disabled = 0
        self.group = -1
        self.signalling = False  # a completion is being told of
        self.pinned: dict[int, int] = {}  # pages of registered buffers, by user

    def of(self, t: Task) -> TaskRings:
        """What `t` has; made now if need be."""
        found = self.tasks.get(t)
        if found is None:
            found = self.tasks[t] = TaskRings()
        return found

    def allowed(self, t: Task) -> bool:
        """`t` may make a ring (io_uring_allowed)."""
        if not self.disabled:
            return True
        if self.disabled == 2:
            return False
        creds = t.creds
        in_group = self.group >= 0 and (creds.egid == self.group or self.group in creds.groups)
        return creds.has(CAP_SYS_ADMIN) or in_group

    def leave(self, t: Task, executes: bool = False) -> None:
        """The task ends or executes a program: its registered rings are let go. Its requests end when it `executes` or one of
        them is about a ring; else they stay, and end when what they wait for comes (io_uring_cancel_generic)."""
        found = self.tasks.pop(t, None)
        if found is None:
            return
        found.gone = True
        if executes or any(request.tracked for request in found.requests):
            self._end_all(found)
        rings, found.rings = found.rings, []
        for registered in rings:
            if registered is not None:
                registered.drop()

    def _end_all(self, found: TaskRings) -> None:
        touched: dict[RingFile, None] = {}
        while found.requests:
            request = next(iter(found.requests))
            touched[request.ring] = None
            request.ring.acquire()
            request.ring.abandon(request, -errno.ECANCELED)
            request.ring.drop()
        for ring in touched:
            if not ring.closed:
                ring.acquire()
                ring.commit()
                ring.drop()

    def register_ring(self, t: Task, ring: RingFile, number: int) -> int:
        """Its number; `number` is the wanted one, or negative for any. -EINVAL, -EBUSY."""
        rings = self.of(t).rings
        if not rings:
            rings.extend([None] * abi.RING_FDS_MAX)
        if number < 0:
            free = [n for n, there in enumerate(rings) if there is None]
            if not free:
                return -errno.EBUSY
            number = free[0]
        if rings[number] is not None:
            return -errno.EBUSY
        ring.acquire()
        rings[number] = ring
        return number

    def unregister_ring(self, t: Task, number: int) -> None:
        """Nothing where there is none."""
        rings = self.of(t).rings
        ring = rings[number] if number < len(rings) else None
        if ring is not None:
            rings[number] = None
            ring.drop()
