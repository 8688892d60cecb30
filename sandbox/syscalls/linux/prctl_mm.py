"""PR_SET_MM of prctl(2): where a program says that its code, data, heap, stack, arguments and environment are
(kernel/sys.c: prctl_set_mm). It changes what /proc shows, and from where brk(2) counts."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from sandbox.abi.linux.mman import MMAP_MIN_ADDR
from sandbox.abi.linux.statfs import ST_NOEXEC
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_DATA
from sandbox.kernel.task import Task
from sandbox.mm.memory_manager import MemoryManager
from sandbox.syscalls.args import SyscallArgs
from sandbox.vfs.permission import MAY_EXEC, check

# In the order of struct prctl_mm_map.
FIELDS: Final = (
    "start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack",
    "arg_start", "arg_end", "env_start", "env_end",
)  # fmt: skip
# What PR_SET_MM_START_CODE = 1 and the ones after it set.
_OPTIONS: Final = (
    "start_code", "end_code", "start_data", "end_data", "start_stack", "start_brk", "brk",
    "arg_start", "arg_end", "env_start", "env_end",
)  # fmt: skip
_ON_AREA: Final = frozenset(("start_stack", "arg_start", "arg_end", "env_start", "env_end"))
_AUXV: Final = 12
_EXE_FILE: Final = 13
_MAP: Final = 14
_MAP_SIZE: Final = 15
_LAYOUT: Final = struct.Struct("<12QII")  # struct prctl_mm_map
_AUXV_SIZE: Final = 8 * 2 * (3 + 22 + 1)  # AT_VECTOR_SIZE words
_NO_FD: Final = 0xFFFFFFFF


def set_mm(t: Task, a: SyscallArgs) -> int:
    """EINVAL, EPERM, EFAULT, EBADF, EACCES, EBUSY."""
    what, addr, more, mm = a.int(1), a.ulong(2), a.ulong(3), t.mm
    if mm is None or a.ulong(4) or (more and what not in (_AUXV, _MAP, _MAP_SIZE)):
        return -errno.EINVAL
    if what == _MAP_SIZE:
        t.copy_out(addr, _LAYOUT.size.to_bytes(4, "little"))
        return 0
    if what == _MAP:
        return _set_map(t, mm, addr, more)
    if not t.creds.has(CAP_SYS_RESOURCE):
        return -errno.EPERM
    if what == _EXE_FILE:
        return _set_exe(t, mm, addr & 0xFFFFFFFF)
    if what == _AUXV:
        return _set_auxv(t, mm, addr, more)
    if not MMAP_MIN_ADDR <= addr < mm.task_size or not 1 <= what <= len(_OPTIONS):
        return -errno.EINVAL
    name = _OPTIONS[what - 1]
    values = {field: getattr(mm, field) for field in FIELDS}
    values[name] = addr
    if not _valid(t, mm, values):
        return -errno.EINVAL
    if name in _ON_AREA and mm.areas.next_after(addr) is None:
        return -errno.EFAULT
    setattr(mm, name, addr)
    return 0


def _valid(t: Task, mm: MemoryManager, values: dict[str, int]) -> bool:
    """kernel/sys.c: validate_prctl_map_addr."""
    if not all(MMAP_MIN_ADDR <= value < mm.task_size for value in values.values()):
        return False
    if values["start_code"] >= values["end_code"]:
        return False
    for low, high in (
        ("start_data", "end_data"),
        ("start_brk", "brk"),
        ("arg_start", "arg_end"),
        ("env_start", "env_end"),
    ):
        if values[low] > values[high]:
            return False
    limit = t.group.rlimits.get(RLIMIT_DATA)
    size = values["brk"] - values["start_brk"] + values["end_data"] - values["start_data"]
    return limit == RLIM_INFINITY or size <= limit


def _set_map(t: Task, mm: MemoryManager, addr: int, size: int) -> int:
    """All at once, of one's own; another program's file with CAP_CHECKPOINT_RESTORE."""
    if size != _LAYOUT.size:
        return -errno.EINVAL
    *numbers, auxv, auxv_size, exe = _LAYOUT.unpack(t.copy_in(addr, size))
    values = dict(zip(FIELDS, numbers, strict=True))
    if not _valid(t, mm, values):
        return -errno.EINVAL
    new = None
    if auxv_size:
        if not auxv or auxv_size > _AUXV_SIZE:
            return -errno.EINVAL
        new = t.copy_in(auxv, auxv_size)
    if exe != _NO_FD:
        if not t.creds.has_here(CAP_CHECKPOINT_RESTORE) and not t.creds.has_here(CAP_SYS_ADMIN):
            return -errno.EPERM
        done = _set_exe(t, mm, exe)
        if done:
            return done
    for name, value in values.items():
        setattr(mm, name, value)
    if new is not None:
        mm.auxv = _ended(new)
    return 0


def _set_auxv(t: Task, mm: MemoryManager, addr: int, size: int) -> int:
    """The first `size` bytes of the vector."""
    if size > _AUXV_SIZE:
        return -errno.EINVAL
    mm.auxv = _ended(t.copy_in(addr, size) + mm.auxv[size:])
    return 0


def _ended(vector: bytes) -> bytes:
    """Up to and with the first AT_NULL; the last entry that there is room for is one."""
    vector = (vector + bytes(_AUXV_SIZE))[: _AUXV_SIZE - 16] + bytes(16)
    for at in range(0, _AUXV_SIZE, 16):
        if not any(vector[at : at + 8]):
            return vector[: at + 16]
    return vector


def _set_exe(t: Task, mm: MemoryManager, fd: int) -> int:
    """What /proc/PID/exe leads to; EBUSY while the one before is mapped (kernel/fork.c: replace_mm_exe_file)."""
    file = t.fds.get_io(fd if fd < 1 << 31 else fd - (1 << 32))
    path = file.path
    if path is None or not path.inode.is_regular() or path.mount.flags & ST_NOEXEC:
        return -errno.EACCES
    check(t.creds, path.inode, MAY_EXEC)
    if mm.exe is not None:
        old = mm.exe.stat()
        for area in mm.areas:
            if area.backing is not None and (area.backing.device, area.backing.inode) == (old.dev, old.ino):
                return -errno.EBUSY
    mm.set_exe(file)
    return 0
