"""Telling the host that memory has run out: engines learn from a control group's event why a container ended (`OOMKilled`).

Our own kernel kills before the host's bound is met, and then the host knows of nothing. So the bound of the sentry's own
group is put down to little more than what is in use, and more than that is asked for (host_oom_asker.py): the host's kernel ends the process that
is to end anyway, or the one that asks (they come first by their oom_score_adj), counts it and tells who listens. Then the bound
is as it was. The group lies in the one that bounds the container, so that what the sentry holds cannot
lift that bound; what it counts is counted there, too. The host has counted before anybody can hear of the process's end.
Source: Documentation/admin-guide/cgroup-v1/memory.rst (sections 9, 10), cgroup-v2.rst (Memory), mm/memcontrol.c.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

# Below the container's group of memory, with the same bounds: in it are the processes.
INNER: Final = "sandbox"
FILES: Final = (  # version 1
    ("memory.limit_in_bytes", os.O_RDWR),
    ("memory.usage_in_bytes", os.O_RDONLY),
    ("memory.oom_control", os.O_RDONLY),
    ("memory.stat", os.O_RDONLY),
)
FILES_2: Final = (
    ("memory.max", os.O_RDWR),
    ("memory.current", os.O_RDONLY),
    ("memory.events", os.O_RDONLY),
    ("memory.stat", os.O_RDONLY),
)
# The host's kernel charges in batches, and keeps what is left of one for each processor (MEMCG_CHARGE_BATCH, in pages).
BATCH: Final = 64 * mmap.PAGESIZE
TRIES: Final = 2  # to put the bound down, while others may use more
# Who writes a bound below what is in use waits in the host's kernel until that is given back: so much more may others use between a
# look and the write.
SLACK: Final = 8 << 20


def descriptors(directories: tuple[str, ...]) -> tuple[int, ...]:
    """Of the inner group's files, where there is one; `directories` as for `runsc.container.groups`, the inner one first."""
    if not directories or directories[0] not in [f"{one}/{INNER}" for one in directories]:
        return ()
    version_2 = os.path.exists(f"{directories[0]}/cgroup.controllers")
    found: list[int] = []
    try:
        for name, flags in FILES_2 if version_2 else FILES:
            found.append(os.open(f"{directories[0]}/{name}", flags | os.O_CLOEXEC))
    except OSError:  # no group of memory
        for fd in found:
            os.close(fd)
        return ()
    return tuple(found)


class HostOom:
    """`fds` as `descriptors` gives them."""

    def __init__(self, fds: tuple[int, ...]) -> None:
        self._limit, self._usage, self._control, self._stat = fds
        self._spare = (2 * (os.cpu_count() or 1) + 2) * BATCH
        self._before = b""  # the bound as it was, while it is put down
        self._down = b""  # and what it is then
        self._kills_before = b""

    def put_down(self) -> int:
        """The bound: so many bytes more than there are may have to be asked for until the host kills. 0: it cannot be had, and
        is as it was."""
        try:
            self._before, self._down, self._kills_before = self._read(self._limit), b"", self._kills()
            if self._put_down():
                self._down = self._read(self._limit)
                return 2 * SLACK + self._spare + self._files() * 5 // 4  # with what the host keeps about files
        except (OSError, ValueError, KeyError):
            self.lift()
        return 0

    def pages(self) -> int:
        """The host counts about so many when it looks for whom to take. OSError, ValueError, KeyError."""
        return (int(self._read(self._usage)) - self._files()) // mmap.PAGESIZE

    def killed(self) -> bool:
        """The host has, since the bound was put down."""
        try:
            return self._kills() != self._kills_before
        except (OSError, KeyError):
            return True

    def lift(self) -> None:
        """The bound is what it was, or what it was set to in the meantime."""
        before, self._before = self._before, b""
        try:
            if before and (not self._down or self._read(self._limit) == self._down):
                os.pwrite(self._limit, before, 0)
        except OSError:
            pass  # the group is gone

    def _put_down(self) -> bool:
        """False: it cannot be had."""
        for _ in range(TRIES):
            wanted = int(self._read(self._usage)) + SLACK
            if self._before.isdigit():
                wanted = min(wanted, int(self._before))
            try:
                os.pwrite(self._limit, b"%d" % wanted, 0)
                return True
            except OSError:  # EBUSY: in the meantime it has become more
                continue
        return False

    def _files(self) -> int:
        """Bytes of files' pages: before it kills, the host gives them back in place of what is asked for."""
        fields = _fields(os.pread(self._stat, 1 << 16, 0))
        total = b"total_" if b"total_inactive_file" in fields else b""  # version 1
        return int(fields[total + b"inactive_file"]) + int(fields[total + b"active_file"])

    def _kills(self) -> bytes:
        return _fields(self._read(self._control))[b"oom_kill"]

    @staticmethod
    def _read(fd: int) -> bytes:
        return os.pread(fd, 256, 0).strip()


def _fields(text: bytes) -> dict[bytes, bytes]:
    """A name and a value on each line."""
    fields: dict[bytes, bytes] = {}
    for line in text.splitlines():
        name, _, value = line.partition(b" ")
        fields[name] = value
    return fields


def ask(oom: HostOom) -> None:
    """Until the host has killed, or cannot be brought to: for a process that is to be killed itself."""
    most = oom.put_down()
    more: list[mmap.mmap] = []
    try:
        while len(more) * BATCH < most and not oom.killed():
            more.append(mmap.mmap(-1, BATCH, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
    except (OSError, ValueError):
        pass  # it ends all the same
    finally:
        oom.lift()
        for one in more:
            one.close()


def tell_of_a_child(fds: tuple[int, ...], proc: int) -> None:
    """The same for a process that only stands for a container, and is about to end: a child of its is what the host kills.
    `proc`: a descriptor of the host's /proc."""
    child = os.fork()
    if child == 0:
        try:
            os.write(os.open("self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc), b"1000")
            ask(HostOom(fds))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for none in (b"max", b"-1"):  # of version 2 and 1; nobody is in it that it could bound
        try:
            os.pwrite(fds[0], none, 0)
        except OSError:
            pass
