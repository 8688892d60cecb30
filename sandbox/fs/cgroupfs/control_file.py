"""ControlFile: a file of a control group, and what is open of it (fs/kernfs/file.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.node import CgroupNode
from sandbox.fs.cgroupfs.spec import Spec, Writer
from sandbox.fs.cgroupfs.table import EVERY_FILE
from sandbox.fs.pseudo.made_contents import MadeContents

if TYPE_CHECKING:
    from sandbox.fs.cgroupfs.filesystem import CgroupFs
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

MAX_WRITE: Final = 4096


class ControlFile(CgroupNode):
    """One of a group's."""

    __slots__ = ("cgroup", "name")

    def __init__(self, fs: CgroupFs, cgroup: Cgroup, name: bytes, owner: tuple[int, int]) -> None:
        super().__init__(fs, S_IFREG | EVERY_FILE[name].mode(), owner)
        self.cgroup = cgroup
        self.name = name

    @property
    def spec(self) -> Spec:
        """What it does."""
        return EVERY_FILE[self.name]

    def truncate(self, size: int) -> None:
        """A size means nothing here."""

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """ENODEV for a group that is gone."""
        if self.cgroup.deleted:
            raise SyscallError(errno.ENODEV)
        return OpenControlFile(flags, path, self, t.creds)


class OpenControlFile(MadeContents):
    """What is read is taken at offset 0; each write is one value."""

    def __init__(self, flags: int, path: Path, node: ControlFile, creds: Credentials) -> None:
        super().__init__(flags, path, node)
        self._node = node
        self._creds = creds
        self._text = b""
        self._seen = 0
        event = node.spec.event
        self._event = event(node.cgroup) if event is not None else None
        if self._event is not None:
            self.queue = self._event.queue

    def has_news(self) -> bool:
        """Until it is read, and when something has happened since."""
        return self.fresh or self._event is not None and self._event.count != self._seen

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """At `offset`."""
        read = self._node.spec.read
        if self._node.cgroup.deleted:
            raise SyscallError(errno.ENODEV)
        if read is None:
            raise SyscallError(errno.EINVAL)
        self.fresh = False
        if offset == 0 or not self._text:
            if self._event is not None:
                self._seen = self._event.count
            self._text = read(self._node.cgroup, t).encode()
        part = self._text[offset : offset + len(dst)]
        dst[: len(part)] = part
        return len(part)

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """E2BIG for what is too long, EPERM at the border of a namespace (cgroup_file_write)."""
        cgroup, spec = self._node.cgroup, self._node.spec
        if len(src) > MAX_WRITE:
            raise SyscallError(errno.E2BIG)
        if not len(src):
            return 0
        if cgroup.deleted:
            raise SyscallError(errno.ENODEV)
        if cgroup is t.ns.cgroup.root and not spec.delegated:
            raise SyscallError(errno.EPERM)
        if spec.write is None:
            raise SyscallError(errno.EINVAL)
        spec.write(cgroup, Writer(t, self._creds), bytes(src).split(b"\0")[0].decode("latin-1").strip())
        self._text = b""
        return len(src)
