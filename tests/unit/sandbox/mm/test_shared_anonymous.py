"""Shared anonymous memory that is mapped again: how many descriptors stay open, and what it is charged for."""

from __future__ import annotations

import errno

import pytest

from sandbox.errors import SyscallError
from sandbox.mm.anonymous import OPEN_MOST, SharedAnonymous
from sandbox.vfs.space import SpaceAccount


def mapped(pages: int = 1) -> SharedAnonymous:
    memory = SharedAnonymous(pages * 4096, 1)
    memory.acquire()
    memory.host_fd(True)
    memory.keep_host_fd()
    return memory


def refused(memory: SharedAnonymous, space: SpaceAccount) -> int:
    with pytest.raises(SyscallError) as caught:
        memory.remap(space)
    return caught.value.errno


def test_the_last_ones_can_be_mapped_again() -> None:
    space = SpaceAccount()
    memories = [mapped() for _ in range(OPEN_MOST + 1)]
    assert refused(memories[0], space) == errno.ENOMEM
    for memory in memories[1:]:
        memory.remap(space)
    memories[1].keep_host_fd()  # was mapped again: the next is the oldest now
    memories.append(mapped())
    assert memories[2]._fd < 0 <= memories[1]._fd
    for memory in memories:
        memory.drop()
    assert all(memory._fd < 0 for memory in memories) and space.used == 0


def test_all_of_it_is_charged_once() -> None:
    space = SpaceAccount(size=10 * 4096)
    small, large = mapped(6), mapped(6)
    small.remap(space)
    small.remap(space)
    assert space.used == 6 and refused(large, space) == errno.ENOMEM
    small.drop()
    large.remap(space)
    large.drop()
    assert space.used == 0
