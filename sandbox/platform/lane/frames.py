"""Vector registers and signal frames: they lie in the host's frame, by which the stub was entered.

The stub itself writes the frame that the guest sees, and takes the vector registers back from it (stub/signal.c): two
copies of kilobytes that would cost more than all the rest. Where it can't (a private lane, no room on the guest's
stack, a frame that is not the usual one), it says so and the kernel does it by `fpu_state` and `set_fpu_state`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Callable, Final

from sandbox.platform import fpu, hostcalls
from sandbox.platform.base import MemoryFault
from sandbox.platform.lane import layout
from sandbox.platform.lane.copies import LaneCopies
from sandbox.platform.lane.layout import (
    ACTION_DELIVER,
    ACTION_RETURN,
    DELIVER_AT,
    DELIVER_FPU,
    DELIVER_FPU_SIZE,
    DELIVER_SIZE,
    LANE_ACTION,
    LANE_DATA,
    LANE_FPSTATE,
    LANE_RETURN,
    LANE_RETURNED,
    LANE_SIZE,
)
from sandbox.platform.lane.orders import NOT_ASKED, assumed
from sandbox.platform.lane.patching import RIP_WORD

if TYPE_CHECKING:
    from sandbox.platform.lane.platform import LanePlatform

_ROOM: Final = LANE_SIZE - LANE_DATA


class LaneFrames(LaneCopies):
    """The part of a LaneThread that knows frames."""

    __slots__ = ("platform", "slot", "private", "asked", "on_done", "on_return", "left")

    platform: LanePlatform
    slot: int
    private: bool
    asked: list[bool]
    on_done: Callable[[int, int], None] | None
    on_return: Callable[[], None] | None
    left: Callable[[bool], None] | None  # to be told whether it has returned by itself

    @abstractmethod
    def answer(self) -> None:
        """Publish the answer, whose words are written, and wake the thread if it is parked."""

    def go_on(self, action: int) -> None:
        """Answer that it goes on with the registers in the lane."""
        if self.space.patches.sites:
            self.words[RIP_WORD] = self.space.patches.aim(self.words[RIP_WORD])
        self.words[LANE_ACTION] = action
        self.answer()

    def _fpu_image(self, address: int) -> bytes:
        """The XSAVE image at `address`, which must be in the stack that has the frame, as long as it says itself,
        bounded; empty without one. MemoryFault."""
        bottom = layout.STACKS_BASE + self.slot * layout.STACK_SIZE
        room = bottom + layout.STACK_SIZE - address
        if not fpu.LEGACY_SIZE <= room <= layout.STACK_SIZE:
            return b""
        image = self.space.read_own(address, min(room, fpu.LIKELY_SIZE))
        size = min(fpu.image_size(image), room)
        return image[:size] if size <= len(image) else self.space.read_own(address, size)

    def fpu_state(self) -> bytes:
        try:
            return self._fpu_image(self.words[LANE_FPSTATE])
        except MemoryFault:
            return b""

    def set_fpu_state(self, image: bytes) -> bool:
        address = self.words[LANE_FPSTATE]
        try:
            merged = fpu.merge(mine, image) if (mine := self._fpu_image(address)) else None
            if merged is None:
                return False
            if merged != mine:
                self.space.write_own(address, merged)
        except MemoryFault:
            return False
        return True

    def take_fpu_state(self, other: LaneFrames) -> None:
        """That of another thread of the process: its image as it is, which the host has made as it made this one's. A guest
        that has changed either deceives itself, and the host looks at it once more."""
        size = self.platform.fpu_size()
        if size and other.has_image(size) and self.has_image(size):
            hostcalls.vm_move(self.space.pid, other.words[LANE_FPSTATE], self.words[LANE_FPSTATE], size)

    def has_image(self, size: int) -> bool:
        """The stub's stack has room for one where it says that it is."""
        bottom = layout.STACKS_BASE + self.slot * layout.STACK_SIZE
        return bottom <= self.words[LANE_FPSTATE] <= bottom + layout.STACK_SIZE - size

    def fpu_size(self) -> int:
        return self.platform.fpu_size()

    def deliver(
        self,
        address: int,
        head: bytes | bytearray,
        fpu: int,
        failed: Callable[[], None],
        left: Callable[[bool], None] | None = None,
    ) -> None:
        size = len(head)
        if self.private or size > _ROOM:
            if left is not None:
                left(False)
            failed()
            return
        self.settle()
        words = self.words
        self.lane[LANE_DATA : LANE_DATA + size] = head
        words[DELIVER_AT] = address
        words[DELIVER_SIZE] = size
        words[DELIVER_FPU] = fpu
        words[DELIVER_FPU_SIZE] = self.platform.fpu_size()
        if left is not None:
            self.left = left
            words[LANE_RETURNED] = 0
            words[LANE_RETURN] = address
        self._go_on_framed(ACTION_DELIVER, failed)

    def take_back(self) -> None:
        left, self.left = self.left, None
        if left is None or self.space.dead:
            return
        self.words[LANE_RETURN] = 0
        if not self.stopped:
            hostcalls.fence()  # it says that it has returned, then looks whether it may
        left(self.words[LANE_RETURNED] != 0)

    def resume_from(self, fpu: int, failed: Callable[[], None]) -> None:
        if self.private:
            failed()
            return
        self.settle()
        self.words[DELIVER_AT] = fpu
        self._go_on_framed(ACTION_RETURN, failed)

    def _go_on_framed(self, action: int, failed: Callable[[], None]) -> None:
        self.on_return = assumed
        self.on_done = lambda index, result: failed()
        self.asked = NOT_ASKED
        self.go_on(action)
