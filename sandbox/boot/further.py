"""Further containers in a sandbox that is there: the pod. Each has its mounts, process numbers and terminals, its control
socket, and a connection that it lives as long as; network, IPC and names are the sandbox's."""

from __future__ import annotations

import os
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.sched import CPU_SHARES_USUAL
from sandbox.abi.linux.signal import SIGKILL
from sandbox.boot.container import SIGNAL_MAX, ContainerControl, window_of
from sandbox.boot.first_program import ProgramStart
from sandbox.boot.mounts import bind_console, mount_further
from sandbox.boot.signals import forward
from sandbox.boot.start_failure import StartFailure
from sandbox.control import wire
from sandbox.control.container_body import SANDBOX_PIDS, options_of
from sandbox.control.messages import BadMessage, Fields
from sandbox.kernel.cgroup.bandwidth import DEFAULT_PERIOD_NS, bandwidth_of
from sandbox.kernel.cgroup.cgroup import Cgroup
from sandbox.kernel.pid_namespace import PidNamespace
from sandbox.kernel.task_exit import reap
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.kernel.view import View

if TYPE_CHECKING:
    from sandbox.boot.options import SandboxOptions
    from sandbox.boot.restored import Restoration
    from sandbox.checkpoint.contained import Contained
    from sandbox.control.server import Connection
    from sandbox.control.wire import Frame
    from sandbox.kernel.kernel import Kernel

NS_PER_US: Final = 1000
CONTAINERS_MOST: Final = 256


class Pod:
    """What further containers a sandbox has. `bounded`: the memory of them all is bounded by the sandbox's own.
    `restoration`: the image that the sandbox is restored from."""

    def __init__(self, kernel: Kernel, bounded: bool, restoration: Restoration | None = None) -> None:
        self.kernel = kernel
        self.bounded = bounded
        self.restoration = restoration
        self.containers: dict[FurtherContainer, None] = {}
        self._usual = kernel.memory_bytes
        self._numbers = count(2)  # of their control groups; the sandbox's own is 1
        if not bounded:
            kernel.commit.machine = kernel.commit.size

    def create(self, connection: Connection, frame: Frame) -> None:
        """BadMessage."""
        if len(self.containers) >= CONTAINERS_MOST:
            connection.refuse("too-many", f"a sandbox has at most {CONTAINERS_MOST} containers")
            return
        options = options_of(frame)
        fields = Fields(frame.body)
        name, whose = fields.text("name"), fields.text("whose_pids")
        label, restored = fields.text("label"), fields.flag("restored")
        if restored and (why := self._why_not_restored(label)):
            connection.refuse("restore", f"cannot restore: {why}")
            return
        pids, user = self._pids(whose), self._user(fields.text("whose_user"))
        if pids is None:
            connection.refuse("no-container", f"container {whose} does not run")
            return
        number = next(self._numbers)
        group = Cgroup(self.kernel.cgroups, self.kernel.cgroups.root, b"%d" % number)
        view = View(pids, group, bool(whose), number)
        view.user = user
        if options.limits.pids:
            view.limit_tasks(options.limits.pids)
        container = FurtherContainer(self, connection, options, view, name, label)
        container.fds, frame.fds = frame.fds, []
        self.containers[container] = None
        self.count_memory()
        container.begin(self.restoration if restored else None)

    def _why_not_restored(self, label: str) -> str:
        if self.restoration is None:
            return "the sandbox was not restored from an image"
        return self.restoration.why_not(label)

    def restored(self) -> None:
        """Numbers of those that come from the image are taken."""
        self._numbers = count(max(next(self._numbers), 1 + max(one.view.number for one in self.containers)))

    def contained(self) -> list[Contained]:
        """Those that run, for an image, by number. What have ended let go of all that would be in it. CannotSave."""
        from sandbox.checkpoint.contained import Contained
        from sandbox.checkpoint.save import CannotSave

        found: dict[str, Contained] = {}
        for one in sorted(self.containers, key=lambda container: container.view.number):
            if one.has_ended():
                one.release()
                continue
            if one.control is None or not one.control.was_started():
                raise CannotSave(f"container {one.name} of the pod was not started")
            if one.label in found or not one.label:
                raise CannotSave(f"two containers of the pod are called {one.label}")
            console = one.first.console if one.first is not None else None
            found[one.label] = Contained(one.label, one.view, console)
        return list(found.values())

    def _pids(self, whose: str) -> PidNamespace | None:
        """New ones, those of a further container, or the sandbox's. None when nobody can enter any more."""
        if not whose:
            return PidNamespace(self.kernel.pids.max_tasks, self.kernel.new_namespace_number())
        found = [one.view.pids for one in self.containers if one.name == whose]
        pids = self.kernel.pids if whose == SANDBOX_PIDS else found[0] if found else None
        return None if pids is None or pids.closed else pids

    def _user(self, whose: str) -> UserNamespace:
        """The user namespace of a further container, the sandbox's, or the first one."""
        if not whose:
            return INITIAL
        found = [one.view.user for one in self.containers if one.name == whose]
        return found[0] if found else self.kernel.view.user

    def count_memory(self) -> None:
        """Together they may have what each may have; one without a bound, what a sandbox usually has."""
        if self.bounded or not self.containers:
            return
        sizes = [container.memory for container in self.containers]
        self.kernel.memory_bytes = sum(sizes) if all(sizes) else max(self._usual, sum(sizes))


