"""Task: one guest thread, as all parts of the kernel see it."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.kernel import signal_send, task_block, task_exit, task_signals, task_syscall
from sandbox.kernel.control import NO_RETURN
from sandbox.kernel.io_count import IoCount
from sandbox.kernel.signal_queue import SignalQueue
from sandbox.kernel.task_state import PARK_DEAD, PARK_NONE, WORK_INTERRUPTING, RestartBlock
from sandbox.kernel.user_namespace import NO_ID
from sandbox.syscalls.args import SyscallArgs

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.control import Block, Handler, Result
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.fd_table import FDTable
    from sandbox.kernel.fs_context import FSContext
    from sandbox.kernel.ipc.sem_undo import UndoList
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.keys import Key
    from sandbox.kernel.pid_namespace import Pid, PidNamespace
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.kernel.tracee import Tracee
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.mm.policy import MemPolicy
    from sandbox.platform.base import AddressSpace, GuestThread
    from sandbox.seccomp.filter import SeccompFilter
    from sandbox.seccomp.user_dispatch import UserDispatch
    from tcpip.timers import Timer
    from tcpip.waiter import Waiter, WaitQueue

PATH_MAX: Final = 4096
IOV_MAX: Final = 1024
MAX_RW_COUNT: Final = 0x7FFFF000
USER_MAX: Final = 0x7FFF_FFFF_F000  # TASK_SIZE_MAX: what access_ok accepts; the vDSO is above our task_size


class Task:
    """One thread. `tid` is its number in its own PID namespace, `pid` its process's, `ids` those in all of them; see docs/interfaces.md."""

    __slots__ = (
        "kernel",
        "ids",
        "tid",
        "pid",
        "group",
        "pids",
        "thread",
        "space",
        "mm",
        "fds",
        "fs",
        "creds",
        "ns",
        "comm",
        "no_new_privs",
        "seccomp_mode",
        "seccomp",
        "handlers",
        "dispatch",
        # the call under way
        "args",
        "nr",
        "work",
        "parked",
        "block",
        "waiters",
        "wake_queued",
        "deadline_timer",
        "queue",
        "result",
        "restart_block",
        "host_op",
        "going_on",
        "last_calls",
        # signals
        "blocked",
        "saved_mask",
        "real_blocked",
        "pending",
        "altstack_sp",
        "altstack_size",
        "altstack_flags",
        "pdeath_signal",
        "decided",
        "lent",
        # ptrace
        "ptrace",
        "tracees",
        # exit
        "exit_status",
        "dying",
        "clear_child_tid",
        "robust_list",
        "sem_undo",
        "vfork_parent",
        # scheduling and the rest
        "nice",
        "policy",
        "rt_priority",
        "reset_on_fork",
        "ioprio",
        "mempolicy",
        "affinity",
        "timer_slack_ns",
        "default_timer_slack_ns",
        "memory_error_policy",
        "io_flusher",
        "tsc_forbidden",
        "personality",
        "login_uid",
        "login_session",
        "start_ns",
        "subgroup",
        "subgroup_cpu_ns",
        "sampled_ns",
        "told_ns",
        "waits",
        "io",
        "session_keyring",
        "thread_keyring",
        "request_keyring",
        "penalty_until",  # it has got too much memory, and waits so long (cgroup/memory.py)
        "__weakref__",
    )
    session_keyring: Key | None
    thread_keyring: Key | None

    def __init__(self, kernel: Kernel, ids: Pid, group: ThreadGroup, thread: GuestThread, creds: Credentials) -> None:
        self.kernel = kernel
        self.ids, self.tid = ids, ids.number
        self.pid = group.pid
        self.group = group
        self.pids: PidNamespace = ids.ns
        self.thread = thread
        self.space: AddressSpace = thread.address_space()
        self.mm: MemoryManager | None = None
        self.fds: FDTable
        self.fs: FSContext
        self.creds = creds
        self.ns = kernel.namespaces.acquire()
        self.comm = b""
        self.no_new_privs = self.reset_on_fork = False
        self.seccomp_mode = 0
        self.seccomp: SeccompFilter | None = None  # the newest
        self.handlers = kernel.handlers  # with a seccomp mode: the gate, for every number
        self.dispatch: UserDispatch | None = None  # of its calls, by itself
        self.args = SyscallArgs((0, 0, 0, 0, 0, 0))
        self.nr, self.work = -1, 0
        self.parked = PARK_NONE
        self.block: Block | None = None
        self.waiters: list[tuple[WaitQueue, Waiter]] = []
        self.wake_queued = False
        self.deadline_timer: Timer | None = None
        self.queue: WaitQueue | None = None  # one-task queue for waits on something that names the task
        self.result: int | None = None  # of the call that is being left; None: not in a call
        self.restart_block: RestartBlock | None = None
        self.going_on: Callable[[], None] | None = None  # the end of a call after which it went on already
        self.host_op = False  # the platform works on an order, a clone, a fork: the thread must not be released
        self.last_calls: deque[int] = deque(maxlen=16)

        self.blocked = self.saved_mask = 0
        self.real_blocked = 0  # the mask before sigtimedwait(2) opened it; 0 outside
        self.pending = SignalQueue()
        self.altstack_sp = self.altstack_size = self.altstack_flags = 0
        self.lent = False  # it may return from its signal handler without asking, to another mask (GuestThread.deliver)
        self.decided: SignalInfo | None = None  # what a tracer has let through, to be delivered first
        self.ptrace: Tracee | None = None  # with a tracer
        self.tracees: dict[Task, None] = {}

        self.exit_status = self.clear_child_tid = self.robust_list = self.pdeath_signal = 0
        self.dying = False  # waits for the platform before it can end
        self.sem_undo: UndoList | None = None
        self.vfork_parent: Task | None = None

        self.policy = self.rt_priority = self.ioprio = self.personality = 0
        self.mempolicy: MemPolicy | None = None
        self.nice, self.affinity, self.memory_error_policy = kernel.platform.nice, kernel.cpu_mask, 2
        self.io_flusher = self.tsc_forbidden = False  # PR_SET_IO_FLUSHER, PR_SET_TSC
        self.timer_slack_ns = self.default_timer_slack_ns = 50_000
        self.login_uid = self.login_session = NO_ID
        self.start_ns = kernel.clock.now_ns()
        # processor time when it last got a signal for its process's, as it was told last, when it came to its control group
        self.sampled_ns = self.told_ns = self.subgroup_cpu_ns = self.waits = self.penalty_until = 0
        self.io = IoCount()
        self.session_keyring = self.thread_keyring = None
        self.request_keyring = 0  # where request_key(2) would put what it makes
        self.subgroup: Cgroup | None = None  # a threaded control group; None: it is in that of its process

    # --- guest memory ---

    def copy_in(self, addr: int, size: int) -> bytes:
        """`size` bytes of guest memory; EFAULT."""
        return self.thread.read(addr, size)

    def copy_in_into(self, addr: int, dst: memoryview) -> None:
        """Fill `dst`; EFAULT."""
        self.thread.read_into(addr, dst)

    def copy_out(self, addr: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of `data`; EFAULT."""
        self.thread.write(addr, data)

    def copy_in_cstr(self, addr: int, limit: int, too_long: int = errno.ENAMETOOLONG) -> bytes:
        """The bytes before the NUL, which must be among the first `limit`; EFAULT, `too_long`."""
        try:
            return self.thread.read_cstr(addr, limit)
        except ValueError:
            raise SyscallError(too_long) from None

    def copy_in_path(self, addr: int) -> bytes:
        """A path as the guest wrote it, maybe empty; EFAULT, ENAMETOOLONG from PATH_MAX bytes."""
        paths = self.args.paths
        if paths is not None and addr in paths:
            return paths[addr]
        try:
            return self.thread.read_cstr(addr, PATH_MAX)
        except ValueError:
            raise SyscallError(errno.ENAMETOOLONG) from None

    def copy_in_iovec(self, addr: int, count: int) -> list[tuple[int, int]]:
        """(address, length) pairs, cut at MAX_RW_COUNT in all (lib/iov_iter.c: import_iovec); EINVAL, EFAULT."""
        if count == 0:
            return []
        if count < 0 or count > IOV_MAX:
            raise SyscallError(errno.EINVAL)
        words = memoryview(self.copy_in(addr, 16 * count)).cast("Q")
        left = MAX_RW_COUNT
        out: list[tuple[int, int]] = []
        for n in range(0, 2 * count, 2):
            base, length = words[n], words[n + 1]
            if length >> 63:
                raise SyscallError(errno.EINVAL)
            if base + length > USER_MAX and length:
                raise SyscallError(errno.EFAULT)
            if length > left:
                length = left
            left -= length
            out.append((base, length))
        return out

    def set_nice(self, nice: int) -> None:
        """From now on it has this niceness, and its host thread as far as the host lets it."""
        self.nice = nice
        self.thread.set_nice(nice)

    def table(self) -> list[Handler]:
        """The handlers of those of its calls that it does not keep for itself."""
        return self.handlers if self.dispatch is None else self.dispatch.below

    def use_table(self, handlers: list[Handler]) -> None:
        """They are others from now on."""
        if self.dispatch is None:
            self.handlers = handlers
        else:
            self.dispatch.below = handlers

    def keep_no_calls(self) -> None:
        """It keeps none of them for itself any more: asked for, or by execve(2)."""
        if self.dispatch is not None:
            self.handlers, self.dispatch = self.dispatch.below, None

    def ended(self) -> bool:
        """It uses no more processor time."""
        return self.parked == PARK_DEAD

    def cpu_ns(self) -> int:
        """Processor time of the thread; of its process where the host can't tell them apart. It never goes back: the host's
        clock of a thread is behind that of its process by up to a tick."""
        group = self.group
        used = self.thread.cpu_time_ns() if group.threaded else -1
        if used < 0:
            if not self.space.alive():
                return self.told_ns
            used = group.cpu_ns()
        elif self is group.leader:
            used += group.cpu_ns_past
        if used > self.told_ns:
            self.told_ns = used
        return self.told_ns

    def cgroup(self) -> Cgroup:
        """The control group that it is in."""
        return self.group.cgroup if self.subgroup is None else self.subgroup

    # --- signals ---

    def signal_pending(self) -> bool:
        """An interruptible wait would end now."""
        return self.work & WORK_INTERRUPTING != 0

    def send_signal(self, info: SignalInfo) -> None:
        """To this very thread (tkill)."""
        signal_send.send_to_task(self, info)

    def force_signal(self, info: SignalInfo) -> None:
        """A fault of the thread itself: it cannot be blocked or ignored (kernel/signal.c: force_sig_info)."""
        signal_send.force(self, info)

    def set_blocked(self, mask: int) -> None:
        """Replace the signal mask."""
        task_signals.set_blocked(self, mask)

    def set_temporary_mask(self, mask: int) -> None:
        """For the call under way only (ppoll, pselect, epoll_pwait, sigsuspend): put back when it ends, or, when a
        signal ends it, after the handler."""
        task_signals.set_temporary_mask(self, mask)

    # --- waiting ---

    def complete(self, result: Result) -> None:
        """End a call that returned PENDING."""
        task_block.complete(self, result)

    def woken(self, mask: int) -> None:
        """A queue that the task waits on has an event; runs the handler again soon."""
        if not self.wake_queued:
            self.wake_queued = True
            self.kernel.reactor.call_soon(self.rerun)

    def rerun(self) -> None:
        """Run the blocked handler again (from the event loop)."""
        task_block.rerun(self)

    def again(self) -> None:
        """Go on with a call that returned AGAIN (from the event loop)."""
        if self.parked != PARK_DEAD:
            self.complete(self.kernel.run_handler(self))

    def deadline_passed(self) -> None:
        """The wait's timer fired."""
        task_block.deadline_passed(self)

    def go_on(self) -> None:
        """Back to guest code by way of whatever has become pending (from the event loop, after a stop)."""
        task_signals.recalculate(self)
        task_signals.return_to_guest(self)

    def resume_with(self, result: int) -> Result:
        """End the call with `result` after registers were changed (a plain reply would not load them)."""
        if self.kernel.trace is not None:
            self.kernel.trace.leave(self, result)
        self.result = result
        task_signals.return_to_guest(self)
        return NO_RETURN

    def exit(self) -> None:
        """End this thread now; no reply."""
        task_exit.exit_task(self)

    def kill_if_stuck(self) -> None:
        """The end of a task that had to wait for the platform is overdue: its host process goes."""
        if self.parked != PARK_DEAD and self.host_op:
            self.space.kill()

    def finish_call(self, result: Result) -> None:
        """What follows the handler (also one that was run again)."""
        task_syscall.finish(self, result)

    def __repr__(self) -> str:
        return f"<Task {self.tid} {self.comm!r}>"
