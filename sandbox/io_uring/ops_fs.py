"""Files by name and by descriptor (io_uring/openclose.c, fs.c, statx.c, sync.c, advise.c, splice.c)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.fcntl import O_CLOEXEC
from sandbox.errors import SyscallError
from sandbox.io_uring.request import Request, in_background
from sandbox.io_uring.resources import close_place, place
from sandbox.io_uring.run import find_file
from sandbox.kernel.control import Block, Result
from sandbox.syscalls.linux.sys_dir import sys_mkdirat
from sandbox.syscalls.linux.sys_link import sys_linkat, sys_renameat2, sys_symlinkat, sys_unlinkat
from sandbox.syscalls.linux.sys_open import VALID, check_how, read_how
from sandbox.syscalls.linux.sys_splice import SPLICE_F_ALL, splice, tee
from sandbox.syscalls.linux.sys_stat import sys_statx
from sandbox.syscalls.linux.sys_sync import sync_range, sys_fadvise64
from sandbox.syscalls.linux.sys_truncate import sys_fallocate
from sandbox.vfs.open import open_path, whole_flags

_AT_REMOVEDIR: Final = 0x200
_FD_IN_FIXED: Final = 1 << 31
_WHOLE: Final = (1 << 64) - 1
_MASK: Final = (1 << 64) - 1


def _check(r: Request, bad: int) -> None:
    """Words that must be zero; a ring's own file where a descriptor is meant."""
    if bad or r.buf_index or r.file_index:
        raise SyscallError(errno.EINVAL)
    if r.flags & abi.SQE_FIXED_FILE:
        raise SyscallError(errno.EBADF)


def _names(r: Request, *addresses: int) -> None:
    """Fetch paths now: the program may change them before the request starts."""
    r.args.paths = {address: r.t.copy_in_path(address) for address in addresses}


# --- OPENAT, OPENAT2, CLOSE ---


class _Opening:
    """What is opened, and how."""

    __slots__ = ("path", "flags", "mode", "resolve")

    def __init__(self, path: bytes, flags: int, mode: int, resolve: int) -> None:
        self.path = path
        self.flags = flags
        self.mode = mode
        self.resolve = resolve


def prepare_open(r: Request) -> None:
    """OPENAT, OPENAT2."""
    if r.buf_index:
        raise SyscallError(errno.EINVAL)
    if r.opcode == abi.OP_OPENAT:
        flags, mode, resolve = r.op_flags & VALID, r.length, 0
    else:
        flags, mode, resolve = read_how(r.t, r.off, r.length)
    if r.flags & abi.SQE_FIXED_FILE:
        raise SyscallError(errno.EBADF)
    path = r.t.copy_in_path(r.addr)
    if not path:
        raise SyscallError(errno.ENOENT)
    if r.file_index and flags & O_CLOEXEC:
        raise SyscallError(errno.EINVAL)
    r.state = _Opening(path, flags, mode, resolve)


def openat(r: Request) -> Result:
    """OPENAT, OPENAT2."""
    how, t = r.state, r.t
    assert isinstance(how, _Opening)
    if r.opcode == abi.OP_OPENAT2:
        wrong = check_how(how.flags, how.mode, how.resolve)
        if wrong:
            return wrong
    flags = whole_flags(how.flags)
    if not r.file_index:
        t.fds.lowest_free()
    file = open_path(t, r.fd, how.path, flags, how.mode, how.resolve)
    if isinstance(file, Block):
        return file
    return place(r, file, r.file_index, flags & O_CLOEXEC != 0)


def prepare_close(r: Request) -> None:
    """CLOSE."""
    if r.off or r.addr or r.length or r.op_flags or r.buf_index:
        raise SyscallError(errno.EINVAL)
    if r.flags & abi.SQE_FIXED_FILE:
        raise SyscallError(errno.EBADF)
    if r.file_index and r.fd:
        raise SyscallError(errno.EINVAL)


def close(r: Request) -> Result:
    """CLOSE: a descriptor that is not a ring's, or a registered file."""
    if r.file_index:
        return close_place(r.ring, r.file_index - 1)
    fds = r.t.fds
    if fds.get(r.fd).is_ring:
        return -errno.EBADF
    fds.close(r.fd, r.t)
    return 0


# --- by name ---


def prepare_statx(r: Request) -> None:
    """STATX."""
    _check(r, 0)
    _names(r, r.addr)


