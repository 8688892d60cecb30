"""The control groups of a container: linux.cgroupsPath and linux.resources on the host, version 1 and 2.

What the sandbox's own kernel bounds (memory, processes) is bounded here with room for the sandbox itself
(sandbox/boot/cgroup.py). Source: cgroups(7), Documentation/admin-guide/cgroup-v1, cgroup-v2.rst.
"""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Callable, Final, Sequence

from runsc.failure import RuntimeFailure
from runsc.spec.types import Spec
from sandbox.boot import cgroup
from sandbox.boot.host_oom import INNER
from sandbox.boot.options import Limits

# Hierarchies of version 1 in which a group costs nothing; cpuset has to be filled in, and is made for engines and when it is asked for.
EVERYWHERE: Final = ("memory", "pids", "cpu", "cpuacct", "blkio", "freezer", "devices", "perf_event", "hugetlb")
VERSION_2: Final = ("memory", "pids", "cpu", "cpuset")
ASKED_FOR: Final = (
    "io",
    "hugetlb",
    "rdma",
    "misc",
    "net_cls",
    "net_prio",
)  # where linux.resources has something for them
SYSTEMD: Final = "name=systemd"
REMOVE_S: Final = 10.0

if TYPE_CHECKING:
    from runsc.spec.host_resources import Row

Setting = tuple[str, str, bool]  # file, value, whether the bound means nothing without it


class Hierarchy:
    """Where one is mounted, and which controllers it has."""

    __slots__ = ("point", "controllers", "version")

    def __init__(self, point: str, controllers: tuple[str, ...], version: int) -> None:
        self.point = point
        self.controllers = controllers
        self.version = version


def hierarchies(mountinfo: str, rows: Sequence[Row] = ()) -> list[Hierarchy]:
    """Those that a container is put into: version 2 only where it has controllers that bound something."""
    more = {row.controller for row in rows} & {*ASKED_FOR}
    found: list[Hierarchy] = []
    for _, point, kind, options in cgroup.mounts(mountinfo):
        if kind == "cgroup":
            names = tuple(name for name in options.split(",") if name in (*EVERYWHERE, *more, "cpuset", SYSTEMD))
            if names:
                found.append(Hierarchy(point, names, 1))
        elif os.path.exists(f"{point}/cgroup.controllers"):
            there = _read(f"{point}/cgroup.controllers").split()
            names = tuple(name for name in there if name in VERSION_2 or name in more)
            if names:
                found.append(Hierarchy(point, names, 2))
    return found


def wanted(spec: Spec) -> bool:
    """A group is asked for, by name or by a bound."""
    cpu, memory = spec.cpu, spec.memory_limit or spec.memory_reservation
    if spec.cgroups_path or memory or spec.pids_limit or cpu.shares or cpu.quota > 0 or cpu.cpus or cpu.mems:
        return True
    return any(row.needed for row in spec.host_rows)


def settings(spec: Spec, version: int) -> dict[str, list[Setting]]:
    """By controller."""
    limits = Limits()
    limits.memory, limits.pids = spec.memory_limit, spec.pids_limit
    found: dict[str, list[Setting]] = {}
    for name, value in cgroup.bounds(limits).items():
        found[name] = [(file, str(number), needed) for file, number, needed in cgroup.settings(name, value, version)]
    if "memory" in spec.lifted and version == 1:
        found["memory"] = [("memory.memsw.limit_in_bytes", "-1", False), ("memory.limit_in_bytes", "-1", True)]
    elif "memory" in spec.lifted:
        found["memory"] = [("memory.max", "max", True)]
    if "pids" in spec.lifted:
        found["pids"] = [("pids.max", "max", True)]
    if spec.memory_reservation:
        file = "memory.soft_limit_in_bytes" if version == 1 else "memory.low"
        kept = "0" if version == 2 and spec.memory_reservation < 0 else str(spec.memory_reservation)
        found.setdefault("memory", []).append((file, kept, True))
    cpu, period = spec.cpu, spec.cpu.period or 100_000
    if version == 1:
        found["cpu"] = [("cpu.shares", str(cpu.shares), False)] if cpu.shares else []
        found["cpu"] += [("cpu.cfs_period_us", str(period), True)] if cpu.period else []
        found["cpu"] += [("cpu.cfs_quota_us", str(cpu.quota), True)] if cpu.quota else []
    else:
        weight = 1 + (max(2, min(cpu.shares, 262144)) - 2) * 9999 // 262142  # as runc converts
        found["cpu"] = [("cpu.weight", str(weight), False)] if cpu.shares else []
        found["cpu"] += [("cpu.max", f"{cpu.quota if cpu.quota > 0 else 'max'} {period}", True)] if cpu.quota else []
    found["cpuset"] = [("cpuset.cpus", cpu.cpus, True)] if cpu.cpus else []
    found["cpuset"] += [("cpuset.mems", cpu.mems, True)] if cpu.mems else []
    return {name: rows for name, rows in found.items() if rows}


