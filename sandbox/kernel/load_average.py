"""LoadAverage: exponentially damped means of how many threads run, over 1, 5 and 15 minutes (kernel/sched/loadavg.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.kernel.task_state import PARK_NONE

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel

PERIOD_NS: Final = 5_000_000_000
SHIFT: Final = 11
ONE: Final = 1 << SHIFT
DECAYS: Final = (1884, 2014, 2037)  # e^(-5 s / 1, 5, 15 min), in parts of ONE


def _next(load: int, decay: int, running: int) -> int:
    active = running << SHIFT
    total = load * decay + active * (ONE - decay)
    if active >= load:
        total += ONE - 1
    return total >> SHIFT


class LoadAverage:
    """`loads` are fixed-point numbers with SHIFT bits of fraction. Nobody samples while every guest waits: the samples
    left out, in which nothing ran, are made up for afterwards."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._loads = [0] * len(DECAYS)
        self._due_ns = 0
        self._timer = kernel.reactor.background.timer(self._sample)

    def start(self) -> None:
        """Sample from now on."""
        self._due_ns = self.kernel.clock.now_ns() + PERIOD_NS
        self._timer.arm(self._due_ns)

    def loads(self) -> list[int]:
        """As they are now."""
        self._make_up()
        return list(self._loads)

    def _make_up(self) -> None:
        """For the samples that should have been taken before the one that is due next."""
        if not self._due_ns:
            return
        missed = (self.kernel.clock.now_ns() - self._due_ns) // PERIOD_NS
        if missed <= 0:
            return
        self._due_ns += missed * PERIOD_NS
        while missed and any(self._loads):
            self._advance(0)
            missed -= 1

    def _advance(self, running: int) -> None:
        self._loads = [_next(load, decay, running) for load, decay in zip(self._loads, DECAYS, strict=True)]

    def _sample(self) -> None:
        self._make_up()
        self._advance(sum(task.parked == PARK_NONE for tasks in self.kernel.spaces.values() for task in tasks))
        self._due_ns += PERIOD_NS
        if self.kernel.platform.quiet():
            self.kernel.reactor.call_at_next_event(self._resume)
        else:
            self._timer.arm(self._due_ns)

    def _resume(self) -> None:
        self._make_up()
        self._timer.arm(self._due_ns)
