"""Load a program into a fresh address space."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import auxvec
from sandbox.abi.linux.elf import PHDR_SIZE
from sandbox.abi.linux.mman import (
    PAGE_SIZE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    VM_ACCOUNT,
    VM_GROWSDOWN,
    VM_MAYRWX,
    VM_NORESERVE,
    VM_WRITE,
    page_align,
)
from sandbox.abi.linux.personality import ADDR_COMPAT_LAYOUT, ADDR_NO_RANDOMIZE, PER_CLEAR_ON_SETID
from sandbox.arch.amd64 import EFLAGS, NUM_REGS, RIP, RSP
from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_STACK
from sandbox.loader import segments, stack
from sandbox.loader.host_auxv import cpu_entries
from sandbox.loader.image import ExecImage, prepare
from sandbox.loader.layout import Layout, stack_size
from sandbox.loader.segments import FatalExecError, SegmentPlan
from sandbox.loader.steps import Step, joined
from sandbox.mm.memory_manager import MemoryManager
from sandbox.mm.op_map import copy_range, file_backing, find_gap, needs_copy
from sandbox.mm.vma import VMA
from sandbox.platform.base import MemoryFault, name_order, tsc_order

if TYPE_CHECKING:
    from sandbox.kernel.rlimits import ResourceLimits
    from sandbox.kernel.task import Task
    from sandbox.loader.elf import ElfFile
    from sandbox.mm.backing import Backing
    from sandbox.platform.base import GuestThread
    from sandbox.vfs.file_description import FileDescription

_CLOCK_TICKS: Final = 100
_NOT_EXECUTABLE: Final = (-errno.EPERM, -errno.EACCES)  # mmap's and mprotect's answer on a mount with noexec
_STACK_COUNTED: Final = 32  # pages: what Linux maps of a fresh stack below the strings


class LoadResult:
    """`mm`: the new memory. `regs`: for GuestThread.set_regs. `comm`: the thread's name. `file`: the binary that
    runs (not the script), which decides on set-user-ID."""

    __slots__ = ("mm", "regs", "comm", "file")

    def __init__(self, mm: MemoryManager, regs: list[int], comm: bytes, file: FileDescription) -> None:
        self.mm = mm
        self.regs = regs
        self.comm = comm
        self.file = file


class LoadPlan:
    """What is to be mapped and written."""

    __slots__ = ("mm", "steps", "writes", "held", "entry", "sp")

    def __init__(self, mm: MemoryManager) -> None:
        self.mm = mm
        self.steps: list[Step] = []
        self.writes: list[tuple[int, bytes]] = []
        self.held: list[Backing] = []  # until everything is mapped
        self.entry = 0
        self.sp = 0

    def let_go(self) -> None:
        """Everything is mapped, or nothing will be."""
        for backing in self.held:
            backing.drop()
        self.held.clear()


Done = Callable[[LoadResult | SyscallError], None]


def load(t: Task, image: ExecImage, thread: GuestThread, done: Done) -> None:
    """Load `image` into the fresh space of `thread`, then `done(result)`: a LoadResult, or the error (FatalExecError
    where Linux would have killed the caller). On an error the space is to be thrown away."""
    try:
        if image.elf is None:
            prepare(t, image)
        loading = Loading(t, image, thread, plan(t, image), done)
    except SyscallError as error:
        done(error)
        return
    image.loading = loading
    loading.go_on(0)


class Loading:
    """Orders under way for one exec."""

    def __init__(self, t: Task, image: ExecImage, thread: GuestThread, load_plan: LoadPlan, done: Done) -> None:
        self.t = t
        self.image = image
        self.thread = thread
        self.plan = load_plan
        self.done = done
        self.first = 0  # the step that the orders under way begin with
        self.copies: list[int] = []

    def go_on(self, first: int) -> None:
        """Map everything from step `first`."""
        self.first = first
        try:
            orders = [step.order() for step in self.plan.steps[first:]]
            orders.append(name_order(self.image.comm))
            if self.t.tsc_forbidden:
                orders.append(tsc_order(True))
        except (SyscallError, OSError) as error:
            self._fail(error.errno or errno.ENOMEM)
            return
        self.thread.execute(orders, self.executed)

    def executed(self, index: int, result: int) -> None:
        """All mapped and named, or order `index` failed; a file that the host won't map executable is copied."""
        steps, at = self.plan.steps, self.first + index
        if at >= len(steps):
            self._write()
        elif result in _NOT_EXECUTABLE and steps[at].copy_fd < 0 and needs_copy(steps[at].area):
            try:
                self.copies.append(copy_range(steps[at].area))
            except OSError as error:
                self._fail(error.errno or errno.ENOMEM)
                return
            steps[at].use_copy(self.copies[-1])
            self.go_on(at)
        else:
            self._fail(-result if -4095 <= result < 0 else errno.ENOMEM)

    def cancel(self) -> None:
        """Nobody waits for it any more, and no answer will come from the platform."""
        self._let_go()
        self.plan.mm.drop()

    def _let_go(self) -> None:
        self.image.loading = None
        self.plan.let_go()
        for fd in self.copies:
            os.close(fd)
        self.copies.clear()

    def _write(self) -> None:
        load_plan, image = self.plan, self.image
        self._let_go()
        try:
            for address, data in load_plan.writes:
                self.thread.address_space().write(address, data)
        except MemoryFault:
            load_plan.mm.drop()
            self.done(FatalExecError(errno.EFAULT))
            return
        self.thread.address_space().entitle(b"".join(word + b"\0" for word in image.argv))
        regs = [0] * NUM_REGS
        regs[RIP], regs[RSP], regs[EFLAGS] = load_plan.entry, load_plan.sp, 0x200
        self.done(LoadResult(load_plan.mm, regs, image.comm, image.file))

    def _fail(self, number: int) -> None:
        self._let_go()
        self.plan.mm.drop()
        self.done(FatalExecError(number))


