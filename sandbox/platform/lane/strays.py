"""Host processes and threads that were let into being and have not said who they are.

Only the stub says how a clone ended, so a guest can say that it failed and keep what it made: a process that nobody
counts, bounds or kills. Therefore a failure is believed after a look at the host's own list, and a parent whose child
does not come within a bound is killed. Nothing here costs anything but a dictionary entry while everybody is honest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Final

from sandbox import host_signal as signal
from sandbox.platform import hostcalls

if TYPE_CHECKING:
    from sandbox.platform.lane.platform import LanePlatform
    from sandbox.platform.lane.space import LaneSpace
    from sandbox.platform.lane.thread import LaneThread

_TICK_NS: Final = 100_000_000
# In ticks, not in time: a sandbox that was stopped and goes on has not been slow.
_LATE: Final = 20  # a child that has not come by then does not come
_PATIENT: Final = 600  # the same for one of the first process, which is not a guest's: without it nothing can go on
_WATCH: Final = 100  # a clone that was let through has been executed by then


class Strays:
    """`cloned`, then one of `announced`, `failed`, `lost`."""

    def __init__(self, platform: LanePlatform) -> None:
        self.platform = platform
        self._expected: dict[LaneThread, int] = {}  # clones that were let through, by parent: ticks since
        self._held: list[tuple[LaneSpace, Callable[[], None]]] = []  # failures that are not believed yet
        self._seen: dict[int, int] = {}  # strays that live: ticks since they were seen first
        self._spaces: dict[LaneSpace, int] = {}  # that may have threads too many: ticks left
        self._watch = 0  # ticks left in which strays are looked for
        self._armed = False

    def cloned(self, parent: LaneThread) -> None:
        """Its clone runs now."""
        self._expected[parent] = 0
        self._arm()

    def announced(self, parent: LaneThread) -> None:
        """What it cloned has told who it is."""
        self._expected.pop(parent, None)

    def failed(self, parent: LaneThread, then: Callable[[], None]) -> None:
        """It says that there is no child; `then` once that is believed."""
        if self._expected.pop(parent, None) is None:
            then()  # it has not even tried
            return
        self._spaces[parent.space] = _WATCH
        self._held.append((parent.space, then))
        self.look()

    def lost(self, space: LaneSpace) -> None:
        """It is dying, perhaps in the middle of a fork."""
        for parent in [parent for parent in self._expected if parent.space is space]:
            del self._expected[parent]
            self.look()

    def look(self) -> None:
        """From the next tick on: there may be processes that are nobody's."""
        self._watch = _WATCH
        self._arm()

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            reactor = self.platform.reactor
            reactor.call_at(reactor.clock.now_ns() + _TICK_NS, self._tick)

    def _tick(self) -> None:
        self._armed = False
        for parent, ticks in list(self._expected.items()):
            if ticks < self._patience(parent):
                self._expected[parent] = ticks + 1
            else:
                parent.space.kill()  # and is `lost`
        if self._watch:
            self._watch -= 1
            self._sweep()
            self._count_threads()
        if not self._seen:
            held, self._held = self._held, []
            for space, then in held:
                if not space.dead:
                    then()
        if self._expected or self._watch or self._held:
            self._arm()

    def _patience(self, parent: LaneThread) -> int:
        return _PATIENT if parent.space is self.platform.first.space else _LATE

    def _sweep(self) -> None:
        """Kill and collect every process that is nobody's. While a fork is under way, its child is not known either."""
        seen: dict[int, int] = {}
        session = self.platform.first.tid
        spaces = self.platform.spaces
        for number in self.platform.proc.processes({space.proc_number for space in spaces.values()}):
            if number in spaces:
                continue
            try:
                if os.getsid(number) != session or os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG) is not None:
                    continue
            except (ProcessLookupError, ChildProcessError):
                continue
            ticks = self._seen.get(number, 0)
            if not self._expected or ticks > max(map(self._patience, self._expected)):
                os.kill(number, signal.SIGKILL)
                self._watch = _WATCH
            seen[number] = ticks + 1
        self._seen = seen

    def _count_threads(self) -> None:
        """A process with a thread that did not tell who it is, and was said not to be, is killed."""
        making = {parent.space for parent in self._expected}
        for space, ticks in list(self._spaces.items()):
            if space in making and not space.dead:
                continue
            if space.dead or not ticks:
                del self._spaces[space]
                continue
            self._spaces[space] = ticks - 1
            known = {thread.tid for thread in space.threads.values()} | set(space.exiting)
            for number in self.platform.proc.threads(space.proc_number):
                if number not in known and _is_thread(space.pid, number):
                    space.kill()
                    break


def _is_thread(pid: int, tid: int) -> bool:
    try:
        hostcalls.tgkill(pid, tid, 0)
    except OSError:
        return False
    return True
