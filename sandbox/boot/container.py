"""What a container's control socket is answered: the life of its first process, and processes beside it."""

from __future__ import annotations

import _socket
import os
import stat
from functools import partial
from typing import TYPE_CHECKING, Callable, Final, Protocol

from sandbox import host_signal as signal
from sandbox import plain_json
from sandbox.abi.linux.sched import (
    CPU_LEAST_US,
    CPU_PERIOD_MOST_US,
    CPU_QUOTA_MOST_US,
    CPU_SHARES_LEAST,
    CPU_SHARES_MOST,
    PROCESSOR_MOST,
)
from sandbox.boot import process_list
from sandbox.boot.exit_status import OOM_LINE
from sandbox.boot.extra_process import ExtraProcess
from sandbox.boot.options import MAX_TASKS, ContainerOptions
from sandbox.boot.signals import forward
from sandbox.boot.start_hooks import StartHooks
from sandbox.control import wire
from sandbox.control.messages import BadMessage, Fields
from sandbox.control.server import Connection, ControlServer
from sandbox.control.wire import Frame
from sandbox.kernel.cgroup.freezer import Freeze, set_freeze
from sandbox.reactor import READ
from tcpip.native import is_compiled

if TYPE_CHECKING:
    from sandbox.boot.events import Events
    from sandbox.boot.first_program import ProgramStart
    from sandbox.boot.sandbox import Sandbox
    from sandbox.checkpoint.contained import Contained
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.view import View
    from sandbox.reactor import Reactor
    from tcpip.bpf.opcodes import Insn

CREATING: Final = "creating"
CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"
SIGNAL_MAX: Final = 64
WINDOW_MAX: Final = 0xFFFF
PORT_MAX: Final = 0xFFFF
# What is sent to the sandbox's process is meant for the container's.
# Requests of who may have changed files before, and counts on its being seen.
DEEDS: Final = (wire.START, wire.EXEC, wire.SIGNAL, wire.RESUME)
FORWARDED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

# What a container is answered that waits for the others of its pod to be restored.
BEFORE_RESTORED: Final = (
    wire.START, wire.STATE, wire.SIGNAL, wire.WAIT, wire.PS, wire.STATS, wire.CREATE, wire.REMOVE, wire.STACKS,
)  # fmt: skip

Handler = Callable[[Connection, Frame], None]
MEMORY_LEAST: Final = 1 << 20


class Holder(Protocol):
    """Whose life a control socket is about: the sandbox with its first container, or one of the further ones."""

    view: View
    first: ProgramStart | None

    def signal(self, number: int) -> None:
        """To the first process, from outside."""

    def started(self) -> None:
        """The first process is about to run."""

    def set_memory(self, size: int) -> None:
        """The most that its processes may have, in bytes; 0: what a sandbox has without a bound."""

    def set_cpu(self, quota_us: int | None, period_us: int | None) -> None:
        """The most processor time that they may use in a period; 0: as much as there is. None: as before."""

    def set_cpu_shares(self, shares: int) -> None:
        """How its processes are weighed against those of the pod's other containers; 1024 is usual."""

    def create(self, connection: Connection, frame: Frame) -> None:
        """One more container in this sandbox."""

    def remove(self, connection: Connection) -> None:
        """Answered when nothing of it is left."""

    def alone(self) -> bool:
        """Nobody else's processes are in the sandbox."""

    def contained(self) -> list[Contained]:
        """The sandbox's containers, for an image. CannotSave."""

    def saved(self) -> None:
        """An image of it has been written: it ends here."""

    def awaited(self) -> str:
        """Which containers of an image have to come before there is anything in this one; empty for none."""


