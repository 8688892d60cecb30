"""/proc/PID/uid_map, gid_map, projid_map and setgroups (user_namespaces(7))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.fcntl import O_ACCMODE
from sandbox.errors import SyscallError
from sandbox.fs.procfs.owner import own_dump
from sandbox.fs.pseudo.nodes import MAX_STORE, GeneratedFile, PseudoFile
from sandbox.kernel import id_maps

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.path import Path

NAMES: Final = (*id_maps.MAPS, b"setgroups")


class UserMapNode(PseudoFile):
    """One of the files of one task."""

    __slots__ = ("task", "kind")

    def __init__(self, fs: ProcFs, ino: int, task: Task, kind: bytes) -> None:
        super().__init__(fs, ino, 0o644)
        self.task = task
        self.kind = kind
        self.refresh()

    def refresh(self) -> None:
        """The owner follows the task's."""
        own_dump(self, self.task)

    def content(self, t: Task) -> bytes:
        """As who has opened it sees it; here: the reader."""
        return self.text(t.creds)

    def text(self, reader: Credentials) -> bytes:
        """The map, in the numbers of the reader's user namespace."""
        user = self.task.creds.user
        if self.kind == b"setgroups":
            return b"allow\n" if user.may_setgroups else b"deny\n"
        return id_maps.shown(user, reader.user, self.kind)

    def open(self, t: Task, path: Path, flags: int) -> UserMapFile:
        """Who opens it needs the right as well as who writes."""
        user = self.task.creds.user
        if self.kind == b"setgroups" and flags & O_ACCMODE and not t.creds.has_in(user, CAP_SYS_ADMIN):
            raise SyscallError(errno.EACCES)
        return UserMapFile(flags, path, self, t.creds)


class UserMapFile(GeneratedFile):
    """An open one; `opener` is who opened it."""

    def __init__(self, flags: int, path: Path, node: UserMapNode, opener: Credentials) -> None:
        super().__init__(flags, path, node)
        self.node = node
        self.user = node.task.creds.user
        self.opener = opener

    @property
    def epollable(self) -> bool:
        return False

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """The whole of it is one value."""
        if len(src) > MAX_STORE:
            raise SyscallError(errno.EINVAL)
        if self.node.kind == b"setgroups":
            id_maps.write_setgroups(self.user, bytes(src), offset)
        else:
            id_maps.write_map(t, self.opener, self.user, self.node.kind, bytes(src), offset)
        self._snapshot.data = None
        return len(src)
