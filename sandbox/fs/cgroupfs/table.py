"""Which control files a group has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.fs.cgroupfs.core_files import CORE, NOT_AT_ROOT
from sandbox.fs.cgroupfs.cpu_files import CPU_FILES
from sandbox.fs.cgroupfs.memory_files import MEMORY_FILES
from sandbox.fs.cgroupfs.pids_files import PIDS_FILES
from sandbox.kernel.cgroup.cgroup import CPU, MEMORY, PIDS

if TYPE_CHECKING:
    from sandbox.fs.cgroupfs.spec import Spec
    from sandbox.kernel.cgroup.cgroup import Cgroup

BY_CONTROLLER: Final = {CPU: CPU_FILES, MEMORY: MEMORY_FILES, PIDS: PIDS_FILES}
EVERY_FILE: Final = {**CORE, **NOT_AT_ROOT, **CPU_FILES, **MEMORY_FILES, **PIDS_FILES}


def files_of(cgroup: Cgroup) -> dict[bytes, Spec]:
    """By name. The hierarchy's root has none that bound anything."""
    if cgroup.parent is None:
        return CORE
    found = {**CORE, **NOT_AT_ROOT}
    for name in sorted(cgroup.controllers()):
        found.update(BY_CONTROLLER[name])
    return found
