"""The filters that there are: TCA_OPTIONS of `matchall` and `fw`, and what all have in common: classes and actions
(include/uapi/linux/pkt_cls.h; net/sched/cls_matchall.c, cls_fw.c, act_api.c, act_gact.c; tc-matchall(8), tc-fw(8)).

Not supported: actions but `gact`, `police` (`filter_police.py`) and, at `ingress` and `clsact`, `mirred egress`; chances, and those that are made apart (EOPNOTSUPP; ENOENT for kinds that are not there).
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import filter_police
from sandbox.sockets.netlink import message as nl
from tcpip.link.classify import OK, PIPE, SHOT, STOLEN, UNSPEC, ByMark, GenericAction, MatchAll, Police, Target
from tcpip.stack.ingress import Mirred

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

ACTIONS_MOST: Final = 32
"""TCA_ACT_MAX_PRIO."""
NOT_IN_HARDWARE: Final = 8
SKIP_HARDWARE, SKIP_SOFTWARE = 1, 2
_ACT_KIND, _ACT_OPTIONS, _ACT_STATS = 1, 2, 4
_GACT_TIMES, _GACT_PARAMETERS, _GACT_CHANCE = 1, 2, 3
_GACT: Final = struct.Struct("<IIiii")  # struct tc_gact: index, capabilities, action, references, bindings
_MIRRED: Final = struct.Struct("<IIiiiiI")  # struct tc_mirred: the same, which way, interface
_EGRESS_REDIRECT, _EGRESS_MIRROR = 1, 2
_TIMES: Final = struct.Struct("<4Q")  # struct tcf_t: installed, last use, expires, first use
_BASIC: Final = struct.Struct("<QI4x")
_QUEUE: Final = struct.Struct("<5I")
_VERDICTS: Final = (OK, SHOT, PIPE, UNSPEC)
_NS_PER_TICK: Final = 10_000_000
_WORD: Final = 0xFFFFFFFF


def read_actions(nic: Nic, at_ingress: bool, raw: bytes | None) -> list[GenericAction]:
    """tcf_action_init. EINVAL, ENOENT, EOPNOTSUPP."""
    found: list[GenericAction] = []
    for _, one in sorted(nl.attributes_in(raw or b"").items()):
        asked = nl.attributes_in(one)
        if _ACT_KIND not in asked:
            raise nl.Refusal(errno.EINVAL, "TC action kind must be specified")
        kind = asked[_ACT_KIND].split(b"\0", 1)[0]
        if kind not in _READERS:
            raise nl.Refusal(errno.ENOENT, "Failed to load TC action module")
        if len(found) >= ACTIONS_MOST or (kind == b"mirred" and not at_ingress):
            raise SyscallError(errno.EINVAL if len(found) >= ACTIONS_MOST else errno.EOPNOTSUPP)
        found.append(_READERS[kind](nic, asked.get(_ACT_OPTIONS, b""), found))
    return found


def _read_mirred(nic: Nic, raw: bytes, others: list[GenericAction]) -> GenericAction:
    """tcf_mirred_init. EINVAL, ENODEV; EOPNOTSUPP for what comes in again somewhere else."""
    asked = nl.attributes_in(raw)
    if len(asked.get(_GACT_PARAMETERS, b"")) < _MIRRED.size:
        raise nl.Refusal(errno.EINVAL, "act_mirred: Missing required mirred parameters")
    index, _, verdict, _, _, way, number = _MIRRED.unpack_from(asked[_GACT_PARAMETERS])
    if way not in (_EGRESS_REDIRECT, _EGRESS_MIRROR) or len(asked) > 1:
        raise SyscallError(errno.EOPNOTSUPP)
    redirects = way == _EGRESS_REDIRECT
    if verdict not in ((STOLEN,) if redirects else _VERDICTS):
        raise SyscallError(errno.EOPNOTSUPP)
    target = nic.stack.nics.get(number)
    if target is None:
        raise SyscallError(errno.ENODEV)
    return Mirred(_free_index(nic, "mirred", index, others), verdict, nic, target, redirects)


def _read_police(nic: Nic, raw: bytes, others: list[GenericAction]) -> GenericAction:
    found = filter_police.read(raw, nic.stack.clock.now_ns())
    found.index = _free_index(nic, "police", found.index, others)
    return found


def _kind_of(one: GenericAction) -> str:
    return "mirred" if isinstance(one, Mirred) else "police" if isinstance(one, Police) else "gact"


def _free_index(nic: Nic, kind: str, index: int, others: list[GenericAction]) -> int:
    """The one that is asked for, or the lowest. EOPNOTSUPP for one that filters would share."""
    taken = {one.index for one in (*all_actions(nic.stack), *others) if _kind_of(one) == kind}
    if index in taken:
        raise SyscallError(errno.EOPNOTSUPP)
    free = 1
    while free in taken:
        free += 1
    return index or free


def _read_gact(nic: Nic, raw: bytes, others: list[GenericAction]) -> GenericAction:
    asked = nl.attributes_in(raw)
    if len(asked.get(_GACT_PARAMETERS, b"")) < _GACT.size:
        raise SyscallError(errno.EINVAL)
    index, _, verdict, _, _ = _GACT.unpack_from(asked[_GACT_PARAMETERS])
    if _GACT_CHANCE in asked or verdict not in _VERDICTS:
        raise SyscallError(errno.EOPNOTSUPP)
    return GenericAction(_free_index(nic, "gact", index, others), verdict, nic.stack.clock.now_ns())


_READERS: Final[dict[bytes, Callable[[Nic, bytes, list[GenericAction]], GenericAction]]] = {
    b"gact": _read_gact,
    b"mirred": _read_mirred,
    b"police": _read_police,
}


def read_target(nic: Nic, at_ingress: bool, classid: int, actions: bytes | None, police: bytes | None) -> Target:
    """A class and what is done before (tcf_exts_validate): actions, or a policer alone."""
    if police is None:
        return Target(classid, read_actions(nic, at_ingress, actions))
    target = Target(classid, [_read_police(nic, police, [])])
    target.alone = True
    return target


def all_actions(stack: Stack) -> list[GenericAction]:
    """Of every filter."""
    from sandbox.sockets.netlink.filter_place import lists_of
    from sandbox.sockets.netlink.ingress import all_of

    lists = [filters for nic in stack.nics.values() for one in all_of(nic) for _, filters in lists_of(one)]
    targets = [target for filters in lists for one in filters.filters for target in one.targets_of()]
    return [action for target in targets for action in target.actions]


def actions_body(stack: Stack, kind: int, target: Target, police: int = 0) -> bytes:
    """tcf_exts_dump, in the attribute `kind`, or `police` for one alone; nothing without any."""
    if not target.actions:
        return b""
    now = stack.clock.now_ns()
    if target.alone:
        return nl.attribute(police, _options(target.actions[0], now))
    return nl.attribute(
        kind, b"".join([nl.attribute(number, _action(one, now)) for number, one in enumerate(target.actions, 1)])
    )


def _action(one: GenericAction, now: int) -> bytes:
    dropped = 0
    if one.verdict == SHOT:
        dropped = one.exceeded if isinstance(one, Police) else one.packets
    counts = nl.attribute(1, _BASIC.pack(one.octets, one.packets & _WORD))
    over = one.overlimits if isinstance(one, Mirred) else one.exceeded if isinstance(one, Police) else 0
    counts += nl.attribute(3, _QUEUE.pack(0, 0, dropped & _WORD, 0, over & _WORD))
    head = nl.string(_ACT_KIND, _kind_of(one)) + nl.attribute(_ACT_STATS, counts)
    return head + nl.attribute(_ACT_OPTIONS, _options(one, now))


def _options(one: GenericAction, now: int) -> bytes:
    """TCA_ACT_OPTIONS."""
    times = [(now - at) // _NS_PER_TICK for at in (one.installed, one.used)]
    first = (now - one.first) // _NS_PER_TICK if one.first else 0
    if isinstance(one, Police):
        return filter_police.told(one) + nl.attribute(filter_police.TIMES, _TIMES.pack(*times, 0, first))
    fixed = _GACT.pack(one.index, 0, one.verdict, 1, 1)
    if isinstance(one, Mirred):
        way = _EGRESS_REDIRECT if one.redirects else _EGRESS_MIRROR
        fixed += struct.pack("<iI", way, one.target.number if one.there() else 0)
    options = nl.attribute(_GACT_PARAMETERS, fixed)
    return options + nl.attribute(_GACT_TIMES, _TIMES.pack(*times, 0, first))


def number(asked: dict[int, bytes], kind: int, default: int = 0) -> int:
    """Of four bytes. ERANGE."""
    value = asked.get(kind)
    if value is None:
        return default
    if len(value) < 4:
        raise nl.Refusal(errno.ERANGE, "Attribute failed policy validation")
    return int.from_bytes(value[:4], "little")


def read_flags(asked: dict[int, bytes], kind: int) -> int:
    """TCA_CLS_FLAGS: there is no hardware (tc_flags_valid)."""
    flags = number(asked, kind)
    if flags & ~(SKIP_HARDWARE | SKIP_SOFTWARE) or flags == SKIP_HARDWARE | SKIP_SOFTWARE:
        raise SyscallError(errno.EINVAL)
    if flags & SKIP_SOFTWARE:
        raise SyscallError(errno.EOPNOTSUPP)
    return flags | NOT_IN_HARDWARE


_ALL_CLASS, _ALL_ACTIONS, _ALL_FLAGS, _ALL_COUNT = 1, 2, 3, 4


def change_matchall(nic: Nic, at_ingress: bool, one: MatchAll, handle: int, options: bytes | None) -> int:
    """mall_change: it cannot be changed. The handle of what is there now."""
    if options is None:
        raise SyscallError(errno.EINVAL)
    if one.handle:
        raise SyscallError(errno.EEXIST)
    asked = nl.attributes_in(options)
    read_flags(asked, _ALL_FLAGS)
    one.target = Target(number(asked, _ALL_CLASS), read_actions(nic, at_ingress, asked.get(_ALL_ACTIONS)))
    one.handle = handle or 1
    return one.handle


def matchall_body(stack: Stack, one: MatchAll) -> bytes:
    """mall_dump."""
    head = nl.u32(_ALL_CLASS, one.target.classid) if one.target.classid else b""
    counts = nl.attribute(_ALL_COUNT, (one.matched).to_bytes(8, "little"))
    return head + nl.u32(_ALL_FLAGS, NOT_IN_HARDWARE) + counts + actions_body(stack, _ALL_ACTIONS, one.target)


_MARK_CLASS, _MARK_POLICE, _MARK_DEVICE, _MARK_ACTIONS, _MARK_MASK = 1, 2, 3, 4, 5


def change_mark(nic: Nic, at_ingress: bool, one: ByMark, handle: int, options: bytes | None) -> int:
    """fw_change: another one of the same mark takes its place. The mark."""
    if options is None or not handle:
        raise SyscallError(errno.EINVAL)
    asked = nl.attributes_in(options)
    if _MARK_DEVICE in asked:
        raise SyscallError(errno.EOPNOTSUPP)
    mask = number(asked, _MARK_MASK, _WORD)
    if one.targets and mask != one.mask:
        raise SyscallError(errno.EINVAL)
    given = (asked.get(_MARK_ACTIONS), asked.get(_MARK_POLICE))
    target = read_target(nic, at_ingress, number(asked, _MARK_CLASS), *given)
    one.mask = mask
    one.targets[handle] = target
    return handle


def mark_body(stack: Stack, one: ByMark, handle: int) -> bytes:
    """fw_dump."""
    target = one.targets[handle]
    parts = [nl.u32(_MARK_CLASS, target.classid)] if target.classid else []
    parts += [nl.u32(_MARK_MASK, one.mask)] if one.mask != _WORD else []
    return b"".join(parts) + actions_body(stack, _MARK_ACTIONS, target, _MARK_POLICE)


def marks_in_order(one: ByMark) -> list[int]:
    """As Linux's table has them: 256 lists, the newest first (fw_hash)."""
    newest = list(reversed(one.targets))
    return sorted(newest, key=lambda mark: (mark ^ mark >> 8 ^ mark >> 16 ^ mark >> 24) & 0xFF)
