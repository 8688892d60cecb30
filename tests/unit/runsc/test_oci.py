"""From config.json to what the sandbox is given."""

from __future__ import annotations

import resource

import pytest

from runsc.oci import inherited_limits, mount_of, paths_of, program_of
from runsc.spec.types import Mount, Process, Rlimit

NEVER = (1 << 64) - 1


def process() -> Process:
    made = Process()
    made.args, made.cwd = ["x"], "/"
    return made


def test_limits_that_are_not_given_are_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """But no more files than the sandbox's fs.nr_open allows, whatever the host's does."""
    monkeypatch.setattr(
        resource, "getrlimit", lambda kind: (5, -1) if kind != resource.RLIMIT_NOFILE else (1 << 30, -1)
    )
    found = inherited_limits()
    assert found[resource.RLIMIT_CORE] == (5, NEVER) and found[resource.RLIMIT_NOFILE] == (1 << 20, 1 << 20)
    one = process()
    one.rlimits = [Rlimit("RLIMIT_CORE", 1, 2)]
    assert program_of(one).rlimits == {**found, resource.RLIMIT_CORE: (1, 2)}


def test_what_is_there_twice() -> None:
    one = process()
    one.env, one.additional_gids = ["A=1", "B=2", "A=3=4", "E="], [7, 5, 7]
    program = program_of(one)
    assert program.env == (b"A=3=4", b"B=2", b"E=") and program.groups == (5, 7)


def test_paths_begin_at_the_root() -> None:
    assert paths_of(["/a", "b/c", "", "../d"]) == (b"//a", b"/b/c", b"/../d")
    for destination, target in (("rel", b"/rel"), ("/a/../b", b"/b"), ("/../../up", b"/up"), ("//x//y/", b"/x/y")):
        assert mount_of(Mount(destination, "tmpfs", "t", []), "/", "/").target == target
