"""Control groups of containers on trees of files: version 2, which this machine may not have, and version 1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runsc.container.groups import Hierarchy, Plan, hierarchies, settings, update
from runsc.failure import RuntimeFailure
from runsc.spec.types import Spec
from sandbox.boot import host_oom
from sandbox.boot.detach import Groups
from sandbox.boot.options import ContainerOptions

FILES = (
    "cgroup.procs",
    "cgroup.controllers",
    "cgroup.subtree_control",
    "memory.max",
    "memory.swap.max",
    "memory.low",
    "memory.soft_limit_in_bytes",
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "pids.max",
    "cpu.max",
    "cpu.weight",
    "cpu.shares",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "cpuset.cpus",
    "cpuset.mems",
)


def fill(path: str, left_out: tuple[str, ...] = ()) -> None:
    """What the host's kernel puts into a group."""
    for name in FILES:
        if name not in left_out:
            Path(path, name).write_text("0-1" if name == "cpuset.cpus" else "")


def fake_mkdir(path: str) -> None:
    os.mkdir(path)
    fill(path)


def spec_with(memory: int = 0, pids: int = 0) -> Spec:
    spec = Spec()
    spec.cgroups_path = "/engine/c"
    spec.memory_limit, spec.pids_limit = memory, pids
    return spec


def value(place: Path, name: str) -> str:
    return (place / "engine" / "c" / name).read_text()


def test_version_2(tmp_path: Path) -> None:
    fill(str(tmp_path))
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids misc\n")
    found = hierarchies(f"31 23 0:28 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    assert [(one.point, one.controllers, one.version) for one in found] == [
        (str(tmp_path), ("cpuset", "cpu", "memory", "pids"), 2)
    ]
    spec = spec_with(64 << 20, 10)
    spec.memory_reservation = 32 << 20
    spec.cpu.shares, spec.cpu.quota, spec.cpu.period, spec.cpu.cpus = 1024, 50_000, 200_000, "0-1"
    plan = Plan(spec, "c", found, fake_mkdir)
    outer = f"{tmp_path}/engine/c"
    assert plan.directories == [f"{outer}/sandbox", outer] and not (tmp_path / "engine").exists()
    plan.make()
    assert plan.directories == [outer]  # nothing hands memory on here
    assert int(value(tmp_path, "memory.max")) > 64 << 20 and value(tmp_path, "memory.swap.max") == "0"
    assert int(value(tmp_path, "pids.max")) > 10 and value(tmp_path, "memory.low") == str(32 << 20)
    assert value(tmp_path, "cpu.weight") == "39" and value(tmp_path, "cpu.max") == "50000 200000"
    assert value(tmp_path, "cpuset.cpus") == "0-1"
    for place in (tmp_path, tmp_path / "engine"):  # handed down on the way
        assert (place / "cgroup.subtree_control").read_text().startswith("+")
    spec.pids_limit, spec.memory_limit, spec.cpu.quota = 20, 128 << 20, 0
    update(spec, plan.directories)
    assert int(value(tmp_path, "pids.max")) == 4 * 20 + 64


def with_controllers(path: str) -> None:
    fake_mkdir(path)
    Path(path, "cgroup.controllers").write_text("cpu memory pids\n")


def test_the_processes_are_in_an_inner_group(tmp_path: Path) -> None:
    """On version 2 no process may be in a group that hands controllers on (cgroups(7))."""
    fill(str(tmp_path))
    found = [Hierarchy(str(tmp_path), ("memory", "pids"), 2)]
    plan = Plan(spec_with(64 << 20), "c", found, with_controllers)
    plan.make()
    outer, inner = tmp_path / "engine" / "c", tmp_path / "engine" / "c" / "sandbox"
    assert plan.directories == [str(inner), str(outer)]
    assert (inner / "memory.max").read_text() == (outer / "memory.max").read_text() != ""
    assert (outer / "cgroup.subtree_control").read_text().startswith("+")
    (inner / "memory.current").write_text("")
    for name in ("memory.current", "memory.events", "memory.stat", "memory.reclaim"):
        (inner / name).write_text("")
    options = ContainerOptions()
    options.cgroups = tuple(plan.directories)
    Groups(options).enter()
    assert (inner / "cgroup.procs").read_text() == "0" and (outer / "cgroup.procs").read_text() == ""
    names = [os.path.basename(os.readlink(f"/proc/self/fd/{fd}")) for fd in options.host_oom_fds]
    for fd in options.host_oom_fds:
        os.close(fd)
    assert names == ["memory.max", "memory.current", "memory.events", "memory.stat", "memory.reclaim"]
    spec = spec_with(128 << 20)
    update(spec, plan.directories)
    assert int((inner / "memory.max").read_text()) == int((outer / "memory.max").read_text()) > 256 << 20


