"""mmap(2): mm/mmap.c do_mmap, mmap_region; brk(2)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_IPC_LOCK
from sandbox.abi.linux.fcntl import FS_APPEND_FL, O_ACCMODE, O_RDONLY, O_WRONLY
from sandbox.abi.linux.mman import (
    LEGACY_MAP_MASK,
    MAP_32BIT,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_TYPE,
    MMAP_MIN_ADDR,
    NR_MMAP,
    NR_MUNMAP,
    PAGE_OFFSET,
    PMD_SIZE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    VM_ACCOUNT,
    VM_DONTDUMP,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_MAYRWX,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_SECRET,
    VM_SHARED,
    VM_WRITE,
    page_align,
)
from sandbox.abi.linux.personality import READ_IMPLIES_EXEC
from sandbox.abi.linux.statfs import ST_NOEXEC
from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_DATA, RLIMIT_MEMLOCK
from sandbox.mm import anonymous
from sandbox.mm.anonymous import SharedAnonymous
from sandbox.mm.commit import NEVER
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA, host_prot
from sandbox.platform.base import FREE_MEMORY, Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.vfs.file_description import FileDescription

_U64: Final = (1 << 64) - 1

# Where MAP_32BIT maps (arch/x86/kernel/sys_x86_64.c: find_start_end).
LOW_BEGIN: Final = 0x4000_0000
LOW_END: Final = 0x8000_0000


class MapOperation(Operation):
    """One new area. `replaces`: something is mapped there now."""

    __slots__ = ("area", "replaces", "copy_fd")

    def __init__(self, mm: MemoryManager, area: VMA, replaces: bool, populate: bool, copy_fd: int = -1) -> None:
        free = mm.freedom(area.start, area.end) if replaces else FREE_MEMORY
        self.mm = mm
        self.orders = (map_order(area, replaces, populate, copy_fd, free),)
        self.area = area
        self.replaces = replaces
        self.copy_fd = copy_fd

    def value(self) -> int | None:
        """The new address."""
        return self.area.start

    def apply(self) -> None:
        """Mapped."""
        mm, area = self.mm, self.area
        if self.replaces:
            mm.remove(area.start, area.end)
        mm.add(area)

    def done(self, t: Task, result: int) -> Result:
        """Mapped."""
        start = self.area.start
        self._close(True)
        self.apply()
        return start

    def undo(self, t: Task, error: int) -> Result:
        """Nothing is there, or the host may have unmapped what was there before it failed."""
        mm = self.mm
        start, size = self.orders[0].args[:2]
        error = -errno.ENOMEM if error == -errno.EEXIST else error
        if self.replaces:
            return Abandon(mm, start, start + size, error).execute()
        mm.remove(start, start + size)
        return error

    def failed(self, t: Task, index: int, error: int) -> Result:
        """A file that the host won't map executable is copied; else nothing is mapped there now: the host may have
        unmapped what was there before it failed."""
        mm, area = self.mm, self.area
        if error == -errno.EPERM and self.copy_fd < 0 and needs_copy(area):
            try:
                return MapOperation(mm, area, self.replaces, False, copy_range(area)).begin()
            except OSError as failure:
                error = -(failure.errno or errno.ENOMEM)
        self._close()
        forget(mm, area)
        error = -errno.ENOMEM if error == -errno.EEXIST else error
        if self.replaces:
            return Abandon(mm, area.start, area.end, error).begin()
        return error

    def _close(self, mapped: bool = False) -> None:
        """The descriptors that were open only for the order."""
        backing = self.area.backing
        if isinstance(backing, SharedAnonymous):
            if mapped or backing.remapped is not None:
                backing.keep_host_fd()
            else:
                backing.close_host_fd()
        if self.copy_fd >= 0:
            os.close(self.copy_fd)
            self.copy_fd = -1


class Abandon(Operation):
    """Unmap a range that is in doubt, then return `error`."""

    __slots__ = ("start", "end", "error")

    def __init__(self, mm: MemoryManager, start: int, end: int, error: int) -> None:
        super().__init__(mm, (Order(NR_MUNMAP, (start, end - start)),))
        self.start = start
        self.end = end
        self.error = error

    def done(self, t: Task, result: int) -> Result:
        """Now it is a hole."""
        self.mm.remove(self.start, self.end)
        return self.error

    def failed(self, t: Task, index: int, error: int) -> Result:
        """munmap fails only when it would have to split at the limit of areas: then nothing was unmapped."""
        return self.error


def map_order(area: VMA, replaces: bool, populate: bool = False, copy_fd: int = -1, free: int = FREE_MEMORY) -> Order:
    """The host's mmap for an area, of `copy_fd` in place of the backing if that is given. `free`: the Order's, if the area is
    private anonymous memory, by what it replaces.

    Memory is charged by the kernel, so the host need not reserve it.
    """
    flags = MAP_FIXED if replaces else MAP_FIXED_NOREPLACE
    if populate:
        flags |= MAP_POPULATE
    size, prot, backing = area.end - area.start, host_prot(area.flags), area.backing
    if backing is None:
        flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        return Order(NR_MMAP, (area.start, size, prot, flags, _U64, 0), free=free)
    shared = area.flags & VM_MAYSHARE != 0
    flags |= MAP_SHARED if shared else MAP_PRIVATE | MAP_NORESERVE
    if copy_fd >= 0:
        return Order(NR_MMAP, (area.start, size, prot, flags, 0, 0), copy_fd)
    writable = shared and area.flags & VM_MAYWRITE != 0
    args = (area.start, size, prot, flags, 0, backing.base + area.offset)
    keepable = None if backing.keepable is None else (backing.keepable, writable)
    return Order(NR_MMAP, args, backing.host_fd(writable), keepable=keepable)


def needs_copy(area: VMA) -> bool:
    """A private executable mapping of a file: worth a second try from a copy."""
    return area.backing is not None and not area.flags & VM_MAYSHARE and area.flags & PROT_EXEC != 0


def copy_range(area: VMA) -> int:
    """The file's range of the area in a memfd. OSError."""
    backing = area.backing
    assert backing is not None
    return anonymous.copy_range(backing.host_fd(False), backing.base + area.offset, area.end - area.start)


