"""Resource limits of a process (getrlimit(2))."""

from __future__ import annotations

from typing import Final

RLIMIT_CPU: Final = 0
RLIMIT_FSIZE: Final = 1
RLIMIT_DATA: Final = 2
RLIMIT_STACK: Final = 3
RLIMIT_CORE: Final = 4
RLIMIT_RSS: Final = 5
RLIMIT_NPROC: Final = 6
RLIMIT_NOFILE: Final = 7
RLIMIT_MEMLOCK: Final = 8
RLIMIT_AS: Final = 9
RLIMIT_LOCKS: Final = 10
RLIMIT_SIGPENDING: Final = 11
RLIMIT_MSGQUEUE: Final = 12
RLIMIT_NICE: Final = 13
RLIMIT_RTPRIO: Final = 14
RLIMIT_RTTIME: Final = 15
RLIM_NLIMITS: Final = 16

RLIM_INFINITY: Final = (1 << 64) - 1
NR_OPEN: Final = 1048576  # fs.nr_open: bound of RLIMIT_NOFILE

NAMES: Final = (
    "Max cpu time",
    "Max file size",
    "Max data size",
    "Max stack size",
    "Max core file size",
    "Max resident set",
    "Max processes",
    "Max open files",
    "Max locked memory",
    "Max address space",
    "Max file locks",
    "Max pending signals",
    "Max msgqueue size",
    "Max nice priority",
    "Max realtime priority",
    "Max realtime timeout",
)

_DEFAULTS: Final[dict[int, tuple[int, int]]] = {
    RLIMIT_STACK: (8 << 20, RLIM_INFINITY),
    RLIMIT_CORE: (0, RLIM_INFINITY),
    RLIMIT_NPROC: (32768, 32768),
    RLIMIT_NOFILE: (1024, NR_OPEN),
    RLIMIT_MEMLOCK: (8 << 20, 8 << 20),
    RLIMIT_SIGPENDING: (32768, 32768),
    RLIMIT_MSGQUEUE: (819200, 819200),
    RLIMIT_NICE: (0, 0),
    RLIMIT_RTPRIO: (0, 0),
}


class ResourceLimits:
    """Soft and hard limits, shared by the threads of a group; a fork copies them."""

    __slots__ = ("soft", "hard")

    def __init__(self) -> None:
        self.soft = [_DEFAULTS.get(n, (RLIM_INFINITY, RLIM_INFINITY))[0] for n in range(RLIM_NLIMITS)]
        self.hard = [_DEFAULTS.get(n, (RLIM_INFINITY, RLIM_INFINITY))[1] for n in range(RLIM_NLIMITS)]

    def copy(self) -> ResourceLimits:
        """For a fork."""
        new = ResourceLimits.__new__(ResourceLimits)
        new.soft = list(self.soft)
        new.hard = list(self.hard)
        return new

    def get(self, resource: int) -> int:
        """The soft limit (RLIM_INFINITY: none)."""
        return self.soft[resource]

    def set(self, resource: int, soft: int, hard: int) -> None:
        """Set both, without checks."""
        self.soft[resource] = soft
        self.hard[resource] = hard