def plan(t: Task, image: ExecImage) -> LoadPlan:
    """Decide on every address; nothing is mapped yet. FatalExecError."""
    kernel, limits = t.kernel, t.group.rlimits
    random = kernel.random(64)
    mm = MemoryManager(kernel.commit, kernel.task_size)
    out = LoadPlan(mm)
    personality = t.personality & ~PER_CLEAR_ON_SETID if image.secure else t.personality
    entropy = b"" if personality & ADDR_NO_RANDOMIZE else random[:48]
    layout = Layout(kernel.task_size, limits.get(RLIMIT_STACK), entropy, random[48:])
    mm.mmap_base = layout.mmap_base
    if personality & ADDR_COMPAT_LAYOUT:
        mm.legacy_base = layout.legacy_base
    try:
        _plan_all(t, image, out, layout)
    except SyscallError as error:
        out.let_go()
        mm.drop()
        raise FatalExecError(error.errno) from None
    return out


def _plan_all(t: Task, image: ExecImage, out: LoadPlan, layout: Layout) -> None:
    mm, main = out.mm, image.elf
    assert main is not None
    limits = t.group.rlimits
    strings = sum(map(len, image.argv)) + sum(map(len, image.envp)) + len(image.path)
    strings += len(image.argv) + len(image.envp) + 1 + 8
    pointers = 8 * (len(image.argv) + len(image.envp))
    _plan_stack(mm, out, layout, limits.get(RLIMIT_STACK), strings, pointers, main.exec_stack)
    bias = _main_bias(mm, main, layout, image.interp is not None)
    mapped = segments.plan(main, bias, mm.task_size)
    _map_segments(t, out, mapped, image.file, limits)
    _set_bounds(mm, mapped, layout, main.dynamic and image.interp is None)
    entry, base = bias + main.entry, 0
    out.entry = entry
    if image.interp is not None:
        interp = image.interp_elf
        assert interp is not None
        base = 0
        if interp.dynamic:
            low, high = segments.span(interp)
            base = find_gap(mm, page_align(high) - low) - low
        _map_segments(t, out, segments.plan(interp, base, mm.task_size, errno.ENOMEM), image.interp, limits)
        out.entry = base + interp.entry
    if not 0 <= out.entry < mm.task_size:
        raise FatalExecError(errno.EINVAL)
    mm.set_exe(image.file)
    out.steps = joined(out.steps)
    aux = _aux(t, image, mapped.phdr, main.phnum, base, entry)
    built = stack.build(layout.stack_top, image.argv, image.envp, image.path, aux, layout.at_random, layout.stack_gap)
    out.sp = mm.start_stack = built.sp
    out.writes.append((built.sp, built.data))
    mm.arg_start, mm.arg_end = built.arg_start, built.arg_end
    mm.env_start, mm.env_end = built.env_start, built.env_end
    mm.auxv = built.auxv


