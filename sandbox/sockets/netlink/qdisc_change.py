"""RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC of one (net/sched/sch_api.c, tc(8)).

An interface has one discipline at its root; `tbf`, `netem`, `prio` and `htb` have others in their classes.
What is at `ingress` is in `ingress.py`.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import attach_default
from sandbox.sockets.netlink import ingress, qdisc_kinds, route_views
from sandbox.sockets.netlink import message as nl
from tcpip.link.qdisc import Fifo
from tcpip.link.qdisc_htb import Htb
from tcpip.stack.egress import Discipline, Egress

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

RTM_DELQDISC: Final = 37
_TCMSG: Final = struct.Struct("<B3xiIII")  # family, interface, handle, parent, info
_KIND, _OPTIONS, _RATE, _STAB, _INGRESS_BLOCK, _EGRESS_BLOCK = 1, 2, 5, 8, 13, 14
_ROOT: Final = 0xFFFFFFFF
_INGRESS: Final = 0xFFFFFFF1
_MAJOR: Final = 0xFFFF0000
_FIRST_OWN: Final = 0x80000000  # handles that nobody has asked for
_MOST: Final = 64
"""Disciplines of an interface."""
_DEEPEST: Final = 8
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
        _make(network, nic, kind, handle, parent, options)
        return
    if request.flags & nl.NLM_F_EXCL:
        raise nl.Refusal(errno.EEXIST, "Exclusivity flag on, cannot modify")
    if kind and kind != found.kind:
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name: must match existing qdisc")
    qdisc_kinds.change(nic, found, options)
    found.trim()
    if nic.egress is not None:
        nic.egress.changed()
    _tell(network, None, found)


def find(network: Network, request: Request) -> bytes:
    """RTM_GETQDISC without a dump (tc_get_qdisc): its message, or nothing for who does not ask for an echo. ENODEV, ENOENT, EINVAL."""
    _, index, handle, parent, _ = request.header(_TCMSG)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    name, found = _named(nic, handle, parent)
    asked = request.attributes(_TCMSG.size).get(_KIND, b"").split(b"\0", 1)[0]
    if asked and asked.decode("latin-1") != name:
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name")
    if not request.flags & nl.NLM_F_ECHO or name == "noop":
        return b""
    if found is None:
        return route_views.default_body(nic, name) if parent in (0, _ROOT) else b""  # the ones of a class are not shown
    body = route_views.egress_body(found, 3 if found is nic.egress else 2)  # the one that asks holds it, too
    return body[:12] + parent.to_bytes(4, "little") + body[16:]


def _named(nic: Nic, handle: int, parent: int) -> tuple[str, Discipline | None]:
    """The kind of the discipline that is meant, and what it is unless it is one that nobody has made. ENOENT, EINVAL, EOPNOTSUPP."""
    if not parent:
        found = _lookup(nic, handle)
        if found is None:
            raise nl.Refusal(errno.ENOENT, "Failed to find qdisc with specified handle")
        return found.kind, found
    if parent == _INGRESS:
        found, name = ingress.discipline(nic), ""
        if found is None:
            raise nl.Refusal(errno.ENOENT, "Cannot find specified qdisc on specified device")
    elif parent == _ROOT:
        found, name = nic.egress, name_of(nic)
    else:
        above = _above(nic, parent, "Failed to find qdisc with specified classid")
        number = _class_of(above, parent)
        found, name = above.inside.get(number), _default_kind(above, number)
    if handle and handle != (found.handle if found is not None else 0):
        raise nl.Refusal(errno.EINVAL, "Invalid handle")
    if not name and found is None:
        raise nl.Refusal(errno.ENOENT, "Cannot find specified qdisc on specified device")
    return (found.kind if found is not None else name), found


def _lookup(nic: Nic, handle: int) -> Discipline | None:
    if handle == ingress.HANDLE:
        return ingress.discipline(nic)
    if nic.egress is None or not handle:
        return None
    return next((one for one in nic.egress.all() if one.handle == handle), None)


def _above(nic: Nic, parent: int, missing: str) -> Discipline:
    """Whose class `parent` is."""
    found = _lookup(nic, parent & _MAJOR)
    if found is None:
        raise nl.Refusal(errno.ENOENT, missing)
    return found


def _class_of(above: Discipline, parent: int) -> int:
    """Which class `parent` means (qdisc_leaf); every number is that of the one class of `tbf` and `netem`."""
    if not qdisc_kinds.has_classes(above.kind):
        raise nl.Refusal(errno.EOPNOTSUPP, "Parent qdisc is not classful")
    if above.kind in ("tbf", "netem"):
        return 1
    number = parent & ~_MAJOR
    if isinstance(above.qdisc, Htb) and number in above.qdisc.classes:
        if above.qdisc.classes[number].queue is None:
            raise SyscallError(errno.EINVAL)
        return number
    if isinstance(above.qdisc, Htb) or not above.qdisc.has_class(number):
        raise nl.Refusal(errno.ENOENT, "Specified class not found")
    return number


def _default_kind(above: Discipline, number: int) -> str:
    """What is in a class that nobody has put anything into; empty: nothing."""
    children = above.qdisc.children()
    if not children:
        return ""
    child = above.qdisc.classes[number].queue if isinstance(above.qdisc, Htb) else children[number - 1]
    return ("bfifo" if child.in_bytes else "pfifo") if isinstance(child, Fifo) else "noop"


def _to_change(nic: Nic, request: Request, kind: str, handle: int, parent: int) -> Discipline | None:
    """The one that is to be changed; None when another is to come into its place (tc_modify_qdisc)."""
    flags = request.flags
    if not parent:
        if not handle:
            raise nl.Refusal(errno.EINVAL, "Handle cannot be zero")
        found = _lookup(nic, handle)
        if found is None:
            raise nl.Refusal(errno.ENOENT, "Specified qdisc not found")
        return found
    old: Discipline | None = nic.egress
    if old is not None and not old.handle:
        old = None  # the usual one
    if parent == _INGRESS:
        old = ingress.discipline(nic)
    elif parent != _ROOT:
        above = _above(nic, parent, "Failed to find specified qdisc")
        old = above.inside.get(_class_of(above, parent))
    if handle and (old is None or old.handle != handle):
        if old is not None and not flags & nl.NLM_F_REPLACE:
            raise nl.Refusal(errno.EEXIST, "NLM_F_REPLACE needed to override")
        if handle & ~_MAJOR:
            raise nl.Refusal(errno.EINVAL, "Invalid minor handle")
        if parent not in (_ROOT, _INGRESS):
            _refuse_move(nic, flags, handle)
        old = None
    if old is not None and not handle and kind and kind != old.kind:
        # another kind is asked for: in place of this one where that is said, or where nothing is said at all
        instead = flags & nl.NLM_F_CREATE and flags & (nl.NLM_F_REPLACE | nl.NLM_F_EXCL)
        if instead or not flags & _NO_FLAGS:
            return None
    if old is None and not flags & nl.NLM_F_CREATE:
        raise nl.Refusal(errno.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag")
    return old


def _refuse_move(nic: Nic, flags: int, handle: int) -> None:
    if _lookup(nic, handle) is None:
        return
    if flags & nl.NLM_F_EXCL:
        raise nl.Refusal(errno.EEXIST, "Exclusivity flag on, cannot override")
    raise nl.Refusal(errno.EINVAL, "Cannot move an existing qdisc to a different parent")


def _make(network: Network, nic: Nic, kind: str, handle: int, parent: int, options: bytes | None) -> None:
    if kind == "mq":
        raise SyscallError(errno.EOPNOTSUPP)  # for interfaces of several queues
    if parent == _INGRESS or kind in ingress.KINDS:
        _tell(network, None, ingress.make(nic, kind, parent))
        return
    handle = handle or _next_handle(network)
    if parent != _ROOT:
        _make_inside(network, nic, kind, handle, parent, options)
        return
    qdisc = qdisc_kinds.make(nic, kind, options, handle)
    old, first = nic.egress, name_of(nic)
    if old is not None:
        old.close()
    elif network.notifier is not None and first != "noop":
        network.notifier.qdisc(False, route_views.default_body(nic, first, 1))
    nic.egress = Egress(nic, kind, handle, qdisc)
    _tell(network, old, nic.egress)


def _make_inside(network: Network, nic: Nic, kind: str, handle: int, parent: int, options: bytes | None) -> None:
    """ENOBUFS for more than an interface may have."""
    assert nic.egress is not None
    above = _above(nic, parent, "Failed to find specified qdisc")
    depth, one = 2, above
    while one is not nic.egress:
        depth, one = depth + 1, _above(nic, one.parent, "Failed to find specified qdisc")
    if depth > _DEEPEST or len(nic.egress.all()) >= _MOST:
        raise SyscallError(errno.ENOBUFS)
    if kind == "noqueue":
        raise nl.Refusal(errno.EINVAL, "Qdisc handle can not be set")
    number = max([one.number for one in nic.egress.all()]) + 1
    new = Discipline(nic, kind, handle, qdisc_kinds.make(nic, kind, options, handle), parent, number)
    old = above.graft(_class_of(above, parent), new)
    _tell(network, old, new)


def _tell(network: Network, old: Discipline | None, new: Discipline | None) -> None:
    """Whoever watches (qdisc_notify), in a message each."""
    notifier = network.notifier
    if notifier is not None and old is not None:
        notifier.qdisc(False, route_views.egress_body(old, 1))
    if notifier is not None and new is not None:
        notifier.qdisc(True, route_views.egress_body(new))


def _next_handle(network: Network) -> int:
    """8001: and so on (qdisc_alloc_handle)."""
    trees = [nic.egress for nic in network.stack.nics.values() if nic.egress is not None]
    taken = {one.handle for tree in trees for one in tree.all()}
    handle = _FIRST_OWN + 0x10000
    while handle in taken:
        handle += 0x10000
    return handle


def _delete(network: Network, nic: Nic, kind: str, handle: int, parent: int) -> None:
    name, old = _named(nic, handle, parent)
    if kind and kind != name:
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name: must match existing qdisc")
    if not parent:
        raise nl.Refusal(errno.EINVAL, "Classid cannot be zero")
    if old is None or not old.handle:
        raise nl.Refusal(errno.ENOENT, "Cannot delete qdisc with handle of zero")
    if old.handle == ingress.HANDLE:
        ingress.delete(network, old)
        return
    if isinstance(old, Egress):
        old.close()
        nic.egress = None
        if nic.up:
            attach_default(nic)
    else:
        above = _above(nic, parent, "Failed to find qdisc with specified classid")
        above.graft(_class_of(above, parent), None)
    _tell(network, old, None)


def name_of(nic: Nic) -> str:
    """What the interface sends by."""
    from sandbox.sockets.netlink.route_bodies import qdisc

    return qdisc(nic)
