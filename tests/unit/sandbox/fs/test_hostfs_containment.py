"""Whatever the host does meanwhile, a host directory is never left and no special file of the host is opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from sandbox.errors import SyscallError
from sandbox.fs.hostfs.filesystem import HIDDEN_TYPES, HostFs
from sandbox.fs.hostfs.inode import HostInode
from sandbox.fs.overlay.root import Volume
from tcpip.clock import ManualClock
from tests.unit.sandbox.vfs.guest import Guest, make_kernel

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class


def test_links_are_followed_inside_only(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "abs").symlink_to(inside.parent / "secret")
    (inside / "rel").symlink_to("../secret")
    assert guest.call("open", "/v/abs", 0) == -errno.ENOENT
    assert guest.call("open", "/v/rel", 0) == -errno.ENOENT
    assert guest.call("open", "/v/../secret", 0) == -errno.ENOENT


def test_a_directory_that_becomes_a_link_is_not_followed(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "d").mkdir()
    (inside / "d/f").write_bytes(b"mine")
    assert guest.read_file("/v/d/f") == b"mine"
    directory = guest.ok("open", "/v/d", os.O_RDONLY | os.O_DIRECTORY)
    (inside / "d").rename(inside / "moved")
    (inside / "d").symlink_to(inside.parent / "outside")
    assert guest.call("open", "/v/d/f", 0) == -errno.ENOENT
    fd = guest.ok("openat", directory, "f", 0)  # the descriptor still means the directory that was opened
    assert guest.out("read", 4, 1, fd, 4) == (4, b"mine")


def test_a_closed_directory_that_is_replaced_is_found_out(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "d").mkdir()
    (inside / "d/f").write_bytes(b"mine")
    mount = guest.kernel.mounts.mounts()[-1]
    fs = mount.fs
    assert isinstance(fs, HostFs)
    found = fs.top.lookup(b"d")
    assert found is not None
    (inside / "d").rename(inside / "old")
    (inside / "d").symlink_to(inside.parent / "outside")
    from sandbox.errors import SyscallError

    with pytest.raises(SyscallError) as caught:
        found.dir_fd()
    assert caught.value.errno == errno.ENOENT
    (inside / "d").unlink()
    (inside / "d").mkdir()  # another directory of the same name
    with pytest.raises(SyscallError):
        found.dir_fd()


def test_a_file_that_becomes_a_device_or_fifo_is_not_opened(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    (inside / "f").write_bytes(b"x")
    fs = guest.kernel.mounts.mounts()[-1].fs
    assert isinstance(fs, HostFs)
    found = fs.top.lookup(b"f")
    assert found is not None
    (inside / "f").unlink()
    os.mkfifo(inside / "f")
    from sandbox.errors import SyscallError

    with pytest.raises(SyscallError):
        found.reader()


def test_a_fifo_made_inside_is_a_name_only(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    guest.ok("mknod", "/v/p", stat.S_IFIFO | 0o644, 0)
    assert stat.S_ISFIFO((inside / "p").stat().st_mode)
    before = set(os.listdir("/proc/self/fd"))
    result = guest.call("open", "/v/p", os.O_WRONLY | os.O_NONBLOCK)
    assert result == -errno.ENXIO
    for name in set(os.listdir("/proc/self/fd")) - before:
        assert not os.readlink(f"/proc/self/fd/{name}").endswith("/p")


def test_devices_cannot_be_made_on_the_host(volume: tuple[Guest, Path]) -> None:
    guest, inside = volume
    assert guest.call("mknod", "/v/null", stat.S_IFCHR | 0o666, 0x103) == -errno.EPERM
    assert not (inside / "null").exists()


def test_the_hosts_own_kernel_file_systems_look_empty() -> None:
    assert "proc" in HIDDEN_TYPES and "sysfs" in HIDDEN_TYPES
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(ManualClock(), 1, fd, live=False, readonly=True)
    try:
        proc = fs.top.lookup(b"proc")
        assert proc is not None
        if os.stat("/proc").st_dev != os.stat("/").st_dev:
            assert proc.lookup(b"self") is None and proc.entries() == []
    finally:
        fs.unmounted()
        os.close(fd)


def test_a_read_only_volume(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/f").write_bytes(b"x")
    (tmp_path / "root").mkdir()
    fd = os.open(tmp_path / "v", os.O_RDONLY | os.O_DIRECTORY)
    kernel = make_kernel(str(tmp_path / "root"), volumes=(Volume(fd, b"/v", readonly=True),))
    kernel.host_fds.append(fd)
    guest = Guest(kernel)
    assert guest.read_file("/v/f") == b"x"
    assert guest.call("open", "/v/f", os.O_RDWR) == -errno.EROFS
    assert guest.call("open", "/v/g", os.O_CREAT | os.O_WRONLY, 0o600) == -errno.EROFS
    for call in (("unlink", "/v/f"), ("chmod", "/v/f", 0o600), ("mkdir", "/v/d", 0o755), ("truncate", "/v/f", 0)):
        assert guest.call(*call) == -errno.EROFS
    assert guest.call("access", "/v/f", 2) == -errno.EROFS
    kernel.close()


def test_idle_descriptors_are_bounded(tmp_path: Path) -> None:
    for n in range(400):
        (tmp_path / f"d{n}").mkdir()
        (tmp_path / f"d{n}/f").write_bytes(b"%d" % n)
    guest = Guest(make_kernel(str(tmp_path)))
    before = len(os.listdir("/proc/self/fd"))
    for n in range(400):
        assert guest.read_file(f"/d{n}/f") == b"%d" % n
    assert len(os.listdir("/proc/self/fd")) - before <= 192 + 8
    for n in range(400):
        assert guest.read_file(f"/d{n}/f") == b"%d" % n
    guest.kernel.close()


def test_a_kernel_file_system_that_is_mounted_later_is_told_by_its_kind() -> None:
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(ManualClock(), 1, fd, live=True, readonly=True)
    fs._hidden = frozenset()  # as if none had been there at the start
    proc = fs.top.lookup(b"proc")
    assert proc is not None
    with pytest.raises(SyscallError) as raised:
        proc.lookup(b"self")
    assert raised.value.errno == errno.EACCES
    assert proc.lookup(b"self") is None
    usr = fs.top.lookup(b"usr")
    assert usr is not None and usr.lookup(b"bin") is not None
    fs.unmounted()
    os.close(fd)


def test_idle_descriptors_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that guests may have taken by what nobody uses, everything can still be done, also what needs two."""
    for name in ("root", "v"):
        for number in range(40):
            (tmp_path / name / f"d{number}").mkdir(parents=True)
            (tmp_path / name / f"d{number}/f").write_bytes(b"%02d" % number * 40_000)
    donated = os.open(tmp_path / "v", os.O_RDONLY | os.O_DIRECTORY)
    kernel = make_kernel(str(tmp_path / "root"), volumes=(Volume(donated, b"/v"),))
    kernel.host_fds.append(donated)
    guest = Guest(kernel)
    for name in ("", "/v"):
        for number in range(20):
            assert guest.read_file(f"{name}/d{number}/f")[:2] == b"%02d" % number
    most = os.dup(donated)  # the lowest that is free
    os.close(most)
    limit = next(n for n in range(most, 2 * most) if n - n // 4 == most)
    monkeypatch.setattr("resource.getrlimit", lambda which: (limit, limit))
    fds = [guest.ok("open", f"/v/d{number}/f", os.O_RDONLY) for number in range(20, 40)]
    guest.ok("rename", "/v/d13/f", "/v/d4/g")
    guest.ok("link", "/v/d4/g", "/v/d5/g")
    guest.ok("truncate", "/d30/f", 70_000)  # into a memfd
    assert guest.out("read", 4, 1, fds[7], 4) == (4, b"2727")
    assert (tmp_path / "v/d5/g").read_bytes() == b"13" * 40_000
    assert guest.read_file("/d30/f")[:2] == b"30"
    guest.fds.release()
    kernel.close()


def test_a_deep_directory_is_found_again(tmp_path: Path) -> None:
    """After its descriptor and those of the directories above it were given up; no more of them than before are kept."""
    depth = 500
    donated = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(ManualClock(), 1, donated, live=True, readonly=False)
    here = fs.top
    for _ in range(depth):
        below = here.mkdir(b"d", 0o755, 0, 0)
        assert isinstance(below, HostInode)
        here = below
    (tmp_path / "/".join("d" * depth) / "f").write_bytes(b"")
    while fs.idle_count():
        fs.give_up()
    before = len(os.listdir("/proc/self/fd"))
    assert [name for name, _, _ in here.entries()] == [b"f"]
    assert len(os.listdir("/proc/self/fd")) - before <= 128
    on_the_way = here
    while on_the_way.parent is not None:
        on_the_way = on_the_way.parent
        assert on_the_way.lookup(b"d") is not None
    fs.unmounted()
    os.close(donated)
