"""build_root: the mount namespace of a sandbox, from donated descriptors."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

from sandbox.abi.linux.stat import S_IFDIR, S_IFREG
from sandbox.abi.linux.statfs import ST_NODEV, ST_NOSUID, ST_RDONLY, ST_RELATIME
from sandbox.errors import SyscallError
from sandbox.fs.devfs import mem_devices
from sandbox.fs.hostfs.filesystem import HostFs
from sandbox.fs.hostfs.inode import HostInode
from sandbox.fs.overlay.filesystem import OverlayFs
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.kernel.user_namespace import NO_ID
from sandbox.vfs.devices import DeviceRegistry
from sandbox.vfs.mount import MountNamespace, Vfs
from sandbox.vfs.path import Path
from sandbox.vfs.space import SpaceAccount

if TYPE_CHECKING:
    from sandbox.fs.overlay.masks import Masks
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.mount import Mount
    from tcpip.clock import Clock

MAX_LINKS = 40


class HasClock(Protocol):
    """What is needed of the kernel to build its root: not more than the clock."""

    clock: Clock


class Volume:
    """A host directory or file to be seen at `target` (an absolute path); `fd` is an O_PATH or read-only
    descriptor of it (a directory must be readable through it)."""

    __slots__ = ("fd", "target", "readonly", "source", "hold_ns")

    def __init__(self, fd: int, target: bytes, readonly: bool = False, source: str = "host", hold_ns: int = 0) -> None:
        self.fd = fd
        self.target = target
        self.readonly = readonly
        self.source = source
        self.hold_ns = hold_ns


def build_root(
    kernel: HasClock,
    root_fd: int,
    masks: Masks | None = None,
    volumes: tuple[Volume, ...] = (),
    size: int = 2 << 30,
    readonly: bool = False,
    overlay: bool = True,
    hold_ns: int = 0,
) -> MountNamespace:
    """The root of a sandbox: an overlay (or, without `overlay`, the host directory itself, writable unless
    `readonly`) with the volumes mounted. proc, sys and dev are mounted by `mount_system`.

    `size` bounds all file contents that the sandbox keeps in memory. `hold_ns`: how long what the host says of a root
    without an overlay is believed (sandbox/fs/hostfs/held.py).
    """
    vfs = Vfs(kernel.clock, DeviceRegistry(), SpaceAccount(size))
    mem_devices.register(vfs.devices)
    namespace = build_namespace(kernel, vfs, root_fd, masks, readonly, overlay, hold_ns)
    for volume in volumes:
        mount_volume(namespace, volume)
    return namespace


def build_namespace(
    kernel: HasClock, vfs: Vfs, root_fd: int, masks: Masks | None, readonly: bool, overlay: bool, hold_ns: int = 0
) -> MountNamespace:
    """The same for one more container of a sandbox, with nothing mounted."""
    root: Filesystem
    if overlay:
        lower = HostFs(kernel.clock, vfs.new_dev(), root_fd, live=False, readonly=True)
        root = OverlayFs(kernel.clock, vfs.new_dev(), lower, masks, vfs.space)
    else:
        root = HostFs(kernel.clock, vfs.new_dev(), root_fd, live=True, readonly=readonly, hold_ns=hold_ns)
    return MountNamespace(vfs, root, ST_RELATIME | (ST_RDONLY if readonly else 0))


def mount_volume(namespace: MountNamespace, volume: Volume) -> Mount:
    """Mount a host directory or file; its mount point is made where it is missing."""
    vfs = namespace.vfs
    fs = HostFs(vfs.clock, vfs.new_dev(), volume.fd, True, volume.readonly, volume.source, volume.hold_ns)
    point = make_point(namespace, volume.target, fs.root.is_dir())
    return namespace.mount(fs, point, ST_RELATIME | (ST_RDONLY if volume.readonly else 0))


def mount_tmpfs(namespace: MountNamespace, target: bytes, mode: int = 0o1777, size: int | None = None) -> Mount:
    """A tmpfs; without `size` it draws on the sandbox's common bound."""
    vfs = namespace.vfs
    account = SpaceAccount(size, parent=vfs.space) if size is not None else vfs.space
    fs = Tmpfs(vfs.clock, vfs.new_dev(), mode=mode, account=account)
    return namespace.mount(fs, make_point(namespace, target, True), ST_RELATIME | ST_NOSUID | ST_NODEV)


def make_point(namespace: MountNamespace, target: bytes, directory: bool) -> Path:
    """The place `target`, following links inside the sandbox only; missing parts are made, as root of the namespace, 0755."""
    found = _walk(namespace, target, True, directory)
    assert found is not None
    return found


def find_point(namespace: MountNamespace, target: bytes) -> Path | None:
    """As make_point for what is there; None when something is missing on the way, or no directory."""
    try:
        return _walk(namespace, target, False, False)
    except SyscallError as error:
        if error.errno == errno.ENOTDIR:
            return None
        raise


def _walk(namespace: MountNamespace, target: bytes, make: bool, directory: bool) -> Path | None:
    vfs = namespace.vfs
    here = namespace.root_path()
    parts = [name for name in target.split(b"/") if name not in (b"", b".")]
    links = 0
    while parts:
        name = parts.pop(0)
        if name == b"..":
            if here.dentry is here.mount.root and here.mount.point is not None and here.mount.parent is not None:
                here = Path(here.mount.parent, here.mount.point)
            here = namespace.cover(Path(here.mount, here.dentry.parent))
            continue
        inode = here.inode
        if not inode.is_dir():
            raise SyscallError(errno.ENOTDIR)
        child = here.dentry.children.get(name)
        known = child.inode if child is not None and (child.mounts or not inode.loose) else None
        found = known if known is not None else inode.lookup(name)
        if found is None:
            if not make:
                return None
            owner = namespace.user.uids.to_kernel(0), namespace.user.gids.to_kernel(0)
            uid, gid = (0 if number == NO_ID else number for number in owner)
            if parts or directory:
                found = inode.mkdir(name, S_IFDIR | 0o755, uid, gid)
            else:
                found = inode.create(name, S_IFREG | 0o755, uid, gid)
        if found.is_symlink():
            links += 1
            text = found.host_readlink() if isinstance(found, HostInode) else getattr(found, "target", None)
            if links > MAX_LINKS or not isinstance(text, bytes):
                raise SyscallError(errno.ELOOP)
            parts = [part for part in text.split(b"/") if part not in (b"", b".")] + parts
            if text.startswith(b"/"):
                here = namespace.root_path()
            continue
        if child is None or child.inode is not found:
            child = vfs.dentries.add(here.dentry, name, found)
        here = namespace.cover(Path(here.mount, child))
    return here
