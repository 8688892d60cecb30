"""add_key(2), request_key(2), keyctl(2) (security/keys/keyctl.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import keyctl as abi
from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.time import NS_PER_S
from sandbox.errors import SyscallError
from sandbox.kernel.keys import ALL, KEYRING, KINDS, LINK, LOGON, READ, SEARCH, SETATTR, VIEW, WRITE, Key
from sandbox.kernel.user_namespace import OVERFLOW_ID
from sandbox.syscalls.row import PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.keys import KeyTable
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

MAX_KIND: Final = 32
MAX_DESCRIPTION: Final = 4096
MAX_PAYLOAD: Final = (1 << 20) - 1
MAX_USER_PAYLOAD: Final = 32767
MAX_ERRNO: Final = 4095
PAGE: Final = 4096
NO_ID: Final = 0xFFFFFFFF
_RESTARTS: Final = frozenset((512, 513, 514, 516))
_NO_KEY: Final = frozenset((abi.KEY_SPEC_REQKEY_AUTH_KEY, abi.KEY_SPEC_REQUESTOR_KEYRING))


def _kind(t: Task, address: int) -> bytes:
    """The name of a kind: EINVAL, EPERM for the kernel's own."""
    name = t.copy_in_cstr(address, MAX_KIND, errno.EINVAL)
    if not name:
        raise SyscallError(errno.EINVAL)
    if name[:1] == b".":
        raise SyscallError(errno.EPERM)
    return name


def _spec(t: Task, number: int, create: bool) -> Key:
    """One of the caller's own keyrings, by its special number: ENOKEY, EINVAL."""
    table = t.kernel.keys
    if number == abi.KEY_SPEC_THREAD_KEYRING and (create or t.thread_keyring is not None):
        return table.thread_ring(t)
    if number == abi.KEY_SPEC_PROCESS_KEYRING and (create or t.group.process_keyring is not None):
        return table.process_ring(t)
    if number == abi.KEY_SPEC_SESSION_KEYRING:
        mine = t.session_keyring
        if mine is None or (create and mine is table.user(t.creds.uid).session):
            if create:
                return table.new_session(t, None)
            mine = table.user_rings(t)[1]
            table.join(t, mine)
        return mine
    if number == abi.KEY_SPEC_USER_KEYRING:
        return table.user_rings(t)[0]
    if number == abi.KEY_SPEC_USER_SESSION_KEYRING:
        return table.user_rings(t)[1]
    known = number in _NO_KEY or number in (abi.KEY_SPEC_THREAD_KEYRING, abi.KEY_SPEC_PROCESS_KEYRING)
    raise SyscallError(errno.ENOKEY if known else errno.EINVAL)


def _look_up(t: Task, number: int, need: int, create: bool = False) -> tuple[Key, bool]:
    """A key by its number, and whether the caller possesses it: ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES. Without `need`
    neither its state nor rights count (lookup_user_key)."""
    table = t.kernel.keys
    if number > 0:
        found = table.keys.get(number)
        if found is None:
            raise SyscallError(errno.ENOKEY)
        key, possessed = found, table.possesses(t, found)
    else:
        key, possessed = _spec(t, number, create), True
    if need:
        key.check(t.kernel.clock.now_ns())
        if not key.allows(t.creds, possessed, need):
            raise SyscallError(errno.EACCES)
    return key, possessed


def sys_add_key(t: Task, a: SyscallArgs) -> int:
    """add_key(2)."""
    size = a.size(3)
    if size > MAX_PAYLOAD:
        return -errno.EINVAL
    kind = _kind(t, a.addr(0))
    name = t.copy_in_cstr(a.addr(1), MAX_DESCRIPTION, errno.EINVAL) if a.addr(1) else b""
    if name[:1] == b"." and kind.startswith(KEYRING):
        return -errno.EPERM
    data = t.copy_in(a.addr(2), size) if size else b""
    ring, _ = _look_up(t, a.int(4), WRITE, True)
    if kind not in KINDS:
        return -errno.ENODEV
    if ring.kind != KEYRING:
        return -errno.ENOTDIR
    if (kind == KEYRING and data) or (kind != KEYRING and not 0 < len(data) <= MAX_USER_PAYLOAD) or not name:
        return -errno.EINVAL
    if kind == LOGON and name.find(b":") < 1:
        return -errno.EINVAL
    if ring.restricted:
        return -errno.EPERM
    before = ring.links.get((kind, name)) if kind != KEYRING else None
    if before is not None and not before.revoked:
        if not before.allows(t.creds, t.kernel.keys.possesses(t, before), WRITE):
            return -errno.EACCES
        _fill(t.kernel.keys, before, data)
        return before.serial
    perm = (ALL if kind != LOGON else ALL & ~READ) << 24 | VIEW << 16
    table = t.kernel.keys
    key = table.hold(table.make(kind, name, t.creds.fsuid, t.creds.fsgid, perm, data))
    try:
        table.link(ring, key)
    finally:
        table.drop(key)
    return key.serial


