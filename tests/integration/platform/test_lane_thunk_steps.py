"""An interrupt at every instruction of a call that goes by a thunk: nothing is lost, and no register changes."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import FREE_MEMORY, GuestThread, Order
from sandbox.platform.lane import layout
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import CODE, DATA, STACK_TOP, THUNKS, Args, Machine, assemble
from tests.integration.platform.stepper import Stepper

START, GO, DONE, SAVED, RED = (DATA + 8 * n for n in (0, 1, 2, 16, 64))
RESULT = 4242
NAMES = ("r8", "r9", "r10", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rsp", "rax", "rcx", "r11")
PATTERNS = {name: 0x1111_1111_1111_1111 * (n + 1) & 0x7FFF_FFFF_FFFF_FFFF for n, name in enumerate(NAMES[:12])}
FLAGS = 0x40ED7  # AC, OF, DF, IF, SF, ZF, AF, PF, CF
ARITHMETIC = 0x8D5
RED_ZONE = 0x12340000
FRAME = DATA + 0x4000
FREE = layout.STUB_BASE + 0x40  # stub_free
FUTEX = 202
WORD = DATA + 0x100  # 0
HERE = {  # answered by the stub: arguments of futex(2), its result
    "wake": ({"rdi": WORD, "rsi": 129, "rdx": 1}, 0),
    "wait": ({"rdi": WORD, "rsi": 128, "rdx": 1, "r10": 0}, -11),
}
EMPTY = Order(28, (DATA + 0x8000, 4096, 4), free=FREE_MEMORY)  # madvise: MADV_DONTNEED

CODES = {
    "mov": "site: mov $NUMBER, %eax\n syscall\nafter:\n",
    "cmp": " xor %eax, %eax\n add $NUMBER, %eax\nsite: syscall\n cmp $-4095, %rax\nafter:\n",
}


def program(form: str, number: int, arguments: dict[str, int]) -> str:
    """Waits for START, makes the call with known registers, keeps what it finds, waits for GO, counts."""
    load = "".join(f" movabs ${value}, %{name}\n" for name, value in (PATTERNS | arguments).items())
    red = "".join(f" movq ${RED_ZONE + n}, {-8 * (n + 1)}(%rsp)\n" for n in range(16))
    keep = "".join(f" mov %{name}, {SAVED + 8 * n}\n" for n, name in enumerate(NAMES))
    keep_red = "".join(f" mov {-8 * (n + 1)}(%rsp), %rax\n mov %rax, {RED + 8 * n}\n" for n in range(16))
    return f"""
    movq $1, {START}
again:
    cmpq $0, {START}
    je again
    movq $0, {START}
    {load}
    mov ${STACK_TOP - 256}, %rsp
    pushq ${FLAGS}
    popfq
    {red}
    {CODES[form].replace("NUMBER", str(number))}
    {keep}
    {keep_red}
    pushfq
    popq {SAVED + 8 * 16}
    pushq $0x202
    popfq
2:  cmpq $0, {GO}
    je 2b
    movq $0, {GO}
    incq {DONE}
    jmp again