def test_a_sandbox_gets_nothing_of_the_group_that_bounds_it(tmp_path: Path) -> None:
    for name in (
        "cgroup.controllers",
        "memory.max",
        "memory.current",
        "memory.events",
        "memory.stat",
        "memory.reclaim",
    ):
        (tmp_path / name).write_text("")
    assert host_oom.descriptors((str(tmp_path),)) == ()


def test_version_1(tmp_path: Path) -> None:
    lines = []
    for name in ("memory", "pids", "cpu,cpuacct", "cpuset", "net_cls"):
        (tmp_path / name).mkdir()
        fill(str(tmp_path / name), ("cgroup.controllers",))
        lines.append(f"31 23 0:28 / {tmp_path}/{name} rw - cgroup cgroup rw,{name}")
    found = hierarchies("\n".join(lines))
    spec = spec_with(64 << 20, 10)
    spec.cpu.shares, spec.memory_reservation = 99, 16 << 20
    plan = Plan(spec, "c", found, fake_mkdir)
    hierarchies_of = [path.split("/engine/")[0].rpartition("/")[2] for path in plan.directories]
    assert hierarchies_of == ["memory", "memory", "pids", "cpu,cpuacct", "cpuset"]
    assert plan.directories[0] == f"{plan.directories[1]}/sandbox"  # which is removed first
    plan.make()
    assert (tmp_path / "cpuset" / "engine" / "c" / "cpuset.cpus").read_text() == "0-1"  # for a later `update`
    spec.cpu.cpus = "1-1"
    update(spec, plan.directories)
    assert (tmp_path / "cpuset" / "engine" / "c" / "cpuset.cpus").read_text() == "1-1"
    assert value(tmp_path / "cpu,cpuacct", "cpu.shares") == "99"
    assert value(tmp_path / "memory", "memory.soft_limit_in_bytes") == str(16 << 20)
    inner = tmp_path / "memory" / "engine" / "c" / "sandbox" / "memory.limit_in_bytes"
    assert inner.read_text() == value(tmp_path / "memory", "memory.limit_in_bytes")
    assert value(tmp_path / "memory", "memory.limit_in_bytes") == value(
        tmp_path / "memory", "memory.memsw.limit_in_bytes"
    )
    spec.cpu.cpus = "1-1"
    spec.cgroups_path = "/engine/d"
    Plan(spec, "d", found, fake_mkdir).make()
    assert (tmp_path / "cpuset" / "engine" / "cpuset.cpus").read_text() == "0-1"  # handed down
    assert (tmp_path / "cpuset" / "engine" / "d" / "cpuset.cpus").read_text() == "1-1"


def test_a_controller_that_is_not_there(tmp_path: Path) -> None:
    fill(str(tmp_path))
    plan = Plan(spec_with(64 << 20, 10), "c", [Hierarchy(str(tmp_path), ("memory",), 2)], fake_mkdir)
    with pytest.raises(RuntimeFailure, match="no controller for pids"):
        plan.make()


def test_a_group_that_is_refused_or_in_use(tmp_path: Path) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    fill(str(tmp_path))
    places = [Hierarchy(str(tmp_path), ("pids",), 2)]
    with pytest.raises(RuntimeFailure, match=f"control group {tmp_path}/engine: Permission denied"):
        Plan(spec_with(pids=10), "c", places, refused).make()
    plan = Plan(spec_with(pids=10), "c", places, fake_mkdir)
    plan.make()
    (tmp_path / "engine" / "c" / "cgroup.procs").write_text("1\n")
    with pytest.raises(RuntimeFailure, match="is not empty"):
        plan.make()


def test_nothing_is_asked_for() -> None:
    assert settings(Spec(), 1) == {} and settings(Spec(), 2) == {}
