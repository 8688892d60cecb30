"""The gate at which private anonymous memory is mapped, unmapped and emptied without anybody being asked: nothing else
passes there, and what passes reaches nothing but the guest's own part of its address space."""

from __future__ import annotations

import pytest

from sandbox.platform.base import FREE_MEMORY, GuestThread, Order
from sandbox.platform.lane import layout
from sandbox.platform.lane.reports import may_run_free
from tests.integration.platform.machine import DATA, EXIT, Args, Machine, exit_with
from tests.integration.platform.own_stub import PRIVATE, SEQ, ask, say
from tests.integration.platform.test_lane_attacks import MANY_CALLS

_FREE = layout.STUB_BASE + 0x40  # stub_free
_ENTRY = DATA + 4096
_PLACE = 0x4000_0000
_ANONYMOUS = 0x22 | 0x10
_SIGSYS = 31
_U64 = 2**64 - 1

HARMLESS = [
    (9, _PLACE, 4096, 3, _ANONYMOUS, _U64, 0),
    (9, _PLACE, 4096, 1, 0x22 | 0x10_0000 | 0x4000, _U64, 0),
    (9, _PLACE, 4096, 0, _ANONYMOUS | 0x8000, _U64, 0),
    (11, DATA + 8192, 4096, 0, 0, 0, 0),
    (28, DATA + 8192, 4096, 4, 0, 0, 0),
    (28, DATA + 8192, 4096, 8, 0, 0, 0),
]
_WORD = layout.CONTROL_BASE + layout.CONTROL_WAITS
WAIT = (202, _WORD, 0, 0xFFFF_FFFF, 0, 0, 0)
WAKE = (202, _WORD, 1, 0x7FFF_FFFF, 0, 0, 0)
REFUSED = {
    "requeued": (202, _WORD, 3, 1, 0, DATA, 0),
    "woken elsewhere": (202, DATA, 1, 1, 0, 0, 0),
    "woken behind it": (202, layout.CONTROL_BASE + layout.CONTROL_SIZE, 1, 1, 0, 0, 0),
    "waited in a lane": (202, layout.LANES_BASE + layout.LANE_DONE * 8, 0, 1, 0, 0, 0),
    "waited elsewhere": (202, DATA, 0, 1, 0, 0, 0),
    "waited in a stack": (202, layout.STACKS_BASE, 0, 1, 0, 0, 0),
    "waited in the control page": (202, layout.CONTROL_BASE, 0, 1, 0, 0, 0),
    "waited with a time": (202, _WORD, 0, 0xFFFF_FFFF, DATA, 0, 0),
    "over the stub": (9, layout.STUB_BASE, 4096, 3, _ANONYMOUS, _U64, 0),
    "over lanes": (9, layout.LANES_BASE, 4096, 3, _ANONYMOUS, _U64, 0),
    "over stacks": (11, layout.STACKS_BASE, 1 << 20, 0, 0, 0, 0),
    "at the border": (11, layout.TASK_SIZE, 4096, 0, 0, 0, 0),
    "into the stub from below": (11, layout.TASK_SIZE - 4096, 1 << 32, 0, 0, 0, 0),
    "executable": (9, _PLACE, 4096, 5, _ANONYMOUS, _U64, 0),
    "anywhere": (9, 0, 4096, 3, 0x22, _U64, 0),
    "shared": (9, _PLACE, 4096, 3, 0x31, _U64, 0),
    "shared and private": (9, _PLACE, 4096, 3, 0x33, _U64, 0),
    "a file": (9, _PLACE, 4096, 3, 0x12, 3, 0),
    "huge pages": (9, _PLACE, 1 << 21, 3, _ANONYMOUS | 0x40000, _U64, 0),
    "growing": (9, _PLACE, 4096, 3, _ANONYMOUS | 0x100, _U64, 0),
    "locked": (9, _PLACE, 4096, 3, _ANONYMOUS | 0x2000, _U64, 0),
    "merged": (28, DATA, 4096, 12, 0, 0, 0),
    "forked or not": (28, DATA, 4096, 10, 0, 0, 0),
    "protected": (10, DATA, 4096, 7, 0, 0, 0),
    "moved": (25, DATA, 4096, 8192, 1, 0, 0),
    "cloned": (56, 0x11, 0, 0, 0, 0, 0),
    "closed": (3, 0, 0, 0, 0, 0, 0),
    "its children's use": (98, 2**64 - 1, DATA, 0, 0, 0, 0),
    "its thread's use": (98, 1, DATA, 0, 0, 0, 0),
    "opened": (2, DATA, 0, 0, 0, 0, 0),
    "asked": (110, 0, 0, 0, 0, 0, 0),
    "returned": (15, 0, 0, 0, 0, 0, 0),
}


@pytest.mark.parametrize(("call", "result"), [(WAIT, -11), (WAKE, 0)], ids=["wait", "wake"])
def test_a_thread_may_sleep_and_wake_others(call: tuple[int, ...], result: int) -> None:
    """Here it does not have to sleep: the word is another than it says. And nobody else does."""
    results = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr != EXIT:
            t.reply(0)
            return
        results.append(args[0])
        t.address_space().kill()

    Machine(MANY_CALLS + at_the_gate(call), kernel).run()
    assert results == [result % 2**64]


