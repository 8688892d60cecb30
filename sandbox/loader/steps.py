"""From planned areas to host calls, as few as will do: each mapping of a file costs the lending of a descriptor.

The neighbouring read-only and executable segments of a file (what linkers make of a text segment) become one
mapping whose parts then get their protection.
"""

from __future__ import annotations

from sandbox.abi.linux.mman import NR_MPROTECT, VM_WRITE
from sandbox.mm.op_map import map_order
from sandbox.mm.vma import VMA, host_prot
from sandbox.platform.base import Order


class Step:
    """One host call: map `area` (`replaces` what was mapped before), or, with `protect`, set its protection."""

    __slots__ = ("area", "replaces", "protect", "copy_fd")

    def __init__(self, area: VMA, replaces: bool = False, protect: bool = False) -> None:
        self.area = area
        self.replaces = replaces
        self.protect = protect
        self.copy_fd = -1

    def order(self) -> Order:
        """The call."""
        area = self.area
        if self.protect:
            return Order(NR_MPROTECT, (area.start, area.end - area.start, host_prot(area.flags)))
        return map_order(area, self.replaces, copy_fd=self.copy_fd)

    def use_copy(self, fd: int) -> None:
        """The host won't have it executable: map it from a copy, over what is there if it was to be protected only."""
        self.copy_fd = fd
        self.replaces = self.replaces or self.protect
        self.protect = False


def joined(steps: list[Step]) -> list[Step]:
    """The same mappings with fewer calls."""
    out: list[Step] = []
    i = 0
    while i < len(steps):
        j = i + 1
        while j < len(steps) and _continues(steps[j - 1], steps[j]):
            j += 1
        if j - i == 1:
            out.append(steps[i])
        else:
            out.extend(_as_one([step.area for step in steps[i:j]]))
        i = j
    return out


def _continues(a: Step, b: Step) -> bool:
    """`b` is the next part of the same file, and neither is anything special."""
    first, second = a.area, b.area
    return (
        first.backing is not None
        and first.backing is second.backing
        and first.end == second.start
        and first.offset + first.end - first.start == second.offset
        and not (first.flags | second.flags) & VM_WRITE
        and not a.replaces
        and not b.replaces
    )


def _as_one(areas: list[VMA]) -> list[Step]:
    first = areas[0]
    flags = [area.flags for area in areas]
    common = max(flags, key=flags.count)
    whole = VMA(first.start, areas[-1].end, common, first.backing, first.offset)
    return [Step(whole)] + [Step(area, protect=True) for area in areas if area.flags != common]
