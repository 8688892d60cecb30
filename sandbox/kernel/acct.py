"""Accounting of processes: a record of each that has ended, at the end of a file (acct(2), acct(5), kernel/acct.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.kernel.pid_namespace import number_in
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_FSIZE

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.usage import Usage
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.mount import Mount, Vfs

VERSION: Final = 3
AFORK, ACORE, AXSIG = 0x01, 0x08, 0x10
TICK_NS: Final = 10_000_000  # AHZ is 100
RESUME_PERCENT, SUSPEND_PERCENT, LOOK_NS = 4, 2, 30_000_000_000  # kernel.acct
_CORE: Final = 0x80
_RECORD: Final = struct.Struct("<BBHIIIIIIfHHHHHHHH16s")
_MANTISSA: Final = 0x1FFF
_MOST: Final = 0xFFFF


def encode(value: int) -> int:
    """comp_t: three bits of an exponent of base 8, and 13 of a fraction."""
    exponent = rounded = 0
    while value > _MANTISSA:
        rounded = value & 4
        value >>= 3
        exponent += 1
    if rounded:
        value += 1
        if value > _MANTISSA:
            value >>= 3
            exponent += 1
    return _MOST if exponent > 7 else exponent << 13 | value


def elapsed_float(ticks: int) -> float:
    """As encode_float makes it: what does not go into 24 bits is cut off."""
    shift = max(0, ticks.bit_length() - 24)
    return float(ticks >> shift << shift)


class Accounting:
    """Of the processes that have a number in `ids`. Its `file` keeps no mount from being taken away: then it ends."""

    __slots__ = ("ids", "file", "vfs", "active", "_look_at")

    def __init__(self, ids: PidNamespace, file: FileDescription, vfs: Vfs) -> None:
        self.ids = ids
        self.file = file
        self.vfs = vfs
        self.active = False
        self._look_at = 0
        file.acquire()
        if file.path is not None:
            file.path.mount.pins -= 1
        vfs.accounts[self] = None

    def in_mount(self, mount: Mount) -> bool:
        """Its file is there."""
        return self.file.path is not None and self.file.path.mount is mount

    def end(self, t: Task | None) -> None:
        """It ends with a record of whoever ends it."""
        self.vfs.accounts.pop(self, None)
        if self.ids.acct is self:
            self.ids.acct = None
        if t is not None:
            self.record(t)
        if self.file.path is not None:
            self.file.path.mount.pins += 1
        self.file.drop()

    def record(self, t: Task) -> None:
        """The process of `t` has ended, or ends this. Nobody hears of what cannot be written."""
        self._look_for_room(t)
        if not self.active:
            return
        soft = t.group.rlimits.soft
        limit, soft[RLIMIT_FSIZE] = soft[RLIMIT_FSIZE], RLIM_INFINITY
        try:
            self.file.write(t, memoryview(self._contents(t)))
        except SyscallError:
            pass
        finally:
            soft[RLIMIT_FSIZE] = limit

    def _look_for_room(self, t: Task) -> None:
        kernel, path = t.kernel, self.file.path
        now = kernel.clock.now_ns()
        if now < self._look_at or path is None:
            return
        try:
            room = path.mount.fs.statfs()
        except SyscallError:
            return
        percent = SUSPEND_PERCENT if self.active else RESUME_PERCENT
        enough = (
            room.bavail > room.blocks * percent // 100 if self.active else room.bavail >= room.blocks * percent // 100
        )
        if enough is not self.active:
            self.active = enough
            kernel.log.boot(kernel.uptime_ns(), f"Process accounting {'resumed' if enough else 'paused'}")
        self._look_at = now + LOOK_NS

    def _contents(self, t: Task) -> bytes:
        """struct acct_v3. Whoever has not ended has used nothing yet."""
        group, kernel = t.group, t.kernel
        status = flags = memory = 0
        use: Usage | None = None
        if group.acct_pages >= 0:
            status, memory, use = group.exit_status, group.acct_pages * 4, group.use_past
            flags = (
                (0 if group.did_exec else AFORK) | (ACORE if status & _CORE else 0) | (AXSIG if status & 0x7F else 0)
            )
        ticks = max(0, kernel.clock.now_ns() - group.leader.start_ns) // TICK_NS
        began = kernel.clock.realtime_ns() // 1_000_000_000 - ticks // 100
        parent = group.parent
        record: bytes = _RECORD.pack(
            flags,
            VERSION,
            _terminal(t),
            status,
            t.creds.uid,
            t.creds.gid,
            group.ids.number_in(self.ids),
            number_in(parent.ids, self.ids) if parent is not None else 0,
            began & 0xFFFFFFFF,
            elapsed_float(ticks),
            encode(use.user_ns // TICK_NS) if use is not None else 0,
            encode(use.system_ns // TICK_NS) if use is not None else 0,
            encode(memory),
            0,
            0,
            encode(use.minor) if use is not None else 0,
            encode(use.major) if use is not None else 0,
            0,
            t.comm[:15],
        )
        return record


def _terminal(t: Task) -> int:
    """Its number as it was before Linux 2.6 (old_encode_dev)."""
    tty = t.group.tty
    return 0 if tty is None else 136 << 8 | getattr(tty, "index", 0) & 0xFF
