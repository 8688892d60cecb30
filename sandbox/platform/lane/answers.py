"""Answers that the stub gives itself (stub/known.c): results that hold until the kernel says otherwise.

They lie in the thread's lane. A guest that writes there deceives itself. A thread with a private lane is told all of them
when it begins; then the stub also keeps what a few calls only tell the kernel (*notes*), and sends it with the next request.
"""

from __future__ import annotations

import struct
from typing import Final

from sandbox.platform.base import MemoryFault
from sandbox.platform.host_use import HostUse
from sandbox.platform.lane.frames import LaneFrames
from sandbox.platform.lane.layout import (
    KIND_SYSCALL,
    KIND_THUNK,
    KNOWN_ACTIONS,
    KNOWN_END,
    KNOWN_FUTEXES,
    KNOWN_NOTES,
    LANE_ACTED,
    LANE_DEFAULTS,
    LANE_KIND,
    LANE_KNOWN,
    LANE_NOTED,
    LANE_NR,
    LANE_PEAK,
    LANE_RESTORER,
    LANE_ROBUST,
    LANE_TID_ADDRESS,
    LANE_USAGE,
    NOTED_ROBUST,
    NOTED_TID_ADDRESS,
    TASK_SIZE,
)

KNOWN_CALLS: Final = (
    39,
    186,
    110,
    102,
    107,
    104,
    108,
    334,
    12,
)  # getpid gettid getppid getuid geteuid getgid getegid rseq brk(0): as known.c
_RSEQ: Final = 7
_ALL: Final = (1 << len(KNOWN_CALLS)) - 1
_FUTEXES: Final = 1 << KNOWN_FUTEXES
_ACTIONS: Final = 1 << KNOWN_ACTIONS
_RULES: Final = _FUTEXES | _ACTIONS
_KNOWN: Final = struct.Struct(f"Q{len(KNOWN_CALLS)}q")
_LAST_CALLS: Final = (59, 60, 231, 322)  # execve exit exit_group execveat: as tell_peak
_TELLING: Final = (*_LAST_CALLS, 98, 100)  # getrusage times
_PLAUSIBLE: Final = (1 << 48) - 1


class LaneAnswers(LaneFrames):
    """The part of a LaneThread that knows what its stub knows."""

    __slots__ = ("newborn", "noting", "acting", "remote_address")

    newborn: bool  # nothing is in its private lane yet
    noting: bool  # it may have notes
    acting: bool  # it may have set actions of signals without asking
    remote_address: int  # of its private lane in the guest

    def introduce(self, results: tuple[int, int, int, int, int, int, int, int, int]) -> None:
        if not self.private:  # the rest when its sites are patched, as `learn` has it
            self.words[LANE_KNOWN + 1 + _RSEQ] = results[_RSEQ] & 0xFFFF_FFFF_FFFF_FFFF
            self.words[LANE_KNOWN] = 1 << _RSEQ
            return
        _KNOWN.pack_into(self.lane, LANE_KNOWN * 8, _ALL | 1 << KNOWN_NOTES, *results)
        self.noting = True
        if not self.newborn:
            self._write_private(LANE_KNOWN, self.lane[LANE_KNOWN * 8 : KNOWN_END * 8])

    def _write_private(self, word: int, data: memoryview) -> None:
        try:
            self.space.write_own(self.remote_address + word * 8, data)
        except MemoryFault:
            pass  # it is gone

    def tell_notes(self) -> None:
        """Tell the kernel what lies in the lane."""
        words = self.words
        which = words[LANE_NOTED]
        robust = words[LANE_ROBUST] if which & NOTED_ROBUST else None
        self.platform.handler.noted(self, robust, words[LANE_TID_ADDRESS] if which & NOTED_TID_ADDRESS else None)

    def learn_actions(self, defaults: int) -> None:
        if self.private:
            return
        words = self.words
        words[LANE_ACTED] = 0
        words[LANE_DEFAULTS] = defaults
        words[LANE_KNOWN] = words[LANE_KNOWN] & (_ALL | _RULES) | _ACTIONS
        self.acting = True

    def changed_action(self, signo: int) -> None:
        if self.acting:
            self.words[LANE_DEFAULTS] &= ~(1 << signo - 1)

    def unlearn_actions(self) -> None:
        if self.acting:
            self.words[LANE_DEFAULTS] = 0
            self.acting = not self.stopped  # else it may just be setting one

    def tell_actions(self) -> None:
        """Tell the kernel which were set."""
        words = self.words
        acted = words[LANE_ACTED]
        if acted:
            words[LANE_DEFAULTS] &= ~acted
            self.platform.handler.acted(self, acted, words[LANE_RESTORER])

    def collect(self) -> None:
        if self.acting and not self.space.dead:
            self.tell_actions()
        if not self.noting or not self.private or self.stopped or self.space.dead:
            return  # what is stopped has told
        try:
            noted = self.space.read_own(self.remote_address, (LANE_TID_ADDRESS + 1) * 8)
        except MemoryFault:
            return
        for word in (LANE_NOTED, LANE_ROBUST, LANE_TID_ADDRESS):
            self.lane[word * 8 : word * 8 + 8] = noted[word * 8 : word * 8 + 8]
        if self.words[LANE_NOTED]:
            self.tell_notes()

    def learn(self, call: int, value: int) -> None:
        words = self.words
        if self.private or call not in KNOWN_CALLS:
            return
        if words[LANE_KIND] != KIND_THUNK and self.platform.patcher is not None:
            return  # first the site is to be patched, and for that its traps have to be seen
        at = KNOWN_CALLS.index(call)
        words[LANE_KNOWN + 1 + at] = value
        words[LANE_KNOWN] = words[LANE_KNOWN] & (_ALL | _RULES) | 1 << at

    def learn_futexes(self) -> None:
        if not self.private:
            self.words[LANE_KNOWN] = self.words[LANE_KNOWN] & (_ALL | _RULES) | _FUTEXES

    def peak_resident_pages(self) -> int:
        """What a call that ends the program came with; else the host is asked, which takes 25 us."""
        words = self.words
        if self.stopped and words[LANE_KIND] == KIND_SYSCALL and words[LANE_NR] in _LAST_CALLS:
            pages = words[LANE_PEAK] >> 2
            if pages <= TASK_SIZE >> 12:
                return pages
        return self.space.peak_resident_pages()

    def host_use(self) -> HostUse:
        """What the call came with; else the host is asked."""
        words = self.words
        if self.stopped and words[LANE_KIND] in (KIND_SYSCALL, KIND_THUNK) and words[LANE_NR] in _TELLING:
            told = [words[LANE_USAGE + at] & _PLAUSIBLE for at in range(4)]
            return HostUse(told[0] * 1000, told[1], told[2], told[3])
        return self.space.host_use()

    def unlearn(self) -> None:
        self.take_back()
        if self.space.dead:
            return
        if self.private and self.words[LANE_KNOWN] and not self.newborn:
            self._write_private(LANE_KNOWN, memoryview(bytes(8)))
        self.words[LANE_KNOWN] = 0
        self.unlearn_actions()
        if self.stopped:
            self.noting = False  # else it may just be making a note
