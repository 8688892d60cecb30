"""RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER, RTM_GETCHAIN (net/sched/cls_api.c, tc(8)): filters of `prio` and `htb`.

Deviates: there is chain 0 only, and no blocks that disciplines share.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import filter_kinds, filter_u32, ingress
from sandbox.sockets.netlink import message as nl
from tcpip.link.classify import ByMark, Filter, FilterList, MatchAll
from tcpip.link.classify_u32 import U32
from tcpip.link.qdisc_htb import Htb
from tcpip.link.qdisc_prio import Prio
from tcpip.stack.ingress import Ingress

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.egress import Discipline
    from tcpip.stack.nic import Nic

RTM_NEWTFILTER: Final = 44
RTM_DELTFILTER: Final = 45
RTM_GETTFILTER: Final = 46
RTM_NEWCHAIN: Final = 100
RTM_DELCHAIN: Final = 101
RTM_GETCHAIN: Final = 102
MOST: Final = 2048
"""Filters and their tables at an interface."""
_TCMSG: Final = struct.Struct("<B3xiIII")
_KIND, _OPTIONS, _CHAIN = 1, 2, 11
_NAME_MOST: Final = 16
_CHAIN_MOST: Final = 0x0FFFFFFF
_FIRST_PREFERENCE: Final = 0xC000
_ROOT: Final = 0xFFFFFFFF
_MAJOR: Final = 0xFFFF0000
_ARRIVES, _LEAVES = 0xFFF2, 0xFFF3
_NO_BLOCKS: Final = ("tbf", "netem")
_NOT_CREATED: Final = "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter"


class _Place:
    """Where filters are: a discipline's, or those of one of its classes. `parent` names it."""

    __slots__ = ("nic", "discipline", "parent", "filters")

    def __init__(self, nic: Nic, discipline: Discipline, parent: int, filters: FilterList) -> None:
        self.nic = nic
        self.discipline = discipline
        self.parent = parent
        self.filters = filters


def lists_of(one: Discipline) -> list[tuple[int, FilterList]]:
    """All of a discipline, by their parent's number."""
    qdisc = one.qdisc
    if isinstance(qdisc, Ingress):
        return [(_ARRIVES, qdisc.arriving), (_LEAVES, qdisc.leaving)] if qdisc.both else [(_ARRIVES, qdisc.arriving)]
    if isinstance(qdisc, Prio):
        return [(0, qdisc.filters)]
    if isinstance(qdisc, Htb):
        return [(0, qdisc.filters), *[(number, of.filters) for number, of in qdisc.classes.items()]]
    return []


def _place(network: Network, index: int, parent: int) -> _Place:
    """__tcf_qdisc_find, __tcf_qdisc_cl_find. ENODEV, EINVAL, ENOENT, EOPNOTSUPP."""
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    egress: Discipline | None = nic.egress
    if parent & _MAJOR == ingress.HANDLE:
        return _ingress_place(nic, parent)
    if parent and egress is not None:
        egress = next((one for one in nic.egress.all() if one.handle == parent & _MAJOR), None) if nic.egress else None
    if egress is None:
        if parent:
            raise nl.Refusal(errno.EINVAL, "Parent Qdisc doesn't exists")
        if own_link(nic) is None and not nic.loopback:  # fq_codel
            raise nl.Refusal(errno.EOPNOTSUPP, "Class doesn't support blocks")
        raise nl.Refusal(errno.EINVAL, "Qdisc not classful")
    if egress.kind in _NO_BLOCKS:
        raise nl.Refusal(errno.EOPNOTSUPP, "Class doesn't support blocks")
    if egress.kind in ("fq_codel", "sfq"):
        raise nl.Refusal(errno.EOPNOTSUPP, "Filters are not supported here")
    parent = parent or egress.handle
    lists = dict(lists_of(egress))
    if not lists:
        raise nl.Refusal(errno.EINVAL, "Qdisc not classful")
    number = parent & ~_MAJOR
    if isinstance(egress.qdisc, Prio) and number:
        if number > len(egress.qdisc.children()):
            raise nl.Refusal(errno.ENOENT, "Specified class doesn't exist")
        raise SyscallError(errno.EINVAL)  # a band has none (prio_tcf_block)
    if number not in lists:
        raise nl.Refusal(errno.ENOENT, "Specified class doesn't exist")
    return _Place(nic, egress, parent, lists[number])


def _ingress_place(nic: Nic, parent: int) -> _Place:
    """ingress_find, clsact_find, ingress_tcf_block, clsact_tcf_block."""
    found = ingress.discipline(nic)
    if found is None or not isinstance(found.qdisc, Ingress):
        raise nl.Refusal(errno.EINVAL, "Parent Qdisc doesn't exists")
    number = parent & ~_MAJOR
    if not found.qdisc.both:
        return _Place(nic, found, parent, found.qdisc.arriving)
    if number not in (_ARRIVES, _LEAVES):
        if number:
            raise nl.Refusal(errno.ENOENT, "Specified class doesn't exist")
        raise SyscallError(errno.EINVAL)
    return _Place(nic, found, parent, found.qdisc.arriving if number == _ARRIVES else found.qdisc.leaving)


