"""A stack whose limit is lowered: what is mapped of it ahead of use is given back, so that it grows no further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mman import PAGE_OFFSET, VM_GROWSDOWN
from sandbox.arch.amd64 import RSP
from sandbox.mm.op_unmap import UnmapOperation

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

_EXPANDED: Final = 128 << 10  # what every stack has below its strings (fs/exec.c: setup_arg_pages)
_THERE: Final = 0xC0  # of the last byte of a word of pagemap: present or swapped


class ShrinkOperation(UnmapOperation):
    """What was never counted as used is gone."""

    __slots__ = ()

    def apply(self) -> None:
        """Unmapped."""
        super().apply()
        self.mm.stack_slack = max(0, self.mm.stack_slack - (self.end - self.start >> 12))


def lower_stack(t: Task, mm: MemoryManager, limit: int) -> Result:
    """The stack is to be no larger than `limit` bytes, or than it is used; 0, or what does that."""
    area = mm.areas.find(mm.start_stack)
    if area is None or not area.flags & VM_GROWSDOWN or area.end - area.start <= limit:
        return 0
    lowest = min((mm.start_stack & ~PAGE_OFFSET) - _EXPANDED, area.end - limit & ~PAGE_OFFSET)
    pointer = t.thread.get_reg(RSP) & ~PAGE_OFFSET
    if area.start <= pointer < lowest:
        lowest = pointer
    count = lowest - area.start >> 12
    flags = t.space.host_pagemap(area.start >> 12, count)[7::8] if count > 0 else b""
    for page, flag in enumerate(flags):
        if flag & _THERE:
            lowest = area.start + (page << 12)
            break
    if lowest <= area.start:
        return 0
    return ShrinkOperation(mm, area.start, lowest).begin()
