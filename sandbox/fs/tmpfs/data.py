"""FileData: the contents of one tmpfs file: bytes in memory while small, a host memfd when large or mapped."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.host_calls import fallocate
from sandbox.host_files import keep

if TYPE_CHECKING:
    from sandbox.vfs.space import SpaceAccount

SMALL: Final = 64 << 10  # contents up to this many bytes stay in a bytearray
PAGE: Final = 4096
MFD_EXEC: Final = 0x10
_HUGE: Final = 1 << 62


def executable_memfd() -> int:
    """A memfd that may be mapped executable, also where vm.memfd_noexec is 1; OSError."""
    try:
        return os.memfd_create("tmpfs", os.MFD_CLOEXEC | MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # Linux before 6.3 does not know the flag
            raise
        return os.memfd_create("tmpfs", os.MFD_CLOEXEC)


class FileData:
    """`size` is the file's size; what lies beyond `small`'s length reads as zeros. Space is charged in pages.

    A memfd's pages are counted by asking the host, so pages that a mapping has touched are seen at the
    next write, truncate or stat.
    """

    __slots__ = ("account", "size", "small", "fd", "charged", "maps", "writable_maps")

    def __init__(self, account: SpaceAccount) -> None:
        self.account = account
        self.size = 0
        self.small = bytearray()
        self.fd = -1
        self.charged = 0  # pages
        self.maps = 0
        self.writable_maps = 0  # of them shared and writable

    # --- space ---

    def blocks(self) -> int:
        """Allocated units of 512 bytes."""
        if self.fd >= 0:
            self._recount()
        return self.charged * (PAGE // 512)

    def _recount(self) -> None:
        pages = (os.fstat(self.fd).st_blocks * 512 + PAGE - 1) // PAGE
        self.account.charge(pages - self.charged)
        self.charged = pages

    def _charge_small(self) -> None:
        pages = (len(self.small) + PAGE - 1) // PAGE
        self.account.charge(pages - self.charged)
        self.charged = pages

    def _room(self, offset: int, length: int) -> int:
        """How much of a write at `offset` fits; ENOSPC when nothing does."""
        account = self.account
        free = account.free()
        first, last = offset // PAGE, (offset + length - 1) // PAGE
        if last - first + 1 <= free:
            return length
        if self.fd >= 0:
            self._recount()
            free = account.free()
        room = self._room_in(offset, length, free)
        if room <= 0:
            raise SyscallError(errno.ENOSPC)
        return room

    def _room_in(self, offset: int, length: int, free: int) -> int:
        """Walk the range: pages that are there cost nothing."""
        at, end = offset, offset + length
        have = (len(self.small) + PAGE - 1) // PAGE * PAGE
        while at < end:
            if self.fd < 0:
                stop = have if at < have else end
                there = at < have
            else:
                there, stop = self._extent(at, end)
            stop = min(stop, end)
            if not there:
                room = (at // PAGE + free) * PAGE - at
                if at % PAGE and free == 0:
                    room = 0
                if stop - at > room:
                    return at + max(room, 0) - offset
                free -= (stop - 1) // PAGE - at // PAGE + 1
            at = stop
        return length

    def _extent(self, at: int, end: int) -> tuple[bool, int]:
        """Whether there is data at `at`, and where that changes."""
        try:
            data = os.lseek(self.fd, at, os.SEEK_DATA)
        except OSError:
            return False, end
        if data > at:
            return False, data
        return True, os.lseek(self.fd, at, os.SEEK_HOLE)

    # --- contents ---

    def read(self, dst: memoryview, offset: int) -> int:
        """Bytes read; 0 at the end."""
        n = self.size - offset
        if n <= 0:
            return 0
        if n > len(dst):
            n = len(dst)
        if self.fd >= 0:
            return os.preadv(self.fd, (dst[:n],), offset)
        part = self.small[offset : offset + n]
        have = len(part)
        dst[:have] = part
        if have < n:
            dst[have:n] = bytes(n - have)
        return n

    def stored(self, offset: int, size: int) -> memoryview | None:
        """What `read` would give, without a copy; None unless all of it is in the bytearray, which keeps its length as
        long as the view is there."""
        end = offset + size
        if end > self.size:
            end = self.size
        if not offset < end <= len(self.small):
            return None
        return memoryview(self.small)[offset:end]

    def write(self, src: memoryview, offset: int) -> int:
        """Bytes written, fewer than asked when space ends; ENOSPC, EFBIG."""
        n = len(src)
        end = offset + n
        small = self.small
        if end <= len(small):  # no page more
            memoryview(small)[offset:end] = src  # the bytearray itself would copy it twice
            if end > self.size:
                self.size = end
            return n
        if self.fd < 0 and (end > SMALL or offset // PAGE > (len(small) + PAGE - 1) // PAGE):
            self.promote()  # a page between is a hole
        if self.account.tight:
            n = self._room(offset, n)
            src = src[:n]
            end = offset + n
        if self.fd >= 0:
            try:
                n = os.pwritev(self.fd, (src,), offset)
            except OSError as error:
                raise SyscallError(error.errno or errno.EIO) from None
            self._recount()
            end = offset + n
        else:
            before = len(small)
            if offset > before:
                small.extend(bytes(offset - before))
            small[offset:end] = src
            if end > before:
                self._charge_small()
        if end > self.size:
            self.size = end
        return n

    def promote(self) -> None:
        """Move the contents to a memfd. Without a descriptor to be had from the host they stay where they are,
        up to a bound: ENOSPC."""
        if self.fd >= 0:
            return
        try:
            fd = keep(executable_memfd())
        except OSError:
            raise SyscallError(errno.ENOSPC) from None
        if self.small:
            os.pwrite(fd, self.small, 0)
        os.ftruncate(fd, self.size)
        self.small = bytearray()
        self.fd = fd
        self._recount()

    def truncate(self, size: int) -> None:
        """Cut, or extend with a hole."""
        if self.fd >= 0:
            try:
                os.ftruncate(self.fd, size)
            except OSError as error:
                raise SyscallError(error.errno or errno.EIO) from None
            self._recount()
        elif size < len(self.small):
            del self.small[size:]
            self._charge_small()
        self.size = size

    def allocate(self, offset: int, length: int, keep_size: bool) -> None:
        """fallocate(2) without PUNCH_HOLE: pages are there afterwards. ENOSPC."""
        if self._room(offset, length) < length:
            raise SyscallError(errno.ENOSPC)
        self.promote()
        end = offset + length
        try:
            fallocate(self.fd, 1 if keep_size else 0, offset, length)
        except OSError as error:
            raise SyscallError(error.errno or errno.EIO) from None
        self._recount()
        if not keep_size and end > self.size:
            self.size = end

    def punch(self, offset: int, length: int) -> None:
        """FALLOC_FL_PUNCH_HOLE: zeros; the size stays."""
        small = self.small
        end = min(offset + length, len(small))
        if self.fd < 0 and offset + length >= (len(small) + PAGE - 1) // PAGE * PAGE:  # to the end of its last page
            if end > offset:
                del small[offset:]
                self._charge_small()
            return
        if self.fd < 0 and end // PAGE <= (offset + PAGE - 1) // PAGE:  # no whole page: none is given back
            if end > offset:
                small[offset:end] = bytes(end - offset)
            return
        self.promote()
        try:
            fallocate(self.fd, 3, offset, length)
        except OSError as error:
            raise SyscallError(error.errno or errno.EIO) from None
        self._recount()

    def seek(self, offset: int, hole: bool) -> int:
        """SEEK_DATA, SEEK_HOLE from an offset inside the file; ENXIO."""
        if self.fd >= 0:
            try:
                return os.lseek(self.fd, offset, os.SEEK_HOLE if hole else os.SEEK_DATA)
            except OSError as error:
                raise SyscallError(error.errno or errno.EIO) from None
        have = (len(self.small) + PAGE - 1) // PAGE * PAGE
        if hole:
            return offset if offset >= have else min(have, self.size)
        if offset >= have:
            raise SyscallError(errno.ENXIO)
        return offset

    def release(self) -> None:
        """The file is gone and nobody maps it: give everything back."""
        self.account.charge(-self.charged)
        self.charged = 0
        self.small = bytearray()
        self.size = 0
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def copy_from(self, fd: int, size: int) -> None:
        """Fill from a host descriptor (copy-up), keeping holes."""
        if size <= SMALL:
            self._room(0, max(size, 1))
            self.small = bytearray(size)
            got = os.preadv(fd, (self.small,), 0) if size else 0
            del self.small[got:]
            self.size = size
            self._charge_small()
            return
        self.promote()
        os.ftruncate(self.fd, size)
        self.size = size
        at = 0
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA)
                end = min(os.lseek(fd, at, os.SEEK_HOLE), size)
            except OSError:
                break
            while at < end:
                step = self._room(at, min(end - at, 8 << 20))
                os.lseek(self.fd, at, os.SEEK_SET)
                moved = os.sendfile(self.fd, fd, at, step)
                if moved == 0:
                    end = size = at
                at += moved
                self._recount()