def _kind_of(request: Request) -> str | None:
    raw = request.attributes(_TCMSG.size).get(_KIND)
    if raw is None:
        return None
    name = raw.split(b"\0", 1)[0].decode("latin-1")
    if len(name) >= _NAME_MOST:
        raise nl.Refusal(errno.EINVAL, "Specified TC filter name too long")
    return name


def _check_chain(request: Request) -> None:
    chain = int.from_bytes(request.attributes(_TCMSG.size).get(_CHAIN, b"")[:4], "little")
    if chain > _CHAIN_MOST:
        raise nl.Refusal(errno.EINVAL, "Specified chain index exceeds upper limit")
    if chain:
        raise SyscallError(errno.EOPNOTSUPP)


def change(network: Network, request: Request) -> None:
    """Make, change or take away."""
    _, index, handle, parent, info = request.header(_TCMSG)
    preference, protocol = info >> 16, _swapped(info & 0xFFFF)
    kind = _kind_of(request)
    if request.type == RTM_NEWTFILTER:
        if not preference and not request.flags & nl.NLM_F_CREATE:
            raise nl.Refusal(errno.ENOENT, "Invalid filter command with priority of zero")
        place = _place(network, index, parent)
        place.filters.parent = place.parent
        _check_chain(request)
        _set(network, request, place, preference, protocol, kind, handle)
        return
    if not preference and (protocol or handle or kind is not None):
        raise nl.Refusal(errno.ENOENT, "Cannot flush filters with protocol, handle or kind set")
    place = _place(network, index, parent)
    _check_chain(request)
    _delete(network, place, preference, protocol, kind, handle)


