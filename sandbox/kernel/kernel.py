"""Kernel: the one object from which everything that the sandbox knows can be reached."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.signal import SIGKILL
from sandbox.errors import SyscallError
from sandbox.io_uring.tasks import UringTasks
from sandbox.kernel.cgroup.cgroup import Cgroup, Hierarchy
from sandbox.kernel.closing import Closing
from sandbox.kernel.control import NO_RETURN, Intercepted, Result
from sandbox.kernel.futex import FutexTable
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.kernel.load_average import LoadAverage
from sandbox.kernel.log import KernelLog
from sandbox.kernel.namespaces import FIRST_NUMBER, KINDS, CgroupNamespace, Namespaces, UtsNamespace
from sandbox.kernel.net_namespace import NetNamespace
from sandbox.kernel.pid_namespace import PidNamespace
from sandbox.kernel.pipe_pages import PipePages
from sandbox.kernel.settings import Settings
from sandbox.kernel.signal_queue import SignalCount
from sandbox.kernel.task_state import PARK_DEAD, WORK_TRACE
from sandbox.kernel.time_namespace import TimeNamespace
from sandbox.kernel.timers import cancel_group_timers
from sandbox.kernel.view import View
from sandbox.mm.commit import CommitAccount

if TYPE_CHECKING:
    from sandbox.checkpoint.freeze import Freezer
    from sandbox.gateway.network import Network
    from sandbox.host_sync import HostSyncs
    from sandbox.kernel.aio import AioTotal
    from sandbox.kernel.control import Handler
    from sandbox.kernel.keys import KeyTable
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.platform.base import AddressSpace, Platform
    from sandbox.reactor import Reactor
    from sandbox.sockets.unix.namespace import UnixNamespace
    from sandbox.strace.printer import SyscallTrace
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.mount import Mount, MountNamespace
    from sandbox.vfs.secretmem import SecretMem
    from tcpip.clock import Clock

    StartHelper = Callable[[Task, list[bytes], FileDescription, Callable[[bool], None]], None]

SCRATCH_SIZE: Final = 1 << 20
OOPS_FRAMES: Final = 30
RELEASE: Final = "6.6.0"


class Kernel:
    """Owns the PID namespace, the tables and the identity of the sandbox's machine.

    `random(n)` gives n random bytes. `net` is the socket backend, `mounts` the initial mount namespace; both are
    set by whoever assembles the sandbox, before the first process. `pids` and `view` are the first container's.
    """

    mounts: MountNamespace
    net: Network

    def __init__(
        self,
        platform: Platform,
        reactor: Reactor,
        clock: Clock,
        random: Callable[[int], bytes],
        log: KernelLog | None = None,
        cpus: int = 1,
        max_tasks: int = 32768,
    ) -> None:
        self.platform = platform
        self.reactor = reactor
        self.timers, self.clock, self.random = reactor.timers, clock, random
        self.log = log or KernelLog()
        self.task_size = platform.task_size
        self.cpus, self.cpu_mask = cpus, (1 << cpus) - 1
        self.host_cpus = list(range(cpus))  # the numbers that the host has for them
        self.commit = CommitAccount(2 << 30)
        self.boot_ns = clock.now_ns()
        self.load = LoadAverage(self)
        self.pids = PidNamespace(max_tasks, FIRST_NUMBER + KINDS.index(b"pid"))
        self.cgroups = Hierarchy(self)
        top = Cgroup(self.cgroups, self.cgroups.root, b"1")
        self.view = View(self.pids, top)  # of its first container; further ones have their own
        self.futexes = FutexTable(platform.waiters)
        self._aio: AioTotal | None = None
        self.uring = UringTasks()
        self.settings = Settings()
        self._keys: KeyTable | None = None
        self._syncs: HostSyncs | None = None
        self.ipc = IpcNamespace(clock, FIRST_NUMBER + KINDS.index(b"ipc"))
        self.uts = UtsNamespace(FIRST_NUMBER + KINDS.index(b"uts"), b"stackbox", b"(none)")
        self.net_ns = NetNamespace(self, FIRST_NUMBER + KINDS.index(b"net"))
        cgroup = CgroupNamespace(FIRST_NUMBER + KINDS.index(b"cgroup"), top)
        time = TimeNamespace(FIRST_NUMBER + KINDS.index(b"time"))
        first = Namespaces(self, self.uts, self.ipc, cgroup, None, self.net_ns, time)
        self.namespaces = first.acquire()
        self.nsfs: Mount | None = None  # made when first needed
        self.secretmem: SecretMem | None = None  # the same
        self.namespace_count, self._last_namespace = 0, FIRST_NUMBER + 100  # those made since
        self.queued_signals: dict[int, SignalCount] = {}  # by user
        self.pipe_pages = PipePages()
        self.closing = Closing(reactor)
        self.unix: UnixNamespace | None = None  # made with the first Unix socket
        self.spaces: dict[AddressSpace, dict[Task, None]] = {}
        self.loading: dict[AddressSpace, Callable[[], None]] = {}  # being filled by an execve; called when one dies
        self.scratch = memoryview(bytearray(SCRATCH_SIZE))
        self.trace: SyscallTrace | None = None
        self.tell: Callable[[str, dict[str, object]], None] | None = None  # events, for who listens to the sandbox
        self.start_helper: StartHelper | None = None  # that reads a core of the task's: its words, its input, who hears
        self.cores: deque[Callable[[], None]] = deque()  # that are being written, and wait for their turn
        self.halting: Freezer | None = None  # while all tasks are brought to a halt, and are saved
        self.oops_count, self.last_oops = 0, ""
        self.login_sessions = 0  # that began when somebody logged in (/proc/PID/loginuid)
        self.forks = self.core_helpers = 0  # since boot, for /proc/stat; programs that read cores now
        self.handlers: list[Handler] = []
        self.traced_handlers: list[Handler] = []  # of tasks with a tracer
        self.log.boot(0, f"Linux version {RELEASE} (stackbox)")
        self.log.boot(0, f"smp: Brought up 1 node, {cpus} CPU{'s' if cpus > 1 else ''}")

    def mask_of(self, numbers: tuple[int, ...]) -> int:
        """Of the sandbox's processors those that have these numbers on the host; 0 where that is all of them or none."""
        mask = sum(1 << at for at, number in enumerate(self.host_cpus) if number in numbers)
        return 0 if mask == self.cpu_mask else mask

    @property
    def aio(self) -> AioTotal:
        """What contexts of asynchronous I/O share; made when somebody wants it."""
        if self._aio is None:
            from sandbox.kernel.aio import AioTotal

            self._aio = AioTotal()
        return self._aio

    @property
    def syncs(self) -> HostSyncs:
        """What is on its way to the host's disk; made when first needed."""
        if self._syncs is None:
            from sandbox.host_sync import HostSyncs

            self._syncs = HostSyncs(self.reactor)
        return self._syncs

    def syncing(self) -> bool:
        """Something is."""
        return self._syncs is not None and self._syncs.busy()

    @property
    def keys(self) -> KeyTable:
        """Keys and keyrings; made when somebody wants one."""
        if self._keys is None:
            from sandbox.kernel.keys import KeyTable

            self._keys = KeyTable(self)
        return self._keys

    @keys.setter
    def keys(self, table: KeyTable) -> None:
        self._keys = table

    def end_file_systems(self) -> None:
        """What was in those that are mounted nowhere any more is given back, a portion at a time."""
        if self.mounts.vfs.end_some():
            self.reactor.call_soon(self.end_file_systems)

    @property
    def memory_bytes(self) -> int:
        """The sandbox's memory, as its guests see it."""
        return self.commit.size << 12

    @memory_bytes.setter
    def memory_bytes(self, size: int) -> None:
        self.commit.size = size >> 12

    @property
    def hostname(self) -> bytes:
        """Of the first UTS namespace."""
        return self.uts.hostname

    @hostname.setter
    def hostname(self, name: bytes) -> None:
        self.uts.hostname = name

    @property
    def domainname(self) -> bytes:
        """Of the first UTS namespace."""
        return self.uts.domainname

    @domainname.setter
    def domainname(self, name: bytes) -> None:
        self.uts.domainname = name

    def new_namespace_number(self) -> int:
        """An inode number that no namespace has had."""
        self._last_namespace += 1
        return self._last_namespace

    # --- calls ---

    def run_handler(self, t: Task) -> Result:
        """Run the handler of the call that `t` is in, again."""
        state = t.args.state
        try:
            if isinstance(state, Intercepted):
                return state.again(t, t.args)
            return self.handlers[t.nr](t, t.args)
        except SyscallError as error:
            return -error.errno
        except Exception as bug:  # noqa: BLE001
            return self.oops(t, bug)

    def run_finish(self, t: Task, finish: Callable[[Task, int, int], Result], index: int, result: int) -> Result:
        """The second half of a call that had orders executed."""
        try:
            return finish(t, index, result)
        except SyscallError as error:
            return -error.errno
        except Exception as bug:  # noqa: BLE001
            return self.oops(t, bug)

    def oops(self, t: Task, error: Exception) -> Result:
        """A bug of ours: log it whole, kill the calling process, go on."""
        arguments = ", ".join(hex(value) for value in t.args.raw)
        self.bug(f"oops: call {t.nr}({arguments}) of {t!r}, calls before it: {list(t.last_calls)}", error)
        if t.parked == PARK_DEAD:
            return NO_RETURN
        t.group.begin_exit(SIGKILL)
        return 0

    def bug(self, what: str, error: Exception) -> None:
        """Log a bug of ours whole."""
        import traceback

        self.oops_count += 1
        self.last_oops = f"{what}\n" + "".join(traceback.format_exception(error, limit=-OOPS_FRAMES))
        for line in self.last_oops.splitlines():
            self.log.error(line)

    # --- address spaces ---

    def enter_space(self, t: Task, space: AddressSpace) -> None:
        """`t` uses `space` from now on."""
        self.spaces.setdefault(space, {})[t] = None

    def leave_space(self, t: Task, space: AddressSpace) -> bool:
        """It uses it no longer. True: nobody does."""
        users = self.spaces.get(space)
        if users is None:
            return False
        users.pop(t, None)
        if users:
            return False
        del self.spaces[space]
        return True

    def space_users(self, space: AddressSpace) -> int:
        """How many tasks share it."""
        return len(self.spaces.get(space, ()))

    # --- ends ---

    def first_exited(self, first: ThreadGroup) -> None:
        """A container's first process is gone: everybody else of it dies, and with process 1 everybody that has a number
        beside it (kernel/pid_namespace.c: zap_pid_ns_processes)."""
        view = first.view
        for group in list(first.pids.groups.values()):
            if group is not first and not group.exited and (first.is_init or group.view is view):
                group.hurry()
                group.begin_exit(SIGKILL)
                group.finish_exit()
        self.closing.finish()
        if view.on_exit is not None:
            on_exit, view.on_exit = view.on_exit, None
            on_exit(first.exit_status)

    def forget_timers(self, t: Task) -> None:
        """The task's own timers; it has ended."""
        timer = t.deadline_timer
        if timer is not None:
            timer.close()

    def forget_group_timers(self, group: ThreadGroup) -> None:
        """Interval timers and POSIX timers of a process that ended."""
        cancel_group_timers(group)

    # --- odds and ends that many ask for ---

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC as the guest sees it: the host's, so that the vDSO agrees."""
        return self.clock.now_ns()

    def resident_bytes(self) -> int:
        """Host memory that guests use now."""
        return sum(space.resident_pages() for space in self.spaces) << 12

    def uptime_ns(self) -> int:
        """Since the sandbox booted."""
        return self.clock.now_ns() - self.boot_ns

    def set_trace(self, trace: SyscallTrace | None) -> None:
        """Turn strace output on or off for all tasks."""
        self.trace = trace
        for task in [task for tasks in self.spaces.values() for task in tasks]:
            if trace is not None:
                task.work |= WORK_TRACE
                task.thread.unlearn()
            else:
                task.work &= ~WORK_TRACE

    def open_exec(self, t: Task, dirfd: int, path: bytes, flags: int) -> FileDescription:
        """Open a program for execve(2); EACCES when it may not be executed."""
        from sandbox.vfs.exec_open import open_exec

        return open_exec(t, dirfd, path, flags)
