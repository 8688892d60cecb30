"""POSIX access control lists (acl(5), fs/posix_acl.c): who may what beyond the mode, and what new files inherit.

They are set and read as the extended attributes `system.posix_acl_access` and `system.posix_acl_default`, whose layout is
that of include/uapi/linux/posix_acl_xattr.h. File systems in memory keep them.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_FSETID
from sandbox.abi.linux.stat import S_ISGID
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.vfs.permission import owner_or_capable

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode

ACCESS: Final = b"system.posix_acl_access"
DEFAULT: Final = b"system.posix_acl_default"
NAMES: Final = (ACCESS, DEFAULT)

VERSION: Final = 2
USER_OBJ: Final = 1
USER: Final = 2
GROUP_OBJ: Final = 4
GROUP: Final = 8
MASK: Final = 16
OTHER: Final = 32
NOBODY: Final = 0xFFFFFFFF
ENTRY: Final = struct.Struct("<HHI")  # tag, permissions, id
MOST_ENTRIES: Final = 512  # ext4 has room for about as many
# What may follow what (posix_acl_valid): the state before → tag → the state after. 0 is the end.
_AFTER: Final = {
    (USER_OBJ, USER_OBJ): USER,
    (USER, USER): USER,
    (USER, GROUP_OBJ): GROUP,
    (GROUP, GROUP): GROUP,
    (GROUP, MASK): OTHER,
    (OTHER, OTHER): 0,
}


class Acl:
    """A valid list. `entries`: (tag, permissions, id), in the order in which they were set."""

    __slots__ = ("entries", "users", "groups", "group", "mask", "other", "owner", "minimal")

    def __init__(self, entries: list[tuple[int, int, int]]) -> None:
        self.entries = entries
        self.users: dict[int, int] = {}
        self.groups: list[tuple[int, int]] = []
        self.owner = self.group = self.other = 0
        self.mask = -1
        for tag, allowed, who in entries:
            if tag == USER_OBJ:
                self.owner = allowed
            elif tag == USER:
                self.users.setdefault(who, allowed)
            elif tag == GROUP_OBJ:
                self.group = allowed
            elif tag == GROUP:
                self.groups.append((who, allowed))
            elif tag == MASK:
                self.mask = allowed
            else:
                self.other = allowed
        self.minimal = len(entries) == 3  # it says no more than a mode does

    def encode(self, user: UserNamespace = INITIAL) -> bytes:
        """The attribute's value, as somebody in `user` sees it."""
        ids = {USER: user.uids, GROUP: user.gids}
        entries = [(tag, allowed, ids[tag].find(who) if tag in ids else who) for tag, allowed, who in self.entries]
        return VERSION.to_bytes(4, "little") + b"".join(ENTRY.pack(*entry) for entry in entries)

    def mode(self) -> int:
        """The nine bits that go with it."""
        return self.owner << 6 | (self.group if self.mask < 0 else self.mask) << 3 | self.other

    def with_mode(self, mode: int) -> Acl:
        """What chmod(2) makes of it."""
        of_group = GROUP_OBJ if self.mask < 0 else MASK
        new = {USER_OBJ: mode >> 6 & 7, of_group: mode >> 3 & 7, OTHER: mode & 7}
        return Acl([(tag, new.get(tag, allowed), who) for tag, allowed, who in self.entries])

    def permits(self, creds: Credentials, inode: Inode, wanted: int) -> bool:
        """Somebody who is not the owner may do all of `wanted` (MAY_*)."""
        mask = 7 if self.mask < 0 else self.mask
        allowed = self.users.get(creds.fsuid, -1)
        if allowed >= 0:
            return allowed & mask & wanted == wanted
        found = False
        mine = frozenset(creds.groups) if self.groups else creds.groups  # both may be long
        for gid, allowed in ((inode.gid, self.group), *self.groups):
            if gid == creds.fsgid or gid in mine:
                if allowed & wanted == wanted:
                    return mask & wanted == wanted
                found = True
        return not found and self.other & wanted == wanted


class Acls:
    """The lists of one inode."""

    __slots__ = ("access", "default")

    def __init__(self, access: Acl | None, default: Acl | None) -> None:
        self.access = access
        self.default = default


