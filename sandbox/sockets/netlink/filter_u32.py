"""TCA_OPTIONS of `u32` (include/uapi/linux/pkt_cls.h, net/sched/cls_u32.c, tc-u32(8)): tables, rules in them, links from one to another."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.filter_kinds import NOT_IN_HARDWARE, actions_body, number, read_flags, read_target
from tcpip.link.classify import Target
from tcpip.link.classify_u32 import BUCKET, FIRST, KEY, NODE, TABLE, U32, U32Key, U32Rule, U32Table, U32Tables

if TYPE_CHECKING:
    from tcpip.stack.egress import Discipline
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_CLASS, _HASH, _LINK, _DIVISOR, _SELECTOR, _POLICE, _ACTIONS, _DEVICE = 1, 2, 3, 4, 5, 6, 7, 8
_MARK, _FLAGS = 10, 11
_HEAD: Final = struct.Struct(">BBBxHHhhI")  # struct tc_u32_sel; numbers of the host are read again, below
_HOST: Final = struct.Struct("<4xxxHhh4x")
_KEY: Final = struct.Struct(">II")
_PLACES: Final = struct.Struct("<ii")
_MARKED: Final = struct.Struct("<III")  # struct tc_u32_mark: value, mask, success
_DIVISOR_MOST: Final = 256
_HEAD_SIZE: Final = 16


def new(one: Discipline, preference: int, protocol: int) -> U32:
    """u32_init: the first of a discipline has table 800."""
    shared = one.words
    if shared is None:
        shared = one.words = U32Tables(one.nic.stack.toil)
        handle = FIRST
    else:
        handle = shared.free_handle()
    if not handle:
        raise SyscallError(errno.ENOBUFS)
    root = U32Table(handle, preference, 1, True)
    shared.tables.insert(0, root)
    shared.filters += 1
    return U32(preference, protocol, shared, root)


def retire(one: Discipline, gone: U32) -> None:
    """u32_destroy: its rules go; tables that nobody leads to go with the last one."""
    shared = gone.shared
    for rule in gone.root.rules():
        gone.root.remove(rule)
    shared.tables.remove(gone.root)
    shared.filters -= 1
    if not shared.filters:
        one.words = None


def find(one: U32, handle: int) -> U32Table | U32Rule | None:
    """u32_get."""
    table = one.root if handle & TABLE == TABLE else one.shared.find(handle)
    if table is None or not handle & KEY:
        return table
    return table.find(handle)


def change(nic: Nic, at_ingress: bool, one: U32, handle: int, options: bytes | None) -> int:
    """u32_change: the handle of what is made or changed."""
    if options is None:
        if handle:
            raise _refused("Filter handle requires options")
        return 0
    asked = nl.attributes_in(options)
    flags = read_flags(asked, _FLAGS)
    old = find(one, handle) if handle else None
    if old is not None:
        if isinstance(old, U32Table):
            raise _refused("Key node id cannot be zero")
        _set(nic, at_ingress, one, old, asked)
        return old.handle
    if _DIVISOR in asked:
        return _make_table(one, handle, number(asked, _DIVISOR))
    return _make_rule(nic, at_ingress, one, handle, asked, flags)


def _make_table(one: U32, handle: int, divisor: int) -> int:
    if not divisor or divisor & divisor - 1:
        raise _refused("Divisor is not a power of 2")
    if divisor > _DIVISOR_MOST:
        raise _refused("Exceeded maximum 256 hash buckets")
    if handle & KEY:
        raise _refused("Divisor can only be used on a hash table")
    handle = handle or one.shared.free_handle()
    if not handle:
        raise SyscallError(errno.ENOMEM)
    one.shared.tables.insert(0, U32Table(handle, one.preference, divisor, False))
    return handle


def _make_rule(nic: Nic, at_ingress: bool, one: U32, handle: int, asked: dict[int, bytes], flags: int) -> int:
    hashed = number(asked, _HASH)
    table: U32Table | None = one.root
    if hashed & TABLE in (0, TABLE) and (_HASH not in asked or hashed & TABLE == TABLE):
        hashed = one.root.handle
    else:
        table = one.shared.find(hashed)
    if table is None:
        raise _refused("Specified hash table not found")
    if (hashed & BUCKET) >> 12 >= len(table.buckets):
        raise _refused("Specified hash table buckets exceed configured value")
    if handle:
        if handle & TABLE and (handle ^ hashed) & TABLE:
            raise _refused("Handle specified hash table address mismatch")
        handle = hashed | handle & NODE
        if any(rule.handle & NODE == handle & NODE for rule in table.rules()):
            raise SyscallError(errno.ENOSPC)
    else:
        handle = table.free_handle(hashed & (TABLE | BUCKET))
        if not handle:
            raise SyscallError(errno.ENOSPC)
    selector = asked.get(_SELECTOR)
    if selector is None:
        raise _refused("Selector not specified")
    rule = U32Rule(handle, Target(0, []))
    _read_selector(rule, selector)
    rule.told_flags = flags
    if len(asked.get(_MARK, b"")) >= _MARKED.size:
        rule.mark, rule.marked_by, _ = _MARKED.unpack_from(asked[_MARK])
    _set(nic, at_ingress, one, rule, asked)
    table.insert(rule)
    return handle


def _read_selector(rule: U32Rule, raw: bytes) -> None:
    if len(raw) < _HEAD_SIZE:
        raise SyscallError(errno.EINVAL)
    flags, shift, count, mask, _, _, _, hash_mask = _HEAD.unpack_from(raw)
    if len(raw) < _HEAD_SIZE + 16 * count:
        raise SyscallError(errno.EINVAL)
    rule.selector = raw[: _HEAD_SIZE + 16 * count]
    rule.flags, rule.place_shift, rule.place_mask, rule.hash_mask = flags, shift & 31, mask, hash_mask
    rule.place, rule.place_at, rule.hash_at = _HOST.unpack_from(raw)
    for at in range(_HEAD_SIZE, _HEAD_SIZE + 16 * count, 16):
        rule.keys.append(U32Key(*_KEY.unpack_from(raw, at), *_PLACES.unpack_from(raw, at + 8)))


def _set(nic: Nic, at_ingress: bool, one: U32, rule: U32Rule, asked: dict[int, bytes]) -> None:
    """u32_set_parms."""
    classid, target = number(asked, _CLASS, rule.target.classid), rule.target
    if _ACTIONS in asked or _POLICE in asked:
        target = read_target(nic, at_ingress, classid, asked.get(_ACTIONS), asked.get(_POLICE))
    link = rule.link
    if _LINK in asked:
        handle = number(asked, _LINK)
        if handle & KEY:
            raise _refused("u32 Link handle must be a hash table")
        link = one.shared.find(handle) if handle else None
        if handle and link is None:
            raise _refused("Link hash table not found")
        if link is not None and link.root:
            raise _refused("Not linking to root node")
    if _DEVICE in asked:
        name = asked[_DEVICE].split(b"\0", 1)[0].decode("latin-1")
        if not any(one.name == name for one in nic.stack.nics.values()):
            raise nl.Refusal(errno.EINVAL, "Network device not found")
        rule.device = name
    if link is not rule.link:
        if rule.link is not None:
            rule.link.users -= 1
        if link is not None:
            link.users += 1
    rule.link = link
    target.classid = classid
    rule.target = target


def delete(one: U32, found: U32Table | U32Rule) -> bool:
    """u32_delete. True: the filter has nothing in it any more."""
    shared = one.shared
    if isinstance(found, U32Table):
        if found.root:
            raise _refused("Not allowed to delete root node")
        if found.users:
            raise nl.Refusal(errno.EBUSY, "cls_u32: Can not delete in-use filter")
        for rule in found.rules():
            found.remove(rule)
        shared.tables.remove(found)
    else:
        table = shared.find(found.handle)
        if table is not None:
            table.remove(found)
    return shared.filters == 1 and not any(table.rules() for table in shared.tables)


def handles(one: U32) -> list[int]:
    """All of its preference, tables first of what is in them (u32_walk)."""
    mine = [table for table in one.shared.tables if table.preference == one.preference]
    return [handle for table in mine for handle in (table.handle, *[rule.handle for rule in table.rules()])]


def body(stack: Stack, one: U32, handle: int) -> bytes:
    """u32_dump."""
    found = find(one, handle)
    if isinstance(found, U32Table):
        return nl.u32(_DIVISOR, len(found.buckets))
    if found is None:
        return b""
    parts = [nl.attribute(_SELECTOR, found.selector), nl.u32(_HASH, found.handle & (TABLE | BUCKET))]
    parts += [nl.u32(_CLASS, found.target.classid)] if found.target.classid else []
    parts += [nl.u32(_LINK, found.link.handle)] if found.link is not None else []
    if found.mark or found.marked_by:
        parts.append(nl.attribute(_MARK, _MARKED.pack(found.mark, found.marked_by, 0)))
    parts += [nl.u32(_FLAGS, found.told_flags | NOT_IN_HARDWARE), actions_body(stack, _ACTIONS, found.target, _POLICE)]
    parts += [nl.string(_DEVICE, found.device)] if found.device else []
    return b"".join(parts)


def _refused(text: str) -> nl.Refusal:
    return nl.Refusal(errno.EINVAL, f"cls_u32: {text}")
