"""Garbage in every argument of every file system call: an errno, never another exception."""

from __future__ import annotations

import errno
import os
import random
import struct
from pathlib import Path

import pytest

from sandbox.errors import SyscallError
from sandbox.fs.overlay.root import Volume, mount_volume
from sandbox.kernel.control import Control
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux import sys_fd, sys_read_write
from tests.unit.sandbox.vfs.guest import HANDLERS, Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

PATHS = [
    b"", b"/", b".", b"..", b"/tmp", b"/tmp/", b"/tmp/f", b"/tmp/d", b"/tmp/d/", b"/tmp/l", b"/tmp/none/x", b"/tmp/p",
    b"/tmp/s", b"/tmp/n", b"/" + b"a/" * 2000, b"x" * 300, b"\xff\xfe\n", b"user.x", b"/etc/passwd", b"tmpfs", b"proc",
]  # fmt: skip
NUMBERS = [
    0, 1, 2, 3, 4, 5, 7, 8, 100, 0x100, 0x1000, 4096, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1,
    1 << 63, (1 << 64) - 1, (1 << 64) - 100, 0o100, 0o102, 0o1102, 0o200000, 0o10000000, 0o20200002, 0o20000000, 0o1777,
]  # fmt: skip
SKIP = {row.name for row in (*sys_read_write.ROWS, *sys_fd.ROWS)}  # tested beside their own families


def furnish(guest: Guest) -> None:
    """Some of every kind of file."""
    guest.write_file("/tmp/f", b"hello" * 1000)
    guest.ok("mkdir", "/tmp/d", 0o755)
    guest.ok("symlink", "f", "/tmp/l")
    guest.ok("mknod", "/tmp/p", 0o010644, 0)
    guest.ok("mknod", "/tmp/s", 0o140644, 0)
    guest.ok("open", "/tmp/f", os.O_RDWR)
    guest.ok("open", "/tmp/d", os.O_RDONLY | os.O_DIRECTORY)
    guest.ok("open", "/etc/passwd", os.O_RDONLY)
    guest.ok("open", "/tmp/l", os.O_PATH | os.O_NOFOLLOW)
    guest.ok("inotify_init1", 0)
    guest.ok("memfd_create", "m", 2)


def argument(rng: random.Random, guest: Guest) -> int:
    kind = rng.randrange(4)
    if kind == 0:
        return guest.buffer(rng.choice(PATHS) + b"\0")
    if kind == 1:
        return guest.buffer(struct.pack("<4q", *(rng.choice(NUMBERS) - (1 << 63) for _ in range(4))) + bytes(4096))
    if kind == 2:
        return rng.randrange(8)
    return rng.choice(NUMBERS)


@pytest.mark.parametrize("where", ["overlay", "volume"])
def test_garbage(guest: Guest, where: str, tmp_path: Path) -> None:
    if where == "volume":
        (tmp_path / "volume").mkdir()
        fd = os.open(tmp_path / "volume", os.O_RDONLY | os.O_DIRECTORY)
        guest.kernel.host_fds.append(fd)
        mount_volume(guest.kernel.mounts, Volume(fd, b"/tmp"))
    seed = int(os.environ.get("STACKBOX_SEED", "1"))
    rounds = int(os.environ.get("STACKBOX_ROUNDS", "6000"))
    rng = random.Random(seed)
    furnish(guest)
    names = sorted(set(HANDLERS) - SKIP - ({"fallocate"} if where == "volume" else set()))  # it would fill the disk
    guest.group.rlimits.soft[1] = 1 << 22  # RLIMIT_FSIZE: files stay small
    answered: set[int] = set()
    for _ in range(rounds):
        name = rng.choice(names)
        a = SyscallArgs(tuple(argument(rng, guest) for _ in range(6)))  # type: ignore[arg-type]
        guest.args = a
        try:
            result = HANDLERS[name](guest, a)  # type: ignore[arg-type]
        except SyscallError as error:
            result = -error.errno
        finally:
            a.end()
            guest.memory.clear()
        assert isinstance(result, (int, Control)), (name, result)
        if isinstance(result, int) and result < 0:
            assert -result in errno.errorcode, (name, result)
            answered.add(-result)
    assert {errno.EBADF, errno.EFAULT, errno.EINVAL, errno.ENOENT} <= answered
