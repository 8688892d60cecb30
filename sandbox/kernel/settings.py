"""Settings of the whole kernel that root may change under /proc/sys/fs and /proc/sys/kernel, with what they begin with."""

from __future__ import annotations

from typing import Final

from sandbox.kernel.rlimits import NR_OPEN
from tcpip.transport.buffer_limits import BufferLimits

PIPE_MAX_SIZE: Final = 1 << 20


class Settings:
    """One per kernel. `protected_*`: how far others' names in directories that all may write are distrusted
    (Documentation/admin-guide/sysctl/fs.rst); `pipe_max_size`: bytes that F_SETPIPE_SZ gives at most; `inotify_*`:
    instances, watches and events that wait in one instance; `suid_dumpable`: of programs that gained rights;
    `dmesg_restrict`: syslog(2) is for who has CAP_SYSLOG; `file_max`: open files,
    of which the sandbox holds fewer anyway; `nr_open`: RLIMIT_NOFILE can't be raised
    above it; `core_*`: where cores go (core(5)); `buffers`: of sockets;
    `boot_id`: 16 bytes once somebody has asked."""

    __slots__ = (
        "protected_fifos",
        "protected_hardlinks",
        "protected_regular",
        "protected_symlinks",
        "suid_dumpable",
        "dmesg_restrict",
        "pipe_max_size",
        "inotify_instances",
        "inotify_watches",
        "inotify_events",
        "file_max",
        "nr_open",
        "core_pattern",
        "core_container",
        "core_uses_pid",
        "core_pipe_limit",
        "buffers",
        "boot_id",
    )

    def __init__(self) -> None:
        self.protected_fifos = 1
        self.protected_hardlinks = 1
        self.protected_regular = 1
        self.protected_symlinks = 1
        self.suid_dumpable = 0
        self.dmesg_restrict = 0
        self.pipe_max_size = PIPE_MAX_SIZE
        self.inotify_instances = 128
        self.inotify_watches = 65536  # of the whole sandbox
        self.inotify_events = 16384
        self.file_max = (1 << 63) - 1
        self.nr_open = NR_OPEN
        self.core_pattern = b"core"
        self.core_container = (
            0  # the number of the one whose process has set the pattern: its program reads no other's cores
        )
        self.core_uses_pid = 0
        self.core_pipe_limit = 0
        self.buffers = BufferLimits()
        self.boot_id = b""
