"""One guest address space as the kernel sees it: what is mapped where, how much of it, and the program's layout.

The areas describe the host's mappings truly: an operation (mm/op_*.py) checks, has host calls executed
in the guest's process, and changes the areas only when they have succeeded. One operation at a time is
under way per address space (`busy`); others wait on `queue`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Hashable

from sandbox.abi.linux.mman import (
    MMAP_MIN_ADDR,
    PROT_EXEC,
    PROT_WRITE,
    VM_ACCOUNT,
    VM_DONTCOPY,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_SHARED,
    VM_WRITE,
)
from sandbox.abi.linux.prctl import PR_MDWE_NO_INHERIT
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTNOINTR, Block
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.mm.commit import CommitAccount
from sandbox.mm.policy import PolicyRanges
from sandbox.mm.vma import VMA
from sandbox.mm.vma_set import VMASet
from sandbox.platform.base import FREE_FILES, FREE_MEMORY, NOT_FREE
from tcpip.waiter import EVENT_IN, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.aio import AioContext
    from sandbox.kernel.rlimits import ResourceLimits
    from sandbox.mm.backing import Backing
    from sandbox.vfs.file_description import FileDescription

_WRITABLE: Final = VM_MAYSHARE | VM_MAYWRITE  # what is behind it is changed through it


class MemoryManager:
    """`t.mm`. Guest mappings lie in [MMAP_MIN_ADDR, task_size). Counters are in pages."""

    __slots__ = (
        "areas",
        "account",
        "task_size",
        "mmap_base",
        "legacy_base",
        "busy",
        "queue",
        "users",
        "total_pages",
        "peak_pages",
        "data_pages",
        "stack_pages",
        "exec_pages",
        "locked_pages",
        "shared_pages",
        "stack_slack",
        "lock_future",
        "start_brk",
        "brk",
        "start_code",
        "end_code",
        "start_data",
        "end_data",
        "start_stack",
        "arg_start",
        "arg_end",
        "env_start",
        "env_end",
        "auxv",
        "exe",
        "dumpable",
        "thp_disabled",
        "mdwe",
        "user",
        "aio",
        "policies",
        "barriers",
        "peak_reset",
        "peak_seen",
        "__weakref__",
    )

    def __init__(self, account: CommitAccount, task_size: int) -> None:
        self.areas = VMASet()
        self.account = account
        self.task_size = task_size
        self.mmap_base = task_size
        self.legacy_base = 0  # where areas begin that go upwards (ADDR_COMPAT_LAYOUT); 0: they go down
        self.busy = False
        self.queue = WaitQueue()
        self.users = 1
        self.total_pages = 0
        self.peak_pages = 0  # of `virtual_pages`
        self.data_pages = 0  # private, writable, not stack
        self.stack_pages = 0
        self.exec_pages = 0
        self.locked_pages = 0
        self.shared_pages = 0
        self.stack_slack = 0  # pages of the stack's area that are mapped ahead of use and not counted
        self.lock_future = 0  # VM_LOCKED | VM_LOCKONFAULT for what is mapped from now on (mlockall)
        self.start_brk = self.brk = 0
        self.start_code = self.end_code = self.start_data = self.end_data = 0
        self.start_stack = 0
        self.arg_start = self.arg_end = self.env_start = self.env_end = 0
        self.auxv = b""
        self.exe: FileDescription | None = None
        self.dumpable = 1
        self.thp_disabled = False  # PR_SET_THP_DISABLE: remembered
        self.mdwe = 0  # PR_SET_MDWE
        self.user: UserNamespace = INITIAL  # of who executed the program
        self.aio: dict[int, AioContext] = {}  # by the numbers of their rings
        self.policies: PolicyRanges | None = None  # once mbind(2) was called
        self.barriers = 0  # commands of membarrier(2) that it has registered for
        self.peak_reset = -1  # what the host's peak of pages in core was when it was to begin anew; -1: never
        self.peak_seen = 0  # the most that there were since, when somebody looked

    # --- life ---

    def acquire(self) -> MemoryManager:
        """One more task uses it."""
        self.users += 1
        return self

    def drop(self) -> None:
        """One task fewer; the last gives back every backing and what was charged."""
        self.users -= 1
        if self.users == 0:
            if self.aio:
                from sandbox.kernel.aio import destroy_all

                destroy_all(self.aio)
            self.remove(0, 1 << 64)
            self._leave_exe()

    def inherit(self, before: MemoryManager) -> None:
        """What outlives fork and execve (mmf_init_flags)."""
        self.thp_disabled = before.thp_disabled
        self.mdwe = 0 if before.mdwe & PR_MDWE_NO_INHERIT else before.mdwe

    def refuses(self, now: int, wanted: int) -> bool:
        """PR_SET_MDWE: an area with protection `now` may not have `wanted` (map_deny_write_exec)."""
        return self.mdwe != 0 and wanted & PROT_EXEC != 0 and (wanted & PROT_WRITE != 0 or not now & PROT_EXEC)

    def set_exe(self, file: FileDescription) -> None:
        """What /proc/PID/exe names."""
        file.acquire()
        if file.path is not None:
            file.path.inode.runs += 1
        self._leave_exe()
        self.exe = file

    def _leave_exe(self) -> None:
        file, self.exe = self.exe, None
        if file is not None:
            if file.path is not None:
                file.path.inode.runs -= 1
            file.drop()

    def fork(self) -> MemoryManager:
        """The child's memory; the host process copies the pages itself. Call it when no operation is under way.

        ENOMEM when the sandbox's memory may not be promised twice. (kernel/fork.c: dup_mmap)
        """
        new = MemoryManager(self.account, self.task_size)
        new.mmap_base, new.legacy_base = self.mmap_base, self.legacy_base
        new.start_brk, new.brk = self.start_brk, self.brk
        new.start_code, new.end_code = self.start_code, self.end_code
        new.start_data, new.end_data = self.start_data, self.end_data
        new.start_stack = self.start_stack
        new.arg_start, new.arg_end = self.arg_start, self.arg_end
        new.env_start, new.env_end = self.env_start, self.env_end
        new.auxv = self.auxv
        new.dumpable = self.dumpable
        new.inherit(self)
        new.user = self.user
        charged = unlike = 0
        for area in self.areas:
            flags = area.flags
            if flags & VM_ACCOUNT and not flags & VM_DONTCOPY:
                charged += area.end - area.start
            unlike |= flags & (VM_DONTCOPY | VM_LOCKED)
        if not self.account.charge(charged >> 12):
            raise SyscallError(errno.ENOMEM)
        new.stack_slack, new.barriers = self.stack_slack, self.barriers
        if self.policies is not None:
            new.policies = self.policies.copy()
        if unlike:
            for area in self.areas:
                if not area.flags & VM_DONTCOPY:
                    copy = area.copy(area.start, area.end)
                    copy.flags &= ~VM_LOCKED
                    new.add(copy)
        else:
            new.areas = self.areas.copy()
            new.total_pages, new.peak_pages = self.total_pages, max(0, self.virtual_pages)
            new.data_pages, new.stack_pages = self.data_pages, self.stack_pages
            new.exec_pages, new.shared_pages = self.exec_pages, self.shared_pages
        if self.exe is not None:
            new.set_exe(self.exe)
        return new

    # --- one operation at a time ---

    def lock(self) -> None:
        """Begin an operation: call only when not `busy`. fork and execve do too, so that what they copy is the truth."""
        self.busy = True

    def unlock(self) -> None:
        """The operation has ended."""
        self.busy = False
        self.queue.notify(EVENT_IN)

    def wait(self) -> Block:
        """What a handler returns when it found `busy`."""
        return Block([(self.queue, EVENT_IN)], restart=ERESTARTNOINTR)

    # --- areas and counters ---

    def add(self, area: VMA) -> None:
        """Put an area in where nothing is mapped; it brings its reference and its charge with it."""
        self._count(area.flags, (area.end - area.start) >> 12)
        self.areas.insert(area)

    def remove(self, start: int, end: int) -> list[VMA]:
        """Forget what is mapped in [start, end), and return it: references and charges are given back."""
        areas = self.areas.take(start, end)
        if self.policies is not None:
            self.policies.set(start, end, None)
        for area in areas:
            pages = (area.end - area.start) >> 12
            self._count(area.flags, -pages)
            if area.flags & VM_ACCOUNT:
                self.account.uncharge(pages)
            if area.backing is not None:
                area.backing.drop()
        return areas

    def put_back(self, areas: list[VMA]) -> None:
        """Undo a `remove`."""
        for area in areas:
            if area.backing is not None:
                area.backing.acquire()
            if area.flags & VM_ACCOUNT:
                self.account.used += (area.end - area.start) >> 12
            self.add(area)

    def reflag(self, start: int, end: int, clear: int, add: int) -> None:
        """Change flags of everything mapped in [start, end)."""
        for area in self.areas.take(start, end):
            pages = (area.end - area.start) >> 12
            self._count(area.flags, -pages)
            area.flags = area.flags & ~clear | add
            self._count(area.flags, pages)
            self.areas.insert(area)

    def _count(self, flags: int, pages: int) -> None:
        self.total_pages += pages
        if self.total_pages - self.stack_slack > self.peak_pages:
            self.peak_pages = self.total_pages - self.stack_slack
        if flags & VM_GROWSDOWN:
            self.stack_pages += pages
            if self.stack_slack > self.stack_pages > 0 > pages:
                self.stack_slack = self.stack_pages
        elif flags & (VM_WRITE | VM_SHARED) == VM_WRITE:
            self.data_pages += pages
        elif flags & (VM_EXEC | VM_WRITE) == VM_EXEC:
            self.exec_pages += pages
        if flags & VM_MAYSHARE:
            self.shared_pages += pages
        if flags & VM_LOCKED:
            self.locked_pages += pages

    @property
    def virtual_pages(self) -> int:
        """VmSize: everything mapped, without what the stack has not used yet."""
        return self.total_pages - self.stack_slack

    def may_expand(self, limits: ResourceLimits, flags: int, pages: int) -> bool:
        """RLIMIT_AS and RLIMIT_DATA allow `pages` more with `flags` (mm/mmap.c: may_expand_vm)."""
        limit = limits.soft[RLIMIT_AS]
        if limit != RLIM_INFINITY and self.virtual_pages + pages > limit >> 12:
            return False
        if flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN) == VM_WRITE:
            limit = limits.soft[RLIMIT_DATA]
            if limit != RLIM_INFINITY and self.data_pages + pages > limit >> 12:
                return False
        return True

    def pages_in(self, start: int, end: int, flag: int = 0) -> int:
        """Pages mapped in [start, end), those only that have `flag` if it is given."""
        pages = 0
        for area in self.areas.overlapping(start, end):
            if not flag or area.flags & flag:
                pages += (min(area.end, end) - max(area.start, start)) >> 12
        return pages

    def freedom(self, start: int, end: int) -> int:
        """What hangs on it that the range is unmapped, as an Order's `free`: nothing if all of it is private anonymous memory,
        or takes none of the sandbox's memory and cannot be written to."""
        areas = self.areas.overlapping(start, end)
        free = FREE_MEMORY
        for area in areas:
            backing = area.backing
            if backing is not None:
                if backing.keepable is None or area.flags & _WRITABLE == _WRITABLE:
                    return NOT_FREE
                free = FREE_FILES
        return free

    def valid_range(self, start: int, size: int) -> bool:
        """[start, start + size) lies where a guest may map."""
        return size <= self.task_size and MMAP_MIN_ADDR <= start <= self.task_size - size

    # --- for other parts ---

    def futex_key(self, address: int) -> tuple[Hashable, int]:
        """Identity of the word at `address` for a futex without FUTEX_PRIVATE_FLAG; EFAULT (kernel/futex: get_futex_key)."""
        area = self.areas.find(address)
        if area is None:
            raise SyscallError(errno.EFAULT)
        if area.backing is not None and area.flags & VM_MAYSHARE:
            return (area.backing.key, area.offset + address - area.start)
        return (
            (self,),
            address,
        )  # not the word that FUTEX_PRIVATE_FLAG names (include/linux/futex.h: FUT_OFF_MMSHARED)

    def outside_word(self, address: int) -> tuple[Backing, int] | None:
        """What the word at `address` is a part of, and where there, if others than guests may wait at it."""
        area = self.areas.find(address)
        if area is None or area.backing is None or not area.flags & VM_MAYSHARE or not area.backing.outside:
            return None
        return area.backing, area.offset + address - area.start

    def accessible(self, address: int, size: int, prot: int) -> bool:
        """All of it is mapped with at least `prot` (PROT_* bits)."""
        end = address + size
        for area in self.areas.overlapping(address, end):
            if area.start > address or area.flags & prot != prot:
                return False
            address = area.end
        return address >= end
