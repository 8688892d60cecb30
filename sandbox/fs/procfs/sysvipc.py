"""/proc/sysvipc: the System V objects, a line each (ipc/util.c: sysvipc_proc_fops)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.fs.pseudo.nodes import MadeFile, PseudoDir
from sandbox.kernel.pid_namespace import number_in

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.ipc.ids import IpcObject
    from sandbox.kernel.task import Task

_SHM: Final = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    "      atime      dtime      ctime                   rss                  swap\n"
)
_SEM: Final = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
_MSG: Final = (
    "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
    "      stime      rtime      ctime\n"
)


def _head(item: IpcObject) -> str:
    return f"{item.key:10} {item.id:10}  {item.mode:4o}"


def _owners(t: Task, item: IpcObject) -> str:
    uid, gid = t.creds.user.uids.shown, t.creds.user.gids.shown
    return f"{uid(item.uid):5} {gid(item.gid):5} {uid(item.cuid):5} {gid(item.cgid):5}"


def shm(t: Task) -> bytes:
    """Segments."""
    lines = [_SHM]
    for item in t.ns.ipc.shm.ids.ordered():
        lines.append(
            f"{_head(item)} {item.size:21} {item.cpid.number_in(t.pids):5} {number_in(item.lpid, t.pids):5}  {item.nattch:5} {_owners(t, item)}"
            f" {item.atime:10} {item.dtime:10} {item.ctime:10} {item.resident_pages() << 12:21} {0:21}\n"
        )
    return "".join(lines).encode()


def sem(t: Task) -> bytes:
    """Semaphore sets."""
    lines = [_SEM]
    for item in t.ns.ipc.sem.ids.ordered():
        lines.append(f"{_head(item)} {len(item.values):10} {_owners(t, item)} {item.otime:10} {item.ctime:10}\n")
    return "".join(lines).encode()


def msg(t: Task) -> bytes:
    """Message queues."""
    lines = [_MSG]
    for item in t.ns.ipc.msg.ids.ordered():
        lines.append(
            f"{_head(item)}  {item.bytes:10} {len(item.messages):10} {number_in(item.lspid, t.pids):5} {number_in(item.lrpid, t.pids):5} {_owners(t, item)}"
            f" {item.stime:10} {item.rtime:10} {item.ctime:10}\n"
        )
    return "".join(lines).encode()


def build(fs: ProcFs) -> PseudoDir:
    """The directory."""
    files: tuple[tuple[str, Callable[[Task], bytes]], ...] = (("msg", msg), ("sem", sem), ("shm", shm))
    top = PseudoDir(fs, fs.new_ino())
    for name, make in files:
        top.add(name, MadeFile(fs, fs.new_ino(), make))
    return top
