"""What the sentry gives up: descriptors it was not donated, privileges it does not need after start."""

from __future__ import annotations

import os
import resource
import sys
from typing import Collection, Final, Iterable

from sandbox.boot import host_filter, libc

CAP_CHOWN: Final = 0
CAP_DAC_OVERRIDE: Final = 1
CAP_FOWNER: Final = 3
CAP_FSETID: Final = 4
CAP_SYS_PTRACE: Final = 19
LAST_CAPABILITY: Final = 63

# Files of volumes belong to others; guests that made themselves unreadable are still ours to serve.
KEPT: Final = 1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER | 1 << CAP_FSETID | 1 << CAP_SYS_PTRACE


def close_all_but(keep: Iterable[int]) -> None:
    """Close every other descriptor above the standard three."""
    low = 3
    for fd in sorted(set(keep)):
        if fd >= low:
            os.closerange(low, fd)
            low = fd + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[1] if low < 1 << 20 else low)


def raise_limits() -> None:
    """A guest's open files and the contents of its files are the sentry's: take what the host allows."""
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (hard, hard))
    _let_nice_be_taken_back()


def _let_nice_be_taken_back() -> None:
    """A guest that has left the processor to others may have it again as far as the sentry has it, where the host's limits can
    be had; getrlimit(2): RLIMIT_NICE is 20 - nice."""
    wanted = 20 - os.getpriority(os.PRIO_PROCESS, 0)
    try:
        resource.setrlimit(resource.RLIMIT_NICE, (wanted, wanted))
    except (OSError, ValueError):
        hard = min(wanted, resource.getrlimit(resource.RLIMIT_NICE)[1])
        resource.setrlimit(resource.RLIMIT_NICE, (hard, hard))


def drop_privileges(needed: Collection[str]) -> None:
    """No core dumps, no new privileges, only the capabilities in `KEPT`, and the host calls that a sentry makes, those that
    its platform `needed` among them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(LAST_CAPABILITY + 1):
        try:
            libc.prctl(libc.PR_CAPBSET_DROP, capability)
        except OSError:
            break  # beyond the last one of this host, or without CAP_SETPCAP: there is nothing to raise then
    libc.capset(libc.capget() & KEPT)
    sys.dont_write_bytecode = True  # modules that are imported from now on: there is no directory to be made for them
    host_filter.install(needed)
