"""Landlock: programs that restrict themselves to parts of the file tree (landlock(7), security/landlock/fs.c), ABI 3.

A domain is a stack of layers; each layer denies the rights that it handles everywhere but below the files that its rules
name. It is part of the credentials, and can only be added to."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.abi.linux.stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK
from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.space import SpaceAccount

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_DIR: Final = 1 << 4
REMOVE_FILE: Final = 1 << 5
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
ACCESS_ALL: Final = (1 << 15) - 1
ACCESS_FILE: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
MAKE: Final[dict[int, int]] = {
    S_IFCHR: 1 << 6,
    S_IFDIR: 1 << 7,
    S_IFREG: 1 << 8,
    0: 1 << 8,
    S_IFSOCK: 1 << 9,
    S_IFIFO: 1 << 10,
    S_IFBLK: 1 << 11,
    S_IFLNK: 1 << 12,
}
MAX_LAYERS: Final = 16
MAX_RULES: Final = 4096  # of one ruleset
RULE_COST: Final = 256  # bytes of the sentry's


class RulesetFile(AnonFile):
    """A ruleset that is being filled."""

    def __init__(self, handled: int, space: SpaceAccount) -> None:
        super().__init__(O_RDWR)
        self.handled = handled
        self.space = space
        self.rules: dict[Inode, int] = {}

    def add(self, inode: Inode, rights: int) -> None:
        """Allow `rights` at and below `inode`; E2BIG, ENOMEM."""
        if inode not in self.rules:
            if len(self.rules) >= MAX_RULES:
                raise SyscallError(errno.E2BIG)
            take(self.space, RULE_COST)
        self.rules[inode] = self.rules.get(inode, 0) | rights

    def release(self) -> None:
        """The last descriptor is gone."""
        self.space.add_bytes(-RULE_COST * len(self.rules))

    def link_text(self) -> str:
        return "anon_inode:[landlock-ruleset]"


class Layer:
    """What a ruleset was when it was put to use."""

    __slots__ = ("handled", "rules")

    def __init__(self, handled: int, rules: dict[Inode, int]) -> None:
        self.handled = handled
        self.rules = rules

    def granted(self, path: Path) -> int:
        """The handled rights that the rules of `path` and of what is above it allow."""
        mount, dentry = path.mount, path.dentry
        out = 0
        while True:
            inode = dentry.inode
            if inode is not None:
                out |= self.rules.get(inode, 0)
            while dentry is mount.root:
                parent, point = mount.parent, mount.point
                if parent is None or point is None:
                    return out & self.handled
                mount, dentry = parent, point
            if dentry.parent is dentry:
                return out & self.handled
            dentry = dentry.parent


class Domain:
    """The layers that hold for a task, the outermost first. `users`: tasks."""

    __slots__ = ("parent", "layers", "users", "space", "cost")

    def __init__(self, parent: Domain | None, ruleset: RulesetFile) -> None:
        before = parent.layers if parent is not None else ()
        if len(before) >= MAX_LAYERS:
            raise SyscallError(errno.E2BIG)
        self.space = ruleset.space
        self.cost = RULE_COST * (len(ruleset.rules) + 1)
        take(self.space, self.cost)
        self.parent = parent
        self.layers: tuple[Layer, ...] = (*before, Layer(ruleset.handled, dict(ruleset.rules)))
        self.users = 0
        if parent is not None:
            parent.acquire()

    def acquire(self) -> None:
        """One task, or domain inside, more."""
        self.users += 1

    def release(self) -> None:
        """One fewer."""
        domain: Domain | None = self
        while domain is not None:
            domain.users -= 1
            if domain.users:
                return
            domain.space.add_bytes(-domain.cost)
            domain = domain.parent

    def allows(self, path: Path, rights: int) -> bool:
        """Every layer grants those of `rights` that it handles."""
        if path.mount.id == 0:
            return True
        for layer in self.layers:
            wanted = rights & layer.handled
            if wanted and wanted & ~layer.granted(path):
                return False
        return True

    def within(self, other: Domain) -> bool:
        """It is `other`, or was made inside it."""
        domain: Domain | None = self
        while domain is not None:
            if domain is other:
                return True
            domain = domain.parent
        return False


def take(space: SpaceAccount, size: int) -> None:
    """Memory of the sentry's; ENOMEM."""
    try:
        space.take_bytes(size)
    except SyscallError:
        raise SyscallError(errno.ENOMEM) from None


def check(t: Task, path: Path, rights: int) -> None:
    """EACCES unless the task's domain allows `rights` at `path`."""
    domain = t.creds.landlock
    if domain is not None and not domain.allows(path, rights):
        raise SyscallError(errno.EACCES)


def removal(inode: Inode) -> int:
    """The right to take a name of `inode` away."""
    return REMOVE_DIR if inode.is_dir() else REMOVE_FILE


def check_refer(
    t: Task, old: Path, new_dir: Path, replaced: Inode | None, removes: bool, exchange: bool, new: Path | None
) -> None:
    """link(2) and rename(2) of `old` into `new_dir`: EACCES, or EXDEV where the file would get rights, or may not move
    from directory to directory (current_check_refer_path). `replaced`: what has the new name, `new` its place."""
    domain = t.creds.landlock
    if domain is None:
        return
    inode = old.inode
    old_dir = Path(old.mount, old.dentry.parent)
    here, there = 0, MAKE[inode.mode & S_IFMT]
    if exchange and replaced is not None:
        here = MAKE[replaced.mode & S_IFMT]
    if removes:
        here |= removal(inode)
        there |= removal(replaced) if replaced is not None else 0
    if old_dir.dentry is new_dir.dentry:
        if not domain.allows(new_dir, here | there):
            raise SyscallError(errno.EACCES)
        return
    if not domain.allows(old_dir, here) or not domain.allows(new_dir, there):
        raise SyscallError(errno.EACCES)
    for layer in domain.layers:
        before, after = layer.granted(old_dir), layer.granted(new_dir)
        refers = layer.handled & REFER and before & after & REFER
        gains = _gains(layer, old, before, after)
        if exchange and new is not None:
            gains |= _gains(layer, new, after, before)
        if not refers or gains:
            raise SyscallError(errno.EXDEV)


def _gains(layer: Layer, path: Path, before: int, after: int) -> int:
    """The rights that a file gets by going from a place with `before` to one with `after`."""
    own = layer.rules.get(path.inode, 0) & layer.handled
    gained = after & ~(before | own) & ~REFER
    return gained if path.inode.is_dir() else gained & ACCESS_FILE
