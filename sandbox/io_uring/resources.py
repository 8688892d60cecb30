"""Registered files and buffers (io_uring/rsrc.c, io_uring/filetable.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.capability import CAP_IPC_LOCK
from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_MEMLOCK, RLIMIT_NOFILE
from sandbox.syscalls.iov_iter import USER_MAX

if TYPE_CHECKING:
    from sandbox.io_uring.request import Request
    from sandbox.io_uring.ring import RingFile
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription

MAX_FILES: Final = 1 << 15  # IORING_MAX_FIXED_FILES is 1 << 20, which no RLIMIT_NOFILE here reaches at once
MAX_BUFFERS: Final = 1 << 14
MAX_BUFFER: Final = 1 << 30
SKIP: Final = -2
_UPDATE: Final = struct.Struct("<IIQ")
_RANGE: Final = struct.Struct("<IIQ")
_REGISTER2: Final = struct.Struct("<IIQQQ")
_UPDATE2: Final = struct.Struct("<IIQQII")
_SPARSE: Final = 1
_IOVEC: Final = struct.Struct("<QQ")


def _fds(t: Task, address: int, count: int) -> tuple[int, ...]:
    return struct.unpack(f"<{count}i", t.copy_in(address, 4 * count))


def _registrable(t: Task, fd: int) -> FileDescription:
    """EBADF, also for a ring."""
    file = t.fds.get_io(fd & 0xFFFFFFFF)
    if file.is_ring:
        raise SyscallError(errno.EBADF)
    return file


def register_files(t: Task, ring: RingFile, address: int, count: int, sparse: bool = False) -> int:
    """IORING_REGISTER_FILES: -1 leaves a place empty, as do all of a `sparse` table."""
    if ring.files is not None:
        return -errno.EBUSY
    if not count:
        return -errno.EINVAL
    if count > MAX_FILES or count > t.group.rlimits.get(RLIMIT_NOFILE):
        return -errno.EMFILE
    files: list[FileDescription | None] = []
    try:
        for fd in (-1,) * count if sparse else _fds(t, address, count):
            file = None if fd == -1 else _registrable(t, fd)
            if file is not None:
                file.acquire()
            files.append(file)
    except SyscallError:
        _drop(files)
        raise
    ring.files = files
    ring.alloc_range = (0, count)
    ring.alloc_hint = 0
    return 0


def _drop(files: list[FileDescription | None]) -> None:
    for file in files:
        if file is not None:
            file.drop()


def unregister_files(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_UNREGISTER_FILES."""
    if address or count:
        return -errno.EINVAL
    files, ring.files = ring.files, None
    if files is None:
        return -errno.ENXIO
    _drop(files)
    return 0


def replace(files: list[FileDescription | None], index: int, file: FileDescription | None) -> None:
    """Put a file (or none) in a place."""
    old = files[index]
    if file is not None:
        file.acquire()
    files[index] = file
    if old is not None:
        old.drop()


def place(r: Request, file: FileDescription, slot: int, cloexec: bool) -> int:
    """Give a new open file to the task, or to the ring's table: `slot` is 0, a place's number plus one, or any free one. The
    descriptor, the place that was found, or 0; EMFILE, ENXIO, EINVAL, ENFILE. A file that nobody takes is released."""
    file.acquire()
    try:
        if not slot:
            return r.t.fds.install(file, 0, cloexec)
        files = r.ring.files
        if slot == abi.FILE_INDEX_ALLOC:
            number = _free_place(r.ring)
        elif files is None:
            raise SyscallError(errno.ENXIO)
        elif slot > len(files):
            raise SyscallError(errno.EINVAL)
        else:
            number = slot - 1
        assert files is not None
        replace(files, number, file)
        return number if slot == abi.FILE_INDEX_ALLOC else 0
    finally:
        file.drop()


