"""A control group of the sandbox's own: the host's kernel bounds what its processes use, beside our own accounting.

On version 2 it is made in the launcher's group or beside it, wherever the controllers are handed on
(cgroup.subtree_control) and processes may be moved; on version 1 in the launcher's group of each controller.
Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
"""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Callable, Final

from sandbox.text import without_octal

if TYPE_CHECKING:
    from sandbox.boot.options import Limits

# Our own accounting comes first and says who it kills: the group's bound leaves room for the sentry, for files in
# memory (as much again as processes may have), and for host threads that wait to be used again.
SENTRY_MEMORY: Final = 256 << 20
HOST_TASKS: Final = 64
TASKS_PER_THREAD: Final = 4
TRIES: Final = 200  # to remove a group whose last process is just ending
TRY_S: Final = 0.01

Settings = tuple[tuple[str, int], ...]


class Place:
    """A directory in which a group may be made: `controllers` are those of the wanted ones that it has."""

    __slots__ = ("parent", "controllers", "version")

    def __init__(self, parent: str, controllers: tuple[str, ...], version: int) -> None:
        self.parent = parent
        self.controllers = controllers
        self.version = version


def bounds(limits: Limits) -> dict[str, int]:
    """What the group is to have, by controller: memory in bytes, tasks."""
    wanted = {}
    if limits.memory:
        wanted["memory"] = 2 * limits.memory + SENTRY_MEMORY
    if limits.pids:
        wanted["pids"] = TASKS_PER_THREAD * limits.pids + HOST_TASKS
    return wanted


class Cgroup:
    """`directories` are those made. The name is known before, so that another process can remove what there is."""

    def __init__(
        self, wanted: dict[str, int], name: str, hierarchies: list[list[Place]], mkdir: Callable[[str], None] = os.mkdir
    ) -> None:
        self.wanted = wanted
        self.name = name
        self.hierarchies = hierarchies
        self.directories: list[str] = []
        self._mkdir = mkdir

    def make(self) -> list[str]:
        """Make it where it can be made. Lines that say which bounds the host does not keep, and why."""
        missing = dict.fromkeys(self.wanted, "no control group of the launcher's has the controller")
        for places in self.hierarchies:
            for place in places:
                try:
                    self.directories.append(self._make_in(place))
                except OSError as error:
                    why = f"{place.parent}: {os.strerror(error.errno or 0)}"
                    missing.update((name, why) for name in place.controllers)
                    continue
                for name in place.controllers:
                    missing.pop(name, None)
                break
        return [f"no control group for {name}: {why}" for name, why in missing.items()]

    def _make_in(self, place: Place) -> str:
        path = f"{place.parent}/{self.name}"
        if place.version == 2 and not os.access(f"{place.parent}/cgroup.procs", os.W_OK):
            raise PermissionError(errno.EACCES, "")  # who may not write there may not move processes below it
        self._mkdir(path)
        try:
            for controller in place.controllers:
                for file, value, needed in settings(controller, self.wanted[controller], place.version):
                    if needed or os.path.exists(f"{path}/{file}"):
                        _write(f"{path}/{file}", value)
        except OSError:
            os.rmdir(path)
            raise
        return path

    def join(self) -> list[str]:
        """The calling process, and its children to come. Lines that say what it could not join."""
        failures = []
        for directory in self.directories:
            try:
                _write(f"{directory}/cgroup.procs", 0)
            except OSError as error:
                failures.append(f"cannot join the control group {directory}: {os.strerror(error.errno or 0)}")
        return failures

    def give_back(self) -> None:
        """Remove it, whether or not `make` came to its end. OSError when processes are left in it."""
        for places in self.hierarchies:
            for place in places:
                _remove(f"{place.parent}/{self.name}")


def settings(controller: str, value: int, version: int) -> list[tuple[str, int, bool]]:
    """File, value, whether the bound means nothing without it. Memory that is swapped out counts."""
    if controller == "pids":
        return [("pids.max", value, True)]
    if version == 2:
        return [("memory.max", value, True), ("memory.swap.max", 0, False)]
    return [("memory.limit_in_bytes", value, True), ("memory.memsw.limit_in_bytes", value, False)]


def find(wanted: dict[str, int], cgroups: str, mountinfo: str) -> list[list[Place]]:
    """Places by hierarchy, the best first. `cgroups` and `mountinfo` are the texts of /proc/self/cgroup and
    /proc/self/mountinfo."""
    table = list(mounts(mountinfo))
    left = set(wanted)
    found: list[list[Place]] = []
    own2 = ""
    for line in cgroups.splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0":
            own2 = next(filter(None, (_below(path, m) for m in table if m[2] == "cgroup2")), "")
            continue
        here = tuple(name for name in names.split(",") if name in left)
        parent = next(filter(None, (_below(path, m) for m in table if m[2] == "cgroup" and names in m[3])), "")
        left -= set(here)
        if here and parent:
            found.append([Place(parent, here, 1)])
    if own2 and left:
        places = [Place(at, _handed_on(at, left), 2) for at in (own2, os.path.dirname(own2))]
        found.append([place for place in places if place.controllers])
    return found


def mounts(mountinfo: str) -> list[tuple[str, str, str, str]]:
    """Root in the file system, mount point, type, options of the file system (proc_pid_mountinfo(5))."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, more = left.split(), right.split()
        if len(fields) >= 6 and len(more) >= 3 and more[0] in ("cgroup", "cgroup2"):
            found.append((without_octal(fields[3]), without_octal(fields[4]), more[0], more[2]))
    return found


def _below(path: str, mount: tuple[str, str, str, str]) -> str:
    """The directory of group `path`; empty when the mount does not show it."""
    root, point = mount[0].rstrip("/"), mount[1]
    if path != root and not path.startswith(root + "/"):
        return ""
    directory = os.path.normpath(f"{point}/{path[len(root) :]}")
    return directory if os.path.isdir(directory) else ""


def _handed_on(directory: str, wanted: set[str]) -> tuple[str, ...]:
    try:
        with open(f"{directory}/cgroup.subtree_control", encoding="ascii") as file:
            return tuple(name for name in file.read().split() if name in wanted)
    except OSError:
        return ()


def _write(path: str, value: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"%d" % value)
    finally:
        os.close(fd)


def _remove(path: str) -> None:
    for left in reversed(range(TRIES)):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or not left:
                raise
            time.sleep(TRY_S)
