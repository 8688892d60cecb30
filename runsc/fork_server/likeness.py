"""Whether a child of the server would run as the command itself would: of the same program, as the same user with the same
rights, in the same namespaces and control group, under the same limits.

Whatever differs makes the server refuse, and the command starts by itself: nothing is half taken over.
"""

from __future__ import annotations

import os
import sys
from typing import Final

NAMESPACES: Final = (
    "cgroup",
    "ipc",
    "mnt",
    "net",
    "pid",
    "pid_for_children",
    "time",
    "time_for_children",
    "user",
    "uts",
)
FILES: Final = ("cgroup", "limits", "oom_score_adj", "personality", "attr/current", "loginuid")
STATUS: Final = (
    "Uid",
    "Gid",
    "Groups",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "SigBlk",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "Cpus_allowed",
    "Mems_allowed",
    "THP_enabled",
    "Speculation_Store_Bypass",
    "SpeculationIndirectBranch",
)
"""Lines of /proc/PID/status (proc(5))."""


def program() -> bytes:
    """What runs: the one-file executable, or the package's directory, with the Python it is for."""
    loader = _executable()
    where = loader if loader else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.fsencode(f"{sys.executable} {where}")


def _executable() -> str:
    """The path of the one-file executable (tools/executable_main.py); empty when it is none."""
    path: str = getattr(sys.modules["runsc"].__loader__, "path", "")
    return path if not path.endswith(".py") else ""


def files_of_this_program() -> dict[str, tuple[int, int, int]]:
    """Each file that our modules came from, as it is now."""
    paths = {_executable()}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("runsc", "sandbox", "tcpip"):
            paths.add(getattr(module, "__file__", None) or "")
    found = {}
    for path in paths:
        try:
            found[path] = _look(path)
        except OSError:  # within the executable
            continue
    return found


def changed_file(files: dict[str, tuple[int, int, int]]) -> str:
    """One that is not any more as it was; empty when all are."""
    for path, before in files.items():
        try:
            if _look(path) != before:
                return path
        except OSError:
            return path
    return ""


def _look(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def habits_of(pid: int) -> tuple[int, int]:
    """The umask, and a mask of the signals that are ignored: bit N - 1 for signal N. OSError."""
    status = _status(pid)
    return int(status["Umask"], 8), int(status["SigIgn"], 16)


def difference(pid: int) -> str:
    """The first thing in which process `pid` is not like this one; empty when there is none. OSError."""
    for name in NAMESPACES:
        if _namespace("self", name) != _namespace(str(pid), name):
            return f"its {name} namespace is another"
    theirs, ours = _status(pid), _status(os.getpid())
    for key in STATUS:
        if theirs.get(key) != ours.get(key):
            return f"{key} of its status is another"
    for name in FILES:
        if _text(str(pid), name) != _text("self", name):
            return f"its {name} is another"
    if not os.path.samestat(os.stat(f"/proc/{pid}/root/."), os.stat("/proc/self/root/.")):
        return "its root is another"
    if (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid)) != (
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getscheduler(0),
    ):
        return "its priority is another"
    return ""


def _namespace(pid: str, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{name}")
    except FileNotFoundError:  # a kernel without it
        return ""


def _status(pid: int) -> dict[str, str]:
    lines = _text(str(pid), "status").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _text(pid: str, name: str) -> str:
    """What a file of /proc says; empty where the kernel has none."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError:
        if name.startswith("attr/"):  # no security module
            return ""
        raise
