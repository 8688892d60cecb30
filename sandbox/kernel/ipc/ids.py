"""What the three kinds of System V IPC share: ids, keys, permissions (ipc/util.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Generic, TypeVar

from sandbox.abi.linux.capability import CAP_IPC_OWNER, CAP_SYS_ADMIN
from sandbox.abi.linux.ipc import IPC64_PERM, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, IPC_SEQ_MAX, IPCMNI
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import NO_ID, UserNamespace

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task

_MIN_CYCLE = 64


class IpcObject:
    """One segment, semaphore set or queue: its key, owner, creator and mode (struct kern_ipc_perm).

    `removed`: no longer found by id; who waits for it gets EIDRM. Times are seconds.
    """

    __slots__ = ("key", "id", "seq", "uid", "gid", "cuid", "cgid", "mode", "ctime", "removed")

    def __init__(self, t: Task, key: int, mode: int) -> None:
        self.key = key
        self.id = -1
        self.seq = 0
        self.uid = self.cuid = t.creds.euid
        self.gid = self.cgid = t.creds.egid
        self.mode = mode & 0o777
        self.ctime = seconds(t)
        self.removed = False

    def allows(self, creds: Credentials, flag: int, owner: UserNamespace) -> bool:
        """The rights that `flag` asks for, in any of its three triples, are granted (ipcperms). `owner`: of the IPC namespace."""
        wanted = flag >> 6 | flag >> 3 | flag
        granted = self.mode
        if creds.euid in (self.cuid, self.uid):
            granted >>= 6
        elif creds.in_group(self.cgid) or creds.in_group(self.gid):
            granted >>= 3
        return not wanted & ~granted & 7 or creds.has_in(owner, CAP_IPC_OWNER)

    def check(self, t: Task, flag: int) -> None:
        """EACCES."""
        if not self.allows(t.creds, flag, t.ns.ipc.user):
            raise SyscallError(errno.EACCES)

    def check_owner(self, t: Task) -> None:
        """IPC_SET and IPC_RMID are for owner, creator and CAP_SYS_ADMIN: EPERM (ipcctl_obtain_check)."""
        if t.creds.euid not in (self.cuid, self.uid) and not t.creds.has_in(t.ns.ipc.user, CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)

    def update(self, t: Task, perm: bytes) -> None:
        """IPC_SET: owner and permission bits from a struct ipc64_perm; EINVAL for the id -1."""
        uid, gid, mode = (IPC64_PERM.unpack(perm)[n] for n in (1, 2, 5))
        uid, gid = t.creds.user.uids.to_kernel(uid), t.creds.user.gids.to_kernel(gid)
        if NO_ID in (uid, gid):
            raise SyscallError(errno.EINVAL)
        self.uid, self.gid = uid, gid
        self.mode = self.mode & ~0o777 | mode & 0o777
        self.ctime = seconds(t)

    def pack_perm(self, user: UserNamespace) -> bytes:
        """struct ipc64_perm, for somebody in `user`."""
        uids, gids = user.uids, user.gids
        owner, creator = (uids.shown(self.uid), gids.shown(self.gid)), (uids.shown(self.cuid), gids.shown(self.cgid))
        return IPC64_PERM.pack(self.key, *owner, *creator, self.mode, self.seq, 0, 0, 0)


def seconds(t: Task) -> int:
    """The time of day."""
    return t.kernel.clock.realtime_ns() // 1_000_000_000


T = TypeVar("T", bound=IpcObject)


class IpcIds(Generic[T]):
    """The objects of one kind, by index and by key; indices are handed out in turn so that ids are not soon reused."""

    def __init__(self) -> None:
        self.objects: dict[int, T] = {}
        self.keys: dict[int, T] = {}
        self._next = 0
        self._last = -1
        self._seq = 0

    def add(self, item: T, limit: int) -> int:
        """Enter it: its id. ENOSPC when there are `limit`. (ipc_addid, ipc_idr_alloc)"""
        if len(self.objects) >= min(limit, IPCMNI):
            raise SyscallError(errno.ENOSPC)
        end = min(max(len(self.objects) * 3 // 2, _MIN_CYCLE), IPCMNI)
        index = self._free(self._next, end)
        if index < 0:
            index = self._free(0, end)
        if index <= self._last:
            self._seq = (self._seq + 1) % IPC_SEQ_MAX
        self._last = index
        self._next = index + 1
        item.seq = self._seq
        item.id = self._seq << 15 | index
        self.objects[index] = item
        if item.key != IPC_PRIVATE:
            self.keys[item.key] = item
        return item.id

    def _free(self, start: int, end: int) -> int:
        for index in range(start, end):
            if index not in self.objects:
                return index
        return -1

    def get(self, ident: int) -> T:
        """By id; EINVAL."""
        item = self.objects.get(ident & IPCMNI - 1) if ident >= 0 else None
        if item is None or item.id != ident:
            raise SyscallError(errno.EINVAL)
        return item

    def at(self, index: int) -> T:
        """By index alone, as the *_STAT commands count; EINVAL."""
        item = self.objects.get(index & IPCMNI - 1)
        if item is None:
            raise SyscallError(errno.EINVAL)
        return item

    def forget_key(self, item: T) -> None:
        """Nobody finds it by its key any more."""
        if self.keys.get(item.key) is item:
            del self.keys[item.key]
        item.key = IPC_PRIVATE

    def remove(self, item: T) -> None:
        """It is gone."""
        if self.keys.get(item.key) is item:
            del self.keys[item.key]
        del self.objects[item.id & IPCMNI - 1]
        item.removed = True

    def ordered(self) -> list[T]:
        """By index."""
        return [self.objects[index] for index in sorted(self.objects)]

    def highest(self) -> int:
        """The highest index in use; 0 when there is none."""
        return max(self.objects, default=0)


def ipc_get(
    t: Task, ids: IpcIds[T], key: int, flags: int, create: Callable[[], int], check: Callable[[T], None]
) -> int:
    """The id of the object with `key`, or of a new one (ipcget). ENOENT, EEXIST, what `check` raises, EACCES."""
    if key == IPC_PRIVATE:
        return create()
    found = ids.keys.get(key)
    if found is None:
        if not flags & IPC_CREAT:
            raise SyscallError(errno.ENOENT)
        return create()
    if flags & IPC_CREAT and flags & IPC_EXCL:
        raise SyscallError(errno.EEXIST)
    check(found)
    found.check(t, flags)
    return found.id