class Plan:
    """The groups of one container: `directories` are known before they are made. Below its group of memory lies one more, with the
    same bounds, in which its processes are: so the sandbox may be handed what lets the host say that memory has run out
    (sandbox/boot/host_oom.py), and still nothing that lifts a bound. On version 2 it has all controllers, since engines look at
    the group that a container's process is in."""

    def __init__(self, spec: Spec, name: str, found: list[Hierarchy], mkdir: Callable[[str], None] = os.mkdir) -> None:
        self._spec = spec
        self._mkdir = mkdir
        self._path = os.path.normpath(f"/{spec.cgroups_path or f'runsc-{name}'}").strip("/")
        cpuset = bool(spec.cgroups_path or spec.cpu.cpus or spec.cpu.mems)  # an engine may `update` it later
        self._hierarchies = [one for one in found if one.controllers != ("cpuset",) or cpuset]
        outer = [f"{one.point}/{self._path}" for one in self._hierarchies]
        self._inner = [
            (f"{at}/{INNER}", one.version)
            for one, at in zip(self._hierarchies, outer, strict=True)
            if "memory" in one.controllers
        ]
        self.directories = [*(at for at, _ in self._inner), *outer]  # in the order in which they can be removed

    def make(self) -> None:
        """RuntimeFailure, with everything undone, when a bound cannot be had or a group has processes already."""
        missing = set(settings(self._spec, 2))
        host: set[str] = set()
        asked = {row.controller for row in self._spec.host_rows}
        try:
            for hierarchy in self._hierarchies:
                directory = f"{hierarchy.point}/{self._path}"
                rows = settings(self._spec, hierarchy.version)
                controllers = [
                    one for one in hierarchy.controllers if hierarchy.version == 1 or one in rows or one in asked
                ]
                _make_all(hierarchy, self._path, controllers, self._mkdir, bool(self._spec.cgroups_path))
                if _read(f"{directory}/cgroup.procs"):
                    raise RuntimeFailure(f"control group {directory} is not empty")
                for controller in controllers:
                    for file, value, needed in rows.get(controller, ()):
                        if needed or os.path.exists(f"{directory}/{file}"):
                            write(f"{directory}/{file}", value)
                    missing.discard(controller)
                host |= apply_rows(self._spec, directory, hierarchy)
            for directory, version in self._inner:
                if version == 1 or self._hand_on(os.path.dirname(directory)):
                    self._make_inner(directory, version)
                else:
                    self.directories.remove(directory)
            if missing:
                raise RuntimeFailure(f"control group: this host has no controller for {', '.join(sorted(missing))}")
            check_rows(self._spec, host)
        except OSError as error:
            self._undo()
            raise RuntimeFailure(f"control group {error.filename}: {os.strerror(error.errno or 0)}") from None
        except RuntimeFailure:
            self._undo()
            raise

    def _make_inner(self, directory: str, version: int) -> None:
        try:
            self._mkdir(directory)
        except FileExistsError:
            if _read(f"{directory}/cgroup.procs"):
                raise RuntimeFailure(f"control group {directory} is not empty") from None
        for file, value, needed in settings(self._spec, version).get("memory", ()):
            if needed or os.path.exists(f"{directory}/{file}"):
                write(f"{directory}/{file}", value)
        apply_rows(self._spec, directory, Hierarchy("", ("memory",), version))

    @staticmethod
    def _hand_on(outer: str) -> bool:
        """On version 2, with every controller; False where memory cannot be handed on, and so nothing is told."""
        controllers = _read(f"{outer}/cgroup.controllers").split()
        if "memory" not in controllers:
            return False
        for controller in controllers:
            try:
                write(f"{outer}/cgroup.subtree_control", f"+{controller}")
            except OSError:
                if controller == "memory":
                    return False
        return True

    def _undo(self) -> None:
        for directory in self.directories:
            try:
                os.rmdir(directory)
            except OSError:
                pass  # not made yet, or others are in it


