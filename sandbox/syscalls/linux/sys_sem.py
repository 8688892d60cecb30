"""semget(2), semop(2), semtimedop(2), semctl(2) (ipc/sem.c)."""

from __future__ import annotations

import errno
from array import array
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ipc import (
    GETALL,
    GETNCNT,
    GETPID,
    GETVAL,
    GETZCNT,
    IPC_INFO,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    SEM_INFO,
    SEM_STAT,
    SEM_STAT_ANY,
    SEM_UNDO,
    SEMBUF,
    SEMID64_DS,
    SEMINFO,
    SEMMNS,
    SEMOPM,
    SEMUSZ,
    SEMVMX,
    SETALL,
    SETVAL,
)
from sandbox.abi.linux.time import NS_PER_S, TIMESPEC
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.kernel.ipc.ids import ipc_get
from sandbox.kernel.ipc.sem import MUST_WAIT, SEMAEM, SemaphoreSet, SemOp, SemWait
from sandbox.kernel.ipc.sem_undo import undo_list
from sandbox.kernel.pid_namespace import number_in
from sandbox.syscalls.linux.timespec import timespec_ns
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def sys_semget(t: Task, a: SyscallArgs) -> Result:
    """semget(2)."""
    table = t.ns.ipc.sem
    key, count, flags = a.int(0), a.int(1), a.int(2)
    if not 0 <= count <= table.per_set:
        return -errno.EINVAL

    def check(semaphores: SemaphoreSet) -> None:
        if len(semaphores.values) < count:
            raise SyscallError(errno.EINVAL)

    return ipc_get(t, table.ids, key, flags, lambda: table.create(t, key, count, flags), check)


# --- semop(2) ---


def sys_semop(t: Task, a: SyscallArgs) -> Result:
    """semop(2)."""
    return _wait_on(t, a) if a.state is not None else _operate(t, a, None)


def sys_semtimedop(t: Task, a: SyscallArgs) -> Result:
    """semtimedop(2)."""
    if a.state is not None:
        return _wait_on(t, a)
    address = a.addr(3)
    return _operate(t, a, TIMESPEC.unpack(t.copy_in(address, 16)) if address else None)


def _operate(t: Task, a: SyscallArgs, timeout: tuple[int, int] | None) -> Result:
    """The first try (do_semtimedop)."""
    table, ident, count = t.ns.ipc.sem, a.int(0), a.uint(2)
    if count > table.max_ops:
        return -errno.E2BIG
    if count < 1:
        return -errno.EINVAL
    ops: list[SemOp] = list(SEMBUF.iter_unpack(t.copy_in(a.addr(1), SEMBUF.size * count)))
    if ident < 0:
        return -errno.EINVAL
    deadline = None
    if timeout is not None:
        if timeout[0] < 0 or not 0 <= timeout[1] < NS_PER_S:
            return -errno.EINVAL
        deadline = t.kernel.clock.now_ns() + timespec_ns(*timeout)
    semaphores = table.ids.get(ident)
    undone = [op for op in ops if op[2] & SEM_UNDO]
    undo = undo_list(t).undo_for(semaphores, undone) if undone else None
    if max(op[0] for op in ops) >= len(semaphores.values):
        return -errno.EFBIG
    wait = SemWait(t, ops, undo)
    semaphores.check(t, 0o222 if wait.alters else 0o444)
    result = semaphores.attempt(wait)
    if result != MUST_WAIT:
        if not result and wait.alters:
            semaphores.settle()
        return result
    wait.deadline = deadline
    wait.sleep(semaphores)
    a.state = wait
    return Block((), deadline, on_interrupt=_interrupted)


def _wait_on(t: Task, a: SyscallArgs) -> Result:
    """Completed, timed out, or woken for nothing."""
    wait = a.state
    assert isinstance(wait, SemWait)
    if wait.result is not None:
        return wait.result
    if a.timed_out:
        wait.give_up()
        return -errno.EAGAIN
    return Block((), wait.deadline, on_interrupt=_interrupted)


