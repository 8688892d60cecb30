"""Where things go in a fresh address space: randomised bases (arch/x86/mm/mmap.c, fs/binfmt_elf.c)."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.mman import PAGE_SHIFT, PAGE_SIZE, STACK_GUARD_GAP, page_align

_MMAP_RND_BITS: Final = 28  # vm.mmap_rnd_bits
_STACK_RND_MASK: Final = 0x3FFFFF  # pages
_BRK_RANGE: Final = 1 << 30
_MIN_GAP: Final = 128 << 20
_STACK_NOW: Final = 8 << 20  # at most this much of the stack is mapped at once; more when it is used


class Layout:
    """Bases for one exec. `entropy`: 48 random bytes; empty means no randomisation (ADDR_NO_RANDOMIZE)."""

    __slots__ = ("stack_top", "stack_gap", "mmap_base", "legacy_base", "dyn_base", "brk_shift", "at_random")

    def __init__(self, task_size: int, stack_limit: int, entropy: bytes, at_random: bytes) -> None:
        randomize = bool(entropy)
        numbers = [int.from_bytes(entropy[i : i + 8], "little") for i in range(0, 40, 8)] if randomize else [0] * 5
        stack_rnd = (numbers[0] & _STACK_RND_MASK) << PAGE_SHIFT
        mmap_rnd = (numbers[1] & ((1 << _MMAP_RND_BITS) - 1)) << PAGE_SHIFT
        dyn_rnd = (numbers[2] & ((1 << _MMAP_RND_BITS) - 1)) << PAGE_SHIFT
        self.stack_top = task_size - PAGE_SIZE - stack_rnd
        self.stack_gap = numbers[3] & 8191
        room = min(max(stack_limit, _MIN_GAP), task_size // 6 * 5)
        pad = (_STACK_RND_MASK << PAGE_SHIFT if randomize else 0) + STACK_GUARD_GAP + PAGE_SIZE
        self.mmap_base = page_align(max(task_size // 8, task_size - room - pad - mmap_rnd))
        self.legacy_base = page_align(task_size // 3) + mmap_rnd  # of a bottom-up layout (ADDR_COMPAT_LAYOUT)
        self.dyn_base = (task_size // 3 * 2 & ~(PAGE_SIZE - 1)) + dyn_rnd
        self.brk_shift = numbers[4] % _BRK_RANGE & ~(PAGE_SIZE - 1) if randomize else 0
        self.at_random = at_random


def stack_size(stack_limit: int, used: int) -> int:
    """How much is mapped for a stack whose strings and vectors take `used` bytes (whole pages).

    What RLIMIT_STACK allows, up to 8 MiB: the pages come when they are touched. Beyond that it grows on faults.
    """
    least = page_align(used) + (32 << PAGE_SHIFT)
    return max(min(stack_limit & ~(PAGE_SIZE - 1), _STACK_NOW), least)
