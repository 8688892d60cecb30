"""Where a control group is made, and what is written there, on trees of plain files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from sandbox.boot.cgroup import SENTRY_MEMORY, Cgroup, Place, bounds, find
from sandbox.boot.options import Limits

WANTED = {"memory": 1 << 30, "pids": 99}
FILES = ("cgroup.procs", "memory.max", "memory.swap.max", "pids.max")


def mountinfo(point: Path, root: str = "/", kind: str = "cgroup2", options: str = "rw") -> str:
    place = str(point).replace(" ", "\\040")
    return f"22 1 0:21 / /sys rw - sysfs sysfs rw\n31 22 0:28 {root} {place} rw,relatime - {kind} {kind} {options}\n"


def group(path: Path, handed_on: str = "", files: tuple[str, ...] = FILES) -> Path:
    path.mkdir(parents=True)
    for name in files:
        (path / name).write_text("")
    (path / "cgroup.subtree_control").write_text(handed_on + "\n")
    return path


def make_group(files: tuple[str, ...] = FILES) -> Callable[[str], None]:
    """What the host's kernel does at mkdir(2)."""
    return lambda path: group(Path(path), files=files) and None


def made(places: list[list[Place]], files: tuple[str, ...] = FILES) -> tuple[Cgroup, list[str]]:
    cgroup = Cgroup(WANTED, "runsc-1", places, make_group(files))
    return cgroup, cgroup.make()


def parents(places: list[list[Place]]) -> list[list[str]]:
    return [[place.parent for place in hierarchy] for hierarchy in places]


def test_beside_the_launchers_group_that_hands_on_nothing(tmp_path: Path) -> None:
    group(tmp_path / "user" / "app", "cpu memory pids")
    group(tmp_path / "user" / "app" / "term.scope")
    cgroup, missing = made(find(WANTED, "0::/user/app/term.scope\n", mountinfo(tmp_path)))
    where = tmp_path / "user" / "app" / "runsc-1"
    assert (cgroup.directories, missing) == ([str(where)], [])
    assert [(where / name).read_text() for name in FILES] == ["", str(1 << 30), "0", "99"]
    assert cgroup.join() == [] and (where / "cgroup.procs").read_text() == "0"


def test_in_the_launchers_group_first(tmp_path: Path) -> None:
    group(tmp_path / "a", "memory pids")
    group(tmp_path / "a" / "b", "memory pids")
    places = find(WANTED, "0::/a/b\n", mountinfo(tmp_path))
    assert parents(places) == [[f"{tmp_path}/a/b", f"{tmp_path}/a"]]
    assert made(places)[0].directories == [f"{tmp_path}/a/b/runsc-1"]


def test_a_mount_that_shows_a_part(tmp_path: Path) -> None:
    point = tmp_path / "with blank"
    group(point / "mine", "memory pids")
    assert parents(find(WANTED, "0::/docker/x/mine\n", mountinfo(point, "/docker/x"))) == [[f"{point}/mine"]]
    assert find(WANTED, "0::/elsewhere\n", mountinfo(point, "/docker/x")) == []
    assert find(WANTED, "0::/docker/xy\n", mountinfo(point, "/docker/x")) == []


def test_one_controller_of_two(tmp_path: Path) -> None:
    group(tmp_path / "a", "pids")
    group(tmp_path / "a" / "b")
    cgroup, missing = made(find(WANTED, "0::/a/b\n", mountinfo(tmp_path)), ("cgroup.procs", "pids.max"))
    assert cgroup.directories == [f"{tmp_path}/a/runsc-1"]
    assert missing == ["no control group for memory: no control group of the launcher's has the controller"]


def test_version_1_beside_version_2(tmp_path: Path) -> None:
    group(tmp_path / "mem" / "own", files=())
    group(tmp_path / "two" / "own", "pids")
    mounts = mountinfo(tmp_path / "mem", kind="cgroup", options="rw,memory") + mountinfo(tmp_path / "two")
    places = find(WANTED, "4:memory:/own\n1:name=systemd:/\n0::/own\n", mounts)
    assert [[(p.parent, p.controllers, p.version) for p in hierarchy] for hierarchy in places] == [
        [(f"{tmp_path}/mem/own", ("memory",), 1)],
        [(f"{tmp_path}/two/own", ("pids",), 2)],
    ]
    cgroup, missing = made(places, ("cgroup.procs", "memory.limit_in_bytes", "pids.max"))
    assert missing == [] and len(cgroup.directories) == 2
    assert (tmp_path / "mem/own/runsc-1/memory.limit_in_bytes").read_text() == str(1 << 30)


def test_a_group_without_its_bound_is_not_kept(tmp_path: Path) -> None:
    group(tmp_path / "a", "memory")
    removed: list[str] = []

    def mkdir(path: str) -> None:
        os.mkdir(path)
        removed.append(path)

    cgroup = Cgroup(WANTED, "runsc-1", find({"memory": 1}, "0::/a\n", mountinfo(tmp_path)), mkdir)
    missing = cgroup.make()
    assert cgroup.directories == [] and removed and not os.path.exists(removed[0])
    assert missing[0] == f"no control group for memory: {tmp_path}/a: No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_may_be_written(tmp_path: Path) -> None:
    where = group(tmp_path / "a", "memory pids")
    (where / "cgroup.procs").chmod(0o444)
    cgroup, missing = made(find(WANTED, "0::/a\n", mountinfo(tmp_path)))
    assert cgroup.directories == [] and all("Permission denied" in line for line in missing)


def test_removed_wherever_it_may_have_been_made(tmp_path: Path) -> None:
    group(tmp_path / "a", "memory pids")
    group(tmp_path / "a" / "b", "memory pids")
    places = find(WANTED, "0::/a/b\n", mountinfo(tmp_path))
    for parent in ("a", "a/b"):
        (tmp_path / parent / "runsc-1").mkdir()
        (tmp_path / parent / "runsc-2").mkdir()
        Cgroup(WANTED, "runsc-1", places).give_back()
        assert not (tmp_path / parent / "runsc-1").exists() and (tmp_path / parent / "runsc-2").exists()
    Cgroup(WANTED, "runsc-1", places).give_back()


def test_no_trees_at_all() -> None:
    for cgroups in ("", "0::/\n", "3:memory:/x\n", "nonsense\n"):
        assert find(WANTED, cgroups, "") == []
    assert len(Cgroup(WANTED, "x", []).make()) == 2


def test_room_above_our_own_bound() -> None:
    limits = Limits()
    assert bounds(limits) == {}
    limits.memory, limits.pids = 100, 10
    assert bounds(limits) == {"memory": 200 + SENTRY_MEMORY, "pids": 104}
