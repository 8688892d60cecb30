"""statfs, fstatfs (fs/statfs.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import S_IFIFO, S_IFMT, S_IFSOCK
from sandbox.abi.linux.statfs import (
    ANON_INODE_FS_MAGIC,
    PIPEFS_MAGIC,
    SOCKFS_MAGIC,
    ST_RDONLY,
    ST_VALID,
    STATFS,
)
from sandbox.syscalls.row import FULL, Arg, Row, writes
from sandbox.vfs.walk import lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.path import Path


def _pack(path: Path) -> bytes:
    fs = path.inode.fs
    info = fs.statfs()
    flags = path.mount.flags | ST_VALID | (ST_RDONLY if fs.readonly else 0)
    # fmt: off
    return STATFS.pack(
        info.magic, info.bsize, info.blocks, info.bfree, info.bavail, info.files, info.ffree,
        fs.dev & 0x7FFFFFFF, 0, info.namelen, info.bsize, flags,
    )
    # fmt: on


def sys_statfs(t: Task, a: SyscallArgs) -> int:
    """statfs(2)."""
    t.copy_out(a.addr(1), _pack(lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)))))
    return 0


def sys_fstatfs(t: Task, a: SyscallArgs) -> int:
    """fstatfs(2)."""
    file = t.fds.get(a.int(0))
    if file.path is not None:
        packed = _pack(file.path)
    else:
        kind = file.stat().mode & S_IFMT
        magic = {S_IFIFO: PIPEFS_MAGIC, S_IFSOCK: SOCKFS_MAGIC}.get(kind, ANON_INODE_FS_MAGIC)
        packed = STATFS.pack(magic, 4096, 0, 0, 0, 0, 0, 0, 0, 255, 4096, ST_VALID)
    t.copy_out(a.addr(1), packed)
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(137, "statfs", sys_statfs, FULL, (Arg.PATH, Arg.STRUCT_OUT), copies=(writes(1, 120),)),
    Row(138, "fstatfs", sys_fstatfs, FULL, (Arg.FD, Arg.STRUCT_OUT), copies=(writes(1, 120),)),
)