def _swapped(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8


def _find(place: _Place, preference: int, protocol: int, exact: bool = False) -> Filter | None:
    """tcf_chain_tp_find. EINVAL."""
    found = place.filters.find(preference)
    if found is not None and (exact or (protocol and found.protocol != protocol)):
        raise nl.Refusal(errno.EINVAL, "Protocol mismatch for filter with specified priority")
    return found


def _has(one: Filter, handle: int) -> bool:
    if isinstance(one, U32):
        return filter_u32.find(one, handle) is not None
    if isinstance(one, ByMark):
        return handle in one.targets
    return isinstance(one, MatchAll) and one.handle != 0 and one.handle == handle


def _free_preference(place: _Place) -> int:
    """tcf_auto_prio: before the first of those that have been given one."""
    given = [one.preference for one in place.filters.filters if one.preference >= 0x8000]
    return min(given) - 1 if given else _FIRST_PREFERENCE


def _new(place: _Place, preference: int, protocol: int, kind: str) -> Filter:
    _check_room(place)
    if kind == "u32":
        return filter_u32.new(place.discipline, preference, protocol)
    if kind == "fw":
        return ByMark(preference, protocol)
    if kind == "matchall":
        return MatchAll(preference, protocol)
    raise nl.Refusal(errno.ENOENT, "TC classifier not found")


def _count(filters: FilterList) -> int:
    return sum([1 + len(one.targets) if isinstance(one, ByMark) else 1 for one in filters.filters])


def _set(
    network: Network, request: Request, place: _Place, preference: int, protocol: int, kind: str | None, handle: int
) -> None:
    """tc_new_tfilter."""
    one = _find(place, preference, protocol) if preference else None
    created = one is None
    if one is None:
        if kind is None or not protocol:
            raise nl.Refusal(errno.EINVAL, "Filter kind and protocol must be specified")
        if not request.flags & nl.NLM_F_CREATE:
            raise nl.Refusal(errno.ENOENT, _NOT_CREATED)
        one = _new(place, preference or _free_preference(place), protocol, kind)
    try:
        if kind is not None and kind != one.kind:
            raise nl.Refusal(errno.EINVAL, "Specified filter kind does not match existing one")
        if not _has(one, handle):
            if not request.flags & nl.NLM_F_CREATE:
                raise nl.Refusal(errno.ENOENT, _NOT_CREATED)
            if not created:
                _check_room(place)
        elif request.flags & nl.NLM_F_EXCL:
            raise nl.Refusal(errno.EEXIST, "Filter already exists")
        fresh = _change(place, one, handle, request.attributes(_TCMSG.size).get(_OPTIONS))
    except SyscallError:
        if created and isinstance(one, U32):
            filter_u32.retire(place.discipline, one)
        raise
    if network.notifier is not None and not place.filters.filters:
        network.notifier.traffic(RTM_NEWCHAIN, chain_body(place.discipline))
    if created:
        place.filters.add(one)
    if network.notifier is not None:
        network.notifier.traffic(RTM_NEWTFILTER, _body(place, one, fresh))


def _check_room(place: _Place) -> None:
    there = ingress.all_of(place.nic)
    words = sum(one.words.count() for one in there if one.words is not None)
    if words + sum(_count(filters) for one in there for _, filters in lists_of(one)) >= MOST:
        raise SyscallError(errno.ENOBUFS)


def _change(place: _Place, one: Filter, handle: int, options: bytes | None) -> int:
    where = place.nic
    at_ingress = isinstance(place.discipline.qdisc, Ingress)
    if isinstance(one, U32):
        return filter_u32.change(where, at_ingress, one, handle, options)
    if isinstance(one, ByMark):
        return filter_kinds.change_mark(where, at_ingress, one, handle, options)
    assert isinstance(one, MatchAll)
    return filter_kinds.change_matchall(where, at_ingress, one, handle, options)


def _delete(network: Network, place: _Place, preference: int, protocol: int, kind: str | None, handle: int) -> None:
    """tc_del_tfilter."""
    filters = place.filters
    if not filters.filters:
        if not preference:
            return
        raise nl.Refusal(errno.ENOENT, "Cannot find specified filter chain")
    if not preference:
        for one in list(filters.filters):
            _remove(network, place, one)
        return
    found = _named(place, preference, protocol, kind)
    if not handle:
        _remove(network, place, found)
        return
    if not _has(found, handle):
        raise nl.Refusal(errno.ENOENT, "Specified filter handle not found")
    body = _body(place, found, handle)
    last = True
    if isinstance(found, U32):
        part = filter_u32.find(found, handle)
        assert part is not None
        last = filter_u32.delete(found, part)
    elif isinstance(found, ByMark):
        del found.targets[handle]
        last = not found.targets
    if network.notifier is not None:
        network.notifier.traffic(RTM_DELTFILTER, body)
    if last:
        _remove(network, place, found, False)


def _named(place: _Place, preference: int, protocol: int, kind: str | None) -> Filter:
    found = _find(place, preference, protocol)
    if found is None:
        raise nl.Refusal(errno.ENOENT, "Filter with specified priority/protocol not found")
    if kind is not None and kind != found.kind:
        raise nl.Refusal(errno.EINVAL, "Specified filter kind does not match existing one")
    return found


def _remove(network: Network, place: _Place, one: Filter, told: bool = True) -> None:
    """With everything in it; the chain goes with the last one."""
    place.filters.filters.remove(one)
    if isinstance(one, U32):
        filter_u32.retire(place.discipline, one)
    if network.notifier is None:
        return
    if told:
        network.notifier.traffic(RTM_DELTFILTER, _body(place, one, 0))
    if not place.filters.filters:
        network.notifier.traffic(RTM_DELCHAIN, chain_body(place.discipline))


def chain_body(one: Discipline) -> bytes:
    """tc_chain_fill_node."""
    return _TCMSG.pack(0, one.nic.number, 0, one.handle, 0) + nl.u32(_CHAIN, 0)


def _body(place: _Place, one: Filter, handle: int) -> bytes:
    """tcf_fill_node. `handle` 0: the filter itself, without what is in it."""
    info = one.preference << 16 | _swapped(one.protocol)
    head = _TCMSG.pack(0, place.nic.number, handle, place.parent, info) + nl.string(_KIND, one.kind) + nl.u32(_CHAIN, 0)
    if not handle:
        return head
    stack = place.nic.stack
    if isinstance(one, U32):
        return head + nl.attribute(_OPTIONS, filter_u32.body(stack, one, handle))
    if isinstance(one, ByMark):
        return head + nl.attribute(_OPTIONS, filter_kinds.mark_body(stack, one, handle))
    assert isinstance(one, MatchAll)
    return head + nl.attribute(_OPTIONS, filter_kinds.matchall_body(stack, one))


def _handles(one: Filter) -> list[int]:
    if isinstance(one, U32):
        return filter_u32.handles(one)
    if isinstance(one, ByMark):
        return filter_kinds.marks_in_order(one)
    return [one.handle] if isinstance(one, MatchAll) and one.handle else []


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """A dump of filters or chains, or one filter (tc_get_tfilter)."""
    _, index, handle, parent, info = request.header(_TCMSG)
    if request.type == RTM_GETCHAIN and not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if request.dump:
        kind = request.type - 2
        try:
            place = _place(network, index, parent)
        except SyscallError:
            return nl.dump(request, port, kind, [])
        place.parent = place.filters.parent
        if request.type == RTM_GETCHAIN:
            return nl.dump(request, port, kind, [chain_body(place.discipline)] if place.filters.filters else [])
        if int.from_bytes(request.attributes(_TCMSG.size).get(_CHAIN, b"")[:4], "little"):
            return nl.dump(request, port, kind, [])
        bodies = [_body(place, one, number) for one in place.filters.filters for number in (0, *_handles(one))]
        return nl.dump(request, port, kind, bodies)
    preference, protocol = info >> 16, _swapped(info & 0xFFFF)
    kind_name = _kind_of(request)
    if not preference:
        raise nl.Refusal(errno.ENOENT, "Invalid filter command with priority of zero")
    place = _place(network, index, parent)
    _check_chain(request)
    if not place.filters.filters:
        raise nl.Refusal(errno.EINVAL, "Cannot find specified filter chain")
    found = _named(place, preference, protocol, kind_name)
    if not _has(found, handle):
        raise nl.Refusal(errno.ENOENT, "Specified filter handle not found")
    return [nl.message(RTM_NEWTFILTER, 0, request.seq, port, _body(place, found, handle))]