def at_the_gate(call: tuple[int, ...]) -> str:
    stores = "".join(f" movabs ${value}, %rax\n mov %rax, {_ENTRY + 8 * n}\n" for n, value in enumerate(call))
    return f"{stores} mov ${_ENTRY}, %edi\n mov ${_FREE:#x}, %rcx\n call *%rcx\n" + exit_with()


def test_it_may_ask_what_it_uses() -> None:
    """The stub does so for its last call: nobody else is told."""
    results = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        results.append((nr, args[0], t.address_space().read(DATA + 16, 16)))
        t.address_space().kill()

    fill = f" movq $-1, {DATA + 16}\n movq $-1, {DATA + 24}\n"
    Machine(fill + at_the_gate((98, 0, DATA, 0, 0, 0, 0)), kernel).run()
    ((nr, result, system_time),) = results
    assert (nr, result) == (EXIT, 0) and system_time != b"\xff" * 16


def test_it_may_yield() -> None:
    results = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        results.append((nr, args[0]))
        t.address_space().kill()

    Machine(at_the_gate((24, 0, 0, 0, 0, 0, 0)), kernel).run()
    assert results == [(EXIT, 0)]


@pytest.mark.parametrize("call", HARMLESS)
def test_its_own_memory_is_the_guests_affair(call: tuple[int, ...]) -> None:
    assert may_run_free(call[0], call[1:])
    results = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        results.append((nr, args[0]))
        t.address_space().kill()

    Machine(at_the_gate(call), kernel).run()
    assert results == [(EXIT, _PLACE if call[0] == 9 else 0)]


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_passes(name: str) -> None:
    """It is trapped like any call of the guest's own: it was made outside the stub's signal handler."""
    call = REFUSED[name]
    assert not may_run_free(call[0], call[1:])
    trapped = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        trapped.append((nr, args))
        t.address_space().kill()

    m = Machine(at_the_gate(call), kernel).run()
    assert trapped == [(call[0], call[1:])] and not m.faults


def test_what_was_taken_for_done_and_failed_is_reported() -> None:
    """The guest has mapped something there by itself, so the order fails."""
    place = (9, _PLACE, 4096, 3, _ANONYMOUS, _U64, 0)
    results: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        def failed(index: int, result: int) -> None:
            results.append(result)
            t.reply(result)

        if nr == EXIT and not results:
            order = Order(9, (_PLACE, 4096, 3, 0x22 | 0x10_0000, _U64, 0), free=FREE_MEMORY)
            t.execute_assumed(order, 5, failed)
        else:
            t.address_space().kill()

    Machine(at_the_gate(place) + exit_with(), kernel).run()
    assert results == [-17]


def test_a_report_of_a_failure_comes_at_once_or_not_at_all() -> None:
    """A guest that goes on as if it had succeeded, and says later that it failed, is killed."""
    told: list[int] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        order = Order(9, (_PLACE, 4096, 3, 0x22 | 0x10_0000, _U64, 0), free=FREE_MEMORY)
        if nr == 9:
            t.execute_assumed(order, 5, lambda index, result: told.append(result))
        else:
            t.reply(0)

    go_on = say(PRIVATE, SEQ + 1, {layout.LANE_KIND: layout.KIND_SYSCALL, layout.LANE_NR: 39})
    late = say(PRIVATE, SEQ + 2, {layout.LANE_KIND: layout.KIND_DONE, layout.LANE_RESULT: -12})
    m = Machine(ask(PRIVATE, 9) + go_on + late + " ud2\n", kernel).run()
    assert m.gone == [9] and not told and not m.faults


def test_areas_that_nobody_was_told_of_are_counted() -> None:
    """And so is what is resident in them: every other page of a stretch, touched."""
    count = 2000
    step = f"mov ${_ENTRY}, %edi\n mov ${_FREE:#x}, %rcx\n call *%rcx\n"
    stores = "".join(
        f" movabs ${value}, %rax\n mov %rax, {_ENTRY + 8 * n}\n"
        for n, value in enumerate((9, _PLACE, 4096, 3, _ANONYMOUS, _U64, 0))
    )
    touch = f"mov {_ENTRY + 8}, %rax\n movb $1, (%rax)\n addq $8192, {_ENTRY + 8}\n"
    loop = f" mov ${count}, %ebx\n1: {step}{touch} dec %ebx\n jnz 1b\n"
    seen: list[tuple[int, int]] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        space = t.address_space()
        space.count_areas()
        seen.append((space.known_areas(), space.memory_use().private))
        if nr == EXIT:
            space.kill()
        else:
            t.reply(0)

    Machine("mov $39, %eax\n syscall\n" + stores + loop + exit_with(), kernel).run()
    (areas, private), (areas_after, private_after) = seen
    assert 0 < areas < 64
    assert areas + count <= areas_after < areas + count + 64
    assert private_after >= private + count
