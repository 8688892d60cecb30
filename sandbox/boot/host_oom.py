"""Telling the host that memory has run out: engines learn from a control group's event why a container ended (`OOMKilled`).

Our own kernel kills before the host's bound is met, and then the host knows of nothing. So the bound of the sentry's own
group is put down to what is in use, and a little more is asked for: the host's kernel ends the process that is to end anyway
(guests come first by their oom_score_adj, and of them the one with the most memory), counts it and tells who listens. Then the bound is as it
was. The group lies in the one that bounds the container, so that what the sentry holds cannot lift that bound.
Source: Documentation/admin-guide/cgroup-v1/memory.rst (sections 9, 10), mm/memcontrol.c.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

FILES: Final = (
    ("memory.limit_in_bytes", os.O_RDWR),
    ("memory.usage_in_bytes", os.O_RDONLY),
    ("memory.oom_control", os.O_RDONLY),
    ("memory.stat", os.O_RDONLY),
)
# The host's kernel charges in batches, and keeps what is left of one for each processor (MEMCG_CHARGE_BATCH, in pages).
BATCH: Final = 64 * mmap.PAGESIZE
TRIES: Final = 4  # to put the bound to what is in use, while others may use more
FILES_MOST: Final = 64 << 20  # of files' pages that are still being written, so much is asked for in their place


def descriptors(directories: tuple[str, ...]) -> tuple[int, ...]:
    """Of the group's files, where there are such; `directories` as for `runsc.container.groups`, the inner one first."""
    if not directories:
        return ()
    found: list[int] = []
    try:
        for name, flags in FILES:
            found.append(os.open(f"{directories[0]}/{name}", flags | os.O_CLOEXEC))
    except OSError:  # no group of memory, or not of version 1
        for fd in found:
            os.close(fd)
        return ()
    return tuple(found)


class HostOom:
    """`fds` as `descriptors` gives them."""

    def __init__(self, fds: tuple[int, ...]) -> None:
        self._limit, self._usage, self._control, self._stat = fds
        self._spare = (2 * (os.cpu_count() or 1) + 2) * BATCH

    def tell(self) -> None:
        """Until the host has killed, or cannot be brought to. Takes some milliseconds."""
        try:
            before, kills = self._read(self._limit), self._kills()
            if not self._put_down():
                return
            most = self._spare + min(self._files(), FILES_MOST)
            more: list[mmap.mmap] = []
            try:
                while self._kills() == kills and len(more) * BATCH < most:
                    more.append(mmap.mmap(-1, BATCH, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
            finally:
                os.pwrite(self._limit, before, 0)
                for one in more:
                    one.close()
        except (OSError, ValueError, KeyError):
            pass  # the one that is to end does so all the same

    def _put_down(self) -> bool:
        """To what is in use, without the files' pages that the host can do without; False: it cannot be had."""
        for left in reversed(range(TRIES)):
            usage = int(self._read(self._usage))
            try:
                os.pwrite(self._limit, b"%d" % max(0, usage - (self._files() if left else 0)), 0)
                return True
            except OSError:  # EBUSY: they are needed, or in the meantime it has become more
                continue
        return False

    def _files(self) -> int:
        fields = dict(line.split() for line in os.pread(self._stat, 1 << 16, 0).splitlines())
        return int(fields[b"total_inactive_file"]) + int(fields[b"total_active_file"])

    def _kills(self) -> bytes:
        return self._read(self._control)

    @staticmethod
    def _read(fd: int) -> bytes:
        return os.pread(fd, 256, 0).strip()


def tell_of_a_child(fds: tuple[int, ...], proc: int) -> None:
    """The same for a process that only stands for a container, and is about to end: a child of its is what the host kills.
    `proc`: a descriptor of the host's /proc."""
    child = os.fork()
    if child == 0:
        try:
            os.write(os.open("self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc), b"1000")
            HostOom(fds).tell()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    try:
        os.pwrite(fds[0], b"-1", 0)  # nobody is in it that it could bound
    except OSError:
        pass
