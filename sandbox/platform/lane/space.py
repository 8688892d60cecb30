"""A guest address space on the lane platform: one host process."""

from __future__ import annotations

import mmap
import os
from collections import deque
from typing import TYPE_CHECKING, Callable

from sandbox.platform.base import MemoryFault
from sandbox.platform.host_space import HostSpace
from sandbox.platform.lane import layout
from sandbox.platform.lane.layout import STUB_END, TASK_SIZE
from sandbox.platform.lane.patching import Patches
from sandbox.platform.lane.zygote import TITLE_SIZE, shared_pages

if TYPE_CHECKING:
    from sandbox.platform.lane.platform import LanePlatform
    from sandbox.platform.lane.thread import LaneThread


class LaneSpace(HostSpace):
    """`pid` is the host process (its leader never exits before the process is killed); `threads` by slot.

    Operations that have the stub execute something run one at a time per space, in the order in which
    they were asked for (`begin`, `finished`): a fork while a descriptor is lent would keep it.
    """

    __slots__ = (
        "platform",
        "threads",
        "chunks",
        "pooled",
        "timed",
        "exiting",
        "patches",
        "lent",
        "busy",
        "_waiting",
    )

    def __init__(self, platform: LanePlatform, pid: int, pidfd: int) -> None:
        super().__init__(platform.proc, pid, pidfd)
        self.platform = platform
        self.threads: dict[int, LaneThread] = {}
        self.lent: object = None  # the keepable file (Order) that was lent last, if nothing was since
        self.chunks: dict[int, mmap.mmap] = {}  # lanes, by chunk number
        self.pooled: list[LaneThread] = []  # host threads whose guest thread has ended
        self.timed = False  # somebody has asked what a single thread has used
        self.exiting: deque[int] = deque(maxlen=64)  # host threads that were let end last: they may still be seen
        self.patches = Patches()
        self.busy = False
        self._waiting: deque[Callable[[], None]] = deque()

    # --- lanes ---

    def new_chunk(self, number: int) -> int:
        """Lanes for slots number * CHUNK_SLOTS …: a descriptor to be mapped in the guest, to be closed by the caller;
        -1 when the host gives us none."""
        fd = -1
        try:
            fd = shared_pages("lanes", layout.CHUNK_SIZE)
            self.chunks[number] = mmap.mmap(fd, layout.CHUNK_SIZE)
        except OSError:
            if fd >= 0:
                os.close(fd)
            return -1
        return fd

    def lane(self, slot: int) -> memoryview:
        """The lane of a slot whose chunk is mapped."""
        at = slot % layout.CHUNK_SLOTS * layout.LANE_SIZE
        return memoryview(self.chunks[slot // layout.CHUNK_SLOTS])[at : at + layout.LANE_SIZE]

    def free_slot(self) -> int | None:
        """The lowest slot without a host thread, None when there are MAX_SLOTS threads."""
        slot = 0
        while slot in self.threads:
            slot += 1
        return slot if slot < layout.MAX_SLOTS else None

    def forget(self, thread: LaneThread) -> None:
        """A host thread has ended: its slot is free."""
        platform = self.platform
        del self.threads[thread.slot]
        platform.by_tid.pop(thread.tid, None)
        platform.active[:] = [entry for entry in platform.active if entry[1] is not thread]

    def entitle(self, words: bytes) -> None:
        at = self.platform.title_at
        if at:
            title = words[: TITLE_SIZE - 1]
            try:
                self.write_own(at, title + bytes(TITLE_SIZE - len(title)))
            except MemoryFault:
                pass  # it is only a title

    # --- one operation at a time ---

    def begin(self, operation: Callable[[], None]) -> None:
        """Run `operation` when no other is under way; it must lead to `finished`."""
        if self.busy:
            self._waiting.append(operation)
        else:
            self.busy = True
            operation()

    def finished(self) -> None:
        """The operation under way is over."""
        if self._waiting and not self.dead:
            self._waiting.popleft()()
        else:
            self.busy = False

    # --- memory ---

    def peek(self, address: int, size: int) -> bytes:
        data = bytearray(super().peek(address, size))
        for site in self.patches.within(address, address + size):
            site.hide(address, data)
        return bytes(data)

    def poke(self, address: int, data: bytes) -> None:
        patcher = self.platform.patcher
        if patcher is not None and not (address < STUB_END and address + len(data) > TASK_SIZE):
            patcher.reveal(self, address, address + len(data))
        super().poke(address, data)

    def show_code(self, shown: bool) -> None:
        self.patches.forbidden = shown
        patcher = self.platform.patcher
        if shown and patcher is not None:
            patcher.reveal_quiet(self)

    # --- end ---

    def kill(self) -> None:
        if self.dead:
            return
        self.dead = True
        self._waiting.clear()
        self.platform.forget_threads(self)
        self.end_process()

    def close(self) -> None:
        """The host process is reaped: give back what belongs to it."""
        self.platform.forget_threads(self)
        for thread in list(self.threads.values()):
            thread.detach()
        self.threads.clear()
        self.pooled.clear()
        self.patches.close()
        for chunk in self.chunks.values():
            chunk.close()
        self.chunks.clear()
        os.close(self.pidfd)