"""


class Interrupted:
    """Steps through the call again and again, each time with an interrupt at another instruction."""

    def __init__(self, form: str, answer: str) -> None:
        """`frame`: a signal that is pending when the call comes is delivered by a frame in the call's place. `order`: the
        answer has the thread make a call of its own. One of HERE: the stub answers, once it may."""
        self.answer = answer
        arguments, self.result = HERE.get(answer, ({}, RESULT))
        self.number = FUTEX if answer in HERE else 39
        source = program(form, self.number, arguments)
        code = assemble(source)
        self.site = CODE + code.index(b"\xb8" + struct.pack("<I", self.number) if form == "mov" else b"\x0f\x05")
        self.after = self.site + (7 if form == "mov" else 8)
        self.calls = 0
        self.pending = False
        self.baseline = b""
        self.steps: dict[tuple[int, bool], bool] = {}
        self.shown: set[int] = set()
        self.failed: list[int] = []
        self.stepper: Stepper | None = None
        self.machine = Machine(source, self.syscall, patch=True)
        self.machine.on_interrupt = self.interrupted

    def syscall(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert nr == self.number and type(t) is LaneThread
        self.calls += 1
        if self.stepper is not None:
            if not self.pending and self.answer == "order":
                t.execute_assumed(EMPTY, RESULT, lambda index, result: self.failed.append(result))
                return
            if not self.pending:
                t.reply(self.result)
                return
            assert not t.whole()
            if self.answer == "frame":
                self.pending = False
                t.set_reg(amd64.RAX, RESULT)
                t.write(GO, one)
                t.deliver(FRAME, b"", FRAME + 4096, lambda: self.failed.append(t.get_reg(amd64.RIP)))
                return
            t.make_whole(lambda: self.go_on(t, self.result))  # as the kernel does with a signal pending
            return
        t.write(GO, one)
        if self.calls == 2:
            self.baseline = t.read(SAVED, 17 * 8) + t.read(RED, 16 * 8)
        patcher = m.platform.patcher
        assert patcher is not None and self.calls < 500
        if patcher.patched and not t.whole():
            self.stepper = Stepper(t, self.work)
            self.stepper.start()
            if self.answer in HERE:
                t.learn_futexes()
        else:
            t.write(START, one)
        t.reply(self.result)

    def go_on(self, t: GuestThread, result: int | None = None) -> None:
        self.shown.add(t.get_reg(amd64.RIP))
        assert t.get_reg(amd64.RSP) == STACK_TOP - 256 and len(t.fpu_state()) >= 512
        if result is not None:
            t.set_reg(amd64.RAX, result)
        if self.pending:
            self.pending = False
            t.write(GO, one)
        t.resume()

    def interrupted(self, t: GuestThread) -> None:
        self.go_on(t)

    def work(self, s: Stepper) -> None:
        last = struct.pack("<Q", self.calls)
        s.go_until(lambda: s.read(DONE, 8) == last)
        self.round(s, None)
        for step in self.steps:
            self.round(s, step)
            found = s.read(SAVED, 17 * 8) + s.read(RED, 16 * 8)
            different = differences(self.baseline, found, self.after == self.site + 8)
            assert not different, (step, different)
            assert not self.pending, f"lost at {step[0]:#x}, after the answer: {step[1]}"

    def round(self, s: Stepper, step: tuple[int, bool] | None) -> None:
        """One call with an interrupt at that step, an instruction before or after the answer; or without one, to find
        which steps there are."""
        done = s.read(DONE, 8)
        s.write(START, one)
        while s.rip != self.site:
            s.step()
        seen = s.guest.seen
        while (rip := s.rip) != self.after:
            here = (rip, s.guest.seen != seen)
            if here == step and not s.guest.stopped:
                self.pending = True
                s.interrupt()
                break
            if step is None and not s.guest.stopped:
                self.steps[here] = True
            s.step()
            if step is not None and step[0] >= layout.STUB_BASE and s.rip != step[0]:
                s.go_to(step[0])
        else:
            s.write(GO, one)
        s.go_until(lambda: s.read(DONE, 8) != done)


one = struct.pack("<Q", 1)


def differences(expected: bytes, found: bytes, cmp: bool) -> list[str]:
    """In the cmp form r11, which has the flags of before the call, has not those that the comparison sets anyway."""
    names = [*NAMES, "flags", *(f"red zone {n}" for n in range(16))]
    pairs = zip(names, struct.iter_unpack("<Q", expected), struct.iter_unpack("<Q", found), strict=True)
    masks = {"r11": ~ARITHMETIC} if cmp else {}
    return [f"{name}: {a:#x} became {b:#x}" for name, (a,), (b,) in pairs if (a ^ b) & masks.get(name, ~0)]


@pytest.fixture(autouse=True)
def _threads_take_turns() -> Iterator[None]:
    """The sentry polls while the other thread steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("answer", ["reply", "frame", "order", *HERE])
@pytest.mark.parametrize("form", CODES)
def test_an_interrupt_at_every_instruction(form: str, answer: str) -> None:
    call = Interrupted(form, answer)
    call.machine.run(60)
    assert call.stepper is not None
    call.stepper.join()
    if call.stepper.error is not None:
        raise call.stepper.error
    assert not call.machine.faults and not call.machine.mishaps and not call.failed
    thunk = {rip for rip, _ in call.steps if THUNKS <= rip < THUNKS + 65536}
    stub = {rip for rip, _ in call.steps if rip >= layout.STUB_BASE}
    assert len(thunk) >= 4 and len(stub) > (60 if answer in HERE else 150)  # it was there
    assert any(posted for _, posted in call.steps) == (answer not in HERE)
    assert any(FREE <= rip < FREE + 0x20 for rip in stub) == (answer == "order")
    assert all(CODE <= rip < CODE + 8192 for rip in call.shown)
