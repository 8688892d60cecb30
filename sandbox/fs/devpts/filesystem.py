"""devpts: /dev/pts, made from the table of pseudo-terminals (Documentation/filesystems/devpts.rst)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFCHR, S_IFDIR, makedev
from sandbox.abi.linux.statfs import DEVPTS_SUPER_MAGIC
from sandbox.fs.pseudo.kept import KeptInode
from sandbox.fs.tty.pty_table import MAX_PTYS, PTS_MAJOR
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.filesystem import Filesystem
from sandbox.vfs.inode import Inode

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_table import PtyOwner, PtyTable
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path
    from tcpip.clock import Clock

ROOT_INO: Final = 1
PTMX_INO: Final = 2
FIRST_INO: Final = 3
PTMX_NAME: Final = b"ptmx"


class DevPts(Filesystem):
    """`gid` None: that of who opens ptmx. `mode` is for new nodes, `ptmxmode` for ptmx."""

    name = "devpts"
    magic = DEVPTS_SUPER_MAGIC
    live = True
    devices = True

    def __init__(
        self,
        clock: Clock,
        dev: int,
        table: PtyTable,
        gid: int | None = 5,
        mode: int = 0o620,
        ptmxmode: int = 0o666,
        source: str = "devpts",
        uid: int | None = None,
    ) -> None:
        super().__init__(clock, dev, source)
        self.table = table
        self.uid = uid
        self.gid = gid
        self.mode = mode
        self.ptmxmode = ptmxmode
        self.root = DevPtsRoot(self)

    def options(self) -> str:
        uid = f",uid={self.uid}" if self.uid is not None else ""
        gid = f",gid={self.gid}" if self.gid is not None else ""
        most = f",max={self.table.limit}" if self.table.limit < MAX_PTYS else ""
        return f"{uid}{gid},mode={self.mode:03o},ptmxmode={self.ptmxmode:03o}{most}"


class PtsInode(KeptInode):
    """A node: ptmx, or a slave. Mode, owner and times can be changed."""

    __slots__ = ()

    def blksize(self) -> int:
        return 1024


class PtmxInode(PtsInode):
    """/dev/pts/ptmx."""

    __slots__ = ("table",)

    def __init__(self, fs: DevPts) -> None:
        super().__init__(fs, PTMX_INO, S_IFCHR | fs.ptmxmode, 0, 0, fs.now())
        self.rdev = makedev(5, 2)
        self.table = fs.table

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        return self.table.open_ptmx(t, path, self, flags)


class SlaveInode(PtsInode):
    """/dev/pts/N."""

    __slots__ = ("owner", "table")

    def __init__(self, fs: DevPts, index: int, owner: PtyOwner) -> None:
        uid = owner.uid if fs.uid is None else fs.uid
        gid = owner.gid if fs.gid is None else fs.gid
        super().__init__(fs, FIRST_INO + index, S_IFCHR | fs.mode, uid, gid, owner.time)
        self.rdev = makedev(PTS_MAJOR, index)
        self.owner = owner
        self.table = fs.table

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        return self.table.open_slave(t, self.owner.terminal, flags)


class DevPtsRoot(PtsInode):
    """The directory. Names come and go with the masters."""

    __slots__ = ("table", "_ptmx", "_slaves", "_devpts")

    def __init__(self, fs: DevPts) -> None:
        super().__init__(fs, ROOT_INO, S_IFDIR | 0o755, 0, 0, fs.now())
        self._devpts = fs
        self.table = fs.table
        self._ptmx = PtmxInode(fs)
        self._slaves: dict[int, SlaveInode] = {}

    def lookup(self, name: bytes) -> Inode | None:
        if name == PTMX_NAME:
            return self._ptmx
        if not name.isdigit() or len(name) > 7 or (name[:1] == b"0" and name != b"0"):
            return None
        index = int(name)
        owner = self.table.entries.get(index)
        if owner is None:
            self._slaves.pop(index, None)
            return None
        inode = self._slaves.get(index)
        if inode is None or inode.owner is not owner:
            inode = self._slaves[index] = SlaveInode(self._devpts, index, owner)
        return inode

    def entries(self) -> list[tuple[bytes, int, int]]:
        out = [(PTMX_NAME, PTMX_INO, S_IFCHR)]
        out.extend((b"%d" % index, FIRST_INO + index, S_IFCHR) for index in self.table.entries)
        return out

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        return DirectoryFile(flags, path, self)