def _free_place(ring: RingFile) -> int:
    """ENFILE."""
    files = ring.files
    if files is not None:
        first, end = ring.alloc_range
        for start, stop in ((max(ring.alloc_hint, first), end), (first, end)):
            for number in range(start, stop):
                if files[number] is None:
                    ring.alloc_hint = number + 1
                    return number
    raise SyscallError(errno.ENFILE)


def close_place(ring: RingFile, number: int) -> int:
    """Take a file out of the table."""
    files = ring.files
    if files is None:
        return -errno.ENXIO
    if number >= len(files):
        return -errno.EINVAL
    if files[number] is None:
        return -errno.EBADF
    replace(files, number, None)
    ring.alloc_hint = min(ring.alloc_hint, number)
    return 0


def set_alloc_range(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_REGISTER_FILE_ALLOC_RANGE: where a free place is looked for."""
    if not address or count:
        return -errno.EINVAL
    first, size, reserved = _RANGE.unpack(t.copy_in(address, _RANGE.size))
    if first + size >= 1 << 32:
        return -errno.EOVERFLOW
    if reserved or first + size > (len(ring.files) if ring.files is not None else 0):
        return -errno.EINVAL
    ring.alloc_range = (first, first + size)
    ring.alloc_hint = first
    return 0


def change_files(t: Task, ring: RingFile, address: int, offset: int, count: int) -> int:
    """How many places were changed before the first that could not be."""
    files = ring.files
    if files is None:
        return -errno.ENXIO
    if offset + count > len(files):
        return -errno.EINVAL
    for done in range(count):
        try:
            fd = _fds(t, address + 4 * done, 1)[0]
            if fd == SKIP:
                continue
            replace(files, offset + done, None if fd == -1 else _registrable(t, fd))
        except SyscallError as error:
            return done or -error.errno
    return count


def add_files(r: Request) -> int:
    """Put files into free places, and write the places where the descriptors stand (io_files_update_with_index_alloc)."""
    if r.ring.files is None:
        return -errno.ENXIO
    for done in range(r.length):
        where = r.addr + 4 * done
        try:
            file = _registrable(r.t, _fds(r.t, where, 1)[0])
            number = place(r, file, abi.FILE_INDEX_ALLOC, False)
            try:
                r.t.copy_out(where, number.to_bytes(4, "little"))
            except SyscallError:
                close_place(r.ring, number)
                raise
        except SyscallError as error:
            return done or -error.errno
    return r.length


def _registration(t: Task, address: int, size: int) -> tuple[int, int, int]:
    """struct io_uring_rsrc_register: how many, whether they are all empty yet, and where; EINVAL, also for tags."""
    if size != _REGISTER2.size:
        raise SyscallError(errno.EINVAL)
    count, flags, reserved, where, tags = _REGISTER2.unpack(t.copy_in(address, size))
    if not count or reserved or tags or flags & ~_SPARSE or (flags and where):
        raise SyscallError(errno.EINVAL)
    return count, flags, where


def _change(t: Task, address: int, size: int) -> tuple[int, int, int]:
    """struct io_uring_rsrc_update2: from which place on, how many, and where they stand; EINVAL, also for tags."""
    if size != _UPDATE2.size:
        raise SyscallError(errno.EINVAL)
    offset, reserved, where, tags, count, more = _UPDATE2.unpack(t.copy_in(address, size))
    if not count or reserved or more or tags:
        raise SyscallError(errno.EINVAL)
    return offset, count, where


def register_files2(t: Task, ring: RingFile, address: int, size: int) -> int:
    """IORING_REGISTER_FILES2."""
    count, sparse, where = _registration(t, address, size)
    return register_files(t, ring, where, count, sparse != 0)


def update_files2(t: Task, ring: RingFile, address: int, size: int) -> int:
    """IORING_REGISTER_FILES_UPDATE2."""
    offset, count, where = _change(t, address, size)
    return change_files(t, ring, where, offset, count)


def update_files(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_REGISTER_FILES_UPDATE."""
    if not count:
        return -errno.EINVAL
    offset, reserved, where = _UPDATE.unpack(t.copy_in(address, _UPDATE.size))
    return -errno.EINVAL if reserved else change_files(t, ring, where, offset, count)


def _piece(t: Task, base: int, size: int) -> tuple[int, int]:
    """A piece of memory to be registered, or none; its pages. EFAULT."""
    if not base and not size:
        return 0, 0
    if not base or not size or size > MAX_BUFFER or base + size > USER_MAX:
        raise SyscallError(errno.EFAULT)
    t.space.read(base, 1)
    t.space.read(base + size - 1, 1)
    return base, size


def _pages(piece: tuple[int, int]) -> int:
    base, size = piece
    return (base + size - 1 >> 12) - (base >> 12) + 1 if size else 0


def _pin(t: Task, ring: RingFile, pages: int) -> None:
    """So many more are counted as locked, for the user who registered the first: ENOMEM."""
    user = t.creds.uid if ring.pinned is None else ring.pinned[0]
    if not pages or (ring.pinned is None and t.creds.has(CAP_IPC_LOCK)):
        return
    pinned = ring.tasks.pinned
    if pages > 0 and pinned.get(user, 0) + pages > t.group.rlimits.get(RLIMIT_MEMLOCK) >> 12:
        raise SyscallError(errno.ENOMEM)
    pinned[user] = pinned.get(user, 0) + pages
    ring.pinned = (user, pages + (ring.pinned[1] if ring.pinned is not None else 0))


def register_buffers(t: Task, ring: RingFile, address: int, count: int, sparse: bool = False) -> int:
    """IORING_REGISTER_BUFFERS: pieces of memory that are counted as locked; they are used where they are. `sparse`: none yet."""
    if ring.buffers is not None:
        return -errno.EBUSY
    if not 0 < count <= MAX_BUFFERS:
        return -errno.EINVAL
    if sparse:
        found = [(0, 0)] * count
    else:
        found = [_piece(t, *pair) for pair in _IOVEC.iter_unpack(t.copy_in(address, _IOVEC.size * count))]
    _pin(t, ring, sum(map(_pages, found)))
    if ring.tasks.buffers + count > ring.tasks.max_buffers:
        forget_buffers(ring)
        return -errno.ENOMEM
    ring.tasks.buffers += count
    ring.buffers, ring.buffers_mm = found, t.mm
    return 0


def register_buffers2(t: Task, ring: RingFile, address: int, size: int) -> int:
    """IORING_REGISTER_BUFFERS2."""
    count, _, where = _registration(t, address, size)
    return register_buffers(t, ring, where, count, not where)


def update_buffers(t: Task, ring: RingFile, address: int, size: int) -> int:
    """IORING_REGISTER_BUFFERS_UPDATE: how many were replaced before the first that could not be."""
    offset, count, where = _change(t, address, size)
    buffers = ring.buffers
    if buffers is None:
        return -errno.ENXIO
    if offset + count > len(buffers):
        return -errno.EINVAL
    for done in range(count):
        try:
            base, length = _IOVEC.unpack(t.copy_in(where + done * _IOVEC.size, _IOVEC.size))
            piece = _piece(t, base, length)
            _pin(t, ring, _pages(piece) - _pages(buffers[offset + done]))
        except SyscallError as error:
            return done or -error.errno
        buffers[offset + done] = piece
        ring.buffers_mm = t.mm
    return count


def forget_buffers(ring: RingFile) -> None:
    """They are registered no longer."""
    if ring.pinned is not None:
        user, pages = ring.pinned
        ring.pinned = None
        left = ring.tasks.pinned[user] - pages
        if left:
            ring.tasks.pinned[user] = left
        else:
            del ring.tasks.pinned[user]
    if ring.buffers is not None:
        ring.tasks.buffers -= len(ring.buffers)
        ring.buffers = ring.buffers_mm = None


def unregister_buffers(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_UNREGISTER_BUFFERS."""
    if address or count:
        return -errno.EINVAL
    if ring.buffers is None:
        return -errno.ENXIO
    forget_buffers(ring)
    return 0
