"""What a dying thread leaves in futex words: robust lists, PI locks, clear_child_tid (kernel/futex/core.c).

The words are changed by plain stores: the dying owner's number in them means that other threads may
at most set FUTEX_WAITERS, and their FUTEX_WAIT then finds another value and looks again.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.futex import (
    FUTEX_BITSET_MATCH_ANY,
    FUTEX_OWNER_DIED,
    FUTEX_TID_MASK,
    FUTEX_WAITERS,
    ROBUST_LIST_HEAD_SIZE,
    ROBUST_LIST_LIMIT,
)
from sandbox.errors import SyscallError
from sandbox.kernel.futex_outside import wake_at
from sandbox.kernel.futex_turns import leave_turns
from sandbox.kernel.futex_word import read_word, write_word

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

_HEAD: Final = struct.Struct("<QqQ")


def exit_futexes(t: Task) -> None:
    """Everything of `t` at its exit or execve; faults end the walk silently, as on Linux."""
    if t.robust_list:
        try:
            _walk_robust_list(t)
        except SyscallError:
            pass
        t.robust_list = 0
    if t.kernel.futexes.turns:
        leave_turns(t)
    if t.kernel.futexes.pi:
        _leave_pi_locks(t)
    if t.clear_child_tid:
        if t.kernel.space_users(t.space) > 1:
            try:
                write_word(t, t.clear_child_tid, 0)
            except SyscallError:
                pass
            _wake_word(t, t.clear_child_tid)
        t.clear_child_tid = 0


def _walk_robust_list(t: Task) -> None:
    head = t.robust_list
    entry, offset, pending = _HEAD.unpack(t.copy_in(head, ROBUST_LIST_HEAD_SIZE))
    pending_pi, pending = pending & 1, pending & ~1
    for _ in range(ROBUST_LIST_LIMIT):
        is_pi, address = entry & 1, entry & ~1
        if address == head:
            break
        following = int.from_bytes(t.copy_in(address, 8), "little")
        if address != pending:
            _owner_died(t, address + offset, bool(is_pi), False)
        entry = following
    if pending:
        _owner_died(t, pending + offset, bool(pending_pi), True)


def _owner_died(t: Task, address: int, is_pi: bool, pending: bool) -> None:
    """kernel/futex/core.c: handle_futex_death."""
    address &= 0xFFFFFFFFFFFFFFFF
    if address & 3:
        return
    value = read_word(t, address)
    if pending and not is_pi and not value & FUTEX_TID_MASK:
        _wake_word(t, address)
        return
    if value & FUTEX_TID_MASK != t.tid:
        return
    write_word(t, address, value & FUTEX_WAITERS | FUTEX_OWNER_DIED)
    if not is_pi and value & FUTEX_WAITERS:
        _wake_word(t, address)


def _wake_word(t: Task, address: int) -> None:
    """One waiter without FUTEX_PRIVATE_FLAG."""
    try:
        wake_at(t, address, False, 1, FUTEX_BITSET_MATCH_ANY)
    except SyscallError:
        pass


def _leave_pi_locks(t: Task) -> None:
    """Hand over each PI lock of `t` that somebody waits for."""
    futexes = t.kernel.futexes
    for key, state in list(futexes.pi.items()):
        if state.owner is not t:
            continue
        heir = next(iter(state.waiters))
        del state.waiters[heir]
        heir.woken = True
        heir.queued = False
        value = heir.task.tid | FUTEX_OWNER_DIED | (FUTEX_WAITERS if state.waiters else 0)
        try:
            write_word(heir.task, heir.address, value)
        except SyscallError:
            pass
        if state.waiters:
            state.owner = heir.task
        else:
            del futexes.pi[key]
        heir.task.woken(0)
