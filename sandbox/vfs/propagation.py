"""Propagation of mounts: peer groups and their slaves (mount_namespaces(7), "Shared subtrees"; fs/pnode.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Iterator

from sandbox.abi.linux.statfs import MS_SHARED, MS_SLAVE, MS_UNBINDABLE
from sandbox.errors import SyscallError
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.mount import Mount, Vfs


class PeerGroup:
    """Mounts that tell each other of mounts below them (`members`), and those that only listen (`slaves`)."""

    __slots__ = ("ident", "members", "slaves", "lasts")

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.members: dict[Mount, None] = {}
        self.slaves: dict[Mount, None] = {}
        self.lasts = False  # without members, too: the host's own mount counts as one


def make_shared(vfs: Vfs, mount: Mount) -> None:
    """MS_SHARED: a group of its own, unless it is in one."""
    mount.unbindable = False
    if mount.peers is None:
        join(mount, vfs.new_group())


def join(mount: Mount, group: PeerGroup) -> None:
    """One peer more."""
    mount.peers = group
    group.members[mount] = None


def follow(mount: Mount, group: PeerGroup | None) -> None:
    """It listens to `group` from now on, or to nobody."""
    if mount.master is not None:
        mount.master.slaves.pop(mount, None)
    mount.master = group
    if group is not None:
        group.slaves[mount] = None


def share_volume(vfs: Vfs, mount: Mount, kind: int) -> None:
    """Mounts of a directory of the host's are peers (MS_SHARED) or slaves (MS_SLAVE), in whichever containers, as the host's own
    mount of it makes them where that is shared. What one of them has below it is seen in the new one."""
    group = vfs.volumes.get(mount.fs)
    if group is None:
        group = vfs.volumes[mount.fs] = vfs.new_group()
        group.lasts = True
    other = next((one for one in group.members if one.attached and one.root is mount.root), None)
    if kind == MS_SHARED:
        join(mount, group)
    else:
        follow(mount, group)
    for point, child in list(other.children.items()) if other is not None else ():
        tree = copy_tree(vfs, child, child.root, mount.namespace, slave=kind == MS_SLAVE, shared=kind == MS_SHARED)
        try:
            mount.namespace.attach(tree, Path(mount, point))
        except SyscallError:
            discard_tree(vfs, tree)


def forget_volumes(vfs: Vfs) -> None:
    """Of what is mounted nowhere any more."""
    for fs in [one for one in vfs.volumes if not vfs.is_mounted(one)]:
        vfs.end_group(vfs.volumes.pop(fs))


def leave_peers(vfs: Vfs, mount: Mount) -> None:
    """It tells nobody any more. Who listened to a group that is empty now listens to what that listened to."""
    group = mount.peers
    if group is None:
        return
    mount.peers = None
    del group.members[mount]
    if not group.members and not group.lasts:
        for slave in list(group.slaves):
            follow(slave, mount.master)
        vfs.end_group(group)


def make_slave(vfs: Vfs, mount: Mount) -> None:
    """MS_SLAVE: it only listens to its former peers; without any it stays as it is."""
    group = mount.peers
    if group is None:
        return
    if len(group.members) > 1:
        leave_peers(vfs, mount)
        follow(mount, group)
    else:
        leave_peers(vfs, mount)


def make_private(vfs: Vfs, mount: Mount, unbindable: bool) -> None:
    """MS_PRIVATE, MS_UNBINDABLE."""
    leave_peers(vfs, mount)
    follow(mount, None)
    mount.unbindable = unbindable


def propagate(vfs: Vfs, mounts: list[Mount], kind: int) -> None:
    """One of MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE for each."""
    for mount in mounts:
        if kind == MS_SHARED:
            make_shared(vfs, mount)
        elif kind == MS_SLAVE:
            make_slave(vfs, mount)
        else:
            make_private(vfs, mount, kind == MS_UNBINDABLE)


def receivers(mount: Mount, point: Dentry) -> Iterator[Mount]:
    """Every other mount that hears of what is mounted on `mount`, and shows `point`."""
    if mount.peers is None:
        return
    seen = {mount.peers}
    waiting = [mount.peers]
    while waiting:
        group = waiting.pop()
        for other in [*group.members, *group.slaves]:
            if other.peers is not None and other.peers not in seen:
                seen.add(other.peers)
                waiting.append(other.peers)
            if other is not mount and other.attached and point.within(other.root) and other.peers in (None, group):
                yield other


class Spread:
    """Copies of a tree for everybody who hears of its being mounted at `point` of `mount` (propagate_mnt)."""

    __slots__ = ("vfs", "point", "left", "copies")

    def __init__(self, vfs: Vfs, point: Dentry) -> None:
        self.vfs = vfs
        self.point = point
        self.left = 0  # trees that may be made
        self.copies: list[tuple[Mount, Mount]] = []  # (tree, where)

    def run(self, mount: Mount, tree: Mount) -> None:
        """Make them; nothing is attached yet. ENOSPC, also for more in one go than a namespace may have: recursive mounts in
        themselves double with each peer."""
        from sandbox.vfs.mount import MAX_MOUNTS, walk_mounts

        group = mount.peers
        if group is None:
            return
        self.left = MAX_MOUNTS // sum(1 for _ in walk_mounts(tree))
        seen = {group}
        waiting = [(group, tree, mount)]
        while waiting:
            group, source, first = waiting.pop(0)
            for peer in list(group.members):
                if peer is not first and self._hears(peer):
                    self._copy(source, peer, False)
            for slave in list(group.slaves):
                peers = slave.peers
                if peers is None:
                    if self._hears(slave):
                        self._copy(source, slave, True)
                elif peers not in seen:
                    seen.add(peers)
                    chosen = next((peer for peer in list(peers.members) if self._hears(peer)), None)
                    if chosen is not None:
                        waiting.append((peers, self._copy(source, chosen, True), chosen))

    def _hears(self, mount: Mount) -> bool:
        return mount.attached and self.point.within(mount.root)

    def _copy(self, source: Mount, where: Mount, slave: bool) -> Mount:
        if len(self.copies) >= self.left:
            raise SyscallError(errno.ENOSPC)
        tree = copy_tree(self.vfs, source, source.root, where.namespace, slave=slave, shared=where.peers is not None)
        self.copies.append((tree, where))
        return tree

    def discard(self) -> None:
        """None of them is wanted."""
        for tree, _ in self.copies:
            discard_tree(self.vfs, tree)


def copy_tree(
    vfs: Vfs,
    top: Mount,
    root: Dentry,
    namespace: MountNamespace,
    *,
    slave: bool = False,
    shared: bool = False,
    recurse: bool = True,
    copies: dict[Mount, Mount] | None = None,
) -> Mount:
    """A copy of what is mounted from `root` of `top` on, not attached anywhere (copy_tree).

    The copies are peers of their originals, or their slaves (`slave`), and shared in any case with `shared`. Unbindable
    mounts are left out unless `copies` is there, which is told what became of each. ENOSPC at the bound of mounts."""
    new = _clone(vfs, top, root, namespace, slave, shared)
    if copies is not None:
        copies[top] = new
    waiting = [(child, new) for child in reversed(top.children.values())] if recurse else []
    try:
        while waiting:
            old, copy = waiting.pop()
            point = old.point
            left_out = old.unbindable and copies is None
            if left_out or point is None or (copy is new and not point.within(root)):
                continue
            below = _clone(vfs, old, old.root, namespace, slave, shared)
            hang(below, copy, point)
            if copies is not None:
                copies[old] = below
            waiting.extend((child, below) for child in reversed(old.children.values()))
    except SyscallError:
        discard_tree(vfs, new)
        raise
    return new


def _clone(vfs: Vfs, old: Mount, root: Dentry, namespace: MountNamespace, slave: bool, shared: bool) -> Mount:
    new = vfs.new_mount(old.fs, root, old.flags, namespace)
    new.locked, new.locked_flags = old.locked, old.locked_flags
    if slave:
        follow(new, old.peers)
    else:
        if old.peers is not None:
            join(new, old.peers)
        follow(new, old.master)
    if shared:
        make_shared(vfs, new)
    return new


def hang(mount: Mount, parent: Mount, point: Dentry) -> None:
    """`mount` is seen at `point` of `parent`, where nothing is mounted."""
    if point in parent.children:
        raise SyscallError(errno.EBUSY)
    mount.parent = parent
    mount.point = point
    parent.children[point] = mount
    point.mounts += 1


def unhang(mount: Mount) -> None:
    """The opposite."""
    parent, point = mount.parent, mount.point
    if parent is not None and point is not None:
        del parent.children[point]
        point.mounts -= 1
    mount.parent = None
    mount.point = None


def discard_tree(vfs: Vfs, top: Mount) -> None:
    """Give up a tree that is attached nowhere."""
    from sandbox.vfs.mount import walk_mounts

    vfs.end_mounts(list(walk_mounts(top)))


if TYPE_CHECKING:
    from sandbox.vfs.mount import MountNamespace
