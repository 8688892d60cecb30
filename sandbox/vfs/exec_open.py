"""Opening a program for execve(2) (fs/exec.c: do_open_execat)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import O_RDONLY
from sandbox.abi.linux.stat import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
from sandbox.abi.linux.statfs import ST_NOEXEC
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.vfs.landlock import EXECUTE
from sandbox.vfs.open import finish_open
from sandbox.vfs.permission import MAY_EXEC, permitted
from sandbox.vfs.walk import EMPTY, FOLLOW, lookup_now

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription


def open_exec(t: Task, dirfd: int, path: bytes, flags: int) -> FileDescription:
    """A description for reading a program; its name is `file.path.text(t.fs.root)`.

    `flags`: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW (EINVAL for others). EACCES: not a regular file, not
    executable for the caller, or the mount is noexec; ETXTBSY: it is open for writing; ELOOP for a symbolic link that is not followed.
    """
    if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW):
        raise SyscallError(errno.EINVAL)
    try:
        return _open_exec(t, dirfd, path, flags)
    except SyscallError as error:
        if error.errno != errno.ESTALE:
            raise
    try:  # a name that was believed is no longer so: once more, by what is there now
        return _open_exec(t, dirfd, path, flags)
    except SyscallError as error:
        raise SyscallError(errno.ENOENT if error.errno == errno.ESTALE else error.errno) from None


def _open_exec(t: Task, dirfd: int, path: bytes, flags: int) -> FileDescription:
    how = (EMPTY if flags & AT_EMPTY_PATH else 0) | (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW)
    there = lookup_now(t, dirfd, path, how)
    inode = there.inode
    if inode.is_symlink():
        raise SyscallError(errno.ELOOP)
    if not inode.is_regular() or there.mount.flags & ST_NOEXEC:
        raise SyscallError(errno.EACCES)
    if not permitted(t.creds, inode, MAY_EXEC):
        raise SyscallError(errno.EACCES)
    if inode.writers > 0:
        raise SyscallError(errno.ETXTBSY)
    file = finish_open(t, there, inode, O_RDONLY, EXECUTE)
    assert not isinstance(file, Block)
    return file
