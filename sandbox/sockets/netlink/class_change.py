"""RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS (net/sched/sch_api.c: tc_ctl_tclass): classes of disciplines. Those of `htb` are made; those of
`tbf`, `netem` and `prio` are as many as their options say.

Deviates: flows of `fq_codel` and `sfq` are not told as classes.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import queue_length
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import qdisc_htb, qdisc_kinds, route_views
from tcpip.link.qdisc_htb import Htb, HtbClass
from tcpip.link.qdisc_prio import Prio

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.egress import Discipline
    from tcpip.stack.nic import Nic

RTM_NEWTCLASS: Final = 40
RTM_DELTCLASS: Final = 41
RTM_GETTCLASS: Final = 42
CLASSFUL: Final = ("tbf", "netem", "prio", "fq_codel", "sfq", "htb")
_TCMSG: Final = struct.Struct("<B3xiIII")
_KIND, _OPTIONS, _RATE, _INGRESS_BLOCK, _EGRESS_BLOCK = 1, 2, 5, 13, 14
_STATS2: Final = 7
_ROOT: Final = 0xFFFFFFFF
_MAJOR: Final = 0xFFFF0000
_MOST: Final = 512
"""Classes of a discipline."""


def classes(network: Network, request: Request) -> list[bytes]:
    """RTM_NEWTCLASS of a dump: where packets wait (tbf_dump_class, prio_dump_class, htb_dump_class)."""
    _, index, _, parent, _ = request.header(_TCMSG)
    nic = network.stack.nics.get(index)
    if nic is None or nic.egress is None:
        return []
    shown = [one for one in route_views.in_order(nic.egress) if not parent or parent & _MAJOR == one.handle]
    return [body for one in shown for body in _bodies(one)]


def _bodies(one: Discipline) -> list[bytes]:
    if isinstance(one.qdisc, Htb):
        return [_htb_body(one, one.qdisc.classes[number]) for number in one.qdisc.order.numbers()]
    count = len(one.qdisc.children()) if qdisc_kinds.has_classes(one.kind) else 0
    return [_numbered_body(one, number) for number in range(1, count + 1)]


def _leaf(one: Discipline, number: int) -> int:
    below = one.inside.get(number)
    return below.handle if below is not None else 0


def _numbered_body(one: Discipline, number: int) -> bytes:
    head = _TCMSG.pack(0, one.nic.number, one.handle | number, one.handle, _leaf(one, number))
    head += nl.string(_KIND, one.kind)
    if not isinstance(one.qdisc, Prio):
        return head + nl.attribute(_STATS2, b"")
    child = one.qdisc.children()[number - 1]
    return head + route_views.statistics(child, child.total_dropped())


def _htb_body(one: Discipline, found: HtbClass) -> bytes:
    parent = one.handle | found.parent.number if found.parent is not None else _ROOT
    head = _TCMSG.pack(0, one.nic.number, one.handle | found.number, parent, _leaf(one, found.number))
    options = nl.attribute(_OPTIONS, qdisc_htb.class_options(found))
    queue, drops = found.queue, found.former_drops
    waits = (0, 0)
    if queue is not None:
        waits, drops = (queue.packets, queue.bytes), drops + queue.total_dropped()
    own = qdisc_htb.class_counts(found)
    counts = route_views.counted(found.sent_bytes, found.sent, *waits, drops, 0, found.overlimits, own)
    return head + nl.string(_KIND, one.kind) + options + counts


def _major_of(nic: Nic, handle: int, parent: int) -> int:
    """Whose class is meant (tc_ctl_tclass). EINVAL: the numbers are of two."""
    root = nic.egress.handle if nic.egress is not None else 0
    asked = handle & _MAJOR
    if parent == _ROOT:
        return asked or root
    above = parent & _MAJOR
    if asked and above and asked != above:
        raise SyscallError(errno.EINVAL)
    return asked or above or root


def change(network: Network, request: Request) -> list[bytes]:
    """Make, change, take away or tell one. ENODEV, ENOENT, EEXIST, EINVAL, EBUSY; EOPNOTSUPP where there are as many as there are."""
    _, index, handle, parent, _ = request.header(_TCMSG)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    major = _major_of(nic, handle, parent)
    old = _of_handle(nic, major)
    if old is None and (major or nic.egress is not None):
        raise SyscallError(errno.ENOENT)
    if old is None or old.kind not in CLASSFUL:
        raise SyscallError(errno.EINVAL)
    number = handle & ~_MAJOR
    if not _has(old, number, handle or parent != _ROOT):
        if request.type != RTM_NEWTCLASS or not request.flags & nl.NLM_F_CREATE:
            raise SyscallError(errno.ENOENT)
    elif request.type == RTM_NEWTCLASS and request.flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)
    if request.type == RTM_GETTCLASS:
        return [_bodies_of(old, number)]
    if not isinstance(old.qdisc, Htb):
        raise SyscallError(errno.EOPNOTSUPP)
    if request.type == RTM_DELTCLASS:
        _delete(network, old, old.qdisc, number)
    else:
        if parent != _ROOT and parent:
            parent = major | parent & ~_MAJOR
        _set(network, request, old, old.qdisc, number, parent)
    return []


def _of_handle(nic: Nic, major: int) -> Discipline | None:
    if nic.egress is None:
        return None
    return next((one for one in nic.egress.all() if one.handle == major), None)


def _has(old: Discipline, number: int, named: object) -> bool:
    if isinstance(old.qdisc, Htb):
        return number in old.qdisc.classes
    if old.kind == "prio":
        return 1 <= number <= len(old.qdisc.children())
    return old.kind in ("tbf", "netem")  # every number is that of the one class (tbf_find)


def _bodies_of(old: Discipline, number: int) -> bytes:
    if isinstance(old.qdisc, Htb):
        return _htb_body(old, old.qdisc.classes[number])
    return _numbered_body(old, number if old.kind == "prio" else 1)


def _set(network: Network, request: Request, old: Discipline, qdisc: Htb, number: int, parent: int) -> None:
    attributes = request.attributes(_TCMSG.size)
    if _INGRESS_BLOCK in attributes or _EGRESS_BLOCK in attributes:
        raise nl.Refusal(errno.EOPNOTSUPP, "Shared blocks are not supported for classes")
    if _RATE in attributes:
        raise SyscallError(errno.EOPNOTSUPP)
    options = attributes.get(_OPTIONS)
    found = qdisc.classes.get(number)
    if found is not None:
        found.rates = qdisc_htb.rates(qdisc, options, found.rates if found.queue is None else None)
    else:
        wanted = qdisc_htb.rates(qdisc, options, None)
        if not number:
            raise SyscallError(errno.EINVAL)
        above = None if parent == _ROOT or not parent & ~_MAJOR else qdisc.classes.get(parent & ~_MAJOR)
        if above is not None and above.parent is not None and above.parent.level < 2:
            raise nl.Refusal(errno.EINVAL, "sch_htb: tree is too deep")
        if len(qdisc.classes) >= _MOST:
            raise SyscallError(errno.ENOBUFS)
        nic = old.nic
        if above is not None and above.queue is not None:
            old.inside.pop(above.number, None)
        found = qdisc.add(number, above, wanted, queue_length(nic), nic.stack.clock.now_ns())
    warning = qdisc_htb.warning(qdisc, options, found.rates.rate) if found.queue is not None else ""
    if warning:
        request.warning = f"sch_htb: quantum of class {old.handle | number:X} is {warning}. Consider r2q change."
    if old.nic.egress is not None:
        old.nic.egress.changed()
    if network.notifier is not None:
        network.notifier.traffic(RTM_NEWTCLASS, _htb_body(old, found))


def _delete(network: Network, old: Discipline, qdisc: Htb, number: int) -> None:
    found = qdisc.classes[number]
    if found.below or found.filters.filters or bound(qdisc, old.handle | number):
        raise nl.Refusal(errno.EBUSY, "HTB class in use")
    body = _htb_body(old, found)
    old.inside.pop(number, None)
    qdisc.remove(found, queue_length(old.nic))
    if network.notifier is not None:
        network.notifier.traffic(RTM_DELTCLASS, body)


def bound(qdisc: Htb, classid: int) -> bool:
    """A filter leads to the class (htb_bind_filter)."""
    lists = [qdisc.filters, *[one.filters for one in qdisc.classes.values()]]
    return any([classid in one.classids() for filters in lists for one in filters.filters])
