"""Threads that return from a signal handler without asking, and permissions to do so that are taken back."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread
from sandbox.platform.lane.layout import LANE_RETURN, LANE_RETURNED
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import CODE, DATA, Args, Machine, exit_with

FRAME = DATA + 0x1000 - 8
FPU = DATA + 0x2000
MASK = FRAME + 8 + 296
GO, INSIDE = DATA + 0x100, DATA + 0x108
RETURN = " add $8, %rsp\n mov $15, %eax\n syscall\n"
SOURCE = f"""
 jmp start
handler:
 movq %xmm7, %rax
 mov %rax, {DATA}
 movq $1, {INSIDE}
 @BODY@
start:
 mov $77, %eax
 movq %rax, %xmm7
 mov $100, %ebx
9: mov $39, %eax
 syscall
 dec %ebx
 jnz 9b
 movq %xmm7, %rcx
 add %rcx, %rax
"""


def head(t: LaneThread, result: int) -> bytes:
    """The registers that it has, a mask of 5, an alternate stack."""
    registers = t.get_regs()[:18]
    registers[amd64.RAX] = result
    return struct.pack("<4QI4xQ18Q5QQ64xQ", 0, 7, 0, 0x111, 2, 0x2222, *registers, amd64.IN_64_BIT, 0, 0, 0, 0, FPU, 5)


class Scripted:
    """At the last of 100 calls the handler is entered; `act(thread, nr)` at every call that comes from there on."""

    def __init__(self, act: Callable[[LaneThread, int], None]) -> None:
        self.act = act
        self.seen = 0
        self.asked = 0
        self.left: list[bool] = []
        self.status: int | None = None

    def __call__(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        assert type(t) is LaneThread
        self.seen += nr == 39
        if nr == 60:
            self.status = args[0]
            t.space.kill()
        elif nr == 15:
            self.asked += 1
            self.act(t, nr)
        elif nr != 39:
            self.act(t, nr)
        elif self.seen < 100:
            t.reply(0)
        else:
            frame = head(t, 23)
            t.set_reg(amd64.RIP, CODE + 2)
            t.set_reg(amd64.RSP, FRAME)
            t.deliver(FRAME, frame, FPU, lambda: pytest.fail("not written"), self.left.append)


def resume(t: LaneThread, nr: int) -> None:
    """What rt_sigreturn does."""
    assert t.get_reg(amd64.RSP) == FRAME + 8
    t.set_regs(struct.unpack_from("<18Q", t.address_space().read(FRAME + 48, 144)))
    t.resume_from(FPU, lambda: pytest.fail("not taken"))


def source(body: str, after: str = "") -> str:
    return SOURCE.replace("@BODY@", body) + after + exit_with()


def run(body: str, act: Callable[[LaneThread, int], None] = resume, patch: bool = False, after: str = "") -> Scripted:
    script = Scripted(act)
    m = Machine(source(body, after), script, patch=patch).run()
    assert not m.faults and not m.mishaps
    return script


@pytest.mark.parametrize("patch", [False, True])
def test_it_returns_without_asking(patch: bool) -> None:
    script = run(RETURN, patch=patch)
    assert script.status == 77 + 23 and script.left == [True] and not script.asked


@pytest.mark.parametrize(
    "body",
    [
        f"incq {MASK}\n",
        f"incq {FRAME + 8 + 16}\n",  # the alternate stack: where, flags, size
        f"incl {FRAME + 8 + 24}\n",
        f"incq {FRAME + 8 + 32}\n",
        f"incl {FPU + 24 + 3}\n",  # a reserved bit of mxcsr: refused, and asked for
    ],
)
def test_it_asks_where_the_frame_was_changed(body: str) -> None:
    def act(t: LaneThread, nr: int) -> None:
        t.set_regs(struct.unpack_from("<18Q", t.address_space().read(FRAME + 48, 144)))
        t.resume()

    script = run(body + RETURN, act)
    assert script.asked == 1 and script.left == [False]


def test_registers_come_from_the_frame_as_the_handler_left_them() -> None:
    script = run(f" addq $1000, {FRAME + 48 + 8 * amd64.RAX}\n incb {FPU + 160 + 7 * 16}\n" + RETURN)
    assert script.status == 78 + 1023 and not script.asked


def test_only_once_and_only_from_the_frame_that_was_written() -> None:
    other = f" lea {FRAME - 64}, %rsp\n mov $15, %eax\n syscall\n"

    def act(t: LaneThread, nr: int) -> None:
        assert t.get_reg(amd64.RSP) == FRAME - 64
        t.set_reg(amd64.RSP, FRAME + 8)
        resume(t, nr)

    assert run(other, act).left == [False]
    back = f" cmpq $0, {GO}\n jne 4f\n incq {GO}\n lea {FRAME + 8}, %rsp\n mov $15, %eax\n syscall\n4:\n"
    script = run(RETURN, after=back)
    assert script.asked == 1 and script.left == [True]


def test_a_call_in_the_handler_ends_it() -> None:
    script = run(" mov $500, %eax\n syscall\n" + RETURN, lambda t, nr: t.reply(0) if nr == 500 else resume(t, nr))
    assert script.asked == 1 and script.left == [False] and script.status == 100


@pytest.mark.parametrize("returned", [False, True])
def test_it_is_taken_back_from_a_thread_that_runs(returned: bool) -> None:
    wait = f" movq $1, {INSIDE}\n1: cmpq $0, {GO}\n je 1b\n"
    script = Scripted(resume)
    m = Machine(source(RETURN, wait) if returned else source(wait + RETURN), script)
    asked_inside: list[bool] = []

    def poll() -> None:
        for thread in m.platform.by_tid.values():
            if thread.left is None:
                continue
            there = bool(thread.words[LANE_RETURNED])
            inside = thread.space.read(INSIDE, 8) != bytes(8)
            if inside and there is returned:
                thread.take_back()
                asked_inside.append(thread.left is None and not thread.words[LANE_RETURN])
                thread.space.write(GO, b"\1")
                return
        m.reactor.call_after(1_000_000, poll)

    m.reactor.call_after(1_000_000, poll)
    m.run()
    assert not m.faults and not m.mishaps and asked_inside == [True]
    assert script.left == [returned] and script.asked == (0 if returned else 1)
    assert script.status is not None


def test_a_guest_that_says_it_has_returned_deceives_itself() -> None:
    lane = 0x7FFF_2000_0000
    words = f" movabs ${lane + 8 * LANE_RETURNED}, %rcx\n movq $1, (%rcx)\n"
    script = run(words + RETURN)
    assert script.asked == 1 and script.left == [True] and script.status == 100
