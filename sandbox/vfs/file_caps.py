"""File capabilities: the attribute security.capability, as it is set, shown and used by execve
(capabilities(7), security/commoncap.c, include/uapi/linux/capability.h: struct vfs_ns_cap_data)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import ALL_CAPS, CAP_SETFCAP
from sandbox.abi.linux.xattr import CAPABILITIES
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, NO_ID

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.user_namespace import UserNamespace
    from sandbox.vfs.inode import Inode

_FIRST: Final = struct.Struct("<III")  # magic, permitted, inheritable
_SECOND: Final = struct.Struct("<IIIII")  # with the upper halves of both
_THIRD: Final = struct.Struct("<IIIIII")  # and the user id of the namespace's root whose they are
_REVISION: Final = 0xFF000000
_EFFECTIVE: Final = 1
_SIZES: Final = {0x01000000: _FIRST.size, 0x02000000: _SECOND.size, 0x03000000: _THIRD.size}


class FileCaps:
    """What a file gives: two sets as bit masks, and whether the program gets them in effect at once."""

    __slots__ = ("permitted", "inheritable", "effective")

    def __init__(self, permitted: int, inheritable: int, effective: bool) -> None:
        self.permitted = permitted & ALL_CAPS
        self.inheritable = inheritable & ALL_CAPS
        self.effective = effective


def _root_of(value: bytes) -> int:
    """The user id in it; EINVAL for what is not of the second or third revision (validheader)."""
    magic = int.from_bytes(value[:4], "little") & _REVISION
    if magic not in (0x02000000, 0x03000000) or len(value) != _SIZES[magic]:
        raise SyscallError(errno.EINVAL)
    return int.from_bytes(value[20:24], "little")


def _owns(kernel_root: int, user: UserNamespace) -> bool:
    """The user is root of this namespace or of one above (rootid_owns_currentns)."""
    ns: UserNamespace | None = user
    while ns is not None:
        if ns.uids.find(kernel_root) == 0:
            return True
        ns = ns.parent
    return False


def stored(t: Task, inode: Inode, value: bytes) -> bytes:
    """What a file keeps of the value that a task sets; EINVAL, EPERM (cap_convert_nscap)."""
    root = _root_of(value)
    if not t.creds.has_over(inode, CAP_SETFCAP):
        raise SyscallError(errno.EPERM)
    if len(value) == _SECOND.size and t.creds.has_in(inode.fs.user, CAP_SETFCAP):
        return value
    kernel_root = t.creds.user.uids.to_kernel(root)
    of_fs = NO_ID if kernel_root == NO_ID else inode.fs.user.uids.find(kernel_root)
    if of_fs == NO_ID:
        raise SyscallError(errno.EINVAL)
    magic = 0x03000000 | value[0] & _EFFECTIVE
    return magic.to_bytes(4, "little") + value[4:20] + of_fs.to_bytes(4, "little")


def shown(t: Task, inode: Inode, value: bytes) -> bytes:
    """What a task is told of the value kept; EOVERFLOW where its root has no number there (cap_inode_getsecurity)."""
    kernel_root = inode.fs.user.uids.to_kernel(_root_of(value))
    mapped = t.creds.user.uids.find(kernel_root)
    if mapped != NO_ID and mapped != 0:
        magic = 0x03000000 | value[0] & _EFFECTIVE
        return magic.to_bytes(4, "little") + value[4:20] + mapped.to_bytes(4, "little")
    if not _owns(kernel_root, t.creds.user):
        raise SyscallError(errno.EOVERFLOW)
    return (0x02000000 | value[0] & _EFFECTIVE).to_bytes(4, "little") + value[4:20]


def of_program(user: UserNamespace, inode: Inode) -> FileCaps | None:
    """What an execve in `user` finds; None: nothing. EINVAL for a value of no known form (get_vfs_caps_from_disk)."""
    try:
        value = inode.get_xattr(CAPABILITIES)
    except SyscallError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return None
        raise
    magic = int.from_bytes(value[:4], "little")
    if len(value) < 4 or _SIZES.get(magic & _REVISION) != len(value):
        raise SyscallError(errno.EINVAL)
    if len(value) == _FIRST.size:
        _, permitted, inheritable = _FIRST.unpack(value)
    else:
        _, permitted, inheritable, more, inheritable_more = _SECOND.unpack_from(value)
        permitted |= more << 32
        inheritable |= inheritable_more << 32
    root = int.from_bytes(value[20:24], "little")
    if (user is not INITIAL or root) and not _owns(inode.fs.user.uids.to_kernel(root), user):
        return None
    return FileCaps(permitted, inheritable, bool(magic & _EFFECTIVE))
