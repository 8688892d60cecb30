"""Writing an image: what can be in the way is looked for first; then all tasks are frozen, everything is written at once, and
they go on, or end."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.arch.amd64 import NUM_REGS
from sandbox.checkpoint import network_parts
from sandbox.checkpoint.codec import Encoder, Unsaveable
from sandbox.checkpoint.contained import Contained, rows_of
from sandbox.checkpoint.freeze import Freezer
from sandbox.checkpoint.host_parts import Parts
from sandbox.checkpoint.image import CHUNK, GRAPH, HEADER, ImageWriter
from sandbox.checkpoint.memory import MemoryWriter
from sandbox.checkpoint.network_parts import leads_out
from sandbox.checkpoint.state_classes import StateClasses
from sandbox.errors import SyscallError
from sandbox.fs.devfs.mem_devices import ZeroBacking
from sandbox.fs.host_stdio import HostFile
from sandbox.fs.tmpfs.data import FileData
from sandbox.kernel.fd_table import FDTable
from sandbox.kernel.ipc.sem import settle_all
from sandbox.kernel.task import Task
from sandbox.mm.anonymous import SharedAnonymous
from sandbox.mm.memory_manager import MemoryManager
from sandbox.sockets.inet.socket import InetSocket
from sandbox.vfs.file_description import FileDescription

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_master import PtyMaster
    from sandbox.kernel.kernel import Kernel

# Of the kernel. The rest of it belongs to the sandbox's life on this host.
KERNEL_STATE: Final = (
    "cgroups",
    "commit",
    "boot_ns",
    "view",
    "futexes",
    "ipc",
    "uts",
    "namespaces",
    "nsfs",
    "namespace_count",
    "_last_namespace",
    "queued_signals",
    "pipe_pages",
    "unix",
    "secretmem",
    "forks",
    "login_sessions",
    "settings",
    "keys",
    "mounts",
)
# Of a container's PID namespace: it is the same object in the new sandbox, where /proc refers to it.
PIDS_LEFT_OUT: Final = ("views",)


class CannotSave(Exception):
    """str() is one line: what is in the way."""


class Saved:
    """How large the image is, and of how many processes."""

    __slots__ = ("size", "processes")

    def __init__(self, size: int, processes: int) -> None:
        self.size = size
        self.processes = processes


class Save:
    """`begin` raises CannotSave before anything is disturbed. Later, from the event loop, `saved(what)` or `failed(why not)` is
    called with all tasks frozen; then `freezer.thaw()` lets them go on."""

    def __init__(
        self,
        kernel: Kernel,
        fd: int,
        containers: Sequence[Contained],
        saved: Callable[[Saved], None],
        failed: Callable[[str], None],
    ) -> None:
        self.freezer = Freezer(kernel, self._frozen)
        self._kernel = kernel
        self._fd = fd
        self._containers = containers
        self._saved = saved
        self._failed = failed
        self._classes = StateClasses()

    def begin(self) -> None:
        """CannotSave."""
        self._check()
        self.freezer.begin()

    def _check(self) -> None:
        kernel = self._kernel
        views = [one.view for one in self._containers]
        if any(task.group.view not in views for task in self.freezer.tasks()):
            raise CannotSave("processes of a container that has ended are still there")
        if kernel.net.nftables is not None and kernel.net.nftables.ruleset.tables:
            raise CannotSave("there are nf_tables rules")
        parts = Parts(kernel, self._containers)
        for task in self.freezer.tasks():
            if task.ptrace is not None:
                raise CannotSave(f"{who(task)} is traced")
            for number in task.fds.fds():
                file = task.fds.get(number)
                if isinstance(file, InetSocket) and leads_out(file):
                    raise CannotSave(f"{who(task)} has an open connection to another host (fd {number})")
                if not self._classes.allows(type(file)) and parts.record(file) is None:
                    raise CannotSave(f"{who(task)} has {what_is(file)} open (fd {number})")

    def _frozen(self, why_not: str) -> None:
        if not why_not:
            self._kernel.closing.finish()
            settle_all()
            screens = [one.screen for one in self._containers]
            try:
                saved = self._write([None if screen is None else screen.let_go() for screen in screens])
            except Unsaveable as what:
                why_not = explain(what)
                self._kernel.log.debug(f"not saved: {what}")
            except CannotSave as reason:
                why_not = str(reason)
            except OSError as error:
                why_not = f"writing the image: {os.strerror(error.errno or errno.EIO)}"
            except SyscallError as fault:
                why_not = f"reading the memory of a process: {os.strerror(fault.errno)}"
            except Exception as bug:  # noqa: BLE001 the container is not to end with it
                self._kernel.bug("oops: a checkpoint", bug)
                why_not = f"the sandbox's kernel failed: {type(bug).__name__}: {bug}"
            finally:
                self._show_code(False)
                for screen in screens:
                    if screen is not None:
                        screen.take_up()
            if not why_not:
                self._saved(saved)
                return
        self._failed(why_not)

    def _show_code(self, shown: bool) -> None:
        """What the platform has put in place of guests' code goes, so that memory is theirs."""
        for space in self._kernel.spaces:
            space.show_code(shown)

    def _write(self, terminals: list[tuple[PtyMaster, bytes] | None]) -> Saved:
        kernel = self._kernel
        self._show_code(True)
        self._check()
        kernel.mounts.vfs.dentries.prune()
        kernel.ipc.shm.actor.ids = None  # who acted last may have been of a container that is gone
        parts = Parts(kernel, self._containers)
        for fs in kernel.mounts.vfs._roots:
            parts.note_places(kernel.mounts.vfs.root_of(fs))
        tasks = self.freezer.tasks()
        memories = list(dict.fromkeys(task.mm for task in tasks if task.mm is not None))
        shared = _shared_memory(memories)
        groups = list(dict.fromkeys(task.group for task in tasks))
        root = (
            {name: getattr(kernel, name) for name in KERNEL_STATE},
            tuple(
                (
                    one.view,
                    {name: value for name, value in vars(one.view.pids).items() if name not in PIDS_LEFT_OUT},
                    terminal,
                )
                for one, terminal in zip(self._containers, terminals, strict=True)
            ),
            tuple(memories),
            tuple(shared),
            tuple((task, tuple(task.thread.get_regs()[:NUM_REGS]), task.thread.fpu_state()) for task in tasks),
            tuple((group, group.cpu_ns()) for group in groups),
            network_parts.state_of(kernel),
        )
        encoder = Encoder(self._classes, parts.outside, parts.record)
        graph = encoder.encode([root])
        files = [data for data in encoder.all_of(FileData) if data.fd >= 0]
        writer = ImageWriter(self._fd)
        writer.section(HEADER, json.dumps(header(kernel, self._containers)).encode())
        writer.section(GRAPH, graph)
        pages = MemoryWriter(writer)
        numbers = {backing: len(memories) + n for n, backing in enumerate(shared)}
        for number, mm in enumerate(memories):
            pages.space(number, next(task.space for task in tasks if task.mm is mm), mm, numbers)
        for number, data in enumerate(files, len(memories) + len(shared)):
            _write_file(pages, number, data)
        writer.end()
        return Saved(writer.written, len(groups))


