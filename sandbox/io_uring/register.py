"""io_uring_register(2): opcode -> function (io_uring/register.c, rsrc.c, filetable.c, eventfd.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.io_uring import buffers, cancel, resources
from sandbox.io_uring.table import OPERATIONS
from sandbox.kernel.rlimits import RLIMIT_NPROC
from sandbox.vfs.eventfd import EventFile

if TYPE_CHECKING:
    from sandbox.io_uring.ring import RingFile
    from sandbox.kernel.task import Task

_PROBE_HEAD: Final = 16
_PROBE_OP: Final = struct.Struct("<BBHI")
_OP_SUPPORTED: Final = 1
_RESTRICTION: Final = struct.Struct("<HBB12s")
_MAX_RESTRICTIONS: Final = 75  # REGISTER_LAST + OP_LAST
_RING_FD: Final = struct.Struct("<IIQ")  # struct io_uring_rsrc_update
_TWO: Final = struct.Struct("<II")
_INT_MAX: Final = (1 << 31) - 1
_ANY: Final = 0xFFFFFFFF
_MAX_PERSONALITY: Final = 0xFFFF


def _eventfd(t: Task, ring: RingFile, address: int, count: int, asynchronous: bool) -> int:
    if count != 1:
        return -errno.EINVAL
    if ring.eventfd is not None:
        return -errno.EBUSY
    fd = int.from_bytes(t.copy_in(address, 4), "little")
    file = t.fds.get_io(fd)
    if not isinstance(file, EventFile):
        return -errno.EINVAL
    file.acquire()
    ring.eventfd = file
    ring.eventfd_async = asynchronous
    ring.eventfd_tail = ring.cq_tail
    return 0


def _register_eventfd(t: Task, ring: RingFile, address: int, count: int) -> int:
    return _eventfd(t, ring, address, count, False)


def _register_eventfd_async(t: Task, ring: RingFile, address: int, count: int) -> int:
    return _eventfd(t, ring, address, count, True)


def _unregister_eventfd(t: Task, ring: RingFile, address: int, count: int) -> int:
    if address or count:
        return -errno.EINVAL
    file, ring.eventfd = ring.eventfd, None
    if file is None:
        return -errno.ENXIO
    file.drop()
    return 0


def _probe(t: Task, ring: RingFile, address: int, count: int) -> int:
    """Which opcodes there are."""
    if not address or count > 256:
        return -errno.EINVAL
    count = min(count, abi.OP_LAST)
    if any(t.copy_in(address, _PROBE_HEAD + _PROBE_OP.size * count)):
        return -errno.EINVAL
    out = struct.pack("<BBH12x", abi.OP_LAST - 1, count, 0)
    for opcode in range(count):
        out += _PROBE_OP.pack(opcode, 0, _OP_SUPPORTED if opcode in OPERATIONS else 0, 0)
    t.copy_out(address, out)
    return 0


def _register_personality(t: Task, ring: RingFile, address: int, count: int) -> int:
    """The caller's credentials, under a number that entries may name."""
    if address or count:
        return -errno.EINVAL
    if len(ring.personalities) >= _MAX_PERSONALITY:
        return -errno.EBUSY
    number = ring.next_personality
    while number in ring.personalities:
        number = number % _MAX_PERSONALITY + 1
    ring.next_personality = number % _MAX_PERSONALITY + 1
    ring.personalities[number] = t.creds
    return number


def _unregister_personality(t: Task, ring: RingFile, address: int, count: int) -> int:
    if address:
        return -errno.EINVAL
    return 0 if ring.personalities.pop(count, None) is not None else -errno.EINVAL


def _restrictions(t: Task, ring: RingFile, address: int, count: int) -> int:
    """What may still be registered and submitted once the ring is enabled."""
    if not ring.disabled:
        return -errno.EBADFD
    if ring.restrictions is not None:
        return -errno.EBUSY
    if not address or count > _MAX_RESTRICTIONS:
        return -errno.EINVAL
    calls = opcodes = allowed = required = 0
    raw = t.copy_in(address, _RESTRICTION.size * count)
    for kind, value, _, _ in _RESTRICTION.iter_unpack(raw):
        if kind == 0 and value < abi.REGISTER_LAST:
            calls |= 1 << value
        elif kind == 1 and value < abi.OP_LAST:
            opcodes |= 1 << value
        elif kind == 2:
            allowed = value
        elif kind == 3:
            required = value
        else:
            return -errno.EINVAL
    ring.restrictions = (calls, opcodes, allowed, required)
    return 0


def _enable(t: Task, ring: RingFile, address: int, count: int) -> int:
    if address or count:
        return -errno.EINVAL
    if not ring.disabled:
        return -errno.EBADFD
    if ring.setup & abi.SETUP_SINGLE_ISSUER and ring.issuer is None:
        ring.issuer = t
    ring.disabled = False
    return 0


