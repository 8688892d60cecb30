"""The host's processors that a guest thread runs on (sched_setaffinity(2)), and how much it leaves them to others (nice(2))."""

from __future__ import annotations

import os

from sandbox.platform import hostcalls
from sandbox.platform.lane.private import LanePrivate


class LaneAffinity(LanePrivate):
    """The part of a LaneThread that knows where it runs."""

    __slots__ = ("tid", "affinity", "nice")

    tid: int
    affinity: int  # as set_affinity was told; 0: every processor
    nice: int  # of the host thread

    def set_affinity(self, mask: int) -> None:
        cpus = self.platform.cpus
        if mask == (1 << len(cpus)) - 1:
            mask = 0
        if mask != self.affinity and self._run_on([cpu for n, cpu in enumerate(cpus) if mask >> n & 1 or not mask]):
            self.affinity = mask

    def set_nice(self, nice: int) -> None:
        nice = max(nice, self.platform.nice)
        if nice != self.nice and hostcalls.set_nice(self.tid, nice):
            self.nice = nice

    def keep_apart(self) -> None:
        """Parked on the sentry's own processor: let it be woken on another one. Before it is answered; `set_free` after.

        A thread and a sentry that look for each other on one processor only wait for each other's time slices, and
        where processors share no cache the host's scheduler does not part them for long."""
        others = [cpu for cpu in self.platform.cpus if cpu != hostcalls.current_cpu()]
        if others and not self.affinity:
            self._run_on(others)

    def set_free(self) -> None:
        """After `keep_apart`: it stays where it was woken until the host's scheduler has a reason to move it."""
        if not self.affinity and not self.space.dead:
            self._run_on(self.platform.cpus)

    def _run_on(self, cpus: list[int]) -> bool:
        """Host processors. False: the host refuses, or the thread has ended."""
        try:
            os.sched_setaffinity(self.tid, cpus)
        except OSError:
            return False
        return True
