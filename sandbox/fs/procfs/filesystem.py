"""ProcFs: the sandbox's processes and settings as files (proc(5)). Nothing of the host is in it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFDIR
from sandbox.abi.linux.statfs import PROC_SUPER_MAGIC
from sandbox.errors import SyscallError
from sandbox.fs.procfs import machine_files, system_files, sysvipc
from sandbox.fs.procfs.kmsg import KmsgNode
from sandbox.fs.procfs.self_link import SelfLink
from sandbox.fs.procfs.sysctl_dir import SysctlRoot
from sandbox.fs.pseudo.nodes import MadeFile, PseudoDir, PseudoLink
from sandbox.vfs.filesystem import Filesystem

if TYPE_CHECKING:
    from sandbox.fs.procfs.options import ProcOptions
    from sandbox.fs.procfs.task_dir import TaskDir
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.inode import Inode

_TASK_INO: Final = 1 << 32  # numbers of per-task nodes start here; 4096 for each thread number


class ProcFs(Filesystem):
    """One instance however often it is mounted would do; each mount may have its own."""

    name = "proc"
    magic = PROC_SUPER_MAGIC
    fixed = True  # lookup itself fails (fs/proc/generic.c: proc_lookup_de)

    def __init__(self, kernel: Kernel, dev: int, pids: PidNamespace) -> None:
        super().__init__(kernel.clock, dev, "proc")
        self.kernel = kernel
        self.pids = pids
        self._last = 0
        self._mounts = 0
        self.hide = 0  # of hidepid
        self.see_all = 0  # the group to which nothing is hidden
        self.pids_only = False
        self.reader: Task | None = None  # for whom a listing is, where something is hidden
        root = ProcRoot(self)
        self.root = root
        for name, make in system_files.FILES:
            root.add(name, MadeFile(self, self.new_ino(), make))
        root.add("swaps", system_files.SwapsFile(self, self.new_ino(), system_files.swaps))
        for name, make in machine_files.FILES:
            root.add(name, MadeFile(self, self.new_ino(), make, 0o400 if name == "slabinfo" else 0o444))
        for way in ("bus", "driver", "fs", "irq", "tty"):
            root.add(way, PseudoDir(self, self.new_ino()))
        for name, make in machine_files.TTY:
            terminals = root.children[b"tty"]
            assert isinstance(terminals, PseudoDir)
            terminals.add(name, MadeFile(self, self.new_ino(), make))
        root.add("kmsg", KmsgNode(self, self.new_ino()))
        root.add("self", SelfLink(self, self.new_ino(), False))
        root.add("thread-self", SelfLink(self, self.new_ino(), True))
        root.add("mounts", PseudoLink(self, self.new_ino(), b"self/mounts"))
        root.add("net", PseudoLink(self, self.new_ino(), b"self/net"))
        root.add("sysvipc", sysvipc.build(self))
        root.add("sys", SysctlRoot(self, self.new_ino()))

    def apply(self, asked: ProcOptions) -> None:
        """What a mount or a remount gives (proc_apply_options); the rest stays."""
        if asked.gid is not None:
            self.see_all = asked.gid
        if asked.hide is not None:
            self.hide = asked.hide
        self.pids_only = self.pids_only or asked.pids_only
        self.guards = self.hide != 0 or self.pids_only
        root = self.root
        assert isinstance(root, ProcRoot)
        root.tasks.clear()  # their directories are made anew, guarded or not

    def options(self) -> str:
        """proc_show_options."""
        text = f",gid={self.see_all}" if self.see_all else ""
        if self.hide:
            from sandbox.fs.procfs.options import HIDE_NAMES

            text += f",hidepid={HIDE_NAMES[self.hide]}"
        return text + (",subset=pid" if self.pids_only else "")

    def may_see(self, creds: Credentials, own: ThreadGroup | None, task: Task, least: int) -> bool:
        """`task` is not hidden from who has `creds` in the process `own`, where `least` or more is hidden
        (has_pid_permissions)."""
        from sandbox.fs.procfs.options import PTRACEABLE
        from sandbox.fs.procfs.task_dir import check_others

        if self.hide != PTRACEABLE and (self.hide < least or creds.in_group(self.see_all)):
            return True
        if own is task.group or any(one.creds is creds for one in task.group.tasks):
            return True
        try:
            check_others(creds, task)
        except SyscallError:
            return False
        return True

    def shows(self, t: Task, inode: Inode) -> bool:
        """A process that is not hidden, or what there is beside processes."""
        from sandbox.fs.procfs.options import INVISIBLE
        from sandbox.fs.procfs.task_dir import TaskDir

        if isinstance(inode, TaskDir):
            return inode.thread or self.may_see(t.creds, t.group, inode.task, INVISIBLE)
        root = self.root
        assert isinstance(root, ProcRoot)
        return (
            not self.pids_only or isinstance(inode, SelfLink) or all(one is not inode for one in root.children.values())
        )

    def admit(self, creds: Credentials, inode: Inode) -> None:
        """Into the directory of a process (proc_pid_permission)."""
        from sandbox.fs.procfs.options import INVISIBLE, NO_ACCESS
        from sandbox.fs.procfs.task_dir import TaskDir, TaskListDir

        if isinstance(inode, (TaskDir, TaskListDir)) and not self.may_see(creds, None, inode.task, NO_ACCESS):
            raise SyscallError(errno.ENOENT if self.hide == INVISIBLE else errno.EPERM)

    def lists_for(self, t: Task | None) -> None:
        """Names of processes that are hidden from `t` are left out."""
        self.reader = t

    def mount_made(self, root: Inode) -> None:
        """Hear of those who end."""
        self._mounts += 1
        self.pids.views[self] = self._forget

    def mount_gone(self, root: Inode) -> None:
        """The last one: nobody looks any more."""
        self._mounts -= 1
        if not self._mounts:
            self.pids.views.pop(self, None)

    def _forget(self, pid: int, tid: int) -> None:
        """A process was reaped, or (`tid`) one of its threads has ended: its names go, and with them what they keep of it
        (proc_flush_pid)."""
        root = self.root
        assert isinstance(root, ProcRoot)
        vfs = self.kernel.mounts.vfs
        directory = root.tasks.get(tid or pid)
        if directory is not None and (tid or directory.task.group.reaped):
            del root.tasks[tid or pid]
        place = vfs.root_of(self).children.get(b"%d" % pid)
        if tid:
            above = root.tasks.get(pid)
            if above is not None:
                above.forget_thread(tid)
            place = place.children.get(b"task") if place is not None else None
            place = place.children.get(b"%d" % tid) if place is not None else None
        if place is not None:
            vfs.dentries.forget_below(place)

    def new_ino(self) -> int:
        """For a node that stays."""
        self._last += 1
        return self._last

    def task_ino(self, tid: int, index: int) -> int:
        """For node `index` of a thread's directory."""
        return _TASK_INO + tid * 4096 + index


