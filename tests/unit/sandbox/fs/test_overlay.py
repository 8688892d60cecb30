"""The overlay: the lower layer stays as it is; masks; stable numbers; limits."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from sandbox.fs.overlay.masks import Masks, default_masks
from tests.unit.sandbox.vfs.guest import Guest, make_kernel

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class


def fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for where, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + files):
            path = os.path.join(where, name)
            s = os.lstat(path)
            digest.update(f"{path} {s.st_mode} {s.st_size} {s.st_mtime_ns} {s.st_ino} {s.st_nlink}".encode())
    return digest.hexdigest()


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_bytes(b"lower")
    (tmp_path / "d/g").write_bytes(b"g" * 100_000)
    (tmp_path / "e").mkdir()
    (tmp_path / "l").symlink_to("d/f")
    os.link(tmp_path / "d/f", tmp_path / "hard")
    return tmp_path


def test_the_lower_layer_never_changes(lower: Path) -> None:
    before = fingerprint(lower)
    guest = Guest(make_kernel(str(lower)))
    guest.write_file("/d/f", b"new")
    guest.ok("truncate", "/d/g", 5)
    guest.ok("chmod", "/e", 0o700)
    guest.ok("rename", "/d", "/e/moved")
    guest.ok("unlink", "/l")
    guest.ok("setxattr", "/hard", "user.x", b"1", 1, 0)
    assert guest.read_file("/e/moved/g") == b"ggggg"
    assert guest.listdir("/") == [b"e", b"hard"]
    assert fingerprint(lower) == before
    guest.kernel.close()


def test_numbers_are_the_same_before_and_after_copy_up_and_hard_links_stay(lower: Path) -> None:
    guest = Guest(make_kernel(str(lower)))
    before = guest.stat("/d/f")
    reader = guest.ok("open", "/d/f", os.O_RDONLY)
    guest.write_file("/d/f", b"changed")
    after, link = guest.stat("/d/f"), guest.stat("/hard")
    assert (before.dev, before.ino) == (after.dev, after.ino) == (link.dev, link.ino)  # type: ignore[union-attr]
    assert guest.read_file("/hard") == b"changed"
    assert guest.out("read", 7, 1, reader, 7) == (7, b"changed")
    guest.fds.release()
    guest.kernel.close()


def test_removed_and_made_again(lower: Path) -> None:
    guest = Guest(make_kernel(str(lower)))
    for name in ("/d/f", "/d/g"):
        guest.ok("unlink", name)
    assert guest.call("rmdir", "/e") == 0 and guest.call("rmdir", "/d") == 0
    guest.ok("mkdir", "/d", 0o755)
    assert guest.listdir("/d") == []  # a new directory, not the lower one again
    guest.kernel.close()


def test_contents_survive_the_dentry_cache(lower: Path) -> None:
    for n in range(300):
        (lower / f"n{n}").write_bytes(b"%d" % n)
    guest = Guest(make_kernel(str(lower)))
    dentries = guest.kernel.mounts.vfs.dentries
    dentries.limit = 50
    guest.write_file("/n7", b"changed")
    held = guest.ok("open", "/n8", os.O_RDONLY)
    inode = guest.fds.get(held).path.inode  # type: ignore[union-attr]
    for n in range(300):
        guest.read_file(f"/n{n}")
        assert dentries.count <= 60
    assert guest.read_file("/n7") == b"changed"
    again = guest.ok("open", "/n8", os.O_RDONLY)
    assert guest.fds.get(again).path.inode is inode  # type: ignore[union-attr]
    guest.fds.release()
    guest.kernel.close()


def test_masks(tmp_path: Path) -> None:
    for path in ("home/me/work/deep", "home/me/.ssh", "home/you", "root", "etc/ssh", "run/x"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("etc/shadow", "etc/shadow-", "etc/passwd", "etc/ssh/ssh_host_rsa_key", "home/me/work/f", "root/.x"):
        (tmp_path / path).write_bytes(b"x")
    guest = Guest(make_kernel(str(tmp_path), masks=default_masks((b"/home/me/work",))))
    assert guest.listdir("/home") == [b"me"]
    assert guest.listdir("/home/me") == [b"work"]
    assert guest.listdir("/home/me/work") == [b"deep", b"f"]
    assert guest.listdir("/root") == guest.listdir("/run") == []
    assert guest.listdir("/etc") == [b"passwd", b"ssh"]
    for path in ("/etc/shadow", "/etc/shadow-", "/etc/ssh/ssh_host_rsa_key", "/home/you", "/home/me/.ssh", "/root/.x"):
        assert guest.stat(path) == -errno.ENOENT
    # what is made inside is there
    guest.write_file("/etc/shadow", b"mine")
    assert guest.read_file("/etc/shadow") == b"mine"
    # moving the directory does not unmask it
    guest.ok("rename", "/root", "/etc/r")
    assert guest.listdir("/etc/r") == []
    guest.kernel.close()


def test_a_hidden_directory_and_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    for name in ("keep.txt", "drop.key", "drop2.key"):
        (tmp_path / "a" / name).write_bytes(b"")
    masks = Masks()
    masks.hide(b"/a/b")
    masks.hide(b"/a/drop*.key")
    guest = Guest(make_kernel(str(tmp_path), masks=masks))
    assert guest.listdir("/a") == [b"keep.txt"]
    guest.ok("mkdir", "/a/b", 0o755)
    assert guest.listdir("/a") == [b"b", b"keep.txt"]
    guest.kernel.close()


def test_a_full_overlay_says_so_and_keeps_what_it_had(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(600_000))
    guest = Guest(make_kernel(str(tmp_path), size=512 << 10))
    fd = guest.ok("open", "/f", os.O_RDWR | os.O_CREAT, 0o600)
    written = 0
    while True:
        n = guest.call("write", fd, b"x" * 65536, 65536)
        assert isinstance(n, int)
        if n < 0:
            assert n == -errno.ENOSPC
            break
        written += n
    assert 300_000 < written <= 512 << 10
    assert guest.fstat(fd).size == written  # type: ignore[union-attr]
    # copy-up of a file that has no room fails, the file stays whole
    big = guest.ok("open", "/big", os.O_RDWR)
    assert guest.call("pwrite64", big, b"x", 1, 0) == -errno.ENOSPC
    assert len(guest.read_file("/big")) == 600_000
    guest.ok("close", fd)
    guest.ok("unlink", "/f")
    assert guest.kernel.mounts.vfs.space.used <= 1
    guest.fds.release()
    guest.kernel.close()


def test_names_alone_cannot_outgrow_the_bound(tmp_path: Path) -> None:
    guest = Guest(make_kernel(str(tmp_path), size=1 << 20))
    made = 0
    while True:
        result = guest.call("symlink", "t" * 4000, f"/l{made}")
        if result == -errno.ENOSPC:
            break
        assert result == 0
        made += 1
        assert made < 1000
    for n in range(made):
        guest.ok("unlink", f"/l{n}")
    assert guest.kernel.mounts.vfs.space.overhead <= 2048
    guest.kernel.close()


def test_unmounting_a_tmpfs_gives_everything_back(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    guest = Guest(make_kernel(str(tmp_path)))
    space = guest.kernel.mounts.vfs.space
    before = (space.used, space.inodes, space.overhead)
    guest.ok("mount", "none", "/m", "tmpfs", 0, 0)
    for name in ("/m/d", "/m/d/e"):
        guest.ok("mkdir", name, 0o755)
    guest.write_file("/m/d/e/f", b"x" * 100_000)
    guest.ok("link", "/m/d/e/f", "/m/g")
    guest.ok("symlink", "text", "/m/l")
    held = guest.ok("open", "/m/g", os.O_RDONLY)
    assert guest.call("umount2", "/m", 0) == -errno.EBUSY
    guest.ok("close", held)
    assert space.used > before[0]
    guest.ok("umount2", "/m", 0)
    assert (space.used, space.inodes, space.overhead) == before
    assert guest.listdir("/m") == []
    guest.kernel.close()


def test_a_tmpfs_with_a_size_cannot_outgrow_the_sandbox(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    guest = Guest(make_kernel(str(tmp_path), size=1 << 20))
    written = 0
    for name in "abc":
        if guest.call("mount", "none", f"/{name}", "tmpfs", 0, b"size=600k"):
            break  # full: not even a root directory fits
        fd = guest.ok("open", f"/{name}/f", os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            n = guest.call("write", fd, b"x" * 65536, 65536)
            assert isinstance(n, int)
            if n < 0:
                break
            written += n
    assert 800_000 < written <= 1 << 20
    guest.fds.release()
    guest.kernel.close()
