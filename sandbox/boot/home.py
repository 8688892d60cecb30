"""HOME for a container's process that is given none: its user's home directory by the container's own /etc/passwd, as
other runtimes have it (runc's libcontainer/init_linux.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD, O_RDONLY
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.loader.image import read_at
from sandbox.vfs.open import finish_open
from sandbox.vfs.walk import FOLLOW, lookup_now

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

PASSWD: Final = b"/etc/passwd"
PASSWD_MOST: Final = 1 << 18  # bytes that are looked at
NOWHERE: Final = b"/"  # of a user that is not there


def with_home(t: Task, env: tuple[bytes, ...], uid: int) -> tuple[bytes, ...]:
    """`env` with a HOME that is not empty."""
    if any(item.startswith(b"HOME=") and len(item) > 5 for item in env):
        return env
    return (*(item for item in env if not item.startswith(b"HOME=")), b"HOME=" + home_of(read_passwd(t), uid))


def home_of(passwd: bytes, uid: int) -> bytes:
    """The first entry's that has the number (passwd(5))."""
    for line in passwd.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 6 and fields[2].isdigit() and len(fields[2]) < 11 and int(fields[2]) == uid:
            return fields[5].partition(b"\0")[0] or NOWHERE
    return NOWHERE


def read_passwd(t: Task) -> bytes:
    """Empty when there is none, or it is no file."""
    try:
        there = lookup_now(t, AT_FDCWD, PASSWD, FOLLOW)
        inode = there.inode
        if not inode.is_regular():
            return b""
        file = finish_open(t, there, inode, O_RDONLY)
        assert not isinstance(file, Block)
        file.acquire()
        try:
            return read_at(t, file, 0, PASSWD_MOST)
        finally:
            file.drop()
    except SyscallError:
        return b""
