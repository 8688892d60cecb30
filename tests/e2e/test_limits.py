"""Thousands of processes and threads, a hundred thousand descriptors, a million files, gigabytes: they are there, or are refused
by a limit that has a name; and the sandbox is as usable afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import runsc
from tests.e2e.guest_programs import compile_all

BOUND_S = 900


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_all(Path(__file__).parent / "programs", tmp_path_factory.mktemp("limits"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "count", "flags"),
    [
        ("processes", 2000, ("--pids", "4096")),
        ("threads", 20000, ()),
        ("descriptors", 100_000, ()),
        ("files", 1_000_000, ("--memory", "4G")),
        ("file", 8, ()),
        ("mapping", 4, ()),
    ],
)
def test_so_many_are_there(programs: Path, what: str, count: int, flags: tuple[str, ...]) -> None:
    words = [
        "--volume",
        f"{programs}:/mnt:ro",
        "--cwd",
        "/tmp",
        "/bin/sh",
        "-c",
        f"/mnt/many_things {what} {count} && echo after",
    ]
    done = runsc("do", *flags, *words, bound_s=BOUND_S)
    assert (done.status, done.out) == (0, f"{count}\nafter\n"), done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "count", "flags", "refusal"),
    [
        ("processes", 2000, ("--pids", "100"), "EAGAIN"),
        ("descriptors", 3_000_000, (), "ENFILE"),
    ],
)
def test_one_more_is_refused_by_name(
    programs: Path, what: str, count: int, flags: tuple[str, ...], refusal: str
) -> None:
    words = [
        "--volume",
        f"{programs}:/mnt:ro",
        "--cwd",
        "/tmp",
        "/bin/sh",
        "-c",
        f"/mnt/many_things {what} {count} && echo after",
    ]
    done = runsc("do", *flags, *words, bound_s=BOUND_S)
    assert done.status == 0, done
    made, after = done.out.splitlines()
    assert made.split()[1] == refusal and 0 < int(made.split()[0]) < count and after == "after"
