"""DevFs: what /dev holds before anything is mounted below it (a tmpfs with nodes, as devtmpfs is)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFCHR, makedev
from sandbox.fs.tmpfs.filesystem import Tmpfs

if TYPE_CHECKING:
    from sandbox.vfs.mount import Vfs
    from sandbox.vfs.space import SpaceAccount

_NODES: Final = (
    (b"null", 0o666, 1, 3),
    (b"zero", 0o666, 1, 5),
    (b"full", 0o666, 1, 7),
    (b"random", 0o666, 1, 8),
    (b"urandom", 0o666, 1, 9),
    (b"tty", 0o666, 5, 0),
)
_LINKS: Final = (
    (b"fd", b"/proc/self/fd"),
    (b"stdin", b"/proc/self/fd/0"),
    (b"stdout", b"/proc/self/fd/1"),
    (b"stderr", b"/proc/self/fd/2"),
    (b"ptmx", b"pts/ptmx"),
)
_DIRS: Final = ((b"pts", 0o755), (b"shm", 0o1777), (b"mqueue", 0o1777))


class DevFs(Tmpfs):
    """`pts`, `shm` and `mqueue` are mount points. `machine`: as a machine's, with the kernel's log; containers do not get
    that, and what their runtime makes is root's. There is no `core`, as there is no /proc/kcore."""

    name = "devtmpfs"

    def __init__(self, vfs: Vfs, dev: int, account: SpaceAccount, machine: bool = True) -> None:
        super().__init__(vfs.clock, dev, "dev", 0o755, account=account)
        root = self.root
        for name, mode, major, minor in _NODES:
            root.mknod(name, S_IFCHR | mode, makedev(major, minor), 0, 5 if machine and name == b"tty" else 0)
        if machine:
            root.mknod(b"kmsg", S_IFCHR | 0o644, makedev(1, 11), 0, 0)
            root.mkdir(b"net", 0o755, 0, 0).mknod(b"tun", S_IFCHR | 0o666, makedev(10, 200), 0, 0)
        for name, target in _LINKS:
            root.symlink(name, target, 0, 0)
        for name, mode in _DIRS if machine else ():  # in a container they are there if it mounts something there
            root.mkdir(name, mode, 0, 0)
