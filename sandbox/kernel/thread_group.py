"""ThreadGroup: a process: its threads, family, dispositions, limits, timers and exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from sandbox.kernel import signal_send, task_exit
from sandbox.kernel.io_count import IoCount
from sandbox.kernel.rlimits import ResourceLimits
from sandbox.kernel.signal_queue import SignalHandlers, SignalQueue
from sandbox.kernel.task_state import WORK_KILL
from sandbox.kernel.usage import Usage
from tcpip.waiter import WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.coredump.dump import CoreDump
    from sandbox.kernel.cpu_limit import CpuLimit
    from sandbox.kernel.interval_timer import IntervalTimer
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.keys import Key
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.posix_timers import PosixTimer
    from sandbox.kernel.sessions import ControllingTerminal, ProcessGroup, Session
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task
    from sandbox.kernel.view import View


class ThreadGroup:
    """`tasks` are the live threads; the group is a zombie when it is empty, and gone when it is reaped."""

    acct_pages = -1  # of its memory when it ended; -1: it has not, or nobody wants to know
    cgroup_cpu_ns = 0  # processor time that it had used when it came to its control group
    pgrp: ProcessGroup
    session: Session
    leader: Task

    def __init__(
        self,
        kernel: Kernel,
        ids: Pid,
        parent: ThreadGroup | None,
        sighand: SignalHandlers,
        view: View | None = None,
        rlimits: ResourceLimits | None = None,
    ) -> None:
        self.kernel = kernel
        self.view = view if view is not None else kernel.view
        self.cgroup: Cgroup = self.view.cgroup
        self.ids = ids
        self.pids = ids.ns
        self.pid = ids.number
        self.parent = parent
        self.parent_task: Task | None = None  # the thread that made it: PDEATHSIG, __WNOTHREAD
        self.children: dict[ThreadGroup, None] = {}
        self.tasks: dict[Task, None] = {}
        self.sighand = sighand
        self.pending = SignalQueue()
        self.rlimits = rlimits if rlimits is not None else ResourceLimits()
        # exit and wait
        self.exiting = False  # exit_group, a fatal signal or the last thread's exit has begun
        self.exited = False  # all threads are gone
        self.reaped = False
        self.exit_status = self.exit_signal = 0  # as wait(2) returns it, once `exiting`; what the parent gets, 0 none
        self.wait_queue = WaitQueue()  # a child's state changed
        self.child_news = False  # some child may have something to report
        self.signal_queue = WaitQueue()  # a signal became pending, for signalfd; a pidfd's readiness is `exit_queue`
        self.exit_queue = WaitQueue()
        self.child_subreaper = self.has_child_subreaper = self.is_init = False  # the last: process 1 of its namespace
        self.unkillable = False  # SIGNAL_UNKILLABLE: signals with default action are dropped
        self.execs = 0  # programs that it has started (self_exec_id)
        self.exec_task: Task | None = None  # the thread whose execve has passed the point of no return
        self.exec_waiter: Callable[[], None] | None = None  # execve waits for the other threads to be gone
        self.zombie_threads = 0  # that have ended, and whose tracer has not waited for them
        # job control
        self.without_tty = False  # it has given up its session's terminal, or was there before its session had it
        self.stop_signal = 0  # a group stop is under way or complete
        self.stopped = self.continued = False  # the stop is complete; WCONTINUED has something to report
        self.stop_reported = True  # a wait has consumed it
        # accounting, ns and events
        self.start_ns = kernel.clock.now_ns()
        self.did_exec = self.threaded = False  # threaded: it has had more than one thread
        self.cpu_ns_past = self.cpu_base_ns = 0  # of processes left by execve; what one had that is borrowed (vfork)
        self.use_past, self.use_told, self.child_use = Usage(), Usage(), Usage()  # of the same; at least
        self.process_keyring: Key | None = None
        self.io = IoCount()  # of threads that have ended, and of children that were waited for
        self.max_rss_pages = self.child_cpu_ns = self.child_max_rss_pages = 0  # child: waited-for ones, and theirs
        # timers
        self.real_timer: IntervalTimer | None = None
        self.virtual_timer: IntervalTimer | None = None
        self.prof_timer: IntervalTimer | None = None
        self.cpu_limit: CpuLimit | None = None
        self.posix_timers: dict[int, PosixTimer] = {}
        self.next_timer_id = self.oom_score_adj = self.least_oom_score_adj = 0  # least: of an unprivileged writer
        self.dump_filter = 0x33  # core(5)
        self.core: CoreDump | None = None  # that is being written

    @property
    def tty(self) -> ControllingTerminal | None:
        """Its controlling terminal: that of its session, or none."""
        return None if self.without_tty else self.session.tty

    def send_signal(self, info: SignalInfo, to_running: bool = False) -> None:
        """To the process: any thread that does not block it; `to_running`: one that uses a processor, if there is one."""
        signal_send.send_to_group(self, info, to_running)

    def begin_exit(self, status: int) -> None:
        """exit_group(2) or a fatal signal: every thread must end; `status` is what wait(2) will say."""
        if self.exiting:
            return
        if self.core is not None:
            self.core.give_up()
        self.exiting = True
        self.exit_status = status
        self.kill_threads()
        self.kernel.reactor.call_soon(self.finish_exit)

    def kill_threads(self) -> None:
        """None of them goes back to guest code."""
        for task in self.tasks:
            task.work |= WORK_KILL

    def hurry(self) -> None:
        """No tracer may hold up its end."""
        for task in self.tasks:
            if task.ptrace is not None:
                task.ptrace.options = 0

    def finish_exit(self) -> None:
        """End every thread (from the event loop, after a fatal signal)."""
        for task in list(self.tasks):
            task_exit.exit_task(task, outside=True)

    def ended(self) -> bool:
        """It uses no more processor time."""
        return self.exited

    def cpu_ns(self) -> int:
        """Processor time of the process, ns."""
        for task in self.tasks:
            space = task.space
            return self.cpu_ns_past + max(0, space.cpu_time_ns() - self.cpu_base_ns)
        return self.cpu_ns_past
