"""Making a container: from a checked bundle to a sandbox whose first program is loaded and waits.

What goes wrong on the way undoes everything: the sandbox's process, its control groups, its directory under ROOT.
Killed in the middle, `delete --force` does.
"""

from __future__ import annotations

import _socket
import os
import time
from functools import partial

from runsc.config import Config
from runsc.container import destroy, groups, hooks, joined, process, state_file, status, store
from runsc.container.console import open_terminal
from runsc.container.container import Container
from runsc.container.pid_file import write_pid
from runsc.container.state_file import State
from runsc.failure import EXIT_FAILURE, RuntimeFailure, as_go_spells
from runsc.oci import options_of
from runsc.publish import check_publish
from runsc.runtime import tell
from runsc.spec.pod import leave_absent, sandbox_of
from runsc.spec.types import Spec
from sandbox.boot.detach import let_begin, spawn
from sandbox.boot.exit_status import STATUS_NAME
from sandbox.boot.host_checks import HostLacks, check_this_host, read_text
from sandbox.boot.launcher import Launcher, Outcome, leave_keys_to_the_foreground
from sandbox.boot.options import ContainerOptions, SandboxOptions
from sandbox.boot.terminal import HostTerminal
from sandbox.control.client import SOCKET_NAME
from sandbox.text import timestamp

BACKLOG = 128


class Request:
    """What the command line says of a new container."""

    __slots__ = (
        "name",
        "bundle",
        "spec",
        "attached",
        "console_socket",
        "pid_file",
        "pidfd_socket",
        "preserve_fds",
        "timeout_ns",
        "summary",
        "publish",
        "image_fd",
        "label",
    )

    def __init__(self, name: str, bundle: str, spec: Spec) -> None:
        self.name = name
        self.bundle = bundle
        self.spec = spec
        self.attached = False  # it ends with this command, and has this command's terminal
        self.console_socket = ""
        self.pid_file = ""
        self.pidfd_socket = ""
        self.preserve_fds = 0
        self.timeout_ns = 0
        self.summary = False
        self.publish: tuple[str, ...] = ()
        self.image_fd = -1  # an image to be restored, in place of the process
        self.label = ""  # which container of a pod's image it is; empty: the one that its annotations name


