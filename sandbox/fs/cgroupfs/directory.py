"""CgroupDir: a control group as a directory of control files and of the groups below (fs/kernfs/dir.c). What is in
the files is imported when somebody looks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFDIR, S_IFMT
from sandbox.fs.cgroupfs.node import CgroupNode
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.notify import IN_MODIFY, on_entry, on_self

if TYPE_CHECKING:
    from sandbox.fs.cgroupfs.control_file import ControlFile
    from sandbox.fs.cgroupfs.filesystem import CgroupFs
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path


class CgroupDir(CgroupNode):
    """Files that controllers bring come and go with them; `made` keeps those that were looked at, with their attributes.
    `owner` is who made the group: its files are his, too."""

    __slots__ = ("cgroup", "made", "owner")

    def __init__(self, fs: CgroupFs, cgroup: Cgroup, mode: int, owner: tuple[int, int]) -> None:
        super().__init__(fs, S_IFDIR | mode, owner)
        self.cgroup = cgroup
        self.owner = owner
        self.made: dict[bytes, ControlFile] = {}
        cgroup.events.shown_in(self, b"cgroup.events")
        cgroup.memory_events.changed.shown_in(self, b"memory.events")
        cgroup.pids_events.shown_in(self, b"pids.events")

    def refresh(self) -> None:
        """A link for each group below."""
        self.nlink = 0 if self.cgroup.deleted else 2 + len(self.cgroup.children)

    def lookup(self, name: bytes) -> Inode | None:
        """By name."""
        if self.cgroup.deleted:
            return None
        child = self.cgroup.children.get(name)
        if child is not None:
            return self.cgroups.directory_of(child)
        from sandbox.fs.cgroupfs.table import files_of

        if name not in files_of(self.cgroup):
            self.made.pop(name, None)
            return None
        node = self.made.get(name)
        if node is None:
            from sandbox.fs.cgroupfs.control_file import ControlFile

            node = self.made[name] = ControlFile(self.cgroups, self.cgroup, name, self.owner)
        return node

    def entries(self) -> list[tuple[bytes, int, int]]:
        """Files, then groups."""
        if self.cgroup.deleted:
            return []
        from sandbox.fs.cgroupfs.table import files_of

        found: list[tuple[bytes, int, int]] = []
        for name in [*files_of(self.cgroup), *self.cgroup.children]:
            inode = self.lookup(name)
            if inode is not None:
                found.append((name, inode.ino, inode.mode & S_IFMT))
        return found

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A directory description."""
        return DirectoryFile(flags, path, self)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A new group, of who makes it."""
        child = self.cgroup.make(name)
        return self.cgroups.directory_of(child, mode & ~S_IFMT, (uid, gid))

    def rmdir(self, name: bytes, inode: Inode) -> None:
        """The group goes, if nobody is in it."""
        assert isinstance(inode, CgroupDir)
        inode.cgroup.remove()
        inode.nlink = 0

    def changed(self, name: bytes) -> None:
        """Watchers of a file that tells of events."""
        if self.fs.watched:
            on_entry(self, IN_MODIFY, name, False)
            node = self.made.get(name)
            if node is not None:
                on_self(node, IN_MODIFY)

    def is_watched(self, name: bytes) -> bool:
        """By itself or as an entry."""
        node = self.made.get(name)
        return self.fs.watched > 0 and (self.marks is not None or node is not None and node.marks is not None)
