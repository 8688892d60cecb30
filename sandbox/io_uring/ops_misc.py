"""EPOLL_CTL, FILES_UPDATE, MSG_RING (io_uring/epoll.c, filetable.c, msg_ring.c)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.io_uring.request import Request
from sandbox.io_uring.resources import add_files, change_files, replace
from sandbox.io_uring.ring import RingFile
from sandbox.kernel.control import Result
from sandbox.sockets.inet.socket import InetSocket
from sandbox.syscalls.linux.sys_epoll import sys_epoll_ctl

_MASK: Final = (1 << 64) - 1


def prepare_epoll(r: Request) -> None:
    """EPOLL_CTL."""
    if r.buf_index or r.file_index:
        raise SyscallError(errno.EINVAL)


def epoll_ctl(r: Request) -> Result:
    """EPOLL_CTL."""
    r.args.raw = (r.fd & _MASK, r.length, r.off, r.addr, 0, 0)
    return sys_epoll_ctl(r.t, r.args)


def prepare_files(r: Request) -> None:
    """FILES_UPDATE."""
    if r.flags & (abi.SQE_FIXED_FILE | abi.SQE_BUFFER_SELECT) or r.op_flags or r.file_index or not r.length:
        raise SyscallError(errno.EINVAL)


def files_update(r: Request) -> Result:
    """FILES_UPDATE, to places that are named or to any that are free."""
    offset = r.off & 0xFFFF_FFFF
    return add_files(r) if offset == abi.FILE_INDEX_ALLOC else change_files(r.t, r.ring, r.addr, offset, r.length)


def prepare_message(r: Request) -> None:
    """MSG_RING."""
    if r.buf_index or r.personality or r.op_flags & ~(abi.MSG_RING_CQE_SKIP | abi.MSG_RING_FLAGS_PASS):
        raise SyscallError(errno.EINVAL)


def msg_ring(r: Request) -> Result:
    """MSG_RING: a completion in another ring, maybe with a registered file."""
    target = r.file
    if not isinstance(target, RingFile):
        return -errno.EBADFD
    if r.addr == abi.MSG_DATA:
        return _data(r, target)
    return _file(r, target) if r.addr == abi.MSG_SEND_FD else -errno.EINVAL


def _data(r: Request, target: RingFile) -> int:
    passes = r.op_flags & abi.MSG_RING_FLAGS_PASS
    if r.addr3 or r.op_flags & ~abi.MSG_RING_FLAGS_PASS or (r.file_index and not passes):
        return -errno.EINVAL
    if target.disabled:
        return -errno.EBADFD
    return _tell(r, target, r.length, r.file_index if passes else 0)


def _tell(r: Request, target: RingFile, result: int, flags: int) -> int:
    result = result - (1 << 32) if result >> 31 else result
    target.post(r.off, result, flags)
    if target is not r.ring:
        target.commit()
    return -errno.EOVERFLOW if target.dropped else 0


def _file(r: Request, target: RingFile) -> int:
    if r.length or target is r.ring:
        return -errno.EINVAL
    if target.disabled:
        return -errno.EBADFD
    mine, theirs = r.ring.files, target.files
    file = mine[r.addr3] if mine is not None and r.addr3 < len(mine) else None
    if file is None:
        return -errno.EBADF
    if theirs is None:
        return -errno.ENXIO
    if not 0 < r.file_index <= len(theirs):
        return -errno.EINVAL
    replace(theirs, r.file_index - 1, file)
    return 0 if r.op_flags & abi.MSG_RING_CQE_SKIP else _tell(r, target, 0, 0)


def prepare_command(r: Request) -> None:
    """URING_CMD (io_uring_cmd_prep)."""
    if r.off >> 32 or r.op_flags & ~abi.URING_CMD_FIXED:
        raise SyscallError(errno.EINVAL)
    if r.op_flags and (r.ring.buffers is None or r.buf_index >= len(r.ring.buffers)):
        raise SyscallError(errno.EFAULT)


def command(r: Request) -> Result:
    """URING_CMD: how much can be read from a socket of the Internet, or is still to be sent; EOPNOTSUPP for other files and
    commands (io_uring_cmd_sock)."""
    file = r.file
    if not isinstance(file, InetSocket) or r.off not in (abi.SOCKET_URING_OP_SIOCINQ, abi.SOCKET_URING_OP_SIOCOUTQ):
        return -errno.EOPNOTSUPP
    if file.listening:
        return -errno.EINVAL
    return file.endpoint.readable_bytes() if r.off == abi.SOCKET_URING_OP_SIOCINQ else file.endpoint.unsent_bytes()
