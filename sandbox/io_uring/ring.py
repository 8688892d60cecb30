"""RingFile: an io_uring (io_uring(7), io_uring/io_uring.c): completions, work that is due, and what is registered."""

from __future__ import annotations

import errno
from collections import OrderedDict, deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.errors import SyscallError
from sandbox.io_uring import memory as at
from sandbox.io_uring.buffers import BufferGroup, forget_groups
from sandbox.io_uring.memory import WORD, PartMemory, RingBacking, RingMemory
from sandbox.io_uring.request import Request
from sandbox.io_uring.resources import forget_buffers
from sandbox.io_uring.run import complete, step, tidy
from sandbox.io_uring.tasks import Poller
from sandbox.vfs.anon import next_inode
from sandbox.vfs.file_description import FileDescription
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.io_uring.tasks import UringTasks
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.vfs.eventfd import EventFile

TURN: Final = 64  # requests that are gone on with before others have a turn


class RingFile(FileDescription):
    """`sq_head` and `cq_tail` are where the sentry is, modulo 2^32; what stands in the rings is only told.

    `inflight`: requests by age. `work`: those whose next step is due. `posted`: completions that nobody has been told of
    yet. `timeouts`: those that count completions, and at how many they end.
    """

    is_ring = True

    def __init__(self, t: Task, memory: RingMemory, sq: int, cq: int, flags: int) -> None:
        super().__init__(O_RDWR)
        self.kernel = t.kernel
        self.tasks: UringTasks = t.kernel.uring
        self.inode = next_inode()
        self.memory = memory
        self.sq_entries, self.cq_entries = sq, cq
        self.setup = flags
        self.disabled = flags & abi.SETUP_R_DISABLED != 0
        self.issuer: Task | None = None  # with IORING_SETUP_SINGLE_ISSUER
        self.poller = Poller(t) if flags & abi.SETUP_SQPOLL else None
        if self.poller is not None:
            memory.words[at.SQ_FLAGS] |= abi.SQ_NEED_WAKEUP
        self.sq_head = self.cq_tail = 0
        self.cq_timeouts = 0
        self.completions = 0  # since it was made, those of timeouts aside
        self.posted = 0
        self._counted = 0
        self.told = False  # a request that was made asynchronous on purpose has completed
        self.overflow: deque[tuple[int, int, int, int, int]] = deque()
        self.dropped = False
        self.inflight: OrderedDict[Request, None] = OrderedDict()  # a dict is slow to find its first after others went
        self.deferred: deque[Request] = deque()
        self.drain_next = self.drain_disabled = False
        self.work: deque[Request] = deque()
        self.orders: deque[Request] = deque()  # those that need their task in a call
        self.scheduled = self.closed = False
        self.timeouts: dict[Request, int] = {}
        self.timeout_heap: list[tuple[int, int, Request]] = []
        self.by_data: dict[int, dict[Request, None]] = {}
        self.files: list[FileDescription | None] | None = None
        self.alloc_range = (0, 0)
        self.alloc_hint = 0
        self.buffers: list[tuple[int, int]] | None = None
        self.buffers_mm: MemoryManager | None = None
        self.pinned: tuple[int, int] | None = None  # pages of them, of which user
        self.eventfd: EventFile | None = None
        self.eventfd_async = False
        self.eventfd_tail = 0
        self.personalities: dict[int, Credentials] = {}
        self.next_personality = 1
        self.groups: dict[int, BufferGroup] = {}
        self.restrictions: tuple[int, int, int, int] | None = None  # calls, opcodes, flags allowed, flags required

    # --- completions ---

    def unseen(self) -> int:
        """How many entries of the completion ring are taken, as far as the guest can be believed."""
        queued = (self.cq_tail - self.memory.words[at.CQ_HEAD]) & WORD
        return min(queued, self.cq_entries)

    def post(self, data: int, result: int, flags: int, extra: tuple[int, int] = (0, 0), must: bool = True) -> bool:
        """Add a completion. Where there is no room it waits for some, if it `must`."""
        if self.closed:
            return False
        if not self.overflow and self.unseen() < self.cq_entries:
            self._put(data, result, flags, extra)
            return True
        if not must:
            return False
        words = self.memory.words
        if self.tasks.overflow < self.tasks.max_overflow:
            self.tasks.overflow += 1
            self.overflow.append((data, result, flags, *extra))
            words[at.SQ_FLAGS] |= abi.SQ_CQ_OVERFLOW
        else:
            words[at.CQ_OVERFLOW] = (words[at.CQ_OVERFLOW] + 1) & WORD
            self.dropped = True
        self.posted += 1
        return False

    def _put(self, data: int, result: int, flags: int, extra: tuple[int, int]) -> None:
        memory = self.memory
        place = at.CQES + (self.cq_tail & (self.cq_entries - 1)) * memory.cqe_size
        if memory.cqe_size == 16:
            abi.CQE.pack_into(memory.view, place, data, result, flags)
        else:
            abi.CQE_BIG.pack_into(memory.view, place, data, result, flags, *extra)
        self.cq_tail = (self.cq_tail + 1) & WORD
        memory.words[at.CQ_TAIL] = self.cq_tail
        self.completions += 1
        self.posted += 1

    def post_more(self, r: Request, result: int, flags: int) -> bool:
        """One of several completions of a request. False: no room, so the next one has to be its last."""
        return self.post(r.user_data, result, flags | abi.CQE_F_MORE, must=False)

    def flush_overflow(self) -> None:
        """Move what waits into the ring, as far as there is room."""
        overflow = self.overflow
        if not overflow:
            return
        while overflow and self.unseen() < self.cq_entries:
            data, result, flags, one, two = overflow.popleft()
            self.tasks.overflow -= 1
            self._put(data, result, flags, (one, two))
        if not overflow:
            self.memory.words[at.SQ_FLAGS] &= ~abi.SQ_CQ_OVERFLOW & WORD
        self.commit()

    def commit(self) -> None:
        """Tell who waits for completions of those that have come."""
        if not self.posted or self.closed:
            return
        self.posted = 0
        asynchronous, self.told = self.told, False
        if self.timeouts:
            self._count_timeouts()
        tasks = self.tasks
        before, tasks.signalling = tasks.signalling, True
        try:
            self.queue.notify(EVENT_IN)
            if self.eventfd is not None and self.eventfd_tail != self.cq_tail:
                self.eventfd_tail = self.cq_tail
                disabled = self.memory.words[at.CQ_FLAGS] & abi.CQ_EVENTFD_DISABLED
                if not disabled and (asynchronous or not self.eventfd_async):
                    self.eventfd.signal()
        finally:
            tasks.signalling = before

    def count_timeout(self, r: Request, count: int) -> None:
        """End `r` when `count` more completions have come."""
        target = self.completions - self.cq_timeouts + count
        self.timeouts[r] = target
        heap = self.timeout_heap
        if len(heap) > 2 * len(self.timeouts) + TURN:
            heap[:] = [entry for entry in heap if entry[2] in self.timeouts]
            heapify(heap)
        self._counted += 1
        heappush(heap, (target, self._counted, r))

    def _count_timeouts(self) -> None:
        """End timeouts that have seen as many completions as they wait for (io_flush_timeouts)."""
        now, heap = self.completions - self.cq_timeouts, self.timeout_heap
        while heap and heap[0][0] <= now:
            r = heappop(heap)[2]
            if self.timeouts.pop(r, None) is not None:
                self.cq_timeouts += 1
                r.end_later(0)

    # --- work ---

    def add_work(self, r: Request) -> None:
        """Its next step is due: soon, or when its issuer asks for completions (IORING_SETUP_DEFER_TASKRUN)."""
        if self.closed:
            return
        self.work.append(r)
        if self.setup & abi.SETUP_DEFER_TASKRUN:
            if self.setup & abi.SETUP_TASKRUN_FLAG:
                self.memory.words[at.SQ_FLAGS] |= abi.SQ_TASKRUN
            self.queue.notify(EVENT_IN)
        elif not self.scheduled:
            self.scheduled = True
            self.kernel.reactor.call_soon(self._work_due)

    def _work_due(self) -> None:
        self.scheduled = False
        if self.closed:
            return
        self.run_work()
        if self.work and not self.scheduled and not self.closed:
            self.scheduled = True
            self.kernel.reactor.call_at(self.kernel.clock.now_ns(), self._work_due)

    def run_work(self) -> bool:
        """Go on with some of what is due. False: there is more."""
        work, left = self.work, TURN
        self.acquire()
        try:
            while work and left and not self.closed:
                left -= 1
                r = work.popleft()
                r.queued = False
                step(r)
            if not work and self.setup & abi.SETUP_TASKRUN_FLAG:
                self.memory.words[at.SQ_FLAGS] &= ~abi.SQ_TASKRUN & WORD
            self.commit()
        finally:
            self.drop()
        return not work

    def drain(self) -> None:
        """Start what has waited for everything before it (IOSQE_IO_DRAIN), and what came after that."""
        deferred = self.deferred
        while deferred:
            r = deferred[0]
            if not r.ended:
                if r.flags & abi.SQE_IO_DRAIN and next(iter(self.inflight)) is not r:
                    return
                r.queue(0)
            deferred.popleft()

    def enter(self, r: Request) -> None:
        """One more in flight."""
        self.inflight[r] = None
        r.owner.requests[r] = None
        self.by_data.setdefault(r.user_data, {})[r] = None
        self.tasks.requests += 1

    def leave(self, r: Request) -> None:
        """One fewer."""
        del self.inflight[r]
        del r.owner.requests[r]
        self._forget_data(r)
        self.tasks.requests -= 1

    def _forget_data(self, r: Request) -> None:
        same = self.by_data[r.user_data]
        del same[r]
        if not same:
            del self.by_data[r.user_data]

    def rename(self, r: Request, data: int) -> None:
        """Give it another user_data."""
        self._forget_data(r)
        r.user_data = data
        self.by_data.setdefault(data, {})[r] = None

    def abandon(self, r: Request, result: int) -> None:
        """End it at once, wherever it is."""
        self.timeouts.pop(r, None)
        done = tidy(r)
        complete(r, done if done > 0 else result)

    # --- as a file ---

    def poll(self, t: Task | None) -> int:
        words = self.memory.words
        mask = 0
        if (words[at.SQ_TAIL] - self.sq_head) & WORD != self.sq_entries:
            mask = EVENT_OUT
        if words[at.CQ_TAIL] != words[at.CQ_HEAD] or self.overflow or self.work:
            mask |= EVENT_IN
        return mask

    def check_mapping(self, size: int, offset: int) -> None:
        part = self._buffer_ring(offset)
        if part is not None:
            if size > part.size:
                raise SyscallError(errno.ENOMEM)
            return
        if size > self.memory.part(offset)[1] or self.setup & abi.SETUP_NO_MMAP:
            raise SyscallError(errno.ENOMEM)

    def _buffer_ring(self, offset: int) -> PartMemory | None:
        """What is mapped at IORING_OFF_PBUF_RING and a group's number; ENOMEM where that has none. None: another part."""
        if offset & abi.OFF_MMAP_MASK != abi.OFF_PBUF_RING:
            return None
        group = self.groups.get((offset & ~abi.OFF_MMAP_MASK) >> abi.OFF_PBUF_SHIFT)
        if group is None or group.memory is None:
            raise SyscallError(errno.ENOMEM)
        return group.memory

    def backing_at(self, t: Task, shared: bool, prot: int, offset: int) -> Backing:
        part = self._buffer_ring(offset)
        if part is not None:
            return RingBacking(self, part.fd, -offset, self.inode)
        place, _ = self.memory.part(offset)
        return RingBacking(self, self.memory.fd, place - offset, self.inode)

    def release(self) -> None:
        """Nobody has a descriptor or a mapping of it: whatever is under way ends."""
        self.closed = True
        for r in list(self.inflight):
            self.abandon(r, -errno.ECANCELED)
        self.work.clear()
        self.orders.clear()
        self.deferred.clear()
        self.tasks.overflow -= len(self.overflow)
        self.overflow.clear()
        self.unregister_all()
        self.memory.close()

    def unregister_all(self) -> None:
        """Let go of what was registered."""
        forget_groups(self)
        forget_buffers(self)
        files, self.files = self.files, None
        for file in files or ():
            if file is not None:
                file.drop()
        eventfd, self.eventfd = self.eventfd, None
        if eventfd is not None:
            eventfd.drop()

    def link_text(self) -> str:
        return "anon_inode:[io_uring]"

    def fdinfo(self) -> str:
        words = self.memory.words
        files = len(self.files) if self.files is not None else 0
        buffers = len(self.buffers) if self.buffers is not None else 0
        return (
            f"SqMask:\t0x{self.sq_entries - 1:x}\nSqHead:\t{words[at.SQ_HEAD]}\nSqTail:\t{words[at.SQ_TAIL]}\n"
            f"CachedSqHead:\t{self.sq_head}\nCqMask:\t0x{self.cq_entries - 1:x}\nCqHead:\t{words[at.CQ_HEAD]}\n"
            f"CqTail:\t{words[at.CQ_TAIL]}\nCachedCqTail:\t{self.cq_tail}\nSqThread:\t-1\nSqThreadCpu:\t-1\n"
            f"UserFiles:\t{files}\nUserBufs:\t{buffers}\n"
        )
