"""Files of /proc/sys that hold one number of the kernel's or of a namespace's, which root may change with effect."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from sandbox.abi.linux.mman import MAX_MAP_COUNT
from sandbox.errors import SyscallError
from sandbox.fs.procfs.number_file import AdminNumbersFile, Get, NumbersFile, Put, one
from sandbox.kernel.aio import AIO_MAX_NR
from sandbox.kernel.fd_table import MAX_ENTRIES
from sandbox.kernel.pid_namespace import PID_MAX, RESERVED_PIDS
from sandbox.kernel.rlimits import NR_OPEN
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
_INT_MAX: Final = (1 << 31) - 1
_UINT_MAX: Final = (1 << 32) - 1
LLONG_MAX: Final = (1 << 63) - 1


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


def _max_areas(t: Task) -> int:
    return t.kernel.commit.max_areas


def _put_max_areas(t: Task, value: int) -> None:
    t.kernel.commit.max_areas = value


def _overcommit(t: Task) -> int:
    return t.kernel.commit.mode


def _put_overcommit(t: Task, value: int) -> None:
    t.kernel.commit.mode = value


def _ratio(t: Task) -> int:
    return t.kernel.commit.ratio


def _put_ratio(t: Task, value: int) -> None:
    """The ratio counts from now on (mm/util.c: overcommit_ratio_handler)."""
    t.kernel.commit.ratio, t.kernel.commit.kbytes = value, 0


def _kbytes(t: Task) -> int:
    return t.kernel.commit.kbytes


def _put_kbytes(t: Task, value: int) -> None:
    """The size counts from now on (overcommit_kbytes_handler)."""
    t.kernel.commit.ratio, t.kernel.commit.kbytes = 0, value


def _soft_pages(t: Task) -> int:
    return t.kernel.pipe_pages.soft


def _put_soft_pages(t: Task, value: int) -> None:
    t.kernel.pipe_pages.soft = value


def _hard_pages(t: Task) -> int:
    return t.kernel.pipe_pages.hard


def _put_hard_pages(t: Task, value: int) -> None:
    t.kernel.pipe_pages.hard = value


def _max_aio(t: Task) -> int:
    return t.kernel.aio.most


def _put_max_aio(t: Task, value: int) -> None:
    t.kernel.aio.most = value


# path below /proc/sys, name of the setting, least, most
_SETTINGS: Final = (
    ("fs/file-max", "file_max", MAX_ENTRIES, LLONG_MAX),  # fewer than the sandbox holds can't be had
    ("fs/inotify/max_queued_events", "inotify_events", 0, _MOST_EVENTS),
    ("fs/inotify/max_user_instances", "inotify_instances", 0, _MOST_INSTANCES),
    ("fs/inotify/max_user_watches", "inotify_watches", 0, _MOST),
    ("fs/nr_open", "nr_open", 64, NR_OPEN),
    ("user/max_inotify_instances", "inotify_instances", 0, _MOST_INSTANCES),
    ("user/max_inotify_watches", "inotify_watches", 0, _MOST),
    ("fs/protected_fifos", "protected_fifos", 0, 2),
    ("fs/protected_hardlinks", "protected_hardlinks", 0, 1),
    ("fs/protected_regular", "protected_regular", 0, 2),
    ("fs/protected_symlinks", "protected_symlinks", 0, 1),
    ("fs/suid_dumpable", "suid_dumpable", 0, 2),
    ("kernel/core_pipe_limit", "core_pipe_limit", 0, _UINT_MAX),
    ("kernel/core_uses_pid", "core_uses_pid", ~_INT_MAX, _INT_MAX),
)


def files(fs: ProcFs) -> list[tuple[str, Inode]]:
    """By path below /proc/sys."""
    found: list[tuple[str, Inode]] = []
    for path, name, least, most in _SETTINGS:
        found.append((path, NumbersFile(fs, fs.new_ino(), *one(*_of_settings(name)), least, most)))
    restrict = AdminNumbersFile(fs, fs.new_ino(), *one(*_of_settings("dmesg_restrict")), 0, 1)
    found.append(("kernel/dmesg_restrict", restrict))
    get, _ = _of_settings("pipe_max_size")
    rows: tuple[tuple[str, Get, Put, int, int, int], ...] = (
        ("fs/aio-max-nr", _max_aio, _put_max_aio, 0, AIO_MAX_NR, 0o644),
        ("fs/pipe-max-size", get, _put_pipe_size, 0, PIPE_MAX_SIZE, 0o644),
        ("fs/pipe-user-pages-hard", _hard_pages, _put_hard_pages, 0, LLONG_MAX, 0o644),
        ("fs/pipe-user-pages-soft", _soft_pages, _put_soft_pages, 0, LLONG_MAX, 0o644),
        ("kernel/pid_max", _pid_max, _put_pid_max, RESERVED_PIDS + 1, PID_MAX, 0o644),
        ("kernel/ns_last_pid", _last_pid, _put_last_pid, 0, PID_MAX, 0o666),
        ("kernel/threads-max", _threads_max, _put_threads_max, _MIN_THREADS, fs.kernel.pids.max_tasks, 0o644),
        ("net/unix/max_dgram_qlen", _unix_queue, _put_unix_queue, 0, _MOST, 0o644),
        ("vm/max_map_count", _max_areas, _put_max_areas, 0, MAX_MAP_COUNT, 0o644),
        ("vm/overcommit_kbytes", _kbytes, _put_kbytes, 0, LLONG_MAX, 0o644),
        ("vm/overcommit_memory", _overcommit, _put_overcommit, 0, 2, 0o644),
        ("vm/overcommit_ratio", _ratio, _put_ratio, ~_INT_MAX, _INT_MAX, 0o644),
    )
    for path, read, write, least, most, mode in rows:
        found.append((path, NumbersFile(fs, fs.new_ino(), *one(read, write), least, most, mode)))
    return found
