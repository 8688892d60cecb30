"""A process that asks the host for more memory than there is (host_oom.py), so that the host kills and the sentry does not wait.

Who asks when there is no memory waits in the host's kernel until there is some. Until then the host kills on: it passes over a
process that is ending a moment before it counts that one's memory as free, and takes the next, a guest that has done nothing.
So it is not the sentry that asks. It sees the count, and lifts the bound as soon as one was killed. Who asks and who is to end
anyway get the highest oom_score_adj: of those two the host takes first who has more, and either is right, since it is the count
that engines look at. Where another would come before both, because he has so much more, nobody asks. Source: mm/oom_kill.c
(oom_evaluate_task: MMF_OOM_SKIP; oom_badness), mm/memcontrol.c (try_charge_memcg).
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.mman import MAP_FIXED, NR_MMAP
from sandbox.boot.host_oom import HostOom
from sandbox.platform.base import FREE_MEMORY, Order

if TYPE_CHECKING:
    from sandbox.platform.base import AddressSpace, GuestThread, Platform
    from sandbox.reactor import Reactor

READY_NS: Final = 300_000_000  # so long the process may take until it can ask
ASKING_NS: Final = 50_000_000  # so long the bound is put down, and
NS_PER_BYTE: Final = 2  # that is asked for, where the host gives files' pages back, but
ASKING_MOST_NS: Final = 700_000_000
MOST: Final = 1000  # oom_score_adj
ADDRESS: Final = 0x1000_0000
FLAGS: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE | MAP_FIXED
PAGE: Final = mmap.PAGESIZE
MARGIN: Final = (1 << 20) // PAGE  # tables of pages count, too, and what is known is a moment old


class Asker:
    """`oom`: the group whose bound is put down. `own` gives the sentry's resident pages and oom_score_adj. OSError, ValueError."""

    def __init__(self, oom: HostOom, platform: Platform, reactor: Reactor, own: Callable[[], tuple[int, int]]) -> None:
        self.oom = oom
        self.platform = platform
        self.reactor = reactor
        self.own = own
        self._thens: list[Callable[[], None]] = []  # while it asks

    def tell(self, victim: AddressSpace, pages: int, others: int, then: Callable[[], None]) -> None:
        """That `victim` is to end, with `pages` that it has resident, and of other guests none has more than `others`. `then`, once,
        when the host has killed, or cannot be brought to; within READY_NS and ASKING_MOST_NS. Who is to end while one asks is told with
        that one: the bound is put down once at a time."""
        self._thens.append(then)
        if len(self._thens) == 1:
            _Asking(self, victim, pages, others, self._told)

    def _told(self) -> None:
        thens, self._thens = self._thens, []
        for then in thens:
            then()

    def is_first(self, victim: AddressSpace, pages: int, others: int, space: AddressSpace) -> bool:
        """The host takes `victim`, or `space` who asks, before any other (oom_badness). Their scores are raised for that."""
        try:
            score = space.raise_oom_score_adj(MOST)
            try:
                victim.raise_oom_score_adj(MOST)
            except OSError:  # it has ended
                pages = 0
            sentry, own_score = self.own()
            total = self.oom.pages()
        except (OSError, ValueError, KeyError):
            return False
        next_one = max(others + score * total // MOST, sentry + own_score * total // MOST)
        return pages + total > next_one + MARGIN


class _Asking:
    def __init__(self, asker: Asker, victim: AddressSpace, pages: int, others: int, then: Callable[[], None]) -> None:
        self._is_first: Callable[[AddressSpace], bool] = lambda space: asker.is_first(victim, pages, others, space)
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
        self._until = self._reactor.clock.now_ns() + min(ASKING_NS + NS_PER_BYTE * most, ASKING_MOST_NS)
        size = -(-most // PAGE) * PAGE
        order = Order(NR_MMAP, (ADDRESS, size, mmap.PROT_READ | mmap.PROT_WRITE, FLAGS, -1, 0), free=FREE_MEMORY)
        thread.execute((order,), lambda index, result: self._end())
        self._look()

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


def own() -> tuple[int, int]:
    """Of this process: its resident pages, its oom_score_adj. OSError, ValueError."""
    with open("/proc/self/statm", "rb") as file:
        pages = int(file.read().split()[1])
    with open("/proc/self/oom_score_adj", "rb") as file:
        return pages, int(file.read())