def statx(r: Request) -> Result:
    """STATX."""
    r.args.raw = (r.fd & _MASK, r.addr, r.op_flags, r.length, r.off, 0)
    return sys_statx(r.t, r.args)


def prepare_rename(r: Request) -> None:
    """RENAMEAT, LINKAT."""
    _check(r, 0)
    _names(r, r.addr, r.off)


def renameat(r: Request) -> Result:
    """RENAMEAT."""
    r.args.raw = (r.fd & _MASK, r.addr, r.length, r.off, r.op_flags, 0)
    return sys_renameat2(r.t, r.args)


def linkat(r: Request) -> Result:
    """LINKAT."""
    r.args.raw = (r.fd & _MASK, r.addr, r.length, r.off, r.op_flags, 0)
    return sys_linkat(r.t, r.args)


def prepare_unlink(r: Request) -> None:
    """UNLINKAT."""
    _check(r, r.off | r.length)
    if r.op_flags & ~_AT_REMOVEDIR:
        raise SyscallError(errno.EINVAL)
    _names(r, r.addr)


def unlinkat(r: Request) -> Result:
    """UNLINKAT."""
    r.args.raw = (r.fd & _MASK, r.addr, r.op_flags, 0, 0, 0)
    return sys_unlinkat(r.t, r.args)


def prepare_mkdir(r: Request) -> None:
    """MKDIRAT."""
    _check(r, r.off | r.op_flags)
    _names(r, r.addr)


def mkdirat(r: Request) -> Result:
    """MKDIRAT."""
    r.args.raw = (r.fd & _MASK, r.addr, r.length, 0, 0, 0)
    return sys_mkdirat(r.t, r.args)


def prepare_symlink(r: Request) -> None:
    """SYMLINKAT."""
    _check(r, r.length | r.op_flags)
    _names(r, r.addr, r.off)


def symlinkat(r: Request) -> Result:
    """SYMLINKAT."""
    r.args.raw = (r.addr, r.fd & _MASK, r.off, 0, 0, 0)
    return sys_symlinkat(r.t, r.args)


# --- by descriptor ---


def prepare_plain(r: Request) -> None:
    """FALLOCATE, FADVISE, SYNC_FILE_RANGE, with what each leaves zero."""
    unused = {abi.OP_FALLOCATE: r.op_flags, abi.OP_FADVISE: r.addr, abi.OP_SYNC_FILE_RANGE: r.addr}[r.opcode]
    if unused or r.buf_index or r.file_index:
        raise SyscallError(errno.EINVAL)


def fallocate(r: Request) -> Result:
    """FALLOCATE."""
    r.args.raw = (0, r.length, r.off, r.addr, 0, 0)
    return sys_fallocate(r.t, r.args)


def fadvise(r: Request) -> Result:
    """FADVISE."""
    r.args.raw = (0, r.off, r.length, r.op_flags, 0, 0)
    return sys_fadvise64(r.t, r.args)


def sync_file_range(r: Request) -> Result:
    """SYNC_FILE_RANGE."""
    r.args.raw = (0, r.off, r.length, r.op_flags, 0, 0)
    return in_background(sync_range(r.t, r.args, r.end_later))


def prepare_splice(r: Request) -> None:
    """SPLICE, TEE."""
    if r.op_flags & ~(SPLICE_F_ALL | _FD_IN_FIXED):
        raise SyscallError(errno.EINVAL)
    if r.opcode == abi.OP_TEE and (r.addr or r.off):
        raise SyscallError(errno.EINVAL)


def _source(r: Request) -> int:
    return r.file_index - (1 << 32) if r.file_index >> 31 and not r.op_flags & _FD_IN_FIXED else r.file_index


def splice_or_tee(r: Request) -> Result:
    """SPLICE, TEE: from `splice_fd_in`."""
    t, out, flags = r.t, r.file, r.op_flags & SPLICE_F_ALL
    assert out is not None
    source = r.source
    if source is None:
        source = r.source = find_file(r, _source(r), r.op_flags & _FD_IN_FIXED != 0)
        source.acquire()
    result: Result = 0
    if r.length:
        if r.opcode == abi.OP_TEE:
            result = tee(t, source, out, r.length, flags)
        else:
            result = splice(t, source, out, r.length, flags, _offset(r.addr), _offset(r.off))
    if isinstance(result, int) and result != r.length:
        r.fail()
    return result


def _offset(word: int) -> int:
    if word == _WHOLE:
        return -1
    if word >> 63:
        raise SyscallError(errno.EINVAL)
    return word
