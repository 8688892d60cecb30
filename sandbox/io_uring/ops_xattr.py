"""Extended attributes (io_uring/xattr.c): SETXATTR, FSETXATTR, GETXATTR, FGETXATTR."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.io_uring.request import Request
from sandbox.kernel.control import Result
from sandbox.syscalls.linux.sys_xattr import sys_fgetxattr, sys_fsetxattr, sys_getxattr, sys_setxattr

XATTR_NAME_MAX: Final = 255
_SET_FLAGS: Final = 3  # XATTR_CREATE, XATTR_REPLACE
_GETS: Final = (abi.OP_GETXATTR, abi.OP_FGETXATTR)


def prepare(r: Request) -> None:
    """The path is fetched now; EINVAL, EFAULT, ERANGE come before EBADF."""
    if r.flags & abi.SQE_FIXED_FILE:
        raise SyscallError(errno.EBADF)
    if r.opcode in _GETS and r.op_flags:
        raise SyscallError(errno.EINVAL)
    if r.opcode not in _GETS and r.op_flags & ~_SET_FLAGS:
        raise SyscallError(errno.EINVAL)
    r.t.copy_in_cstr(r.addr, XATTR_NAME_MAX + 1, errno.ERANGE)
    if r.opcode in (abi.OP_SETXATTR, abi.OP_GETXATTR):
        r.args.paths = {r.addr3: r.t.copy_in_path(r.addr3)}


def by_path(r: Request) -> Result:
    """SETXATTR, GETXATTR."""
    r.args.raw = (r.addr3, r.addr, r.off, r.length, r.op_flags, 0)
    return sys_getxattr(r.t, r.args) if r.opcode == abi.OP_GETXATTR else sys_setxattr(r.t, r.args)


def by_file(r: Request) -> Result:
    """FSETXATTR, FGETXATTR."""
    r.args.raw = (r.fd & (1 << 64) - 1, r.addr, r.off, r.length, r.op_flags, 0)
    return sys_fgetxattr(r.t, r.args) if r.opcode == abi.OP_FGETXATTR else sys_fsetxattr(r.t, r.args)