class ContainerControl:
    """One for each container, from before its first program is loaded to its end."""

    def __init__(self, holder: Holder, kernel: Kernel, options: ContainerOptions) -> None:
        self.holder = holder
        self.kernel = kernel
        self.view = holder.view
        self.attached = options.attached
        self.seccomp: tuple[Insn, ...] = options.seccomp
        self.status = CREATING
        self._options = options
        self._status_fd = options.status_fd
        self._waiting: list[Connection] = []
        self._postponed: dict[Connection, Frame] = {}  # processes that begin when it goes on
        self._starting = False
        self._saving = False
        self._paused_from = RUNNING
        self._standing = False  # the whole sandbox is
        self._own_only = False  # its own processes are frozen, those of others are not
        self._to_save: Callable[[], None] | None = None  # while it is paused
        self.name = ""  # once it is started
        self._trace_fd = -1
        self._events: Events | None = None
        self._handlers: dict[int, Handler] = {
            wire.START: self._start,
            wire.STATE: self._state,
            wire.EXEC: self._exec,
            wire.SIGNAL: self._signal,
            wire.WAIT: self._wait,
            wire.PS: self._ps,
            wire.STATS: self._stats,
            wire.PAUSE: self._pause,
            wire.RESUME: self._resume,
            wire.RESIZE: self._resize,
            wire.UPDATE: self._update,
            wire.CREATE: self._create,
            wire.REMOVE: self._remove,
            wire.STACKS: self._stacks,
            wire.TRACE: self._trace,
            wire.FORWARD: self._forward,
            wire.NETWORK: self._network,
            wire.EVENTS: self._listen,
            wire.CHECKPOINT: self._checkpoint,
            wire.PROFILE: self._profile,
        }
        self.server = ControlServer(kernel.reactor, options.control_fd, self.serve)

    def serve(self, connection: Connection, frame: Frame) -> None:
        """One request."""
        handler = self._handlers.get(frame.kind)
        if handler is None:
            connection.refuse("unknown", f"unknown request {frame.kind}")
            return
        awaited = self.holder.awaited()
        if awaited and frame.kind not in BEFORE_RESTORED:
            connection.refuse("wrong-state", f"the pod's containers {awaited} have not been restored yet")
            return
        if frame.kind in DEEDS:
            self.kernel.mounts.vfs.expire()
        try:
            handler(connection, frame)
        except BadMessage as error:
            connection.refuse("bad-message", str(error))

    # --- from the sandbox ---

    def created(self) -> None:
        """The first program is loaded."""
        self.status = CREATED

    def exited(self, wait_status: int) -> None:
        """The first process has ended: who waits is told, and a file of the host says so afterwards."""
        self.status = STOPPED
        self._tell("exited", {"status": wait_status})
        if self._status_fd >= 0:
            try:
                os.pwrite(self._status_fd, b"%d\n%s" % (wait_status, OOM_LINE if self.view.oom_kills else b""), 0)
            except OSError:
                pass  # a full disk: the status of the sandbox's own process says the same
        for connection in self._waiting:
            connection.answer({"status": wait_status}, wire.EXITED)

    def was_started(self) -> bool:
        """It runs, or would if it were not paused."""
        return RUNNING in (self.status, self._paused_from if self.status == PAUSED else "")

    # --- requests ---

    def _start(self, connection: Connection, frame: Frame) -> None:
        fields = Fields(frame.body)
        if self.status != CREATED or self._starting:
            connection.refuse("wrong-state", "cannot start an already running container")
            return
        self._starting = True
        self.name = name_in(fields.text("state"))
        StartHooks(
            self.kernel,
            self._options.start_hooks,
            fields.text("state").encode("utf-8", "surrogateescape"),
            partial(self._hooks_done, connection),
            self.view,
            self.seccomp,
        ).run()

    def _hooks_done(self, connection: Connection, failure: str) -> None:
        """The first process runs, or, since a hook has failed, ends."""
        first = self.holder.first
        if self.status != CREATED or first is None:
            connection.refuse("stopped", "the container was stopped while it was started")
            return
        if failure:
            connection.refuse("hook", failure)
            self.holder.signal(int(signal.SIGKILL))
            return
        self.status = RUNNING
        self._tell("started", {})
        self.holder.started()
        first.go()
        connection.answer()

    def _state(self, connection: Connection, frame: Frame) -> None:
        connection.answer({"status": self.status})

    def _exec(self, connection: Connection, frame: Frame) -> None:
        if self.status == PAUSED and Fields(frame.body).flag("ignore_paused"):
            self._postpone(connection, frame)
            return
        if self.status not in (CREATED, RUNNING):
            connection.refuse("wrong-state", f"cannot exec in a container that is {self.status}")
            return
        extra = ExtraProcess(self.kernel, self.view, self.seccomp, connection, frame)
        extra.tell = self._tell
        extra.begin()

    def _signal(self, connection: Connection, frame: Frame) -> None:
        fields = Fields(frame.body)
        number = fields.number("signal", 0, SIGNAL_MAX)
        if number and fields.flag("all"):
            for group in self.view.groups():
                if group is not self.view.first:
                    forward(group, number)
        if number:
            self.holder.signal(number)
        connection.answer()

    def _wait(self, connection: Connection, frame: Frame) -> None:
        self._waiting.append(connection)
        connection.on_close.append(lambda: self._waiting.remove(connection))

    def _ps(self, connection: Connection, frame: Frame) -> None:
        connection.answer({"processes": process_list.processes(self.kernel, self.view)})

    def _stats(self, connection: Connection, frame: Frame) -> None:
        connection.answer(process_list.stats(self.kernel, self.view))

    def _pause(self, connection: Connection, frame: Frame) -> None:
        if self.status not in (CREATED, RUNNING) or self._starting and self.status == CREATED:
            connection.refuse("wrong-state", f"cannot pause a container that is {self.status}")
            return
        self._paused_from, self.status = self.status, PAUSED
        if not self.holder.alone():
            self._freeze_own(connection.answer)
            self._tell("paused", {})
            return
        # Not from here: what other connections have asked at the same time is answered first.
        self.kernel.reactor.call_soon(lambda: self._stand_still(connection))

    def _freeze_own(self, done: Callable[[], None]) -> None:
        self._own_only = True
        Freeze(self.view.cgroup, done).begin()

    def _stand_still(self, connection: Connection | None) -> None:
        """No process runs and nothing of the kernel does, until somebody resumes, joins the sandbox, or wants an image."""
        if self.status != PAUSED:
            return
        if not self.holder.alone():
            self._freeze_own(connection.answer if connection is not None else _nobody_asked)
            if connection is not None:
                self._tell("paused", {})
            return
        platform, reactor = self.kernel.platform, self.kernel.reactor
        begin = reactor.clock.now_ns()
        if connection is not None:
            self._tell("paused", {})
        platform.freeze()
        if connection is not None:
            connection.answer()
        self._standing = True
        self.server.serve_while(lambda: self.status == PAUSED and self._to_save is None and not self._own_only)
        self._standing = False
        platform.thaw()
        reactor.stood_ns += reactor.clock.now_ns() - begin
        if self._own_only:
            self._freeze_own(_nobody_asked)
            self._go_on_with_postponed()
            return
        if self._to_save is not None:  # they halt before anything that they ask for is answered
            to_save, self._to_save = self._to_save, None
            to_save()
            return
        self._tell("resumed", {})

    def _resume(self, connection: Connection, frame: Frame) -> None:
        if self.status != PAUSED:
            connection.refuse("wrong-state", "container not paused")
            return
        self.status = self._paused_from
        self.kernel.reactor.call_soon(self._go_on_with_postponed)
        if self._own_only:
            self._own_only = False
            set_freeze(self.view.cgroup, False)
            self._tell("resumed", {})
        connection.answer()

    def _postpone(self, connection: Connection, frame: Frame) -> None:
        kept = self._postponed[connection] = Frame(frame.kind, frame.body, frame.fds)
        frame.fds = []  # they are kept until it goes on, or nobody waits any more
        connection.on_close.append(partial(self._forget, connection, kept))

    def _forget(self, connection: Connection, kept: Frame) -> None:
        self._postponed.pop(connection, None)
        kept.close()

    def _go_on_with_postponed(self) -> None:
        waiting, self._postponed = self._postponed, {}
        for connection, frame in waiting.items():
            try:
                if not connection.closed:
                    self.serve(connection, frame)
            finally:
                frame.close()

    def _resize(self, connection: Connection, frame: Frame) -> None:
        window = window_of(Fields(frame.body))
        first = self.holder.first
        if first is None or first.console is None:
            connection.refuse("no-terminal", "the container has no terminal")
            return
        first.console.set_window(window)
        connection.answer()

    def _update(self, connection: Connection, frame: Frame) -> None:
        fields = Fields(frame.body)
        if fields.has("memory"):
            size = fields.number("memory", 0, 1 << 62)
            if 0 < size < MEMORY_LEAST:
                raise BadMessage(f"memory is less than {MEMORY_LEAST}")
            self.holder.set_memory(size)
        if fields.has("pids"):
            self.view.limit_tasks(fields.number("pids", 0, 1 << 22) or MAX_TASKS)
        if fields.has("cpu_quota") or fields.has("cpu_period"):
            quota = fields.number("cpu_quota", 0, CPU_QUOTA_MOST_US) if fields.has("cpu_quota") else None
            period = fields.number("cpu_period", CPU_LEAST_US, CPU_PERIOD_MOST_US) if fields.has("cpu_period") else None
            if quota is not None and 0 < quota < CPU_LEAST_US:
                raise BadMessage(f"cpu_quota is less than {CPU_LEAST_US}")
            self.holder.set_cpu(quota, period)
        if fields.has("cpu_shares"):
            self.holder.set_cpu_shares(fields.number("cpu_shares", CPU_SHARES_LEAST, CPU_SHARES_MOST))
        if fields.has("processors"):
            self.view.confine(self.kernel.mask_of(tuple(fields.numbers("processors", PROCESSOR_MOST))))
        connection.answer()

    def _create(self, connection: Connection, frame: Frame) -> None:
        if self._standing:  # the sandbox goes on for whoever joins it, and the processes that are paused do not
            self._own_only = True
            self._postpone(connection, frame)
            return
        self.holder.create(connection, frame)

    def _remove(self, connection: Connection, frame: Frame) -> None:
        self.holder.remove(connection)

    def _stacks(self, connection: Connection, frame: Frame) -> None:
        from sandbox.boot import stacks

        connection.answer({"tasks": stacks.tasks(self.view), "sentry": stacks.sentry()})

    def _profile(self, connection: Connection, frame: Frame) -> None:
        from sandbox.boot.profiler import MOST_SECONDS, Profiler

        seconds = Fields(frame.body).number("seconds", 1, MOST_SECONDS)
        if self.status == PAUSED:
            connection.refuse("wrong-state", "cannot profile a container that is paused")
            return
        if Profiler.running is not None:
            connection.refuse("profiled", "the sandbox's kernel is being profiled already")
            return
        Profiler(self.kernel.reactor, connection, seconds)

    def _forward(self, connection: Connection, frame: Frame) -> None:
        port = Fields(frame.body).number("port", 1, PORT_MAX)
        if len(frame.fds) != 1 or not is_stream(frame.fds[0]):
            raise BadMessage("one connected stream is needed")
        self.kernel.net.forward(self.kernel.reactor, frame.fds.pop(), port)
        connection.answer()

    def _network(self, connection: Connection, frame: Frame) -> None:
        from sandbox.boot.network_requests import serve

        serve(self.kernel, connection, frame)

    def _listen(self, connection: Connection, frame: Frame) -> None:
        if self.view is not self.kernel.view:
            connection.refuse("not-alone", "cannot trace a container of a pod: trace the pod's sandbox")
            return
        from sandbox.boot.events import Events, EventsRefused

        fields = Fields(frame.body)
        points, calls = (
            frozenset(word.decode("latin-1") for word in fields.raws(name)) for name in ("points", "calls")
        )
        if len(frame.fds) != 1 or not stat.S_ISSOCK(os.fstat(frame.fds[0]).st_mode):
            raise BadMessage("one socket is needed")
        if self._events is None:
            self._events = Events(self.kernel)
        try:
            self._events.listen(frame.fds[0], points, calls)
        except EventsRefused as error:
            connection.refuse("events", str(error))
            return
        frame.fds.clear()  # the listener's now
        self.kernel.tell = self._events.tell
        connection.answer()

    def _checkpoint(self, connection: Connection, frame: Frame) -> None:
        if self.view is not self.kernel.view:
            connection.refuse("not-alone", "cannot checkpoint a container of a pod without the others")
        elif not self.was_started():
            connection.refuse("wrong-state", f"cannot checkpoint a container that is {self.status} and was not started")
        elif self._saving:
            connection.refuse("wrong-state", "the container is being checkpointed already")
        elif is_compiled():
            connection.refuse("compiled", "cannot checkpoint: this sandbox's kernel is compiled")
        elif len(frame.fds) != 1 or not stat.S_ISREG(os.fstat(frame.fds[0]).st_mode):
            raise BadMessage("one file is needed")
        else:
            from sandbox.boot import checkpoint
            from sandbox.checkpoint.save import CannotSave

            stays = Fields(frame.body).flag("leave_running")
            try:
                containers = self.holder.contained()
            except CannotSave as error:
                connection.refuse("checkpoint", f"cannot checkpoint: {error}")
                return
            self._saving = True
            then, fd = partial(self._saved, stays), frame.fds.pop()
            begin = partial(checkpoint.save, self.kernel, fd, containers, connection, then)
            if self.status == PAUSED and not self._own_only:
                self._to_save = begin
            else:
                begin()

    def _saved(self, stays: bool, done: bool) -> None:
        """An image is there, or (not `done`) none."""
        self._saving = False
        self._tell("checkpointed" if done else "not-checkpointed", {"leave_running": stays})
        if done and not stays:
            self.holder.saved()
        elif self.status == PAUSED and not self._own_only:
            self.kernel.reactor.call_soon(partial(self._stand_still, None))

    def _tell(self, what: str, body: dict[str, object]) -> None:
        if self.kernel.tell is not None:
            self.kernel.tell(f"container/{what}", {"id": self.name, **body})

    def _trace(self, connection: Connection, frame: Frame) -> None:
        if self.view is not self.kernel.view:
            connection.refuse("not-alone", "cannot trace a container of a pod: trace the pod's sandbox")
            return
        fields = Fields(frame.body)
        if self.kernel.trace is not None and self._trace_fd < 0 and self._events is not None:
            connection.refuse("events", "system calls are traced by somebody else already")
            return
        if fields.flag("on"):
            from sandbox.boot.tracing import trace_to

            if not frame.fds:
                raise BadMessage("no descriptor for the trace")
            json = fields.flag("json")
            fd, before = frame.fds.pop(0), self._trace_fd
            trace_to(self.kernel, fd, json)
        else:
            self.kernel.set_trace(None)
            fd, before = -1, self._trace_fd
        self._trace_fd = fd
        if before >= 0:
            os.close(before)
        connection.answer()


