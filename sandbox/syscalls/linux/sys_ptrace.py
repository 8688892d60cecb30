"""ptrace(2)."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.ptrace import (
    PTRACE_ATTACH,
    PTRACE_INTERRUPT,
    PTRACE_KILL,
    PTRACE_SEIZE,
    PTRACE_TRACEME,
)
from sandbox.kernel.control import Result
from sandbox.kernel.task import Task
from sandbox.ptrace.attach import attach, interrupt, kill, trace_me
from sandbox.ptrace.requests import request
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import PARTIAL, Arg, Row


def sys_ptrace(t: Task, a: SyscallArgs) -> Result:
    """ptrace(2), as the kernel has it: what PTRACE_PEEK* read goes where `data` points."""
    number = a.long(0)
    if number == PTRACE_TRACEME:
        return trace_me(t)
    if number in (PTRACE_ATTACH, PTRACE_SEIZE):
        return attach(t, a.int(1), number == PTRACE_SEIZE, a.ulong(2), a.ulong(3))
    if number == PTRACE_INTERRUPT:
        return interrupt(t, a.int(1))
    if number == PTRACE_KILL:
        return kill(t, a.int(1))
    return request(t, number, a.int(1), a.ulong(2), a.ulong(3))


ROWS: Final[tuple[Row, ...]] = (
    Row(
        101,
        "ptrace",
        sys_ptrace,
        PARTIAL,
        (Arg.HEX, Arg.PID, Arg.ADDR, Arg.ADDR),
        "debug registers watch for changes and instructions, not for reading (ENOSPC); no thread areas; a block step "
        "is one instruction, as on virtual machines whose processor does not have it; PTRACE_PEEKSIGINFO gives signals by number",
    ),
)
