"""/proc/PID and /proc/PID/task/TID: directories and links of one thread or process."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.abi.linux.capability import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
from sandbox.abi.linux.fcntl import O_ACCMODE, O_RDONLY, O_WRONLY
from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.nsfs.filesystem import NsFile, namespace_path
from sandbox.fs.procfs import net, task_attr, task_files, time_offsets, user_maps
from sandbox.fs.procfs.map_files import MapFilesDir
from sandbox.fs.procfs.mem_file import MemInode
from sandbox.fs.procfs.mount_table import MountTableFile, mountinfo, mounts
from sandbox.fs.procfs.owner import own, own_dump
from sandbox.fs.procfs.pagemap import PagemapInode
from sandbox.fs.pseudo.nodes import PseudoDir, PseudoFile, TaskGeneratedFile
from sandbox.ptrace.access import creds_may_inspect
from sandbox.vfs.acl import Acls
from sandbox.vfs.inode import Inode
from sandbox.vfs.open_file_path import path_of

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

NAMESPACES: Final = (
    b"net",
    b"uts",
    b"ipc",
    b"pid",
    b"pid_for_children",
    b"user",
    b"mnt",
    b"cgroup",
    b"time",
    b"time_for_children",
)
PATH_MAX: Final = 4096
NO_ACLS: Final = Acls(None, None)  # there is more to these directories than their mode: Filesystem.admit
_FD_INDEX: Final = 1024  # inode indices of fd links start here


def check_inspect(t: Task, task: Task) -> None:
    """EACCES unless `t` could trace `task`."""
    if t.group is not task.group:
        check_others(t.creds, task)


def check_others(mine: Credentials, task: Task) -> None:
    """The same of a process that is another's than the one with the credentials `mine`."""
    if not creds_may_inspect(mine, task, True):
        raise SyscallError(errno.EACCES)


class TaskFile(PseudoFile):
    """A file about one task: made, and maybe written, by functions of it."""

    __slots__ = ("task", "pids", "spec")

    def __init__(self, fs: ProcFs, ino: int, mode: int, task: Task, spec: task_files.Spec) -> None:
        super().__init__(fs, ino, mode)
        self.task = task
        self.pids = fs.pids
        self.spec = spec
        own_dump(self, task)

    def refresh(self) -> None:
        """The owner follows the task's."""
        own_dump(self, self.task)

    def content(self, t: Task) -> bytes | Iterator[bytes]:
        """ESRCH once the process was reaped."""
        spec = self.spec
        if spec.inspects or self.mode & 0o044 == 0:
            check_inspect(t, self.task)
        return spec.make(t, self.task) if spec.numbered is None else spec.numbered(t, self.task, self.pids)

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL where nothing can be set."""
        if self.spec.put is None:
            raise SyscallError(errno.EINVAL)
        self.spec.put(t, self.task, data)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """As any generated file, without splices; ESRCH of a process's table of mounts when it has ended. EACCES of its memory
        where that may not be looked into."""
        if self.spec.inspects:
            check_inspect(t, self.task)
        if self.spec.make in (mountinfo, mounts):
            return MountTableFile(flags, path, self, self.task.ns.mnt)
        return TaskGeneratedFile(flags, path, self)


class TaskLink(Inode):
    """exe, cwd, root: a link that leads to a place whatever its text says."""

    __slots__ = ("task", "where")

    def __init__(self, fs: ProcFs, ino: int, task: Task, where: Callable[[Task], Path | None]) -> None:
        super().__init__(fs, ino, S_IFLNK | 0o777, task.creds.euid, task.creds.egid, fs.now())
        self.task = task
        self.where = where

    def _place(self, t: Task) -> Path:
        check_inspect(t, self.task)
        path = self.where(self.task)
        if path is None:
            raise SyscallError(errno.ENOENT)
        return path

    def readlink(self, t: Task) -> bytes:
        """The path as the reader sees it; ENAMETOOLONG."""
        return _text(t, self._place(t))

    def magic_link(self, t: Task) -> Path | None:
        """The place itself."""
        return self._place(t)


def _text(t: Task, path: Path) -> bytes:
    """As the reader sees it, or from where it hangs if that is not below the reader's root; ENAMETOOLONG
    (fs/proc/base.c: do_proc_readlink)."""
    text = path.text(t.fs.root).removeprefix(b"(unreachable)")
    if len(text) >= PATH_MAX:
        raise SyscallError(errno.ENAMETOOLONG)
    return text


def exe_path(task: Task) -> Path | None:
    """The program's file."""
    mm = task.mm
    return mm.exe.path if mm is not None and mm.exe is not None else None


def cwd_path(task: Task) -> Path | None:
    """The working directory; None for a zombie."""
    return task.fs.cwd if task.mm is not None else None


def root_path(task: Task) -> Path | None:
    """The root directory; None for a zombie."""
    return task.fs.root if task.mm is not None else None


