"""Buffers that the kernel chooses from (io_uring/kbuf.c): groups of provided ones, and rings of them in guest memory."""

from __future__ import annotations

import errno
import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.io_uring.memory import PartMemory
from sandbox.kernel.control import Result
from sandbox.syscalls.iov_iter import USER_MAX, IovIter, one_segment

if TYPE_CHECKING:
    from sandbox.io_uring.request import Request
    from sandbox.io_uring.ring import RingFile
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

BUFFER: Final = struct.Struct("<QIH2x")  # struct io_uring_buf: addr, len, bid
TAIL: Final = 14  # of the ring, where its first entry has room
REGISTRATION: Final = struct.Struct("<QIHH24s")
MAX_IDS: Final = 1 << 16
MOST: Final = 8 << 20  # bytes of one buffer that one request uses


class BufferGroup:
    """`free`: (address, size, number) of what was provided. `entries`: the size of a ring at `address`, 0 without one."""

    __slots__ = ("free", "address", "entries", "head", "mm", "memory")

    def __init__(self) -> None:
        self.memory: PartMemory | None = None  # of a ring that is not in the program's own (IOU_PBUF_RING_MMAP)
        self.free: deque[tuple[int, int, int]] = deque()
        self.address = self.entries = self.head = 0
        self.mm: MemoryManager | None = None

    def read(self, r: Request, at: int, size: int) -> bytes:
        """Of the ring; EFAULT."""
        if self.memory is not None:
            return bytes(self.memory.view[at : at + size])
        return r.t.space.read(self.address + at, size)

    def forget(self, ring: RingFile) -> None:
        """It is there no longer."""
        ring.tasks.buffers -= len(self.free)
        if self.memory is not None:
            self.memory.close()
            self.memory = None


class Selected:
    """One buffer of a group, lent to a request for an attempt."""

    __slots__ = ("group", "address", "size", "number")

    def __init__(self, group: BufferGroup, address: int, size: int, number: int) -> None:
        self.group = group
        self.address = address
        self.size = size
        self.number = number


def _choose(r: Request) -> Selected:
    group = r.ring.groups.get(r.buf_index)
    if group is None:
        raise SyscallError(errno.ENOBUFS)
    if not group.entries:
        if not group.free:
            raise SyscallError(errno.ENOBUFS)
        r.ring.tasks.buffers -= 1
        return Selected(group, *group.free.popleft())
    if group.mm is not r.t.mm:
        raise SyscallError(errno.ENOBUFS)
    tail = int.from_bytes(group.read(r, TAIL, 2), "little")
    if tail == group.head:
        raise SyscallError(errno.ENOBUFS)
    place = BUFFER.size * (group.head & (group.entries - 1))
    return Selected(group, *BUFFER.unpack(group.read(r, place, BUFFER.size)))


def take(r: Request) -> IovIter:
    """A buffer for this attempt; at most `r.length` bytes of it are used, if that is not 0. ENOBUFS, EFAULT."""
    chosen = _choose(r)
    r.buffer = chosen
    size = min(chosen.size, MOST)
    return one_segment(chosen.address, min(r.length, size) if r.length else size)


def selected(r: Request) -> None:
    """The attempt has used it: the completion says which it was."""
    chosen = r.buffer
    if isinstance(chosen, Selected):
        r.buffer = None
        if chosen.group.entries:
            chosen.group.head = (chosen.group.head + 1) & 0xFFFF
        r.cqe_flags |= abi.CQE_F_BUFFER | chosen.number << abi.CQE_BUFFER_SHIFT


def give_back(r: Request) -> None:
    """The attempt has not."""
    chosen = r.buffer
    if isinstance(chosen, Selected):
        r.buffer = None
        r.args.state = None
        if not chosen.group.entries:
            r.ring.tasks.buffers += 1
            chosen.group.free.appendleft((chosen.address, chosen.size, chosen.number))


def forget_groups(ring: RingFile) -> None:
    """The ring is gone."""
    for group in ring.groups.values():
        group.forget(ring)
    ring.groups.clear()


# --- PROVIDE_BUFFERS, REMOVE_BUFFERS ---


def prepare_provide(r: Request) -> None:
    """PROVIDE_BUFFERS."""
    count, first = r.fd, r.off
    if r.op_flags or r.file_index:
        raise SyscallError(errno.EINVAL)
    if not 0 < count <= MAX_IDS:
        raise SyscallError(errno.E2BIG)
    size = r.length * count
    if r.addr + size >= 1 << 64:
        raise SyscallError(errno.EOVERFLOW)
    if r.addr + size > USER_MAX:
        raise SyscallError(errno.EFAULT)
    if first >= MAX_IDS:
        raise SyscallError(errno.E2BIG)
    if first + count > MAX_IDS:
        raise SyscallError(errno.EINVAL)


def provide(r: Request) -> Result:
    """PROVIDE_BUFFERS: `fd` of them, `len` long, from number `off` on."""
    ring = r.ring
    group = ring.groups.get(r.buf_index)
    if group is not None and group.entries:
        return -errno.EINVAL
    if ring.tasks.buffers + r.fd > ring.tasks.max_buffers:
        return -errno.ENOMEM
    if group is None:
        group = ring.groups[r.buf_index] = BufferGroup()
    ring.tasks.buffers += r.fd
    group.free.extend((r.addr + n * r.length, r.length, r.off + n) for n in range(r.fd))
    return 0


def prepare_remove(r: Request) -> None:
    """REMOVE_BUFFERS."""
    if r.op_flags or r.addr or r.length or r.off or r.file_index or not 0 < r.fd <= MAX_IDS:
        raise SyscallError(errno.EINVAL)


def remove(r: Request) -> Result:
    """REMOVE_BUFFERS: how many were taken back."""
    group = r.ring.groups.get(r.buf_index)
    if group is None:
        return -errno.ENOENT
    if group.entries:
        return -errno.EINVAL
    count = min(r.fd, len(group.free))
    for _ in range(count):
        group.free.popleft()
    r.ring.tasks.buffers -= count
    return count


# --- rings of buffers ---


def register_ring(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_REGISTER_PBUF_RING."""
    if count != 1 or not address:
        return -errno.EINVAL
    where, entries, number, flags, reserved = REGISTRATION.unpack(t.copy_in(address, REGISTRATION.size))
    if any(reserved) or flags & ~abi.PBUF_RING_MMAP:
        return -errno.EINVAL
    mapped = flags & abi.PBUF_RING_MMAP != 0
    if not where and not mapped:
        return -errno.EFAULT
    if (mapped and where) or where & 4095 or entries & (entries - 1) or not 0 < entries < MAX_IDS:
        return -errno.EINVAL
    group = ring.groups.get(number)
    if group is not None and (group.entries or group.free):
        return -errno.EEXIST
    memory: PartMemory | None = None
    if mapped:
        memory = PartMemory(t.kernel.mounts.vfs.space, BUFFER.size * entries)
    else:
        t.space.read(where, BUFFER.size * entries)  # EFAULT
    group = ring.groups[number] = BufferGroup()
    group.memory = memory
    group.address, group.entries, group.mm = where, entries, t.mm
    return 0


def unregister_ring(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_UNREGISTER_PBUF_RING."""
    if count != 1 or not address:
        return -errno.EINVAL
    where, entries, number, flags, reserved = REGISTRATION.unpack(t.copy_in(address, REGISTRATION.size))
    if any(reserved) or flags:
        return -errno.EINVAL
    group = ring.groups.get(number)
    if group is None:
        return -errno.ENOENT
    if not group.entries:
        return -errno.EINVAL
    group.forget(ring)
    del ring.groups[number]
    return 0
