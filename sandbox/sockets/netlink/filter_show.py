"""RTM_GETTFILTER, RTM_GETCHAIN: filters and chains as they are shown, and told (net/sched/cls_api.c, tc(8))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import filter_kinds, filter_place, filter_u32
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.filter_place import CHAIN, KIND, OPTIONS, TCMSG, Place
from tcpip.link.classify import ByMark, Filter, MatchAll
from tcpip.link.classify_u32 import U32

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.egress import Discipline

RTM_NEWTFILTER: Final = 44
RTM_DELTFILTER: Final = 45
RTM_GETTFILTER: Final = 46
RTM_NEWCHAIN: Final = 100
RTM_DELCHAIN: Final = 101
RTM_GETCHAIN: Final = 102


def chain_body(one: Discipline) -> bytes:
    """tc_chain_fill_node."""
    return TCMSG.pack(0, one.nic.number, 0, one.handle, 0) + nl.u32(CHAIN, 0)


def body(place: Place, one: Filter, handle: int) -> bytes:
    """tcf_fill_node. `handle` 0: the filter itself, without what is in it."""
    info = one.preference << 16 | filter_place.swapped(one.protocol)
    head = TCMSG.pack(0, place.nic.number, handle, place.parent, info) + nl.string(KIND, one.kind) + nl.u32(CHAIN, 0)
    if not handle:
        return head
    stack = place.nic.stack
    if isinstance(one, U32):
        return head + nl.attribute(OPTIONS, filter_u32.body(stack, one, handle))
    if isinstance(one, ByMark):
        return head + nl.attribute(OPTIONS, filter_kinds.mark_body(stack, one, handle))
    assert isinstance(one, MatchAll)
    return head + nl.attribute(OPTIONS, filter_kinds.matchall_body(stack, one))


def handles(one: Filter) -> list[int]:
    if isinstance(one, U32):
        return filter_u32.handles(one)
    if isinstance(one, ByMark):
        return filter_kinds.marks_in_order(one)
    return [one.handle] if isinstance(one, MatchAll) and one.handle else []


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """A dump of filters or chains, or one filter (tc_get_tfilter)."""
    _, index, handle, parent, info = request.header(TCMSG)
    if request.type == RTM_GETCHAIN and not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if request.dump:
        kind = request.type - 2
        try:
            place = filter_place.find_place(network, index, parent)
        except SyscallError:
            return nl.dump(request, port, kind, [])
        place.parent = place.filters.parent
        if request.type == RTM_GETCHAIN:
            return nl.dump(request, port, kind, [chain_body(place.discipline)] if place.filters.filters else [])
        if int.from_bytes(request.attributes(TCMSG.size).get(CHAIN, b"")[:4], "little"):
            return nl.dump(request, port, kind, [])
        bodies = [body(place, one, number) for one in place.filters.filters for number in (0, *handles(one))]
        return nl.dump(request, port, kind, bodies)
    preference, protocol = info >> 16, filter_place.swapped(info & 0xFFFF)
    kind_name = filter_place.kind_of(request)
    if not preference:
        raise nl.Refusal(errno.ENOENT, "Invalid filter command with priority of zero")
    place = filter_place.find_place(network, index, parent)
    filter_place.check_chain(request)
    if not place.filters.filters:
        raise nl.Refusal(errno.EINVAL, "Cannot find specified filter chain")
    found = filter_place.named(place, preference, protocol, kind_name)
    if not filter_place.has(found, handle):
        raise nl.Refusal(errno.ENOENT, "Specified filter handle not found")
    return [nl.message(RTM_NEWTFILTER, 0, request.seq, port, body(place, found, handle))]