def _register_ring_fds(t: Task, ring: RingFile, address: int, count: int) -> int:
    """Rings under numbers of the task's own: how many were registered before the first that could not be."""
    from sandbox.io_uring.ring import RingFile as Ring

    if not 0 < count <= abi.RING_FDS_MAX:
        return -errno.EINVAL
    for n in range(count):
        place = address + n * _RING_FD.size
        try:
            wanted, reserved, fd = _RING_FD.unpack(t.copy_in(place, _RING_FD.size))
            if reserved or (wanted != _ANY and wanted >= abi.RING_FDS_MAX):
                raise SyscallError(errno.EINVAL)
            file = t.fds.get_io(fd & 0xFFFFFFFF)
            if not isinstance(file, Ring):
                raise SyscallError(errno.EOPNOTSUPP)
            number = t.kernel.uring.register_ring(t, file, -1 if wanted == _ANY else wanted)
            if number < 0:
                raise SyscallError(-number)
            try:
                t.copy_out(place, number.to_bytes(4, "little"))
            except SyscallError:
                t.kernel.uring.unregister_ring(t, number)
                raise
        except SyscallError as error:
            return n or -error.errno
    return count


def _unregister_ring_fds(t: Task, ring: RingFile, address: int, count: int) -> int:
    if not 0 < count <= abi.RING_FDS_MAX:
        return -errno.EINVAL
    for n in range(count):
        try:
            number, reserved, data = _RING_FD.unpack(t.copy_in(address + n * _RING_FD.size, _RING_FD.size))
        except SyscallError as error:
            return n or -error.errno
        if reserved or data or number >= abi.RING_FDS_MAX:
            return n or -errno.EINVAL
        t.kernel.uring.unregister_ring(t, number)
    return count


def _workers_affinity(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_REGISTER_IOWQ_AFF: there are no threads that work for a ring, and so none to be kept to these processors."""
    if not address or count < 1:
        return -errno.EINVAL
    t.copy_in(address, min(count, t.kernel.cpus + 63 >> 3 & ~7))
    return 0


def _no_workers_affinity(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_UNREGISTER_IOWQ_AFF."""
    return -errno.EINVAL if address or count else 0


def _workers(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_REGISTER_IOWQ_MAX_WORKERS: bounds of threads for files and for what may wait without end; 0 leaves one as it is.
    They are the task's. What they were is told: at first what Linux has (io_init_wq_offload, io_wq_create)."""
    if not address or count != 2:
        return -errno.EINVAL
    wanted = _TWO.unpack(t.copy_in(address, _TWO.size))
    if max(wanted) > _INT_MAX:
        return -errno.EINVAL
    mine, most = t.kernel.uring.of(t), min(t.group.rlimits.get(RLIMIT_NPROC), _INT_MAX)
    before = mine.workers or (min(ring.sq_entries, 4 * t.kernel.cpus), most)
    first, second = (min(new, most) if new else old for new, old in zip(wanted, before, strict=True))
    mine.workers = (first, second)
    t.copy_out(address, _TWO.pack(*before))
    return 0


_CALLS: Final[dict[int, Callable[[Task, RingFile, int, int], int]]] = {
    abi.REGISTER_BUFFERS: resources.register_buffers,
    abi.UNREGISTER_BUFFERS: resources.unregister_buffers,
    abi.REGISTER_FILES: resources.register_files,
    abi.UNREGISTER_FILES: resources.unregister_files,
    abi.REGISTER_EVENTFD: _register_eventfd,
    abi.UNREGISTER_EVENTFD: _unregister_eventfd,
    abi.REGISTER_FILES_UPDATE: resources.update_files,
    abi.REGISTER_EVENTFD_ASYNC: _register_eventfd_async,
    abi.REGISTER_PROBE: _probe,
    abi.REGISTER_PERSONALITY: _register_personality,
    abi.UNREGISTER_PERSONALITY: _unregister_personality,
    abi.REGISTER_RESTRICTIONS: _restrictions,
    abi.REGISTER_ENABLE_RINGS: _enable,
    abi.REGISTER_IOWQ_AFF: _workers_affinity,
    abi.UNREGISTER_IOWQ_AFF: _no_workers_affinity,
    abi.REGISTER_IOWQ_MAX_WORKERS: _workers,
    abi.REGISTER_RING_FDS: _register_ring_fds,
    abi.UNREGISTER_RING_FDS: _unregister_ring_fds,
    abi.REGISTER_FILES2: resources.register_files2,
    abi.REGISTER_FILES_UPDATE2: resources.update_files2,
    abi.REGISTER_BUFFERS2: resources.register_buffers2,
    abi.REGISTER_BUFFERS_UPDATE: resources.update_buffers,
    abi.REGISTER_PBUF_RING: buffers.register_ring,
    abi.UNREGISTER_PBUF_RING: buffers.unregister_ring,
    abi.REGISTER_SYNC_CANCEL: cancel.sync_cancel,
    abi.REGISTER_FILE_ALLOC_RANGE: resources.set_alloc_range,
}


def register(t: Task, ring: RingFile, opcode: int, address: int, count: int) -> int:
    """One call. EINVAL for opcodes that are not there."""
    if ring.issuer is not None and ring.issuer is not t:
        return -errno.EEXIST
    if ring.restrictions is not None and not ring.disabled and not ring.restrictions[0] >> opcode & 1:
        return -errno.EACCES
    if opcode in (abi.REGISTER_BUFFERS, abi.REGISTER_FILES) and not address:
        return -errno.EFAULT
    call = _CALLS.get(opcode)
    return -errno.EINVAL if call is None else call(t, ring, address, count)
