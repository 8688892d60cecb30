"""Files below /etc that follow the sandbox's network and name, in the private layer of the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.overlay.root import make_point

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
