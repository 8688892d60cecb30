"""The host namespaces that a sandbox lives in: made by the launcher, entered by the sentry it forks.

Root makes them directly. An ordinary user first makes a user namespace in which it is root and nobody
else is mapped: it gains rights over the new namespaces only.
"""

from __future__ import annotations

import os

from sandbox.boot import libc
from sandbox.boot.host_checks import HostLacks, is_mount_root, read_text, why_no_namespaces


def isolate(uid: int, gid: int, own_network: bool) -> None:
    """Unshare; the next process that is forked is PID 1 of the new PID namespace. Raises HostLacks."""
    flags = libc.CLONE_NEWPID | libc.CLONE_NEWNS | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS
    if own_network:
        flags |= libc.CLONE_NEWNET
    _unshare(flags, uid, gid)


def isolate_mounts(uid: int, gid: int) -> None:
    """The same of mounts alone, for the calling process. Raises HostLacks."""
    _unshare(libc.CLONE_NEWNS, uid, gid)


def _unshare(flags: int, uid: int, gid: int) -> None:
    if uid != 0:
        flags |= libc.CLONE_NEWUSER
    try:
        libc.unshare(flags)
    except OSError as error:
        raise HostLacks(why_no_namespaces(uid, os.strerror(error.errno or 0))) from None
    if uid != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")
    if is_mount_root(read_text("/proc/self/mountinfo", 1 << 20)):
        shield_mounts()
    else:
        root_of_a_chroot()


def shield_mounts() -> None:
    """What is mounted or unmounted in the new namespace does not show on the host."""
    libc.mount(b"none", b"/", b"", libc.MS_REC | libc.MS_SLAVE)


def root_of_a_chroot() -> None:
    """Make the root of a chroot a mount of its own, in the mount namespace that was just made.

    Its parent must be shielded first, or the host would see the new mount. It lies outside, where only a process
    whose working directory is above its root gets to, so take a root further down and climb from here.
    """
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    where = os.getcwd()
    try:
        os.chdir("/")
        os.chroot("/proc")
        while not os.path.samestat(os.stat("."), os.stat("..")):
            os.chdir("..")
        os.chroot(".")
        shield_mounts()
        os.fchdir(root)
        name = os.fsencode(os.getcwd())
        libc.mount(name, name, b"", libc.MS_BIND | libc.MS_REC)
        os.chdir(name)
        os.chroot(".")
        os.chdir(where)
    except OSError as error:
        raise HostLacks(f"cannot make namespaces in a chroot: {os.strerror(error.errno or 0)}") from None
    finally:
        os.close(root)


def _write(path: str, text: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HostLacks(f"cannot set up the user namespace: {path}: {os.strerror(error.errno or 0)}") from None
    try:
        os.write(fd, text.encode("ascii"))
    except OSError as error:
        raise HostLacks(f"cannot set up the user namespace: {path}: {os.strerror(error.errno or 0)}") from None
    finally:
        os.close(fd)
