"""Call sites are patched while other threads run, through these very sites too: every call is made once, and as it was meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread, Order
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import CODE, DATA, EXIT, STACK_TOP, Args, Machine, call, exit_with

SITES = 100
WORKERS = 3
ATTEMPTS = 5
ROUNDS = 40
FIRST = 100  # the number of the first site's call
CLONE = 56
FORGET = 1500  # calls after which the program's copy of its code is dropped, and is the file's again
_MADVISE, _MADV_DONTNEED = 28, 4


def site(n: int) -> str:
    """The call has the result 3 n; registers and flags survive it."""
    form = (
        f" mov ${n}, %eax\n syscall\n" if n % 2 else f" xor %eax, %eax\n add ${n}, %eax\n syscall\n cmp $-4095, %rax\n"
    )
    return f" stc\n{form} cmp ${3 * n}, %rax\n jne bad\n cmp %rsp, %rbp\n jne bad\n cmp ${ROUNDS}, %rbx\n ja bad\n"


def program(rounds: int) -> str:
    """Clones WORKERS threads, then computes for ever."""
    start = f" mov ${STACK_TOP}, %rsp\n mov ${WORKERS}, %ebx\n1:\n{call(CLONE)} test %rax, %rax\n jz work\n dec %ebx\n jnz 1b\n"
    spin = f"spin: incq {DATA}\n jmp spin\n"
    sites = "".join(site(n) for n in range(FIRST, FIRST + SITES))
    work = f"work: mov %rsp, %rbp\n mov ${rounds}, %ebx\n2:\n{sites} dec %ebx\n jnz 2b\n xor %eax, %eax\n{exit_with()}"
    return start + spin + work + "bad: ud2\n"


class Kernel:
    def __init__(self, forget: int = 0) -> None:
        self.forget = forget
        self.calls: dict[int, int] = {}
        self.by_thunk = 0
        self.total = 0
        self.left = WORKERS
        self.spinner: LaneThread | None = None

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        if nr == CLONE:
            self.spinner = t
            t.clone_thread(lambda child: self.cloned(t, child))
        elif nr == EXIT:
            self.left -= 1
            t.release()
            if not self.left:
                t.space.kill()
        else:
            self.calls[nr] = self.calls.get(nr, 0) + 1
            self.by_thunk += not t.whole()
            self.total += 1
            if self.forget and self.total % self.forget == 0:
                order = Order(_MADVISE, (CODE, 8192, _MADV_DONTNEED))
                t.execute([order], lambda index, result: self.forgotten(t, nr, result))
            else:
                t.reply(3 * nr)

    def forgotten(self, t: LaneThread, nr: int, result: int) -> None:
        assert result == 0
        t.set_reg(amd64.RAX, 3 * nr)
        t.resume()

    def cloned(self, t: LaneThread, child: GuestThread | None) -> None:
        assert child is not None
        child.set_reg(amd64.RAX, 0)
        child.set_reg(amd64.RSP, STACK_TOP - 0x1000)
        child.resume()
        t.reply(1)


@pytest.mark.parametrize("looking", [True, False])
@pytest.mark.parametrize("forget", [0, FORGET])
def test_sites_are_patched_while_threads_run_through_them(looking: bool, forget: int) -> None:
    for _ in range(
        ATTEMPTS
    ):  # a thread that gets no processor for 20 ms is not waited for, and a busy host has many such
        kernel = Kernel(forget)
        m = Machine(program(ROUNDS), kernel, looking, patch=True)
        m.run(60)
        assert not m.faults and not m.mishaps and not kernel.left
        assert kernel.calls == dict.fromkeys(range(FIRST, FIRST + SITES), WORKERS * ROUNDS)
        patcher, standstills = m.platform.patcher, m.platform.looker.standstills
        assert patcher is not None and not standstills.under_way
        if forget or (patcher.patched and standstills.reached and kernel.by_thunk):
            return
    pytest.fail("never brought to a stop")


@pytest.mark.interpreted  # a method of a compiled class cannot be replaced
def test_who_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that computes does not hear the interrupt: nothing is patched, and the others go on."""
    kernel = Kernel()
    real = LaneThread.nudge
    tried: list[int] = []

    def nudge(t: LaneThread) -> None:
        if t is kernel.spinner:
            tried.append(kernel.total)
        else:
            real(t)

    monkeypatch.setattr(LaneThread, "nudge", nudge)
    m = Machine(program(ROUNDS), kernel, patch=True)
    m.run(60)
    standstills, patcher = m.platform.looker.standstills, m.platform.patcher
    assert not m.faults and not m.mishaps and kernel.calls[FIRST] == WORKERS * ROUNDS
    assert patcher is not None and not patcher.patched and not standstills.reached
    assert 1 <= standstills.missed <= len(tried) < 40  # each attempt comes later than the one before


@pytest.mark.interpreted  # a method of a compiled class cannot be replaced
def test_a_process_that_ends_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(LaneThread, "nudge", lambda t: t.space.kill())
    m = Machine(program(ROUNDS), kernel, patch=True).run(60)
    assert not m.faults and not m.mishaps and kernel.left and kernel.total


class Ending(Machine):
    """Another thread's call ends the one that maps room for thunks, as soon as that is done."""

    def map_code(self, thread: GuestThread, near: int, fd: int, size: int, done: Callable[[int], None]) -> bool:
        def and_end(address: int) -> None:
            thread.release()
            done(address)
            thread.address_space().kill()

        return super().map_code(thread, near, fd, size, and_end)


def test_a_thread_that_is_ended_when_its_site_could_be_patched_makes_no_call() -> None:
    late: list[int] = []
    kernel = Kernel()

    def watching(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if isinstance(t, LaneThread) and t.released:
            late.append(nr)
        kernel(m, t, nr, args)

    m = Ending(program(ROUNDS), watching, patch=True).run(60)
    assert m.gone and not m.mishaps and not late
