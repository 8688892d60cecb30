"""landlock_create_ruleset, landlock_add_rule, landlock_restrict_self (security/landlock/syscalls.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.syscalls.row import PARTIAL, Arg, Row
from sandbox.syscalls.user_struct import copy_in_struct
from sandbox.vfs.landlock import ACCESS_ALL, ACCESS_FILE, Domain, RulesetFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

ABI: Final = 3
CREATE_RULESET_VERSION: Final = 1
RULE_PATH_BENEATH: Final = 1
_PATH_BENEATH: Final = struct.Struct("<Qi")


def sys_landlock_create_ruleset(t: Task, a: SyscallArgs) -> int:
    """landlock_create_ruleset(2)."""
    at, size, flags = a.addr(0), a.size(1), a.uint(2)
    if flags:
        return ABI if flags == CREATE_RULESET_VERSION and not at and not size else -errno.EINVAL
    if not at:
        return -errno.EFAULT
    if size < 8:
        return -errno.EINVAL
    handled = int.from_bytes(copy_in_struct(t, at, size, 8), "little")
    if handled & ~ACCESS_ALL:
        return -errno.EINVAL
    if not handled:
        return -errno.ENOMSG
    return t.fds.install(RulesetFile(handled, t.kernel.mounts.vfs.space), cloexec=True)


def _ruleset(t: Task, fd: int) -> RulesetFile:
    """EBADF, EBADFD."""
    file = t.fds.get_io(fd)
    if not isinstance(file, RulesetFile):
        raise SyscallError(errno.EBADFD)
    return file


def sys_landlock_add_rule(t: Task, a: SyscallArgs) -> int:
    """landlock_add_rule(2)."""
    if a.uint(3):
        return -errno.EINVAL
    ruleset = _ruleset(t, a.int(0))
    if a.uint(1) != RULE_PATH_BENEATH:
        return -errno.EINVAL
    rights, fd = _PATH_BENEATH.unpack(t.copy_in(a.addr(2), _PATH_BENEATH.size))
    if not rights:
        return -errno.ENOMSG
    if rights & ~ruleset.handled:
        return -errno.EINVAL
    path = t.fds.get(fd).path
    if path is None or path.mount.id == 0:
        return -errno.EBADFD
    if not path.inode.is_dir() and rights & ~ACCESS_FILE:
        return -errno.EINVAL
    ruleset.add(path.inode, rights)
    return 0


def sys_landlock_restrict_self(t: Task, a: SyscallArgs) -> int:
    """landlock_restrict_self(2)."""
    if not t.no_new_privs and not t.creds.has_here(CAP_SYS_ADMIN):
        return -errno.EPERM
    if a.uint(1):
        return -errno.EINVAL
    old = t.creds.landlock
    domain = Domain(old, _ruleset(t, a.int(0)))
    domain.acquire()
    creds = t.creds.copy()
    creds.landlock = domain
    t.creds = creds
    if old is not None:
        old.release()
    return 0


_NOTE: Final = "ABI 3: files (no networks, ioctls of devices or scopes)"

ROWS: Final[tuple[Row, ...]] = (
    Row(444, "landlock_create_ruleset", sys_landlock_create_ruleset, PARTIAL, (Arg.ADDR, Arg.SIZE, Arg.HEX), _NOTE),
    Row(445, "landlock_add_rule", sys_landlock_add_rule, PARTIAL, (Arg.FD, Arg.INT, Arg.ADDR, Arg.HEX), _NOTE),
    Row(446, "landlock_restrict_self", sys_landlock_restrict_self, PARTIAL, (Arg.FD, Arg.HEX), _NOTE),
)
