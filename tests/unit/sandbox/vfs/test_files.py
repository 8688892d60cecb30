"""Open files: removed, renamed, appended to, sealed, limited; locks; inotify; extended attributes."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from sandbox.abi.linux.fcntl import F_OFD_SETLK, F_RDLCK, F_SETLK, F_SETLKW, F_UNLCK, F_WRLCK
from sandbox.abi.linux.signal import SIGXFSZ
from sandbox.kernel.control import Block
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.rlimits import RLIMIT_FSIZE
from sandbox.syscalls.args import SyscallArgs
from sandbox.vfs.posix_locks import FLOCK, fcntl_lock
from tests.unit.sandbox.vfs.guest import Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class


def other(guest: Guest) -> Guest:
    """A second process."""
    second = Guest(guest.kernel)
    second.pid = second.tid = 2
    return second


def test_a_removed_file_lives_until_it_is_closed(guest: Guest) -> None:
    account = guest.kernel.mounts.vfs.space
    used = account.used
    fd = guest.ok("open", "/tmp/f", os.O_RDWR | os.O_CREAT, 0o600)
    guest.ok("write", fd, b"x" * 200_000, 200_000)
    guest.ok("unlink", "/tmp/f")
    assert guest.stat("/tmp/f") == -errno.ENOENT
    assert guest.out("pread64", 5, 1, fd, 5, 0) == (5, b"xxxxx")
    assert guest.fstat(fd).nlink == 0  # type: ignore[union-attr]
    file = guest.fds.get(fd)
    assert file.path is not None and file.path.text() == b"/tmp/f (deleted)"
    assert account.used > used
    guest.ok("close", fd)
    assert account.used == used


def test_a_long_read_of_a_small_file_is_copied_once(guest: Guest) -> None:
    fd = guest.ok("open", "/tmp/f", os.O_RDWR | os.O_CREAT, 0o600)
    text = bytes(range(256)) * 200
    guest.ok("write", fd, text, len(text))
    guest.kernel.scratch[:] = bytes(len(guest.kernel.scratch))
    assert guest.out("pread64", 40_000, 1, fd, 40_000, 7) == (40_000, text[7:40_007])
    guest.ok("lseek", fd, 1, os.SEEK_SET)
    assert guest.out("read", 1 << 16, 1, fd, 1 << 16)[0] == len(text) - 1
    assert guest.ok("lseek", fd, 0, os.SEEK_CUR) == len(text)
    assert not any(guest.kernel.scratch)
    guest.ok("write", fd, b"more", 4)  # nothing keeps it from growing


def test_a_rename_is_seen_through_an_open_directory(guest: Guest) -> None:
    guest.ok("mkdir", "/tmp/a", 0o755)
    fd = guest.ok("open", "/tmp/a", os.O_RDONLY | os.O_DIRECTORY)
    guest.ok("rename", "/tmp/a", "/tmp/b")
    path = guest.fds.get(fd).path
    assert path is not None and path.text() == b"/tmp/b"
    guest.ok("mkdirat", fd, "in", 0o755)
    assert guest.listdir("/tmp/b") == [b"in"]
    assert guest.call("rename", "/tmp/b", "/tmp/b/in/x") == -errno.EINVAL


def test_file_size_limit(guest: Guest) -> None:
    guest.group.rlimits.soft[RLIMIT_FSIZE] = 1000
    fd = guest.ok("open", "/tmp/f", os.O_RDWR | os.O_CREAT, 0o600)
    assert guest.call("pwrite64", fd, b"x" * 100, 100, 950) == 50
    assert guest.call("pwrite64", fd, b"x", 1, 1000) == -errno.EFBIG
    assert guest.signals == [SIGXFSZ]
    assert guest.call("ftruncate", fd, 1001) == -errno.EFBIG
    assert guest.signals == [SIGXFSZ, SIGXFSZ]


def lock(guest: Guest, fd: int, cmd: int, kind: int, start: int = 0, length: int = 0) -> object:
    at = guest.buffer(FLOCK.pack(kind, 0, start, length, 0))
    a = SyscallArgs((fd, cmd, at, 0, 0, 0))
    from sandbox.errors import SyscallError

    try:
        return fcntl_lock(guest, a, guest.fds.get(fd), cmd, at)  # type: ignore[arg-type]
    except SyscallError as error:
        return -error.errno
    finally:
        a.end()


def test_posix_locks_conflict_between_processes_and_deadlock_is_found(guest: Guest) -> None:
    second = other(guest)
    one = guest.ok("open", "/tmp/l", os.O_RDWR | os.O_CREAT, 0o600)
    two = second.ok("open", "/tmp/l", os.O_RDWR)
    assert lock(guest, one, F_SETLK, F_WRLCK, 0, 10) == 0
    assert lock(second, two, F_SETLK, F_WRLCK, 20, 10) == 0
    assert lock(second, two, F_SETLK, F_RDLCK, 5, 1) == -errno.EAGAIN
    assert isinstance(lock(guest, one, F_SETLKW, F_WRLCK, 20, 1), Block)
    assert lock(second, two, F_SETLKW, F_WRLCK, 0, 1) == -errno.EDEADLK
    assert lock(guest, one, F_SETLK, F_UNLCK, 3, 2) == 0  # a hole in the middle
    assert lock(second, two, F_SETLK, F_WRLCK, 3, 2) == 0
    assert lock(second, two, F_SETLK, F_WRLCK, 2, 1) == -errno.EAGAIN
    # closing any descriptor of the file drops the process's locks
    again = guest.ok("open", "/tmp/l", os.O_RDONLY)
    guest.ok("close", again)
    guest.fds.close(one, guest)  # type: ignore[arg-type]
    assert lock(second, two, F_SETLK, F_WRLCK, 0, 0) == 0


def test_ofd_locks_and_flock_belong_to_the_description(guest: Guest) -> None:
    one = guest.ok("open", "/tmp/l", os.O_RDWR | os.O_CREAT, 0o600)
    two = guest.ok("open", "/tmp/l", os.O_RDWR)
    copy = guest.ok("dup", one)
    assert lock(guest, one, F_OFD_SETLK, F_WRLCK) == 0
    assert lock(guest, two, F_OFD_SETLK, F_WRLCK) == -errno.EAGAIN
    assert lock(guest, copy, F_OFD_SETLK, F_UNLCK) == 0
    assert guest.call("flock", one, 2 | 4) == 0
    assert guest.call("flock", two, 1 | 4) == -errno.EAGAIN
    assert isinstance(guest.call("flock", two, 1), Block)
    guest.ok("close", one)
    assert guest.call("flock", two, 1 | 4) == -errno.EAGAIN
    guest.ok("close", copy)
    assert guest.call("flock", two, 2 | 4) == 0


def events(guest: Guest, fd: int) -> list[tuple[int, int, bytes]]:
    n, raw = guest.out("read", 4096, 1, fd, 4096)
    found, at = [], 0
    while at < n:
        wd, mask, _, size = struct.unpack_from("<iIII", raw, at)
        found.append((wd, mask, raw[at + 16 : at + 16 + size].rstrip(b"\0")))
        at += 16 + size
    return found


def test_inotify_of_a_directory(guest: Guest) -> None:
    fd = guest.ok("inotify_init1", os.O_NONBLOCK)
    guest.ok("inotify_add_watch", fd, "/tmp", 0xFFF)
    guest.write_file("/tmp/f", b"x")
    assert [e[1:] for e in events(guest, fd)] == [(0x100, b"f"), (0x20, b"f"), (0x2, b"f"), (0x8, b"f")]
    guest.ok("rename", "/tmp/f", "/tmp/g")
    assert [e[1:] for e in events(guest, fd)] == [(0x40, b"f"), (0x80, b"g")]
    guest.ok("mkdir", "/tmp/d", 0o755)
    guest.ok("unlink", "/tmp/g")
    assert [e[1:] for e in events(guest, fd)] == [(0x40000100, b"d"), (0x200, b"g")]
    guest.ok("inotify_rm_watch", fd, 1)
    assert events(guest, fd) == [(1, 0x8000, b"")]
    assert guest.call("inotify_rm_watch", fd, 1) == -errno.EINVAL


def test_inotify_instances_are_bounded(guest: Guest) -> None:
    fds = [guest.ok("inotify_init1", 0) for _ in range(128)]
    assert guest.call("inotify_init1", 0) == -errno.EMFILE
    guest.ok("close", fds[0])
    guest.ok("inotify_init1", 0)


def test_memfd_seals(guest: Guest) -> None:
    fd = guest.ok("memfd_create", "name", 2)
    file = guest.fds.get(fd)
    guest.ok("write", fd, b"hello", 5)
    assert file.add_seals(guest, 0x2 | 0x8) == 0  # type: ignore[arg-type]
    assert guest.call("pwrite64", fd, b"x", 1, 0) == -errno.EPERM
    assert guest.call("ftruncate", fd, 1) == -errno.EPERM
    assert guest.call("ftruncate", fd, 100) == 0
    assert file.link_text() == "/memfd:name (deleted)"


def test_xattrs_by_namespace_and_owner(guest: Guest) -> None:
    guest.write_file("/tmp/f", b"")
    guest.ok("setxattr", "/tmp/f", "user.a", b"1", 1, 0)
    assert guest.call("setxattr", "/tmp/f", "user.a", b"2", 1, 1) == -errno.EEXIST
    assert guest.call("setxattr", "/tmp/f", "user.b", b"2", 1, 2) == -errno.ENODATA
    assert guest.call("setxattr", "/tmp/f", "odd.b", b"2", 1, 0) == -errno.EOPNOTSUPP
    guest.ok("setxattr", "/tmp/f", "trusted.t", b"t", 1, 0)
    assert guest.out("listxattr", 64, 1, "/tmp/f", 64) == (17, b"user.a\0trusted.t\0".ljust(64, b"\0"))
    guest.creds = Credentials(1000, 1000)
    assert guest.out("listxattr", 64, 1, "/tmp/f", 64)[0] == 7
    assert guest.out("getxattr", 8, 2, "/tmp/f", "trusted.t", 8)[0] == -errno.ENODATA
    assert guest.call("setxattr", "/tmp/f", "user.a", b"1", 1, 0) == -errno.EACCES
    assert guest.call("setxattr", "/tmp/f", "security.x", b"1", 1, 0) == -errno.EPERM


def test_set_user_id_goes_with_a_write_and_a_chown(guest: Guest) -> None:
    guest.write_file("/tmp/f", b"x")
    guest.ok("chown", "/tmp/f", 1000, 1000)
    guest.ok("chmod", "/tmp/f", 0o6777)
    guest.creds = Credentials(1000, 1000)
    fd = guest.ok("open", "/tmp/f", os.O_WRONLY)
    guest.ok("write", fd, b"y", 1)
    assert guest.fstat(fd).mode & 0o7777 == 0o777  # type: ignore[union-attr]
    guest.creds = Credentials()
    guest.ok("chmod", "/tmp/f", 0o4755)
    guest.ok("chown", "/tmp/f", 0, 0)
    assert guest.fstat(fd).mode & 0o7777 == 0o755  # type: ignore[union-attr]


def test_listing_survives_removal_while_it_is_read(guest: Guest) -> None:
    guest.ok("mkdir", "/tmp/d", 0o755)
    names = {b"f%03d" % n for n in range(200)}
    for name in names:
        guest.write_file(b"/tmp/d/" + name, b"")
    fd = guest.ok("open", "/tmp/d", os.O_RDONLY | os.O_DIRECTORY)
    seen: list[bytes] = []
    while True:
        n, raw = guest.out("getdents64", 300, 1, fd, 300)
        if n == 0:
            break
        at = 0
        while at < n:
            size = struct.unpack_from("<H", raw, at + 16)[0]
            name = raw[at + 19 : at + size].split(b"\0")[0]
            at += size
            if name not in (b".", b".."):
                seen.append(name)
                guest.ok("unlink", b"/tmp/d/" + name)
    assert sorted(seen) == sorted(names)
    guest.ok("rmdir", "/tmp/d")
    assert guest.out("getdents64", 300, 1, fd, 300)[0] == -errno.ENOENT


def test_only_a_tmpfile_without_o_excl_can_be_given_a_name(guest: Guest) -> None:
    fd = guest.ok("open", "/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
    exclusive = guest.ok("open", "/tmp", os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
    removed = guest.ok("open", "/tmp/#1", os.O_CREAT | os.O_RDWR, 0o600)
    guest.ok("unlink", "/tmp/#1")
    guest.ok("linkat", fd, "", -100, "/tmp/named", 0x1000)
    assert guest.call("linkat", exclusive, "", -100, "/tmp/x", 0x1000) == -errno.ENOENT
    assert guest.call("linkat", removed, "", -100, "/tmp/x", 0x1000) == -errno.ENOENT
    guest.ok("unlink", "/tmp/named")
    assert guest.call("linkat", fd, "", -100, "/tmp/x", 0x1000) == -errno.ENOENT


def test_fallocate_and_holes(guest: Guest) -> None:
    fd = guest.ok("open", "/tmp/f", os.O_RDWR | os.O_CREAT, 0o600)
    guest.ok("pwrite64", fd, b"x" * 4096, 4096, 1 << 20)
    assert guest.ok("lseek", fd, 0, 3) == 1 << 20
    assert guest.ok("lseek", fd, 1 << 20, 4) == (1 << 20) + 4096
    assert guest.call("lseek", fd, 1 << 21, 3) == -errno.ENXIO
    assert guest.fstat(fd).blocks == 8  # type: ignore[union-attr]
    guest.ok("fallocate", fd, 1, 0, 8192)
    assert guest.fstat(fd).blocks == 24  # type: ignore[union-attr]
    guest.ok("fallocate", fd, 3, 0, 1 << 21)
    assert guest.fstat(fd).blocks == 0 and guest.fstat(fd).size == (1 << 20) + 4096  # type: ignore[union-attr]
    assert guest.call("fallocate", fd, 2, 0, 4096) == -errno.EOPNOTSUPP
    assert guest.call("fallocate", fd, 0, 0, 0) == -errno.EINVAL