def _decode(value: bytes, user: UserNamespace = INITIAL) -> list[tuple[int, int, int]]:
    """posix_acl_from_xattr, from somebody in `user`: EINVAL, EOPNOTSUPP for another version."""
    if not value:
        return []
    if len(value) < 4:
        raise SyscallError(errno.EINVAL)
    if int.from_bytes(value[:4], "little") != VERSION:
        raise SyscallError(errno.EOPNOTSUPP)
    if (len(value) - 4) % ENTRY.size:
        raise SyscallError(errno.EINVAL)
    entries = []
    for tag, allowed, who in ENTRY.iter_unpack(value[4:]):
        named = tag in (USER, GROUP)
        if named:
            who = (user.uids if tag == USER else user.gids).to_kernel(who)
        if not named and tag not in (USER_OBJ, GROUP_OBJ, MASK, OTHER) or named and who == NOBODY:
            raise SyscallError(errno.EINVAL)
        entries.append((tag, allowed, who if named else NOBODY))
    return entries


def _valid(entries: list[tuple[int, int, int]]) -> Acl:
    """posix_acl_valid: EINVAL. ENOSPC for a list that no disk would keep."""
    if len(entries) > MOST_ENTRIES:
        raise SyscallError(errno.ENOSPC)
    state = USER_OBJ
    masked = all(tag not in (USER, GROUP) for tag, _, _ in entries)  # or need not be
    for tag, allowed, _ in entries:
        after = _AFTER.get((state, tag))
        if state == GROUP and tag == OTHER and masked:
            after = 0
        if after is None or allowed & ~7:
            raise SyscallError(errno.EINVAL)
        state = after
    if state:
        raise SyscallError(errno.EINVAL)
    return Acl(entries)


def _store(inode: Inode, name: bytes, acl: Acl | None) -> None:
    have = inode.acls or Acls(None, None)
    before = have.access if name == ACCESS else have.default
    if acl is not None:
        inode.set_xattr(name, acl.encode(), 0)
    elif before is not None:
        inode.remove_xattr(name)
    new = Acls(acl, have.default) if name == ACCESS else Acls(have.access, acl)
    inode.acls = None if new.access is None and new.default is None else new
    inode.acls_stored()


def _supported(inode: Inode) -> None:
    if not inode.fs.acls or inode.is_symlink():
        raise SyscallError(errno.EOPNOTSUPP)


def get(t: Task, inode: Inode, name: bytes) -> bytes:
    """The value of one of NAMES: EOPNOTSUPP, ENODATA."""
    _supported(inode)
    value = inode.get_xattr(name)
    return value if t.creds.user is INITIAL else Acl(_decode(value)).encode(t.creds.user)


def set_value(t: Task, inode: Inode, name: bytes, value: bytes) -> None:
    """Set one of NAMES, or remove it with an empty value: EINVAL, EOPNOTSUPP, EACCES, EPERM, ENOSPC."""
    entries = _decode(value, t.creds.user)
    _supported(inode)
    if name == DEFAULT and not inode.is_dir():
        if entries:
            raise SyscallError(errno.EACCES)
        return
    creds = t.creds
    if not owner_or_capable(creds, inode):
        raise SyscallError(errno.EPERM)
    acl = _valid(entries) if entries else None
    if name == DEFAULT or acl is None:
        _store(inode, name, acl)
        return
    mode = inode.mode & 0o7000 | acl.mode()
    if mode & S_ISGID and not creds.in_group(inode.gid) and not creds.has_over(inode, CAP_FSETID):
        mode &= ~S_ISGID
    _store(inode, name, None if acl.minimal else acl)
    inode.set_mode(mode)


def mode_changed(inode: Inode) -> None:
    """chmod(2) has changed the mode: the list follows (posix_acl_chmod)."""
    if inode.acls is not None and inode.acls.access is not None:
        _store(inode, ACCESS, inode.acls.access.with_mode(inode.mode))


def inherit(directory: Inode, name: bytes, inode: Inode) -> None:
    """`inode` was made in `directory`, with the mode of vfs/create.py, and has no other name than `name` (none: empty): it
    gets the directory's default list. ENOSPC: it is not there any more."""
    default = directory.acls.default if directory.acls is not None else None
    if default is None or inode.is_symlink():
        return
    try:
        _take_over(default, inode)
    except SyscallError:
        if not name:
            inode.closed()
        elif inode.is_dir():
            directory.rmdir(name, inode)
        else:
            directory.unlink(name, inode)
        raise


def _take_over(default: Acl, inode: Inode) -> None:
    access = default.with_mode(inode.mode)
    if not access.minimal:
        _store(inode, ACCESS, access)
    if inode.is_dir():
        _store(inode, DEFAULT, default)
