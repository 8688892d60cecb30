"""Where filters are and which one is meant: at a discipline, or at one of its classes, by preference and protocol
(net/sched/cls_api.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import filter_u32, ingress
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

TCMSG: Final = struct.Struct("<B3xiIII")
KIND, OPTIONS, CHAIN = 1, 2, 11
_NAME_MOST: Final = 16
_CHAIN_MOST: Final = 0x0FFFFFFF
_MAJOR: Final = 0xFFFF0000
_ARRIVES, _LEAVES = 0xFFF2, 0xFFF3
_NO_BLOCKS: Final = ("tbf", "netem")


class Place:
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


def find_place(network: Network, index: int, parent: int) -> Place:
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
    return Place(nic, egress, parent, lists[number])


def _ingress_place(nic: Nic, parent: int) -> Place:
    """ingress_find, clsact_find, ingress_tcf_block, clsact_tcf_block."""
    found = ingress.discipline(nic)
    if found is None or not isinstance(found.qdisc, Ingress):
        raise nl.Refusal(errno.EINVAL, "Parent Qdisc doesn't exists")
    number = parent & ~_MAJOR
    if not found.qdisc.both:
        return Place(nic, found, parent, found.qdisc.arriving)
    if number not in (_ARRIVES, _LEAVES):
        if number:
            raise nl.Refusal(errno.ENOENT, "Specified class doesn't exist")
        raise SyscallError(errno.EINVAL)
    return Place(nic, found, parent, found.qdisc.arriving if number == _ARRIVES else found.qdisc.leaving)


def kind_of(request: Request) -> str | None:
    raw = request.attributes(TCMSG.size).get(KIND)
    if raw is None:
        return None
    name = raw.split(b"\0", 1)[0].decode("latin-1")
    if len(name) >= _NAME_MOST:
        raise nl.Refusal(errno.EINVAL, "Specified TC filter name too long")
    return name


def check_chain(request: Request) -> None:
    chain = int.from_bytes(request.attributes(TCMSG.size).get(CHAIN, b"")[:4], "little")
    if chain > _CHAIN_MOST:
        raise nl.Refusal(errno.EINVAL, "Specified chain index exceeds upper limit")
    if chain:
        raise SyscallError(errno.EOPNOTSUPP)


def swapped(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8


def find(place: Place, preference: int, protocol: int, exact: bool = False) -> Filter | None:
    """tcf_chain_tp_find. EINVAL."""
    found = place.filters.find(preference)
    if found is not None and (exact or (protocol and found.protocol != protocol)):
        raise nl.Refusal(errno.EINVAL, "Protocol mismatch for filter with specified priority")
    return found


def has(one: Filter, handle: int) -> bool:
    if isinstance(one, U32):
        return filter_u32.find(one, handle) is not None
    if isinstance(one, ByMark):
        return handle in one.targets
    return isinstance(one, MatchAll) and one.handle != 0 and one.handle == handle


def named(place: Place, preference: int, protocol: int, kind: str | None) -> Filter:
    found = find(place, preference, protocol)
    if found is None:
        raise nl.Refusal(errno.ENOENT, "Filter with specified priority/protocol not found")
    if kind is not None and kind != found.kind:
        raise nl.Refusal(errno.EINVAL, "Specified filter kind does not match existing one")
    return found
