"""User namespaces: which ids mean which users inside, and who owns a namespace (user_namespaces(7), kernel/user_namespace.c).

Everywhere in the kernel an id is what it is in the first namespace; it is translated where a guest gives or gets one.
"""

from __future__ import annotations

from typing import Final

NO_ID: Final = 0xFFFFFFFF  # (uid_t) -1
OVERFLOW_ID: Final = 65534  # what an id without a name inside is shown as (kernel.overflowuid)
MAX_LEVEL: Final = 32
FIRST_NUMBER: Final = 4026531837  # PROC_USER_INIT_INO

Extent = tuple[int, int, int]  # the first id inside, the kernel's id of it, how many


class IdMap:
    """Ids of one kind. Nothing is mapped before `extents` are set; the first namespace maps every id to itself."""

    __slots__ = ("extents", "identity")

    def __init__(self, identity: bool = False) -> None:
        self.extents: list[Extent] = []
        self.identity = identity

    def to_kernel(self, number: int) -> int:
        """The kernel's id, NO_ID for one that is not mapped (make_kuid)."""
        if self.identity:
            return number
        for first, lower, count in self.extents:
            if first <= number < first + count:
                return lower + number - first
        return NO_ID

    def range_to_kernel(self, number: int, count: int) -> int:
        """The same for `count` ids in a row, which one extent must have (map_id_range_down)."""
        if self.identity:
            return number
        for first, lower, size in self.extents:
            if first <= number and number + count <= first + size:
                return lower + number - first
        return NO_ID

    def find(self, kernel_id: int) -> int:
        """What the kernel's id is inside, NO_ID for nothing (from_kuid)."""
        if self.identity:
            return kernel_id
        for first, lower, count in self.extents:
            if lower <= kernel_id < lower + count:
                return first + kernel_id - lower
        return NO_ID

    def shown(self, kernel_id: int) -> int:
        """The same, or the overflow id (from_kuid_munged)."""
        if self.identity:
            return kernel_id
        number = self.find(kernel_id)
        return OVERFLOW_ID if number == NO_ID else number


class UserNamespace:
    """`owner` and `group` made it. `users`: tasks in it, namespaces that it owns, files of it, namespaces below."""

    __slots__ = (
        "number",
        "users",
        "parent",
        "level",
        "owner",
        "group",
        "uids",
        "gids",
        "projects",
        "may_setgroups",
        "setfcap",
    )

    def __init__(self, number: int, parent: UserNamespace | None, owner: int = 0, group: int = 0) -> None:
        self.number = number
        self.users = 1 if parent is None else 0
        self.parent = parent
        self.level: int = 0 if parent is None else parent.level + 1
        self.owner = owner
        self.group = group
        self.uids = IdMap(parent is None)
        self.gids = IdMap(parent is None)
        self.projects = IdMap(parent is None)
        self.may_setgroups: bool = True if parent is None else parent.may_setgroups
        self.setfcap = True  # who made it had CAP_SETFCAP (parent_could_setfcap)

    def within(self, other: UserNamespace) -> bool:
        """It is `other` or below it (in_userns)."""
        ns = self
        while ns.level > other.level:
            assert ns.parent is not None
            ns = ns.parent
        return ns is other

    def maps(self, uid: int, gid: int) -> bool:
        """Both ids have a name inside (privileged_wrt_inode_uidgid)."""
        return self.uids.identity or (self.uids.find(uid) != NO_ID and self.gids.find(gid) != NO_ID)

    def root(self) -> int:
        """The kernel's id of user 0, NO_ID if there is none."""
        return self.uids.to_kernel(0)


INITIAL: Final = UserNamespace(FIRST_NUMBER, None)
