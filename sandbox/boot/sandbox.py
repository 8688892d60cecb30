"""Sandbox: the kernel put together from its parts, from `SandboxOptions` to the end of the first process."""

from __future__ import annotations

import gc
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.sched import CPU_SHARES_USUAL
from sandbox.abi.linux.signal import SIGINT, SIGKILL, SIGQUIT
from sandbox.boot import channel, confine, late_modules, own_root
from sandbox.boot.host_checks import why_no_process
from sandbox.boot.link import LauncherLink
from sandbox.boot.notices import write_line
from sandbox.boot.options import MAX_TASKS, ContainerOptions, SandboxOptions
from sandbox.boot.start_failure import StartFailure
from sandbox.kernel.kernel import Kernel
from sandbox.kernel.log import DEBUG, INFO, KernelLog
from sandbox.kernel.memory_watch import MemoryWatch, give_back, own_pages
from sandbox.kernel.trap_handler import KernelTrapHandler
from sandbox.platform.base import Platform
from sandbox.reactor import Reactor
from tcpip.clock import MonotonicClock

if TYPE_CHECKING:
    from sandbox.boot.container import ContainerControl
    from sandbox.boot.first_program import ProgramStart
    from sandbox.boot.further import Pod
    from sandbox.boot.restored import Restoration
    from sandbox.checkpoint.contained import Contained
    from sandbox.control.server import Connection
    from sandbox.control.wire import Frame
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.kernel.view import View
    from sandbox.vfs.file_description import FileDescription

GC_THRESHOLD: Final = 20_000  # young objects before a collection: a sentry makes few cycles


