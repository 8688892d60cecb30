"""futex(2) answered by the stub: what it may answer, and what it has to leave to the kernel."""

from __future__ import annotations

import pytest

from sandbox.platform.base import GuestThread
from sandbox.platform.lane import layout
from sandbox.platform.lane.patching import TRIES
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import DATA, EXIT, Args, Machine

_FUTEX = 202
_BEGIN, _WARM = 111, 39  # calls: the kernel lets the thread answer from then on; nothing
_WAIT, _WAKE, _WAIT_BITSET, _WAKE_BITSET, _REALTIME = 128, 129, 137, 138, 256
_WORD = DATA + 0x1100  # holds 0
_RESULTS = DATA + 0x2000
_ASKED = 4242
_TIMES = 40 * TRIES  # so that the sites are patched, where they may be
_NOWHERE = 0x10000

ALONE = {  # arguments, result
    "wake": ((_WORD, _WAKE, 1), 0),
    "wake with a bitset": ((_WORD, _WAKE_BITSET, 1, 0, 0, 8), 0),
    "wake, whatever else": ((_WORD, 1 << 32 | _WAKE, 0, 77, 77, 0), 0),
    "wake where nothing is": ((_NOWHERE, _WAKE, 1), 0),
    "wait": ((_WORD, _WAIT, 1, 0), -11),
    "wait, of 32 bits": ((_WORD, _WAIT, 1 << 32 | 1, 0), -11),
    "wait with a bitset": ((_WORD, _WAIT_BITSET, 1, 0, 0, 1), -11),
    "wait with a clock": ((_WORD, _WAIT_BITSET | _REALTIME, 1, 0, 0, 1), -11),
}
ASKED = {
    "shared wake": (_WORD, 1, 1),
    "shared wait": (_WORD, 0, 1, 0),
    "wait for a word as it is": (_WORD, _WAIT, 0, 0),
    "wait for 32 bits as they are": (_WORD, _WAIT, 1 << 32, 0),
    "time-out": (_WORD, _WAIT, 1, _NOWHERE),
    "wake, not aligned": (_WORD + 2, _WAKE, 1),
    "wait, not aligned": (_WORD + 1, _WAIT, 1, 0),
    "wake, no address": (layout.TASK_SIZE, _WAKE, 1),
    "wait, no address": (layout.STACKS_BASE, _WAIT, 1, 0),
    "wait where nothing is": (_NOWHERE, _WAIT, 1, 0),
    "wake, no bit": (_WORD, _WAKE_BITSET, 1, 0, 0, 1 << 32),
    "wait, no bit": (_WORD, _WAIT_BITSET, 1, 0, 0, 0),
    "wake with a clock": (_WORD, _WAKE | _REALTIME, 1),
    "wait with a clock for a time": (_WORD, _WAIT | _REALTIME, 1, 0),
    "requeue": (_WORD, 131, 1, 1, _WORD + 4),
    "unknown": (_WORD, 128 | 99, 1),
}


class Futexes(Machine):
    """The call _TIMES times; `asked`: how often the kernel was, by a thread that had been let answer by itself."""

    def __init__(self, args: tuple[int, ...], patch: bool, **options: bool) -> None:
        registers = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
        load = "".join(f" movabs ${value}, %{name}\n" for name, value in zip(registers, args, strict=False))
        source = f"""
            mov $100, %ebx
        1:  mov ${_WARM}, %eax
            syscall
            dec %ebx
            jnz 1b
            mov ${_BEGIN}, %eax
            syscall
            mov ${_TIMES}, %ebx
        2:  {load}
            mov ${_FUTEX}, %eax
            syscall
            mov %rax, {_RESULTS}(,%rbx,8)
            dec %ebx
            jnz 2b
            mov ${EXIT}, %eax
            syscall
        """
        self.asked = 0
        self.by_thunk = 0
        super().__init__(source, lambda m, t, nr, args: self.answer(t, nr, args), patch=patch, **options)

    def begin(self, t: GuestThread) -> None:
        t.learn_futexes()

    def answer(self, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        if nr == _BEGIN:
            assert not t.private
            self.begin(t)
        elif nr == _FUTEX:
            self.asked += 1
            self.by_thunk += not t.whole()
            t.reply(_ASKED)
            return
        elif nr == EXIT:
            words = t.read(_RESULTS + 8, _TIMES * 8)
            self.results = {int.from_bytes(words[n : n + 8], "little", signed=True) for n in range(0, len(words), 8)}
            t.address_space().kill()
            return
        t.reply(0)


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("what", ALONE)
def test_what_needs_nobody(what: str, patch: bool) -> None:
    args, result = ALONE[what]
    m = Futexes(args, patch).run()
    assert not m.faults and not m.mishaps
    if patch:  # now and then it is asked, so that the site gets patched
        assert m.platform.patcher is not None and m.platform.patcher.patched
        assert m.results == {result, _ASKED} and m.asked == TRIES
    else:
        assert m.results == {result} and not m.asked


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("what", ASKED)
def test_what_is_the_kernels(what: str, patch: bool) -> None:
    m = Futexes(ASKED[what], patch).run()
    assert not m.faults and not m.mishaps
    assert m.results == {_ASKED} and m.asked == _TIMES and (m.by_thunk > 0) == patch


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize(
    ("where", "waits"), [(_WORD, True), (0x7000_0100, True), (_WORD + 4, False), (_WORD - 0x100, False)]
)
def test_a_wake_up_where_somebody_waits_is_the_kernels(where: int, waits: bool, patch: bool) -> None:
    """At its place in a page, whichever page that is."""

    class Waiting(Futexes):
        def begin(self, t: GuestThread) -> None:
            super().begin(t)
            for _ in range(3):
                self.platform.waiters.came(where)
            for _ in range(2):
                self.platform.waiters.left(where)

    m = Waiting((_WORD, _WAKE, 1), patch).run()
    assert (m.asked == _TIMES) == waits


@pytest.mark.parametrize("patch", [False, True])
def test_who_is_watched_asks_again(patch: bool) -> None:
    class Watched(Futexes):
        def begin(self, t: GuestThread) -> None:
            super().begin(t)
            t.unlearn()

    m = Watched((_WORD, _WAKE, 1), patch).run()
    assert m.asked == _TIMES and m.results == {_ASKED}


def test_what_it_knows_besides_stays() -> None:
    class Both(Futexes):
        def begin(self, t: GuestThread) -> None:
            super().begin(t)
            t.learn(39, 7)
            t.learn_futexes()

    m = Both((_WORD, _WAKE, 1), False).run()
    assert not m.asked
