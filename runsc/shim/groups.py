"""The control group of a shim itself, which its options name."""

from __future__ import annotations

import os

from runsc.shim.ttrpc import INVALID_ARGUMENT, CallError
from sandbox.boot import cgroup


def enter(path: str) -> None:
    """This process enters it in each hierarchy that has it. CallError where none has it or it can't be entered."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        mounted = list(cgroup.mounts(file.read()))
    found = [point + path for _, point, _, _ in mounted if os.path.isdir(point + path)]
    if not found:
        raise CallError(INVALID_ARGUMENT, f"option shim_cgroup: {path}: there is no such control group")
    for directory in found:
        try:
            with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
        except OSError as error:
            raise CallError(INVALID_ARGUMENT, f"option shim_cgroup: {directory}: {error.strerror}") from None