class FdLink(Inode):
    """/proc/PID/fd/N."""

    __slots__ = ("task", "fd")

    def __init__(self, fs: ProcFs, task: Task, fd: int, flags: int) -> None:
        access = flags & O_ACCMODE
        mode = (0 if access == O_WRONLY else 0o500) | (0 if access == O_RDONLY else 0o300)
        ino = fs.task_ino(task.ids.number_in(fs.pids), _FD_INDEX + fd)
        super().__init__(fs, ino, S_IFLNK | mode, task.creds.euid, task.creds.egid, fs.now())
        self.task = task
        self.fd = fd
        self.size = 64

    def readlink(self, t: Task) -> bytes:
        """A path, or what the file says about itself."""
        check_inspect(t, self.task)
        file = self.task.fds.get(self.fd)
        if file.path is not None and (file.path.mount.id or not isinstance(file, NsFile)):
            return _text(t, file.path)
        return file.link_text().encode("utf-8", "surrogateescape")

    def magic_link(self, t: Task) -> Path | None:
        """The file itself, also when it has no name any more or never had one."""
        check_inspect(t, self.task)
        return path_of(t, self.task.fds.get(self.fd))


class FdDir(PseudoDir):
    """/proc/PID/fd, and fdinfo with `info`."""

    __slots__ = ("proc", "task", "info")

    def __init__(self, fs: ProcFs, ino: int, task: Task, info: bool) -> None:
        super().__init__(fs, ino, 0o555 if info else 0o500)
        self.live = self.loose = True
        self.proc = fs
        self.task = task
        self.info = info
        self.refresh()

    def refresh(self) -> None:
        """The owner follows the task's; the size is the number of descriptors."""
        own(self, self.task)
        self.size = len(self.task.fds)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """EACCES of fdinfo for who may not look into the process (proc_fdinfo_permission), of fd for its user, too, where its
        memory may not be looked at."""
        mm = self.task.mm
        hidden = mm is not None and mm.dumpable != 1
        if self.info or (hidden and not t.creds.has(CAP_DAC_OVERRIDE) and not t.creds.has(CAP_DAC_READ_SEARCH)):
            check_inspect(t, self.task)
        return super().open(t, path, flags)

    def lookup(self, name: bytes) -> Inode | None:
        """A number in its only spelling."""
        if not name.isdigit() or len(name) > 9 or (name[0] == 48 and len(name) > 1):
            return None
        fd = int(name)
        file = self.task.fds.find(fd)
        if file is None:
            return None
        if self.info:
            spec = task_files.fdinfo_spec(fd)
            return TaskFile(
                self.proc,
                self.proc.task_ino(self.task.ids.number_in(self.proc.pids), 512 + fd % 512),
                0o400,
                self.task,
                spec,
            )
        return FdLink(self.proc, self.task, fd, file.flags)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The descriptors in use."""
        kind = S_IFREG if self.info else S_IFLNK
        tid = self.task.ids.number_in(self.proc.pids)
        return [(b"%d" % fd, self.proc.task_ino(tid, _FD_INDEX + fd), kind) for fd in self.task.fds.fds()]


class TaskListDir(PseudoDir):
    """/proc/PID/task."""

    __slots__ = ("proc", "task", "known")

    def __init__(self, fs: ProcFs, ino: int, task: Task) -> None:
        super().__init__(fs, ino)
        self.live = self.loose = True
        self.proc = fs
        self.task = task
        self.known: dict[int, TaskDir] = {}
        own(self, task)
        self.acls = NO_ACLS if fs.guards else None

    def lookup(self, name: bytes) -> Inode | None:
        """A thread of this process."""
        if not name.isdigit() or len(name) > 9 or name[0] == 48:
            return None
        tid = int(name)
        for task in self.task.group.tasks:
            if task.ids.number_in(self.proc.pids) == tid:
                found = self.known.get(tid)
                if found is None or found.task is not task:
                    found = self.known[tid] = TaskDir(self.proc, task, True)
                return found
        self.known.pop(tid, None)
        return None

    def refresh(self) -> None:
        """The number of threads shows in the links."""
        self.nlink = 2 + len(self.task.group.tasks)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The live threads."""
        fs = self.proc
        numbers = [task.ids.number_in(fs.pids) for task in self.task.group.tasks]
        return [(b"%d" % tid, fs.task_ino(tid, 1), S_IFDIR) for tid in numbers if tid]


class NamespaceLink(Inode):
    """/proc/PID/ns/*."""

    __slots__ = ("task", "kind")

    def __init__(self, fs: ProcFs, ino: int, task: Task, shown: bytes) -> None:
        super().__init__(fs, ino, S_IFLNK | 0o777, task.creds.euid, task.creds.egid, fs.now())
        self.task = task
        self.kind = shown

    def refresh(self) -> None:
        """The owner follows the task's."""
        own(self, self.task)

    def readlink(self, t: Task) -> bytes:
        """As Linux prints it; ENOENT for a zombie."""
        return self._place(t).dentry.name

    def magic_link(self, t: Task) -> Path | None:
        """The namespace's own file."""
        return self._place(t)

    def _place(self, t: Task) -> Path:
        check_inspect(t, self.task)
        if self.task.mm is None:
            raise SyscallError(errno.ENOENT)
        return namespace_path(t, self.task, self.kind)


