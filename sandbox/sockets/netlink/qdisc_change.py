"""RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC of one and requests about classes and filters (net/sched/sch_api.c, tc(8)).

An interface has one discipline, at its root; none has others inside, and there are no filters and nothing at `ingress`.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import qdisc_kinds, route_views
from tcpip.link.qdisc_netem import Netem
from tcpip.link.qdisc_tbf import TokenBucket
from tcpip.stack.egress import Egress

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

RTM_DELQDISC: Final = 37
RTM_NEWTCLASS: Final = 40
RTM_DELTFILTER: Final = 45
_TCMSG: Final = struct.Struct("<B3xiIII")  # family, interface, handle, parent, info
_KIND, _OPTIONS, _RATE, _STAB, _INGRESS_BLOCK, _EGRESS_BLOCK = 1, 2, 5, 8, 13, 14
_STATS2: Final = 7
_ROOT: Final = 0xFFFFFFFF
_INGRESS: Final = 0xFFFFFFF1
_MAJOR: Final = 0xFFFF0000
_FIRST_OWN: Final = 0x80000000  # handles that nobody has asked for
_NO_FLAGS: Final = nl.NLM_F_CREATE | nl.NLM_F_REPLACE | nl.NLM_F_EXCL


def change(network: Network, request: Request) -> None:
    """ENODEV, ENOENT, EEXIST, EINVAL; EOPNOTSUPP for what is not there."""
    _, index, handle, parent, _ = request.header(_TCMSG)
    attributes = request.attributes(_TCMSG.size)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    kind = attributes.get(_KIND, b"").split(b"\0", 1)[0].decode("latin-1")
    if request.type == RTM_DELQDISC:
        _delete(network, nic, kind, handle, parent)
        return
    if any(one in attributes for one in (_RATE, _STAB, _INGRESS_BLOCK, _EGRESS_BLOCK)):
        raise SyscallError(errno.EOPNOTSUPP)
    found = _to_change(nic, request, kind, handle, parent)
    options = attributes.get(_OPTIONS)
    if found is None:
        _graft(network, nic, kind, handle, options)
        return
    if request.flags & nl.NLM_F_EXCL:
        raise nl.Refusal(errno.EEXIST, "Exclusivity flag on, cannot modify")
    if kind and kind != found.kind:
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name: must match existing qdisc")
    qdisc_kinds.change(nic, found, options)
    found.changed()
    _tell(network, None, found)


def find(network: Network, request: Request) -> bytes:
    """RTM_GETQDISC without a dump (tc_get_qdisc): its message, or nothing for who does not ask for an echo. ENODEV, ENOENT, EINVAL."""
    _, index, handle, parent, _ = request.header(_TCMSG)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    egress = nic.egress
    own = egress.handle if egress is not None else 0
    if not parent and (not handle or handle != own):
        raise nl.Refusal(errno.ENOENT, "Failed to find qdisc with specified handle")
    if parent and parent != _ROOT:
        raise nl.Refusal(errno.ENOENT, "Cannot find specified qdisc on specified device")
    if handle and handle != own:
        raise nl.Refusal(errno.EINVAL, "Invalid handle")
    name = name_of(nic)
    asked = request.attributes(_TCMSG.size).get(_KIND, b"").split(b"\0", 1)[0]
    if asked and asked.decode("latin-1") != name:
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name")
    if not request.flags & nl.NLM_F_ECHO or name == "noop":
        return b""
    if egress is None:
        return route_views.default_body(nic, name)
    body = route_views.egress_body(egress, 3)  # the one that asks holds it, too
    return body[:12] + parent.to_bytes(4, "little") + body[16:]


def _to_change(nic: Nic, request: Request, kind: str, handle: int, parent: int) -> Egress | None:
    """The one that is to be changed; None when another is to come into its place (tc_modify_qdisc)."""
    old, flags = nic.egress, request.flags
    if not parent:
        if not handle:
            raise nl.Refusal(errno.EINVAL, "Handle cannot be zero")
        if old is None or old.handle != handle:
            raise nl.Refusal(errno.ENOENT, "Specified qdisc not found")
        return old
    if parent != _ROOT:
        _refuse_parent(nic, parent, "Failed to find specified qdisc")
    if handle and (old is None or old.handle != handle):
        if old is not None and not flags & nl.NLM_F_REPLACE:
            raise nl.Refusal(errno.EEXIST, "NLM_F_REPLACE needed to override")
        if handle & ~_MAJOR:
            raise nl.Refusal(errno.EINVAL, "Invalid minor handle")
        old = None
    if old is not None and not handle and kind and kind != old.kind:
        # another kind is asked for: in place of this one where that is said, or where nothing is said at all
        instead = flags & nl.NLM_F_CREATE and flags & (nl.NLM_F_REPLACE | nl.NLM_F_EXCL)
        if instead or not flags & _NO_FLAGS:
            return None
    if old is None and not flags & nl.NLM_F_CREATE:
        raise nl.Refusal(errno.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag")
    return old


def _refuse_parent(nic: Nic, parent: int, missing: str) -> None:
    """Nothing is inside another discipline."""
    if parent == _INGRESS:
        raise nl.Refusal(errno.ENOENT, "Specified qdisc kind is unknown")
    old = nic.egress
    if old is None or old.handle != parent & _MAJOR:
        raise nl.Refusal(errno.ENOENT, missing)
    if isinstance(old.qdisc, (TokenBucket, Netem)):
        raise SyscallError(errno.EOPNOTSUPP)
    raise nl.Refusal(errno.EOPNOTSUPP, "Parent qdisc is not classful")


def _graft(network: Network, nic: Nic, kind: str, handle: int, options: bytes | None) -> None:
    if kind == "mq":
        raise SyscallError(errno.EOPNOTSUPP)  # for interfaces of several queues
    qdisc = qdisc_kinds.make(nic, kind, options)
    if not handle:
        handle = _next_handle(network)
    old, first = nic.egress, name_of(nic)
    if old is not None:
        old.close()
    elif network.notifier is not None and first != "noop":
        network.notifier.qdisc(False, route_views.default_body(nic, first, 1))
    nic.egress = Egress(nic, kind, handle, qdisc)
    _tell(network, old, nic.egress)


def _tell(network: Network, old: Egress | None, new: Egress | None) -> None:
    """Whoever watches (qdisc_notify), in a message each."""
    notifier = network.notifier
    if notifier is not None and old is not None:
        notifier.qdisc(False, route_views.egress_body(old, 1))
    if notifier is not None and new is not None:
        notifier.qdisc(True, route_views.egress_body(new))


def _next_handle(network: Network) -> int:
    """8001: and so on (qdisc_alloc_handle)."""
    taken = {nic.egress.handle for nic in network.stack.nics.values() if nic.egress is not None}
    handle = _FIRST_OWN + 0x10000
    while handle in taken:
        handle += 0x10000
    return handle


def _delete(network: Network, nic: Nic, kind: str, handle: int, parent: int) -> None:
    old = nic.egress
    if not parent:
        if old is None or old.handle != handle:
            raise nl.Refusal(errno.ENOENT, "Failed to find qdisc with specified handle")
    elif parent == _INGRESS:
        raise nl.Refusal(errno.ENOENT, "Cannot find specified qdisc on specified device")
    elif parent != _ROOT:
        _refuse_parent(nic, parent, "Failed to find qdisc with specified classid")
    elif handle and handle != (old.handle if old is not None else 0):
        raise nl.Refusal(errno.EINVAL, "Invalid handle")
    if kind and kind != name_of(nic):
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name: must match existing qdisc")
    if not parent:
        raise nl.Refusal(errno.EINVAL, "Classid cannot be zero")
    if old is None:
        raise nl.Refusal(errno.ENOENT, "Cannot delete qdisc with handle of zero")
    old.close()
    nic.egress = None
    _tell(network, old, None)


def name_of(nic: Nic) -> str:
    """What the interface sends by."""
    from sandbox.sockets.netlink.route_bodies import qdisc

    return qdisc(nic)


def classes(network: Network, request: Request) -> list[bytes]:
    """RTM_NEWTCLASS of a dump: `tbf` and `netem` have one class each, which is where their packets wait (tbf_dump_class)."""
    _, index, _, parent, _ = request.header(_TCMSG)
    nic = network.stack.nics.get(index)
    old = nic.egress if nic is not None else None
    if old is None or not isinstance(old.qdisc, (TokenBucket, Netem)) or (parent and parent & _MAJOR != old.handle):
        return []
    return [
        _TCMSG.pack(0, index, old.handle | 1, old.handle, 0) + nl.string(_KIND, old.kind) + nl.attribute(_STATS2, b"")
    ]


def change_inside(network: Network, request: Request) -> None:
    """Classes and filters: there are none (tc_ctl_tclass, tc_new_tfilter). ENODEV, ENOENT, EINVAL, EOPNOTSUPP."""
    _, index, handle, parent, _ = request.header(_TCMSG)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    of_filters = request.type > RTM_NEWTCLASS + 3
    old = nic.egress
    major = (parent if parent and parent != _ROOT else 0 if of_filters else handle) & _MAJOR
    if major and (old is None or old.handle != major):
        if of_filters:
            raise nl.Refusal(errno.EINVAL, "Parent Qdisc doesn't exists")
        raise SyscallError(errno.ENOENT)
    classful = old is not None and isinstance(old.qdisc, (TokenBucket, Netem))
    if not of_filters and classful and request.type == RTM_NEWTCLASS and request.flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)  # every number is that of the one class (tbf_find)
    if not of_filters:
        raise SyscallError(errno.EOPNOTSUPP if classful else errno.EINVAL)
    if classful or (old is None and own_link(nic) is None and not nic.loopback):
        raise nl.Refusal(errno.EOPNOTSUPP, "Class doesn't support blocks")
    raise nl.Refusal(errno.EINVAL, "Qdisc not classful")