class Creation:
    """`create` it; then `container` is there and `launcher` waits for a sandbox that is attached."""

    def __init__(self, request: Request, config: Config) -> None:
        self.request = request
        self.config = config
        self.container: Container
        self.launcher: Launcher
        self._begun = False

    def create(self) -> Container:
        """RuntimeFailure, with nothing left."""
        check_config(self.config)
        try:
            self.config.platform = check_this_host(self.config.platform)
        except HostLacks as missing:
            raise RuntimeFailure(str(missing), EXIT_FAILURE) from None
        request = self.request
        lock = store.claim(self.config.root, request.name)
        state = State(request.name, request.bundle)
        self.container = Container(request.name, lock.directory, state)
        try:
            self._create(state, lock)
        except BaseException:
            # Once there may be something of it, its end is one like others (runtime.md, Lifecycle: poststop hooks).
            (partial(destroy.delete, log=self.config.log) if self._begun else destroy.destroy)(self.container)
            raise
        finally:
            lock.release()
        return self.container

    def _create(self, state: State, lock: store.Lock) -> None:
        request, spec, directory = self.request, self.request.spec, self.container.directory
        state.created = timestamp(time.time_ns())
        state.oci_version = spec.oci_version
        state.rootfs = os.path.normpath(os.path.join(request.bundle, spec.root_path))
        state.annotations = spec.annotations
        if sandbox_of(spec):
            leave_absent(spec, store.names(self.config.root))
        state.memory_limit = -1 if "memory" in spec.lifted else spec.memory_limit
        state.memory_swap = spec.memory_swap
        state.process, state.hooks = spec.documents["process"], spec.documents["hooks"]
        state.creator, state.creator_start = os.getpid(), process.start_ticks(os.getpid())
        state.sandbox = sandbox_of(spec) or joined.sandbox_of(spec, self.config.root, request.name)
        state.network = joined.network_of(spec)
        state_file.write(directory, state)
        options = options_of(spec, request.bundle, self.config)
        for rule in request.publish:
            check_publish(rule, options.network.kind)
        options.network.publish = request.publish
        container = options.container
        assert container is not None
        if groups.wanted(spec) and not sandbox_of(spec):
            self._make_groups(spec, state)
            container.cgroups = tuple(state.cgroups)
        container.attached = request.attached
        container.control_fd = listen(directory)
        container.status_fd = os.open(
            os.path.join(directory, STATUS_NAME), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        container.more_fds = tuple(range(3, 3 + request.preserve_fds))
        self._begun = True
        container.restore_fd = request.image_fd
        if request.image_fd >= 0:
            container.start_hooks = ()  # nothing starts
        if state.sandbox:
            from runsc.container import pod

            try:
                pod.create(request, self.config, self.container, options, lock)
            finally:
                os.close(container.control_fd)  # from now on the sandbox answers there, or nobody does
            return
        self._terminal(options, spec)
        options.limits.timeout_ns = request.timeout_ns
        options.summary = request.summary
        self._start_sandbox(options, container, state)
        if request.pid_file:
            write_pid(request.pid_file, state.pid)
        if request.pidfd_socket:
            from runsc.container import pidfd_socket

            pidfd_socket.send_pidfd(request.pidfd_socket, state.pid, pidfd_socket.FIRST)
        state.creator = state.creator_start = 0
        state_file.write(directory, state)

    def _make_groups(self, spec: Spec, state: State) -> None:
        """They are written down before they are made: killed in between, they are removed all the same."""
        found = groups.hierarchies(read_text("/proc/self/mountinfo", 1 << 20), spec.host_rows)
        plan = groups.Plan(spec, self.request.name, found)
        state.cgroups = plan.directories
        state_file.write(self.container.directory, state)
        try:
            plan.make()
        except RuntimeFailure as failure:
            state.cgroups = []
            state_file.write(self.container.directory, state)
            if (spec.cgroups_path or spec.host_rows) and not self.config.is_rootless():
                raise
            self.config.log.write("warning", f"{failure}: the sandbox keeps its bounds by itself")

    def _terminal(self, options: SandboxOptions, spec: Spec) -> None:
        request = self.request
        assert spec.process is not None
        if not options.terminal:
            return
        if request.attached:
            leave_keys_to_the_foreground(options)
            options.window = next((HostTerminal(fd).window() for fd in options.stdio if os.isatty(fd)), options.window)
            return
        slave = open_terminal(request.console_socket, spec.process.rows, spec.process.columns)
        options.stdio = (slave, slave, slave)
        options.window = HostTerminal(slave).window()

    def _start_sandbox(self, options: SandboxOptions, container: ContainerOptions, state: State) -> None:
        try:
            pid, link = spawn(options, container)
        except HostLacks as missing:
            raise RuntimeFailure(str(missing), EXIT_FAILURE) from None
        launcher = self.launcher = Launcher(pid, link, options, tell)
        state.pid, state.pid_start = pid, process.start_ticks(pid)
        state_file.write(self.container.directory, state)
        try:
            let_begin(link, pid, container)
        except HostLacks as missing:
            raise RuntimeFailure(str(missing), EXIT_FAILURE) from None
        launcher.on_ready = self._run_hooks
        for fd in options.donated() - {0, 1, 2, options.log_fd, *container.more_fds}:
            os.close(fd)
        outcome = launcher.until_created()
        if outcome is not None:
            raise failure_of(outcome)

    def _run_hooks(self) -> None:
        found, container = self.request.spec.hooks, self.container
        if not any(found.values()):
            return
        document = container.for_hooks(status.CREATING)
        document["pid"] = container.state.pid
        hooks.run_hooks("prestart", found["prestart"], document)
        hooks.run_hooks("createRuntime", found["createRuntime"], document)
        hooks.run_hooks(
            "createContainer", found["createContainer"], document, container.state.pid, container.state.rootfs
        )


def check_config(config: Config) -> None:
    """Global flags that cannot be had."""
    if config.systemd_cgroup:
        raise RuntimeFailure(
            "--systemd-cgroup is not supported: use the cgroupfs driver (native.cgroupdriver=cgroupfs)"
        )


def failure_of(outcome: Outcome) -> RuntimeFailure:
    """Why the sandbox ended before its first program ran."""
    return RuntimeFailure(as_go_spells(outcome.failure) or "the sandbox was killed before it was created", EXIT_FAILURE)


def listen(directory: str) -> int:
    """The control socket. Its directory lets nobody else in."""
    at = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        try:
            os.unlink(SOCKET_NAME, dir_fd=at)  # of a runtime that was killed
        except FileNotFoundError:
            pass
        sock.bind(f"/proc/self/fd/{at}/{SOCKET_NAME}")
        sock.listen(BACKLOG)
        return sock.detach()
    except OSError as error:
        sock.close()
        raise RuntimeFailure(f"--root: {directory}/{SOCKET_NAME}: {os.strerror(error.errno or 0)}") from None
    finally:
        os.close(at)
