"""The mounts that make a bundle's root, as containerd describes them (containerd.types.Mount)."""

from __future__ import annotations

import errno
import os
from typing import Final

from runsc.shim.protobuf import Fields
from sandbox.boot import libc

MNT_DETACH: Final = 2
MS_RDONLY: Final = 1
MS_REMOUNT: Final = 0x20
FLAGS: Final = {  # mount(8)
    "ro": MS_RDONLY,
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "sync": 16,
    "noatime": 1024,
    "nodiratime": 2048,
    "bind": libc.MS_BIND,
    "rbind": libc.MS_BIND | libc.MS_REC,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
}
NOTHING: Final = ("rw", "suid", "dev", "exec", "async", "atime", "diratime", "defaults")


def mount_all(mounts: list[Fields], target: str) -> None:
    """In order, each on top. OSError, with nothing mounted."""
    try:
        for mount in mounts:
            _mount(mount.text(1), mount.text(2), target, mount.texts(4))
    except OSError:
        unmount_all(target)
        raise


def _mount(kind: str, source: str, target: str, options: list[str]) -> None:
    flags, data = 0, []
    for option in options:
        if option in FLAGS:
            flags |= FLAGS[option]
        elif option not in NOTHING:
            data.append(option)
    libc.mount(os.fsencode(source), os.fsencode(target), os.fsencode(kind), flags, os.fsencode(",".join(data)))
    if flags & libc.MS_BIND and flags & MS_RDONLY:  # a bind takes its flags in a second step
        libc.mount(b"none", os.fsencode(target), b"", flags & ~libc.MS_REC | MS_REMOUNT)


def unmount_all(target: str) -> None:
    """Whatever is mounted there."""
    while True:
        try:
            libc.umount(os.fsencode(target), MNT_DETACH)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return
            raise