class Sandbox:
    """`start`, `run` until the first process ends, `close`. `pod`: what further containers there are."""

    view: View

    def __init__(self, options: SandboxOptions, channel_fd: int) -> None:
        self.options = options
        self.clock = MonotonicClock()
        self.reactor = Reactor(self.clock)
        self.link = LauncherLink(channel_fd, self.reactor)
        self.platform: Platform | None = None
        self.kernel: Kernel | None = None
        self.network: Network | None = None
        self.init: ThreadGroup | None = None
        self.memory_watch: MemoryWatch | None = None
        self.control: ContainerControl | None = None
        self.first: ProgramStart | None = None
        self.status = 0  # the wait status of the first process, once it has ended
        self.running_ns = 0
        self.pod: Pod | None = None
        self.restoration: Restoration | None = None
        self._early: list[int] = []

    def start(self) -> None:
        """Up to the first program's first instruction. StartFailure, PlatformError."""
        options = self.options
        if options.container is not None:
            self.link.wait_for(channel.JOINED)
        platform = self._make_platform()
        processors = sorted(os.sched_getaffinity(0))
        most, log = options.limits.pids or MAX_TASKS, self._make_log()
        kernel = self.kernel = Kernel(platform, self.reactor, self.clock, os.urandom, log, len(processors), most)
        for note in options.notes:
            kernel.log.debug(note)
        kernel.host_cpus = processors
        kernel.hostname, kernel.domainname = options.hostname, options.domainname or kernel.domainname
        kernel.view.cpu_us = (options.limits.cpu_quota_us, options.limits.cpu_period_us)
        kernel.view.cgroup.shares = options.limits.cpu_shares or CPU_SHARES_USUAL
        self.usual_memory = kernel.memory_bytes
        if options.limits.memory:
            kernel.memory_bytes = options.limits.memory
        if options.container is not None:
            kernel.commit.machine = self.usual_memory >> 12  # a control group's bound refuses no promise
        from sandbox.ptrace.gate import traced
        from sandbox.syscalls.late import copies, handlers, patched

        kernel.handlers[:] = handlers()
        kernel.traced_handlers[:] = traced(kernel)
        handler = KernelTrapHandler(kernel)
        if options.copies:
            platform.copy_ahead(copies())
        if options.patch:
            platform.patch_calls(patched())
        platform.start(handler)
        from sandbox.boot.mounts import mount_all

        mount_all(kernel, options)
        container = options.container
        if container is not None:
            self._let_hooks_run(container)
        self._make_network(kernel)
        self._confine(kernel, platform)
        gc.set_threshold(GC_THRESHOLD, 50, 50)
        if options.strace_fd >= 0:
            from sandbox.boot.tracing import trace_to

            trace_to(kernel, options.strace_fd, options.json_log and options.strace_fd == options.log_fd)
        self.memory_watch = self._make_memory_watch(kernel)
        kernel.load.start()
        self.view = kernel.view
        self.view.on_exit = self._exited
        if container is not None:
            from sandbox.boot.container import ContainerControl, HostSignals

            self.control = ContainerControl(self, kernel, container)
            if not container.attached:
                HostSignals(self, self.reactor)
        self._start_first_program(kernel)

    def _let_hooks_run(self, container: ContainerOptions) -> None:
        from sandbox.boot import ahead

        self.link.let_hooks_run()
        ahead.prepare(self.options, container)
        self.link.wait_for(channel.GO)

    def _make_memory_watch(self, kernel: Kernel) -> MemoryWatch:
        watch, container = MemoryWatch(kernel, own_pages, give_back), self.options.container
        if container is not None and container.host_oom_fds:
            from sandbox.boot.host_oom import HostOom
            from sandbox.boot.host_oom_asker import Asker, own

            watch.tell_host = Asker(HostOom(container.host_oom_fds), kernel.platform, self.reactor, own).tell
        return watch

    def _start_first_program(self, kernel: Kernel) -> None:
        from sandbox.boot.first_program import ProgramStart

        options, container = self.options, self.options.container
        kernel.start_helper = _start_core_helper
        if container is not None and container.restore_fd >= 0:
            from sandbox.boot.restored import Restoration, RestoredStart
            from sandbox.checkpoint.contained import OWN

            self.restoration = Restoration(kernel, container.restore_fd)
            RestoredStart(self.restoration, OWN, self.view, options, self._failed, self._restored).begin()
            return
        first = ProgramStart(kernel, options.program, self._failed, self._loaded)
        first.first = True
        first.stdio, first.terminal, first.window = options.stdio, options.terminal, options.window
        if container is not None:
            first.hold = first.unkillable = first.home = True
            first.more_fds, first.seccomp = container.more_fds, container.seccomp
            self.view.personality = container.personality
        first.begin()

    def run(self) -> None:
        """Serve until the first process has ended."""
        self.link.watch(self.signal, self._time_is_up, self._launcher_gone)
        self.reactor.run()
        if self.network is not None:
            self.network.deliver_rest(self.reactor)

    def close(self) -> None:
        """Every guest process is gone afterwards, and what the network held on the host."""
        if self.network is not None:
            self.network.close()
        platform, kernel = self.platform, self.kernel
        if platform is not None:
            if kernel is not None and kernel.log.level == DEBUG:
                kernel.log.debug("platform: " + ", ".join(f"{k} {v}" for k, v in platform.metrics().items()))
            platform.close()

    # --- parts ---

    def _make_platform(self) -> Platform:
        from sandbox.platform.choose import make

        try:
            platform = self.platform = make(self.options.platform, self.reactor, self.options.look)
        except BlockingIOError as error:  # EAGAIN, of fork(2)
            raise StartFailure(why_no_process(os.strerror(error.errno or 0))) from None
        return platform

    def _make_log(self) -> KernelLog:
        options = self.options
        level = DEBUG if options.debug else INFO
        if options.log_fd < 0:
            return KernelLog(self._complain if not options.debug else self._say, level)
        from sandbox.boot.logging import log_sink

        return KernelLog(log_sink(options.log_fd, options.json_log), level)

    def _say(self, level: int, line: str) -> None:
        if not write_line(self.options.stdio[2], line):
            self.link.notice(line)

    def _complain(self, level: int, line: str) -> None:
        """Without a log: what the network refused, and what is wrong in the sandbox itself."""
        from sandbox.kernel.log import WARNING

        if level >= WARNING:
            self._say(level, line)

    def _make_network(self, kernel: Kernel) -> None:
        from sandbox.boot.etc_files import cover_resolv_conf, write_etc
        from sandbox.gateway import networks
        from sandbox.sockets import proc_net

        try:
            network = self.network = networks.build(kernel, self.options.network)
        except networks.NetworkError as error:
            raise StartFailure(str(error)) from None
        network.capture = self.options.network.pcap_name
        proc_net.show(kernel, network)
        if self.options.container is None:
            write_etc(kernel, network.resolv_conf, network.hosts)
        elif network.kind in ("internal", "user"):
            cover_resolv_conf(kernel, network.resolv_conf)

    def _confine(self, kernel: Kernel, platform: Platform) -> None:
        from sandbox.fs.procfs.system_files import CPU

        CPU.prepare()
        if self.options.container is None:
            late_modules.hold()
        own_root.enter(self.options, platform.proc)
        own_root.follow(kernel.mounts, self.options.given())
        confine.drop_privileges(platform.host_calls)

    # --- events ---

    def _loaded(self, first: ProgramStart) -> None:
        assert self.kernel is not None and first.group is not None
        container = self.options.container
        try:
            if container is not None and container.sysctl:
                from sandbox.boot.sysctl import apply

                apply(self.kernel, first.group.leader, container.sysctl)
            if container is not None and first.console is not None:
                from sandbox.boot.mounts import bind_console

                bind_console(self.view, first.console.number)
        except StartFailure as failure:
            self._failed(failure)
            return
        self.first = first
        if first.console is not None:
            first.console.join(self.link)
        if self.control is not None:
            self.control.created()
            self.link.created()
        else:
            self.started()

    def _restored(self, first: ProgramStart) -> None:
        """The processes of an image are there; or may come, with other containers (then once more when they have)."""
        assert self.kernel is not None and self.control is not None
        early, self.first = self.first is not None, first
        self.view = self.control.view = self.kernel.view
        if first.group is not None:
            self.view.on_exit = self._exited
            if self.options.limits.memory:
                self.kernel.memory_bytes = self.options.limits.memory
            if first.console is not None:
                first.console.join(self.link)
        if not early:
            self.control.created()
            self.link.created()
        elif self.running_ns:
            self._begin_signals()

    def started(self) -> None:
        """The first process runs, or is just about to."""
        assert self.first is not None
        self.running_ns = time.monotonic_ns()
        self.link.started()
        if self.first.group is not None:
            self._begin_signals()

    def _begin_signals(self) -> None:
        assert self.first is not None
        self.init = self.first.group
        for number in self._early:  # once the program has been let go
            self.reactor.call_soon(partial(self.signal, number))

    def _failed(self, failure: StartFailure) -> None:
        if self.first is not None and self.restoration is not None:  # others have been told that it is there
            assert self.kernel is not None
            self.kernel.log.error(str(failure))
            self._exited(failure.status << 8)
            return
        self.status = failure.status << 8
        self.link.failed(failure.status, str(failure))
        self.reactor.stop()

    def _exited(self, status: int) -> None:
        self.status = status
        if self.options.summary:
            self.link.summary("\n".join(self._summary()))
        self.link.exited(status)
        if self.control is not None:
            self.control.exited(status)
        self.reactor.stop()

    def _summary(self) -> list[str]:
        now = time.monotonic_ns()
        start, run = (self.running_ns - self.options.begun_ns) / 1e6, (now - self.running_ns) / 1e6
        lines = [f"started in {start:.0f} ms, ran {run:.0f} ms"]
        return lines + (self.network.summary() if self.network is not None else [])

    def signal(self, number: int) -> None:
        """From outside: to the first process, as from its parent namespace (its handlers and SIGKILL count).
        What comes before it runs waits for it, each number once; SIGKILL does not wait."""
        if self.init is not None:
            if self.link.interrupt is not None and number in (SIGINT, SIGQUIT):
                self.link.interrupt(number)
                return
            from sandbox.boot.signals import forward

            forward(self.init, number)
        elif number == SIGKILL and self.first is not None:
            self._exited(SIGKILL)
        elif number not in self._early:
            self._early.append(number)

    # --- a container's control socket ---

    def set_memory(self, size: int) -> None:
        """The most that its processes may have, those of further containers included."""
        assert self.kernel is not None
        self.kernel.memory_bytes = size or self.usual_memory or self.kernel.memory_bytes

    def set_cpu(self, quota_us: int | None, period_us: int | None) -> None:
        """The host's control group bounds it: this is what its own says."""
        assert self.kernel is not None
        old = self.kernel.view.cpu_us
        self.kernel.view.cpu_us = (old[0] if quota_us is None else quota_us, period_us or old[1])

    def set_cpu_shares(self, shares: int) -> None:
        """Of the first container, beside the others of its pod."""
        assert self.kernel is not None
        self.kernel.view.cgroup.shares = shares

    def create(self, connection: Connection, frame: Frame) -> None:
        """One more container. BadMessage."""
        assert self.kernel is not None
        if self.pod is None:
            from sandbox.boot.further import Pod

            self.pod = Pod(self.kernel, bool(self.options.limits.memory), self.restoration)
        self.pod.create(connection, frame)

    def remove(self, connection: Connection) -> None:
        """It takes everything with it when its process ends."""
        connection.refuse("sandbox", "the sandbox's own container ends with its process")

    def alone(self) -> bool:
        """No other container's processes are in the sandbox."""
        return self.pod is None or all(one.has_ended() for one in self.pod.containers)

    def contained(self) -> list[Contained]:
        """Itself, and those of its pod. CannotSave."""
        from sandbox.checkpoint.contained import OWN, Contained

        console = self.first.console if self.first is not None else None
        own = Contained(OWN, self.view, console)
        return [own, *(self.pod.contained() if self.pod is not None else ())]

    def awaited(self) -> str:
        """Of an image of a pod, those that have not come."""
        return self.restoration.waiting_for() if self.restoration is not None else ""

    def saved(self) -> None:
        """Whoever restores the image goes on with it."""
        self._exited(SIGKILL)

    def _time_is_up(self) -> None:
        self.signal(SIGKILL)

    def _launcher_gone(self) -> None:
        if self.first is None or self.control is None or self.control.attached:
            self.reactor.stop()


def _start_core_helper(t: Task, words: list[bytes], read_end: FileDescription, done: Callable[[bool], None]) -> None:
    from sandbox.boot.core_helper import start_helper

    start_helper(t, words, read_end, done)
