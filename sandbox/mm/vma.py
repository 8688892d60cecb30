"""A virtual memory area: a range of an address space that is mapped, how, and to what."""

from __future__ import annotations

from sandbox.abi.linux.mman import STACK_GUARD_GAP, VM_GROWSDOWN
from sandbox.mm.backing import Backing


def host_prot(flags: int) -> int:
    """What the host is asked for, for VM_* `flags`: processors read what they may write, and so does what reads the memory of
    a guest for a call."""
    return flags & 7 | (1 if flags & 2 else 0)


class VMA:
    """[start, end), VM_* `flags`; `backing` None is private anonymous memory. `offset`: of `start` in the
    backing, in bytes, as the guest counts (the backing's `base` not added). `name` is what maps(5) prints
    for an area without a backing."""

    __slots__ = ("start", "end", "flags", "backing", "offset", "name")

    def __init__(
        self, start: int, end: int, flags: int, backing: Backing | None = None, offset: int = 0, name: str = ""
    ) -> None:
        self.start = start
        self.end = end
        self.flags = flags
        self.backing = backing
        self.offset = offset
        self.name = name

    def copy(self, start: int, end: int) -> VMA:
        """The same mapping for a part of the range; takes a reference to the backing."""
        if self.backing is not None:
            self.backing.acquire()
        return VMA(start, end, self.flags, self.backing, self.offset + start - self.start, self.name)

    def joins(self, after: VMA) -> bool:
        """`after` begins where this ends and is more of the same."""
        return (
            self.end == after.start
            and self.flags == after.flags
            and self.name == after.name
            and _same_object(self.backing, after.backing)
            and (
                self.backing is None
                or (self.offset + self.end - self.start == after.offset and not self.backing.counted)
            )
        )

    def lowest(self) -> int:
        """Where the room that it claims begins: a growing area keeps a guard gap below it."""
        if self.flags & VM_GROWSDOWN:
            return max(0, self.start - STACK_GUARD_GAP)
        return self.start

    def __repr__(self) -> str:
        return f"<VMA {self.start:x}-{self.end:x} {self.flags:x}>"


def _same_object(a: Backing | None, b: Backing | None) -> bool:
    return a is b or (a is not None and b is not None and a.key == b.key and a.base == b.base)
