"""poll(2) and select(2) of more descriptors than can be looked at while everybody else waits.

They are looked at in pieces, others have their turn in between, and what became ready behind the look's back is found by
the next one: a call with so many descriptors waits on none of them but looks again now and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.kernel.control import AGAIN, Block, Result
from tcpip.clock import NS_PER_MS

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

FOREVER: Final = -1  # deadline: none
AT_ONCE: Final = 0
PIECE: Final = 8192  # descriptors; a multiple of 64
REST_LOOKS: Final = 10  # looks rest for so many times as long as one of them takes


class Scan:
    """Such a call: `at` descriptors are behind it in this look, `ready` of them were, `out` is what select(2) stores."""

    __slots__ = ("deadline", "at", "ready", "out", "begin", "last")

    def __init__(self, t: Task, deadline: int) -> None:
        self.deadline = deadline
        self.start(t)

    def start(self, t: Task) -> None:
        """Another look."""
        self.at = self.ready = 0
        self.out: list[bytearray] = [bytearray(), bytearray(), bytearray()]
        self.begin = t.kernel.clock.now_ns()
        self.last = self.deadline == AT_ONCE or (self.deadline != FOREVER and self.begin >= self.deadline)


def deadline_of(a: SyscallArgs) -> int | None:
    """The deadline that a call has in its state; None for one that begins."""
    state = a.state
    if isinstance(state, Scan):
        return state.deadline
    return state if isinstance(state, int) else None


def long_scan(
    t: Task,
    a: SyscallArgs,
    deadline: int,
    count: int,
    piece: Callable[[Scan, int], int],
    restart: int,
    on_interrupt: Callable[[Task, SyscallArgs], int] | None,
) -> Result | None:
    """Look at one piece of `count` descriptors: `piece(scan, size)` looks at those from scan.at on and returns how many are
    ready. AGAIN or a Block while there is more to do; None once a.state, a Scan, has what the call returns."""
    state = a.state
    if isinstance(state, Scan):
        scan = state
        if scan.at >= count:
            scan.start(t)
    else:
        a.state = scan = Scan(t, deadline)
    size = min(PIECE, count - scan.at)
    scan.ready += piece(scan, size)
    scan.at += size
    if scan.at < count:
        return AGAIN
    if scan.ready or scan.last:
        return None
    now = t.kernel.clock.now_ns()
    rest = now + max(REST_LOOKS * (now - scan.begin), 10 * NS_PER_MS)
    return Block((), rest if deadline == FOREVER else min(rest, deadline), restart, None, on_interrupt)
