"""io_uring_setup, io_uring_enter, io_uring_register (io_uring/io_uring.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.time import NS_PER_S, TIMESPEC
from sandbox.errors import SyscallError
from sandbox.io_uring import memory as at
from sandbox.io_uring import own_memory
from sandbox.io_uring.advise import execute, next_order
from sandbox.io_uring.memory import WORD, RingMemory
from sandbox.io_uring.register import register
from sandbox.io_uring.ring import RingFile
from sandbox.io_uring.submit import Batch
from sandbox.kernel.control import AGAIN, Block, Result
from sandbox.syscalls.linux.sys_poll import set_mask
from sandbox.syscalls.row import PARTIAL, Arg, Row
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.io_uring.tasks import Poller
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_TASKRUN: Final = abi.SETUP_COOP_TASKRUN | abi.SETUP_TASKRUN_FLAG | abi.SETUP_DEFER_TASKRUN
_SETUP_KNOWN: Final = (
    abi.SETUP_IOPOLL | abi.SETUP_SQPOLL | abi.SETUP_SQ_AFF | abi.SETUP_CQSIZE | abi.SETUP_CLAMP | abi.SETUP_ATTACH_WQ
    | abi.SETUP_R_DISABLED | abi.SETUP_SUBMIT_ALL | _TASKRUN | abi.SETUP_SQE128 | abi.SETUP_CQE32
    | abi.SETUP_SINGLE_ISSUER | abi.SETUP_NO_SQARRAY | abi.SETUP_NO_MMAP | abi.SETUP_REGISTERED_FD_ONLY
)  # fmt: skip
_LONGEST: Final = 1 << 62


# --- io_uring_setup ---


def _power(count: int, most: int, clamp: bool) -> int:
    """Entries of a ring: the next power of two; EINVAL."""
    if not count:
        raise SyscallError(errno.EINVAL)
    if count > most:
        if not clamp:
            raise SyscallError(errno.EINVAL)
        count = most
    return 1 << (count - 1).bit_length()


def _check_flags(t: Task, flags: int, cpu: int, wq_fd: int) -> None:
    """EINVAL for what does not go together; what the descriptor to attach to is wrong with."""
    if flags & ~_SETUP_KNOWN:
        raise SyscallError(errno.EINVAL)
    if flags & abi.SETUP_REGISTERED_FD_ONLY and not flags & abi.SETUP_NO_MMAP:
        raise SyscallError(errno.EINVAL)
    if flags & abi.SETUP_SQPOLL:
        if flags & _TASKRUN:
            raise SyscallError(errno.EINVAL)
    elif flags & abi.SETUP_TASKRUN_FLAG and not flags & (abi.SETUP_COOP_TASKRUN | abi.SETUP_DEFER_TASKRUN):
        raise SyscallError(errno.EINVAL)
    if flags & abi.SETUP_DEFER_TASKRUN and not flags & abi.SETUP_SINGLE_ISSUER:
        raise SyscallError(errno.EINVAL)
    if flags & abi.SETUP_ATTACH_WQ:
        file = t.fds.find(wq_fd)
        if file is None:
            raise SyscallError(errno.ENXIO)
        if not isinstance(file, RingFile):
            raise SyscallError(errno.EINVAL)
    if flags & abi.SETUP_SQ_AFF and (not flags & abi.SETUP_SQPOLL or cpu >= t.kernel.cpus):
        raise SyscallError(errno.EINVAL)


def sys_io_uring_setup(t: Task, a: SyscallArgs) -> Result:
    """io_uring_setup(2)."""
    tasks = t.kernel.uring
    if not tasks.allowed(t):
        return -errno.EPERM
    address = a.addr(1)
    words = abi.PARAMS.unpack(t.copy_in(address, abi.PARAMS.size))
    flags, wq_fd = words[2], words[6]
    if any(words[7]) or flags & ~_SETUP_KNOWN:
        return -errno.EINVAL
    clamp = flags & abi.SETUP_CLAMP != 0
    sq = _power(a.uint(0), abi.MAX_ENTRIES, clamp)
    cq = 2 * sq
    if flags & abi.SETUP_CQSIZE:
        cq = _power(words[1], abi.MAX_CQ_ENTRIES, clamp)
        if cq < sq:
            return -errno.EINVAL
    _check_flags(t, flags, words[3], wq_fd)
    if not flags & abi.SETUP_REGISTERED_FD_ONLY:
        t.fds.lowest_free()
    mm = t.mm if flags & abi.SETUP_NO_MMAP else None
    if mm is not None and mm.busy:
        return mm.wait()
    memory = RingMemory(t.kernel.mounts.vfs.space, sq, cq, flags)
    file = RingFile(t, memory, sq, cq, flags)
    file.acquire()

    def finish() -> int:
        """The ring is there: its number."""
        try:
            sq_off, cq_off = memory.offsets()
            if mm is not None:
                sq_off, cq_off = sq_off[:32] + words[8][32:], cq_off[:32] + words[9][32:]
            told = (sq, cq, flags, words[3], words[4], abi.FEATURES, wq_fd, words[7], sq_off, cq_off)
            t.copy_out(address, abi.PARAMS.pack(*told))
            if flags & abi.SETUP_SINGLE_ISSUER and not file.disabled:
                file.issuer = t
            if flags & abi.SETUP_REGISTERED_FD_ONLY:
                return tasks.register_ring(t, file, -1)
            return t.fds.install(file, 0, True)
        finally:
            file.drop()

    if mm is None:
        return finish()
    rings, sqes = (int.from_bytes(offsets[32:], "little") for offsets in (words[9], words[8]))
    try:
        own_memory.check(mm, rings, memory.rings_size)
        own_memory.check(mm, sqes, memory.sqes_size)
        return own_memory.lend(t, mm, memory, rings, sqes, finish, file.drop)
    except SyscallError:
        file.drop()
        raise


# --- io_uring_enter ---


class _Entering:
    """What an io_uring_enter remembers. `batch`: until all has been submitted; `target`: of the completion ring's end, what is
    waited for; `deadline`: ns, kernel clock."""

    __slots__ = ("ring", "batch", "submitted", "waiting", "target", "timeouts", "deadline")

    def __init__(self, ring: RingFile) -> None:
        self.ring = ring
        self.batch: Batch | None = None
        self.submitted = 0
        self.waiting = False
        self.target = 0
        self.timeouts = 0
        self.deadline: int | None = None


def find_ring(t: Task, fd: int, registered: bool) -> RingFile:
    """EBADF, EINVAL, EOPNOTSUPP."""
    if registered:
        if fd >= abi.RING_FDS_MAX:
            raise SyscallError(errno.EINVAL)
        mine = t.kernel.uring.tasks.get(t)
        found = mine.registered(fd) if mine is not None else None
        if found is None:
            raise SyscallError(errno.EBADF if mine is not None else errno.EINVAL)
        return found
    file = t.fds.get_io(fd)
    if not isinstance(file, RingFile):
        raise SyscallError(errno.EOPNOTSUPP)
    return file


def sys_io_uring_enter(t: Task, a: SyscallArgs) -> Result:
    """io_uring_enter(2)."""
    state = a.state
    if not isinstance(state, _Entering):
        flags = a.uint(3)
        if flags & ~abi.ENTER_ALL:
            return -errno.EINVAL
        ring = find_ring(t, a.uint(0), flags & abi.ENTER_REGISTERED_RING != 0)
        if ring.disabled:
            return -errno.EBADFD
        state = _Entering(ring)
        if ring.poller is not None:
            _wake_poller(state, ring.poller, a.uint(1), flags)
        elif a.uint(1):
            if ring.issuer is not None and ring.issuer is not t:
                return -errno.EEXIST
            state.batch = Batch(ring, t, a.uint(1))
    result = _go_on(t, a, state)
    if not isinstance(result, int):
        a.state = state
        a.hold(state.ring)
    return result


def _wake_poller(state: _Entering, poller: Poller, count: int, flags: int) -> None:
    """IORING_SETUP_SQPOLL: entries are taken in the name of the task that made the ring, when it is woken; it sleeps again at
    once, which IORING_SQ_NEED_WAKEUP says. EOWNERDEAD."""
    ring = state.ring
    ring.flush_overflow()
    task = poller.find()
    if task is None:
        raise SyscallError(errno.EOWNERDEAD)
    state.submitted = count
    if flags & (abi.ENTER_SQ_WAKEUP | abi.ENTER_SQ_WAIT):
        state.batch = Batch(ring, task, ring.sq_entries)


def _go_on(t: Task, a: SyscallArgs, state: _Entering) -> Result:
    batch, ring = state.batch, state.ring
    if batch is not None:
        if not batch.take():
            return AGAIN
        if ring.poller is not None:
            state.batch = batch = batch.rest()
            return AGAIN if batch is not None else _go_on(t, a, state)
        state.batch = None
        state.submitted = batch.done
        if batch.done != a.uint(1):
            _run_due(ring)
            return batch.done
    if not _run_due(ring):
        return AGAIN
    while ring.orders:
        r = next_order(ring, t)
        if r is None:
            break
        ordered = execute(t, r, lambda: _go_on(t, a, state))
        if ordered is not None:
            return ordered
    if not a.uint(3) & abi.ENTER_GETEVENTS:
        return state.submitted
    try:
        result = _wait(t, a, state)
    except SyscallError as error:
        result = -error.errno
    return result if not isinstance(result, int) else state.submitted or result


def _run_due(ring: RingFile) -> bool:
    """What Linux does on the way out of a call. False: there is more than a turn of it."""
    return ring.setup & abi.SETUP_DEFER_TASKRUN != 0 or not ring.work or ring.run_work()


def _argument(t: Task, a: SyscallArgs) -> tuple[int, int, int]:
    """Where the signal mask is, its size, and where the time-out is; EINVAL, EFAULT."""
    mask, size = a.addr(4), a.size(5)
    if not a.uint(3) & abi.ENTER_EXT_ARG:
        return mask, size, 0
    if size != abi.GETEVENTS_ARG.size:
        raise SyscallError(errno.EINVAL)
    mask, size, pad, timeout = abi.GETEVENTS_ARG.unpack(t.copy_in(mask, size))
    if pad:
        raise SyscallError(errno.EINVAL)
    return mask, size, timeout


def _begin_wait(t: Task, state: _Entering, mask: int, size: int, timeout: int) -> None:
    if mask:
        set_mask(t, mask, size)
    if timeout:
        seconds: int
        fraction: int
        seconds, fraction = TIMESPEC.unpack(t.copy_in(timeout, 16))
        ns = max(0, min(seconds * NS_PER_S + fraction, _LONGEST))
        state.deadline = t.kernel.clock.now_ns() + ns


def _wait(t: Task, a: SyscallArgs, state: _Entering) -> Result:
    """Until there are as many completions as asked for, or a timeout has come (io_cqring_wait)."""
    ring = state.ring
    words = ring.memory.words
    least = min(a.uint(2), ring.cq_entries)
    deferring = ring.setup & abi.SETUP_DEFER_TASKRUN != 0
    if deferring:
        if ring.issuer is not t:
            return -errno.EEXIST
        if ring.work and not ring.run_work():
            return AGAIN
    ring.flush_overflow()
    if not state.waiting:
        mask, size, timeout = _argument(t, a)
        if (words[at.CQ_TAIL] - words[at.CQ_HEAD]) & WORD >= least:
            return 0
        _begin_wait(t, state, mask, size, timeout)
        state.waiting = True
        state.target = (words[at.CQ_HEAD] + least) & WORD
        state.timeouts = ring.cq_timeouts
    elif ring.dropped:
        ring.dropped = False
        return -errno.EBADR
    elif (ring.cq_tail - state.target) & WORD < 1 << 31 or ring.cq_timeouts != state.timeouts:
        return 0
    if a.timed_out:
        return _nothing(ring, errno.ETIME)
    return Block(((ring.queue, EVENT_IN),), state.deadline, on_interrupt=_interrupted)


def _nothing(ring: RingFile, number: int) -> int:
    """The wait is over: an error unless there is something to be seen."""
    words = ring.memory.words
    return -number if words[at.CQ_HEAD] == words[at.CQ_TAIL] else 0


def _interrupted(t: Task, a: SyscallArgs) -> int:
    state = a.state
    assert isinstance(state, _Entering)
    return state.submitted or _nothing(state.ring, errno.EINTR)


def sys_io_uring_register(t: Task, a: SyscallArgs) -> Result:
    """io_uring_register(2)."""
    opcode = a.uint(1)
    registered = opcode & abi.REGISTER_USE_REGISTERED_RING != 0
    opcode &= ~abi.REGISTER_USE_REGISTERED_RING
    if opcode >= abi.REGISTER_LAST:
        return -errno.EINVAL
    ring = find_ring(t, a.uint(0), registered)
    return register(t, ring, opcode, a.addr(2), a.uint(3))


_NOTE: Final = (
    "the opcodes that IORING_REGISTER_PROBE tells of; IORING_SETUP_NO_MMAP in private anonymous memory; no tags of resources; no threads work for a ring, so bounds of them "
    "are only told back; direct I/O is not polled for; the "
    "thread of IORING_SETUP_SQPOLL sleeps whenever it has nothing to do"
)

ROWS: Final[tuple[Row, ...]] = (
    Row(425, "io_uring_setup", sys_io_uring_setup, PARTIAL, (Arg.UINT, Arg.ADDR), _NOTE),
    Row(
        426,
        "io_uring_enter",
        sys_io_uring_enter,
        PARTIAL,
        (Arg.FD, Arg.UINT, Arg.UINT, Arg.HEX, Arg.ADDR, Arg.SIZE),
        _NOTE,
    ),
    Row(427, "io_uring_register", sys_io_uring_register, PARTIAL, (Arg.FD, Arg.UINT, Arg.ADDR, Arg.UINT), _NOTE),
)
