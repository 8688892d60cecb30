"""A kernel in a box: real kernel objects over the fake platform and a clock that tests move."""

from __future__ import annotations

import itertools

from sandbox.abi.linux.signal import SA_RESTORER, SIGACTION
from sandbox.arch.amd64 import RSP
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.fd_table import FDTable
from sandbox.kernel.fs_context import FSContext
from sandbox.kernel.kernel import Kernel
from sandbox.kernel.sessions import ProcessGroup, Session
from sandbox.kernel.signal_queue import SignalHandlers
from sandbox.kernel.task import Task
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.kernel.trap_handler import KernelTrapHandler
from sandbox.mm.memory_manager import MemoryManager
from sandbox.mm.vma import VMA
from sandbox.ptrace.gate import traced
from sandbox.reactor import Reactor
from sandbox.syscalls.linux.table_amd64 import handlers
from sandbox.vfs.devices import DeviceRegistry
from sandbox.vfs.mount import MountNamespace, Vfs
from sandbox.vfs.space import SpaceAccount
from tcpip.clock import ManualClock

from .fake_platform import FakePlatform, FakeSpace, FakeThread

HEAP, HEAP_SIZE = 0x10000, 0x10000
STACK_TOP, STACK_SIZE = 0x7000_0000, 0x20000


class SteppedReactor(Reactor):
    """Runs what is due when told to."""

    def settle(self) -> None:
        """Everything that is ready now."""
        for _ in itertools.count():
            self._run_soon()
            now = self.clock.now_ns()
            if not self.timers.run(now) and not self.background.run(now) and not self.soon:
                return


class Box:
    """`init` is process 1 with one thread, running."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ns=1_000_000_000)
        self.reactor = SteppedReactor(self.clock)
        self.platform = FakePlatform(self.reactor)
        self.kernel = Kernel(self.platform, self.reactor, self.clock, lambda n: bytes(n), cpus=2)
        self.kernel.handlers[:] = handlers()
        self.kernel.traced_handlers[:] = traced(self.kernel)
        self.platform.start(KernelTrapHandler(self.kernel))
        self.exits: list[int] = []
        self.kernel.view.on_exit = self.exits.append
        self.init = self._make_init()
        self._next = itertools.count(HEAP, 256)

    def _make_init(self) -> Task:
        kernel = self.kernel
        space = FakeSpace(self.platform)
        space.map(HEAP, HEAP_SIZE)
        space.map(STACK_TOP - STACK_SIZE, STACK_SIZE)
        thread = FakeThread(space)
        thread.regs[RSP] = STACK_TOP - 64
        thread.stopped = False
        ids = kernel.pids.allocate()
        group = ThreadGroup(kernel, ids, None, SignalHandlers())
        group.is_init = True
        kernel.view.first = group
        kernel.pids.init = group
        task = Task(kernel, ids, group, thread, Credentials())
        thread.owner = task
        task.mm = MemoryManager(kernel.commit, self.platform.task_size)
        task.mm.add(VMA(HEAP, HEAP + HEAP_SIZE, 3, None, 0))
        task.mm.add(VMA(STACK_TOP - STACK_SIZE, STACK_TOP, 3, None, 0))
        task.fds = FDTable()
        task.fs = self._make_fs()
        group.leader = task
        group.tasks[task] = None
        kernel.pids.tasks[ids.number] = task
        kernel.pids.groups[ids.number] = group
        group.cgroup.enter(group)
        ProcessGroup(Session(group), group).join(group)
        kernel.enter_space(task, space)
        return task

    def _make_fs(self) -> FSContext:
        """The root of an empty filesystem that nothing else knows."""
        vfs = Vfs(self.clock, DeviceRegistry(), SpaceAccount(1 << 20))
        root = MountNamespace(vfs, Tmpfs(self.clock, vfs.new_dev(), account=vfs.space)).root_path()
        return FSContext(root, root)

    def close(self) -> None:
        """At the end of a test: nothing was a bug."""
        assert self.kernel.oops_count == 0, self.kernel.last_oops
        self.reactor.close()

    # --- time ---

    def settle(self) -> None:
        """What is on its way to the host's disk arrives there."""
        self.reactor.settle()
        while self.kernel.syncing():
            self.reactor._turn()
            self.reactor.settle()

    def advance(self, ns: int) -> None:
        """Time passes; what becomes due runs."""
        self.clock.advance(ns)
        self.settle()

    # --- guests ---

    def room(self, size: int = 256) -> int:
        """An unused piece of the heap."""
        address = next(self._next)
        for _ in range((size - 1) // 256):
            next(self._next)
        return address

    def thread(self, t: Task) -> FakeThread:
        thread = t.thread
        assert isinstance(thread, FakeThread)
        return thread

    def call(self, t: Task, nr: int, *args: int) -> int | None:
        """A system call and everything that follows from it at once."""
        thread = self.thread(t)
        before = (len(thread.replies), thread.resumed)
        thread.call(nr, *args)
        self.settle()
        return thread.result() if (len(thread.replies), thread.resumed) != before else None

    def put(self, t: Task, data: bytes, address: int = 0) -> int:
        address = address or self.room(len(data))
        t.space.write(address, data)
        return address

    def get(self, t: Task, address: int, size: int) -> bytes:
        return t.space.read(address, size)

    def word(self, t: Task, address: int) -> int:
        return int.from_bytes(t.space.read(address, 4), "little")

    def fork(self, t: Task, flags: int = 0, exit_signal: int = 17, stack: int = 0) -> Task:
        """clone(2); the child runs. A vfork's parent stays parked."""
        known = set(self.kernel.pids.tasks)
        self.call(t, 56, flags | exit_signal, stack)
        (tid,) = set(self.kernel.pids.tasks) - known
        return self.kernel.pids.tasks[tid]

    def handle(self, t: Task, signo: int, flags: int = 0, handler: int = 0x400000, mask: int = 0) -> None:
        """sigaction(2) with a handler at an address that nothing ever runs."""
        act = self.put(t, SIGACTION.pack(handler, flags | SA_RESTORER, 0x401000, mask))
        assert self.call(t, 13, signo, act, 0, 8) == 0

    def running(self, t: Task) -> bool:
        return not self.thread(t).stopped
