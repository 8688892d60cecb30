"""RTM_NEWTFILTER, RTM_DELTFILTER (net/sched/cls_api.c, tc(8)): filters of `prio`, `htb` and `ingress`.

Deviates: there is chain 0 only, and no blocks that disciplines share.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import filter_kinds, filter_place, filter_show, filter_u32, ingress
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.filter_place import OPTIONS, TCMSG, Place, lists_of
from sandbox.sockets.netlink.filter_show import RTM_DELCHAIN, RTM_DELTFILTER, RTM_NEWCHAIN, RTM_NEWTFILTER
from tcpip.link.classify import ByMark, Filter, FilterList, MatchAll
from tcpip.link.classify_u32 import U32
from tcpip.stack.ingress import Ingress

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request

MOST: Final = 2048
"""Filters and their tables at an interface."""
_FIRST_PREFERENCE: Final = 0xC000
_NOT_CREATED: Final = "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter"


def change(network: Network, request: Request) -> None:
    """Make, change or take away."""
    _, index, handle, parent, info = request.header(TCMSG)
    preference, protocol = info >> 16, filter_place.swapped(info & 0xFFFF)
    kind = filter_place.kind_of(request)
    if request.type == RTM_NEWTFILTER:
        if not preference and not request.flags & nl.NLM_F_CREATE:
            raise nl.Refusal(errno.ENOENT, "Invalid filter command with priority of zero")
        place = filter_place.find_place(network, index, parent)
        place.filters.parent = place.parent
        filter_place.check_chain(request)
        _set(network, request, place, preference, protocol, kind, handle)
        return
    if not preference and (protocol or handle or kind is not None):
        raise nl.Refusal(errno.ENOENT, "Cannot flush filters with protocol, handle or kind set")
    place = filter_place.find_place(network, index, parent)
    filter_place.check_chain(request)
    _delete(network, place, preference, protocol, kind, handle)


def _free_preference(place: Place) -> int:
    """tcf_auto_prio: before the first of those that have been given one."""
    given = [one.preference for one in place.filters.filters if one.preference >= 0x8000]
    return min(given) - 1 if given else _FIRST_PREFERENCE


def _new(place: Place, preference: int, protocol: int, kind: str) -> Filter:
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
    network: Network, request: Request, place: Place, preference: int, protocol: int, kind: str | None, handle: int
) -> None:
    """tc_new_tfilter."""
    one = filter_place.find(place, preference, protocol) if preference else None
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
        if not filter_place.has(one, handle):
            if not request.flags & nl.NLM_F_CREATE:
                raise nl.Refusal(errno.ENOENT, _NOT_CREATED)
            if not created:
                _check_room(place)
        elif request.flags & nl.NLM_F_EXCL:
            raise nl.Refusal(errno.EEXIST, "Filter already exists")
        fresh = _change(place, one, handle, request.attributes(TCMSG.size).get(OPTIONS))
    except SyscallError:
        if created and isinstance(one, U32):
            filter_u32.retire(place.discipline, one)
        raise
    if network.notifier is not None and not place.filters.filters:
        network.notifier.traffic(RTM_NEWCHAIN, filter_show.chain_body(place.discipline))
    if created:
        place.filters.add(one)
    if network.notifier is not None:
        network.notifier.traffic(RTM_NEWTFILTER, filter_show.body(place, one, fresh))


def _check_room(place: Place) -> None:
    there = ingress.all_of(place.nic)
    words = sum(one.words.count() for one in there if one.words is not None)
    if words + sum(_count(filters) for one in there for _, filters in lists_of(one)) >= MOST:
        raise SyscallError(errno.ENOBUFS)


def _change(place: Place, one: Filter, handle: int, options: bytes | None) -> int:
    where = place.nic
    at_ingress = isinstance(place.discipline.qdisc, Ingress)
    if isinstance(one, U32):
        return filter_u32.change(where, at_ingress, one, handle, options)
    if isinstance(one, ByMark):
        return filter_kinds.change_mark(where, at_ingress, one, handle, options)
    assert isinstance(one, MatchAll)
    return filter_kinds.change_matchall(where, at_ingress, one, handle, options)


def _delete(network: Network, place: Place, preference: int, protocol: int, kind: str | None, handle: int) -> None:
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
    found = filter_place.named(place, preference, protocol, kind)
    if not handle:
        _remove(network, place, found)
        return
    if not filter_place.has(found, handle):
        raise nl.Refusal(errno.ENOENT, "Specified filter handle not found")
    body = filter_show.body(place, found, handle)
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


def _remove(network: Network, place: Place, one: Filter, told: bool = True) -> None:
    """With everything in it; the chain goes with the last one."""
    place.filters.filters.remove(one)
    if isinstance(one, U32):
        filter_u32.retire(place.discipline, one)
    if network.notifier is None:
        return
    if told:
        network.notifier.traffic(RTM_DELTFILTER, filter_show.body(place, one, 0))
    if not place.filters.filters:
        network.notifier.traffic(RTM_DELCHAIN, filter_show.chain_body(place.discipline))
