"""The few host calls that Python does not offer, through ctypes."""

from __future__ import annotations

import ctypes
import os
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
SYS_OPEN_TREE: Final = 428  # on every architecture
OPEN_TREE_CLONE: Final = 1
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


def open_tree(fd: int, recursive: bool) -> int:
    """open_tree(2): a copy of the mount that `fd` is on, from there on, with those below when `recursive`."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC | AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    words = ctypes.c_long(SYS_OPEN_TREE), ctypes.c_int(fd), ctypes.c_char_p(b""), ctypes.c_uint(flags)
    return _check(_libc.syscall(*words), "open_tree")


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
