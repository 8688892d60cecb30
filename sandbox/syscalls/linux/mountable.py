"""The file systems that a guest may make: tmpfs, proc, sysfs, mqueue."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.filesystem import Filesystem

KINDS = (b"tmpfs", b"ramfs", b"proc", b"sysfs", b"mqueue")


def make_filesystem(t: Task, kind: bytes, source: bytes, data: dict[bytes, bytes]) -> Filesystem:
    """A new file system; ENODEV for kinds that are not here, EINVAL for what their options cannot be."""
    vfs = t.kernel.mounts.vfs
    if kind in (b"tmpfs", b"ramfs"):
        from sandbox.fs.tmpfs.filesystem import Tmpfs
        from sandbox.fs.tmpfs.options import TmpfsOptions

        options = TmpfsOptions(data)
        uid = t.creds.fsuid if options.uid is None else options.uid
        gid = t.creds.fsgid if options.gid is None else options.gid
        name = source.decode("utf-8", "surrogateescape")
        fs = Tmpfs(vfs.clock, vfs.new_dev(), name, options.mode, uid, gid, options.account(vfs.space))
        fs.asked = options
        fs.readonly = options.readonly
        return fs
    if kind == b"proc":
        from sandbox.fs.procfs.filesystem import ProcFs

        return ProcFs(t.kernel, vfs.new_dev(), t.pids)
    if kind == b"sysfs":
        from sandbox.fs.sysfs.filesystem import SysFs

        return SysFs(t.kernel, vfs.new_dev())
    if kind == b"mqueue":
        from sandbox.fs.mqueue.filesystem import mqueues

        return mqueues(t.kernel, t.ns.ipc)
    raise SyscallError(errno.ENODEV)