class FurtherContainer:
    """From CREATE to REMOVE. When the connection that asked for it is gone, its processes are killed."""

    def __init__(
        self, pod: Pod, connection: Connection, options: SandboxOptions, view: View, name: str, label: str
    ) -> None:
        self.pod = pod
        self.label = label  # what an image calls it
        self.kernel = pod.kernel
        self.connection = connection
        self.options = options
        self.view = view
        self.name = name
        self.memory = 0
        self.cpu_us = (0, 0)
        self.cpu_shares = options.limits.cpu_shares or CPU_SHARES_USUAL
        self.set_cpu_shares(self.cpu_shares)
        view.confine(pod.kernel.mask_of(options.limits.processors))
        self.set_cpu(options.limits.cpu_quota_us, options.limits.cpu_period_us)
        self.set_memory_of_its_own(options.limits.memory)
        self.fds: list[int] = []
        self.first: ProgramStart | None = None
        self.control: ContainerControl | None = None
        self._start: ProgramStart | None = None
        self._running = False
        self._early: list[int] = []
        self._ended = False
        self._gone = False
        self._released = False

    def begin(self, restoration: Restoration | None) -> None:
        """Mount, and load the first program, or (`restoration`) wait for what the image has of it."""
        options, container = self.options, self.options.container
        assert container is not None
        self.connection.on_close.append(self._hung_up)
        try:
            mount_further(self.kernel, self.view, options)
        except StartFailure as failure:
            self._failed(failure)
            return
        if restoration is not None:
            from sandbox.boot.restored import RestoredStart

            RestoredStart(restoration, self.label, self.view, options, self._failed, self._restored).begin()
            return
        self.view.on_exit = self._exited
        self.view.personality = container.personality
        start = self._start = ProgramStart(self.kernel, options.program, self._failed, self._loaded)
        start.view = self.view
        start.first = start.hold = start.unkillable = start.home = True
        start.stdio, start.terminal, start.window = options.stdio, options.terminal, options.window
        start.more_fds, start.seccomp = container.more_fds, container.seccomp
        start.begin()

    def _loaded(self, start: ProgramStart) -> None:
        container = self.options.container
        assert container is not None
        if self._gone:
            self._kill()
            return
        self.first = start
        try:
            if container.sysctl and start.group is not None:
                from sandbox.boot.sysctl import apply

                apply(self.kernel, start.group.leader, container.sysctl)
            if start.console is not None:
                bind_console(self.view, start.console.number)
        except StartFailure as failure:
            self._failed(failure)
            return
        if start.console is not None:
            start.console.take_keys()
        self._close_streams()
        self._created()

    def _created(self) -> None:
        container = self.options.container
        assert container is not None
        control = self.control = ContainerControl(self, self.kernel, container)
        self.fds.remove(container.control_fd)  # the server's now
        control.created()
        self.connection.on_frame = self._frame
        self.connection.answer()

    def _close_streams(self) -> None:
        """The processes inside have their own."""
        container = self.options.container
        assert container is not None
        for fd in (*self.options.stdio, *container.more_fds):
            self._close(fd)

    def _restored(self, start: ProgramStart) -> None:
        """Its processes are there; or will be, with those of containers that have to come first (then once more)."""
        self.first = start
        if start.group is not None:
            view = self.view = start.view
            view.on_exit = self._exited
            self.set_memory_of_its_own(self.memory)
            self.set_cpu(*self.cpu_us)
            self.set_cpu_shares(self.cpu_shares)
            view.confine(self.kernel.mask_of(self.options.limits.processors))
            self._close_streams()
            self.pod.restored()
            if self.control is not None:
                self.control.view = view
            if self._gone:
                self._kill()
                return
        if self.control is None:
            self._created()
        elif self._running:
            self._deliver_early()

    def _failed(self, failure: StartFailure) -> None:
        self.connection.answer({"code": str(failure.status), "message": str(failure)}, wire.REFUSED)
        self._kill()
        self._clear()

    def _exited(self, status: int) -> None:
        """The first process has ended, and everybody with it."""
        self._ended = True
        if self.control is not None:
            self.control.exited(status)
        answer = partial(self.connection.answer, {"status": status}, wire.EXITED)
        console = self.first.console if self.first is not None else None
        if console is not None:
            console.finish(answer)
        else:
            answer()

    def _frame(self, frame: Frame) -> bool:
        """Signals and sizes from the host process that stands for it."""
        if frame.kind not in (wire.SIGNAL, wire.RESIZE):
            return False
        fields = Fields(frame.body)
        try:
            if frame.kind == wire.SIGNAL:
                self.signal(fields.number("signal", 1, SIGNAL_MAX))
            elif self.first is not None and self.first.console is not None:
                self.first.console.set_window(window_of(fields))
        except BadMessage as error:
            self.connection.refuse("bad-message", str(error))
        return True

    def _hung_up(self) -> None:
        self._gone = True
        self._kill()

    # --- for its control socket ---

    def signal(self, number: int) -> None:
        """What comes before it runs waits for it, each number once; SIGKILL does not wait."""
        group = self.view.first
        if group is not None and (self._running or number == SIGKILL):
            if not self._running:
                self._kill()
            else:
                forward(group, number)
        elif number not in self._early:
            self._early.append(number)

    def started(self) -> None:
        """It is about to run."""
        self._running = True
        if self.view.first is not None:
            self._deliver_early()

    def _deliver_early(self) -> None:
        for number in self._early:
            self.kernel.reactor.call_soon(partial(self.signal, number))

    def set_memory(self, size: int) -> None:
        """Its part of what the pod may have."""
        self.set_memory_of_its_own(size)
        self.pod.count_memory()

    def set_memory_of_its_own(self, size: int) -> None:
        """What its own processes may have together; 0: no less than everybody's."""
        self.memory = size
        if size or self.view.cgroup.memory_pages is not None:
            self.view.cgroup.limit_memory(size >> 12 or None)

    def set_cpu(self, quota_us: int | None, period_us: int | None) -> None:
        """What its own processes may use."""
        old = self.cpu_us
        self.cpu_us = quota, period = (old[0] if quota_us is None else quota_us, period_us or old[1])
        if quota or self.view.cgroup.bandwidth is not None:
            bandwidth = bandwidth_of(self.view.cgroup, self.kernel)
            bandwidth.set(quota * NS_PER_US or None, period * NS_PER_US or DEFAULT_PERIOD_NS, 0)

    def set_cpu_shares(self, shares: int) -> None:
        """How they are weighed against those of the pod's other containers."""
        self.cpu_shares = self.view.cgroup.shares = shares
        self.kernel.cgroups.regrouped(self.kernel.cgroups.root)

    def create(self, connection: Connection, frame: Frame) -> None:
        """Only the sandbox has containers."""
        connection.refuse("no-sandbox", "the container is not a pod's sandbox")

    def alone(self) -> bool:
        """The sandbox's own container is there, too."""
        return False

    def contained(self) -> list[Contained]:
        """An image is one of all of them. CannotSave."""
        from sandbox.checkpoint.save import CannotSave

        raise CannotSave("the container is not a pod's sandbox")

    def saved(self) -> None:
        """It never is: an image is one of the pod's sandbox."""

    def awaited(self) -> str:
        """Of an image, the other containers that have not come."""
        restoration = self.pod.restoration
        return restoration.waiting_for() if restoration is not None else ""

    def has_ended(self) -> bool:
        """Its first process has, and everybody with it."""
        return self._ended

    def remove(self, connection: Connection) -> None:
        """Its processes, mounts, descriptors, socket."""
        self._kill()
        self._clear()
        connection.answer()
        if self.control is not None:
            self.control.server.close()

    # --- the end ---

    def _kill(self) -> None:
        for group in self.view.groups():
            if not group.exited:
                group.begin_exit(SIGKILL)
                group.finish_exit()

    def _clear(self) -> None:
        """Nothing of the host's stays open, so that what it was on can be unmounted there."""
        if self not in self.pod.containers:
            return
        del self.pod.containers[self]
        restoration = self.pod.restoration
        if restoration is not None:
            restoration.leave(self.label, self.view)
        self.release()
        self.pod.count_memory()
        for fd in list(self.fds):
            self._close(fd)

    def release(self) -> None:
        """Its control group, its mounts, and whoever ended unseen. Harmless twice."""
        if self._released:
            return
        self._released = True
        for group in self.view.groups():
            if group.exited:
                reap(group)
        self.view.cgroup.discard()
        if hasattr(self.view, "namespaces"):
            self.view.namespaces.drop()

    def _close(self, fd: int) -> None:
        if fd in self.fds:
            self.fds.remove(fd)
            os.close(fd)
