"""Control groups of containers on trees of files: version 2, which this machine may not have, and version 1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runsc.container.groups import Hierarchy, Plan, hierarchies, remove, settings, update, write
from runsc.failure import RuntimeFailure
from runsc.spec.host_resources import decode_host_resources
from runsc.spec.number_list import numbers_of
from runsc.spec.reader import Object, Problems
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
    for name in ("memory.current", "memory.events", "memory.stat"):
        (inner / name).write_text("")
    options = ContainerOptions()
    options.cgroups = tuple(plan.directories)
    Groups(options).enter()
    assert (inner / "cgroup.procs").read_text() == "0" and (outer / "cgroup.procs").read_text() == ""
    names = [os.path.basename(os.readlink(f"/proc/self/fd/{fd}")) for fd in options.host_oom_fds]
    for fd in options.host_oom_fds:
        os.close(fd)
    assert names == ["memory.max", "memory.current", "memory.events", "memory.stat"]
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


RESOURCES = {
    "memory": {"swappiness": 7},
    "cpu": {"burst": 500, "idle": 1},
    "blockIO": {
        "weight": 300,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 20}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1000}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 0}],
    },
    "hugepageLimits": [{"pageSize": "2MB", "limit": 4096}],
    "network": {"classID": 5, "priorities": [{"name": "lo", "priority": 3}]},
    "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}},
    "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "access": "rw"}],
}


def asked(resources: dict[str, object]) -> Spec:
    """What config.json has for the host's control groups only."""
    spec, problems = spec_with(), Problems()
    spec.host_rows = decode_host_resources(Object("linux.resources", resources, problems))
    assert not problems.found
    return spec


def put(directory: Path, *files: str) -> None:
    """A group that is there, with no value yet."""
    directory.mkdir(parents=True)
    for name in ("cgroup.procs", "cgroup.subtree_control", *files):
        (directory / name).write_text("")


def shown(directory: Path) -> dict[str, str]:
    return {path.name: text for path in directory.iterdir() if path.is_file() and (text := path.read_text())}


def test_what_only_the_host_keeps_in_version_1(tmp_path: Path) -> None:
    files = {
        "memory": ("memory.swappiness",),
        "cpu": ("cpu.cfs_burst_us", "cpu.idle"),
        "blkio": ("blkio.bfq.weight", "blkio.bfq.weight_device", "blkio.throttle.read_bps_device", "blkio.throttle.write_iops_device"),
        "hugetlb": ("hugetlb.2MB.limit_in_bytes",),
        "net_cls": ("net_cls.classid",),
        "net_prio": ("net_prio.ifpriomap",),
        "rdma": ("rdma.max",),
        "devices": ("devices.allow", "devices.deny"),
    }  # fmt: skip
    lines = [f"31 23 0:28 / {tmp_path}/{name} rw - cgroup cgroup rw,{name}" for name in files]
    for name, there in files.items():
        put(tmp_path / name / "engine" / "c", *there)
    spec = asked(RESOURCES)
    Plan(spec, "c", hierarchies("\n".join(lines), spec.host_rows), fake_mkdir).make()
    found = {name: value for one in files for name, value in shown(tmp_path / one / "engine" / "c").items()}
    assert found == {
        "memory.swappiness": "7",
        "cpu.cfs_burst_us": "500",
        "cpu.idle": "1",
        "blkio.bfq.weight": "300",
        "blkio.bfq.weight_device": "8:0 20",
        "blkio.throttle.read_bps_device": "8:0 1000",
        "blkio.throttle.write_iops_device": "8:16 0",
        "hugetlb.2MB.limit_in_bytes": "4096",
        "net_cls.classid": "5",
        "net_prio.ifpriomap": "lo 3",
        "rdma.max": "mlx5_1 hca_handle=3 hca_object=4",
        "devices.deny": "a",
        "devices.allow": found["devices.allow"],  # the last of them: a file of the kernel takes one after the other
    }
    assert [row.value for row in spec.host_rows if row.files == ("devices.allow",)][0] == "c 10:* rw"


def test_who_may_open_nothing_may_open_what_every_container_may() -> None:
    def allowed(*rules: dict[str, object]) -> list[str]:
        spec = asked({"devices": list(rules)})
        return [row.value for row in spec.host_rows if row.files == ("devices.allow",)]

    nothing, everything = ({"allow": allow, "access": "rwm"} for allow in (False, True))
    assert "c 1:3 rwm" in allowed(nothing) and allowed(nothing) == allowed(everything, nothing)[1:]
    assert allowed(nothing, everything) == ["a"] and allowed() == []


