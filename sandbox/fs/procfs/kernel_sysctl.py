"""Files of /proc/sys that hold one number of the kernel's or of a namespace's, which root may change with effect."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import PseudoFile
from sandbox.fs.pseudo.numbers import parse_decimal
from sandbox.kernel.pid_namespace import PID_MAX, RESERVED_PIDS
from sandbox.kernel.settings import PIPE_MAX_SIZE

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.settings import Settings
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode

# Lower than Linux has them: what is counted is held in the memory of the sentry.
_MOST: Final = 1 << 20
_MOST_EVENTS: Final = 1 << 16
_MOST_INSTANCES: Final = 1 << 13
_MIN_THREADS: Final = 20

Get = Callable[["Task"], int]
Put = Callable[["Task", int], None]


class NumberFile(PseudoFile):
    """A number of `least` … `most`."""

    __slots__ = ("get", "put", "least", "most")

    def __init__(self, fs: ProcFs, ino: int, get: Get, put: Put, least: int, most: int, mode: int = 0o644) -> None:
        super().__init__(fs, ino, mode)
        self.get = get
        self.put = put
        self.least = least
        self.most = most

    def content(self, t: Task) -> bytes:
        """In decimal."""
        return b"%d\n" % self.get(t)

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL for what is no number, or out of range (kernel/sysctl.c: proc_dointvec_minmax)."""
        value = parse_decimal(data)
        if not self.least <= value <= self.most:
            raise SyscallError(errno.EINVAL)
        self.put(t, value)


class AdminNumberFile(NumberFile):
    """It asks for CAP_SYS_ADMIN too: EPERM (proc_dointvec_minmax_sysadmin)."""

    __slots__ = ()

    def store(self, t: Task, data: bytes) -> None:
        """EPERM, EINVAL."""
        if not t.creds.has(CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)
        super().store(t, data)


def _of_settings(name: str) -> tuple[Get, Put]:
    def get(t: Task) -> int:
        value: int = getattr(t.kernel.settings, name)
        return value

    def put(t: Task, value: int) -> None:
        settings: Settings = t.kernel.settings
        setattr(settings, name, value)

    return get, put


def _put_pipe_size(t: Task, value: int) -> None:
    """Rounded up to a page, and to a power of two (fs/pipe.c: round_pipe_size)."""
    size = 4096
    while size < value:
        size <<= 1
    t.kernel.settings.pipe_max_size = size


def _pid_max(t: Task) -> int:
    return t.pids.pid_max


def _put_pid_max(t: Task, value: int) -> None:
    t.pids.pid_max = value


def _last_pid(t: Task) -> int:
    return t.pids.last_pid


def _put_last_pid(t: Task, value: int) -> None:
    """The next number will be the one after it; EPERM without CAP_CHECKPOINT_RESTORE (kernel/pid_namespace.c)."""
    user = t.pids.user
    if not t.creds.has_in(user, CAP_CHECKPOINT_RESTORE) and not t.creds.has_in(user, CAP_SYS_ADMIN):
        raise SyscallError(errno.EPERM)
    if value > t.pids.pid_max:
        raise SyscallError(errno.EINVAL)
    t.pids.last_pid = value


def _threads_max(t: Task) -> int:
    return t.kernel.pids.max_tasks


def _put_threads_max(t: Task, value: int) -> None:
    t.kernel.pids.max_tasks = value


def _unix_queue(t: Task) -> int:
    return t.ns.net.unix_queue


def _put_unix_queue(t: Task, value: int) -> None:
    t.ns.net.unix_queue = value


# path below /proc/sys, name of the setting, least, most
_SETTINGS: Final = (
    ("fs/inotify/max_queued_events", "inotify_events", 0, _MOST_EVENTS),
    ("fs/inotify/max_user_instances", "inotify_instances", 0, _MOST_INSTANCES),
    ("fs/inotify/max_user_watches", "inotify_watches", 0, _MOST),
    ("fs/protected_fifos", "protected_fifos", 0, 2),
    ("fs/protected_hardlinks", "protected_hardlinks", 0, 1),
    ("fs/protected_regular", "protected_regular", 0, 2),
    ("fs/protected_symlinks", "protected_symlinks", 0, 1),
    ("fs/suid_dumpable", "suid_dumpable", 0, 2),
)


def files(fs: ProcFs) -> list[tuple[str, Inode]]:
    """By path below /proc/sys."""
    found: list[tuple[str, Inode]] = []
    for path, name, least, most in _SETTINGS:
        get, put = _of_settings(name)
        found.append((path, NumberFile(fs, fs.new_ino(), get, put, least, most)))
    get, put = _of_settings("dmesg_restrict")
    found.append(("kernel/dmesg_restrict", AdminNumberFile(fs, fs.new_ino(), get, put, 0, 1)))
    get, _ = _of_settings("pipe_max_size")
    rows: tuple[tuple[str, Get, Put, int, int, int], ...] = (
        ("fs/pipe-max-size", get, _put_pipe_size, 0, PIPE_MAX_SIZE, 0o644),
        ("kernel/pid_max", _pid_max, _put_pid_max, RESERVED_PIDS + 1, PID_MAX, 0o644),
        ("kernel/ns_last_pid", _last_pid, _put_last_pid, 0, PID_MAX, 0o666),
        ("kernel/threads-max", _threads_max, _put_threads_max, _MIN_THREADS, fs.kernel.pids.max_tasks, 0o644),
        ("net/unix/max_dgram_qlen", _unix_queue, _put_unix_queue, 0, _MOST, 0o644),
    )
    for path, read, write, least, most, mode in rows:
        found.append((path, NumberFile(fs, fs.new_ino(), read, write, least, most, mode)))
    return found
