"""What a call of a task in seccomp mode goes through (kernel/seccomp.c: __secure_computing, __seccomp_filter).

A task without a mode has the kernel's own table of handlers; one with a mode has a table that names
`gate` for every call, so that nobody else pays for it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ptrace import PTRACE_EVENT_SECCOMP
from sandbox.abi.linux.seccomp import (
    SECCOMP_MODE_STRICT,
    SECCOMP_RET_ACTION_FULL,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_DATA,
    SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_LOG,
    SECCOMP_RET_TRACE,
    SECCOMP_RET_TRAP,
    SECCOMP_RET_USER_NOTIF,
    SYS_SECCOMP,
)
from sandbox.abi.linux.signal import SIGKILL, SIGSYS
from sandbox.kernel import trace_stop
from sandbox.kernel.control import NO_RETURN, Result
from sandbox.kernel.task import Task
from sandbox.ptrace.gate import make_call, serve
from sandbox.seccomp.user_dispatch import kill_by, raise_sigsys
from sandbox.syscalls.args import SyscallArgs

if TYPE_CHECKING:
    from sandbox.kernel.control import Handler
    from sandbox.kernel.kernel import Kernel

MAX_ERRNO: Final = 4095
_STRICT_CALLS: Final = frozenset((0, 1, 15, 60))  # read, write, rt_sigreturn, exit


def gated(kernel: Kernel) -> list[Handler]:
    """The table of a task in seccomp mode."""
    return [gate] * len(kernel.handlers)


def gate(t: Task, a: SyscallArgs) -> Result:
    """Serve the call, if it may be made."""
    return _judge(t, a, False)


def _judge(t: Task, a: SyscallArgs, traced: bool) -> Result:
    """`traced`: a tracer has seen it already, and has perhaps changed it."""
    nr = t.nr
    chain = t.seccomp
    if t.seccomp_mode == SECCOMP_MODE_STRICT or chain is None:
        return _serve(t, a) if nr in _STRICT_CALLS else _end_thread(t, SIGKILL)
    verdict, node = chain.verdict(t, nr, a.raw)
    action = verdict & SECCOMP_RET_ACTION_FULL
    if action in (SECCOMP_RET_ALLOW, SECCOMP_RET_LOG):
        return _serve(t, a)
    if action == SECCOMP_RET_ERRNO:
        return -min(verdict & SECCOMP_RET_DATA, MAX_ERRNO)
    if action == SECCOMP_RET_TRAP:
        return raise_sigsys(t, SYS_SECCOMP, verdict & SECCOMP_RET_DATA)
    if action == SECCOMP_RET_TRACE and traced:
        return _serve(t, a)
    if action == SECCOMP_RET_TRACE and t.ptrace is not None:
        tracee = t.ptrace

        def go_on() -> None:
            t.finish_call(make_call(t, a, tracee.orig_rax, _judge_again))

        if trace_stop.event(t, PTRACE_EVENT_SECCOMP, verdict & SECCOMP_RET_DATA, go_on):
            return NO_RETURN
    if node is not None and node.listener is not None:
        return node.listener.wait_for(t, a)
    if action in (SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF):
        return -errno.ENOSYS  # nobody traces or listens
    if action == SECCOMP_RET_KILL_THREAD and len(t.group.tasks) > 1:
        return _end_thread(t, SIGSYS)
    return kill_by(
        t, SYS_SECCOMP, verdict & SECCOMP_RET_DATA
    )  # KILL_PROCESS, the last thread, actions that nobody knows


def _judge_again(t: Task, a: SyscallArgs) -> Result:
    return _judge(t, a, True)


def _serve(t: Task, a: SyscallArgs) -> Result:
    return serve(t, a)


def _end_thread(t: Task, signo: int) -> Result:
    """do_exit(signo)."""
    t.exit_status = signo
    t.exit()
    return NO_RETURN
