"""A volume shows what the host has there now, whichever way a path is given, and what a guest makes there is exact."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Callable

import pytest

from sandbox.errors import SyscallError
from sandbox.fs.hostfs.filesystem import IDLE_FDS, HostFs
from sandbox.fs.hostfs.inode import HostInode
from sandbox.kernel.credentials import Credentials
from tcpip.clock import ManualClock
from tests.unit.sandbox.vfs.guest import Guest, Stat

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100


def ways(guest: Guest) -> list[tuple[int, str]]:
    """The directories and paths by which the file d/f of the volume is called."""
    top = guest.ok("open", "/v", os.O_RDONLY | os.O_DIRECTORY)
    directory = guest.ok("open", "/v/d", os.O_RDONLY | os.O_DIRECTORY)
    return [(AT_FDCWD, "/v/d/f"), (top, "d/f"), (directory, "f"), (directory, "./f"), (directory, "../d/f")]


def stat_at(guest: Guest, dirfd: int, path: str, flags: int = 0) -> Stat | int:
    result, raw = guest.out("newfstatat", 144, 2, dirfd, path, flags)
    return Stat(raw) if result == 0 else result


def test_what_the_host_changes_is_seen_by_the_next_call(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "d").mkdir()
    file = inside / "d/f"
    file.write_bytes(b"1")
    for dirfd, path in ways(guest):
        for flags in (0, AT_SYMLINK_NOFOLLOW):
            file.write_bytes(file.read_bytes() + b"more")
            file.chmod(0o600 + len(file.read_bytes()) % 8)
            seen, host = stat_at(guest, dirfd, path, flags), file.stat()
            assert isinstance(seen, Stat)
            assert (seen.size, seen.mode, seen.mtime) == (host.st_size, host.st_mode, host.st_mtime_ns)
        fd = guest.ok("openat", dirfd, path, os.O_RDONLY)
        file.write_bytes(b"by descriptor")
        seen = guest.fstat(fd)
        assert isinstance(seen, Stat) and seen.size == 13
        guest.ok("close", fd)


def test_what_the_host_replaces_is_another_file_to_the_next_call(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "d").mkdir()
    file = inside / "d/f"
    file.write_bytes(b"old")
    for number, (dirfd, path) in enumerate(ways(guest)):
        before = stat_at(guest, dirfd, path)
        (inside / "new").write_bytes(b"new %d" % number)
        (inside / "new").rename(file)
        after = stat_at(guest, dirfd, path)
        assert isinstance(before, Stat) and isinstance(after, Stat)
        assert after.ino == file.stat().st_ino and after.ino != before.ino
        fd = guest.ok("openat", dirfd, path, os.O_RDONLY)
        assert guest.out("read", 5, 1, fd, 5) == (5, b"new %d" % number)
        guest.ok("close", fd)
        file.unlink()
        assert stat_at(guest, dirfd, path) == -errno.ENOENT
        assert guest.call("openat", dirfd, path, os.O_RDONLY) == -errno.ENOENT
        file.symlink_to("../new")
        assert guest.call("openat", dirfd, path, os.O_RDONLY | os.O_NOFOLLOW) == -errno.ELOOP
        (inside / "new").write_bytes(b"through")
        seen = stat_at(guest, dirfd, path)
        assert isinstance(seen, Stat) and stat.S_ISREG(seen.mode) and seen.size == 7
        seen = stat_at(guest, dirfd, path, AT_SYMLINK_NOFOLLOW)
        assert isinstance(seen, Stat) and stat.S_ISLNK(seen.mode)
        file.unlink()
        (inside / "new").rename(file)


def test_search_permission_is_needed_for_one_name_too(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "d").mkdir()
    (inside / "d/f").write_bytes(b"x")
    directories = ways(guest)
    (inside / "d").chmod(0o600)
    guest.creds = Credentials(1000, 1000)
    guest.stat("/v/d")  # what the host changed of a directory is seen when the directory is looked up
    for dirfd, path in directories:
        assert stat_at(guest, dirfd, path) == -errno.EACCES
        assert guest.call("openat", dirfd, path, os.O_RDONLY) == -errno.EACCES


def fifo(at: Path) -> None:
    os.mkfifo(at)


def link(at: Path) -> None:
    at.symlink_to(at.parent.parent / "secret")


def other(at: Path) -> None:
    at.write_bytes(b"other")


@pytest.mark.parametrize("replacement", [fifo, link, other, Path.mkdir])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_a_file_replaced_between_the_look_and_the_open_is_found_out(
    volume: tuple[Guest, Path], replacement: Callable[[Path], None], flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, inside = volume
    (inside / "f").write_bytes(b"mine")
    (inside / "g").write_bytes(b"so that its number is not given to another")
    before = len(os.listdir("/proc/self/fd"))
    opens = HostInode.open_file

    def too_late(self: HostInode, flags: int, seen: bool = False) -> int:
        assert seen
        os.rename(inside / "f", inside / "old")
        replacement(inside / "f")
        return opens(self, flags, seen)

    monkeypatch.setattr(HostInode, "open_file", too_late)
    result = guest.call("open", "/v/f", flags)
    expected = (errno.EISDIR, errno.ENOENT) if replacement is Path.mkdir else (errno.ENOENT,)
    assert isinstance(result, int) and -result in expected
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_name_that_was_not_looked_at_is_before_it_is_opened(
    volume: tuple[Guest, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, inside = volume
    (inside / "f").write_bytes(b"mine")
    fs = guest.kernel.mounts.mounts()[-1].fs
    assert isinstance(fs, HostFs)
    found = fs.top.lookup(b"f")
    assert found is not None
    (inside / "f").rename(inside / "old")
    os.mkfifo(inside / "f")
    opened: list[str | bytes] = []

    def count(path: str | bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        opened.append(path)
        return really(path, flags, mode, dir_fd=dir_fd)

    really = os.open
    monkeypatch.setattr(os, "open", count)
    with pytest.raises(SyscallError) as caught:
        found.reader()
    assert caught.value.errno == errno.ENOENT and not opened


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o777, 0o4755, 0o6711, 0o000])
def test_what_is_made_has_exactly_its_mode(volume: tuple[Guest, Path], mode: int) -> None:
    guest, inside = volume
    guest.fs.umask = 0
    fd = guest.ok("open", "/v/f", os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    assert stat.S_IMODE((inside / "f").stat().st_mode) == mode
    assert guest.ok("write", fd, b"text", 4) == 4 and (inside / "f").read_bytes() == b"text"
    guest.ok("close", fd)
    guest.ok("mkdir", "/v/d", mode)
    assert stat.S_IMODE((inside / "d").stat().st_mode) == mode & 0o1777
    guest.ok("mknod", "/v/n", stat.S_IFREG | mode, 0)
    assert stat.S_IMODE((inside / "n").stat().st_mode) == mode


def test_an_open_file_knows_how_many_names_are_left(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "a").write_bytes(b"x")
    os.link(inside / "a", inside / "b")
    fd = guest.ok("open", "/v/a", os.O_RDONLY)
    guest.ok("unlink", "/v/a")
    seen = guest.fstat(fd)
    assert isinstance(seen, Stat) and seen.nlink == 1
    guest.ok("unlink", "/v/b")
    seen = guest.fstat(fd)
    assert isinstance(seen, Stat) and seen.nlink == 0


def test_appends_follow_what_others_write(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "f").write_bytes(b"1")
    fd = guest.ok("open", "/v/f", os.O_WRONLY | os.O_APPEND)
    guest.ok("write", fd, b"2", 1)
    with open(inside / "f", "ab") as host:
        host.write(b"host")
    guest.ok("write", fd, b"3", 1)
    assert (inside / "f").read_bytes() == b"12host3"
    assert guest.ok("lseek", fd, 0, os.SEEK_END) == 7


def names_in(records: bytes) -> list[bytes]:
    """Of struct linux_dirent64."""
    names, at = [], 0
    while at < len(records):
        size = int.from_bytes(records[at + 16 : at + 18], "little")
        names.append(records[at + 19 : at + size].rstrip(b"\0"))
        at += size
    return names


def test_a_listing_leaves_out_what_the_host_has_removed_meanwhile(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    for number in range(20):
        (inside / f"file{number}").touch()
    os.utime(inside, ns=(1, 1))  # so that the next change shows
    order = [os.fsencode(name) for name in os.listdir(inside)]
    fd = guest.ok("open", "/v", os.O_RDONLY | os.O_DIRECTORY)
    got, records = guest.out("getdents64", 128, 1, fd, 128)
    seen = names_in(records[:got])
    assert seen[:2] == [b".", b".."] and order[0] in seen and order[-1] not in seen
    (inside / os.fsdecode(order[-1])).unlink()
    while (answer := guest.out("getdents64", 4096, 1, fd, 4096))[0]:
        seen += names_in(answer[1][: answer[0]])
    assert sorted(seen[2:]) == sorted(order[:-1])


def test_a_directory_in_use_keeps_its_descriptor(tmp_path: Path) -> None:
    for number in range(IDLE_FDS * 2):
        (tmp_path / f"d{number}").mkdir()
    donated = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(ManualClock(), 1, donated, live=True, readonly=False)
    used, once = fs.top.lookup(b"d0"), fs.top.lookup(b"d1")
    assert used is not None and once is not None
    once.lookup(b"none")
    for number in range(2, IDLE_FDS * 2):
        assert used.lookup(b"none") is None
        other = fs.top.lookup(b"d%d" % number)
        assert other is not None and other.lookup(b"none") is None and other.fd >= 0
        assert used.fd >= 0 and fs.idle_count() <= IDLE_FDS
    assert once.fd < 0
    fs.unmounted()
    os.close(donated)
