"""prctl(2), arch_prctl(2), personality(2)."""

from __future__ import annotations

import errno
from typing import Callable, Final

from sandbox.abi.linux.capability import (
    CAP_LAST_CAP,
    CAP_SETPCAP,
    SECBIT_KEEP_CAPS,
    SECBIT_NO_CAP_AMBIENT_RAISE,
    SECBITS_ALL,
    SECBITS_LOCKS,
)
from sandbox.abi.linux.prctl import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAP_AMBIENT_IS_SET,
    PR_CAP_AMBIENT_LOWER,
    PR_CAP_AMBIENT_RAISE,
    PR_CAPBSET_DROP,
    PR_CAPBSET_READ,
    PR_GET_CHILD_SUBREAPER,
    PR_GET_DUMPABLE,
    PR_GET_KEEPCAPS,
    PR_GET_NAME,
    PR_GET_NO_NEW_PRIVS,
    PR_GET_PDEATHSIG,
    PR_GET_SECCOMP,
    PR_GET_SECUREBITS,
    PR_GET_TIMERSLACK,
    PR_GET_TIMING,
    PR_GET_TSC,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    PR_SET_SECCOMP,
    PR_SET_SECUREBITS,
    PR_SET_TIMERSLACK,
    PR_SET_TIMING,
    PR_SET_TSC,
    PR_TSC_ENABLE,
    PR_TSC_SIGSEGV,
)
from sandbox.abi.linux.signal import NSIG
from sandbox.errors import SyscallError
from sandbox.kernel.control import Execute, Result
from sandbox.kernel.task import Task
from sandbox.platform.base import name_order, tsc_order
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.prctl_flags import OPTIONS, no_more
from sandbox.syscalls.row import PARTIAL, Arg, Row

COMM_LEN: Final = 16
ULONG_MAX: Final = (1 << 64) - 1


def _store_int(t: Task, addr: int, value: int) -> int:
    t.copy_out(addr, (value & 0xFFFFFFFF).to_bytes(4, "little"))
    return 0


def _set_pdeathsig(t: Task, a: SyscallArgs) -> int:
    if a.ulong(1) > NSIG:
        return -errno.EINVAL
    t.pdeath_signal = a.ulong(1)
    return 0


def _get_pdeathsig(t: Task, a: SyscallArgs) -> int:
    return _store_int(t, a.addr(1), t.pdeath_signal)


def _get_dumpable(t: Task, a: SyscallArgs) -> int:
    return t.mm.dumpable if t.mm is not None else 0


def _set_dumpable(t: Task, a: SyscallArgs) -> int:
    if a.ulong(1) not in (0, 1) or t.mm is None:
        return -errno.EINVAL
    t.mm.dumpable = a.ulong(1)
    return 0


def _get_keepcaps(t: Task, a: SyscallArgs) -> int:
    return int(t.creds.securebits & SECBIT_KEEP_CAPS != 0)


def _set_keepcaps(t: Task, a: SyscallArgs) -> int:
    if a.ulong(1) > 1:
        return -errno.EINVAL
    if t.creds.securebits & SECBIT_KEEP_CAPS << 1:
        return -errno.EPERM
    new = t.creds.copy()
    new.securebits = new.securebits & ~SECBIT_KEEP_CAPS | (SECBIT_KEEP_CAPS if a.ulong(1) else 0)
    t.creds = new
    return 0


def _set_name(t: Task, a: SyscallArgs) -> Result:
    t.comm = copy_in_prefix(t, a.addr(1), COMM_LEN - 1)
    return Execute((name_order(t.comm),), lambda task, index, result: 0)


def copy_in_prefix(t: Task, addr: int, limit: int) -> bytes:
    """Up to `limit` bytes of a string (strncpy_from_user); EFAULT."""
    try:
        return t.copy_in_cstr(addr, limit, errno.ERANGE)
    except SyscallError as error:
        if error.errno != errno.ERANGE:
            raise
    return t.copy_in(addr, limit)


def _get_name(t: Task, a: SyscallArgs) -> int:
    t.copy_out(a.addr(1), t.comm.ljust(COMM_LEN, b"\0"))
    return 0


def _get_timing(t: Task, a: SyscallArgs) -> int:
    return 0


def _set_timing(t: Task, a: SyscallArgs) -> int:
    return -errno.EINVAL if a.ulong(1) else 0


def _capbset_read(t: Task, a: SyscallArgs) -> int:
    if a.ulong(1) > CAP_LAST_CAP:
        return -errno.EINVAL
    return t.creds.bounding >> a.ulong(1) & 1


def _capbset_drop(t: Task, a: SyscallArgs) -> int:
    if not t.creds.has_here(CAP_SETPCAP):
        return -errno.EPERM
    if a.ulong(1) > CAP_LAST_CAP:
        return -errno.EINVAL
    new = t.creds.copy()
    new.bounding &= ~(1 << a.ulong(1))
    t.creds = new
    return 0


def _get_tsc(t: Task, a: SyscallArgs) -> int:
    return _store_int(t, a.addr(1), PR_TSC_SIGSEGV if t.tsc_forbidden else PR_TSC_ENABLE)


def _set_tsc(t: Task, a: SyscallArgs) -> Result:
    """PR_SET_TSC: the host has the instruction fail."""
    mode = a.uint(1)
    if mode not in (PR_TSC_ENABLE, PR_TSC_SIGSEGV):
        return -errno.EINVAL
    forbidden = mode == PR_TSC_SIGSEGV
    if forbidden is t.tsc_forbidden:
        return 0
    return Execute((tsc_order(forbidden),), _tsc_set)


