"""The few host calls that Python does not offer, through ctypes."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 1 << 18
MS_SLAVE: Final = 1 << 19

_LINUX_CAPABILITY_VERSION_3: Final = 0x20080522
SYS_PIVOT_ROOT: Final = 155  # x86-64; those that follow are the same on every architecture
SYS_OPEN_TREE: Final = 428
SYS_MOVE_MOUNT: Final = 429
SYS_FSOPEN: Final = 430
SYS_FSCONFIG: Final = 431
SYS_FSMOUNT: Final = 432
SYS_MOUNT_SETATTR: Final = 442
OPEN_TREE_CLONE: Final = 1
FSOPEN_CLOEXEC: Final = 1
FSMOUNT_CLOEXEC: Final = 1
FSCONFIG_SET_STRING: Final = 1
FSCONFIG_CMD_CREATE: Final = 6
MOVE_MOUNT_F_EMPTY_PATH: Final = 4
MOUNT_ATTR_RDONLY: Final = 1
MOUNT_ATTR_NOSUID: Final = 2
MOUNT_ATTR_NODEV: Final = 4
MOUNT_ATTR_NOEXEC: Final = 8
MNT_DETACH: Final = 2
AT_FDCWD: Final = -100
AT_EMPTY_PATH: Final = 0x1000
AT_RECURSIVE: Final = 0x8000
_libc: Final = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def open_tree(fd: int, recursive: bool, path: str = "") -> int:
    """open_tree(2): a copy of the mount that `path` at `fd` is on, from there on, with those below when `recursive`."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC | AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    return _call("open_tree", path, SYS_OPEN_TREE, fd, os.fsencode(path), flags)


def move_mount(tree: int, fd: int, path: str) -> None:
    """move_mount(2): attach a mount that is nowhere at `path` at `fd`."""
    _call("move_mount", path, SYS_MOVE_MOUNT, tree, b"", fd, os.fsencode(path), MOVE_MOUNT_F_EMPTY_PATH)


def mount_setattr(tree: int, attributes: int, propagation: int = 0, recursive: bool = True) -> None:
    """mount_setattr(2): add `attributes` to a mount, and to those below when `recursive`, and set their propagation."""
    wanted = struct.pack("=QQQQ", attributes, 0, propagation, 0)  # struct mount_attr
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    _call("mount_setattr", "", SYS_MOUNT_SETATTR, tree, b"", flags, wanted, len(wanted))


def new_tmpfs(size: bytes, attributes: int) -> int:
    """A tmpfs that is mounted nowhere (fsopen(2), fsmount(2))."""
    context = _call("fsopen", "", SYS_FSOPEN, b"tmpfs", FSOPEN_CLOEXEC)
    try:
        for key, value in ((b"size", size), (b"mode", b"755")):
            _call("fsconfig", "", SYS_FSCONFIG, context, FSCONFIG_SET_STRING, key, value, 0)
        _call("fsconfig", "", SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
        return _call("fsmount", "", SYS_FSMOUNT, context, FSMOUNT_CLOEXEC, attributes)
    finally:
        os.close(context)


def pivot_root(new: bytes, old: bytes) -> None:
    """pivot_root(2)."""
    _call("pivot_root", "", SYS_PIVOT_ROOT, new, old)


def _call(what: str, path: str, number: int, *args: int | bytes | None) -> int:
    """One system call; OSError with the name, and the path it is about."""
    words = (ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args)
    return _check(_libc.syscall(ctypes.c_long(number), *words), f"{what} {path}".rstrip())


def prctl(option: int, arg2: int = 0, arg3: int = 0) -> int:
    """prctl(2) with number arguments."""
    args = [ctypes.c_ulong(value) for value in (arg2, arg3, 0, 0)]
    return _check(_libc.prctl(ctypes.c_int(option), *args), "prctl")


def socketpair() -> tuple[int, int]:
    """A pair of Unix sockets that keep message bounds (AF_UNIX, SOCK_SEQPACKET), closed on exec."""
    pair = (ctypes.c_int * 2)()
    _check(_libc.socketpair(1, 5 | 0o2000000, 0, pair), "socketpair")
    return pair[0], pair[1]


def stream_pair() -> tuple[int, int]:
    """The same without bounds (SOCK_STREAM)."""
    pair = (ctypes.c_int * 2)()
    _check(_libc.socketpair(1, 1 | 0o2000000, 0, pair), "socketpair")
    return pair[0], pair[1]


def set_name(name: bytes) -> None:
    """PR_SET_NAME: what ps shows."""
    buffer = ctypes.create_string_buffer(name[:15])
    prctl(PR_SET_NAME, ctypes.addressof(buffer))


def mount(source: bytes, target: bytes, kind: bytes, flags: int, data: bytes = b"") -> None:
    """mount(2)."""
    _check(_libc.mount(source, target, kind, ctypes.c_ulong(flags), data or None), "mount")


def umount(target: bytes, flags: int) -> None:
    """umount2(2)."""
    _check(_libc.umount2(target, ctypes.c_int(flags)), "umount2")


def capset(permitted: int) -> None:
    """Set the permitted and effective sets to `permitted`, the inheritable one to nothing."""
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    low, high = permitted & 0xFFFFFFFF, permitted >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_libc.capset(header, data), "capset")


def capget() -> int:
    """The permitted set."""
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, data), "capget")
    return data[1] | data[4] << 32
