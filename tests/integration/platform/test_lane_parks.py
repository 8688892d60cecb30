"""Mappings that are let through with the registers that the stub expects the kernel to order: one notification each."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest

from sandbox.platform.base import GuestThread, Order
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import DATA, EXIT, Args, Machine, call, exit_with

_MMAP = 9
_FD = 5  # as the guest has it
_FIXED, _ANYWHERE = 0x4010, 0x10_4000  # MAP_NORESERVE with MAP_FIXED, or MAP_FIXED_NOREPLACE
_TOP = 0x5000_0000  # where the next area ends that may be anywhere
_FILE = call(_MMAP, 0, 4000, 1, 0x802, _FD, 0)  # MAP_PRIVATE | MAP_DENYWRITE
_OVER = call(_MMAP, DATA + 8192, 4000, 3, 0x32, -1, 0)  # MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
_MEMORY = call(_MMAP, 0, 8000, 3, 0x22, -1, 0)


class Kernel:
    """Maps downwards from _TOP, `gap` bytes apart; `counts`: notifications before each call."""

    def __init__(self, fd: int, gap: int = 0) -> None:
        self.fd = fd
        self.gap = gap
        self.top = _TOP
        self.counts: list[int] = []
        self.left: int | None = None

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        looker = m.platform.looker
        self.counts.append(looker.notified + looker.ordered)
        if nr == EXIT:
            self.left = args[0]
            t.space.kill()
        elif nr == _MMAP:
            address, size, prot, flags, file, offset = args
            size = size + 4095 & ~4095
            if not flags & 0x10:
                self.top -= size + self.gap
                address = self.top
            flags = flags & 0x22 | (_FIXED if flags & 0x10 else _ANYWHERE)
            if flags & 0x20:
                order = Order(_MMAP, (address, size, prot, flags, 2**64 - 1, 0), free=not flags & 0x10)
            else:
                order = Order(_MMAP, (address, size, prot, flags, 0, offset), self.fd, keepable=(self, False))
            t.execute_and_return([order], address, lambda: None, lambda index, result: t.reply(result))
        else:
            t.reply(0)

    def more(self) -> list[int]:
        """Notifications from each call to the next, of which the last is a question; what parks with its own registers is not counted."""
        return [after - before for before, after in pairwise(self.counts)]


@pytest.fixture(name="fd")
def _file() -> int:
    fd = os.memfd_create("file")
    os.pwrite(fd, (77).to_bytes(4, "little"), 0)
    os.ftruncate(fd, 8192)
    return fd


def test_memory_over_something_else_comes_once(fd: int) -> None:
    k = Kernel(fd)
    m = Machine(
        f" movb $1, {DATA + 8192}\n" + _OVER + f" add {DATA + 8192}, %rax\n" + exit_with(), k, looking=False
    ).run()
    assert k.left == DATA + 8192 and k.more() == [1] and not m.faults
    os.close(fd)


def test_a_file_where_it_is_expected_comes_once(fd: int) -> None:
    k = Kernel(fd)
    use = " mov (%rax), %ebx\n mov %rax, %r12\n"
    m = Machine(
        _MEMORY + _FILE + use + _FILE + " add (%rax), %ebx\n sub %rax, %r12\n add %r12, %rbx\n" + exit_with("rbx"),
        k,
        looking=False,
    )
    m.run()
    assert k.left == 77 + 77 + 4096 and not m.faults
    assert k.more() == [0, 0, 1] and k.top == _TOP - 4 * 4096
    os.close(fd)


@pytest.mark.parametrize("gap", [4096, -4096])
def test_a_file_where_it_is_not_expected_is_mapped_there(fd: int, gap: int) -> None:
    k = Kernel(fd, max(gap, 0))

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if gap < 0 and nr == _MMAP and args[4] == _FD:
            k.top = _TOP + 16 * 4096  # there was room above
        k(m, t, nr, args)

    m = Machine(
        _MEMORY + _FILE + " mov (%rax), %ebx\n add %rax, %rbx\n" + exit_with("rbx"), kernel, looking=False
    ).run()
    assert k.left == k.top + 77 and not m.faults
    os.close(fd)
