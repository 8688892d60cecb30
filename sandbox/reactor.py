"""The sentry's one event loop: host descriptors, timers, and a platform that may want to look instead of sleep.

There is one reactor and one thread. Host descriptors are registered with a callback; timers come from
`tcpip.timers.TimerQueue` objects; `call_soon` runs something after the current event, before the next sleep.
"""

from __future__ import annotations

import select
from collections import deque
from typing import Callable, Final

from sandbox.host_timer import HostTimer
from tcpip.clock import Clock
from tcpip.native import breathe, mypyc_attr
from tcpip.timers import NEVER, Timer, TimerQueue

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT
# While the platform has something, timers go in small portions: hundreds of threads that wait for a lock with a time-out,
# as Python's do for theirs, would otherwise keep out the one that holds it.
TIMERS_A_TURN: Final = 8
HOLD_NS: Final = 10_000  # between two portions, for each timer there is
HOLD_MOST_NS: Final = 1_000_000
LATE_NS: Final = 100_000_000  # so late for so long: there are more than portions can do, and they get half of the time
LONGEST_TURN: Final = (
    5_000_000  # ns that guests' calls may go before other descriptors, and what was asked for before them
)
SOON_BOUND: Final = 64  # functions that others have asked for meanwhile, in one turn


class Looker:
    """What a platform plugs in: polled between events while calls come densely."""

    def look(self) -> bool:
        """Serve what is there without sleeping. True: call again at once; False: it is all right to sleep now."""
        return False

    def about_to_sleep(self) -> bool:
        """Last look with everybody told that nobody looks any more. True: there was something, do not sleep."""
        return False


