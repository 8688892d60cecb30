"""Taking entries from the submission ring (io_uring/io_uring.c: io_submit_sqes, io_init_req)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.io_uring import memory as at
from sandbox.io_uring.memory import WORD
from sandbox.io_uring.request import START, Request
from sandbox.io_uring.run import complete, start
from sandbox.io_uring.table import OPERATIONS

if TYPE_CHECKING:
    from sandbox.io_uring.ring import RingFile
    from sandbox.io_uring.tasks import TaskRings
    from sandbox.kernel.task import Task

TURN: Final = 64  # entries that are taken at once
TURN_NS: Final = 1_000_000
_SLOW: Final = abi.SQE_IO_DRAIN | abi.SQE_BUFFER_SELECT | abi.SQE_CQE_SKIP_SUCCESS


class Batch:
    """One call's submission: `left` entries are to be taken, `done` have been. `head` … `last`: a chain that is not whole."""

    __slots__ = ("ring", "t", "owner", "left", "done", "taken", "head", "last")

    def __init__(self, ring: RingFile, t: Task, count: int) -> None:
        self.ring = ring
        self.t = t
        self.owner: TaskRings = ring.tasks.of(t)
        there = (ring.memory.words[at.SQ_TAIL] - ring.sq_head) & WORD
        self.left = min(count, there, ring.sq_entries)
        self.done = self.taken = 0
        self.head: Request | None = None
        self.last: Request | None = None

    def take(self) -> bool:
        """Submit some. True: that was all."""
        ring, clock = self.ring, self.t.kernel.clock
        self.t.thread.forget_copies()  # it may be in a call of its own
        turn, until = TURN, clock.now_ns() + TURN_NS
        while self.left:
            if not turn or clock.now_ns() > until:
                return False
            turn -= 1
            if ring.tasks.requests >= ring.tasks.max_requests:
                self.done = self.done or -errno.EAGAIN
                break
            raw = _next_entry(ring)
            if raw is None:
                break
            self.left -= 1
            self.done += 1
            self.taken += 1
            if not self._submit(raw) and not ring.setup & abi.SETUP_SUBMIT_ALL:
                break
        self.left = 0
        if self.head is not None:
            head, self.head = self.head, None
            self._begin(head)
        ring.memory.words[at.SQ_HEAD] = ring.sq_head
        ring.commit()
        return True

    def rest(self) -> Batch | None:
        """For who takes all there is: the entries behind a wrong one."""
        taken = self.done
        more = Batch(self.ring, self.t, self.ring.sq_entries - self.taken) if taken > 0 else None
        if more is None or not more.left:
            return None
        more.taken += self.taken
        return more

    def _submit(self, raw: bytes) -> bool:
        """False: it was wrong."""
        ring = self.ring
        r = Request(ring, self.t, self.owner, raw)
        ring.enter(r)
        try:
            if ring.poller is not None:
                r.creds = ring.poller.creds
            _check(self, r)
            if self.head is not None and r.op is not None and r.op.early is not None:
                r.op.early(r)
        except SyscallError as error:
            return self._wrong(r, error.errno)
        links = r.flags & abi.SQE_LINKS
        if self.head is None:
            if links:
                self.head = self.last = r
            else:
                self._begin(r)
            return True
        self._chain(r)
        if not links:
            head, self.head = self.head, None
            self._begin(head)
        return True

    def _chain(self, r: Request) -> None:
        assert self.last is not None
        self.last.link = r
        self.last = r

    def _wrong(self, r: Request, number: int) -> bool:
        """The entry is refused, and all of its chain with it (io_submit_fail_init)."""
        r.result = -number
        r.fail()
        head = self.head
        if head is not None:
            if not head.failed:
                head.result = -errno.ECANCELED
                head.fail()
            self._chain(r)
        if r.flags & abi.SQE_LINKS:
            if head is None:
                self.head = self.last = r
            return True
        self.head = None
        self._begin(r if head is None else head)
        return False

    def _begin(self, head: Request) -> None:
        """A request, or the first of a chain, is complete."""
        if head.failed:
            head.flags &= ~abi.SQE_IO_HARDLINK
            complete(head, head.result)
        elif self.ring.deferred or (head.flags & abi.SQE_IO_DRAIN and next(iter(self.ring.inflight)) is not head):
            self.ring.deferred.append(head)
        elif head.worker:
            head.queue(START)
        else:
            start(head)


def _next_entry(ring: RingFile) -> bytes | None:
    """A copy of the next entry, which nobody can change any more; None: its index is none."""
    memory = ring.memory
    words = memory.words
    index = ring.sq_head & (ring.sq_entries - 1)
    ring.sq_head = (ring.sq_head + 1) & WORD
    if memory.array_at:
        index = words[memory.array_at // 4 + index]
        if index >= ring.sq_entries:
            words[at.SQ_DROPPED] = (words[at.SQ_DROPPED] + 1) & WORD
            return None
    place = memory.sqes_at + index * memory.sqe_size
    return bytes(memory.view[place : place + 64])


def _check(batch: Batch, r: Request) -> None:
    """What is wrong with an entry (io_init_req)."""
    ring = batch.ring
    op = OPERATIONS.get(r.opcode)
    if op is None or r.flags & ~abi.SQE_VALID:
        raise SyscallError(errno.EINVAL)
    r.op = op
    if r.flags & _SLOW:
        if r.flags & abi.SQE_BUFFER_SELECT and not op.select:
            raise SyscallError(errno.EOPNOTSUPP)
        if r.flags & abi.SQE_CQE_SKIP_SUCCESS:
            ring.drain_disabled = True
        if r.flags & abi.SQE_IO_DRAIN:
            if ring.drain_disabled:
                raise SyscallError(errno.EOPNOTSUPP)
            if batch.head is not None:
                batch.head.flags |= abi.SQE_IO_DRAIN
                ring.drain_next = True
    if ring.restrictions is not None:
        _, opcodes, allowed, required = ring.restrictions
        if not opcodes >> r.opcode & 1 or r.flags & required != required or r.flags & ~(allowed | required):
            raise SyscallError(errno.EACCES)
    if ring.drain_next and batch.head is None:
        ring.drain_next = False
        r.flags |= abi.SQE_IO_DRAIN
    if r.ioprio and not op.ioprio:
        raise SyscallError(errno.EINVAL)
    if ring.setup & abi.SETUP_IOPOLL and not op.polled:
        raise SyscallError(errno.EINVAL)
    if r.personality:
        r.creds = ring.personalities.get(r.personality)
        if r.creds is None:
            raise SyscallError(errno.EINVAL)
    op.prepare(r)
    if r.opcode == abi.OP_LINK_TIMEOUT:
        if batch.head is None or (batch.last is not None and batch.last.opcode == abi.OP_LINK_TIMEOUT):
            raise SyscallError(errno.EINVAL)
