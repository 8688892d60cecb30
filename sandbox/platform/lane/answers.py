"""Answers that the stub gives itself (stub/known.c): results that hold until the kernel says otherwise.

They lie in the thread's shared lane. A guest that writes there deceives itself.
"""

from __future__ import annotations

from typing import Final

from sandbox.platform.lane.frames import LaneFrames
from sandbox.platform.lane.layout import KIND_SYSCALL, KIND_THUNK, LANE_KIND, LANE_KNOWN, LANE_NR, LANE_PEAK, TASK_SIZE

KNOWN_CALLS: Final = (
    39,
    186,
    110,
    102,
    107,
    104,
    108,
)  # getpid gettid getppid getuid geteuid getgid getegid: as known.c
_ALL: Final = (1 << len(KNOWN_CALLS)) - 1
_LAST_CALLS: Final = (59, 60, 231, 322)  # execve exit exit_group execveat: as tell_peak


class LaneAnswers(LaneFrames):
    """The part of a LaneThread that knows what its stub knows."""

    __slots__ = ()

    def learn(self, call: int, value: int) -> None:
        words = self.words
        if self.private or call not in KNOWN_CALLS:
            return
        if words[LANE_KIND] != KIND_THUNK and self.platform.patcher is not None:
            return  # first the site is to be patched, and for that its traps have to be seen
        at = KNOWN_CALLS.index(call)
        words[LANE_KNOWN + 1 + at] = value
        words[LANE_KNOWN] = words[LANE_KNOWN] & _ALL | 1 << at

    def peak_resident_pages(self) -> int:
        """What a call that ends the program came with; else the host is asked, which takes 25 us."""
        words = self.words
        if self.stopped and words[LANE_KIND] == KIND_SYSCALL and words[LANE_NR] in _LAST_CALLS:
            pages = words[LANE_PEAK] >> 2
            if pages <= TASK_SIZE >> 12:
                return pages
        return self.space.peak_resident_pages()

    def unlearn(self) -> None:
        self.take_back()
        if not self.private and not self.space.dead:
            self.words[LANE_KNOWN] = 0
