"""rt_sigaction(2) answered by the stub: what it may answer, what it has to leave to the kernel, and what it tells."""

from __future__ import annotations

import pytest

from sandbox.abi.linux.signal import SIGACTION
from sandbox.platform.base import GuestThread
from sandbox.platform.lane import layout
from sandbox.platform.lane.patching import TRIES
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import DATA, EXIT, Args, Machine
from tests.integration.platform.own_stub import SEQ, SHARED, poke, say

_SIGACTION = 13
_BEGIN, _WARM, _OTHER = 111, 39, 24  # calls: the kernel lets the thread answer from then on; nothing; nothing
_OLD, _NEW, _WRONG = DATA + 0x1100, DATA + 0x1140, DATA + 0x1180
_RESULTS = DATA + 0x2000
_ASKED = 4242
_TIMES = 40 * TRIES  # so that the sites are patched, where they may be
_NOWHERE = 0x10000
_RESTORER = 0x123000
_FLAGS = 0x0400_0000
_PLAIN = SIGACTION.pack(0, _FLAGS, _RESTORER, 0)
_DEFAULTS = (1 << 64) - 1 & ~(1 << 11)  # all but SIGUSR2

ALONE = {"get": (10, 0, _OLD, 8), "get of 32 bits": (5 << 32 | 10, 0, _OLD, 8), "get SIGCHLD": (17, 0, _OLD, 8)}
TOLD = {"set": (10, _NEW, 0, 8), "set the last": (64, _NEW, 0, 8)}
ASKED = {
    "get another": (12, 0, _OLD, 8),
    "set another": (12, _NEW, 0, 8),
    "set what is ignored": (17, _NEW, 0, 8),
    "both": (10, _NEW, _OLD, 8),
    "neither": (10, 0, 0, 8),
    "size": (10, 0, _OLD, 4),
    "size of 64 bits": (10, 0, _OLD, 1 << 32 | 8),
    "number 0": (0, 0, _OLD, 8),
    "number 65": (65, 0, _OLD, 8),
    "number -1": (-1, 0, _OLD, 8),
    "get nowhere": (10, 0, _NOWHERE, 8),
    "set nowhere": (10, _NOWHERE, 0, 8),
    "get into the stub's memory": (10, 0, layout.STACKS_BASE, 8),
    "get across the end": (10, 0, layout.TASK_SIZE - 16, 8),
    "set from the stub's memory": (10, layout.STACKS_BASE + 4096, 0, 8),
    "get to the end of all": (10, 0, -8, 8),
    "handler": (10, _WRONG, 0, 8),
    "flags": (10, _WRONG + 32, 0, 8),
    "mask": (10, _WRONG + 64, 0, 8),
}


