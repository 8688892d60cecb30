"""/proc/PID/mounts, mountinfo, mountstats (fs/proc_namespace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import major, minor
from sandbox.fs.pseudo.nodes import TaskGeneratedFile
from sandbox.vfs.path import Path
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_PRI

if TYPE_CHECKING:
    from sandbox.fs.pseudo.nodes import PseudoFile
    from sandbox.kernel.task import Task
    from sandbox.vfs.mount import Mount, MountNamespace


def _escape(text: bytes, more: bytes = b"") -> bytes:
    """White space, backslash and `more` as octal."""
    for char in b"\\ \t\n" + more:
        text = text.replace(bytes((char,)), b"\\%03o" % char)
    return text


def _ident(mount: Mount) -> int:
    return mount.id


def _visible(task: Task) -> list[tuple[Mount, bytes]]:
    """The mounts that can be reached from the task's root, with their places."""
    root = task.fs.root
    out = []
    for mount in sorted(task.ns.mnt.mounts(), key=_ident):
        text = Path(mount, mount.root).text(root)
        if not text.startswith(b"(unreachable)"):
            out.append((mount, _escape(text)))
    return out


def _options(mount: Mount) -> bytes:
    """Mount options, then the file system's own."""
    fs = mount.fs
    text = mount.options()
    head = "ro" if fs.readonly else text[:2]
    return f"{head}{fs.shown}{text[2:]}{fs.options()}".encode()


def mounts(t: Task, task: Task) -> bytes:
    """As fstab(5)."""
    return b"".join(
        b"%s %s %s %s 0 0\n" % (_escape(mount.fs.source.encode(), b"#"), place, mount.fs.name.encode(), _options(mount))
        for mount, place in _visible(task)
    )


def mountinfo(t: Task, task: Task) -> bytes:
    """With ids, device numbers and roots."""
    lines = []
    for mount, place in _visible(task):
        fs = mount.fs
        parent = mount.parent.id if mount.parent is not None else mount.id
        inside = _escape(fs.inside(mount.root, t.ns) or _inside(mount, fs.above))
        super_options = ("ro" if fs.readonly else "rw") + fs.shown + fs.options()
        lines.append(
            b"%d %d %d:%d %s %s %s %s- %s %s %s\n"
            % (
                mount.id,
                parent,
                major(fs.dev),
                minor(fs.dev),
                inside,
                place,
                mount.options().encode(),
                _propagation(mount),
                fs.name.encode(),
                _escape(fs.source.encode(), b"#"),
                super_options.encode(),
            )
        )
    return b"".join(lines)


def _propagation(mount: Mount) -> bytes:
    """The optional fields."""
    text = b""
    if mount.peers is not None:
        text += b"shared:%d " % mount.peers.ident
    if mount.master is not None:
        text += b"master:%d " % mount.master.ident
    return text + b"unbindable " if mount.unbindable else text


def _inside(mount: Mount, above: bytes) -> bytes:
    """The mount's root as a path in its own file system, whose root is at `above`."""
    parts: list[bytes] = []
    dentry = mount.root
    while dentry.parent is not dentry:
        parts.append(dentry.name)
        dentry = dentry.parent
    return b"/".join((above, *reversed(parts))) if parts else above or b"/"


def mountstats(t: Task, task: Task) -> bytes:
    """One line each."""
    return b"".join(
        b"device %s mounted on %s with fstype %s\n" % (_escape(mount.fs.source.encode()), place, mount.fs.name.encode())
        for mount, place in _visible(task)
    )


class MountTableFile(TaskGeneratedFile):
    """An open mounts or mountinfo: it can be polled for changes of the table since it was opened or polled last (mounts_poll)."""

    def __init__(self, flags: int, path: Path, inode: PseudoFile, namespace: MountNamespace) -> None:
        super().__init__(flags, path, inode)
        self._namespace = namespace
        self._seen = namespace.changes
        self.queue = namespace.queue

    @property
    def epollable(self) -> bool:
        """It can tell of changes."""
        return True

    def poll(self, t: Task | None) -> int:
        """Always readable; EVENT_PRI and EVENT_ERR once after a change."""
        changes = self._namespace.changes
        if changes == self._seen:
            return EVENT_IN
        self._seen = changes
        return EVENT_IN | EVENT_PRI | EVENT_ERR
