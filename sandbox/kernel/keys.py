"""Keys and keyrings (keyrings(7), security/keys/{key,keyring,process_keys}.c). Kinds: user, logon, keyring.

A key is there as long as a keyring or a process has it. Keys of all users together are bounded by what the sandbox holds.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.keyctl import MAX_BYTES, MAX_KEYS, ROOT_BYTES, ROOT_KEYS
from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task

VIEW, READ, WRITE, SEARCH, LINK, SETATTR = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
ALL: Final = 0x3F
KEYRING: Final = b"keyring"
USER: Final = b"user"
LOGON: Final = b"logon"
KINDS: Final = (USER, LOGON, KEYRING)
NO_GROUP: Final = -1
GC_DELAY_NS: Final = 300_000_000_000  # kernel.keys.gc_delay
LINK_BYTES: Final = 4  # KEYQUOTA_LINK_BYTES
MAX_DEPTH: Final = 6  # KEYRING_SEARCH_MAX_DEPTH
_THREAD_PERM: Final = ALL << 24 | VIEW << 16
_SESSION_PERM: Final = ALL << 24 | (VIEW | READ) << 16
_NAMED_PERM: Final = ALL << 24 | (VIEW | READ | LINK) << 16
_USER_PERM: Final = (ALL & ~SETATTR) << 24 | ALL << 16


class KeyUser:
    """A user's account, and the keyrings that are there for as long as anybody asks."""

    __slots__ = ("uid", "keys", "bytes", "keyring", "session")

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.keys = self.bytes = 0
        self.keyring: Key | None = None
        self.session: Key | None = None


class Key:
    """`links` are a keyring's, by kind and description; `uses` counts keyrings and processes that have it."""

    __slots__ = ("serial", "kind", "description", "uid", "gid", "perm", "data", "links", "expires", "revoked", "ended",
                 "restricted", "uses", "account", "charged")  # fmt: skip

    def __init__(self, serial: int, kind: bytes, description: bytes, owner: KeyUser, gid: int, perm: int) -> None:
        self.serial = serial
        self.kind = kind
        self.description = description
        self.uid = owner.uid
        self.gid = gid
        self.perm = perm
        self.data = b""
        self.links: dict[tuple[bytes, bytes], Key] = {}
        self.expires = 0  # ns on the monotonic clock; 0: never
        self.revoked = False
        self.ended = 0  # when that was, ns
        self.restricted = False  # nothing more can be linked
        self.uses = 0
        self.account = owner
        self.charged = 0

    def check(self, now: int) -> None:
        """EKEYREVOKED, EKEYEXPIRED (key_validate)."""
        if self.revoked:
            raise SyscallError(errno.EKEYREVOKED)
        if self.expires and now >= self.expires:
            raise SyscallError(errno.EKEYEXPIRED)

    def allows(self, creds: Credentials, possessed: bool, need: int) -> bool:
        """key_task_permission."""
        perm = self.perm
        if self.uid == creds.fsuid:
            mine = perm >> 16
        elif self.gid != NO_GROUP and perm & ALL << 8 and (self.gid == creds.fsgid or self.gid in creds.groups):
            mine = perm >> 8
        else:
            mine = perm
        if possessed:
            mine |= perm >> 24
        return need & ~(mine & ALL) == 0


