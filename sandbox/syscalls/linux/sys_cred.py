"""User and group ids, supplementary groups, capabilities (credentials(7), capabilities(7))."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.capability import (
    ALL_CAPS,
    CAP_SETGID,
    CAP_SETPCAP,
    CAPABILITY_VERSION_1,
    CAPABILITY_VERSION_2,
    CAPABILITY_VERSION_3,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.task import Task
from sandbox.kernel.user_namespace import NO_ID, IdMap
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.known import known
from sandbox.syscalls.row import FULL, Arg, Row, writes

NGROUPS_MAX: Final = 65536
_HEADER: Final = struct.Struct("<Ii")


def sys_getuid(t: Task, a: SyscallArgs) -> Result:
    """getuid(2)."""
    return known(t, t.creds.user.uids.shown(t.creds.uid))


def sys_geteuid(t: Task, a: SyscallArgs) -> Result:
    """geteuid(2)."""
    return known(t, t.creds.user.uids.shown(t.creds.euid))


def sys_getgid(t: Task, a: SyscallArgs) -> Result:
    """getgid(2)."""
    return known(t, t.creds.user.gids.shown(t.creds.gid))


def sys_getegid(t: Task, a: SyscallArgs) -> Result:
    """getegid(2)."""
    return known(t, t.creds.user.gids.shown(t.creds.egid))


def sys_getresuid(t: Task, a: SyscallArgs) -> Result:
    """getresuid(2)."""
    for n, value in enumerate((t.creds.uid, t.creds.euid, t.creds.suid)):
        t.copy_out(a.addr(n), t.creds.user.uids.shown(value).to_bytes(4, "little"))
    return 0


def sys_getresgid(t: Task, a: SyscallArgs) -> Result:
    """getresgid(2)."""
    for n, value in enumerate((t.creds.gid, t.creds.egid, t.creds.sgid)):
        t.copy_out(a.addr(n), t.creds.user.gids.shown(value).to_bytes(4, "little"))
    return 0


def _commit(t: Task, new: Credentials) -> int:
    """Replace the credentials (kernel/cred.c: commit_creds: a change of ids makes the process undumpable)."""
    old = t.creds
    if (old.euid, old.egid, old.fsuid, old.fsgid) != (new.euid, new.egid, new.fsuid, new.fsgid) or (
        new.permitted & ~old.permitted
    ):
        if t.mm is not None:
            t.mm.dumpable = t.kernel.settings.suid_dumpable
        t.pdeath_signal = 0
    t.creds = new
    t.thread.unlearn()
    return 0


def _id(ids: IdMap, value: int) -> int:
    """The kernel's; EINVAL for -1 and for what has no name here."""
    value = ids.to_kernel(value)
    if value == NO_ID:
        raise SyscallError(errno.EINVAL)
    return value


def _uid(t: Task, value: int) -> int:
    """The same; -1 stays."""
    return value if value == NO_ID else _id(t.creds.user.uids, value)


def _gid(t: Task, value: int) -> int:
    """The same of a group."""
    return value if value == NO_ID else _id(t.creds.user.gids, value)


def sys_setuid(t: Task, a: SyscallArgs) -> Result:
    """setuid(2)."""
    return _commit(t, t.creds.with_uid(_id(t.creds.user.uids, a.uint(0))))


def sys_setgid(t: Task, a: SyscallArgs) -> Result:
    """setgid(2)."""
    return _commit(t, t.creds.with_gid(_id(t.creds.user.gids, a.uint(0))))


def sys_setreuid(t: Task, a: SyscallArgs) -> Result:
    """setreuid(2)."""
    return _commit(t, t.creds.with_reuid(_uid(t, a.uint(0)), _uid(t, a.uint(1))))


def sys_setregid(t: Task, a: SyscallArgs) -> Result:
    """setregid(2)."""
    return _commit(t, t.creds.with_regid(_gid(t, a.uint(0)), _gid(t, a.uint(1))))


def sys_setresuid(t: Task, a: SyscallArgs) -> Result:
    """setresuid(2)."""
    return _commit(t, t.creds.with_resuid(_uid(t, a.uint(0)), _uid(t, a.uint(1)), _uid(t, a.uint(2))))


def sys_setresgid(t: Task, a: SyscallArgs) -> Result:
    """setresgid(2)."""
    return _commit(t, t.creds.with_resgid(_gid(t, a.uint(0)), _gid(t, a.uint(1)), _gid(t, a.uint(2))))


def sys_setfsuid(t: Task, a: SyscallArgs) -> Result:
    """setfsuid(2): the previous id, whether it was changed or not."""
    uids, old = t.creds.user.uids, t.creds.fsuid
    _commit(t, t.creds.with_fsuid(uids.to_kernel(a.uint(0))))
    return uids.shown(old)


def sys_setfsgid(t: Task, a: SyscallArgs) -> Result:
    """setfsgid(2)."""
    gids, old = t.creds.user.gids, t.creds.fsgid
    _commit(t, t.creds.with_fsgid(gids.to_kernel(a.uint(0))))
    return gids.shown(old)


def sys_getgroups(t: Task, a: SyscallArgs) -> Result:
    """getgroups(2)."""
    size, groups = a.int(0), t.creds.groups
    if size < 0 or (size and size < len(groups)):
        return -errno.EINVAL
    if size:
        t.copy_out(a.addr(1), struct.pack(f"<{len(groups)}I", *map(t.creds.user.gids.shown, groups)))
    return len(groups)


