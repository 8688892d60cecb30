"""Credentials: user and group ids and capability sets (credentials(7), capabilities(7)).

A `Credentials` object is never changed after it was given to a task: who changes something works on
a `copy()` and then replaces `t.creds` (kernel/cred.c: prepare_creds, commit_creds). So tasks,
sockets and open files may share one object.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import (
    ALL_CAPS,
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    CAP_FOWNER,
    CAP_FSETID,
    CAP_LINUX_IMMUTABLE,
    CAP_MAC_OVERRIDE,
    CAP_MKNOD,
    CAP_SETGID,
    CAP_SETUID,
    SECBIT_KEEP_CAPS,
    SECBIT_NO_SETUID_FIXUP,
    SECBIT_NOROOT,
)
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, NO_ID, UserNamespace

if TYPE_CHECKING:
    from sandbox.vfs.file_caps import FileCaps
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.landlock import Domain

# include/linux/capability.h: CAP_FS_SET, which follows fsuid.
FS_CAPS: Final = (
    1 << CAP_CHOWN
    | 1 << CAP_MKNOD
    | 1 << CAP_DAC_OVERRIDE
    | 1 << CAP_DAC_READ_SEARCH
    | 1 << CAP_FOWNER
    | 1 << CAP_FSETID
    | 1 << CAP_LINUX_IMMUTABLE
    | 1 << CAP_MAC_OVERRIDE
)


class Credentials:
    """Real, effective, saved and filesystem ids, as the kernel has them; supplementary groups; capability sets as bit masks,
    which hold in the user namespace `user`."""

    __slots__ = (
        "uid",
        "euid",
        "suid",
        "fsuid",
        "gid",
        "egid",
        "sgid",
        "fsgid",
        "groups",
        "permitted",
        "effective",
        "inheritable",
        "bounding",
        "ambient",
        "securebits",
        "landlock",
        "user",
    )

    def __init__(self, uid: int = 0, gid: int = 0, groups: tuple[int, ...] = (), caps: int | None = None) -> None:
        """All ids equal. `caps`: permitted and effective (default: all for root, none for others)."""
        self.uid = self.euid = self.suid = self.fsuid = uid
        self.gid = self.egid = self.sgid = self.fsgid = gid
        self.groups = groups
        held = (ALL_CAPS if uid == 0 else 0) if caps is None else caps & ALL_CAPS
        self.permitted = held
        self.effective = held
        self.inheritable = 0
        self.bounding = ALL_CAPS if caps is None else caps & ALL_CAPS
        self.ambient = 0
        self.securebits = 0
        self.landlock: Domain | None = None
        self.user: UserNamespace = INITIAL

    def copy(self) -> Credentials:
        """A copy to be changed."""
        new = Credentials.__new__(Credentials)
        new.uid, new.euid, new.suid, new.fsuid = self.uid, self.euid, self.suid, self.fsuid
        new.gid, new.egid, new.sgid, new.fsgid = self.gid, self.egid, self.sgid, self.fsgid
        new.groups = self.groups
        new.permitted, new.effective, new.inheritable = self.permitted, self.effective, self.inheritable
        new.bounding, new.ambient, new.securebits = self.bounding, self.ambient, self.securebits
        new.landlock = self.landlock
        new.user = self.user
        return new

    def has(self, cap: int) -> bool:
        """`cap` is effective in the first user namespace, which owns what no other does (capable)."""
        return self.user is INITIAL and bool(self.effective >> cap & 1)

    def has_here(self, cap: int) -> bool:
        """It is effective in their own user namespace."""
        return bool(self.effective >> cap & 1)

    def has_in(self, user: UserNamespace, cap: int) -> bool:
        """It is effective over what `user` owns (ns_capable, security/commoncap.c: cap_capable)."""
        own = self.user
        target: UserNamespace | None = user
        while target is not None:
            if target is own:
                return bool(self.effective >> cap & 1)
            if target.level <= own.level:
                return False
            if target.parent is own and target.owner == self.euid:
                return True
            target = target.parent
        return False

    def has_over(self, inode: Inode, cap: int) -> bool:
        """It is effective, and over this inode: its ids have names inside (capable_wrt_inode_uidgid)."""
        return bool(self.effective >> cap & 1) and (self.user is INITIAL or self.user.maps(inode.uid, inode.gid))

    def in_user(self, user: UserNamespace) -> Credentials:
        """The same user as one who has all capabilities in `user` (set_cred_user_ns)."""
        new = self.copy()
        new.user = user
        new.permitted = new.effective = new.bounding = ALL_CAPS
        new.inheritable = new.ambient = new.securebits = 0
        return new

    def in_group(self, gid: int) -> bool:
        """`gid` is the filesystem gid or a supplementary group (in_group_p)."""
        return gid == self.fsgid or gid in self.groups

    # --- set*id: each returns new credentials or raises EPERM; NO_ID leaves an id alone ---

    def with_uid(self, uid: int) -> Credentials:
        """setuid(2)."""
        new = self.copy()
        if self.has_here(CAP_SETUID):
            new.uid = new.suid = uid
        elif uid not in (self.uid, self.suid):
            raise SyscallError(errno.EPERM)
        new.euid = new.fsuid = uid
        return _after_setuid(self, new)

    def with_reuid(self, ruid: int, euid: int) -> Credentials:
        """setreuid(2)."""
        new, privileged = self.copy(), self.has_here(CAP_SETUID)
        if ruid != NO_ID:
            if not privileged and ruid not in (self.uid, self.euid):
                raise SyscallError(errno.EPERM)
            new.uid = ruid
        if euid != NO_ID:
            if not privileged and euid not in (self.uid, self.euid, self.suid):
                raise SyscallError(errno.EPERM)
            new.euid = euid
        if ruid != NO_ID or (euid != NO_ID and euid != self.uid):
            new.suid = new.euid
        new.fsuid = new.euid
        return _after_setuid(self, new)

    def with_resuid(self, ruid: int, euid: int, suid: int) -> Credentials:
        """setresuid(2)."""
        new, mine = self.copy(), (self.uid, self.euid, self.suid)
        if not self.has_here(CAP_SETUID):
            for wanted in (ruid, euid, suid):
                if wanted != NO_ID and wanted not in mine:
                    raise SyscallError(errno.EPERM)
        if ruid != NO_ID:
            new.uid = ruid
        if euid != NO_ID:
            new.euid = euid
        if suid != NO_ID:
            new.suid = suid
        new.fsuid = new.euid
        return _after_setuid(self, new)

    def with_fsuid(self, uid: int) -> Credentials:
        """setfsuid(2): unchanged credentials when it is not allowed."""
        if uid != NO_ID and (uid in (self.uid, self.euid, self.suid, self.fsuid) or self.has_here(CAP_SETUID)):
            new = self.copy()
            new.fsuid = uid
            if not self.securebits & SECBIT_NO_SETUID_FIXUP:
                root = self.user.root()
                if self.fsuid == root and uid != root:
                    new.effective &= ~FS_CAPS
                elif self.fsuid != root and uid == root:
                    new.effective |= FS_CAPS & new.permitted
            return new
        return self

    def with_gid(self, gid: int) -> Credentials:
        """setgid(2)."""
        new = self.copy()
        if self.has_here(CAP_SETGID):
            new.gid = new.sgid = gid
        elif gid not in (self.gid, self.sgid):
            raise SyscallError(errno.EPERM)
        new.egid = new.fsgid = gid
        return new

    def with_regid(self, rgid: int, egid: int) -> Credentials:
        """setregid(2)."""
        new, privileged = self.copy(), self.has_here(CAP_SETGID)
        if rgid != NO_ID:
            if not privileged and rgid not in (self.gid, self.egid):
                raise SyscallError(errno.EPERM)
            new.gid = rgid
        if egid != NO_ID:
            if not privileged and egid not in (self.gid, self.egid, self.sgid):
                raise SyscallError(errno.EPERM)
            new.egid = egid
        if rgid != NO_ID or (egid != NO_ID and egid != self.gid):
            new.sgid = new.egid
        new.fsgid = new.egid
        return new

    def with_resgid(self, rgid: int, egid: int, sgid: int) -> Credentials:
        """setresgid(2)."""
        new, mine = self.copy(), (self.gid, self.egid, self.sgid)
        if not self.has_here(CAP_SETGID):
            for wanted in (rgid, egid, sgid):
                if wanted != NO_ID and wanted not in mine:
                    raise SyscallError(errno.EPERM)
        if rgid != NO_ID:
            new.gid = rgid
        if egid != NO_ID:
            new.egid = egid
        if sgid != NO_ID:
            new.sgid = sgid
        new.fsgid = new.egid
        return new

    def with_fsgid(self, gid: int) -> Credentials:
        """setfsgid(2): unchanged credentials when it is not allowed."""
        if gid != NO_ID and (gid in (self.gid, self.egid, self.sgid, self.fsgid) or self.has_here(CAP_SETGID)):
            new = self.copy()
            new.fsgid = gid
            return new
        return self

    # --- execve ---

    def after_exec(
        self,
        file_uid: int | None,
        file_gid: int | None,
        no_new_privs: bool = False,
        watched: bool = False,
        caps: FileCaps | None = None,
    ) -> Credentials:
        """Credentials of the new program; ids are those of a set-user-ID or set-group-ID file, else None. `watched`: by
        a tracer who may not see more than it does, or by another process that could move its root. EPERM when `caps` of
        the file are to be in effect and cannot all be had.

        security/commoncap.c: cap_bprm_creds_from_file.
        """
        new = self.copy()
        if file_uid is not None:
            new.euid = file_uid
        if file_gid is not None:
            new.egid = file_gid
        other_ids = new.euid != self.uid or new.egid != self.gid
        permitted = 0
        privileged = False
        root = self.user.root()
        if caps is not None:
            permitted = self.bounding & caps.permitted | self.inheritable & caps.inheritable
            privileged = caps.effective
            if privileged and caps.permitted & ~permitted:
                raise SyscallError(errno.EPERM)
        if not self.securebits & SECBIT_NOROOT and (caps is None or new.uid == root or new.euid != root):
            if root in (new.uid, new.euid):
                permitted = self.inheritable | self.bounding
            privileged = privileged or new.euid == root
        if (no_new_privs or watched) and (other_ids or permitted & ~self.permitted):
            if no_new_privs or not self.has_here(CAP_SETUID):
                new.euid, new.egid = new.uid, new.gid
            permitted &= self.permitted
        new.suid = new.fsuid = new.euid
        new.sgid = new.fsgid = new.egid
        if other_ids or caps is not None:
            new.ambient = 0
        new.permitted = permitted | new.ambient
        new.effective = new.permitted if privileged else new.ambient
        new.securebits = self.securebits & ~SECBIT_KEEP_CAPS
        return new


def _after_setuid(old: Credentials, new: Credentials) -> Credentials:
    """Capabilities after a change of uids (security/commoncap.c: cap_emulate_setxuid)."""
    if old.securebits & SECBIT_NO_SETUID_FIXUP:
        return new
    root = old.user.root()
    if root in (old.uid, old.euid, old.suid) and root not in (new.uid, new.euid, new.suid):
        if not old.securebits & SECBIT_KEEP_CAPS:
            new.permitted = new.effective = 0
        new.ambient = 0
    if old.euid == root and new.euid != root:
        new.effective = 0
    elif old.euid != root and new.euid == root:
        new.effective = new.permitted
    return new