def _fill(table: KeyTable, key: Key, data: bytes) -> None:
    """The key has this payload; EDQUOT."""
    table.resize(key, len(data) - len(key.data))
    key.data = data
    key.expires = 0


def sys_request_key(t: Task, a: SyscallArgs) -> int:
    """request_key(2): a key that is there. Nobody makes those that are not: ENOKEY."""
    kind = _kind(t, a.addr(0))
    name = t.copy_in_cstr(a.addr(1), MAX_DESCRIPTION, errno.EINVAL)
    if a.addr(2):
        t.copy_in_cstr(a.addr(2), PAGE, errno.EINVAL)
    target = _look_up(t, a.int(3), WRITE, True)[0] if a.int(3) else None
    if kind not in KINDS:
        return -errno.ENOKEY
    table = t.kernel.keys
    key, _ = table.search(t, table.own_rings(t), kind, name)
    if target is not None:
        table.link(target, key)
    return key.serial


# --- keyctl ---


def _join(t: Task, a: SyscallArgs) -> int:
    name = t.copy_in_cstr(a.addr(1), MAX_DESCRIPTION, errno.EINVAL) if a.addr(1) else None
    if name is not None and name[:1] == b".":
        return -errno.EPERM
    return t.kernel.keys.new_session(t, name).serial


def _update(t: Task, a: SyscallArgs) -> int:
    size = a.size(3)
    if size > PAGE:
        return -errno.EINVAL
    data = t.copy_in(a.addr(2), size) if size else b""
    key, _ = _look_up(t, a.int(1), WRITE)
    if key.kind == KEYRING:
        return -errno.EOPNOTSUPP
    if not data:
        return -errno.EINVAL
    _fill(t.kernel.keys, key, data)
    return 0


def _revoke(t: Task, a: SyscallArgs) -> int:
    try:
        key, _ = _look_up(t, a.int(1), WRITE)
    except SyscallError as error:
        if error.errno != errno.EACCES:
            raise
        key, _ = _look_up(t, a.int(1), SETATTR)
    key.revoked, key.ended = True, t.kernel.clock.now_ns()
    if key.kind == KEYRING:
        t.kernel.keys.clear(key)
    else:
        t.kernel.keys.resize(key, -len(key.data))
        key.data = b""
    return 0


def _chown(t: Task, a: SyscallArgs) -> int:
    user, group = a.uint(2), a.uint(3)
    uid = NO_ID if user == NO_ID else t.creds.user.uids.to_kernel(user)
    gid = NO_ID if group == NO_ID else t.creds.user.gids.to_kernel(group)
    if (user != NO_ID and uid == NO_ID) or (group != NO_ID and gid == NO_ID):
        return -errno.EINVAL
    if user == NO_ID and group == NO_ID:
        return 0
    key, _ = _look_up(t, a.int(1), SETATTR, True)
    if not t.creds.has(CAP_SYS_ADMIN):
        foreign = gid != NO_ID and gid != key.gid and gid != t.creds.fsgid and gid not in t.creds.groups
        if (uid != NO_ID and uid != key.uid) or foreign:
            return -errno.EACCES
    if uid not in (NO_ID, key.uid):
        t.kernel.keys.give(key, uid)
    if gid != NO_ID:
        key.gid = gid
    return 0


def _setperm(t: Task, a: SyscallArgs) -> int:
    if a.uint(2) & ~0x3F3F3F3F:
        return -errno.EINVAL
    key, _ = _look_up(t, a.int(1), SETATTR, True)
    if key.uid != t.creds.fsuid and not t.creds.has(CAP_SYS_ADMIN):
        return -errno.EACCES
    key.perm = a.uint(2)
    return 0


def _describe(t: Task, a: SyscallArgs) -> int:
    key, _ = _look_up(t, a.int(1), VIEW)
    ids = t.creds.user
    gid = ids.gids.shown(key.gid) if key.gid >= 0 else OVERFLOW_ID
    return _give(t, a, b"%s;%d;%d;%08x;%s\0" % (key.kind, ids.uids.shown(key.uid), gid, key.perm, key.description))


def _give(t: Task, a: SyscallArgs, data: bytes) -> int:
    """Where there is room for all of it: its length."""
    if a.addr(2) and a.size(3) >= len(data):
        t.copy_out(a.addr(2), data)
    return len(data)


def _clear(t: Task, a: SyscallArgs) -> int:
    ring, _ = _look_up(t, a.int(1), WRITE, True)
    if ring.kind != KEYRING:
        return -errno.ENOTDIR
    t.kernel.keys.clear(ring)
    return 0