def _plan_stack(
    mm: MemoryManager, out: LoadPlan, layout: Layout, limit: int, strings: int, pointers: int, executable: bool
) -> None:
    size = stack_size(limit, strings + pointers + 8192 + 1024)
    flags = PROT_READ | PROT_WRITE | VM_MAYRWX | VM_GROWSDOWN | VM_NORESERVE
    if executable:
        flags |= PROT_EXEC
    area = VMA(layout.stack_top - size, layout.stack_top, flags, None, 0, "[stack]")
    used = _STACK_COUNTED + (page_align(strings) >> 12)
    mm.stack_slack = max(0, (size >> 12) - used)
    mm.add(area)
    out.steps.append(Step(VMA(area.start, area.end, flags)))


def _main_bias(mm: MemoryManager, main: ElfFile, layout: Layout, has_interp: bool) -> int:
    """What is added to the addresses of the program's segments."""
    if not main.dynamic or not main.loads:
        return 0
    low, high = segments.span(main)
    align = segments.alignment(main)
    if has_interp:
        return (layout.dyn_base & ~(align - 1)) - low
    if align > PAGE_SIZE:
        return (find_gap(mm, page_align(high) - low + align) + align - 1 & ~(align - 1)) - low
    return find_gap(mm, page_align(high) - low) - low


def _map_segments(t: Task, out: LoadPlan, mapped: SegmentPlan, file: FileDescription, limits: ResourceLimits) -> None:
    """Put the segments into the new memory's areas. EEXIST when they meet anything but one another."""
    mm = out.mm
    for mapping in mapped.mappings:
        if mm.areas.intersects(mapping.start, mapping.end):
            raise FatalExecError(errno.EEXIST)
    backing: Backing | None = None
    for mapping in mapped.mappings:
        flags = mapping.prot | VM_MAYRWX
        pages = (mapping.end - mapping.start) >> 12
        if not mm.may_expand(limits, flags, pages):
            raise FatalExecError(errno.ENOMEM)
        if mapping.offset >= 0 and backing is None:
            backing = file_backing(t, file, False, PROT_READ | PROT_EXEC)
            out.held.append(backing)
        replaces = mm.areas.intersects(mapping.start, mapping.end)
        if replaces:
            mm.remove(mapping.start, mapping.end)
        if flags & VM_WRITE:
            if not mm.account.charge(pages):
                raise FatalExecError(errno.ENOMEM)
            flags |= VM_ACCOUNT
        source = backing if mapping.offset >= 0 else None
        if source is not None:
            source.acquire()
        area = VMA(mapping.start, mapping.end, flags, source, max(mapping.offset, 0))
        out.steps.append(Step(VMA(area.start, area.end, flags, source, area.offset), replaces))
        mm.add(area)
    out.writes.extend((address, bytes(size)) for address, size in mapped.zero)


def _set_bounds(mm: MemoryManager, mapped: SegmentPlan, layout: Layout, static_pie: bool) -> None:
    mm.start_code, mm.end_code = mapped.start_code, mapped.end_code
    mm.start_data, mm.end_data = mapped.start_data, mapped.end_data
    base = layout.dyn_base if static_pie else page_align(mapped.end)
    mm.start_brk = mm.brk = base + layout.brk_shift


def _aux(t: Task, image: ExecImage, phdr: int, phnum: int, base: int, entry: int) -> list[tuple[int, int]]:
    """In Linux's order."""
    creds = image.creds or t.creds
    hwcap, hwcap2, min_frame = cpu_entries()
    vdso = t.kernel.platform.vdso_address
    aux = [(auxvec.AT_SYSINFO_EHDR, vdso)] if vdso else []
    return aux + [
        (auxvec.AT_MINSIGSTKSZ, min_frame),
        (auxvec.AT_HWCAP, hwcap),
        (auxvec.AT_PAGESZ, PAGE_SIZE),
        (auxvec.AT_CLKTCK, _CLOCK_TICKS),
        (auxvec.AT_PHDR, phdr),
        (auxvec.AT_PHENT, PHDR_SIZE),
        (auxvec.AT_PHNUM, phnum),
        (auxvec.AT_BASE, base),
        (auxvec.AT_FLAGS, 0),
        (auxvec.AT_ENTRY, entry),
        (auxvec.AT_UID, creds.user.uids.shown(creds.uid)),
        (auxvec.AT_EUID, creds.user.uids.shown(creds.euid)),
        (auxvec.AT_GID, creds.user.gids.shown(creds.gid)),
        (auxvec.AT_EGID, creds.user.gids.shown(creds.egid)),
        (auxvec.AT_SECURE, int(image.secure)),
        (auxvec.AT_RANDOM, 0),
        (auxvec.AT_HWCAP2, hwcap2),
        (auxvec.AT_EXECFN, 0),
        (auxvec.AT_PLATFORM, 0),
    ]
