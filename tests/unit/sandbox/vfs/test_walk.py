"""Path walk: links, dots, trailing slashes, openat2's resolve flags, chroot."""

from __future__ import annotations

import errno
import os
import struct
import sys
from typing import Any

import pytest

from sandbox.kernel.credentials import Credentials
from sandbox.vfs.dentry import Dentry, DentryCache
from tests.unit.sandbox.vfs.guest import Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT = 1, 2, 4, 8, 16


def openat2(guest: Guest, dirfd: int, path: str, resolve: int, flags: int = 0) -> int:
    result = guest.call("openat2", dirfd, path, struct.pack("<QQQ", flags, 0, resolve), 24)
    assert isinstance(result, int)
    if result >= 0:
        guest.ok("close", result)
        return 0
    return result


def test_forty_links_are_followed_and_no_more(guest: Guest) -> None:
    guest.write_file("/tmp/l0", b"end")
    for n in range(41):
        guest.ok("symlink", f"l{n}", f"/tmp/l{n + 1}")
    assert guest.read_file("/tmp/l40") == b"end"
    assert guest.call("open", "/tmp/l41", 0) == -errno.ELOOP
    guest.ok("symlink", "loop", "/tmp/loop")
    assert guest.stat("/tmp/loop") == -errno.ELOOP


def test_dotdot_stops_at_the_root_and_at_a_chroot(guest: Guest) -> None:
    guest.ok("mkdir", "/tmp/jail", 0o755)
    guest.ok("mkdir", "/tmp/jail/in", 0o755)
    outside = guest.stat("/etc/passwd")
    assert guest.stat("/../../etc/passwd").ino == outside.ino  # type: ignore[union-attr]
    guest.ok("symlink", "/etc/passwd", "/tmp/jail/abs")
    guest.ok("chroot", "/tmp/jail")
    guest.ok("chdir", "/")
    assert guest.stat("../../../etc/passwd") == -errno.ENOENT
    assert guest.stat("in/../../../etc/passwd") == -errno.ENOENT
    assert guest.stat("/abs") == -errno.ENOENT


def test_resolve_flags(guest: Guest) -> None:
    guest.ok("mkdir", "/tmp/d", 0o755)
    guest.write_file("/tmp/d/f", b"")
    guest.ok("symlink", "../d/f", "/tmp/d/up")
    guest.ok("symlink", "/f", "/tmp/d/abs")
    guest.ok("symlink", "f", "/tmp/d/near")
    fd = guest.ok("open", "/tmp/d", os.O_RDONLY | os.O_DIRECTORY)
    assert openat2(guest, fd, "near", BENEATH) == 0
    assert openat2(guest, fd, "up", BENEATH) == -errno.EXDEV
    assert openat2(guest, fd, "abs", BENEATH) == -errno.EXDEV
    assert openat2(guest, fd, "/f", BENEATH) == -errno.EXDEV
    assert openat2(guest, fd, "..", BENEATH) == -errno.EXDEV
    assert openat2(guest, fd, "abs", IN_ROOT) == 0
    assert openat2(guest, fd, "/../../f", IN_ROOT) == 0
    assert openat2(guest, fd, "up", IN_ROOT) == -errno.ENOENT
    assert openat2(guest, fd, "near", NO_SYMLINKS) == -errno.ELOOP
    assert openat2(guest, fd, "f", NO_SYMLINKS | NO_MAGICLINKS | NO_XDEV) == 0
    assert openat2(guest, fd, "f", 0x40) == -errno.EINVAL
    assert openat2(guest, fd, "f", BENEATH | IN_ROOT) == -errno.EINVAL


def test_names_and_paths_have_bounds(guest: Guest) -> None:
    assert guest.call("mkdir", "/tmp/" + "n" * 256, 0o755) == -errno.ENAMETOOLONG
    assert guest.call("mkdir", "/tmp/" + "n" * 255, 0o755) == 0
    assert guest.call("mkdir", "/" + "x/" * 2100, 0o755) == -errno.ENAMETOOLONG
    assert guest.call("mkdir", "", 0o755) == -errno.ENOENT


def test_search_permission_is_needed_on_the_way(guest: Guest) -> None:
    guest.ok("mkdir", "/tmp/private", 0o700)
    guest.write_file("/tmp/private/f", b"secret", 0o644)
    guest.creds = Credentials(1000, 1000)
    assert guest.stat("/tmp/private/f") == -errno.EACCES
    assert guest.stat("/tmp/private/../../etc/passwd") == -errno.EACCES
    assert guest.stat("/tmp/private") != -errno.EACCES


def test_getcwd_and_a_removed_directory(guest: Guest) -> None:
    guest.ok("mkdir", "/tmp/gone", 0o755)
    guest.ok("chdir", "/tmp/gone")
    n, text = guest.out("getcwd", 100, 0, 100)
    assert text[:n] == b"/tmp/gone\0"
    assert guest.out("getcwd", 100, 0, 9)[0] == -errno.ERANGE
    guest.ok("rmdir", "/tmp/gone")
    assert guest.out("getcwd", 100, 0, 100)[0] == -errno.ENOENT
    assert guest.call("open", "f", os.O_CREAT | os.O_WRONLY, 0o644) == -errno.ENOENT
    assert isinstance(guest.stat(".."), object) and guest.call("chdir", "..") == 0


def test_a_deep_tree_in_memory(guest: Guest) -> None:
    guest.ok("chdir", "/tmp")
    for _ in range(3000):
        guest.ok("mkdir", "d", 0o755)
        guest.ok("chdir", "d")
    assert guest.out("getcwd", 4096, 0, 4096)[0] == -errno.ENAMETOOLONG
    guest.ok("chdir", "/")


def test_names_that_do_not_exist_are_remembered_within_a_bound() -> None:
    cache, root = DentryCache(limit=100), Dentry(b"", None, None)
    for number in range(10_000):
        cache.add(root, b"%d" % number, None)
    assert len(root.children) == cache.count <= 100 and cache.limit == 100


def test_names_that_were_removed_are_not_kept() -> None:
    """However many files come and go, few of them stay in memory."""
    inode: Any = object()
    root, cache = Dentry(b"", None, None), DentryCache()
    live = [cache.add(root, b"live%d" % n, inode) for n in range(10)]
    before = sys.getrefcount(inode)
    for n in range(1000):
        cache.delete(cache.add(root, b"%d" % n, inode))
        cache.add(root, b"again", inode)
    cache.forget(root.children[b"again"])
    assert sys.getrefcount(inode) == before
    assert all(root.children[dentry.name] is dentry for dentry in live) and cache.count == len(live)
