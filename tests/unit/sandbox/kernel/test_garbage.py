"""Garbage in every argument of every call of the kernel's own families: an errno, never an oops."""

from __future__ import annotations

import itertools
import random

import pytest

from sandbox.kernel.task_state import PARK_DEAD
from sandbox.syscalls.linux import (
    sys_clone,
    sys_cred,
    sys_futex,
    sys_inspect,
    sys_misc,
    sys_pid,
    sys_prctl,
    sys_process,
    sys_rlimit,
    sys_sched,
    sys_signal,
    sys_time,
    sys_timer,
    sys_wait,
)
from sandbox.syscalls.row import Row

from .box import HEAP, Box

FAMILIES = (
    sys_clone,
    sys_cred,
    sys_futex,
    sys_inspect,
    sys_misc,
    sys_pid,
    sys_prctl,
    sys_process,
    sys_rlimit,
    sys_sched,
    sys_signal,
    sys_time,
    sys_timer,
    sys_wait,
)
ROWS = [row for family in FAMILIES for row in family.ROWS]
VALUES = (
    0,
    1,
    2,
    3,
    8,
    24,
    64,
    100,
    0x1000,
    HEAP,
    HEAP + 1,
    HEAP + 0xFFFC,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 47,
    1 << 63,
    (1 << 64) - 1,
    (1 << 64) - 4096,
)


def calls(row: Row) -> list[tuple[int, ...]]:
    """Every value in every place, and some mixtures; the same ones in every run."""
    source = random.Random(row.number)
    out = [tuple(value if n == place else 0 for n in range(6)) for place in range(6) for value in VALUES]
    out += [tuple(source.choice(VALUES) for _ in range(6)) for _ in range(60)]
    return out


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_garbage(row: Row) -> None:
    arguments = calls(row)
    while arguments:
        box = Box()
        memory = random.Random(1).randbytes(0x800)
        for n in range(0, 0x10000, 0x800):
            box.put(box.init, memory, HEAP + n)
        victim = box.fork(box.init)
        while arguments and victim.parked != PARK_DEAD and not box.exits:
            box.call(victim, row.number, *arguments.pop())
            if not box.running(victim):
                break
        box.close()
        box.init.group.begin_exit(9)
        box.settle()
        kernel = box.kernel
        assert box.exits and not kernel.pids.tasks and not kernel.spaces
        assert all(count.queued == 0 for count in kernel.queued_signals.values())


def test_numbers_are_unique() -> None:
    assert all(a.number != b.number for a, b in itertools.combinations(ROWS, 2))