class KeyTable:
    """All keys of the sandbox."""

    __slots__ = ("kernel", "keys", "users", "bytes")

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.keys: dict[int, Key] = {}
        self.users: dict[int, KeyUser] = {}
        self.bytes = 0

    def user(self, uid: int) -> KeyUser:
        """The account; made when first used. EDQUOT where there are too many."""
        found = self.users.get(uid)
        if found is None:
            if len(self.users) >= ROOT_KEYS:
                raise SyscallError(errno.EDQUOT)
            found = self.users[uid] = KeyUser(uid)
        return found

    # --- making and ending ---

    def make(self, kind: bytes, description: bytes, uid: int, gid: int, perm: int, data: bytes = b"") -> Key:
        """One more, that nobody has yet; EDQUOT."""
        owner, size = self.user(uid), len(description) + 1 + len(data)
        most, room = (MAX_KEYS, MAX_BYTES) if uid else (ROOT_KEYS, ROOT_BYTES)
        if owner.keys >= most or owner.bytes + size > room or len(self.keys) >= ROOT_KEYS:
            self._collect()
        if owner.keys >= most or len(self.keys) >= ROOT_KEYS:
            raise SyscallError(errno.EDQUOT)
        self._charge(owner, size)
        serial = max(3, int.from_bytes(self.kernel.random(4), "little") & 0x3FFFFFFF)
        while serial in self.keys:
            serial += 1
        key = Key(serial, kind, description, owner, gid, perm)
        key.data, key.charged = data, size
        owner.keys += 1
        self.keys[serial] = key
        return key

    def _collect(self) -> None:
        """Keyrings give up what has been dead for a while (key_garbage_collector)."""
        late = self.kernel.clock.now_ns() - GC_DELAY_NS
        for ring in [one for one in self.keys.values() if one.links]:
            for key in list(ring.links.values()):
                if (key.expires and key.expires <= late) or (key.revoked and key.ended <= late):
                    self.unlink(ring, key)

    def _charge(self, owner: KeyUser, size: int) -> None:
        most = MAX_BYTES if owner.uid else ROOT_BYTES
        if size > 0 and (owner.bytes + size > most or self.bytes + size > ROOT_BYTES):
            raise SyscallError(errno.EDQUOT)
        owner.bytes += size
        self.bytes += size

    def resize(self, key: Key, more: int) -> None:
        """A key takes `more` bytes; EDQUOT (key_payload_reserve)."""
        self._charge(key.account, more)
        key.charged += more

    def give(self, key: Key, uid: int) -> None:
        """Another user's from now on; EDQUOT."""
        other = self.user(uid)
        most, size = (MAX_KEYS, MAX_BYTES) if uid else (ROOT_KEYS, ROOT_BYTES)
        if other.keys + 1 > most or other.bytes + key.charged > size:
            raise SyscallError(errno.EDQUOT)
        before = key.account
        before.keys, before.bytes = before.keys - 1, before.bytes - key.charged
        other.keys, other.bytes = other.keys + 1, other.bytes + key.charged
        key.account, key.uid = other, uid

    def hold(self, key: Key) -> Key:
        """Somebody has it."""
        key.uses += 1
        return key

    def drop(self, key: Key | None) -> None:
        """Somebody has it no more; the last one takes it, and what only it had."""
        doomed = [key] if key is not None else []
        while doomed:
            one = doomed.pop()
            one.uses -= 1
            if one.uses or self.keys.pop(one.serial, None) is None:
                continue
            one.account.keys -= 1
            self._charge(one.account, -one.charged)
            doomed += one.links.values()
            one.links = {}

    # --- keyrings ---

    def link(self, ring: Key, key: Key) -> None:
        """In place of one of the same kind and name; ENOTDIR, EDEADLK, EDQUOT, EPERM for a restricted keyring."""
        if ring.kind != KEYRING:
            raise SyscallError(errno.ENOTDIR)
        if ring.restricted:
            raise SyscallError(errno.EPERM)
        if key.kind == KEYRING:
            self._check_cycle(ring, key)
        name = (key.kind, key.description)
        before = ring.links.get(name)
        if before is None:
            self.resize(ring, LINK_BYTES)
        ring.links[name] = self.hold(key)
        self.drop(before)

    def _check_cycle(self, ring: Key, key: Key) -> None:
        """EDEADLK when `ring` is in `key`, ELOOP when that is too deep (keyring_detect_cycle)."""
        level, depth = [key], 0
        seen: set[int] = set()
        while level:
            if any(one is ring for one in level):
                raise SyscallError(errno.EDEADLK)
            depth += 1
            if depth > MAX_DEPTH:
                raise SyscallError(errno.ELOOP)
            seen.update(one.serial for one in level)
            level = [
                below
                for one in level
                for below in one.links.values()
                if below.kind == KEYRING and below.serial not in seen
            ]

    def unlink(self, ring: Key, key: Key) -> None:
        """ENOTDIR, ENOENT."""
        if ring.kind != KEYRING:
            raise SyscallError(errno.ENOTDIR)
        name = (key.kind, key.description)
        if ring.links.get(name) is not key:
            raise SyscallError(errno.ENOENT)
        del ring.links[name]
        self.resize(ring, -LINK_BYTES)
        self.drop(key)

    def clear(self, ring: Key) -> None:
        """Nothing is in it any more."""
        gone = list(ring.links.values())
        ring.links = {}
        self.resize(ring, -LINK_BYTES * len(gone))
        for key in gone:
            self.drop(key)

    def invalidate(self, key: Key) -> None:
        """No keyring has it any more (key_invalidate)."""
        for ring in [one for one in self.keys.values() if one.links.get((key.kind, key.description)) is key]:
            self.unlink(ring, key)

    # --- looking for one ---

    def search(self, t: Task, roots: list[tuple[Key, bool]], kind: bytes, name: bytes) -> tuple[Key, bool]:
        """The first key of that kind and name in keyrings of which the caller possesses some: the key, and whether it is
        possessed. ENOKEY; if none of them has just nothing of the name, EACCES, EKEYREVOKED, EKEYEXPIRED
        (keyring_search_rcu, search_cred_keyrings_rcu)."""
        now, problems = self.kernel.clock.now_ns(), []
        for root, possessed in roots:
            problem = errno.ENOKEY
            if not root.allows(t.creds, possessed, SEARCH):
                problems.append(errno.EACCES)
                continue
            for key in self.reachable(t, root, possessed):
                if key.kind != kind or key.description != name:
                    continue
                try:
                    key.check(now)
                    if key.allows(t.creds, possessed, SEARCH):
                        return key, possessed
                    problem = errno.EACCES
                except SyscallError as error:
                    problem = error.errno
            problems.append(problem)
        raise SyscallError(errno.ENOKEY if errno.ENOKEY in problems or not problems else problems[-1])

    def reachable(self, t: Task, root: Key, possessed: bool) -> list[Key]:
        """`root` and what is in keyrings that may be searched, each once."""
        now = self.kernel.clock.now_ns()
        found, level, seen = [root], [root], {root.serial}
        for _ in range(MAX_DEPTH):
            below: list[Key] = []
            for ring in level:
                for key in ring.links.values():
                    if key.serial in seen:
                        continue
                    seen.add(key.serial)
                    found.append(key)
                    alive = not key.revoked and not (key.expires and now >= key.expires)
                    if key.kind == KEYRING and alive and key.allows(t.creds, possessed, SEARCH):
                        below.append(key)
            level = below
        return found

    def own_rings(self, t: Task) -> list[tuple[Key, bool]]:
        """The keyrings of the caller's thread, process and session, that are searched without being named."""
        session = t.session_keyring
        if session is None:
            session = self.users[t.creds.uid].session if t.creds.uid in self.users else None
        rings = (t.thread_keyring, t.group.process_keyring, session)
        return [(ring, True) for ring in rings if ring is not None]

    def within_reach(self, t: Task) -> set[int]:
        """The serial numbers of all that is in those, as far as they may be searched."""
        return {
            key.serial
            for ring, _ in self.own_rings(t)
            if ring.allows(t.creds, True, SEARCH)
            for key in self.reachable(t, ring, True)
        }

    def possesses(self, t: Task, key: Key) -> bool:
        """The key is within reach, and may be searched for."""
        if not key.allows(t.creds, True, SEARCH):
            return False
        return any(ring is key for ring, _ in self.own_rings(t)) or key.serial in self.within_reach(t)

    # --- keyrings that processes and users have ---

    def thread_ring(self, t: Task) -> Key:
        """Made when it is first wanted."""
        if t.thread_keyring is None:
            t.thread_keyring = self.hold(self.make(KEYRING, b"_tid", t.creds.uid, t.creds.gid, _THREAD_PERM))
        return t.thread_keyring

    def process_ring(self, t: Task) -> Key:
        """The same of the process."""
        if t.group.process_keyring is None:
            t.group.process_keyring = self.hold(self.make(KEYRING, b"_pid", t.creds.uid, t.creds.gid, _THREAD_PERM))
        return t.group.process_keyring

    def user_rings(self, t: Task) -> tuple[Key, Key]:
        """_uid.N and _uid_ses.N of the caller's real user (look_up_user_keyrings)."""
        uid = t.creds.uid
        owner = self.user(uid)
        if owner.keyring is None:
            owner.keyring = self.hold(self.make(KEYRING, b"_uid.%d" % uid, uid, NO_GROUP, _USER_PERM))
        if owner.session is None:
            owner.session = self.hold(self.make(KEYRING, b"_uid_ses.%d" % uid, uid, NO_GROUP, _USER_PERM))
            self.link(owner.session, owner.keyring)
        return owner.keyring, owner.session

    def join(self, t: Task, ring: Key) -> None:
        """It is the caller's session keyring from now on."""
        before = t.session_keyring
        t.session_keyring = self.hold(ring)
        self.drop(before)

    def new_session(self, t: Task, name: bytes | None) -> Key:
        """Join an anonymous one, or that which has the name and may be searched, else a new one (join_session_keyring)."""
        if name is not None:
            for key in self.keys.values():
                if (
                    key.kind == KEYRING
                    and key.description == name
                    and not key.revoked
                    and key.allows(t.creds, False, SEARCH)
                ):
                    self.join(t, key)
                    return key
        perm = _SESSION_PERM if name is None else _NAMED_PERM
        key = self.make(KEYRING, b"_ses" if name is None else name, t.creds.uid, t.creds.gid, perm)
        self.join(t, key)
        return key

    def leave(self, t: Task, last: bool) -> None:
        """A thread ends (`last`: and its process with it)."""
        session, thread = t.session_keyring, t.thread_keyring
        t.session_keyring = t.thread_keyring = None
        self.drop(session)
        self.drop(thread)
        if last:
            process, t.group.process_keyring = t.group.process_keyring, None
            self.drop(process)