class HostSignals:
    """From who knows the container's host process only: signals, and the terminal's new size."""

    def __init__(self, sandbox: Sandbox, reactor: Reactor) -> None:
        self.sandbox = sandbox
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (*FORWARDED, signal.SIGWINCH):
            signal.signal(number, _noted)
        reactor.watch(wake_read, READ, lambda mask: self._signalled(wake_read))
        terminal = next((fd for fd in sandbox.options.stdio if os.isatty(fd)), -1)
        if terminal >= 0 and sandbox.options.terminal:
            from sandbox.boot.terminal import own_terminal

            own_terminal(terminal)

    def _signalled(self, fd: int) -> None:
        for number in os.read(fd, 512):
            if number == signal.SIGPROF:
                continue  # a sample of the profiler's
            if number != signal.SIGWINCH:
                if self.sandbox.kernel is not None:
                    self.sandbox.kernel.mounts.vfs.expire()
                self.sandbox.signal(number)
                continue
            first = self.sandbox.first
            if first is not None and first.console is not None:
                from sandbox.boot.terminal import HostTerminal

                first.console.set_window(HostTerminal(self.sandbox.options.stdio[0]).window())


def _nobody_asked() -> None:
    """No request is answered when it is frozen."""


def name_in(state: str) -> str:
    """The id, of the state that hooks get."""
    try:
        document = plain_json.loads(state)
    except ValueError:
        return ""
    return str(document.get("id", "")) if isinstance(document, dict) else ""


def is_stream(fd: int) -> bool:
    """A descriptor of a TCP connection."""
    kind = -1
    if stat.S_ISSOCK(os.fstat(fd).st_mode):
        sock = _socket.socket(fileno=fd)
        kind = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PROTOCOL)
        sock.detach()
    return kind == _socket.IPPROTO_TCP


def window_of(fields: Fields) -> bytes:
    """struct winsize from `rows` and `columns`."""
    rows, columns = fields.number("rows", 0, WINDOW_MAX), fields.number("columns", 0, WINDOW_MAX)
    return rows.to_bytes(2, "little") + columns.to_bytes(2, "little") + bytes(4)


def _noted(number: int, frame: object) -> None:
    """The wake-up descriptor carries the number; nothing to do here."""
