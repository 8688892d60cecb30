"""name_to_handle_at(2), open_by_handle_at(2) (fs/fhandle.c): names for the files of a file system in memory that are no
paths."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_DAC_READ_SEARCH
from sandbox.abi.linux.fcntl import AT_FDCWD, O_CLOEXEC
from sandbox.abi.linux.stat import AT_EMPTY_PATH, AT_SYMLINK_FOLLOW
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.kernel.control import Block, Result
from sandbox.syscalls.linux.sys_open import VALID
from sandbox.syscalls.row import PARTIAL, Arg, Row
from sandbox.vfs.open import open_there, whole_flags
from sandbox.vfs.path import Path
from sandbox.vfs.walk import EMPTY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

MAX_HANDLE_SZ: Final = 128
AT_HANDLE_FID: Final = 0x200
_HEAD: Final = struct.Struct("<Ii")  # handle_bytes, handle_type
_HANDLE: Final = struct.Struct("<IQ")  # generation and inode number, as tmpfs has them
_TYPE: Final = 1  # FILEID_INO32_GEN


def sys_name_to_handle_at(t: Task, a: SyscallArgs) -> Result:
    """name_to_handle_at(2). EOPNOTSUPP for what is not in a tmpfs or the sandbox's own root."""
    flags = a.uint(4)
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID):
        return -errno.EINVAL
    how = (FOLLOW if flags & AT_SYMLINK_FOLLOW else 0) | (EMPTY if flags & AT_EMPTY_PATH else 0)
    path = t.copy_in_path(a.addr(1)) if a.addr(1) or not flags & AT_EMPTY_PATH else b""
    there = lookup(t, a.int(0), path, how)
    fs = there.inode.fs
    if not isinstance(fs, Tmpfs):
        return -errno.EOPNOTSUPP
    size = _HEAD.unpack(t.copy_in(a.addr(2), _HEAD.size))[0]
    if size > MAX_HANDLE_SZ:
        return -errno.EINVAL
    fits = size >= _HANDLE.size
    kind = _TYPE if fits else 0xFF  # FILEID_INVALID
    t.copy_out(a.addr(3), there.mount.id.to_bytes(4, "little"))
    t.copy_out(a.addr(2), _HEAD.pack(_HANDLE.size, kind))
    if not fits:
        return -errno.EOVERFLOW
    t.copy_out(a.addr(2) + _HEAD.size, _HANDLE.pack(fs.handles.generation, there.inode.ino))
    fs.handles.keep(there.dentry)
    return 0


def sys_open_by_handle_at(t: Task, a: SyscallArgs) -> Result:
    """open_by_handle_at(2). ESTALE when the file is gone, or was not named lately."""
    size, kind = _HEAD.unpack(t.copy_in(a.addr(1), _HEAD.size))
    if not 0 < size <= MAX_HANDLE_SZ:
        return -errno.EINVAL
    flags = a.int(2) & VALID
    mount = t.fs.cwd.mount
    if a.int(0) != AT_FDCWD:
        place = t.fds.get(a.int(0)).path
        if place is None:
            return -errno.ESTALE
        mount = place.mount
    if not t.creds.has(CAP_DAC_READ_SEARCH):
        return -errno.EPERM
    handle = t.copy_in(a.addr(1) + _HEAD.size, size)
    fs = mount.fs
    if not isinstance(fs, Tmpfs) or kind != _TYPE or size < _HANDLE.size:
        return -errno.ESTALE
    generation, ino = _HANDLE.unpack_from(handle)
    dentry = fs.handles.find(ino) if generation == fs.handles.generation else None
    if dentry is None:
        return -errno.ESTALE
    t.fds.lowest_free()
    file = open_there(t, Path(mount, dentry), whole_flags(flags))
    if isinstance(file, Block):
        return file
    return t.fds.install(file, 0, flags & O_CLOEXEC != 0)


ROWS: Final[tuple[Row, ...]] = (
    Row(
        303,
        "name_to_handle_at",
        sys_name_to_handle_at,
        PARTIAL,
        (Arg.FD, Arg.PATH, Arg.ADDR, Arg.ADDR, Arg.HEX),
        note="files of a tmpfs and of the sandbox's own root; EOPNOTSUPP for others",
    ),
    Row(
        304,
        "open_by_handle_at",
        sys_open_by_handle_at,
        PARTIAL,
        (Arg.FD, Arg.ADDR, Arg.HEX),
        note="the 4,096 files of a file system that were named last; ESTALE for others",
    ),
)
