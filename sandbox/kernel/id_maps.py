"""Writing /proc/PID/uid_map, gid_map, projid_map and setgroups (kernel/user_namespace.c: map_write, proc_setgroups_write)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import NO_ID

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.kernel.user_namespace import Extent, IdMap, UserNamespace

MAX_EXTENTS: Final = 340
_PAGE: Final = 4096
USERS: Final = b"uid_map"
GROUPS: Final = b"gid_map"
PROJECTS: Final = b"projid_map"  # of quotas, of which there are none: the map is kept and told
MAPS: Final = (USERS, GROUPS, PROJECTS)


def ids_of(ns: UserNamespace, kind: bytes) -> IdMap:
    """The map of one of those files."""
    return ns.gids if kind == GROUPS else ns.uids if kind == USERS else ns.projects


def write_map(t: Task, opener: Credentials, ns: UserNamespace, kind: bytes, data: bytes, offset: int) -> None:
    """Set a map of MAPS, once: EINVAL for what is no map, EPERM without the right. `opener`: who has opened the file."""
    parent = ns.parent
    if parent is None or (opener.user is not ns and opener.user is not parent):
        raise SyscallError(errno.EPERM)
    if offset or len(data) >= _PAGE:
        raise SyscallError(errno.EINVAL)
    ids, above = ids_of(ns, kind), ids_of(parent, kind)
    if ids.extents or (kind != PROJECTS and not opener.has_in(ns, CAP_SYS_ADMIN)):
        raise SyscallError(errno.EPERM)
    wanted = _parse(data)
    if kind != PROJECTS and not _allowed(t, opener, ns, parent, kind == GROUPS, wanted):
        raise SyscallError(errno.EPERM)
    extents: list[Extent] = []
    for first, lower, count in wanted:
        kernel_id = above.range_to_kernel(lower, count)
        if kernel_id == NO_ID:
            raise SyscallError(errno.EPERM)
        extents.append((first, kernel_id, count))
    ids.extents = extents
    for tasks in t.kernel.spaces.values():
        for task in tasks:
            if task.creds.user is not parent and task.creds.user.within(ns):
                task.thread.unlearn()


def _parse(data: bytes) -> list[Extent]:
    """The lines: the first id inside, the first one in the parent, how many; EINVAL."""
    extents: list[Extent] = []
    for line in data.split(b"\0")[0].removesuffix(b"\n").split(b"\n"):
        words = line.split()
        if len(words) != 3 or not all(word.isdigit() for word in words) or len(extents) == MAX_EXTENTS:
            raise SyscallError(errno.EINVAL)
        first, lower, count = (int(word[:12]) for word in words)
        if not count or first + count > NO_ID or lower + count > NO_ID:
            raise SyscallError(errno.EINVAL)
        for other_first, other_lower, other_count in extents:
            if first < other_first + other_count and other_first < first + count:
                raise SyscallError(errno.EINVAL)
            if lower < other_lower + other_count and other_lower < lower + count:
                raise SyscallError(errno.EINVAL)
        extents.append((first, lower, count))
    return extents


def _allowed(
    t: Task, opener: Credentials, ns: UserNamespace, parent: UserNamespace, groups: bool, wanted: list[Extent]
) -> bool:
    """verify_root_map, new_idmap_permitted."""
    creds = t.creds
    if not groups and any(lower == 0 for _, lower, _ in wanted):
        if not (ns.setfcap if opener.user is ns else opener.has_in(parent, CAP_SETFCAP)):
            return False
    if len(wanted) == 1 and wanted[0][2] == 1 and ns.owner == creds.euid:
        lower = wanted[0][1]
        if not groups and parent.uids.to_kernel(lower) == creds.euid:
            return True
        if groups and not ns.may_setgroups and parent.gids.to_kernel(lower) == creds.egid:
            return True
    needed = CAP_SETGID if groups else CAP_SETUID
    return creds.has_in(parent, needed) and opener.has_in(parent, needed)


def write_setgroups(ns: UserNamespace, data: bytes, offset: int) -> None:
    """`allow` or `deny`: EINVAL, EPERM for an `allow` after a `deny`, and for a `deny` after groups were mapped."""
    words = data.split()
    if offset or len(data) >= 8 or len(words) != 1 or words[0] not in (b"allow", b"deny") or data[:1].isspace():
        raise SyscallError(errno.EINVAL)
    if words[0] == b"allow":
        if not ns.may_setgroups:
            raise SyscallError(errno.EPERM)
        return
    if ns.gids.extents or ns.gids.identity:
        raise SyscallError(errno.EPERM)
    ns.may_setgroups = False


def shown(own: UserNamespace, reader: UserNamespace, kind: bytes) -> bytes:
    """The file's text: what the extents of `own` are, as numbers of the reader's namespace or, for one who is inside, of its
    parent (uid_m_show)."""
    ids = ids_of(own, kind)
    if ids.identity:
        return b"%10d %10d %10d\n" % (0, 0, NO_ID)
    lower = own.parent if reader is own and own.parent is not None else reader
    outside = ids_of(lower, kind)
    return b"".join(b"%10d %10d %10d\n" % (first, outside.find(kid), count) for first, kid, count in ids.extents)
