"""Processes of the host by number and time of start: a number alone may be somebody else's by now."""

from __future__ import annotations

import os
import select
from _signal import SIGKILL, pidfd_send_signal  # type: ignore[import-not-found]  # signal imports enum, which is dear


def start_ticks(pid: int) -> int:
    """When the process started, in clock ticks since boot (proc_pid_stat(5)); 0 when there is none."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def _stat(pid: int) -> list[bytes]:
    """Fields from the state on; nothing for a process that is not there."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def lives(pid: int, started: int) -> bool:
    """It is there and no zombie."""
    fields = _stat(pid) if pid > 0 else []
    return bool(fields) and int(fields[19]) == started and fields[0] not in (b"Z", b"X")


def resident_bytes(pid: int) -> int:
    """Its memory (proc_pid_statm(5)); 0 when that cannot be read."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def kill(pid: int, started: int, bound_s: float) -> bool:
    """SIGKILL, and wait until it has ended. False when it has not within the bound."""
    try:
        pidfd = os.pidfd_open(pid) if pid > 0 else -1
    except ProcessLookupError:
        return True
    if pidfd < 0:
        return True
    try:
        if start_ticks(pid) != started:
            return True
        pidfd_send_signal(pidfd, SIGKILL)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(bound_s * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(pidfd)
