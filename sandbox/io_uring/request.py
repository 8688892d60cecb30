"""One submission on its way from the ring to its completion (struct io_kiocb)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.kernel.control import PENDING, Control, Result
from sandbox.syscalls.args import SyscallArgs

if TYPE_CHECKING:
    from sandbox.io_uring.ring import RingFile
    from sandbox.io_uring.tasks import TaskRings
    from sandbox.kernel.control import Block
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from tcpip.timers import Timer
    from tcpip.waiter import Waiter, WaitQueue

# What is to be done with a request when its turn comes.
START: Final = 0
RETRY: Final = 1
END: Final = 2

ARMED: Final = Control()
"""An operation's result: it waits, and has arranged itself what ends it."""


def in_background(result: Result) -> Result:
    """Of what a handler does in the name of a request, and was told whom to call when it has ended (`Request.end_later`)."""
    return ARMED if result is PENDING else result


class Operation:
    """What an opcode does. `prepare` checks the entry when it is submitted, and raises what is wrong with it; `issue` tries
    once, as a handler of a call does. `armed` is run in place of `issue` when something that it waited for has come.
    `file`: it works on `request.file`; `waits`: it waits for that to be ready whatever O_NONBLOCK says; `ioprio`, `select`:
    the entry may have an ioprio, IOSQE_BUFFER_SELECT; `polled`: a ring with IORING_SETUP_IOPOLL has it."""

    __slots__ = ("prepare", "issue", "file", "waits", "ioprio", "select", "polled", "early")

    def __init__(
        self,
        prepare: Callable[[Request], None],
        issue: Callable[[Request], Result],
        file: bool = False,
        waits: bool = False,
        ioprio: bool = False,
        select: bool = False,
        polled: bool = False,
        early: Callable[[Request], None] | None = None,
    ) -> None:
        self.prepare = prepare
        self.issue = issue
        self.file = file
        self.waits = waits
        self.ioprio = ioprio
        self.select = select
        self.polled = polled
        self.early = early  # fetch what the entry points to, for one that starts later


class Request:
    """The entry's words under the names of struct io_uring_sqe's first union members; `args` is what a handler gets."""

    __slots__ = (
        "ring", "t", "owner", "op", "opcode", "flags", "ioprio", "fd", "off", "addr", "length", "op_flags", "user_data",
        "buf_index", "personality", "file_index", "addr3", "pad", "args", "file", "creds", "step", "queued", "ended", "issued",
        "link", "failed", "result", "cqe_flags", "skip_links", "nowait", "waitall", "block", "waiters", "timer", "state",
        "key", "once", "timeout", "buffer", "worker", "good", "tracked", "source", "notifies",
    )  # fmt: skip

    opcode: int
    flags: int
    ioprio: int
    fd: int
    off: int
    addr: int
    length: int
    op_flags: int
    user_data: int
    buf_index: int
    personality: int
    file_index: int
    addr3: int
    pad: int

    def __init__(self, ring: RingFile, t: Task, owner: TaskRings, raw: bytes) -> None:
        (
            self.opcode, self.flags, self.ioprio, self.fd, self.off, self.addr, self.length, self.op_flags, self.user_data,
            self.buf_index, self.personality, self.file_index, self.addr3, self.pad,
        ) = abi.SQE.unpack(raw)  # fmt: skip
        self.ring = ring
        self.t = t
        self.owner = owner
        self.op: Operation | None = None
        self.args = SyscallArgs((0, 0, 0, 0, 0, 0))
        self.file: FileDescription | None = None  # held by `args`
        self.creds: Credentials | None = None
        self.step = START
        self.queued = False  # among the ring's work
        self.ended = False
        self.issued = False
        self.link: Request | None = None  # what comes after it
        self.failed = False
        self.result = 0
        self.cqe_flags = 0
        self.skip_links = False
        self.nowait = False
        self.waitall = False
        self.source: FileDescription | None = None  # the other file of a splice, held
        self.notifies = False  # a second completion tells that what it has sent may be changed
        self.tracked = False  # its file is a ring
        self.good = False  # its end is no failure, whatever the result
        self.worker = self.flags & abi.SQE_ASYNC != 0
        self.block: Block | None = None
        self.waiters: list[tuple[WaitQueue, Waiter]] = []
        self.timer: Timer | None = None
        self.state: object = None  # of the operation
        self.key = 0  # events that it was woken with
        self.once = True  # not a multishot request (any more)
        self.timeout: Request | None = None  # LINK_TIMEOUT that is armed for it, or for a LINK_TIMEOUT: of whom it is
        self.buffer: object = None  # that was selected

    def wake(self, mask: int) -> None:
        """Something that it waits for has come."""
        self.key |= mask
        if self.ring.tasks.signalling:
            self.once = True  # caused by a completion: it must not go round in circles
        self.queue(RETRY)

    def queue(self, step: int) -> None:
        """Have its next step done soon."""
        if self.step != END or step == END:
            self.step = step
        if not self.queued and not self.ended:
            self.queued = True
            self.ring.add_work(self)

    def end_later(self, result: int) -> None:
        """It is over: stop waiting; the completion comes with the ring's work."""
        self.stop_waiting()
        self.result = result
        self.queue(END)

    def wait(self, queue: WaitQueue, mask: int) -> None:
        """Be woken by an event."""
        self.waiters.append((queue, queue.add(mask, self.wake)))

    def stop_waiting(self) -> None:
        """Leave all queues; timers too."""
        for queue, waiter in self.waiters:
            queue.remove(waiter)
        self.waiters.clear()
        if self.timer is not None:
            self.timer.close()
            self.timer = None

    def fail(self) -> None:
        """What is linked to it will not be done; a completion that was not wanted for success comes (req_set_fail)."""
        self.failed = True
        if self.flags & abi.SQE_CQE_SKIP_SUCCESS:
            self.flags &= ~abi.SQE_CQE_SKIP_SUCCESS
            self.skip_links = True
