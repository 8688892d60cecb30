"""What mount(2) is given for a devpts (fs/devpts/inode.c: parse_mount_options): each mount has terminals of its own."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.devpts.filesystem import DevPts
from sandbox.fs.tty.pty_table import MAX_PTYS, PtyTable
from sandbox.kernel.user_namespace import NO_ID

if TYPE_CHECKING:
    from sandbox.kernel.user_namespace import UserNamespace
    from tcpip.clock import Clock

_OWN: Final = (b"newinstance", b"ro", b"rw")  # what every mount is, or has of mount(2) itself


class DevPtsOptions:
    """EINVAL for an option that there is not, or a value that it cannot have."""

    __slots__ = ("uid", "gid", "mode", "ptmxmode", "most", "readonly")

    def __init__(self, data: dict[bytes, bytes], user: UserNamespace) -> None:
        self.uid: int | None = None
        self.gid: int | None = None
        self.mode, self.ptmxmode = 0o600, 0
        self.most = MAX_PTYS
        self.readonly = b"ro" in data
        for key, value in data.items():
            if key == b"uid":
                self.uid = user.uids.to_kernel(_number(value, 10))
            elif key == b"gid":
                self.gid = user.gids.to_kernel(_number(value, 10))
            elif key == b"mode":
                self.mode = _number(value, 8) & 0o7777
            elif key == b"ptmxmode":
                self.ptmxmode = _number(value, 8) & 0o7777
            elif key == b"max":
                self.most = min(_number(value, 10), MAX_PTYS)
            elif key not in _OWN:
                raise SyscallError(errno.EINVAL)
        if NO_ID in (self.uid, self.gid):
            raise SyscallError(errno.EINVAL)

    def make(self, clock: Clock, dev: int, source: bytes, terminals: PtyTable | None = None) -> DevPts:
        """The file system, with terminals of its own if it is given none."""
        table = PtyTable(clock) if terminals is None else terminals
        table.limit = self.most
        name = source.decode("utf-8", "surrogateescape")
        fs = DevPts(clock, dev, table, self.gid, self.mode, self.ptmxmode, name, self.uid)
        fs.readonly = self.readonly
        return fs


def _number(text: bytes, base: int) -> int:
    if not text or len(text) > 11 or not text.isalnum():
        raise SyscallError(errno.EINVAL)
    try:
        return int(text, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None
