"""NUMA memory policies of a machine with one node: kept and told again, without effect (mm/mempolicy.c)."""

from __future__ import annotations

import errno
from bisect import bisect_right
from typing import Final

from sandbox.abi.linux.mman import MAX_MAP_COUNT
from sandbox.errors import SyscallError

MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL, MPOL_PREFERRED_MANY = range(6)
MPOL_F_STATIC_NODES: Final = 1 << 15
MPOL_F_RELATIVE_NODES: Final = 1 << 14
MPOL_F_NUMA_BALANCING: Final = 1 << 13
MODE_FLAGS: Final = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING
NODES: Final = 1  # the mask of the nodes that there are


class MemPolicy:
    """`mode` and `flags` as they were asked for; `nodes` as they are told. Never changed."""

    __slots__ = ("mode", "flags", "nodes")

    def __init__(self, mode: int, flags: int, nodes: int) -> None:
        self.mode = mode
        self.flags = flags
        self.nodes = nodes


def check_mode(mode: int) -> None:
    """EINVAL for modes and flags that there are not. (sanitize_mpol_flags)"""
    flags, mode = mode & MODE_FLAGS, mode & ~MODE_FLAGS & 0xFFFFFFFF
    user = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)
    if (
        mode > MPOL_PREFERRED_MANY
        or user == MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES
        or (flags & MPOL_F_NUMA_BALANCING and mode != MPOL_BIND)
    ):
        raise SyscallError(errno.EINVAL)


def make_policy(mode: int, nodes: int) -> MemPolicy | None:
    """Of a mode that was checked and the nodes that were asked for; None is the default. EINVAL. (mpol_new)"""
    flags, mode = mode & MODE_FLAGS, mode & ~MODE_FLAGS
    user = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)
    if mode == MPOL_DEFAULT:
        if nodes:
            raise SyscallError(errno.EINVAL)
        return None
    if mode == MPOL_LOCAL or (mode == MPOL_PREFERRED and not nodes):
        if nodes or user:
            raise SyscallError(errno.EINVAL)
        return MemPolicy(MPOL_LOCAL, flags, 0)
    allowed = NODES if user & MPOL_F_RELATIVE_NODES and nodes else nodes & NODES
    if not allowed:
        raise SyscallError(errno.EINVAL)
    return MemPolicy(mode, flags, nodes if user else allowed)


class PolicyRanges:
    """Which parts of an address space have a policy of their own: disjoint ranges in order."""

    __slots__ = ("_starts", "_ranges")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ranges: list[tuple[int, int, MemPolicy]] = []

    def __len__(self) -> int:
        return len(self._ranges)

    def copy(self) -> PolicyRanges:
        """fork."""
        new = PolicyRanges()
        new._starts, new._ranges = self._starts[:], self._ranges[:]
        return new

    def find(self, address: int) -> MemPolicy | None:
        """The policy at `address`."""
        i = bisect_right(self._starts, address) - 1
        if i >= 0 and address < self._ranges[i][1]:
            return self._ranges[i][2]
        return None

    def overlapping(self, start: int, end: int) -> list[MemPolicy]:
        """The policies in [start, end)."""
        return [policy for low, high, policy in self._ranges if low < end and high > start]

    def set(self, start: int, end: int, policy: MemPolicy | None) -> None:
        """[start, end) has this one from now on; ENOMEM at the bound of areas."""
        if len(self._ranges) >= MAX_MAP_COUNT and policy is not None:
            raise SyscallError(errno.ENOMEM)
        i = max(0, bisect_right(self._starts, start) - 1)
        j = i
        new: list[tuple[int, int, MemPolicy]] = []
        if policy is not None:
            new.append((start, end, policy))
        while j < len(self._ranges) and self._ranges[j][0] < end:
            low, high, old = self._ranges[j]
            if low < start:
                new.append((low, min(high, start), old))
            if high > end:
                new.append((max(low, end), high, old))
            j += 1
        new.sort(key=_start_of)
        self._ranges[i:j] = new
        self._starts[i:j] = [low for low, _, _ in new]


def _start_of(entry: tuple[int, int, MemPolicy]) -> int:
    return entry[0]
