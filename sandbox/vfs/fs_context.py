"""What fsopen(2), fspick(2), fsmount(2) and open_tree(2) give: file systems being configured, and trees of mounts that are
not attached anywhere."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_PATH, O_RDWR
from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.path import Path
from sandbox.vfs.path_file import PathFile
from sandbox.vfs.propagation import discard_tree

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.mount import Mount, Vfs

CREATE_PARAMS, AWAITING_MOUNT, RECONF_PARAMS, FAILED = range(4)
_MAX_MESSAGES: Final = 8
MAX_PARAMS: Final = 256


class FsConfigFile(AnonFile):
    """A file system that is being made (`kind`), or changed (`fs` from the start). Reading gives messages about errors."""

    def __init__(self, kind: bytes, fs: Filesystem | None) -> None:
        super().__init__(O_RDWR)
        self.kind = kind
        self.fs = fs
        self.phase = CREATE_PARAMS if fs is None else RECONF_PARAMS
        self.source: bytes | None = None
        self.params: dict[bytes, bytes] = {}
        self.messages: deque[bytes] = deque(maxlen=_MAX_MESSAGES)

    def complain(self, text: bytes) -> SyscallError:
        """EINVAL, with a message that can be read."""
        self.messages.append(b"e %s: %s\n" % (self.kind, text))
        return SyscallError(errno.EINVAL)

    def read(self, t: Task, dst: memoryview) -> int:
        """One message; ENODATA, EMSGSIZE."""
        if not self.messages:
            raise SyscallError(errno.ENODATA)
        message = self.messages.popleft()
        if len(message) > len(dst):
            raise SyscallError(errno.EMSGSIZE)
        dst[: len(message)] = message
        return len(message)

    def link_text(self) -> str:
        return "anon_inode:[fscontext]"


class TreeFile(PathFile):
    """The top of a tree that is attached nowhere: it goes with the last descriptor unless move_mount(2) attaches it."""

    def __init__(self, vfs: Vfs, top: Mount) -> None:
        path = Path(top, top.root)
        super().__init__(O_PATH, path, path.inode)
        self.vfs = vfs
        self.top = top

    def release(self) -> None:
        """The last descriptor is gone."""
        super().release()
        path, self.path = self.path, None
        if path is not None:
            path.unpin()
        if not self.top.attached and self.top.parent is None and not self.top.ended:
            discard_tree(self.vfs, self.top)
