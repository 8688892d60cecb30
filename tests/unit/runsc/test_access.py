"""Which directories of the host are believed, and for how long."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runsc import access
from runsc.failure import UsageError
from sandbox.boot.options import MOUNT_BIND, MOUNT_OVERLAY, MOUNT_TMPFS, MountOptions


def asked(root: str = "", mounts: str = "", overlay: bool = False) -> Any:
    return SimpleNamespace(file_access=root, file_access_mounts=mounts, overlay=overlay)


def spec(**notes: object) -> Any:
    return SimpleNamespace(
        annotations={access.ANNOTATION + name.replace("_", "-"): value for name, value in notes.items()}
    )


def test_defaults_flags_and_annotations() -> None:
    assert (access.of_root(asked(), spec()), access.of_mounts(asked(), spec())) == ("timed", "shared")
    assert access.of_root(asked("exclusive"), spec()) == "exclusive"
    assert access.of_root(asked("exclusive"), spec(file_access="shared")) == "shared"
    assert access.of_mounts(asked(mounts="timed"), spec(file_access="shared")) == "timed"
    assert access.of_mounts(asked(mounts="timed"), spec(file_access_mounts="exclusive")) == "exclusive"
    assert access.of_mounts(asked(mounts="timed"), None) == "timed"
    for bad in ("often", 1, None, ""):
        if bad is not None:
            with pytest.raises(UsageError):
                access.of_root(asked(), spec(file_access=bad))


def test_what_lies_below_a_layer_is_exclusive() -> None:
    for how in ("shared", "timed"):
        with pytest.raises(UsageError):
            access.of_root(asked(how, overlay=True), spec())
        with pytest.raises(UsageError):
            access.check_do(asked(how))
    access.of_root(asked("exclusive", overlay=True), spec())
    access.check_do(asked("exclusive"))
    access.check_do(asked())


def test_directories_in_each_other_are_shared(tmp_path: Path) -> None:
    places = ["a", "a/b", "a/b/c", "ab", "d", "d/e", "f"]
    fds = []
    for place in places:
        (tmp_path / place).mkdir()
        fds.append(os.open(tmp_path / place, os.O_RDONLY))
    try:
        mounts = [MountOptions(MOUNT_BIND, os.fsencode(f"/{n}"), fd) for n, fd in enumerate(fds)]
        access.settle(None, [*mounts, MountOptions(MOUNT_TMPFS, b"/t")], "exclusive")
        found = dict(zip(places, (mount.access for mount in mounts), strict=True))
        assert [place for place in places if found[place] == "exclusive"] == ["ab", "f"]
        root = MountOptions(MOUNT_OVERLAY, b"/", fds[4])
        root.access = "timed"
        access.settle(root, mounts[:1], "exclusive")
        assert (root.access, mounts[0].access) == ("timed", "exclusive")
        access.settle(root, [mounts[5]], "shared")
        assert (root.access, mounts[5].access) == ("shared", "shared")
        same = [MountOptions(MOUNT_BIND, b"/1", fds[6]), MountOptions(MOUNT_BIND, b"/2", fds[6], readonly=True)]
        access.settle(None, same, "timed")
        assert [mount.access for mount in same] == ["shared", "shared"]
    finally:
        for fd in fds:
            os.close(fd)