def forget(mm: MemoryManager, area: VMA) -> None:
    """The area will not be: give back its charge and its reference."""
    if area.flags & VM_ACCOUNT:
        mm.account.uncharge((area.end - area.start) >> 12)
    if area.backing is not None:
        area.backing.drop()
        area.backing = None


# --- mmap(2) ---


def mmap(
    t: Task, mm: MemoryManager, addr: int, length: int, prot: int, flags: int, file: FileDescription | None, offset: int
) -> Result:
    """Map; the new address. `file` None is MAP_ANONYMOUS; `offset` in bytes, page aligned, unsigned."""
    if length == 0:
        raise SyscallError(errno.EINVAL)
    size = page_align(length)
    if size == 0:
        raise SyscallError(errno.ENOMEM)
    if file is not None and offset + size > 1 << 63:
        raise SyscallError(errno.EOVERFLOW)
    if len(mm.areas) > mm.account.max_areas:
        raise SyscallError(errno.ENOMEM)
    start = choose(t, mm, addr, size, flags)
    prot &= 7
    if prot & PROT_READ and t.personality & READ_IMPLIES_EXEC and not _noexec(file):
        prot |= PROT_EXEC
    if mm.refuses(prot, prot):
        raise SyscallError(errno.EACCES)
    vm_flags = prot | VM_MAYRWX | mm.lock_future
    if flags & MAP_LOCKED:
        vm_flags |= VM_LOCKED
        if not t.group.rlimits.get(RLIMIT_MEMLOCK) and not t.creds.has(CAP_IPC_LOCK):
            raise SyscallError(errno.EPERM)
    if vm_flags & VM_LOCKED:
        if not lock_allowed(t, mm, size >> 12):
            raise SyscallError(errno.EAGAIN)
    if flags & MAP_NORESERVE and mm.account.mode != NEVER:
        vm_flags |= VM_NORESERVE
    if file is None:
        vm_flags |= _anonymous_flags(flags)
    else:
        vm_flags = _file_flags(file, prot, flags, vm_flags)
        if file.secret:
            vm_flags = _secret_flags(t, mm, size, vm_flags)
    return _map_region(t, mm, start, size, vm_flags, file, offset, flags)


def _noexec(file: FileDescription | None) -> bool:
    """It lies on a mount without programs."""
    return file is not None and file.path is not None and file.path.mount.flags & ST_NOEXEC != 0


def _anonymous_flags(flags: int) -> int:
    kind = flags & MAP_TYPE
    if kind == MAP_PRIVATE:
        return VM_GROWSDOWN if flags & MAP_GROWSDOWN else 0
    if kind == MAP_SHARED and not flags & MAP_GROWSDOWN:
        return VM_SHARED | VM_MAYSHARE
    raise SyscallError(errno.EINVAL)


