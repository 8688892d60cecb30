"""Files below /etc that follow the sandbox's network and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.overlay.root import find_point, make_point
from sandbox.fs.tmpfs.filesystem import Tmpfs

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel


def write_etc(kernel: Kernel, resolv_conf: bytes, hosts: bytes) -> None:
    """resolv.conf, hosts and hostname; one that is a symbolic link or the host's own file is replaced, not followed.
    An /etc that was mounted is its giver's: nothing is written there."""
    namespace = kernel.mounts
    place = make_point(namespace, b"/etc", True)
    if place.mount is not namespace.root:
        return
    directory = place.inode
    for name, text in ((b"resolv.conf", resolv_conf), (b"hosts", hosts), (b"hostname", kernel.hostname + b"\n")):
        old = directory.lookup(name)
        if old is not None:
            directory.unlink(name, old)
        new = directory.create(name, 0o644, 0, 0)
        new.write_at(memoryview(bytearray(text)), 0)
        cached = place.dentry.children.get(name)
        if cached is not None:
            namespace.vfs.dentries.forget(cached)


def cover_resolv_conf(kernel: Kernel, text: bytes) -> None:
    """In a container with a resolver of the sandbox's own, over the file that is there. What was mounted stays."""
    namespace = kernel.mounts
    vfs = namespace.vfs
    place = find_point(namespace, b"/etc/resolv.conf")
    if place is None or place.mount is not namespace.root or place.inode.is_dir():
        return
    fs = Tmpfs(kernel.clock, vfs.new_dev(), "tmpfs", 0o755, account=vfs.space)
    new = fs.root.create(b"resolv.conf", 0o644, 0, 0)
    new.write_at(memoryview(bytearray(text)), 0)
    namespace.mount(fs, place, root=vfs.dentries.add(vfs.root_of(fs), b"resolv.conf", new))