def _link(t: Task, a: SyscallArgs) -> int:
    ring, _ = _look_up(t, a.int(2), WRITE, True)
    key, _ = _look_up(t, a.int(1), LINK, True)
    t.kernel.keys.link(ring, key)
    return 0


def _unlink(t: Task, a: SyscallArgs) -> int:
    ring, _ = _look_up(t, a.int(2), WRITE)
    key, _ = _look_up(t, a.int(1), 0)
    t.kernel.keys.unlink(ring, key)
    return 0


def _search(t: Task, a: SyscallArgs) -> int:
    kind = _kind(t, a.addr(2))
    name = t.copy_in_cstr(a.addr(3), MAX_DESCRIPTION, errno.EINVAL)
    ring, possessed = _look_up(t, a.int(1), SEARCH)
    target = _look_up(t, a.int(4), WRITE, True)[0] if a.int(4) else None
    if kind not in KINDS:
        return -errno.ENOKEY
    if ring.kind != KEYRING:
        return -errno.ENOTDIR
    table = t.kernel.keys
    key, mine = table.search(t, [(ring, possessed)], kind, name)
    if target is not None:
        if not key.allows(t.creds, mine, LINK):
            return -errno.EACCES
        table.link(target, key)
    return key.serial


def _read(t: Task, a: SyscallArgs) -> int:
    try:
        key, possessed = _look_up(t, a.int(1), 0)
    except SyscallError:
        return -errno.ENOKEY
    if not key.allows(t.creds, possessed, READ) and not possessed:
        return -errno.EACCES
    if key.kind == LOGON:
        return -errno.EOPNOTSUPP
    key.check(t.kernel.clock.now_ns())
    data = key.data
    if key.kind == KEYRING:
        data = b"".join([one.serial.to_bytes(4, "little") for one in key.links.values()])
    return _give(t, a, data)


def _set_reqkey(t: Task, a: SyscallArgs) -> int:
    before, wanted = t.request_keyring, a.int(1)
    if wanted == -1:
        return before
    if not 0 <= wanted <= 7 or wanted == 6:
        return -errno.EINVAL
    if wanted == 1:
        t.kernel.keys.thread_ring(t)
    elif wanted == 2:
        t.kernel.keys.process_ring(t)
    t.request_keyring = wanted
    return before


def _set_timeout(t: Task, a: SyscallArgs) -> int:
    key, _ = _look_up(t, a.int(1), SETATTR, True)
    key.expires = t.kernel.clock.now_ns() + a.uint(2) * NS_PER_S if a.uint(2) else 0
    return 0


def _authority(t: Task, a: SyscallArgs) -> int:
    """Nobody was ever asked to make a key."""
    number = a.int(1)
    return 0 if not number else -errno.EINVAL if number < 0 else -errno.ENOKEY


def _security(t: Task, a: SyscallArgs) -> int:
    _look_up(t, a.int(1), VIEW)
    return _give(t, a, b"\0")


def _instantiate(t: Task, a: SyscallArgs) -> int:
    return -errno.EINVAL if a.size(3) > MAX_PAYLOAD else -errno.EPERM


def _instantiate_iov(t: Task, a: SyscallArgs) -> int:
    """EFAULT, EINVAL; nobody was asked to make a key: EPERM."""
    parts = t.copy_in_iovec(a.addr(2), a.int(3)) if a.addr(2) else []
    return -errno.EINVAL if sum(size for _, size in parts) > MAX_PAYLOAD else -errno.EPERM


def _session_to_parent(t: Task, a: SyscallArgs) -> int:
    """The parent has the caller's session keyring from now on: EPERM unless it has one thread and the same owner."""
    mine, _ = _look_up(t, abi.KEY_SPEC_SESSION_KEYRING, LINK)
    group = t.group.parent
    if group is None or group.pid <= 1 or len(group.tasks) != 1:
        return -errno.EPERM
    parent = next(iter(group.tasks))
    if parent.session_keyring is mine:
        return 0
    theirs, own, ring = parent.creds, t.creds, parent.session_keyring
    ids = theirs.uid, theirs.euid, theirs.suid, theirs.gid, theirs.egid, theirs.sgid
    if parent.mm is None or ids != (own.euid,) * 3 + (own.egid,) * 3:
        return -errno.EPERM
    if mine.uid != own.euid or (ring is not None and ring.uid != own.euid):
        return -errno.EPERM
    t.kernel.keys.join(parent, mine)
    return 0


def _negate(t: Task, a: SyscallArgs) -> int:
    return -errno.EPERM


def _reject(t: Task, a: SyscallArgs) -> int:
    return -errno.EINVAL if not 0 < a.uint(3) < MAX_ERRNO or a.uint(3) in _RESTARTS else -errno.EPERM


