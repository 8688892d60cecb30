"""A user namespace of a container's own: which of the sandbox's users its processes are (user_namespaces(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.devpts.filesystem import DevPts
from sandbox.fs.mqueue.filesystem import MqueueFs
from sandbox.fs.tmpfs.directory import TmpfsDir
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.kernel.user_namespace import INITIAL, NO_ID, UserNamespace

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.namespaces import Namespaces
    from sandbox.kernel.user_namespace import Extent
    from sandbox.kernel.view import View
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.mount import MountNamespace


def own_user(kernel: Kernel, maps: tuple[tuple[Extent, ...], ...]) -> UserNamespace:
    """A new one, with `maps` of users and of groups, that the container keeps."""
    user = UserNamespace(kernel.new_namespace_number(), INITIAL)
    kernel.namespace_count += 1
    INITIAL.users += 1
    user.users = 1
    user.uids.extents, user.gids.extents = list(maps[0]), list(maps[1])
    return user


def hand_over(view: View, mounts: MountNamespace, shared: Namespaces | None) -> None:
    """The container's namespaces belong to its user namespace, but for what it has in common with the `shared` ones of others."""
    user, ns = view.user, view.namespaces
    mounts.user = user
    user.users += 1
    if view.pids.init is None:
        view.pids.user = user
        user.users += 1
    for mine, theirs in (
        (ns.uts, shared and shared.uts),
        (ns.ipc, shared and shared.ipc),
        (ns.net, shared and shared.net),
    ):
        if mine is not theirs:
            mine.user = user
            user.users += 1
    if ns.cgroup is not (shared and shared.cgroup):
        ns.cgroup.user = user
        user.users += 1


def give_to_root(fs: Filesystem, user: UserNamespace) -> None:
    """What is made with a file system of the container's own is its root's. Device nodes stay nobody's, as those are that other
    runtimes bind from the host; of message queues only the directory's user is known."""
    uid, gid = user.uids.to_kernel(0), user.gids.to_kernel(0)
    if NO_ID in (uid, gid):
        return
    if isinstance(fs, MqueueFs):
        fs.root.set_owner(uid, fs.root.gid)
    elif isinstance(fs, DevPts | Tmpfs):
        fs.root.set_owner(uid, gid)
    if isinstance(fs, Tmpfs) and isinstance(fs.root, TmpfsDir):
        for inode in fs.root.names.values():
            if inode.is_dir() or inode.is_symlink():
                inode.set_owner(uid, gid)