@mypyc_attr(allow_interpreted_subclasses=True)
class Reactor:
    """Runs until `stop`.

    The sleep is one poll(2) over the descriptors of `watch_first`, the epoll descriptor that holds all
    others, and a timerfd: seccomp's wake-up on the waker's own CPU reaches a poll but not an epoll.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.timers = TimerQueue()
        self.background = TimerQueue()  # of who samples now and then: no events for `call_at_next_event`
        self.looker: Looker = Looker()
        self._timer = HostTimer()
        self._timers_ran = 0  # the time at which they did
        self._epoll = select.epoll()
        self._poll = select.poll()
        self._epoll_fd = self._epoll.fileno()
        self._first: dict[int, Callable[[], None]] = {self._timer.fd: self._timer_fired}
        for fd in (self._epoll_fd, self._timer.fd):
            self._poll.register(fd, select.POLLIN)
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self.soon: deque[Callable[[], None]] = deque()  # of `call_soon`; a Looker may run it
        self._at_next: list[Callable[[], None]] = []
        self.later: deque[Callable[[], None]] = deque()  # of `call_later`
        self._before_sleep: list[Callable[[], None]] = []
        self._sources: list[tuple[TimerQueue, Callable[[int], object]]] = [
            (self.timers, self._run_timers),
            (self.background, self.background.run),
        ]
        self._behind = NEVER  # ns: since then there has always been more due than a portion
        self._stopping = False
        self.stood_ns = 0  # how long the sandbox has stood still
        self._soon_until: int = NEVER  # ns: until then what was asked for to be done soon may go on in this turn
        self._guests_until = 0  # ns: until then what guests ask for comes before other descriptors

    def watch_first(self, fd: int, callback: Callable[[], None]) -> None:
        """A descriptor whose readability is worth a few microseconds less: the platform's listener."""
        self._first[fd] = callback
        self._poll.register(fd, select.POLLIN)

    def unwatch_first(self, fd: int) -> None:
        """Before the descriptor is closed."""
        if self._first.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def watch(self, fd: int, mask: int, callback: Callable[[int], None]) -> None:
        """Call `callback(events)` when `fd` has one of `mask` (epoll bits), level-triggered."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, mask)

    def change(self, fd: int, mask: int) -> None:
        """Wait for something else on a watched descriptor; 0 pauses it."""
        self._epoll.modify(fd, mask)

    def unwatch(self, fd: int) -> None:
        """Before the descriptor is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Run it before the next sleep, in order."""
        self.soon.append(function)

    def call_at_next_event(self, function: Callable[[], None]) -> None:
        """Run it, once, when something happens: a descriptor that is ready, a timer, but for those of `background`. By itself
        it wakes nobody."""
        self._at_next.append(function)

    def call_later(self, function: Callable[[], None]) -> None:
        """Run it before the next sleep, but after calls of guests that follow each other closely."""
        self.later.append(function)

    def call_at(self, deadline: int, function: Callable[[], None]) -> Timer:
        """Run it at `deadline` (ns of the reactor's clock); the timer can be cancelled."""
        return self.timers.after(deadline, function)

    def call_after(self, delay: int, function: Callable[[], None]) -> None:
        """Run it `delay` ns from now, not counting the time that the sandbox stands still: for bounds on what guests'
        host processes do, which stand still, too."""
        stood = self.stood_ns

        def due() -> None:
            missed = min(self.stood_ns - stood, delay)
            if missed:
                self.call_after(missed, function)
            else:
                function()

        self.call_at(self.clock.now_ns() + delay, due)

    def add_before_sleep(self, function: Callable[[], None]) -> None:
        """Run `function` each time before the loop may sleep (flush a batch)."""
        self._before_sleep.append(function)

    def add_timers(self, timers: TimerQueue, run: Callable[[], None]) -> None:
        """Something with timers of its own (a `tcpip.Stack`) that is run when they may be due."""
        self._sources.append((timers, lambda now: run()))

    def remove_timers(self, timers: TimerQueue) -> None:
        """It is gone."""
        self._sources = [source for source in self._sources if source[0] is not timers]

    def stop(self) -> None:
        """Leave `run` after the current event."""
        self._stopping = True

    def run(self) -> None:
        """Serve events until `stop`."""
        self._stopping = False
        while not self._stopping:
            self._turn()

    def close(self) -> None:
        """Release the host's descriptors."""
        self._timer.close()
        self._epoll.close()

    def _turn(self) -> None:
        breathe()
        self._soon_until = self.clock.now_ns() + LONGEST_TURN
        looking = self.looker.look()
        if looking and self.soon and self.clock.now_ns() > self._soon_until:
            pass  # the looker has run some of it, and guests come first again
        elif self.soon or self.later or self._before_sleep:
            self._run_soon()
        if self._stopping:
            return
        self._arm()
        sleep = not (looking or self.soon or self.later or self._stopping or self.looker.about_to_sleep())
        ready = self._poll.poll(None if sleep else 0)
        if self._at_next and not self._only_background(ready):
            self.something_happened()
        asked = looking
        others = False
        for fd, _ in ready:
            if fd == self._epoll_fd:
                others = True
                continue
            if fd != self._timer.fd:
                asked = True
            elif (looking or len(ready) > 1) and self._hold_timers():
                continue
            callback = self._first.get(fd)
            if callback is not None:
                callback()
        if others and not (asked and self.clock.now_ns() < self._guests_until):
            self._serve_epoll()

    def _serve_epoll(self) -> None:
        """Guests that ask for something get as much time afterwards as this takes: a flood from outside must not
        keep them from reading it."""
        begin = self.clock.now_ns()
        for fd, mask in self._epoll.poll(0, 64):
            callback = self._callbacks.get(fd)
            if callback is not None:
                callback(mask)
        now = self.clock.now_ns()
        self._guests_until = now + min(now - begin, LONGEST_TURN)

    def run_soon(self) -> bool:
        """Run what `call_soon` was given. True: somebody wants to stop, or there is still more: what asks for itself again
        and again must not keep everybody else out."""
        soon = self.soon
        left = len(soon) + SOON_BOUND
        while soon and left:
            left -= 1
            soon.popleft()()
            if soon and self.clock.now_ns() > self._soon_until:
                break
        return self._stopping or bool(soon)

    def _run_soon(self) -> None:
        more = self.run_soon()
        later = self.later
        for _ in range(len(later)):
            later.popleft()()
            if later and self.clock.now_ns() > self._soon_until:
                break
        for function in self._before_sleep:
            function()
        if not more:
            self.run_soon()

    def _arm(self) -> None:
        """Have the host's timer wake us for the earliest timer there may be."""
        nearest = NEVER
        for timers, _ in self._sources:
            at = timers.earliest()
            if at < nearest:
                nearest = at
        if nearest < self._timer.armed:
            self._timer.arm(nearest)

    def _timer_fired(self) -> None:
        """Run what is due."""
        self._timer.fired()
        self._timers_ran = self.clock.now_ns()
        for _, run in self._sources:
            run(self.clock.now_ns())

    def _run_timers(self, now: int) -> None:
        """A portion of what is due. A guest can arm timers faster than portions fire them: the others' come too."""
        late = now - max(self._behind, self.timers.earliest()) > LATE_NS
        while self.timers.run(now, TIMERS_A_TURN) == TIMERS_A_TURN:
            self._behind = min(self._behind, now)
            if not late or self.clock.now_ns() - now >= HOLD_MOST_NS:
                break
        else:
            self._behind = NEVER
        self._timers_ran = self.clock.now_ns()

    def _only_background(self, ready: list[tuple[int, int]]) -> bool:
        """It is the host's timer that is ready, and nothing is due but `background`."""
        if len(ready) != 1 or ready[0][0] != self._timer.fd:
            return False
        now = self.clock.now_ns()
        return all(timers is self.background or timers.earliest() > now for timers, _ in self._sources)

    def something_happened(self) -> None:
        """Run what waits for the next event."""
        waiting, self._at_next = self._at_next, []
        for function in waiting:
            function()

    def _hold_timers(self) -> bool:
        """Other things are ready: those first, for a while."""
        return self.clock.now_ns() - self._timers_ran < min(len(self.timers) * HOLD_NS, HOLD_MOST_NS)
