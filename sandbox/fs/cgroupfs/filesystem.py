"""CgroupFs: the control groups as directories (cgroups(7); kernel/cgroup/cgroup.c, fs/kernfs/dir.c). There is one, however often
it is mounted; a mount shows the root of the cgroup namespace of who mounts it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.statfs import CGROUP2_SUPER_MAGIC
from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.directory import CgroupDir
from sandbox.vfs.filesystem import Filesystem

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.namespaces import Namespaces
    from sandbox.vfs.dentry import Dentry

OPTIONS: Final = (b"nsdelegate", b"favordynmods", b"nofavordynmods", b"memory_localevents", b"memory_recursiveprot")


class CgroupFs(Filesystem):
    """As if mounted with nsdelegate: a cgroup namespace is a border that its members cannot cross."""

    name = "cgroup2"
    magic = CGROUP2_SUPER_MAGIC
    live = True

    def __init__(self, kernel: Kernel, dev: int) -> None:
        super().__init__(kernel.clock, dev, "cgroup2")
        self.kernel = kernel
        self._last = 0
        self.root = self.directory_of(kernel.cgroups.root)

    def new_ino(self) -> int:
        """For a node that stays."""
        self._last += 1
        return self._last

    def options(self) -> str:
        """Always."""
        return ",nsdelegate"

    def directory_of(self, cgroup: Cgroup, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> CgroupDir:
        """A group's, made when first needed."""
        node = cgroup.node
        if node is None:
            node = cgroup.node = CgroupDir(self, cgroup, mode, owner)
        assert isinstance(node, CgroupDir)
        return node

    def shown_to(self, namespaces: Namespaces) -> Dentry:
        """The root of the cgroup namespace."""
        vfs = self.kernel.mounts.vfs
        dentry = vfs.root_of(self)
        for cgroup in reversed(list(namespaces.cgroup.root.ancestors())[:-1]):
            known = dentry.children.get(cgroup.name)
            node = self.directory_of(cgroup)
            if known is None or known.inode is not node:
                known = vfs.dentries.add(dentry, cgroup.name, node)
            dentry = known
        return dentry

    def inside(self, root: Dentry, namespaces: Namespaces) -> bytes:
        """From the root of the reader's cgroup namespace."""
        node = root.inode
        assert isinstance(node, CgroupDir)
        return node.cgroup.path_from(namespaces.cgroup.root)


def check_options(data: dict[bytes, bytes]) -> None:
    """EINVAL for what Linux does not know; those that it does can only be set where the first namespace mounts it."""
    if any(name not in OPTIONS or value for name, value in data.items()):
        raise SyscallError(errno.EINVAL)


def cgroups(kernel: Kernel) -> CgroupFs:
    """The kernel's, made when first needed."""
    node = kernel.cgroups.root.node
    if node is None:
        return CgroupFs(kernel, kernel.mounts.vfs.new_dev())
    assert isinstance(node, CgroupDir)
    return node.cgroups
