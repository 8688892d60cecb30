"""PID namespaces: which number names which task, process, process group and session (pid_namespaces(7), kernel/pid.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.kernel.usage import Usage
from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from sandbox.kernel.acct import Accounting
    from sandbox.kernel.sessions import ProcessGroup, Session
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.filesystem import Filesystem

PID_MAX: Final = 4194304
RESERVED_PIDS: Final = 300  # after a wrap numbers start here
MAX_PID_NS_LEVEL: Final = 32


class Pid:
    """The numbers of one task, process, process group or session: `number` in its own namespace `ns`, `outer` those in
    the namespaces above, the first one's first (struct pid). `levels`: every namespace in which it has a number, with that."""

    __slots__ = ("ns", "number", "outer", "levels")

    def __init__(self, ns: PidNamespace, number: int, outer: tuple[int, ...] = ()) -> None:
        self.ns = ns
        self.number = number
        self.outer = outer
        own = (ns, number)
        self.levels: tuple[tuple[PidNamespace, int], ...] = (
            (*zip(ns.above, outer, strict=True), own) if outer else (own,)
        )

    def number_in(self, ns: PidNamespace) -> int:
        """As seen from `ns`; 0 where it is not seen."""
        own = self.ns
        if ns is own:
            return self.number
        level = ns.level
        return self.outer[level] if level < own.level and own.above[level] is ns else 0

    def top(self) -> int:
        """In the container's first namespace."""
        return self.outer[0] if self.outer else self.number

    def numbers_from(self, ns: PidNamespace) -> tuple[int, ...]:
        """From `ns` inwards; (0,) where it is not seen."""
        return (*self.outer[ns.level :], self.number) if self.number_in(ns) else (0,)

    def forget_task(self, process: Pid | None) -> None:
        """The task that bears the numbers has ended. `process`: whose thread it was; None for what is a zombie now."""
        for ns, number in self.levels:
            ns.tasks.pop(number, None)
        if process is not None:
            self.forget_views(process)

    def forget_views(self, process: Pid | None) -> None:
        """Whoever shows a process that was reaped, or a thread of `process` that has ended, lets go of it."""
        for ns, number in self.levels:
            for forget in ns.views.values():
                if process is None:
                    forget(number, 0)
                else:
                    forget(process.number_in(ns), number)


def number_in(ids: Pid | None, ns: PidNamespace) -> int:
    """The same of maybe nobody: 0."""
    return ids.number_in(ns) if ids is not None else 0


class PidNamespace:
    """A number is free again when no task, process, group or session bears it.

    `number` is the inode number of its file; a `parent` makes it a nested one. `init` None: no process has entered yet.
    """

    def __init__(
        self,
        max_tasks: int = 32768,
        number: int = 0,
        parent: PidNamespace | None = None,
        user: UserNamespace = INITIAL,
    ) -> None:
        self.max_tasks = max_tasks
        self.number = number
        self.user = user
        self.users = (
            1 if parent is None else 0
        )  # processes in it, tasks whose children will be, files and namespaces below
        self.parent = parent
        self.above: tuple[PidNamespace, ...] = (*parent.above, parent) if parent is not None else ()
        self.level = len(self.above)
        self.tasks: dict[int, Task] = {}
        self.groups: dict[int, ThreadGroup] = {}  # zombies too, until reaped
        self.process_groups: dict[int, ProcessGroup] = {}
        self.sessions: dict[int, Session] = {}
        self.held: dict[int, Pid] = {}  # of threads that have ended and that their tracers have not waited for
        self.init: ThreadGroup | None = None
        self.closed = False  # process 1 has ended: nobody may enter any more
        self.when_empty: Callable[[], None] | None = None  # process 1 ends once it is alone
        self.acct: Accounting | None = None  # records of its processes are written
        self.last_pid = 0
        self.ended = Usage()  # of processes that are gone
        self.pid_max = PID_MAX  # kernel.pid_max: no number reaches it
        # of each mounted proc, called with the numbers of who is gone: a process and 0, or a process and its thread
        self.views: dict[Filesystem, Callable[[int, int], None]] = {}
        if parent is not None:
            parent.users += 1

    def allocate(self, wanted: tuple[int, ...] = ()) -> Pid:
        """Free numbers here and in each namespace above. `wanted`: those to be taken, the innermost first.

        EAGAIN at the sandbox's limit of tasks; ENOMEM when process 1 has ended; EINVAL, EEXIST for `wanted`.
        """
        if not wanted and not self.above:
            if self.full():
                raise SyscallError(errno.EAGAIN)
            return Pid(self, self._next())
        levels = [self, *reversed(self.above)]
        for ns, number in zip(levels, wanted, strict=False):
            if not 0 < number < ns.pid_max or (number != 1 and ns.init is None):
                raise SyscallError(errno.EINVAL)
            if ns._taken(number):
                raise SyscallError(errno.EEXIST)
        if levels[-1].full():
            raise SyscallError(errno.EAGAIN)
        if self.closed:
            raise SyscallError(errno.ENOMEM)
        numbers = [*wanted, *(ns._next() for ns in levels[len(wanted) :])]
        return Pid(self, numbers[0], tuple(reversed(numbers[1:])))

    def full(self) -> bool:
        """The sandbox's limit of tasks is reached; of the first namespace, in which every task has a number."""
        return len(self.tasks) + len(self.held) >= self.max_tasks or len(self.groups) >= self.max_tasks

    def find(self, number: int) -> Pid | None:
        """Whatever bears the number."""
        named: Task | ThreadGroup | ProcessGroup | Session | None = (
            self.tasks.get(number)
            or self.groups.get(number)
            or self.process_groups.get(number)
            or self.sessions.get(number)
        )
        return named.ids if named is not None else self.held.get(number)

    def within(self, other: PidNamespace) -> bool:
        """It is `other` or below it."""
        return self is other or (other.level < self.level and self.above[other.level] is other)

    def _next(self) -> int:
        pid = self.last_pid
        for _ in range(PID_MAX):
            pid += 1
            if pid >= self.pid_max:
                pid = RESERVED_PIDS
            if not self._taken(pid):
                self.last_pid = pid
                return pid
        raise SyscallError(errno.EAGAIN)

    def _taken(self, pid: int) -> bool:
        return (
            pid in self.tasks
            or pid in self.groups
            or pid in self.process_groups
            or pid in self.sessions
            or pid in self.held
        )
