"""Signal frames that the stub writes, and vector registers that it takes from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread
from sandbox.platform.lane import layout
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import CODE, DATA, STACK_TOP, Args, Machine, assemble, call, exit_with

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


UNUSUAL = f"""
 pushq $0x7f80
 ldmxcsr (%rsp)
 popq %rax
 fldpi
 fld1
 mov $77, %eax
 movq %rax, %xmm7
 movq %rax, %xmm15
 jmp start
elsewhere:
 stmxcsr {DATA}
 fnstenv {DATA + 64}
 movq %xmm7, %rax
 mov %rax, {DATA + 8}
 movq %xmm15, %rax
 mov %rax, {DATA + 16}
 pushfq
 popq {DATA + 24}
 mov %rbx, {DATA + 32}
 mov %r11, {DATA + 40}
 mov %rcx, {DATA + 48}
 mov $500, %eax
 syscall
 ud2
start:
"""


@pytest.mark.parametrize("interrupted", [False, True])
def test_without_the_hosts_frame_it_is_the_same(interrupted: bool) -> None:
    """By a thunk, with no register but those that a handler has changed: written from the processor, not from a copy."""
    seen: dict[bool, tuple[bytes, bytes, bytes, int]] = {}
    code = assemble(UNUSUAL + CALLS + exit_with())
    handler = CODE + code.index(b"\x0f\xae\x1c\x25")  # stmxcsr

    def by(whole: bool) -> None:
        def go(t: LaneThread, failed: Callable[[], None]) -> None:
            for register, value in (
                (amd64.RIP, handler),
                (amd64.R11, 11),
                (amd64.RCX, 12),
                (amd64.RSP, STACK_TOP - 256),
            ):
                t.set_reg(register, value)
            t.deliver(FRAME, HEAD, FPU, failed)
            if interrupted:
                t.interrupt()

        def deliver(t: LaneThread, failed: Callable[[], None]) -> None:
            assert not t.whole()
            if whole:
                t.make_whole(lambda: go(t, failed))
            else:
                go(t, failed)

        script = Scripted(deliver)

        def at_500(t: LaneThread) -> None:
            space = t.address_space()
            block = layout.STACKS_BASE + t.slot * layout.STACK_SIZE + 8 * (layout.BLOCK_REGS + amd64.RIP)
            went_on = int.from_bytes(t.space.read_own(block, 8), "little")
            seen[whole] = space.read(FRAME, len(HEAD)), space.read(FPU, t.fpu_size()), space.read(DATA, 128), went_on
            space.kill()

        script.at_500 = at_500
        assert not Machine(UNUSUAL + CALLS + exit_with(), script, patch=True).run().faults and not script.failures

    by(True)
    by(False)
    for part in (0, 2):
        assert seen[True][part] == seen[False][part]
    image, ours = seen[True][1], seen[False][1]  # there are gaps, in which the host's has whatever was there
    assert seen[True][0] == HEAD and image[-4:] == ours[-4:] and len(image) == len(ours)
    for begin, end in ((0, 416), (464, 832)):  # xsave writes no byte between, and has components of its own behind
        assert image[begin:end] == ours[begin:end]
    assert int.from_bytes(ours[160 + 15 * 16 :][:8], "little") == 77 and ours[24:26] == b"\x80\x7f"
    assert seen[True][3] != handler == seen[False][3]  # this one had no frame of the host's
    assert seen[False][2][:4] == b"\x80\x1f\0\0" and seen[False][2][8:24] == bytes(16)


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