def _file_flags(file: FileDescription, prot: int, flags: int, vm_flags: int) -> int:
    kind = flags & MAP_TYPE
    mode = file.flags & O_ACCMODE
    if kind in (MAP_SHARED, MAP_SHARED_VALIDATE):
        if kind == MAP_SHARED_VALIDATE and flags & ~(LEGACY_MAP_MASK | MAP_SHARED_VALIDATE):
            raise SyscallError(errno.EOPNOTSUPP)
        if prot & PROT_WRITE and mode == O_RDONLY:
            raise SyscallError(errno.EACCES)
        if mode != O_RDONLY and file.path is not None and file.path.inode.attrs & FS_APPEND_FL:
            raise SyscallError(errno.EACCES)
        vm_flags |= VM_MAYSHARE | VM_SHARED
        if mode == O_RDONLY:
            vm_flags &= ~(VM_MAYWRITE | VM_SHARED)
        elif file.write_sealed():
            if prot & PROT_WRITE:
                raise SyscallError(errno.EPERM)
            vm_flags &= ~VM_MAYWRITE
    elif kind != MAP_PRIVATE:
        raise SyscallError(errno.EINVAL)
    if mode & O_WRONLY:  # O_WRONLY, or what may neither be read nor written
        raise SyscallError(errno.EACCES)
    if flags & MAP_GROWSDOWN:
        raise SyscallError(errno.EINVAL)
    return vm_flags


def _secret_flags(t: Task, mm: MemoryManager, size: int, vm_flags: int) -> int:
    """EPERM for code, EINVAL for a private mapping, EAGAIN at the bound of locked memory (secretmem_mmap)."""
    if vm_flags & PROT_EXEC:
        raise SyscallError(errno.EPERM)
    if not vm_flags & VM_MAYSHARE:
        raise SyscallError(errno.EINVAL)
    if not vm_flags & VM_LOCKED and not lock_allowed(t, mm, size >> 12):
        raise SyscallError(errno.EAGAIN)
    return vm_flags & ~VM_MAYEXEC | VM_LOCKED | VM_DONTDUMP | VM_SECRET


def lock_allowed(t: Task, mm: MemoryManager, pages: int) -> bool:
    """`pages` more may be locked (mm/mmap.c: mlock_future_ok)."""
    return mm.locked_pages + pages <= t.group.rlimits.get(RLIMIT_MEMLOCK) >> 12 or t.creds.has(CAP_IPC_LOCK)


def _map_region(
    t: Task,
    mm: MemoryManager,
    start: int,
    size: int,
    vm_flags: int,
    file: FileDescription | None,
    offset: int,
    flags: int,
) -> Result:
    end = start + size
    replaces = bool(flags & MAP_FIXED) and mm.areas.intersects(start, end)
    if replaces and flags & MAP_FIXED_NOREPLACE:
        raise SyscallError(errno.EEXIST)
    backing: Backing | None = None
    if file is not None:
        file.check_mapping(size, offset)
        backing = file_backing(t, file, vm_flags & VM_MAYSHARE != 0, vm_flags & 7, offset)
    try:
        pages = size >> 12
        if not mm.may_expand(t.group.rlimits, vm_flags, pages - (mm.pages_in(start, end) if replaces else 0)):
            raise SyscallError(errno.ENOMEM)
        if file is None and vm_flags & VM_SHARED:
            backing = _shared_anonymous(mm, size, vm_flags)
            offset = 0
        elif vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE) == VM_WRITE:
            if not mm.account.charge(pages):
                raise SyscallError(errno.ENOMEM)
            vm_flags |= VM_ACCOUNT
        area = VMA(start, end, vm_flags, backing, offset if backing is not None else 0)
        populate = bool(flags & MAP_POPULATE or vm_flags & (VM_LOCKED | VM_SECRET) == VM_LOCKED)
        return MapOperation(mm, area, replaces, populate).begin()
    except (SyscallError, OSError) as error:
        if vm_flags & VM_ACCOUNT:
            mm.account.uncharge(size >> 12)
        if backing is not None:
            backing.drop()
        if isinstance(error, OSError):
            raise SyscallError(error.errno or errno.ENOMEM) from None
        raise


def file_backing(t: Task, file: FileDescription, shared: bool, prot: int, offset: int = 0) -> Backing:
    """What a file maps, with what maps(5) prints a name of; acquired."""
    backing = file.backing_at(t, shared, prot, offset)
    if not backing.name:
        backing.place = file.path
        if backing.place is None:
            backing.name = file.link_text()
    backing.acquire()
    return backing


def _shared_anonymous(mm: MemoryManager, size: int, vm_flags: int) -> SharedAnonymous:
    account = None
    if not vm_flags & VM_NORESERVE:
        if not mm.account.charge(size >> 12):
            raise SyscallError(errno.ENOMEM)
        account = mm.account
    backing = SharedAnonymous(size, mm.account.next_inode(), account)
    backing.acquire()
    return backing


