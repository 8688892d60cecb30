"""Mount namespaces and propagation: bounds, and that nothing is left when the last user has gone."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sandbox.kernel import namespaces
from sandbox.vfs import mount as mounts

from .guest import Guest, make_kernel

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

NEWNS, NEWUTS, NEWIPC, NEWUSER = 0x20000, 0x4000000, 0x8000000, 0x10000000
SHARED, BIND, REC, PRIVATE = 1 << 20, 4096, 16384, 1 << 18


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    for name in "abc":
        (tmp_path / name).mkdir()
    return Guest(make_kernel(str(tmp_path)))


def test_a_namespace_ends_with_its_last_task(guest: Guest) -> None:
    vfs = guest.kernel.mounts.vfs
    space = vfs.space
    before = (vfs.mount_count, space.used, space.inodes, space.overhead)
    guest.ok("unshare", NEWNS)
    guest.ok("mount", "none", "/a", "tmpfs", 0, 0)
    guest.write_file("/a/f", b"x" * 10_000)
    assert guest.kernel.namespace_count == 1 and guest.fs.root.mount is guest.ns.mnt.root
    assert guest.listdir("/a") == [b"f"]
    guest.fs.release()
    guest.ns.drop()
    assert guest.kernel.namespace_count == 0
    assert (vfs.mount_count, space.used, space.inodes, space.overhead) == before
    guest.kernel.close()


def test_the_number_of_namespaces_is_bounded(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "MAX_NAMESPACES", 3)
    guest.ok("unshare", NEWNS | NEWUTS | NEWIPC)
    for _ in range(5):  # each takes the place of the one before it only afterwards
        assert guest.call("unshare", NEWNS) == -errno.ENOSPC
    assert guest.kernel.namespace_count == 3


def test_ordinary_users_have_half_of_the_bounds(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    vfs = guest.kernel.mounts.vfs
    guest.ok("unshare", NEWUSER | NEWNS)
    assert guest.kernel.namespace_count == 2
    monkeypatch.setattr(mounts, "MAX_ALL_MOUNTS", 2 * vfs.mount_count)
    assert guest.call("mount", "none", "/a", "tmpfs", 0, 0) == -errno.ENOSPC
    monkeypatch.setattr(mounts, "MAX_ALL_MOUNTS", 2 * vfs.mount_count + 2)
    guest.ok("mount", "none", "/a", "tmpfs", 0, 0)
    monkeypatch.setattr(namespaces, "MAX_NAMESPACES", 5)
    assert guest.call("unshare", NEWUTS) == -errno.ENOSPC
    monkeypatch.setattr(namespaces, "MAX_NAMESPACES", 6)
    guest.ok("unshare", NEWUTS)
    guest.fs.release()
    guest.ns.drop()
    namespaces.leave(guest.kernel, guest.creds.user)
    assert guest.kernel.namespace_count == 0


def test_mounts_that_spread_are_bounded(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    guest.ok("mount", "none", "/a", "tmpfs", 0, 0)
    guest.ok("mkdir", "/a/d", 0o755)
    guest.ok("mount", "none", "/a", 0, SHARED, 0)
    for name in ("/b", "/c"):
        guest.ok("mount", "/a", name, 0, BIND, 0)
    vfs = guest.kernel.mounts.vfs
    before = vfs.mount_count, guest.kernel.mounts.count
    monkeypatch.setattr(mounts, "MAX_ALL_MOUNTS", vfs.mount_count + 2)
    assert guest.call("mount", "none", "/a/d", "tmpfs", 0, 0) == -errno.ENOSPC
    assert (vfs.mount_count, guest.kernel.mounts.count) == before
    monkeypatch.setattr(mounts, "MAX_ALL_MOUNTS", vfs.mount_count + 3)
    guest.ok("mount", "none", "/a/d", "tmpfs", 0, 0)
    assert vfs.mount_count == before[0] + 3 and guest.kernel.mounts.count == before[1] + 3
    guest.ok("umount2", "/b/d", 0)
    assert (vfs.mount_count, guest.kernel.mounts.count) == before
    for name in "abc":
        guest.ok("umount2", f"/{name}", 0)
    assert not vfs.group_count


def test_peer_groups_have_the_lowest_free_number(guest: Guest) -> None:
    vfs = guest.kernel.mounts.vfs
    groups = [vfs.new_group() for _ in range(20_000)]
    assert [group.ident for group in groups] == list(range(1, 20_001))
    for group in groups[:3000:-1]:
        vfs.end_group(group)
    assert [vfs.new_group().ident for _ in range(3)] == [3002, 3003, 3004] and vfs.group_count == 3004


def test_a_tree_that_contains_itself_is_copied_once(guest: Guest) -> None:
    guest.ok("mount", "none", "/a", "tmpfs", 0, 0)
    guest.ok("mkdir", "/a/d", 0o755)
    guest.ok("mount", "none", "/a", 0, SHARED, 0)
    for expected in (2, 4, 8, 16):
        guest.ok("mount", "/a", "/a/d", 0, BIND | REC, 0)
        assert len([one for one in guest.kernel.mounts.mounts() if one.fs.name == "tmpfs"]) >= expected
    for _ in range(40):
        guest.call("umount2", "/a", 2)
    assert not guest.kernel.mounts.vfs.group_count


def test_without_privilege_there_is_no_namespace(guest: Guest) -> None:
    guest.creds = guest.creds.copy()
    guest.creds.effective = 0
    assert guest.call("unshare", NEWNS) == -errno.EPERM
    assert guest.call("pivot_root", "/", "/") == -errno.EPERM


def test_a_tree_that_is_attached_nowhere_goes_with_its_descriptor(guest: Guest) -> None:
    vfs = guest.kernel.mounts.vfs
    guest.ok("mount", "none", "/a", "tmpfs", 0, 0)
    guest.write_file("/a/f", b"x" * 10_000)
    before = vfs.mount_count, vfs.space.used
    tree = guest.ok("open_tree", -100, "/a", 1)
    assert vfs.mount_count == before[0] + 1
    guest.ok("umount2", "/a", 0)
    assert vfs.space.used == before[1]
    guest.ok("close", tree)
    assert vfs.mount_count == before[0] - 1 and vfs.space.used < before[1]


def test_a_tree_that_is_too_large_is_kept_by_its_descriptor(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = guest.ok("open_tree", -100, "/", 1)
    monkeypatch.setattr(mounts, "MAX_MOUNTS", guest.kernel.mounts.count)
    assert guest.call("move_mount", tree, "", -100, "/a", 4) == -errno.ENOSPC
    monkeypatch.setattr(mounts, "MAX_MOUNTS", guest.kernel.mounts.count + 1)
    guest.ok("move_mount", tree, "", -100, "/a", 4)


def test_parameters_and_messages_are_bounded(guest: Guest) -> None:
    fd = guest.ok("fsopen", "tmpfs", 0)
    for n in range(50):
        assert guest.call("fsconfig", fd, 1, f"k{n}", "v", 0) == -errno.EINVAL
        guest.ok("fsconfig", fd, 1, "size", f"{n + 1}m", 0)
    file = guest.fds.get(fd)
    assert len(file.messages) == 8 and file.params == {b"size": b"50m"}  # type: ignore[attr-defined]