def _tsc_set(t: Task, index: int, result: int) -> Result:
    if result == 0:
        t.tsc_forbidden = not t.tsc_forbidden
    return result


def _get_securebits(t: Task, a: SyscallArgs) -> int:
    return t.creds.securebits


def _set_securebits(t: Task, a: SyscallArgs) -> int:
    old, wanted = t.creds.securebits, a.ulong(1)
    if (
        (old & SECBITS_LOCKS) >> 1 & (old ^ wanted)
        or old & SECBITS_LOCKS & ~wanted
        or wanted & ~SECBITS_ALL
        or not t.creds.has_here(CAP_SETPCAP)
    ):
        return -errno.EPERM
    new = t.creds.copy()
    new.securebits = wanted
    t.creds = new
    return 0


def _set_timerslack(t: Task, a: SyscallArgs) -> int:
    t.timer_slack_ns = a.ulong(1) if a.long(1) > 0 else t.default_timer_slack_ns
    return 0


def _get_timerslack(t: Task, a: SyscallArgs) -> int:
    return t.timer_slack_ns


def _set_subreaper(t: Task, a: SyscallArgs) -> int:
    t.group.child_subreaper = a.ulong(1) != 0
    return 0


def _get_subreaper(t: Task, a: SyscallArgs) -> int:
    return _store_int(t, a.addr(1), int(t.group.child_subreaper))


def _set_no_new_privs(t: Task, a: SyscallArgs) -> int:
    if a.ulong(1) != 1:
        return -errno.EINVAL
    no_more(a, 2)
    t.no_new_privs = True
    return 0


def _get_no_new_privs(t: Task, a: SyscallArgs) -> int:
    no_more(a, 1)
    return int(t.no_new_privs)


def _cap_ambient(t: Task, a: SyscallArgs) -> int:
    """PR_CAP_AMBIENT (security/commoncap.c: cap_task_prctl)."""
    what, cap = a.ulong(1), a.ulong(2)
    creds = t.creds
    if what == PR_CAP_AMBIENT_CLEAR_ALL:
        no_more(a, 2)
        new = creds.copy()
        new.ambient = 0
        t.creds = new
        return 0
    if a.raw[3] or a.raw[4] or cap > CAP_LAST_CAP:
        return -errno.EINVAL
    if what == PR_CAP_AMBIENT_IS_SET:
        return creds.ambient >> cap & 1
    if what not in (PR_CAP_AMBIENT_RAISE, PR_CAP_AMBIENT_LOWER):
        return -errno.EINVAL
    new = creds.copy()
    if what == PR_CAP_AMBIENT_LOWER:
        new.ambient &= ~(1 << cap)
    else:
        if not creds.permitted & creds.inheritable & 1 << cap or creds.securebits & SECBIT_NO_CAP_AMBIENT_RAISE:
            return -errno.EPERM
        new.ambient |= 1 << cap
    t.creds = new
    return 0


def _get_seccomp(t: Task, a: SyscallArgs) -> int:
    return t.seccomp_mode


def _set_seccomp(t: Task, a: SyscallArgs) -> int:
    from sandbox.syscalls.linux.sys_seccomp import prctl_set_seccomp

    return prctl_set_seccomp(t, a)


_OPTIONS: Final[dict[int, Callable[[Task, SyscallArgs], Result]]] = {
    PR_SET_PDEATHSIG: _set_pdeathsig,
    PR_GET_PDEATHSIG: _get_pdeathsig,
    PR_GET_DUMPABLE: _get_dumpable,
    PR_SET_DUMPABLE: _set_dumpable,
    PR_GET_KEEPCAPS: _get_keepcaps,
    PR_SET_KEEPCAPS: _set_keepcaps,
    PR_GET_TIMING: _get_timing,
    PR_SET_TIMING: _set_timing,
    PR_SET_NAME: _set_name,
    PR_GET_NAME: _get_name,
    PR_GET_SECCOMP: _get_seccomp,
    PR_SET_SECCOMP: _set_seccomp,
    PR_CAPBSET_READ: _capbset_read,
    PR_CAPBSET_DROP: _capbset_drop,
    PR_GET_TSC: _get_tsc,
    PR_SET_TSC: _set_tsc,
    PR_GET_SECUREBITS: _get_securebits,
    PR_SET_SECUREBITS: _set_securebits,
    PR_SET_TIMERSLACK: _set_timerslack,
    PR_GET_TIMERSLACK: _get_timerslack,
    PR_SET_CHILD_SUBREAPER: _set_subreaper,
    PR_GET_CHILD_SUBREAPER: _get_subreaper,
    PR_SET_NO_NEW_PRIVS: _set_no_new_privs,
    PR_GET_NO_NEW_PRIVS: _get_no_new_privs,
    PR_CAP_AMBIENT: _cap_ambient,
    **OPTIONS,
}


def sys_prctl(t: Task, a: SyscallArgs) -> Result:
    """prctl(2)."""
    option = _OPTIONS.get(a.int(0))
    return -errno.EINVAL if option is None else option(t, a)


ROWS: Final[tuple[Row, ...]] = (
    Row(
        157,
        "prctl",
        sys_prctl,
        PARTIAL,
        (Arg.INT, Arg.HEX, Arg.HEX, Arg.HEX, Arg.HEX),
        "process state, names, capabilities and flags of memory; EINVAL for the rest, PR_SET_MEMORY_MERGE among them, as without CONFIG_KSM; "
        "PR_SET_THP_DISABLE, PR_MCE_KILL and PR_SET_IO_FLUSHER are told back: no such thing happens here",
    ),
)
