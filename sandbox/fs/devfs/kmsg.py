"""/dev/kmsg: the kernel's log, a record at a time (Documentation/ABI/testing/dev-kmsg, kernel/printk/printk.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYSLOG
from sandbox.abi.linux.fcntl import O_ACCMODE, O_WRONLY
from sandbox.errors import SyscallError
from sandbox.vfs.file_description import WOULD_BLOCK
from sandbox.vfs.regular_file import SEEK_DATA, SEEK_END, SEEK_SET, InodeFile
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_PRI

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

RECORD_MOST: Final = 1024  # PRINTKRB_RECORD_MAX
BURST: Final = 10  # records of a writer in an interval; more are dropped (printk.devkmsg=ratelimit)
INTERVAL_NS: Final = 5_000_000_000
_USER: Final = 1 << 3  # the facility of what is not the kernel's
_DEFAULT_LEVEL: Final = 4
_LEVELS: Final = 7
_PRIORITY_DIGITS: Final = 10


class KmsgFile(InodeFile):
    """`pos`: the number of the record that is read next."""

    def __init__(self, flags: int, path: Path, inode: Inode, kernel: Kernel) -> None:
        super().__init__(flags, path, inode)
        self.kernel = kernel
        self.queue = kernel.log.queue
        self.pos = kernel.log.first()
        self._since = 0
        self._written = 0

    @property
    def epollable(self) -> bool:
        """It can be polled."""
        return True

    def read(self, t: Task, dst: memoryview) -> int:
        """One record: EPIPE when it has been overwritten, EINVAL when there is no room for it."""
        log = self.kernel.log
        first = log.first()
        if self.pos < first:
            self.pos = first
            raise SyscallError(errno.EPIPE)
        if self.pos >= log.total:
            return WOULD_BLOCK
        at, text, priority = log.dmesg[self.pos - first]
        record = b"%d,%d,%d,-;%s\n" % (priority, self.pos, at // 1000, _escaped(text))
        if len(record) > len(dst):
            raise SyscallError(errno.EINVAL)
        self.pos += 1
        dst[: len(record)] = record
        return len(record)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """As read."""
        return self.read(t, dst)

    def write(self, t: Task, src: memoryview) -> int:
        """A record, after `<N>` or at the default level: EINVAL when it is too long. More than a few are dropped."""
        size = len(src)
        if size > RECORD_MOST:
            raise SyscallError(errno.EINVAL)
        now = self.kernel.clock.now_ns()
        if not self._written or now - self._since > INTERVAL_NS:
            self._since, self._written = now, 0
        self._written += 1
        if self._written > BURST:
            return size
        priority, text = _parsed(bytes(src))
        self.kernel.log.append(self.kernel.uptime_ns(), text.rstrip(b"\n").decode("latin-1"), priority)
        return size

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """As write."""
        return self.write(t, src)

    def seek(self, t: Task, offset: int, whence: int) -> int:
        """To the first record, the first that was not cleared, or behind the last: ESPIPE, EINVAL."""
        log = self.kernel.log
        if offset:
            raise SyscallError(errno.ESPIPE)
        if whence == SEEK_SET:
            self.pos = log.first()
        elif whence == SEEK_DATA:
            self.pos = max(log.first(), log.reader().cleared)
        elif whence == SEEK_END:
            self.pos = log.total
        else:
            raise SyscallError(errno.EINVAL)
        return 0

    def poll(self, t: Task | None) -> int:
        log = self.kernel.log
        if self.flags & O_ACCMODE == O_WRONLY:
            return EVENT_ERR
        if self.pos < log.first():
            return EVENT_IN | EVENT_ERR | EVENT_PRI
        return EVENT_IN if self.pos < log.total else 0


def _escaped(text: str) -> bytes:
    """What is no printable ASCII, and backslashes."""
    out = bytearray()
    for byte in text.encode("latin-1", "backslashreplace"):
        out += b"\\x%02x" % byte if byte < 32 or byte >= 127 or byte == 0x5C else bytes((byte,))
    return bytes(out)


def _parsed(data: bytes) -> tuple[int, bytes]:
    head, found, rest = data.partition(b">")
    digits = head[1:]
    if not found or not head.startswith(b"<") or not digits.isdigit() or len(digits) > _PRIORITY_DIGITS:
        return _USER | _DEFAULT_LEVEL, data
    number = int(digits) & 0xFFFFFFFF
    facility = number & ~_LEVELS & 0x7F8
    return (facility or _USER) | number & _LEVELS, rest


def open_kmsg(t: Task, path: Path, inode: Inode, flags: int) -> InodeFile:
    """EPERM for who would read without CAP_SYSLOG, as with kernel.dmesg_restrict."""
    if flags & O_ACCMODE != O_WRONLY and not t.creds.has(CAP_SYSLOG):
        raise SyscallError(errno.EPERM)
    return KmsgFile(flags, path, inode, t.kernel)
