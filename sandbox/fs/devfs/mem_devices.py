"""/dev/null, zero, full, random, urandom, kmsg (drivers/char/mem.c, random.c)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import makedev
from sandbox.errors import SyscallError
from sandbox.fs.devfs import kmsg
from sandbox.vfs.regular_file import InodeFile

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.devices import DeviceRegistry
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path
    from sandbox.vfs.space import SpaceAccount

MEM_MAJOR: Final = 1
MISC_MAJOR: Final = 10
TUN_MINOR: Final = 200
NULL, ZERO, FULL, RANDOM, URANDOM, KMSG = 3, 5, 7, 8, 9, 11
_ZEROS: Final = bytes(1 << 20)
_ZERO_SIZE: Final = 1 << 47
RNDGETENTCNT: Final = 0x80045200


class MemFile(InodeFile):
    """Seeking sets a position that means nothing."""

    nowait = True

    def seek(self, t: Task, offset: int, whence: int) -> int:
        """null_lseek: always 0."""
        self.pos = 0
        return 0

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """As read."""
        return self.read(t, dst)

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """As write."""
        return self.write(t, src)

    def write(self, t: Task, src: memoryview) -> int:
        """Taken and forgotten."""
        return len(src)

    def write_fault(self, t: Task, size: int) -> int:
        """Nobody looks."""
        return size


class NullFile(MemFile):
    """/dev/null."""

    def read(self, t: Task, dst: memoryview) -> int:
        """End of file."""
        return 0


class ZeroFile(MemFile):
    """/dev/zero."""

    def read(self, t: Task, dst: memoryview) -> int:
        """Zeros."""
        n = len(dst)
        if n <= len(_ZEROS):
            dst[:] = _ZEROS[:n]
        else:
            dst[:] = bytes(n)
        return n

    def backing(self, t: Task, shared: bool, prot: int) -> Backing:
        """Zeroed memory of its own for each mapping."""
        return ZeroBacking(t.kernel.mounts.vfs.space)


class ZeroBacking:
    """A memfd of zeros, larger than any mapping. What becomes of it counts as files in memory do."""

    counted = False
    outside = False
    keepable: object = None

    def __init__(self, account: SpaceAccount) -> None:
        self._account = account
        self._charged = 0  # pages
        self.key: object = self
        self.name = ""
        self.place: Path | None = None
        self.base = 0
        self.device = makedev(0, 5)
        self.inode = 5
        self._users = 0
        self._fd = -1

    def host_fd(self, writable: bool) -> int:
        """Made when first asked for; ENOMEM."""
        if self._fd < 0:
            try:
                self._fd = os.memfd_create("zero", os.MFD_CLOEXEC)
                os.ftruncate(self._fd, _ZERO_SIZE)
            except OSError:
                raise SyscallError(errno.ENOMEM) from None
        return self._fd

    def blocks(self) -> int:
        """Measure it: pages that are there."""
        if self._fd >= 0:
            self._charge(os.fstat(self._fd).st_blocks >> 3)
        return self._charged

    def _charge(self, pages: int) -> None:
        self._account.charge(pages - self._charged)
        self._charged = pages

    def acquire(self) -> None:
        """One mapping more."""
        self._users += 1
        self._account.mapped[self] = None

    def drop(self) -> None:
        """The last one gives the memory back."""
        self._users -= 1
        if self._users == 0 and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._charge(0)
            self._account.mapped.pop(self, None)


class FullFile(ZeroFile):
    """/dev/full."""

    def write(self, t: Task, src: memoryview) -> int:
        """ENOSPC."""
        raise SyscallError(errno.ENOSPC)

    def write_fault(self, t: Task, size: int) -> int:
        """ENOSPC."""
        return -errno.ENOSPC


class RandomFile(MemFile):
    """/dev/random and /dev/urandom."""

    most_read = (1 << 25) - 1  # as getrandom(2) has it

    @property
    def epollable(self) -> bool:
        """They can be polled."""
        return True

    def read(self, t: Task, dst: memoryview) -> int:
        """From the kernel's random source."""
        dst[:] = t.kernel.random(len(dst))
        return len(dst)

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        """RNDGETENTCNT."""
        if cmd != RNDGETENTCNT:
            raise SyscallError(errno.ENOTTY)
        t.copy_out(arg, (256).to_bytes(4, "little"))
        return 0


def _null(t: Task, path: Path, inode: Inode, flags: int) -> InodeFile:
    return NullFile(flags, path, inode)


def _zero(t: Task, path: Path, inode: Inode, flags: int) -> InodeFile:
    return ZeroFile(flags, path, inode)


def _full(t: Task, path: Path, inode: Inode, flags: int) -> InodeFile:
    return FullFile(flags, path, inode)


def _random(t: Task, path: Path, inode: Inode, flags: int) -> InodeFile:
    return RandomFile(flags, path, inode)


def _tun(t: Task, path: Path, inode: Inode, flags: int) -> InodeFile:
    from sandbox.sockets.inet.tun_file import open_tun

    return open_tun(t, path, inode, flags)


def register(devices: DeviceRegistry) -> None:
    """Make the nodes of major 1 open, and /dev/net/tun."""
    devices.register(MEM_MAJOR, NULL, _null)
    devices.register(MEM_MAJOR, ZERO, _zero)
    devices.register(MEM_MAJOR, FULL, _full)
    devices.register(MEM_MAJOR, RANDOM, _random)
    devices.register(MEM_MAJOR, URANDOM, _random)
    devices.register(MEM_MAJOR, KMSG, kmsg.open_kmsg)
    devices.register(MISC_MAJOR, TUN_MINOR, _tun)
