"""Ranges with a memory policy of their own."""

from __future__ import annotations

import random

import pytest

from sandbox.abi.linux.mman import MAX_MAP_COUNT
from sandbox.errors import SyscallError
from sandbox.mm.policy import MPOL_BIND, MemPolicy, PolicyRanges


def test_ranges_are_what_was_set_last() -> None:
    rng = random.Random(5)
    ranges = PolicyRanges()
    truth: list[MemPolicy | None] = [None] * 64
    policies = [None, *(MemPolicy(MPOL_BIND, n, 1) for n in range(3))]
    for _ in range(400):
        start, end = sorted(rng.sample(range(65), 2))
        policy = rng.choice(policies)
        ranges.set(start, end, policy)
        truth[start:end] = [policy] * (end - start)
        assert [ranges.find(n) for n in range(64)] == truth
    other = ranges.copy()
    other.set(0, 64, None)
    assert len(other) == 0 and [ranges.find(n) for n in range(64)] == truth


def test_their_number_is_bounded() -> None:
    ranges = PolicyRanges()
    policy = MemPolicy(MPOL_BIND, 0, 1)
    with pytest.raises(SyscallError):
        for n in range(MAX_MAP_COUNT + 2):
            ranges.set(2 * n, 2 * n + 1, policy)
    assert len(ranges) <= MAX_MAP_COUNT + 2