class OwnedDir(PseudoDir):
    """/proc/PID/ns and attr: whose process it is."""

    __slots__ = ("task",)

    def __init__(self, fs: ProcFs, ino: int, task: Task, mode: int) -> None:
        super().__init__(fs, ino, mode)
        self.task = task
        self.refresh()

    def refresh(self) -> None:
        """The owner follows the task's (fs/proc/base.c: pid_revalidate), as far as everybody may read it."""
        if self.mode & 0o044:
            own(self, self.task)
        else:
            own_dump(self, self.task)
        for inode in self.children.values():
            inode.refresh()


class TaskDir(PseudoDir):
    """The directory of a process, or with `thread` of one thread of it. Children are made when first asked for."""

    __slots__ = ("proc", "task", "thread", "made")

    def forget_thread(self, tid: int) -> None:
        """It has ended."""
        threads = self.made.get(b"task")
        if isinstance(threads, TaskListDir):
            threads.known.pop(tid, None)

    def __init__(self, fs: ProcFs, task: Task, thread: bool) -> None:
        super().__init__(fs, fs.task_ino(task.ids.number_in(fs.pids), 1 if thread else 0))
        self.live = self.loose = True
        self.proc = fs
        self.task = task
        self.thread = thread
        self.made: dict[bytes, Inode] = {}
        self.nlink = 9
        own(self, task)
        self.acls = NO_ACLS if fs.guards and not thread else None

    def refresh(self) -> None:
        """The owner follows the task's."""
        own(self, self.task)

    def lookup(self, name: bytes) -> Inode | None:
        """By name."""
        found = self.made.get(name)
        if found is None:
            index = _INDEX.get(name)
            if index is None or name in (_ONLY_OF_PROCESSES if self.thread else _ONLY_OF_THREADS):
                return None
            found = self.made[name] = self._make(
                name, self.proc.task_ino(self.task.ids.number_in(self.proc.pids), (256 * self.thread) + index)
            )
        found.refresh()
        return found

    def _make(self, name: bytes, ino: int) -> Inode:
        fs, task = self.proc, self.task
        spec = (task_files.OF_THREADS if self.thread else task_files.FILES).get(name)
        if spec is not None:
            return TaskFile(fs, ino, spec.mode, task, spec)
        where = _LINKS.get(name)
        if where is not None:
            return TaskLink(fs, ino, task, where)
        if name in user_maps.NAMES:
            return user_maps.UserMapNode(fs, ino, task, name)
        if name == time_offsets.NAME:
            return time_offsets.TimeOffsetsNode(fs, ino, task)
        if name == b"mem":
            return MemInode(fs, ino, task)
        if name == b"pagemap":
            return PagemapInode(fs, ino, task)
        if name == b"fd":
            return FdDir(fs, ino, task, False)
        if name == b"fdinfo":
            return FdDir(fs, ino, task, True)
        if name == b"map_files":
            return MapFilesDir(fs, ino, task)
        if name == b"attr":
            return self._attributes(ino)
        if name == b"task":
            return TaskListDir(fs, ino, task)
        if name == b"net":
            return net.build(fs, task)
        directory = OwnedDir(fs, ino, task, 0o511)
        for number, kind in enumerate(NAMESPACES):
            directory.add(
                kind.decode(), NamespaceLink(fs, fs.task_ino(task.ids.number_in(fs.pids), 200 + number), task, kind)
            )
        return directory

    def _attributes(self, ino: int) -> PseudoDir:
        fs, task = self.proc, self.task
        directory = OwnedDir(fs, ino, task, 0o555)
        for number, name in enumerate(task_attr.NAMES):
            node = fs.task_ino(task.ids.number_in(fs.pids), 220 + number + 256 * self.thread)
            directory.add(name, task_attr.AttrFile(fs, node, task, name))
        return directory

    def entries(self) -> list[tuple[bytes, int, int]]:
        """All names."""
        out = []
        for name in _INDEX:
            found = self.lookup(name)
            if found is not None:
                out.append((name, found.ino, found.mode & S_IFMT))
        return out


_LINKS: Final[dict[bytes, Callable[[Task], Path | None]]] = {b"exe": exe_path, b"cwd": cwd_path, b"root": root_path}
_NAMES: Final = (
    b"task",
    b"fd",
    b"fdinfo",
    b"ns",
    b"net",
    *_LINKS,
    *task_files.FILES,
    b"mem",
    *user_maps.NAMES,
    time_offsets.NAME,
    b"pagemap",
    b"attr",
    b"map_files",
)
_ONLY_OF_THREADS: Final = frozenset((b"children",))
_ONLY_OF_PROCESSES: Final = task_files.NOT_OF_THREADS | {b"task", b"map_files", time_offsets.NAME}
_INDEX: Final[dict[bytes, int]] = {name: number + 2 for number, name in enumerate(_NAMES)}