def test_what_only_the_host_keeps_in_version_2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids hugetlb rdma\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    there = (
        "cpu.max.burst",
        "cpu.idle",
        "io.weight",
        "io.max",
        "hugetlb.2MB.max",
        "rdma.max",
        "memory.high",
        "memory.max",
    )
    put(tmp_path / "engine" / "c", "cgroup.controllers", *there)
    (tmp_path / "engine" / "cgroup.subtree_control").write_text("")
    resources = {name: RESOURCES[name] for name in ("cpu", "hugepageLimits", "rdma", "devices")}
    block = {"weight": 300, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1000}]}
    spec = asked({**resources, "blockIO": block, "unified": {"memory.high": "12345"}})
    found = hierarchies(f"31 23 0:28 / {tmp_path} rw - cgroup2 cgroup2 rw\n", spec.host_rows)
    assert found[0].controllers == ("cpu", "io", "memory", "pids", "hugetlb", "rdma")
    Plan(spec, "c", found, fake_mkdir).make()
    values = shown(tmp_path / "engine" / "c")
    assert {name: values.get(name) for name in there} == {
        "cpu.max.burst": "500",
        "cpu.idle": "1",
        "io.weight": "default 2930",
        "io.max": "8:0 rbps=1000",
        "hugetlb.2MB.max": "4096",
        "rdma.max": "mlx5_1 hca_handle=3 hca_object=4",
        "memory.high": "12345",
        "memory.max": None,
    }


@pytest.mark.parametrize("name", ["network", "rdma", "hugepageLimits", "blockIO"])
def test_what_no_group_of_the_host_keeps_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path / "memory" / "engine" / "c")
    found = hierarchies(f"31 23 0:28 / {tmp_path}/memory rw - cgroup cgroup rw,memory")
    with pytest.raises(RuntimeFailure, match=rf"linux\.resources\.{name}.*: this host has no control group with"):
        Plan(asked({name: RESOURCES[name]}), "c", found, fake_mkdir).make()


def test_a_device_rule_that_the_host_does_not_take_is_nothing(tmp_path: Path) -> None:
    """There is no device of the host inside."""
    put(tmp_path / "memory" / "engine" / "c")
    found = hierarchies(f"31 23 0:28 / {tmp_path}/memory rw - cgroup cgroup rw,memory")
    Plan(asked({"devices": RESOURCES["devices"]}), "c", found, fake_mkdir).make()


def test_groups_that_others_have_made_below_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "c" / "mine" / "deep").mkdir(parents=True)
    remove([str(tmp_path / "c")])
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("resources", "where"),
    [
        ({"unified": {"..": "1"}}, "unified..."),
        ({"unified": {"../memory.max": "1"}}, "unified.../memory.max"),
        ({"unified": {"memory.\0": "1"}}, "unified.memory.\0"),
        ({"hugepageLimits": [{"pageSize": "/../../2MB", "limit": 1}]}, "hugepageLimits[0].pageSize"),
        ({"hugepageLimits": [{"pageSize": "2MB x", "limit": 1}]}, "hugepageLimits[0].pageSize"),
        ({"rdma": {"one\ntwo": {"hcaHandles": 1}}}, "rdma.one\ntwo"),
        ({"network": {"priorities": [{"name": "lo 1\neth0", "priority": 1}]}}, "network.priorities[0].name"),
        ({"devices": [{"allow": True, "type": "c", "access": "rw\nx"}]}, "devices[0].access"),
    ],
)
def test_names_that_lead_elsewhere(resources: dict[str, object], where: str) -> None:
    problems = Problems()
    decode_host_resources(Object("linux.resources", resources, problems))
    assert len(problems.found) == 1 and problems.found[0].startswith(f"linux.resources.{where}: ")


def test_a_value_of_any_letters_is_the_hosts_to_refuse(tmp_path: Path) -> None:
    file = tmp_path / "memory.max"
    file.write_bytes(b"")
    write(str(file), "\N{LATIN SMALL LETTER E WITH ACUTE}\N{LINE SEPARATOR}1")
    assert file.read_text(encoding="utf-8") == "\xe9\u20281"
    problems = Problems()
    rows = decode_host_resources(Object("r", {"unified": {"io.max": "8:0 rbps=1\n8:16 rbps=2\u20283\n"}}, problems))
    assert [row.value for row in rows] == ["8:0 rbps=1", "8:16 rbps=2\u20283"] and not problems.found


def test_lists_of_numbers() -> None:
    """cpuset(7): the stride takes the first of each group."""
    assert numbers_of("0-2,7") == [0, 1, 2, 7] and numbers_of("") == [] and numbers_of("3\n") == [3]
    assert numbers_of("7,8-15:1/2") == [7, 8, 10, 12, 14]
