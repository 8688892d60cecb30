"""Entering a seccomp mode, adding a filter, taking the other threads along (kernel/seccomp.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.seccomp import (
    SECCOMP_FILTER_FLAG_LOG,
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_MODE_DISABLED,
    SECCOMP_MODE_FILTER,
    SECCOMP_MODE_STRICT,
    SOCK_FILTER,
    SOCK_FPROG,
)
from sandbox.errors import SyscallError
from sandbox.seccomp.check import check
from sandbox.seccomp.filter import SeccompFilter, check_length
from sandbox.seccomp.gate import gated
from sandbox.seccomp.listener import Listener
from tcpip.bpf.opcodes import BPF_MAXINSNS, Insn

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

FLAGS: Final = (
    SECCOMP_FILTER_FLAG_TSYNC
    | SECCOMP_FILTER_FLAG_LOG
    | SECCOMP_FILTER_FLAG_SPEC_ALLOW
    | SECCOMP_FILTER_FLAG_TSYNC_ESRCH
    | SECCOMP_FILTER_FLAG_NEW_LISTENER
    | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
)


def set_strict(t: Task) -> int:
    """SECCOMP_SET_MODE_STRICT: EINVAL for a task with filters."""
    if t.seccomp_mode == SECCOMP_MODE_FILTER:
        return -errno.EINVAL
    _enter(t, SECCOMP_MODE_STRICT)
    return 0


def set_filter(t: Task, flags: int, address: int) -> int:
    """SECCOMP_SET_MODE_FILTER: 0, or with TSYNC the id of a thread that cannot be taken along."""
    if flags & ~FLAGS:
        return -errno.EINVAL
    listens = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER != 0
    if listens and flags & (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH) == SECCOMP_FILTER_FLAG_TSYNC:
        return -errno.EINVAL
    if flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV and not listens:
        return -errno.EINVAL
    program = _read_program(t, address)
    if t.seccomp_mode == SECCOMP_MODE_STRICT:
        return -errno.EINVAL
    check_length(program, t.seccomp)
    if flags & SECCOMP_FILTER_FLAG_TSYNC:
        stray = _cannot_follow(t)
        if stray is not None:
            return -errno.ESRCH if flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH else stray.tid
    if listens and t.seccomp is not None and t.seccomp.has_listener():
        return -errno.EBUSY
    fd = 0
    listener: Listener | None = None
    if listens:
        listener = Listener(int.from_bytes(t.kernel.random(8), "little"))
        listener.killable = flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV != 0
        fd = t.fds.install(listener, cloexec=True)
    try:
        new = SeccompFilter(program, t.seccomp, t.kernel.mounts.vfs.space)
    except SyscallError:
        if listens:
            t.fds.close(fd)
        raise
    new.listener = listener
    new.log = flags & SECCOMP_FILTER_FLAG_LOG != 0
    t.seccomp = new
    _enter(t, SECCOMP_MODE_FILTER)
    if flags & SECCOMP_FILTER_FLAG_TSYNC:
        _synchronize(t, new)
    return fd


def install(t: Task, program: tuple[Insn, ...]) -> None:
    """A filter of the operator's, checked before, for a task that is just being made."""
    t.seccomp = SeccompFilter(program, t.seccomp, t.kernel.mounts.vfs.space)
    _enter(t, SECCOMP_MODE_FILTER)


def _read_program(t: Task, address: int) -> tuple[Insn, ...]:
    """The program, checked: EFAULT, EINVAL, EACCES (seccomp_prepare_filter)."""
    length, where = SOCK_FPROG.unpack(t.copy_in(address, SOCK_FPROG.size))
    if not 0 < length <= BPF_MAXINSNS:
        raise SyscallError(errno.EINVAL)
    if not t.no_new_privs and not t.creds.has_here(CAP_SYS_ADMIN):
        raise SyscallError(errno.EACCES)
    if not where:
        raise SyscallError(errno.EINVAL)
    program: tuple[Insn, ...] = tuple(SOCK_FILTER.iter_unpack(t.copy_in(where, SOCK_FILTER.size * length)))
    check(program)
    return program


def _enter(t: Task, mode: int) -> None:
    if t.seccomp_mode == SECCOMP_MODE_DISABLED:
        if t.ptrace is not None:
            t.ptrace.below = gated(t.kernel)
        else:
            t.use_table(gated(t.kernel))
            t.thread.unlearn()
    t.seccomp_mode = mode


def _cannot_follow(t: Task) -> Task | None:
    """A thread in strict mode, or with a filter that the caller has not (seccomp_can_sync_threads)."""
    own = t.seccomp.chain() if t.seccomp is not None else {}
    for other in t.group.tasks:
        if other is t or other.seccomp_mode == SECCOMP_MODE_DISABLED:
            continue
        if other.seccomp_mode == SECCOMP_MODE_STRICT or (other.seccomp is not None and other.seccomp not in own):
            return other
    return None


def _synchronize(t: Task, new: SeccompFilter) -> None:
    """Every thread gets the caller's filters, and no_new_privs with them (seccomp_sync_threads)."""
    for other in t.group.tasks:
        if other is t:
            continue
        old, other.seccomp = other.seccomp, new.acquire()
        if old is not None:
            old.release()
        other.no_new_privs = other.no_new_privs or t.no_new_privs
        _enter(other, SECCOMP_MODE_FILTER)
