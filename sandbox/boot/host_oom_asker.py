"""A process that asks the host for more memory than there is (host_oom.py), so that the host kills and the sentry does not wait.

Who asks when there is no memory waits in the host's kernel until there is some. Until then the host kills on: it passes over a
process that is ending a moment before it counts that one's memory as free, and takes the next, a guest that has done nothing.
So it is not the sentry that asks. It sees the count, and lifts the bound as soon as one was killed; and he who asks has a higher
oom_score_adj than any guest: should the bound be lifted too late, he is next. Source: mm/oom_kill.c (oom_evaluate_task:
MMF_OOM_SKIP; oom_badness), mm/memcontrol.c (try_charge_memcg).
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.mman import NR_MMAP
from sandbox.boot.host_oom import HostOom
from sandbox.platform.base import FREE_MEMORY, Order
from sandbox.platform.empty_process import OOM_SCORE_ADJ

if TYPE_CHECKING:
    from sandbox.platform.base import AddressSpace, GuestThread, Platform
    from sandbox.reactor import Reactor

READY_NS: Final = 100_000_000  # so long the process may take until it can ask
ASKING_NS: Final = 50_000_000  # so long the bound is put down
MOST: Final = 1000  # oom_score_adj
ADDRESS: Final = 0x1000_0000
FLAGS: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE | 0x10  # MAP_FIXED
PAGE: Final = mmap.PAGESIZE


class Asker:
    """`oom`: the group whose bound is put down."""

    def __init__(self, oom: HostOom, platform: Platform, reactor: Reactor) -> None:
        self.oom = oom
        self.platform = platform
        self.reactor = reactor

    def tell(self, then: Callable[[], None]) -> None:
        """`then`, once, when the host has killed, or cannot be brought to; within READY_NS and ASKING_NS."""
        _Asking(self, then)


class _Asking:
    def __init__(self, asker: Asker, then: Callable[[], None]) -> None:
        self._oom = asker.oom
        self._reactor = asker.reactor
        self._then: Callable[[], None] | None = then
        self._space: AddressSpace | None = None
        self._until: int | None = None  # it asks
        self._late = self._reactor.call_at(self._reactor.clock.now_ns() + READY_NS, self._end)
        asker.platform.new_space(self._made)

    def _made(self, thread: GuestThread | None) -> None:
        if thread is None:
            self._end()
            return
        space = self._space = thread.address_space()
        if self._then is None:
            space.kill()
            return
        most = self._oom.put_down() if self._is_first(space) else 0
        if not most:
            self._end()
            return
        self._late.cancel()
        self._until = self._reactor.clock.now_ns() + ASKING_NS
        size = -(-most // PAGE) * PAGE
        order = Order(NR_MMAP, (ADDRESS, size, mmap.PROT_READ | mmap.PROT_WRITE, FLAGS, -1, 0), free=FREE_MEMORY)
        thread.execute((order,), lambda index, result: self._end())
        self._look()

    @staticmethod
    def _is_first(space: AddressSpace) -> bool:
        """The host takes it before guests that have less than half of the memory. False: their scores are too high for that."""
        try:
            return space.raise_oom_score_adj(MOST) <= OOM_SCORE_ADJ
        except (OSError, ValueError):
            return False

    def _look(self) -> None:
        if self._then is None or self._until is None:
            return
        if self._oom.killed() or self._reactor.clock.now_ns() >= self._until:
            self._end()
        else:
            self._reactor.call_soon(self._look)

    def _end(self) -> None:
        then, self._then = self._then, None
        if then is None:
            return
        self._late.cancel()
        if self._until is not None:
            self._oom.lift()
        if self._space is not None:
            self._space.kill()
        then()
