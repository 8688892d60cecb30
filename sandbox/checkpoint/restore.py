"""Making the processes of an image: the kernel's objects first, then an address space for each memory, its pages, its threads.

Nothing of the image runs before `go`. What is wrong with it ends the sandbox that was started for it.
"""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Callable, Final, Iterator, Sequence

from sandbox.abi.linux.mman import MMAP_MIN_ADDR
from sandbox.checkpoint import network_parts
from sandbox.checkpoint.codec import Decoder
from sandbox.checkpoint.contained import Contained, rows_of
from sandbox.checkpoint.ended_space import EndedSpace
from sandbox.checkpoint.host_parts import Parts, bundle_file_systems, hide
from sandbox.checkpoint.image import END, GRAPH, HEADER, PAGES, PAGES_AT, BadImage, ImageReader
from sandbox.checkpoint.memory import drop_platform_code
from sandbox.checkpoint.save import KERNEL_STATE, header
from sandbox.checkpoint.state_classes import StateClasses
from sandbox.errors import SyscallError
from sandbox.fs.devfs.mem_devices import ZeroBacking
from sandbox.fs.tmpfs.data import FileData
from sandbox.fs.tty.pty_master import PtyMaster
from sandbox.kernel.pid_namespace import PidNamespace
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_DEAD, PARK_NONE, PARK_SAVED, PARK_STOP, WORK_SAVE, RestartBlock
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.kernel.time_namespace import arrive
from sandbox.kernel.view import View
from sandbox.mm.anonymous import SharedAnonymous, copy_range
from sandbox.mm.memory_manager import MemoryManager
from sandbox.mm.op_map import map_order, needs_copy
from sandbox.platform.base import MemoryFault, tsc_order
from sandbox.seccomp.gate import gated
from sandbox.seccomp.user_dispatch import gated as told
from sandbox.sockets.inet.socket import InetSocket
from sandbox.syscalls.linux.long_scan import AT_ONCE, FOREVER
from tcpip.timers import Timer

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.mm.vma import VMA
    from sandbox.platform.base import GuestThread, Order

_NOT_EXECUTABLE: Final = (-errno.EPERM, -errno.EACCES)  # mmap's answer on a mount with noexec
_SAME: Final = (
    ("host", "the image was made on another kernel of the host"),
    ("vdso", "the image was made where the host's vDSO lies elsewhere"),
    ("task_size", "the image was made by another kind of platform"),
    ("cpus", "the image was made with another number of processors"),
)
_OTHER_MOUNTS: Final = "the bundle's root and mounts are not those that the container was checkpointed with"
_DAMAGE: Final = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)
ENDED: Final = EndedSpace()
Saved = tuple[Task, tuple[int, ...], bytes]


def header_of(text: bytes) -> dict[str, object]:
    """An image's header, with something of each kind in it. BadImage."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("containers"), list):
        raise BadImage("the image is damaged: its header")
    return found


def check_host(there: dict[str, object], here: dict[str, object]) -> None:
    """The image of a header can be read where `here` is one's own. BadImage."""
    for name, why in _SAME:
        if there.get(name) != here[name]:
            raise BadImage(why)
    then, now = there.get("monotonic_ns"), here["monotonic_ns"]
    if not isinstance(then, int) or not isinstance(now, int) or then > now:
        raise BadImage("the host's monotonic clock is behind that of the image: the host was started again since")


