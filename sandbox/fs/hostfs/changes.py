"""What a writable host directory lets a guest change: each function is one host call on one component. The directory's own
attributes are not asked for afterwards: whoever wants to know asks."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK
from sandbox.abi.linux.xattr import CAPABILITIES
from sandbox.errors import SyscallError
from sandbox.fs.host_calls import renameat2
from sandbox.host_files import keep

if TYPE_CHECKING:
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.vfs.inode import Inode


def _fail(error: OSError) -> SyscallError:
    return SyscallError(error.errno or errno.EIO)


def _unexpected(error: OSError, directory: HostInode) -> SyscallError:
    """As `_fail`, of a name in `directory` that was believed to be there or not."""
    if error.errno in (errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        directory.suspect()
    return _fail(error)


def _place(inode: HostInode) -> tuple[bytes, int]:
    """Name and directory descriptor of `inode`, after making sure that the name still means it."""
    parent = inode.parent
    if parent is None:
        raise SyscallError(errno.EPERM)
    at = parent.dir_fd()
    try:
        st = os.stat(inode.name, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        raise _fail(error) from None
    if (st.st_dev, st.st_ino) != inode.key:
        inode.surprise()
        raise SyscallError(errno.ENOENT)
    return inode.name, at


def _both(one: HostInode, other: HostInode) -> tuple[int, int]:
    """Descriptors of two directories at the same time. EMFILE when there is only room for one."""
    one.dir_fd()
    there = other.dir_fd()
    here = one.dir_fd()  # again: it may have been given up for the other
    if other.fd != there:
        raise SyscallError(errno.EMFILE)
    return here, there


def _fd(inode: HostInode) -> int:
    """A descriptor for changes of attributes, or -1."""
    return inode.wfd if inode.wfd >= 0 else inode.fd


def set_mode(inode: HostInode, mode: int) -> None:
    """fchmod, or chmod of a path that is pinned by an O_PATH descriptor and so can't be a symbolic link."""
    if inode.mode & S_IFMT == S_IFLNK:
        raise SyscallError(errno.EOPNOTSUPP)
    fd = _fd(inode)
    try:
        if fd >= 0:
            os.fchmod(fd, mode)
        else:
            _chmod_by_name(inode, mode)
    except OSError as error:
        raise _fail(error) from None
    inode.refresh()


def _chmod_by_name(inode: HostInode, mode: int) -> None:
    name, at = _place(inode)
    proc = inode.host.proc_fd
    if proc < 0:
        raise SyscallError(errno.EPERM)
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        st = os.fstat(fd)
        if (st.st_dev, st.st_ino) != inode.key:
            raise SyscallError(errno.ENOENT)
        os.chmod(str(fd), mode, dir_fd=proc)
    finally:
        os.close(fd)