def header(kernel: Kernel, containers: Sequence[Contained]) -> dict[str, object]:
    """What has to be the same, or to have passed, where the image is read."""
    host = os.uname()
    return {
        "host": f"{host.release} {host.version}",
        "vdso": kernel.platform.vdso_address,
        "task_size": kernel.platform.task_size,
        "cpus": kernel.cpus,
        "monotonic_ns": kernel.clock.now_ns(),
        "containers": rows_of(containers),
    }


def _shared_memory(memories: list[MemoryManager]) -> list[SharedAnonymous]:
    found: dict[SharedAnonymous, None] = {}
    for mm in memories:
        for area in mm.areas:
            if isinstance(area.backing, SharedAnonymous):
                if area.backing.remapped is not None:
                    raise CannotSave("a process has called remap_file_pages for anonymous memory")
                found[area.backing] = None
            elif isinstance(area.backing, ZeroBacking):
                raise CannotSave("a process has mapped /dev/zero")
    return list(found)


def _write_file(pages: MemoryWriter, number: int, data: FileData) -> None:
    at, size = 0, os.fstat(data.fd).st_size
    while at < size:
        try:
            at = os.lseek(data.fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole to the end
                return
            raise
        end = os.lseek(data.fd, at, os.SEEK_HOLE)
        while at < end:
            part = os.pread(data.fd, min(CHUNK, end - at), at)
            if not part:
                return
            pages.bytes(number, at, part)
            at += len(part)


def who(task: Task) -> str:
    """A process, for the user."""
    return f"process {task.pid} ({task.comm.decode('utf-8', 'backslashreplace')})"


def what_is(file: FileDescription) -> str:
    """An open file, for the user."""
    if isinstance(file, HostFile):
        return "a descriptor of the host"
    return file.link_text()


def explain(error: Unsaveable) -> str:
    """Which process has it, and what it is."""
    chain = [error.what, *error.owner]
    file = next((one for one in chain if isinstance(one, FileDescription)), None)
    table = next((one for one in chain if isinstance(one, FDTable)), None)
    task = next((one for one in chain if isinstance(one, Task)), None)
    if file is not None and task is not None:
        number = next((n for n in table.fds() if table.find(n) is file), -1) if table is not None else -1
        where = f" (fd {number})" if number >= 0 else ""
        return f"{who(task)} has {what_is(file)} open{where}"
    return f"{who(task)} has state that cannot be saved: {error}" if task is not None else f"not to be saved: {error}"
