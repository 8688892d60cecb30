"""What of a volume is brought to disk, and when: fsync(2), O_SYNC and O_DSYNC of open(2), RWF_SYNC and RWF_DSYNC of pwritev2(2), syncfs(2)."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Callable

import pytest

from sandbox.fs.hostfs import filesystem
from tests.unit.sandbox.vfs.guest import Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

RWF_DSYNC, RWF_SYNC, RWF_APPEND = 2, 4, 16
ONLY_SYNC = os.O_SYNC & ~os.O_DSYNC

Brought = list[tuple[str, int]]


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> Brought:
    """The host calls that bring something to disk, each with the inode's number."""
    calls: Brought = []

    def note(name: str) -> Callable[[int], None]:
        return lambda fd: calls.append((name, os.fstat(fd).st_ino))

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, note(name))
    monkeypatch.setattr(filesystem, "syncfs", note("syncfs"))
    return calls


def taken(brought: Brought) -> Brought:
    found = brought[:]
    brought.clear()
    return found


@pytest.mark.parametrize(
    ("flags", "call"),
    [
        (0, None),
        (os.O_DSYNC, "fdatasync"),
        (os.O_SYNC, "fsync"),
        (ONLY_SYNC, "fsync"),
        (os.O_SYNC | os.O_APPEND, "fsync"),
    ],
)
def test_each_write_of_a_synchronous_file(
    volume: tuple[Guest, Path], brought: Brought, flags: int, call: str | None
) -> None:
    guest, inside = volume
    fd = guest.ok("open", "/v/f", os.O_RDWR | os.O_CREAT | flags, 0o600)
    assert not brought
    expected = [(call, (inside / "f").stat().st_ino)] if call else []
    guest.ok("write", fd, b"one", 3)
    assert taken(brought) == expected
    guest.ok("pwrite64", fd, b"two", 3, 0)
    assert taken(brought) == expected
    guest.ok("write", fd, b"", 0)
    assert not brought


@pytest.mark.parametrize(
    ("flags", "call"),
    [(0, None), (RWF_DSYNC, "fdatasync"), (RWF_SYNC, "fsync"), (RWF_SYNC | RWF_DSYNC | RWF_APPEND, "fsync")],
)
def test_a_single_synchronous_write(volume: tuple[Guest, Path], brought: Brought, flags: int, call: str | None) -> None:
    guest, inside = volume
    fd = guest.ok("open", "/v/f", os.O_RDWR | os.O_CREAT, 0o600)
    vector = struct.pack("QQ", guest.buffer(b"data"), 4)
    guest.ok("pwritev2", fd, vector, 1, 0, 0, flags)
    assert taken(brought) == ([(call, (inside / "f").stat().st_ino)] if call else [])
    guest.ok("write", fd, b"more", 4)
    assert not brought


def test_what_was_written_by_a_descriptor_that_is_closed(volume: tuple[Guest, Path], brought: Brought) -> None:
    guest, inside = volume
    guest.write_file("/v/f", b"data")
    for number in range(filesystem.IDLE_FDS + 8):  # so that none is kept
        guest.write_file(f"/v/other{number}", b"")
    fd = guest.ok("open", "/v/f", os.O_RDONLY)
    for name in ("fsync", "fdatasync"):
        guest.ok(name, fd)
        assert taken(brought) == [(name, (inside / "f").stat().st_ino)]
    guest.ok("sync_file_range", fd, 0, 0, 7)
    assert taken(brought) == [("fsync", (inside / "f").stat().st_ino)]


def test_names_in_a_directory(volume: tuple[Guest, Path], brought: Brought) -> None:
    guest, inside = volume
    (inside / "d").mkdir()
    for path, there in (("/v", inside), ("/v/d", inside / "d")):
        guest.ok("fsync", guest.ok("open", path, os.O_RDONLY | os.O_DIRECTORY))
        assert taken(brought) == [("fsync", there.stat().st_ino)]


def test_all_of_a_volume(volume: tuple[Guest, Path], brought: Brought) -> None:
    guest, inside = volume
    guest.write_file("/v/f", b"data")
    guest.ok("syncfs", guest.ok("open", "/v", os.O_RDONLY))
    assert taken(brought) == [("syncfs", inside.stat().st_ino)]
    guest.ok("sync")
    assert taken(brought) == [("syncfs", inside.stat().st_ino)]