class Restore:
    """`begin`; then `done("")` with every thread made and halted and each of `containers` with its view and terminal of the
    image, or `done(why not)`. `go` lets those of a container run."""

    def __init__(self, kernel: Kernel, fd: int, containers: Sequence[Contained], done: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._fd = fd
        self._containers = containers
        self._done = done
        self._reader: ImageReader
        self._memories: tuple[MemoryManager, ...] = ()
        self._shared: tuple[SharedAnonymous, ...] = ()
        self._files: list[FileData] = []
        self._tasks: tuple[Saved, ...] = ()
        self._threads: dict[MemoryManager, GuestThread] = {}
        self._timers: list[Timer] = []
        self._passed_ns = 0

    def begin(self) -> None:
        """Read what there is to be."""
        self._guarded(self._read)

    def go(self, view: View) -> None:
        """The tasks of one container go on."""
        for task, _, _ in self._tasks:
            if task.group.view is not view:
                continue
            task.work &= ~WORK_SAVE
            if task.parked == PARK_SAVED:
                task.parked = PARK_NONE
                self._kernel.reactor.call_soon(task.go_on)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except BadImage as error:
            self._fail(str(error))
        except MemoryFault as fault:
            self._fail(f"memory at {fault.address:#x} cannot be written")
        except _DAMAGE as damage:
            self._fail(f"the image is damaged ({type(damage).__name__}: {damage})")
        except (OSError, SyscallError) as failure:
            self._fail(os.strerror(failure.errno or errno.EIO))

    def _fail(self, why: str) -> None:
        self._done(why)

    # --- objects ---

    def _read(self) -> None:
        reader = self._reader = ImageReader(self._fd)
        self._compare(reader.expect(HEADER))
        parts = Parts(self._kernel, self._containers)
        decoder = Decoder(StateClasses(), parts.meaning, parts.make)
        root = decoder.decode(reader.expect(GRAPH))
        if parts.missing:
            raise BadImage(f"a file that a process had open is not there: {', '.join(parts.missing[:3])}")
        parts.go_on()
        match root:
            case [
                (
                    dict(state),
                    tuple(containers),
                    tuple(memories),
                    tuple(shared),
                    tuple(tasks),
                    tuple(groups),
                    dict(network),
                )
            ]:
                self._memories, self._shared, self._tasks = memories, shared, tasks
            case _:
                raise BadImage("the image is damaged: it has no root")
        self._install(state, decoder.all_of(PidNamespace))
        for one, row in zip(self._containers, containers, strict=True):
            self._install_container(one, row)
        if self._kernel.view is not self._containers[0].view:
            raise BadImage("the image is damaged: its first container")
        network_parts.install(self._kernel, network, decoder.all_of(InetSocket))
        self._files = [data for data in decoder.all_of(FileData) if data.fd >= 0]
        for data in self._files:
            data.fd = -1
            size, charged, data.charged = data.size, data.charged, 0
            data.promote()
            data.charged = charged
            os.ftruncate(data.fd, size)
        for memory in decoder.all_of(SharedAnonymous):
            memory._fd = -1
        for zero in decoder.all_of(ZeroBacking):
            zero._fd = -1
        self._timers = decoder.all_of(Timer)
        for timer in self._timers:
            timer._queued_at = None
        for task in decoder.all_of(Task):
            task.space, task.lent = ENDED, False
            task.handlers = self._kernel.handlers if not task.seccomp_mode else gated(self._kernel)
            if task.dispatch is not None:
                task.dispatch.below = task.handlers
                task.handlers = told(task.handlers)
        for group, cpu_ns in groups:
            assert isinstance(group, ThreadGroup)
            group.cpu_ns_past, group.cpu_base_ns = cpu_ns, 0
        self._next_space(iter(self._memories))

    def _compare(self, text: bytes) -> None:
        there, here = header_of(text), header(self._kernel, self._containers)
        check_host(there, here)
        rows, ours = there["containers"], rows_of(self._containers)
        if not isinstance(rows, list) or len(rows) != len(ours):
            raise BadImage("the image is damaged: its containers")
        for one, row, own in zip(self._containers, rows, ours, strict=True):
            match row:
                case [str(label), int(number), int(whose), list(systems)] if label == one.label:
                    one.number = number
                case _:
                    raise BadImage("the image is damaged: its containers")
            if whose != own[2]:
                raise BadImage(f"container {label} had the process numbers of another (linux.namespaces)")
            self._compare_systems(one, systems, own[3])
        then, now = there["monotonic_ns"], here["monotonic_ns"]
        assert isinstance(then, int) and isinstance(now, int)
        self._passed_ns = now - then

    def _compare_systems(self, one: Contained, there: list[object], here: object) -> None:
        """Those of the bundle get the device numbers that they had."""
        assert isinstance(here, list)
        if [row[:2] for row in there if isinstance(row, list)] != [row[:2] for row in here]:
            raise BadImage(f"container {one.label}: {_OTHER_MOUNTS}" if one.label else _OTHER_MOUNTS)
        for fs, row in zip(bundle_file_systems(one.view), there, strict=True):
            match row:
                case [_, _, int(dev), int(hidden), int(see_all), bool(pids_only)]:
                    fs.dev = dev
                    hide(fs, (hidden, see_all, pids_only))
                case _:
                    raise BadImage("the image is damaged: its file systems")

    def _install(self, state: dict[object, object], namespaces: list[PidNamespace]) -> None:
        kernel = self._kernel
        fresh, groups = kernel.mounts.vfs, kernel.cgroups
        for name in KERNEL_STATE:
            setattr(kernel, name, state[name])
        kernel.futexes.tell_all()
        kernel.cgroups.on_bound = groups.on_bound
        for cgroup in kernel.cgroups.root.walk():
            cgroup.view = None
        vfs = kernel.mounts.vfs
        vfs.devices, vfs.given, vfs.stack = fresh.devices, fresh.given, fresh.stack
        if vfs.stack is not None:
            vfs.stack.buffers = kernel.settings.buffers
        vfs.proc_net, vfs.sys_class_net = fresh.proc_net, fresh.sys_class_net
        vfs.on_ending = fresh.on_ending
        kernel.end_file_systems()
        for inner in namespaces:
            inner.views = {}

    @staticmethod
    def _install_container(one: Contained, row: object) -> None:
        """Its process numbers, its view and its terminal."""
        pids = one.view.pids
        match row:
            case (View() as view, dict(numbers), terminal) if view.number == one.number and view.pids is pids:
                pass
            case _:
                raise BadImage("the image is damaged: it has no view")
        match terminal:
            case (PtyMaster() as master, bytes(typed)):
                one.terminal = master, typed
            case None:
                pass
            case _:
                raise BadImage("the image is damaged: its terminal")
        for name, value in numbers.items():
            if name not in vars(pids):
                raise BadImage("the image is damaged: its process numbers")
            setattr(pids, name, value)
        view.on_exit, view.given = None, one.view.given
        view.cgroup.view = view
        one.view = view

    # --- memory ---

    def _next_space(self, left: Iterator[MemoryManager]) -> None:
        mm = next(left, None)
        if mm is None:
            self._guarded(self._fill)
            return
        drop_platform_code(mm)
        mm.busy = False
        if not all(MMAP_MIN_ADDR <= area.start < area.end <= self._kernel.task_size for area in mm.areas):
            self._fail("the image is damaged: it has memory where none can be")
            return

        def made(thread: GuestThread | None) -> None:
            if thread is None:
                self._fail("the host has no room for another process")
                return
            self._threads[mm] = thread
            _Mapping(thread, mm, lambda why: self._fail(why) if why else self._next_space(left)).go_on(0)

        self._kernel.platform.new_space(made)

    def _fill(self) -> None:
        """One pass over the pages."""
        first_file = len(self._memories) + len(self._shared)
        while True:
            kind, data = self._reader.next()
            if kind == END:
                break
            if kind != PAGES:
                raise BadImage(f"section {kind} of the image where pages belong")
            which, at = PAGES_AT.unpack_from(data)
            page = data[PAGES_AT.size :]
            if which < len(self._memories):
                self._threads[self._memories[which]].address_space().poke(at, page)
                continue
            if which < first_file:
                fd = self._shared[which - len(self._memories)].host_fd(True)
            elif which < first_file + len(self._files):
                fd = self._files[which - first_file].fd
            else:
                raise BadImage(f"the image has pages of memory {which}, which is none")
            os.pwrite(fd, page, at)
        for backing in self._shared:
            backing.close_host_fd()
        self._next_task(iter(self._tasks))

    # --- threads ---

    def _next_task(self, left: Iterator[Saved]) -> None:
        saved = next(left, None)
        if saved is None:
            self._guarded(self._finish)
            return
        task, _, _ = saved
        assert task.mm is not None
        first = self._threads[task.mm]

        def made(thread: GuestThread | None) -> None:
            if thread is None:
                self._fail("the host has no room for another thread")
                return
            self._guarded(lambda: self._attach(saved, thread))
            if any(other.tsc_forbidden for other, _, _ in self._tasks):  # threads have it from the first one
                thread.execute([tsc_order(task.tsc_forbidden)], lambda index, result: self._next_task(left))
            else:
                self._next_task(left)

        if any(other.mm is task.mm and other.space is not ENDED for other, _, _ in self._tasks):
            first.clone_thread(made)
        else:
            made(first)

    def _attach(self, saved: Saved, thread: GuestThread) -> None:
        task, _, _ = saved
        thread.owner = task
        task.thread, task.space = thread, thread.address_space()
        self._kernel.enter_space(task, task.space)
        arrive(task)

    def _finish(self) -> None:
        for task, regs, fpu in self._tasks:
            task.thread.set_regs(regs)
            if not task.thread.set_fpu_state(fpu):
                raise BadImage("the processor does not take the floating-point state of the image")
            if task.affinity != self._kernel.cpu_mask:
                task.thread.set_affinity(task.affinity)
            task.thread.set_nice(task.nice)
            if task.parked not in (PARK_SAVED, PARK_STOP, PARK_DEAD):
                raise BadImage("the image is damaged: a task that is not halted")
            block = task.restart_block
            if block is not None:
                _postpone(block, self._passed_ns)
        for timer in self._timers:
            if timer.deadline is not None:
                timer.arm(timer.deadline)
        self._done("")


def _postpone(block: RestartBlock, ns: int) -> None:
    """A time-out that the call was given as a span keeps what was left of it."""
    state = block.state
    if type(state) is int:
        if state not in (AT_ONCE, FOREVER):
            block.state = state + ns
        return
    deadline = getattr(state, "deadline", None)
    if isinstance(deadline, int) and deadline not in (AT_ONCE, FOREVER):
        setattr(state, "deadline", deadline + ns)  # noqa: B010 of whichever class


class _Mapping:
    """Everything that is mapped in one address space."""

    def __init__(self, thread: GuestThread, mm: MemoryManager, done: Callable[[str], None]) -> None:
        self._thread = thread
        self._areas: list[VMA] = list(mm.areas)
        self._copies: dict[int, int] = {}  # area -> the descriptor of a copy
        self._done = done
        self._first = 0

    def go_on(self, first: int) -> None:
        """From area `first`."""
        self._first = first
        if first == len(self._areas):
            self._executed(-1, 0)
            return
        try:
            orders: list[Order] = [
                map_order(area, False, copy_fd=self._copies.get(first + n, -1))
                for n, area in enumerate(self._areas[first:])
            ]
        except (SyscallError, OSError) as error:
            self._end(os.strerror(error.errno or errno.EIO))
            return
        self._thread.execute(orders, self._executed)

    def _executed(self, index: int, result: int) -> None:
        at = self._first + index
        if not -4095 <= result < 0 and at == len(self._areas) - 1:
            self._end("")
        elif result in _NOT_EXECUTABLE and at not in self._copies and needs_copy(self._areas[at]):
            area = self._areas[at]
            assert area.backing is not None
            try:
                fd = area.backing.host_fd(False)
                self._copies[at] = copy_range(fd, area.backing.base + area.offset, area.end - area.start)
            except (SyscallError, OSError) as error:
                self._end(os.strerror(error.errno or errno.EIO))
                return
            self.go_on(at)
        else:
            self._end(f"memory at {self._areas[at].start:#x} cannot be mapped: {os.strerror(-result)}")

    def _end(self, why: str) -> None:
        for fd in self._copies.values():
            os.close(fd)
        self._copies.clear()
        self._done(why)