class Actions(Machine):
    """The call _TIMES times; `asked`: how often the kernel was, by a thread that had been let answer by itself."""

    def __init__(self, args: tuple[int, ...], patch: bool, after: str = "") -> None:
        load = "".join(f" movabs ${v}, %{name}\n" for name, v in zip(("rdi", "rsi", "rdx", "r10"), args, strict=True))
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
            mov ${_SIGACTION}, %eax
            syscall
            mov %rax, {_RESULTS}(,%rbx,8)
            dec %ebx
            jnz 2b
            {after}
            mov ${EXIT}, %eax
            syscall
        """
        self.asked = 0
        self.by_thunk = 0
        self.told: list[tuple[int, int]] = []
        super().__init__(source, lambda m, t, nr, args: self.answer(t, nr, args), patch=patch)

    def acted(self, thread: GuestThread, signals: int, restorer: int) -> None:
        self.told.append((signals, restorer))

    def answer(self, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        if nr == _BEGIN:
            assert not t.private
            t.write(_NEW, _PLAIN)
            for n, wrong in enumerate(
                ((1, _FLAGS, _RESTORER, 0), (0, _FLAGS | 1, _RESTORER, 0), (0, _FLAGS, _RESTORER, 1))
            ):
                t.write(_WRONG + 32 * n, SIGACTION.pack(*wrong))
            t.write(_OLD, b"\7" * 32)
            t.learn_actions(_DEFAULTS)
        elif nr == _SIGACTION:
            self.asked += 1
            self.by_thunk += not t.whole()
            t.reply(_ASKED)
            return
        elif nr == EXIT:
            words = t.read(_RESULTS + 8, _TIMES * 8)
            self.results = {int.from_bytes(words[n : n + 8], "little", signed=True) for n in range(0, len(words), 8)}
            self.old = t.read(_OLD, 32)
            t.address_space().kill()
            return
        t.reply(0)


def _alone(m: Actions, patch: bool) -> None:
    assert not m.faults and not m.mishaps
    if patch:  # now and then it is asked, so that the site gets patched
        assert m.platform.patcher is not None and m.platform.patcher.patched
        assert m.results == {0, _ASKED} and m.asked == TRIES
    else:
        assert m.results == {0} and not m.asked


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("what", ALONE)
def test_an_action_that_nobody_has_set_is_known(what: str, patch: bool) -> None:
    m = Actions(ALONE[what], patch).run()
    _alone(m, patch)
    assert m.old == bytes(32) and not m.told


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("what", TOLD)
def test_setting_what_is_so_is_told_with_the_next_call(what: str, patch: bool) -> None:
    m = Actions(TOLD[what], patch).run()
    assert not m.faults and not m.mishaps and m.results <= {0, _ASKED}
    assert m.told and set(m.told) == {(1 << TOLD[what][0] - 1, _RESTORER)}
    if not patch:  # once; from then on it is another action
        assert m.told == [(1 << TOLD[what][0] - 1, _RESTORER)] and m.results == {0}


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("what", ASKED)
def test_what_is_the_kernels(what: str, patch: bool) -> None:
    m = Actions(ASKED[what], patch).run()
    assert not m.faults and not m.mishaps and not m.told
    assert m.results == {_ASKED} and m.asked == _TIMES and (m.by_thunk > 0) == patch


def test_what_was_set_is_what_is_told_and_then_asked_for() -> None:
    get = f" mov $10, %edi\n xor %esi, %esi\n mov ${_OLD}, %edx\n mov $8, %r10d\n mov ${_SIGACTION}, %eax\n syscall\n"
    m = Actions(TOLD["set"], False, get).run()
    assert m.old == _PLAIN and not m.asked
    m = Actions(TOLD["set"], False, f" mov ${_OTHER}, %eax\n syscall\n" + get).run()
    assert m.old == b"\7" * 32 and m.asked == 1


@pytest.mark.parametrize("revoke", ["unlearn", "unlearn_actions", "changed_action"])
def test_from_then_on_it_asks_and_lies_are_not_believed(revoke: str) -> None:
    class Revoking(Actions):
        def syscall(self, thread: GuestThread, nr: int, args: Args) -> None:
            if nr == _OTHER:
                thread.changed_action(10) if revoke == "changed_action" else getattr(thread, revoke)()
            super().syscall(thread, nr, args)

    get = f" mov $10, %edi\n xor %esi, %esi\n mov ${_OLD}, %edx\n mov $8, %r10d\n mov ${_SIGACTION}, %eax\n syscall\n"
    lie = poke(SHARED + layout.LANE_ACTED * 8, -1) + poke(SHARED + layout.LANE_RESTORER * 8, 77)
    m = Revoking(ALONE["get"], False, f" mov ${_OTHER}, %eax\n syscall\n" + get + lie).run()
    assert m.asked == 1
    assert m.told == ([((1 << 64) - 1, 77)] if revoke == "changed_action" else [])


def test_who_says_all_of_it_itself_has_said_it() -> None:
    words = {
        layout.LANE_KIND: layout.KIND_SYSCALL,
        layout.LANE_NR: _OTHER,
        layout.LANE_ACTED: -1,
        layout.LANE_RESTORER: -1,
    }
    m = Actions(ALONE["get"], False, say(SHARED, SEQ, words) + " ud2\n")
    m.stop_when_gone = True
    m.run()
    assert set(m.told) == {((1 << 64) - 1, (1 << 64) - 1)}
