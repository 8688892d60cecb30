"""Signal frames that the stub writes, and vector registers that it takes from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread
from sandbox.platform.lane import layout
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import CODE, DATA, STACK_TOP, Args, Machine, call, exit_with

MANY = 100  # calls after which a thread has its shared lane, and those by a hot site go by a thunk
HEAD = bytes(range(256)) * 2
FRAME = DATA + 0x1000
FPU = DATA + 0x2000
CALLS = f" mov ${MANY}, %ebx\n9: mov $39, %eax\n syscall\n dec %ebx\n jnz 9b\n"
FILL = " mov $77, %eax\n movq %rax, %xmm7\n"
ELSEWHERE = f"""
 movq %xmm7, %rax
 mov %rax, {DATA}
 mov $78, %eax
 movq %rax, %xmm7
 mov $500, %eax
 syscall
 movq %xmm7, %rax
"""


class Scripted:
    """At the last of MANY calls, and at call 500, the test acts; `failures` counts what the stub could not do."""

    def __init__(self, act: Callable[[LaneThread, Callable[[], None]], None], trapped: bool = False) -> None:
        self.act = act
        self.trapped = trapped
        self.seen = 0
        self.failures = 0
        self.by_thunk = False
        self.at_500: Callable[[LaneThread], None] = lambda t: t.resume()
        self.left: int | None = None

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        if nr == 60:
            self.left = args[0]
            t.space.kill()
        elif nr == 500:
            self.at_500(t)
        else:
            self.seen += 1
            if self.seen < MANY:
                t.reply(0)
                return
            self.by_thunk = not t.whole()

            def failed() -> None:
                self.failures += 1
                assert t.stopped and t.whole() and len(t.fpu_state()) == t.fpu_size()
                t.resume()

            self.act(t, failed)


def run(script: Scripted, source: str, patch: bool) -> Machine:
    m = Machine(source + exit_with(), script, patch=patch).run()
    assert not m.faults and not m.mishaps
    return m


@pytest.mark.parametrize("patch", [False, True])
def test_a_frame_is_written_with_the_registers_of_the_vector_unit(patch: bool) -> None:
    seen: list[bytes] = []

    def deliver(t: LaneThread, failed: Callable[[], None]) -> None:
        t.set_reg(amd64.RIP, CODE + elsewhere)
        t.set_reg(amd64.R15, 99)
        t.deliver(FRAME, HEAD, FPU, failed)

    script = Scripted(deliver)

    def at_500(t: LaneThread) -> None:
        assert t.get_reg(amd64.R15) == 99 and t.get_reg(amd64.RSP) == STACK_TOP
        seen.append(t.address_space().read(FRAME, len(HEAD)))
        seen.append(t.address_space().read(FPU, t.fpu_size()))
        seen.append(t.address_space().read(DATA, 8))
        t.resume_from(FPU, lambda: t.reply(-1))

    script.at_500 = at_500
    prologue = f" jmp start\nelsewhere: {ELSEWHERE} jmp out\nstart:\n"
    elsewhere = 2  # after a short jump
    run(script, prologue + FILL + CALLS + " ud2\nout:\n", patch)
    assert seen[0] == HEAD and script.by_thunk is patch and not script.failures
    assert int.from_bytes(seen[1][160 + 7 * 16 :][:8], "little") == 77  # xmm7 in the FXSAVE image
    assert seen[2] == bytes(8)  # the handler begins with the initial state
    assert script.left == 77  # and what the frame has comes back


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize(
    ("address", "fpu"),
    [
        (0, FPU),
        (FRAME, 0),
        (FRAME, CODE),  # not writable
        (FRAME, DATA + 0x10000 - 64),  # half of it
        (DATA + 0x10000 - 64, FPU),
        (layout.STACKS_BASE, FPU),
        (layout.LANES_BASE, FPU),
        (FRAME, layout.STACKS_BASE),
        (1 << 63, FPU),
        (FRAME, (1 << 64) - 64),
    ],
)
def test_where_it_cannot_be_written_the_kernel_hears_of_it(address: int, fpu: int, patch: bool) -> None:
    script = Scripted(lambda t, failed: t.deliver(address, HEAD, fpu, failed))
    run(script, FILL + CALLS + " movq %xmm7, %rax\n", patch)
    assert script.failures == 1 and script.by_thunk is patch and script.left == 77


def test_a_private_lane_leaves_it_to_the_kernel() -> None:
    script = Scripted(lambda t, failed: None)
    told: list[str] = []

    def at_500(t: LaneThread) -> None:
        assert t.private
        t.deliver(FRAME, HEAD, FPU, lambda: told.append("deliver"))
        t.resume_from(FPU, lambda: told.append("resume_from"))
        t.resume()

    script.at_500 = at_500
    run(script, call(500), False)
    assert told == ["deliver", "resume_from"]


def image(t: LaneThread) -> bytearray:
    return bytearray(t.fpu_state())


def _mxcsr(state: bytearray) -> None:
    state[24:28] = b"\xff" * 4


def _features(state: bytearray) -> None:
    state[519] |= 0x40


def _compacted(state: bytearray) -> None:
    state[527] |= 0x80


def _magic(state: bytearray) -> None:
    state[464:468] = bytes(4)


def _sizes(state: bytearray) -> None:
    state[468:472] = (1 << 30).to_bytes(4, "little")


@pytest.mark.parametrize("spoil", [_mxcsr, _features, _compacted, _magic, _sizes])
def test_vector_registers_that_the_processor_would_refuse_are_not_taken(spoil: Callable[[bytearray], None]) -> None:
    def put_and_resume(t: LaneThread, failed: Callable[[], None]) -> None:
        state = image(t)
        spoil(state)
        t.address_space().write(FPU, state)
        t.resume_from(FPU, failed)

    script = Scripted(put_and_resume)
    run(script, FILL + CALLS + " movq %xmm7, %rax\n", False)
    assert script.failures == 1


@pytest.mark.parametrize("fpu", [0, FPU + 8, CODE - 4096, layout.STACKS_BASE, (1 << 64) - 64, 1 << 47])
def test_nor_from_where_there_are_none(fpu: int) -> None:
    script = Scripted(lambda t, failed: t.resume_from(fpu, failed))
    run(script, FILL + CALLS, False)
    assert script.failures == 1