def apply_rows(spec: Spec, directory: str, hierarchy: Hierarchy) -> set[str]:
    """What is for the host's control groups only, as far as this one takes it: the JSON paths of that."""
    done = set()
    for row in spec.host_rows:
        if row.version != hierarchy.version or (hierarchy.controllers and row.controller not in hierarchy.controllers):
            continue
        path = next(filter(os.path.exists, (f"{directory}/{file}" for file in row.files)), "")
        try:
            if path:
                write(path, row.value)
                done.add(row.path)
        except OSError:
            if row.needed:
                raise
    return done


def check_rows(spec: Spec, done: set[str]) -> None:
    """RuntimeFailure with the first that nothing of this host has taken."""
    for row in spec.host_rows:
        if row.needed and row.path not in done:
            raise RuntimeFailure(f"{row.path}: this host has no control group with {' or '.join(row.files)}")


def update(spec: Spec, directories: list[str]) -> None:
    """New bounds for groups that are there. RuntimeFailure for one that cannot be had."""
    missing = set(settings(spec, 2))
    host: set[str] = set()
    for directory in directories:
        version = 2 if os.path.exists(f"{directory}/cgroup.controllers") else 1
        try:
            host |= apply_rows(spec, directory, Hierarchy("", (), version))
        except OSError as error:
            raise RuntimeFailure(f"control group {error.filename}: {os.strerror(error.errno or 0)}") from None
        for controller, rows in settings(spec, version).items():
            for file, value, needed in rows:
                try:
                    if os.path.exists(f"{directory}/{file}"):
                        _change(f"{directory}/{file}", value)
                        missing.discard(controller)
                except OSError as error:
                    if needed:
                        why = os.strerror(error.errno or 0)
                        raise RuntimeFailure(f"control group {error.filename}: {why}") from None
    check_rows(spec, host)
    missing -= {"memory", "pids"}  # which the sandbox's own kernel bounds
    if missing:
        raise RuntimeFailure(f"control group: the container has none for {', '.join(sorted(missing))}")


def _change(path: str, value: str) -> None:
    """Memory with swap may not be less than memory (cgroup-v1/memory.rst): raise the one before the other."""
    if path.endswith("/memory.limit_in_bytes"):
        both = path.replace("memory.limit", "memory.memsw.limit")
        if os.path.exists(both) and 0 <= int(_read(both)) < int(value):
            write(both, value)
    write(path, value)


def _make_all(
    hierarchy: Hierarchy, path: str, controllers: list[str], mkdir: Callable[[str], None], counts: bool
) -> None:
    """Every group on the way; what a group needs from its parent is handed down. `counts`: with all other controllers, as far
    as can be, since an engine looks at what they count."""
    here = hierarchy.point
    for part in path.split("/"):
        if hierarchy.version == 2:
            for controller in controllers:
                write(f"{here}/cgroup.subtree_control", f"+{controller}")
            for controller in hierarchy.controllers if counts else ():
                try:
                    write(f"{here}/cgroup.subtree_control", f"+{controller}")
                except OSError:
                    pass  # processes are in it, or its own parent did not hand it down
        parent, here = here, f"{here}/{part}"
        try:
            mkdir(here)
        except FileExistsError:
            pass
        if "cpuset" in hierarchy.controllers:
            for file in ("cpuset.cpus", "cpuset.mems"):
                if not _read(f"{here}/{file}"):
                    write(f"{here}/{file}", _read(f"{parent}/{file}"))


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def write(path: str, value: str) -> None:
    """OSError with the file's name, also for a value that is refused."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), path) from None
    finally:
        os.close(fd)


def remove(directories: list[str]) -> None:
    """The groups that are left, once their last processes have gone, and groups that others have made below them.
    RuntimeFailure when that takes too long."""
    deadline = time.monotonic() + REMOVE_S
    for directory in directories:
        for below, _, _ in os.walk(directory, topdown=False):
            if below != directory:
                _remove_one(below, deadline)
        _remove_one(directory, deadline)


def _remove_one(directory: str, deadline: float) -> None:
    while True:
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() >= deadline:
                raise RuntimeFailure(f"control group {directory}: {os.strerror(error.errno or 0)}") from None
            time.sleep(0.01)
