"""Options of prctl(2) that are flags of a thread or of its memory: what it asks of the kernel's memory management."""

from __future__ import annotations

import errno
from typing import Callable, Final

from sandbox.abi.linux.capability import CAP_SYS_RESOURCE
from sandbox.abi.linux.prctl import (
    PR_GET_AUXV,
    PR_GET_IO_FLUSHER,
    PR_GET_MDWE,
    PR_GET_THP_DISABLE,
    PR_GET_TID_ADDRESS,
    PR_MCE_KILL,
    PR_MCE_KILL_GET,
    PR_MDWE_NO_INHERIT,
    PR_MDWE_REFUSE_EXEC_GAIN,
    PR_SET_IO_FLUSHER,
    PR_SET_MDWE,
    PR_SET_MM,
    PR_SET_SYSCALL_USER_DISPATCH,
    PR_SET_THP_DISABLE,
)
from sandbox.errors import SyscallError
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.prctl_mm import set_mm

AUXV_SIZE: Final = 416  # of saved_auxv: 26 pairs
MCE_KILL_CLEAR: Final = 0
MCE_KILL_SET: Final = 1
MCE_KILL_DEFAULT: Final = 2


def no_more(a: SyscallArgs, first: int) -> None:
    """Unused arguments have to be 0; EINVAL."""
    if any(a.raw[first:5]):
        raise SyscallError(errno.EINVAL)


def _mce_kill(t: Task, a: SyscallArgs) -> int:
    """PR_MCE_KILL: when a memory error kills. None happens here; the setting is kept."""
    no_more(a, 3)
    what, policy = a.ulong(1), a.ulong(2)
    if what == MCE_KILL_CLEAR:
        if policy:
            return -errno.EINVAL
        policy = MCE_KILL_DEFAULT
    elif what != MCE_KILL_SET or policy > MCE_KILL_DEFAULT:
        return -errno.EINVAL
    t.memory_error_policy = policy
    return 0


def _mce_kill_get(t: Task, a: SyscallArgs) -> int:
    no_more(a, 1)
    return t.memory_error_policy


def _set_thp_disable(t: Task, a: SyscallArgs) -> int:
    no_more(a, 2)
    if t.mm is not None:
        t.mm.thp_disabled = a.ulong(1) != 0
    return 0


def _get_thp_disable(t: Task, a: SyscallArgs) -> int:
    no_more(a, 1)
    return int(t.mm is not None and t.mm.thp_disabled)


def _set_mdwe(t: Task, a: SyscallArgs) -> int:
    """PR_SET_MDWE: no memory that was writable becomes executable; EPERM to take it back."""
    no_more(a, 2)
    wanted, mm = a.ulong(1), t.mm
    if wanted & ~(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT) or mm is None:
        return -errno.EINVAL
    if wanted & PR_MDWE_NO_INHERIT and not wanted & PR_MDWE_REFUSE_EXEC_GAIN:
        return -errno.EINVAL
    if mm.mdwe and mm.mdwe != wanted:
        return -errno.EPERM
    mm.mdwe = wanted
    return 0


def _get_mdwe(t: Task, a: SyscallArgs) -> int:
    no_more(a, 1)
    return t.mm.mdwe if t.mm is not None else 0


def _set_io_flusher(t: Task, a: SyscallArgs) -> int:
    if not t.creds.has(CAP_SYS_RESOURCE):
        return -errno.EPERM
    no_more(a, 2)
    if a.ulong(1) > 1:
        return -errno.EINVAL
    t.io_flusher = a.ulong(1) != 0
    return 0


def _get_io_flusher(t: Task, a: SyscallArgs) -> int:
    if not t.creds.has(CAP_SYS_RESOURCE):
        return -errno.EPERM
    no_more(a, 1)
    return int(t.io_flusher)


def _get_tid_address(t: Task, a: SyscallArgs) -> int:
    t.copy_out(a.addr(1), t.clear_child_tid.to_bytes(8, "little"))
    return 0


def _get_auxv(t: Task, a: SyscallArgs) -> int:
    """PR_GET_AUXV: the auxiliary vector, as long as the kernel keeps it."""
    no_more(a, 3)
    auxv = (t.mm.auxv if t.mm is not None else b"").ljust(AUXV_SIZE, b"\0")
    t.copy_out(a.addr(1), auxv[: min(a.ulong(2), AUXV_SIZE)])
    return AUXV_SIZE


def _set_syscall_user_dispatch(t: Task, a: SyscallArgs) -> int:
    """PR_SET_SYSCALL_USER_DISPATCH: a thread gets SIGSYS for its calls from elsewhere than a range of addresses."""
    from sandbox.seccomp.user_dispatch import set_dispatch

    return set_dispatch(t, a.ulong(1), a.ulong(2), a.ulong(3), a.ulong(4))


OPTIONS: Final[dict[int, Callable[[Task, SyscallArgs], int]]] = {
    PR_MCE_KILL: _mce_kill,
    PR_MCE_KILL_GET: _mce_kill_get,
    PR_SET_MM: set_mm,
    PR_GET_AUXV: _get_auxv,
    PR_GET_TID_ADDRESS: _get_tid_address,
    PR_SET_THP_DISABLE: _set_thp_disable,
    PR_GET_THP_DISABLE: _get_thp_disable,
    PR_SET_IO_FLUSHER: _set_io_flusher,
    PR_GET_IO_FLUSHER: _get_io_flusher,
    PR_SET_SYSCALL_USER_DISPATCH: _set_syscall_user_dispatch,
    PR_SET_MDWE: _set_mdwe,
    PR_GET_MDWE: _get_mdwe,
}
