"""/proc/keys and /proc/key-users (security/keys/proc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.keyctl import MAX_BYTES, MAX_KEYS, ROOT_BYTES, ROOT_KEYS

if TYPE_CHECKING:
    from sandbox.kernel.keys import Key
    from sandbox.kernel.task import Task

_NS: Final = 1_000_000_000
_SPANS: Final = ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (7 * 86400, 86400, "d"))


def _left(key: Key, now: int) -> str:
    """How long it has to live, in four columns."""
    if not key.expires:
        return "perm"
    if now >= key.expires:
        return "expd"
    seconds = (key.expires - now) // _NS
    for below, unit, letter in _SPANS:
        if seconds < below:
            return f"{seconds // unit}{letter}"
    return f"{seconds // (7 * 86400)}w"


def keys(t: Task) -> bytes:
    """Those that the reader may view."""
    from sandbox.kernel.keys import KEYRING, SEARCH, VIEW

    table, ids, now = t.kernel.keys, t.creds.user, t.kernel.clock.now_ns()
    near, out = table.within_reach(t), []
    for serial in sorted(table.keys):
        key = table.keys[serial]
        if not key.allows(t.creds, serial in near and key.allows(t.creds, True, SEARCH), VIEW):
            continue
        gid = ids.gids.find(key.gid) if key.gid >= 0 else -1
        name = key.description.decode("utf-8", "backslashreplace")
        text = name
        if key.kind == KEYRING:
            text = f"{name}: {len(key.links) or 'empty'}"
        elif not key.revoked:
            text = f"{name}: {len(key.data)}"
        flags = f"I{'R' if key.revoked else '-'}-Q---"
        out.append(
            f"{serial:08x} {flags} {key.uses:5} {_left(key, now):>4} {key.perm:08x} {ids.uids.find(key.uid):5} {gid:5} "
            f"{key.kind.decode():9.9} {text}\n"
        )
    return "".join(out).encode()


def key_users(t: Task) -> bytes:
    """What each user has, and may have."""
    out = []
    for uid, one in sorted(t.kernel.keys.users.items()):
        most, size = (MAX_KEYS, MAX_BYTES) if uid else (ROOT_KEYS, ROOT_BYTES)
        shown = t.creds.user.uids.find(uid)
        out.append(f"{shown:5}: {one.keys:5} {one.keys}/{one.keys} {one.keys}/{most} {one.bytes}/{size}\n")
    return "".join(out).encode()
