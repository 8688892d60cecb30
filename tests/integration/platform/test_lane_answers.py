"""What the stub tells or answers by itself, so that nobody need be asked."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread, Order
from sandbox.platform.lane import layout
from tests.integration.platform.machine import DATA, EXIT, Args, Machine, call, exit_with
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


@pytest.mark.parametrize("size", [4096, 4000, 1])
def test_a_call_that_can_run_as_it_is_comes_once(size: int) -> None:
    """munmap and mprotect count in pages, however long the program says it is: question and permission are one."""
    counts = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        looker = m.platform.looker
        counts.append(looker.notified + looker.ordered)
        if nr in (10, 11):
            assert args[1] == size  # the kernel is told what the program said
            order = Order(nr, (args[0], 4096, args[2] if nr == 10 else 0))
            t.execute_and_return([order], 0, lambda: None, lambda index, result: t.reply(result))
        elif nr == EXIT:
            result.append(args[0])
            t.address_space().kill()
        else:
            t.reply(0)

    result: list[int] = []
    ask = call(10, DATA + 8192, size, 1) + " mov %rax, %r12\n" + call(11, DATA + 8192, size) + " or %rax, %r12\n"
    m = Machine(call(39) + ask + exit_with("r12"), kernel, looking=False).run()
    assert result == [0] and not m.faults
    assert [after - before for before, after in pairwise(counts)] == [0, 0, 1]


_BEGIN = 111  # the call at which the kernel introduces the thread
_WHO = (7, 8, 6, 1001, 1002, 1003, 1004, -38, 0x555000)
_NUMBERS = (39, 186, 110, 102, 107, 104, 108, 334, 12)
_HEAD = DATA + 64


class Introducing(Machine):
    """Introduces the thread at its first call; `said`: what it notes, `asked`: its calls."""

    def __init__(self, source: str, **options: bool) -> None:
        self.said: list[tuple[int | None, int | None]] = []
        self.asked: list[int] = []
        super().__init__(call(_BEGIN) + source, lambda m, t, nr, args: self.answer(t, nr, args), **options)

    def answer(self, t: GuestThread, nr: int, args: Args) -> None:
        if nr == _BEGIN:
            t.introduce(_WHO)
        else:
            self.asked.append(nr)
        if nr == EXIT:
            self.end(t, args)
            t.address_space().kill()
        else:
            t.reply(-1)

    def end(self, t: GuestThread, args: Args) -> None:
        self.result = args[0]
        self.fs = t.get_reg(amd64.FS_BASE)

    def noted(self, thread: GuestThread, robust_list: int | None, tid_address: int | None) -> None:
        self.said.append((robust_list, tid_address))


@pytest.mark.parametrize(("nr", "value"), list(zip(_NUMBERS, _WHO, strict=True)))
def test_who_it_is_it_knows_from_the_start(nr: int, value: int) -> None:
    m = Introducing(call(nr, 0) + exit_with()).run()
    assert m.asked == [EXIT] and m.result == value % 2**64


def test_where_its_heap_ends_it_knows_until_it_moves_it() -> None:
    m = Introducing(call(12, 0) + call(12, 0x556000) + call(12, 0) + exit_with()).run()
    assert m.asked == [12, 12, EXIT]


def test_what_it_only_tells_comes_with_the_next_call() -> None:
    m = Introducing(
        call(273, _HEAD, 24)
        + " mov %rax, %r12\n"
        + call(158, 0x1002, 0x1234000)
        + " or %rax, %r12\n"
        + call(218, DATA + 8)
        + " shl $8, %rax\n or %rax, %r12\n"
        + exit_with("r12")
    ).run()
    assert m.asked == [EXIT] and m.said == [(_HEAD, DATA + 8)]
    assert m.result == _WHO[1] << 8 and m.fs == 0x1234000


def test_it_is_told_once() -> None:
    m = Introducing(call(273, _HEAD, 24) + call(20) + call(24) + call(218, DATA) + exit_with()).run()
    assert m.asked == [20, 24, EXIT] and m.said == [(_HEAD, None), (None, DATA)]


@pytest.mark.parametrize(
    "wrong", [(273, DATA, 16), (158, 0x1002, layout.TASK_SIZE), (158, 0x1003, DATA), (158, 0x1001, 0)]
)
def test_what_is_not_as_usual_is_asked(wrong: tuple[int, ...]) -> None:
    m = Introducing(call(*wrong) + exit_with()).run()
    assert m.asked == [wrong[0], EXIT] and not m.said and m.result == 2**64 - 1


def test_from_then_on_it_asks() -> None:
    """What it has said before is told, what it pretends afterwards is not."""

    class Watching(Introducing):
        def answer(self, t: GuestThread, nr: int, args: Args) -> None:
            if nr == 20:
                t.unlearn()
            super().answer(t, nr, args)

    lie = say(PRIVATE, SEQ, {layout.LANE_NOTED: 3, layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: 24})
    m = Watching(call(273, _HEAD, 24) + call(20) + call(39) + call(273, _HEAD + 8, 24) + lie + " ud2\n")
    m.stop_when_gone = True
    m.run()
    assert m.asked == [20, 39, 273, 24] and m.said == [(_HEAD, None)]


def test_a_thread_that_asks_nothing_more_can_be_asked() -> None:
    """It runs until it is killed: what it has said counts."""
    spin = f" movb $1, {DATA}\n1: pause\n jmp 1b\n"

    class Asking(Introducing):
        def answer(self, t: GuestThread, nr: int, args: Args) -> None:
            super().answer(t, nr, args)
            self.look(t)

        def look(self, t: GuestThread) -> None:
            t.collect()
            if self.said:
                t.address_space().kill()
                t.collect()  # it is gone: nothing is there
            else:
                self.reactor.call_after(1_000_000, lambda: self.look(t))

    m = Asking(call(273, _HEAD, 24) + spin).run()
    assert m.said == [(_HEAD, None)] and m.asked == []
