"""The mount API by descriptors: fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr (fs/fsopen.c,
fs/namespace.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.fcntl import AT_FDCWD, O_CLOEXEC, O_PATH
from sandbox.abi.linux.statfs import (
    MS_PRIVATE,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    ST_NOATIME,
    ST_NODEV,
    ST_NODIRATIME,
    ST_NOEXEC,
    ST_NOSUID,
    ST_NOSYMFOLLOW,
    ST_RDONLY,
    ST_RELATIME,
)
from sandbox.errors import SyscallError
from sandbox.fs.overlay import stacked_options
from sandbox.fs.procfs.options import ProcOptions
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.fs.tmpfs.options import TmpfsOptions
from sandbox.kernel.user_namespace import INITIAL
from sandbox.syscalls.linux.mountable import KINDS, check_revealing, make_filesystem, reconfigure
from sandbox.syscalls.linux.sys_mount import beneath_of, bind_tree, check_locked, check_mine, check_privilege, move_tree
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from sandbox.vfs.fs_context import (
    AWAITING_MOUNT,
    CREATE_PARAMS,
    FAILED,
    MAX_PARAMS,
    RECONF_PARAMS,
    FsConfigFile,
    TreeFile,
)
from sandbox.vfs.mount import Mount, covering, walk_mounts
from sandbox.vfs.path_file import PathFile
from sandbox.vfs.propagation import follow, join, propagate
from sandbox.vfs.walk import EMPTY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.path import Path

AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_EMPTY_PATH: Final = 0x1000
AT_NO_AUTOMOUNT: Final = 0x800
AT_RECURSIVE: Final = 0x8000
OPEN_TREE_CLONE: Final = 1
MOVE_MOUNT_SET_GROUP: Final = 0x100
MOVE_MOUNT_BENEATH: Final = 0x200
_ATIME: Final = 0x70
_NOATIME: Final = 0x10
_STRICTATIME: Final = 0x20
_NODIRATIME: Final = 0x80
_ATTRS: Final = (
    (1, ST_RDONLY),
    (2, ST_NOSUID),
    (4, ST_NODEV),
    (8, ST_NOEXEC),
    (_NODIRATIME, ST_NODIRATIME),
    (0x200000, ST_NOSYMFOLLOW),
)
_VALID_ATTRS: Final = 0x2000FF
_SET_FLAG, _SET_STRING, _SET_BINARY, _SET_PATH, _SET_PATH_EMPTY, _SET_FD, _CREATE, _RECONFIGURE, _CREATE_EXCL = range(9)
_SUPER_FLAGS: Final = (b"ro", b"rw", b"async", b"nolazytime", b"nomand")
_MOUNT_ATTR: Final = struct.Struct("<4Q")  # set, clear, propagation, userns_fd
_PAGE: Final = 4096


def _may_mount(t: Task) -> None:
    if not t.creds.has_in(t.ns.mnt.user, CAP_SYS_ADMIN):
        raise SyscallError(errno.EPERM)


def sys_fsopen(t: Task, a: SyscallArgs) -> int:
    """fsopen(2)."""
    _may_mount(t)
    flags = a.uint(1)
    if flags & ~1:
        return -errno.EINVAL
    kind = t.copy_in_cstr(a.addr(0), _PAGE, errno.EINVAL)
    if kind not in KINDS:
        return -errno.ENODEV
    return t.fds.install(FsConfigFile(kind, None), 0, flags & 1 != 0)


def sys_fspick(t: Task, a: SyscallArgs) -> int:
    """fspick(2)."""
    _may_mount(t)
    flags = a.uint(2)
    if flags & ~15:
        return -errno.EINVAL
    there = lookup(t, a.int(0), t.copy_in_path(a.addr(1)), (0 if flags & 2 else FOLLOW) | (EMPTY if flags & 8 else 0))
    mount = there.mount
    if there.dentry is not mount.root:
        return -errno.EINVAL
    return t.fds.install(FsConfigFile(mount.fs.name.encode(), mount.fs), 0, flags & 1 != 0)


def _check_config(cmd: int, key: int, value: int, aux: int) -> None:
    """The arguments that a command takes; EINVAL, EOPNOTSUPP."""
    if cmd == _SET_FLAG:
        bad = not key or bool(value) or aux != 0
    elif cmd == _SET_STRING:
        bad = not key or not value or aux != 0
    elif cmd == _SET_BINARY:
        bad = not key or not value or not 0 < aux <= 1 << 20
    elif cmd in (_SET_PATH, _SET_PATH_EMPTY):
        bad = not key or not value or (aux != AT_FDCWD and aux < 0)
    elif cmd == _SET_FD:
        bad = not key or bool(value) or aux < 0
    elif cmd in (_CREATE, _RECONFIGURE, _CREATE_EXCL):
        bad = bool(key) or bool(value) or aux != 0
    else:
        raise SyscallError(errno.EOPNOTSUPP)
    if bad:
        raise SyscallError(errno.EINVAL)


def sys_fsconfig(t: Task, a: SyscallArgs) -> int:
    """fsconfig(2)."""
    cmd, key_at, value_at = a.uint(1), a.addr(2), a.addr(3)
    if a.int(0) < 0:
        return -errno.EINVAL
    _check_config(cmd, key_at, value_at, a.int(4))
    file = t.fds.get_io(a.int(0))
    if not isinstance(file, FsConfigFile):
        return -errno.EINVAL
    key = t.copy_in_cstr(key_at, 256, errno.EINVAL) if key_at else b""
    value = t.copy_in_cstr(value_at, 256, errno.EINVAL) if cmd == _SET_STRING else b""
    if cmd in (_CREATE, _CREATE_EXCL):
        return _create(t, file)
    if cmd == _RECONFIGURE:
        return _reconfigure(t, file)
    if file.phase not in (CREATE_PARAMS, RECONF_PARAMS):
        return -errno.EBUSY
    _set(file, cmd, key, value)
    return 0


def _set(file: FsConfigFile, cmd: int, key: bytes, value: bytes) -> None:
    """One parameter; EINVAL for what the file system does not know (vfs_parse_fs_param)."""
    if cmd == _SET_FLAG and key in _SUPER_FLAGS:
        file.params.pop(b"rw" if key == b"ro" else b"ro", None)
        file.params[key] = b""
        return
    if key == b"source":
        if cmd != _SET_STRING or file.source is not None:
            raise file.complain(b"Non-string source" if cmd != _SET_STRING else b"Multiple sources")
        file.source = value
        return
    if cmd not in (_SET_FLAG, _SET_STRING) or not _known(file.kind, key, value):
        raise file.complain(b"Unknown parameter '%s'" % key)
    if file.kind != b"overlay":
        try:
            if file.kind == b"proc":
                ProcOptions({key: value}, INITIAL)
            else:
                TmpfsOptions({key: value})
        except SyscallError:
            raise file.complain(b"Bad value for '%s'" % key) from None
    if len(file.params) >= MAX_PARAMS:
        raise SyscallError(errno.EINVAL)
    file.params[key] = value


def _known(kind: bytes, key: bytes, value: bytes) -> bool:
    if kind == b"overlay":
        return stacked_options.knows(key, value)
    if kind == b"proc":
        return ProcOptions.knows(key)
    return kind in (b"tmpfs", b"ramfs") and TmpfsOptions.knows(key)


def _create(t: Task, file: FsConfigFile) -> int:
    if file.phase != CREATE_PARAMS:
        return -errno.EBUSY
    _may_mount(t)
    file.phase = FAILED
    file.fs = make_filesystem(t, file.kind, file.source or b"none", file.params)
    file.phase = AWAITING_MOUNT
    return 0


def _reconfigure(t: Task, file: FsConfigFile) -> int:
    if file.phase != RECONF_PARAMS:
        return -errno.EBUSY
    _may_mount(t)
    if file.fs is not None and not t.creds.has_in(file.fs.user, CAP_SYS_ADMIN):
        return -errno.EPERM
    if file.fs is not None and (file.fs.name == "proc" or isinstance(file.fs, Tmpfs) and file.fs.asked is not None):
        reconfigure(t, file.fs, file.params)
        if b"ro" in file.params or b"rw" in file.params:
            file.fs.readonly = b"ro" in file.params
    elif file.params:
        return -errno.EINVAL
    file.params.clear()
    return 0


def _flags(attrs: int) -> int:
    """ST_* bits of MOUNT_ATTR_* bits; EINVAL for two rules for access times."""
    atime = attrs & _ATIME
    if atime not in (0, _NOATIME, _STRICTATIME):
        raise SyscallError(errno.EINVAL)
    out = ST_RELATIME if atime == 0 else ST_NOATIME if atime == _NOATIME else 0
    for bit, flag in _ATTRS:
        if attrs & bit:
            out |= flag
    return out


def sys_fsmount(t: Task, a: SyscallArgs) -> int:
    """fsmount(2)."""
    _may_mount(t)
    flags, attrs = a.uint(1), a.uint(2)
    if flags & ~1 or attrs & ~_VALID_ATTRS:
        return -errno.EINVAL
    bits = _flags(attrs)
    file = t.fds.get_io(a.int(0))
    if not isinstance(file, FsConfigFile) or file.fs is None:
        return -errno.EINVAL
    if file.phase != AWAITING_MOUNT:
        return -errno.EBUSY
    check_revealing(t, file.fs, bits)
    vfs = t.ns.mnt.vfs
    top = vfs.new_mount(file.fs, file.fs.shown_to(t.ns) or vfs.root_of(file.fs), bits, t.ns.mnt)
    file.phase, file.fs = RECONF_PARAMS, file.fs
    file.params.clear()
    return _install_tree(t, top, flags & 1 != 0)


def _install_tree(t: Task, top: Mount, cloexec: bool) -> int:
    file = TreeFile(t.ns.mnt.vfs, top)
    file.acquire()  # so that a full table discards the tree
    try:
        return t.fds.install(file, 0, cloexec)
    finally:
        file.drop()


def _place(t: Task, dirfd: int, path: int, flags: int) -> Path:
    follow = 0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW
    return lookup(t, dirfd, t.copy_in_path(path), follow | (EMPTY if flags & AT_EMPTY_PATH else 0))


def sys_open_tree(t: Task, a: SyscallArgs) -> int:
    """open_tree(2)."""
    flags = a.uint(2)
    known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | O_CLOEXEC
    if flags & ~known or flags & (AT_RECURSIVE | OPEN_TREE_CLONE) == AT_RECURSIVE:
        return -errno.EINVAL
    if flags & OPEN_TREE_CLONE:
        _may_mount(t)
    there = _place(t, a.int(0), a.addr(1), flags)
    cloexec = flags & O_CLOEXEC != 0
    if not flags & OPEN_TREE_CLONE:
        return t.fds.install(PathFile(O_PATH, there, there.inode), 0, cloexec)
    return _install_tree(t, bind_tree(t, there, flags & AT_RECURSIVE != 0), cloexec)


def _ways(flags: int) -> int:
    """What MOVE_MOUNT_F_* bits say of a path."""
    return (FOLLOW if flags & 1 else 0) | (EMPTY if flags & 4 else 0)


def _set_group(t: Task, source: Path, target: Path) -> int:
    """MOVE_MOUNT_SET_GROUP: a private mount gets the peers, and the master, of another one of the same file system
    (do_set_group)."""
    given, private = source.mount, target.mount
    if not given.attached or not private.attached:
        return -errno.EINVAL
    if any(not t.creds.has_in(mount.namespace.user, CAP_SYS_ADMIN) for mount in (given, private)):
        return -errno.EPERM
    root = private.root
    if (
        source.dentry is not given.root
        or target.dentry is not root
        or given.fs is not private.fs
        or not root.within(given.root)
        or any(child.locked and point.within(root) for point, child in given.children.items())
        or private.peers is not None
        or private.master is not None
        or (given.peers is None and given.master is None)
    ):
        return -errno.EINVAL
    if given.master is not None:
        follow(private, given.master)
    if given.peers is not None:
        private.unbindable = False
        join(private, given.peers)
    private.namespace.changed()
    return 0


def sys_move_mount(t: Task, a: SyscallArgs) -> int:
    """move_mount(2)."""
    check_privilege(t)
    flags = a.uint(4)
    both = MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_BENEATH
    if flags & ~(0x77 | both) or flags & both == both:
        return -errno.EINVAL
    beneath = flags & MOVE_MOUNT_BENEATH != 0
    there = lookup(t, a.int(0), t.copy_in_path(a.addr(1)), _ways(flags))
    target = lookup(t, a.int(2), t.copy_in_path(a.addr(3)), _ways(flags >> 4))
    mount = there.mount
    if flags & MOVE_MOUNT_SET_GROUP:
        return _set_group(t, there, target)
    if mount.attached or mount.parent is not None or mount.ended or mount.id == 0:
        move_tree(t, there, target, beneath)
        return 0
    check_mine(t, target.mount)
    over = beneath_of(t, there, target) if beneath else target.mount
    unbindable = over.peers is not None and any(one.unbindable for one in walk_mounts(mount))
    if there.dentry is not mount.root or there.inode.is_dir() != target.inode.is_dir() or unbindable:
        return -errno.EINVAL
    if beneath:
        t.ns.mnt.put_beneath(mount, covering(target).mount)
    else:
        t.ns.mnt.graft_kept(mount, target)
    return 0


def sys_mount_setattr(t: Task, a: SyscallArgs) -> int:
    """mount_setattr(2)."""
    flags, size = a.uint(2), a.size(4)
    if flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT):
        return -errno.EINVAL
    if size > _PAGE:
        return -errno.E2BIG
    if size < _MOUNT_ATTR.size:
        return -errno.EINVAL
    _may_mount(t)
    raw = t.copy_in(a.addr(3), size)
    if any(raw[_MOUNT_ATTR.size :]):
        return -errno.E2BIG
    wanted, cleared, kind, _ = _MOUNT_ATTR.unpack(raw[: _MOUNT_ATTR.size])
    if not wanted and not cleared and not kind:
        return 0
    _check_attr(wanted, cleared, kind)
    there = _place(t, a.int(0), a.addr(1), flags)
    top = there.mount
    if there.dentry is not top.root:
        return -errno.EINVAL
    if top.attached or top.ended or top.parent is not None:
        check_mine(t, top)
    chosen = list(walk_mounts(top)) if flags & AT_RECURSIVE else [top]
    bits = _flags(wanted & ~_ATIME)
    gone = _flags(cleared & ~_ATIME)
    keep = ST_NOATIME | ST_RELATIME
    changed = []
    for mount in chosen:
        atime = _flags(wanted & _ATIME) & keep if cleared & _ATIME else mount.flags & keep
        changed.append((mount.flags & ~(gone | keep) | bits) & ~keep | atime)
        check_locked(mount, changed[-1])
    for mount, new in zip(chosen, changed, strict=True):
        mount.flags = new
    if kind:
        propagate(t.ns.mnt.vfs, chosen, kind)
    top.namespace.changed()
    return 0


def _check_attr(wanted: int, cleared: int, kind: int) -> None:
    """EINVAL (build_mount_kattr)."""
    times = cleared & _ATIME
    if (
        kind not in (0, MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE)
        or (wanted | cleared) & ~_VALID_ATTRS
        or (times and times != _ATIME)
        or (not times and wanted & _ATIME)
        or wanted & _ATIME not in (0, _NOATIME, _STRICTATIME)
    ):
        raise SyscallError(errno.EINVAL)


ROWS: Final[tuple[Row, ...]] = (
    Row(428, "open_tree", sys_open_tree, FULL, (Arg.FD, Arg.PATH, Arg.HEX)),
    Row(429, "move_mount", sys_move_mount, FULL, (Arg.FD, Arg.PATH, Arg.FD, Arg.PATH, Arg.HEX)),
    Row(430, "fsopen", sys_fsopen, FULL, (Arg.STR, Arg.HEX)),
    Row(
        431,
        "fsconfig",
        sys_fsconfig,
        PARTIAL,
        (Arg.FD, Arg.UINT, Arg.ADDR, Arg.ADDR, Arg.INT),
        "only a tmpfs that was made inside can be reconfigured",
    ),
    Row(432, "fsmount", sys_fsmount, FULL, (Arg.FD, Arg.HEX, Arg.HEX)),
    Row(433, "fspick", sys_fspick, FULL, (Arg.FD, Arg.PATH, Arg.HEX)),
    Row(
        442,
        "mount_setattr",
        sys_mount_setattr,
        PARTIAL,
        (Arg.FD, Arg.PATH, Arg.HEX, Arg.ADDR, Arg.SIZE),
        "no ID-mapped mounts: EINVAL",
    ),
)
