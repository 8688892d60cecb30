"""The host's own account of guest processes: procfs.

Where the host lets us, it is a procfs of our own PID namespace, mounted in the sentry's own root only. Containers that mask parts of /proc do
not: then it is the /proc that is there, of an outer PID namespace, in which our processes have other numbers. What a
guest says of its clones and mappings is checked against this, so there is no sandbox without.
"""

from __future__ import annotations

import os
from typing import Final

from sandbox.platform import hostcalls
from sandbox.platform.base import PlatformError

OTHERS: Final = "/proc"
MAX_MAP_COUNT: Final = "/proc/sys/vm/max_map_count"
DEFAULT_MAX_MAP_COUNT: Final = 65530
TICK_NS: Final = 10_000_000  # of proc_pid_stat(5)'s times: sysconf(_SC_CLK_TCK) is 100 everywhere


def most_areas() -> int:
    """That a process may have (proc_sys_vm(5): max_map_count), as the host's kernel has it by default where it is not told."""
    try:
        with open(MAX_MAP_COUNT, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return DEFAULT_MAX_MAP_COUNT


class HostProc:
    """`number` says how a process is called here; everything else takes and gives numbers of our own PID namespace,
    except where it says so. `writable`: memory can be written through it, if the host lets us. Raises PlatformError where
    there is no procfs that shows `pidfd`'s process."""

    def __init__(self, pid: int, pidfd: int, writable: bool = False) -> None:
        self._fd = hostcalls.open_own_proc(writable)
        self._outer = self._fd < 0
        try:
            if self._outer:
                self._fd = os.open(OTHERS, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            number = self.number(pid, pidfd)
            os.close(self.open(f"{number}/maps"))
            if pid not in self.processes(set()) or pid not in self.threads(number):
                raise ValueError("some are not shown")
        except (OSError, ValueError) as error:
            self.close()
            raise PlatformError(
                f"cannot see the sandbox's processes in {OTHERS}: {error}; mount a procfs there"
            ) from None

    def fileno(self) -> int:
        """Of the procfs's root."""
        return self._fd

    def is_outer(self) -> bool:
        """It is the /proc that was there."""
        return self._outer

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """A file below the root of the procfs, by the numbers that processes have there. Raises OSError."""
        return os.open(path, flags | os.O_CLOEXEC, dir_fd=self._fd)

    def number(self, pid: int, pidfd: int) -> int:
        """How this procfs calls a process that is not reaped (pidfd_open(2): `Pid` of its fdinfo)."""
        if not self._outer:
            return pid
        value = self._line(f"self/fdinfo/{pidfd}", b"Pid:")
        if not value or int(value[0]) <= 0:
            raise OSError(2, os.strerror(2), "/proc/self/fdinfo")
        return int(value[0])

    def marks_written(self) -> bool:
        """The host tells which pages were written since clear_refs (CONFIG_MEM_SOFT_DIRTY): of one that has just been."""
        import ctypes

        page = ctypes.create_string_buffer(1)
        page.value = b"x"
        try:
            fd = self.open("self/pagemap")
            try:
                word = os.pread(fd, 8, ctypes.addressof(page) // 4096 * 8)
            finally:
                os.close(fd)
        except OSError:
            return False
        return len(word) == 8 and word[6] & 0x80 != 0

    def processes(self, known: set[int]) -> list[int]:
        """Every process of our PID namespace, but those that have one of the `known` numbers here."""
        return self._inner(".", known)

    def threads(self, number: int) -> list[int]:
        """Threads of the process that has this number here; none when it is gone."""
        return self._inner(f"{number}/task", set())

    def command_line(self, number: int) -> tuple[int, int]:
        """Where in its memory the command line is of the process that has this number here, and its length; zeros when that
        is not told (proc_pid_stat(5): arg_start, arg_end)."""
        fields = self._text(f"{number}/stat").rpartition(b")")[2].split()
        if len(fields) < 47:
            return 0, 0
        return int(fields[45]), int(fields[46]) - int(fields[45])

    def sleeps(self, number: int) -> bool:
        """Every thread of the process that has this number here waits in the host's kernel."""
        try:
            fd = self.open(f"{number}/task", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return False
        try:
            threads = os.listdir(fd)
        except OSError:
            return False
        finally:
            os.close(fd)
        return all(b") S " in self._text(f"{number}/task/{thread}/stat") for thread in threads)

    def thread_cpu_ns(self, number: int, tid: int) -> int:
        """Processor time of a thread of the process that has this number here, as of the host's last tick; -1 when it is not
        known: in an outer PID namespace, where `tid` means another thread."""
        if self._outer:
            return -1
        path = f"{number}/task/{tid}/"
        if text := self._text(path + "schedstat"):
            return int(text.split()[0])
        for line in self._text(path + "sched").splitlines():
            if line.startswith(b"se.sum_exec_runtime"):
                whole, _, rest = line.split()[-1].partition(b".")
                return int(whole) * 1_000_000 + int(rest)
        fields = self._text(path + "stat").rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_NS if len(fields) > 12 else -1

    def _inner(self, path: str, known: set[int]) -> list[int]:
        """Numbers in a list of processes or threads, as our PID namespace has them."""
        try:
            fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return []
        try:
            numbers = [int(entry) for entry in os.listdir(fd) if entry.isdigit()]
        except OSError:
            return []
        finally:
            os.close(fd)
        if not self._outer:
            return [number for number in numbers if number not in known]
        depth = len(self._line("self/status", b"NSpid:"))
        found = []
        for number in numbers:
            if number not in known:
                levels = self._line(f"{path}/{number}/status", b"NSpid:")
                if len(levels) == depth:  # as deep as we are; who is not in our namespace is told by its session
                    found.append(int(levels[-1]))
        return found

    def _line(self, path: str, key: bytes) -> list[bytes]:
        """The fields of a line of a small file; none when it is gone."""
        for line in self._text(path).splitlines():
            if line.startswith(key):
                return line.split()[1:]
        return []

    def _text(self, path: str) -> bytes:
        """A small file; nothing when it is gone."""
        try:
            fd = self.open(path)
        except OSError:
            return b""
        try:
            return os.read(fd, 4096)
        except OSError:
            return b""
        finally:
            os.close(fd)