def set_owner(inode: HostInode, uid: int, gid: int) -> None:
    """chown without following."""
    fd = _fd(inode)
    try:
        if fd >= 0:
            os.fchown(fd, uid, gid)
        else:
            name, at = _place(inode)
            os.chown(name, uid, gid, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        raise _fail(error) from None
    inode.refresh()


def set_times(inode: HostInode, atime: int | None, mtime: int | None) -> None:
    """utimensat without following; what is None is put back as it was."""
    inode.refresh()
    times = (inode.atime if atime is None else atime, inode.mtime if mtime is None else mtime)
    fd = _fd(inode)
    try:
        if fd >= 0:
            os.utime(fd, ns=times)
        else:
            name, at = _place(inode)
            os.utime(name, ns=times, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        raise _fail(error) from None
    inode.refresh()


def _xattr_fd(inode: HostInode, name: bytes) -> int:
    """A descriptor through which attributes of the user namespace are reached."""
    if not name.startswith(b"user."):
        raise SyscallError(errno.EOPNOTSUPP)
    fd = _fd(inode)
    if fd >= 0:
        return fd
    if inode.is_dir():
        return inode.dir_fd()
    if inode.is_regular():
        fd = inode.reader()
        inode.settle()
        return fd
    raise SyscallError(errno.EPERM)


def get_xattr(inode: HostInode, name: bytes) -> bytes:
    """Of others than user.* the file capabilities alone, which mean something inside only; ENODATA for the rest."""
    if name == CAPABILITIES:
        return _capabilities(inode)
    if not name.startswith(b"user."):
        raise SyscallError(errno.ENODATA)
    try:
        return os.getxattr(_xattr_fd(inode, name), name)
    except OSError as error:
        raise _fail(error) from None


def _capabilities(inode: HostInode) -> bytes:
    """File capabilities, if they can be read."""
    if inode.is_regular():
        try:
            fd = _fd(inode)
            if fd < 0:
                fd = inode.reader()
                inode.settle()
            return os.getxattr(fd, CAPABILITIES)
        except (OSError, SyscallError):
            pass
    raise SyscallError(errno.ENODATA)


def set_xattr(inode: HostInode, name: bytes, value: bytes, flags: int) -> None:
    """user.* only."""
    try:
        os.setxattr(_xattr_fd(inode, name), name, value, flags)
    except OSError as error:
        raise _fail(error) from None


def remove_xattr(inode: HostInode, name: bytes) -> None:
    """user.* only."""
    try:
        os.removexattr(_xattr_fd(inode, name), name)
    except OSError as error:
        raise _fail(error) from None


def list_xattr(inode: HostInode) -> list[bytes]:
    """user.*, and file capabilities."""
    if not inode.is_dir() and not inode.is_regular():
        return []
    try:
        names = os.listxattr(_xattr_fd(inode, b"user."))
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EBADF):
            return []
        raise _fail(error) from None
    return [os.fsencode(name) for name in names if name.startswith("user.") or name == "security.capability"]


def _adopt(directory: HostInode, name: bytes, uid: int, gid: int) -> HostInode:
    """Look at what was just made, give it its owner, and hand out its inode."""
    at = directory.dir_fd()
    try:
        st = os.stat(name, dir_fd=at, follow_symlinks=False)
        if (st.st_uid, st.st_gid) != (uid, gid):
            try:
                os.chown(name, uid, gid, dir_fd=at, follow_symlinks=False)
                st = os.stat(name, dir_fd=at, follow_symlinks=False)
            except PermissionError:
                pass  # an unprivileged sentry owns what its guests make
    except OSError as error:
        raise _fail(error) from None
    directory.changed_names()
    return directory.host.inode_for(directory, name, st)


def create(directory: HostInode, name: bytes, mode: int, uid: int, gid: int) -> Inode:
    """O_CREAT | O_EXCL, then what the host has not done of owner and mode. The descriptor is the first that writes."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = keep(os.open(name, flags, mode & 0o777, dir_fd=directory.dir_fd()))
    except OSError as error:
        raise _unexpected(error, directory) from None
    directory.changed_names()
    try:
        st = os.fstat(fd)
        if (st.st_uid, st.st_gid) != (uid, gid):
            try:
                os.fchown(fd, uid, gid)
                st = os.fstat(fd)
            except PermissionError:
                pass  # an unprivileged sentry owns what its guests make
        if (st.st_mode ^ mode) & 0o7777:
            os.fchmod(fd, mode & 0o7777)
            st = os.fstat(fd)
    except OSError as error:
        os.close(fd)
        raise _fail(error) from None
    inode = directory.host.inode_for(directory, name, st)
    if inode.wfd < 0:
        inode.wfd = fd
    else:  # a host that gives a number anew although the file is open
        os.close(fd)
    inode.settle()
    return inode


def mkdir(directory: HostInode, name: bytes, mode: int, uid: int, gid: int) -> Inode:
    """mkdir, then the exact mode where the host has not given it."""
    try:
        os.mkdir(name, mode & 0o777, dir_fd=directory.dir_fd())
    except OSError as error:
        raise _unexpected(error, directory) from None
    inode = _adopt(directory, name, uid, gid)
    if (inode.mode ^ mode) & 0o7777:
        inode.set_mode(mode & 0o7777)
    return inode


def symlink(directory: HostInode, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
    """symlink."""
    try:
        os.symlink(target, name, dir_fd=directory.dir_fd())
    except OSError as error:
        raise _unexpected(error, directory) from None
    return _adopt(directory, name, uid, gid)


def mknod(directory: HostInode, name: bytes, mode: int, uid: int, gid: int) -> Inode:
    """A FIFO or socket node. On the host it is only a name: what is read and written through it stays inside."""
    if mode & S_IFMT not in (S_IFIFO, S_IFSOCK):
        raise SyscallError(errno.EPERM)
    try:
        os.mknod(name, mode & S_IFMT | 0o600, dir_fd=directory.dir_fd())
    except OSError as error:
        raise _unexpected(error, directory) from None
    inode = _adopt(directory, name, uid, gid)
    inode.set_mode(mode & 0o7777)
    return inode


def link(directory: HostInode, name: bytes, inode: HostInode) -> None:
    """link, of the file that the old name means now and not of a link's target."""
    old, _ = _place(inode)
    assert inode.parent is not None
    at, there = _both(inode.parent, directory)
    try:
        os.link(old, name, src_dir_fd=at, dst_dir_fd=there, follow_symlinks=False)
    except OSError as error:
        raise _unexpected(error, directory) from None
    directory.changed_names()
    directory.host.inodes.setdefault(inode.key, inode)
    inode.refresh()


def unlink(directory: HostInode, name: bytes, inode: HostInode) -> None:
    """unlink; an open file lives on in its descriptor."""
    try:
        os.unlink(name, dir_fd=directory.dir_fd())
    except OSError as error:
        raise _unexpected(error, directory) from None
    directory.changed_names()
    gone(inode)


def rmdir(directory: HostInode, name: bytes, inode: HostInode) -> None:
    """rmdir."""
    try:
        os.rmdir(name, dir_fd=directory.dir_fd())
    except OSError as error:
        raise _unexpected(error, directory) from None
    directory.changed_names()
    inode.nlink = 0
    gone(inode)


def gone(inode: HostInode) -> None:
    """One name of `inode` has been removed. The host knows how many are left; without a descriptor it could only be asked
    by a name, which may be the one that has gone."""
    if inode.fd < 0 and inode.wfd < 0:
        inode.nlink = max(0, inode.nlink - 1)
        inode.doubt()
    else:
        inode.refresh()
    if inode.nlink == 0:
        inode.host.inodes.pop(inode.key, None)
    inode.settle()


def rename(
    directory: HostInode,
    name: bytes,
    inode: HostInode,
    new_dir: HostInode,
    new_name: bytes,
    target: HostInode | None,
    flags: int,
) -> None:
    """rename, or RENAME_EXCHANGE."""
    here, there = _both(directory, new_dir)
    try:
        if flags:
            renameat2(here, name, there, new_name, flags)
        else:
            os.rename(name, new_name, src_dir_fd=here, dst_dir_fd=there)
    except OSError as error:
        new_dir.suspect()
        raise _unexpected(error, directory) from None
    directory.changed_names()
    new_dir.changed_names()
    inode.doubt()
    inode.parent = new_dir
    inode.name = new_name
    if target is not None:
        if flags:
            target.parent = directory
            target.name = name
            target.refresh()
        else:
            gone(target)
