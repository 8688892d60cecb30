"""A container in the sandbox of another: a host process stands for it, as for one of `exec --detach`, and holds the
connection that the container lives as long as."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runsc.config import Config
from runsc.container import hooks, joined, pidfd_socket, process, state_file, status, store
from runsc.container.container import Container, load
from runsc.container.exec_process import Execution
from runsc.container.store import Lock
from runsc.failure import EXIT_FAILURE, RuntimeFailure, as_go_spells
from runsc.spec.pod import label_of, sandbox_of
from runsc.spec.types import Spec
from sandbox.boot import host_oom
from sandbox.boot.detach import Groups
from sandbox.boot.exit_status import OOM_LINE, STATUS_NAME
from sandbox.boot.given_mounts import shut_in
from sandbox.boot.host_checks import HostLacks
from sandbox.boot.libc import CLONE_NEWNS, setns, unshare
from sandbox.boot.options import ContainerOptions, SandboxOptions
from sandbox.boot.start_failure import StartFailure
from sandbox.boot.terminal import HostTerminal
from sandbox.control import wire
from sandbox.control.client import ControlClient, Refused, SandboxGone, SandboxSilent
from sandbox.control.container_body import SANDBOX_PIDS, container_body
from sandbox.control.wire import BadFrame

if TYPE_CHECKING:
    from runsc.container.create import Request

SHARED = ("ipc", "uts")
CLONE_NEWNET = 0x40000000


class PodProcess(Execution):
    """The stand-in. It writes down its process id before anything of the container is there."""

    what = "create failed"
    title = b"runsc-container"
    kind = pidfd_socket.FIRST

    def __init__(
        self, request: Request, container: Container, sandbox: Container, options: SandboxOptions, lock: Lock
    ) -> None:
        assert request.spec.process is not None
        super().__init__(container, request.spec.process, request.preserve_fds)
        self.spec = request.spec
        self.label = request.label or label_of(request.spec, request.name)
        self.restored = request.image_fd >= 0
        self.sandbox = sandbox
        self.options = options
        self.lock = lock
        self.own = joined.own_kinds(self.spec) if not sandbox_of(self.spec) else ()
        self.groups = ContainerOptions()
        self.groups.cgroups = tuple(container.state.cgroups)
        self.oom_fds: tuple[int, ...] = ()
        self.proc_fd = self.status_fd = -1
        self.mounts_fd = -1  # keeps the mounts of what the container is given: open as long as this process is

    def _begin(self, stdio: tuple[int, int, int]) -> None:
        container, options = self.container, self.options
        state = container.state
        state.pid, state.pid_start = os.getpid(), process.start_ticks(os.getpid())
        if "network" in self.own:
            unshare(CLONE_NEWNET)  # what hooks do to the network of this process does nothing to the host's
        state_file.write(container.directory, state)
        Groups(self.groups).enter()
        self._run_hooks()
        if "network" in self.own and joined.has_interfaces():
            raise RuntimeFailure(joined.NO_NETWORK_OF_ITS_OWN, EXIT_FAILURE)
        options.stdio = stdio
        if options.terminal:
            options.window = HostTerminal(stdio[0]).window()
        try:
            self.mounts_fd = shut_in(options)
        except (StartFailure, HostLacks) as failure:
            raise RuntimeFailure(str(failure), EXIT_FAILURE) from None
        body, fds = container_body(options, container.name, whose(self.spec, self.sandbox, "pid"), self.own)
        body["whose_user"] = whose(self.spec, self.sandbox, "user")
        body |= {"label": self.label, "restored": self.restored}
        try:
            self.client = self.sandbox.connect()
            self.client.send(wire.CREATE, body, fds)
            self.client.receive(-1.0 if self.restored else None)
        except Refused as refusal:
            raise RuntimeFailure(as_go_spells(str(refusal)), EXIT_FAILURE) from None
        except (SandboxGone, SandboxSilent, BadFrame) as error:
            raise RuntimeFailure(f"sandbox {self.sandbox.name}: {error}", EXIT_FAILURE) from None
        for fd in set(fds) - {*stdio, *range(3, 3 + self.preserve_fds)}:
            os.close(fd)
        self.lock.release()

    def _let_go(self, stdio: tuple[int, int, int]) -> None:
        """Whoever enters the mount namespace of this process finds the container's root there (podman copies files so), and nothing
        of the host's. From here on this process opens and imports nothing."""
        super()._let_go(stdio)
        self.oom_fds = host_oom.descriptors(self.groups.cgroups)
        self.proc_fd = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.status_fd = os.open(os.path.join(self.container.directory, STATUS_NAME), os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(self.mounts_fd, CLONE_NEWNS)
        except OSError:
            pass  # an ordinary user's, in a user namespace of its own

    def _wait(self, wake: int) -> int:
        status = super()._wait(wake)
        if self.oom_fds and os.pread(self.status_fd, 64, 0).endswith(OOM_LINE):
            host_oom.tell_of_a_child(self.oom_fds, self.proc_fd)
        return status

    def _run_hooks(self) -> None:
        found, container = self.spec.hooks, self.container
        document = container.for_hooks(status.CREATING)
        document["pid"] = container.state.pid
        hooks.run_hooks("prestart", found["prestart"], document)
        hooks.run_hooks("createRuntime", found["createRuntime"], document)
        inside, root = self.sandbox.state.pid, container.state.rootfs
        hooks.run_hooks("createContainer", found["createContainer"], document, inside, root, running=True)


def create(request: Request, config: Config, container: Container, options: SandboxOptions, lock: Lock) -> None:
    """The rest of a creation. RuntimeFailure."""
    spec, state = request.spec, container.state
    if request.attached:
        raise RuntimeFailure("a container of a pod is created, or run with --detach")
    if spec.sysctl and sandbox_of(spec):
        raise RuntimeFailure("linux.sysctl: settings are those of the pod's sandbox")
    try:
        sandbox = load(config.root, state.sandbox)
    except RuntimeFailure:
        raise RuntimeFailure(f"sandbox {state.sandbox}: no such container") from None
    if not sandbox.lives() or sandbox.state.sandbox:
        raise RuntimeFailure(f"sandbox {state.sandbox}: {'not a sandbox' if sandbox.state.sandbox else 'not running'}")
    for kind in SHARED:
        check_shared(spec, sandbox, kind)
    if not sandbox_of(spec):
        joined.check_network(spec, sandbox)
    for kind in ("pid", "user"):
        whose(spec, sandbox, kind)
    warn_of_shared(spec, config)
    stand_in = PodProcess(request, container, sandbox, options, lock)
    stand_in.pidfd_socket = request.pidfd_socket
    try:
        stand_in.run(True, request.console_socket, request.pid_file)
    except RuntimeFailure as failure:
        raise RuntimeFailure(str(failure), EXIT_FAILURE) from None
    written = state_file.read(container.directory)
    if written is None:
        raise RuntimeFailure("the container was deleted while it was created")
    state.pid, state.pid_start = written.pid, written.pid_start
    state.creator = state.creator_start = 0
    state_file.write(container.directory, state)


def warn_of_shared(spec: Spec, config: Config) -> None:
    """Bounds that hold for the pod only are named in the log."""
    cpu = spec.cpu
    if spec.memory_reservation:
        config.log.write("warning", "linux.resources.memory.reservation is not applied: it is the pod's as a whole")
    if cpu.mems:
        config.log.write("warning", "linux.resources.cpu.mems is not applied: it is the pod's as a whole")
    for path in dict.fromkeys(row.path for row in spec.host_rows if row.needed):
        config.log.write("warning", f"{path} is not applied: it is the pod's as a whole")


def path_of(spec: Spec, kind: str) -> str:
    """Where the namespace is that it joins; empty for none."""
    return next((one.path for one in spec.namespaces if one.kind == kind), "")


def is_of(path: str, sandbox: Container, kind: str) -> bool:
    """The sandbox's own."""
    try:
        return os.path.samestat(os.stat(path), os.stat(f"/proc/{sandbox.state.pid}/ns/{kind}"))
    except OSError:
        return False


def check_shared(spec: Spec, sandbox: Container, kind: str) -> None:
    """A namespace by path is the sandbox's, or of the process that stands for another container in it. RuntimeFailure."""
    path = path_of(spec, kind)
    if path and not is_of(path, sandbox, kind) and not joined.is_of_one_in(path, sandbox, kind):
        raise RuntimeFailure(f"linux.namespaces: {path} is not the {kind} namespace of sandbox {sandbox.name}")


def whose(spec: Spec, sandbox: Container, kind: str) -> str:
    """The container of the pod whose process numbers (`kind` pid) or user namespace it has: SANDBOX_PIDS, or the one that the
    process of a path /proc/PID/ns/KIND stands for (Kubernetes' NamespaceMode TARGET). Empty: its own. RuntimeFailure."""
    path = path_of(spec, kind)
    if not path:
        return ""
    if path == f"/proc/{sandbox.state.pid}/ns/{kind}" or (kind == "pid" and is_of(path, sandbox, kind)):
        return SANDBOX_PIDS
    root = os.path.dirname(sandbox.directory)
    for name in store.names(root):
        state = state_file.read(os.path.join(root, name))
        if state is None or state.sandbox != sandbox.name or path != f"/proc/{state.pid}/ns/{kind}":
            continue
        if process.lives(state.pid, state.pid_start):
            return name
    raise RuntimeFailure(
        f"linux.namespaces: {path} is not the {kind} namespace of sandbox {sandbox.name} or its containers"
    )


def remove(container: Container) -> None:
    """What the sandbox still has of it, once its stand-in is gone. RuntimeFailure when the sandbox does not answer."""
    try:
        client = ControlClient(container.directory)
        try:
            client.call(wire.REMOVE)
        finally:
            client.close()
    except SandboxGone:
        pass
    except Refused as refusal:
        raise RuntimeFailure(str(refusal)) from None
    except SandboxSilent as error:
        raise RuntimeFailure(f"sandbox {container.state.sandbox}: {error}") from None