def sys_setgroups(t: Task, a: SyscallArgs) -> Result:
    """setgroups(2)."""
    size = a.int(0)
    user = t.creds.user
    if not t.creds.has_here(CAP_SETGID) or not user.may_setgroups or not (user.gids.identity or user.gids.extents):
        return -errno.EPERM
    if not 0 <= size <= NGROUPS_MAX:
        return -errno.EINVAL
    groups = tuple(map(user.gids.to_kernel, struct.unpack(f"<{size}I", t.copy_in(a.addr(1), 4 * size))))
    if NO_ID in groups:
        return -errno.EINVAL
    new = t.creds.copy()
    new.groups = tuple(sorted(groups))
    return _commit(t, new)


def _cap_words(t: Task, header: int) -> tuple[int, int]:
    """(how many 32-bit words per set, pid) of a capability header; a version that we don't know is told ours."""
    version, pid = _HEADER.unpack(t.copy_in(header, _HEADER.size))
    if version == CAPABILITY_VERSION_1:
        return 1, pid
    if version in (CAPABILITY_VERSION_2, CAPABILITY_VERSION_3):
        return 2, pid
    t.copy_out(header, CAPABILITY_VERSION_3.to_bytes(4, "little"))
    return 0, pid


def sys_capget(t: Task, a: SyscallArgs) -> Result:
    """capget(2)."""
    words, pid = _cap_words(t, a.addr(0))
    if words == 0:
        return 0 if a.addr(1) == 0 else -errno.EINVAL
    if pid < 0:
        return -errno.EINVAL
    other = t if pid == 0 else t.pids.tasks.get(pid)
    if other is None:
        return -errno.ESRCH
    if a.addr(1) == 0:
        return 0
    creds = other.creds
    out = b""
    for word in range(words):
        for value in (creds.effective, creds.permitted, creds.inheritable):
            out += (value >> 32 * word & 0xFFFFFFFF).to_bytes(4, "little")
    t.copy_out(a.addr(1), out)
    return 0


def sys_capset(t: Task, a: SyscallArgs) -> Result:
    """capset(2) (security/commoncap.c: cap_capset)."""
    words, pid = _cap_words(t, a.addr(0))
    if words == 0:
        return -errno.EINVAL
    if pid not in (0, t.tid):
        return -errno.EPERM
    values = struct.unpack(f"<{3 * words}I", t.copy_in(a.addr(1), 12 * words))
    effective = permitted = inheritable = 0
    for word in range(words):
        effective |= values[3 * word] << 32 * word
        permitted |= values[3 * word + 1] << 32 * word
        inheritable |= values[3 * word + 2] << 32 * word
    effective, permitted, inheritable = effective & ALL_CAPS, permitted & ALL_CAPS, inheritable & ALL_CAPS
    old = t.creds
    if not old.has_here(CAP_SETPCAP) and inheritable & ~(old.inheritable | old.permitted):
        return -errno.EPERM
    if inheritable & ~(old.inheritable | old.bounding) or permitted & ~old.permitted or effective & ~permitted:
        return -errno.EPERM
    new = old.copy()
    new.effective, new.permitted, new.inheritable = effective, permitted, inheritable
    new.ambient &= permitted & inheritable
    return _commit(t, new)


_IDS: Final = (Arg.INT, Arg.INT, Arg.INT)
_OUTS: Final = (Arg.STRUCT_OUT, Arg.STRUCT_OUT, Arg.STRUCT_OUT)

ROWS: Final[tuple[Row, ...]] = (
    Row(102, "getuid", sys_getuid, FULL, ()),
    Row(104, "getgid", sys_getgid, FULL, ()),
    Row(105, "setuid", sys_setuid, FULL, _IDS[:1]),
    Row(106, "setgid", sys_setgid, FULL, _IDS[:1]),
    Row(107, "geteuid", sys_geteuid, FULL, ()),
    Row(108, "getegid", sys_getegid, FULL, ()),
    Row(113, "setreuid", sys_setreuid, FULL, _IDS[:2]),
    Row(114, "setregid", sys_setregid, FULL, _IDS[:2]),
    Row(115, "getgroups", sys_getgroups, FULL, (Arg.INT, Arg.STRUCT_OUT)),
    Row(116, "setgroups", sys_setgroups, FULL, (Arg.INT, Arg.STRUCT_IN)),
    Row(117, "setresuid", sys_setresuid, FULL, _IDS),
    Row(118, "getresuid", sys_getresuid, FULL, _OUTS, copies=(writes(0, 4), writes(1, 4), writes(2, 4))),
    Row(119, "setresgid", sys_setresgid, FULL, _IDS),
    Row(120, "getresgid", sys_getresgid, FULL, _OUTS, copies=(writes(0, 4), writes(1, 4), writes(2, 4))),
    Row(122, "setfsuid", sys_setfsuid, FULL, _IDS[:1]),
    Row(123, "setfsgid", sys_setfsgid, FULL, _IDS[:1]),
    Row(125, "capget", sys_capget, FULL, (Arg.STRUCT_IN, Arg.STRUCT_OUT)),
    Row(126, "capset", sys_capset, FULL, (Arg.STRUCT_IN, Arg.STRUCT_IN)),
)