def choose(t: Task, mm: MemoryManager, addr: int, size: int, flags: int) -> int:
    """Where a mapping goes (mm/mmap.c: __get_unmapped_area). ENOMEM, EINVAL, EPERM."""
    if size > mm.task_size:
        raise SyscallError(errno.ENOMEM)
    if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE):
        if addr > mm.task_size - size:
            raise SyscallError(errno.ENOMEM)
        if addr & PAGE_OFFSET:
            raise SyscallError(errno.EINVAL)
        if addr < MMAP_MIN_ADDR:
            raise SyscallError(errno.EPERM)
        if flags & MAP_FIXED_NOREPLACE and mm.areas.intersects(addr, addr + size):
            raise SyscallError(errno.EEXIST)
        return addr
    low = flags & MAP_32BIT != 0
    addr &= ~PAGE_OFFSET
    if addr:
        addr = max(addr, MMAP_MIN_ADDR)
        valid = addr + size <= LOW_END if low else mm.valid_range(addr, size)
        if valid and mm.areas.fits(addr, size):
            return addr
    if low:
        start = mm.areas.gap_above(size, LOW_BEGIN, LOW_END)
        if start < 0:
            raise SyscallError(errno.ENOMEM)
        return start
    return find_gap(mm, size)


def find_gap(mm: MemoryManager, size: int) -> int:
    """A free range below the stack, else anywhere; whole huge pages are aligned to them. ENOMEM."""
    if mm.legacy_base:
        start = mm.areas.gap_above(size, mm.legacy_base, mm.task_size)
        if start < 0:
            raise SyscallError(errno.ENOMEM)
        return start
    if size >= PMD_SIZE and not size & (PMD_SIZE - 1):
        start = mm.areas.gap_below(size + PMD_SIZE - 4096, MMAP_MIN_ADDR, mm.mmap_base)
        if start >= 0:
            return start + PMD_SIZE - 4096 & ~(PMD_SIZE - 1)
    start = mm.areas.gap_below(size, MMAP_MIN_ADDR, mm.mmap_base)
    if start < 0:
        start = mm.areas.gap_above(size, mm.task_size // 3 & ~PAGE_OFFSET, mm.task_size)
    if start < 0:
        raise SyscallError(errno.ENOMEM)
    return start


# --- brk(2) ---


class BrkOperation(Operation):
    """The heap grows by [old, new) or shrinks by [new, old)."""

    __slots__ = ("area", "target", "before", "was")

    def __init__(self, mm: MemoryManager, orders: tuple[Order, ...], area: VMA | None, target: int) -> None:
        super().__init__(mm, orders)
        self.area = area
        self.before = mm.brk
        self.target = target

    def value(self) -> int | None:
        """The new break."""
        return self.target

    def done(self, t: Task, result: int) -> Result:
        """The break is where it was asked for."""
        self.apply()
        return self.target

    def apply(self) -> None:
        """The break is where it was asked for."""
        mm = self.mm
        if self.area is not None:
            mm.add(self.area)
        else:
            self.was = mm.remove(page_align(self.target), page_align(mm.brk))
        mm.brk = self.target

    def undo(self, t: Task, error: int) -> Result:
        """It is back where it was."""
        mm = self.mm
        if self.area is not None:
            mm.remove(self.orders[0].args[0], page_align(self.target))
        else:
            mm.put_back(self.was)
        mm.brk = self.before
        return mm.brk

    def failed(self, t: Task, index: int, error: int) -> Result:
        """It stays where it was."""
        if self.area is not None:
            forget(self.mm, self.area)
        return self.mm.brk


def brk(t: Task, mm: MemoryManager, target: int) -> Result:
    """The new program break, or the old one when it cannot be moved there."""
    if target < mm.start_brk or target > mm.task_size:
        return mm.brk
    limit = t.group.rlimits.get(RLIMIT_DATA)
    if target - mm.start_brk + mm.end_data - mm.start_data > limit:
        return mm.brk
    old, new = page_align(mm.brk), page_align(target)
    if new == old:
        mm.brk = target
        return target
    if new < old:
        order = Order(NR_MUNMAP, (new, old - new), free=mm.freedom(new, old))
        return BrkOperation(mm, (order,), None, target).begin()
    pages = (new - old) >> 12
    flags = PROT_READ | PROT_WRITE | VM_MAYRWX | VM_ACCOUNT | mm.lock_future
    if t.personality & READ_IMPLIES_EXEC:
        flags |= PROT_EXEC
    if new > mm.task_size - 4096 or not mm.areas.fits(old, new - old + 4096) or len(mm.areas) > mm.account.max_areas:
        return mm.brk
    if flags & VM_LOCKED and not lock_allowed(t, mm, pages):
        return mm.brk
    if not mm.may_expand(t.group.rlimits, flags, pages) or not mm.account.charge(pages):
        return mm.brk
    area = VMA(old, new, flags)
    return BrkOperation(mm, (map_order(area, False, flags & VM_LOCKED != 0),), area, target).begin()