class ProcRoot(PseudoDir):
    """The fixed files, and a directory for each process."""

    __slots__ = ("proc", "tasks")

    def __init__(self, fs: ProcFs) -> None:
        super().__init__(fs, 0x1000)
        self.proc = fs
        self.live = self.loose = True
        self.tasks: dict[int, TaskDir] = {}

    def find_task(self, tid: int) -> Task | None:
        """A thread, or the leader of a process that has become a zombie."""
        pids = self.proc.pids
        task = pids.tasks.get(tid)
        if task is None:
            group = pids.groups.get(tid)
            if group is not None:
                return group.leader
        return task

    def lookup(self, name: bytes) -> Inode | None:
        """A fixed name, or a number in its only spelling."""
        found = self.children.get(name)
        if found is not None:
            return found
        if not name.isdigit() or (name[0] == 48) or len(name) > 9:
            return None
        tid = int(name)
        task = self.find_task(tid)
        if task is None:
            self.tasks.pop(tid, None)
            return None
        directory = self.tasks.get(tid)
        if directory is None or directory.task is not task:
            from sandbox.fs.procfs.task_dir import TaskDir

            if len(self.tasks) > 4096:
                self.tasks.clear()
            directory = self.tasks[tid] = TaskDir(self.proc, task, False)
        directory.refresh()
        return directory

    def entries(self) -> list[tuple[bytes, int, int]]:
        """Fixed names, then processes in ascending order."""
        fs = self.proc
        numbers = sorted(fs.pids.groups)
        fixed, reader = super().entries(), fs.reader
        if fs.guards and reader is not None:
            from sandbox.fs.procfs.options import INVISIBLE

            leaders = ((pid, self.find_task(pid)) for pid in numbers)
            numbers = [
                pid for pid, task in leaders if task is None or fs.may_see(reader.creds, reader.group, task, INVISIBLE)
            ]
        if fs.pids_only:
            fixed = [entry for entry in fixed if isinstance(self.children[entry[0]], SelfLink)]
        return fixed + [(b"%d" % pid, fs.task_ino(pid, 0), S_IFDIR) for pid in numbers]