def _invalidate(t: Task, a: SyscallArgs) -> int:
    key, _ = _look_up(t, a.int(1), SEARCH)
    key.revoked = True
    t.kernel.keys.invalidate(key)
    return 0


def _restrict(t: Task, a: SyscallArgs) -> int:
    ring, _ = _look_up(t, a.int(1), SETATTR)
    if a.addr(2):
        kind = _kind(t, a.addr(2))
        return -errno.ENOENT if kind in KINDS else -errno.ENOKEY
    if a.addr(3):
        return -errno.EINVAL
    if ring.kind != KEYRING:
        return -errno.ENOTDIR
    if ring.restricted:
        return -errno.EEXIST
    ring.restricted = True
    return 0


def _move(t: Task, a: SyscallArgs) -> int:
    if a.uint(4) & ~abi.KEYCTL_MOVE_EXCL:
        return -errno.EINVAL
    key, _ = _look_up(t, a.int(1), LINK, True)
    source, _ = _look_up(t, a.int(2), WRITE)
    target, _ = _look_up(t, a.int(3), WRITE, True)
    if source is target:
        return 0
    name = (key.kind, key.description)
    if source.kind != KEYRING or target.kind != KEYRING:
        return -errno.ENOTDIR
    if source.links.get(name) is not key:
        return -errno.ENOENT
    if a.uint(4) and name in target.links:
        return -errno.EEXIST
    t.kernel.keys.link(target, key)
    t.kernel.keys.unlink(source, key)
    return 0


def _capabilities(t: Task, a: SyscallArgs) -> int:
    if a.size(2):
        t.copy_out(a.addr(1), abi.CAPABILITIES[: a.size(2)].ljust(min(a.size(2), PAGE), b"\0"))
    return len(abi.CAPABILITIES)


def _ring_id(t: Task, a: SyscallArgs) -> int:
    return _look_up(t, a.int(1), SEARCH, a.int(2) != 0)[0].serial


_OPERATIONS: Final[dict[int, Callable[[Task, SyscallArgs], int]]] = {
    abi.KEYCTL_GET_KEYRING_ID: _ring_id,
    abi.KEYCTL_JOIN_SESSION_KEYRING: _join,
    abi.KEYCTL_UPDATE: _update,
    abi.KEYCTL_REVOKE: _revoke,
    abi.KEYCTL_CHOWN: _chown,
    abi.KEYCTL_SETPERM: _setperm,
    abi.KEYCTL_DESCRIBE: _describe,
    abi.KEYCTL_CLEAR: _clear,
    abi.KEYCTL_LINK: _link,
    abi.KEYCTL_UNLINK: _unlink,
    abi.KEYCTL_SEARCH: _search,
    abi.KEYCTL_READ: _read,
    abi.KEYCTL_INSTANTIATE: _instantiate,
    abi.KEYCTL_NEGATE: _negate,
    abi.KEYCTL_SET_REQKEY_KEYRING: _set_reqkey,
    abi.KEYCTL_SET_TIMEOUT: _set_timeout,
    abi.KEYCTL_ASSUME_AUTHORITY: _authority,
    abi.KEYCTL_GET_SECURITY: _security,
    abi.KEYCTL_SESSION_TO_PARENT: _session_to_parent,
    abi.KEYCTL_REJECT: _reject,
    abi.KEYCTL_INSTANTIATE_IOV: _instantiate_iov,
    abi.KEYCTL_INVALIDATE: _invalidate,
    abi.KEYCTL_RESTRICT_KEYRING: _restrict,
    abi.KEYCTL_MOVE: _move,
    abi.KEYCTL_CAPABILITIES: _capabilities,
}


def sys_keyctl(t: Task, a: SyscallArgs) -> int:
    """keyctl(2): EOPNOTSUPP for operations of kernels that were built with more."""
    operation = _OPERATIONS.get(a.int(0))
    return operation(t, a) if operation is not None else -errno.EOPNOTSUPP


_NOTE: Final = "kinds user, logon and keyring; nobody is asked to make a key that is not there"

ROWS: Final[tuple[Row, ...]] = (
    Row(248, "add_key", sys_add_key, PARTIAL, (Arg.STR, Arg.STR, Arg.ADDR, Arg.SIZE, Arg.INT), _NOTE),
    Row(249, "request_key", sys_request_key, PARTIAL, (Arg.STR, Arg.STR, Arg.STR, Arg.INT), _NOTE),
    Row(250, "keyctl", sys_keyctl, PARTIAL, (Arg.INT, Arg.LONG, Arg.LONG, Arg.LONG, Arg.LONG),
        _NOTE + "; without GET_PERSISTENT, WATCH_KEY, and what computes with keys: EOPNOTSUPP"),
)  # fmt: skip
