"""Guests that enter thunks and the stub's part of them at any byte, with registers of their choice."""

from __future__ import annotations

import random
import subprocess

import pytest

from sandbox.arch import amd64
from sandbox.platform.base import GuestThread
from sandbox.platform.lane import build, layout
from sandbox.platform.lane.thread import LaneThread
from tests.integration.platform.machine import CODE, DATA, STACK_TOP, THUNKS, Args, Machine, call

WARM = 100
LATE_NS = 30_000_000
SOURCE = f"""
    mov $200, %ebx
1:  {call(39)} dec %ebx
    jnz 1b
    mov $200, %ebx
1:  xor %eax, %eax
    add $39, %eax
    syscall
    cmp $-4095, %rax
    dec %ebx
    jnz 1b
    mov $500, %eax
ready: syscall
    hlt
"""


def addresses() -> list[int]:
    """Every byte of both thunks, and of what the stub has for them."""
    symbols = subprocess.run(["nm", build.build()], check=True, capture_output=True, text=True).stdout
    at = {line.split()[2]: int(line.split()[0], 16) for line in symbols.splitlines() if len(line.split()) == 3}
    ours = range(layout.ENTER_MOV, layout.ENTER_CMP + 2)
    window = range(at["stub_enter_mov"], at["stub_trap"] + 2)
    return [*range(THUNKS, THUNKS + 128), *ours, *window]


class Jumper:
    """One jump after another, in a new process when one has died of it or does not come back."""

    def __init__(self, targets: list[int], seed: int) -> None:
        self.targets = targets
        self.random = random.Random(seed)
        self.jumps = 0
        self.machine = Machine(SOURCE, self.syscall, patch=True)
        self.machine.stop_when_gone = False
        self.machine.on_fault = lambda thread, signo: self.next(thread)
        self.machine.on_interrupt = self.next
        self.by_thunk = False

    def run(self) -> None:
        platform = self.machine.platform
        gone = self.machine.space_gone

        def again(space: object, status: int) -> None:
            gone(space, status)  # type: ignore[arg-type]
            if self.targets:
                platform.new_space(self.machine.load)
            else:
                self.machine.reactor.stop()

        self.machine.space_gone = again  # type: ignore[method-assign]
        self.machine.run(100)

    def syscall(self, m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        if nr == 39 and t.get_reg(amd64.RBX) in range(1, 201) and CODE < t.get_reg(amd64.RIP) < CODE + 8192:
            self.by_thunk |= not t.whole()
            t.reply(1)
        else:
            self.next(t)

    def next(self, t: GuestThread) -> None:
        """Send it to the next address."""
        assert type(t) is LaneThread
        if not t.whole():
            t.make_whole(lambda: self.next(t))
            return
        if not self.targets:
            t.space.kill()
            return
        target = self.targets.pop()
        self.jumps += 1
        choose = self.random.choice
        for register in range(amd64.RSP):
            t.set_reg(register, choose((0, 39, DATA, DATA + 8, 1 << 63, layout.STACKS_BASE, THUNKS + 32, CODE, t.slot)))
        t.set_reg(amd64.RSP, choose((STACK_TOP, 8, layout.STACKS_BASE + 65536, layout.STACKS_BASE + 30000, DATA + 64)))
        t.set_reg(amd64.GS_BASE, choose((0, 0, 0, DATA, layout.STACKS_BASE + 8)))
        t.set_reg(amd64.EFLAGS, choose((0x202, 0x40602, 0x8D7)))
        t.set_reg(amd64.RIP, target)
        t.resume()
        left = len(self.targets)

        def late() -> None:
            if len(self.targets) == left and not t.space.dead:
                t.space.kill()

        self.machine.reactor.call_at(self.machine.reactor.clock.now_ns() + LATE_NS, late)


@pytest.mark.parametrize("seed", range(4))
def test_any_byte_may_be_jumped_to(seed: int) -> None:
    """The sentry goes on; only the process may die of it."""
    targets = addresses()
    count = len(targets)
    jumper = Jumper(targets, seed)
    jumper.run()
    assert jumper.jumps == count > 600 and jumper.by_thunk and not jumper.machine.mishaps
