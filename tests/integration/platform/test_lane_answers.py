"""What the stub tells or answers by itself, so that nobody need be asked."""

from __future__ import annotations

import pytest

from sandbox.platform.base import GuestThread, Order
from sandbox.platform.lane import layout
from tests.integration.platform.machine import EXIT, Args, Machine, call, exit_with
from tests.integration.platform.own_stub import PRIVATE, SEQ, say

_TOUCH = 2000  # pages
_PLACE = 0x4000_0000
_TOUCHED = (
    call(9, _PLACE, _TOUCH * 4096, 3, 0x32, -1, 0)
    + f" mov ${_PLACE}, %rbx\n mov ${_TOUCH}, %ecx\n1: movb $1, (%rbx)\n add $4096, %rbx\n dec %ecx\n jnz 1b\n"
    + call(11, _PLACE, _TOUCH * 4096)
)


def _mmaps(t: GuestThread, nr: int, args: Args) -> bool:
    if nr not in (9, 11):
        return False
    t.execute([Order(nr, args)], lambda index, result: t.reply(result))
    return True


def test_a_program_that_ends_comes_with_the_most_memory_it_had() -> None:
    seen = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if _mmaps(t, nr, args):
            return
        space = t.address_space()
        by_host = space.peak_resident_pages()
        m.platform.proc.close()  # nobody can ask the host any more
        seen.append((t.peak_resident_pages(), by_host, space.peak_resident_pages()))
        space.kill()

    m = Machine(_TOUCHED + exit_with(), kernel).run()
    ((told, by_host, unknown),) = seen
    assert unknown == 0 and told > _TOUCH - 128 and abs(told - by_host) < 128  # the host counts in batches
    assert not m.faults


@pytest.mark.parametrize("said", [-1, 1 << 62])
def test_what_cannot_be_is_not_believed(said: int) -> None:
    seen = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        seen.append((nr, t.peak_resident_pages()))
        t.address_space().kill()

    words = {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: EXIT, layout.LANE_PEAK: said}
    Machine(say(PRIVATE, SEQ, words), kernel).run()
    ((nr, pages),) = seen
    assert nr == EXIT and pages < 10_000


def test_an_earlier_call_says_nothing_of_it() -> None:
    """The thread is stopped at another call when its process ends: the host is asked."""
    seen = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == EXIT:
            t.reply(0)
            return
        seen.append(t.peak_resident_pages())
        t.address_space().kill()

    again = {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: 39, layout.LANE_PEAK: 1 << 30}
    Machine(call(EXIT, 0) + say(PRIVATE, SEQ, again), kernel).run()
    assert seen[0] < 10_000
