"""A private lane: it lies in guest memory, at the bottom of the thread's alternate stack, and the sentry has a copy of it.

Each request and each answer is one host call, between two addresses that are known since the thread is.
"""

from __future__ import annotations

from sandbox.platform import hostcalls
from sandbox.platform.lane.answers import LaneAnswers
from sandbox.platform.lane.layout import (
    ACTION_REPLY,
    ACTION_RESUME,
    KNOWN_END,
    LANE_ACTION,
    LANE_COUNT,
    LANE_DONE,
    LANE_NOTED,
    LANE_ORDERS,
    LANE_REGS,
    LANE_REQUEST,
    LANE_SEQ,
    ORDER_WORDS,
)


class LanePrivate(LaneAnswers):
    """The part of a LaneThread that carries requests and answers where nobody can look at them."""

    __slots__ = ("lane_address", "notification", "seen")

    lane_address: int  # of the copy
    notification: int  # id of the hypercall that it is parked in
    seen: int

    def fetch(self) -> None:
        """Read the request of a private lane. A process that is gone has none."""
        if not hostcalls.vm_copy_in(self.space.pid, self.lane_address, self.remote_address, LANE_REQUEST * 8):
            return
        if self.noting and self.words[LANE_NOTED]:
            self.tell_notes()

    def flush(self) -> None:
        """Write the answer into a private lane; LANE_DONE last where the thread may be about to look at it."""
        words = self.words
        action = words[LANE_ACTION]
        if self.newborn:
            self.newborn = False
            self._put(0, KNOWN_END)
            return
        if action == ACTION_REPLY:
            end = LANE_COUNT
        elif action == ACTION_RESUME:
            end = LANE_COUNT
            self._put(LANE_REGS, LANE_REQUEST)
        else:
            end = LANE_ORDERS + words[LANE_COUNT] * ORDER_WORDS
        if not self.notification:
            self._put(LANE_ACTION, end)
            end = LANE_ACTION
        self._put(LANE_DONE, end)

    def _put(self, first: int, end: int) -> None:
        """These words of a private lane into the guest. A process that is gone needs none."""
        at = first * 8
        hostcalls.vm_copy_out(self.space.pid, self.lane_address + at, self.remote_address + at, end * 8 - at)

    def born(self, id_: int) -> None:
        """The first thread of a forked process: it waits for an answer to the question who it is."""
        self.notification = id_
        self.newborn = True
        self.words[LANE_SEQ] = self.seen = 1