def _interrupted(t: Task, a: SyscallArgs) -> int:
    wait = a.state
    assert isinstance(wait, SemWait)
    if wait.result is not None:
        return wait.result
    wait.give_up()
    return -errno.EINTR


# --- semctl(2) ---


def sys_semctl(t: Task, a: SyscallArgs) -> Result:
    """semctl(2)."""
    ident, number, command, argument = a.int(0), a.int(1), a.int(2), a.ulong(3)
    if ident < 0:
        return -errno.EINVAL
    table = t.ns.ipc.sem
    ids = table.ids
    if command in (IPC_INFO, SEM_INFO):
        return _info(t, command, argument)
    if command in (IPC_STAT, SEM_STAT, SEM_STAT_ANY):
        semaphores = ids.get(ident) if command == IPC_STAT else ids.at(ident)
        if command != SEM_STAT_ANY:
            semaphores.check(t, 0o444)
        t.copy_out(argument, semaphores.pack(t.creds.user))
        return 0 if command == IPC_STAT else semaphores.id
    if command == SETVAL:
        if not 0 <= a.int(3) <= SEMVMX:
            return -errno.ERANGE
        return _set_value(t, ids.get(ident), number, a.int(3))
    if command in (GETALL, SETALL, GETVAL, GETPID, GETNCNT, GETZCNT):
        return _values(t, ids.get(ident), number, command, argument)
    if command == IPC_SET:
        perm = SEMID64_DS.unpack(t.copy_in(argument, SEMID64_DS.size))[0]
        semaphores = ids.get(ident)
        semaphores.check_owner(t)
        semaphores.update(t, perm)
        return 0
    if command == IPC_RMID:
        semaphores = ids.get(ident)
        semaphores.check_owner(t)
        table.remove(semaphores)
        return 0
    return -errno.EINVAL


def _set_value(t: Task, semaphores: SemaphoreSet, number: int, value: int) -> int:
    """SETVAL."""
    if not 0 <= number < len(semaphores.values):
        return -errno.EINVAL
    semaphores.check(t, 0o222)
    semaphores.set_value(t, number, value)
    return 0


def _values(t: Task, semaphores: SemaphoreSet, number: int, command: int, address: int) -> int:
    """The commands that look at values (semctl_main)."""
    semaphores.check(t, 0o222 if command == SETALL else 0o444)
    count = len(semaphores.values)
    if command == GETALL:
        t.copy_out(address, semaphores.values.tobytes())
        return 0
    if command == SETALL:
        values = array("H", t.copy_in(address, 2 * count))
        if max(values) > SEMVMX:
            return -errno.ERANGE
        semaphores.set_all(t, values)
        return 0
    if not 0 <= number < count:
        return -errno.EINVAL
    if command == GETVAL:
        return semaphores.values[number]
    if command == GETPID:
        return number_in(semaphores.pids[number], t.pids)
    return semaphores.waiting(number, command == GETZCNT)


def _info(t: Task, command: int, address: int) -> int:
    """The limits, or in two of the fields what is in use; the highest index."""
    table = t.ns.ipc.sem
    last = (SEMUSZ, SEMAEM) if command == IPC_INFO else (len(table.ids.objects), table.used)
    limits = (SEMMNS, table.max_sets, table.max_semaphores, SEMMNS, table.per_set, table.max_ops, SEMOPM)
    t.copy_out(address, SEMINFO.pack(*limits, last[0], SEMVMX, last[1]))
    return table.ids.highest()


ROWS: Final[tuple[Row, ...]] = (
    Row(
        64,
        "semget",
        sys_semget,
        PARTIAL,
        (Arg.HEX, Arg.INT, Arg.OCT),
        "kernel.sem cannot be set above 65536 semaphores in a set or operations in a call",
    ),
    Row(65, "semop", sys_semop, FULL, (Arg.INT, Arg.ADDR, Arg.UINT)),
    Row(66, "semctl", sys_semctl, FULL, (Arg.INT, Arg.INT, Arg.INT, Arg.HEX)),
    Row(220, "semtimedop", sys_semtimedop, FULL, (Arg.INT, Arg.ADDR, Arg.UINT, Arg.ADDR)),
)
