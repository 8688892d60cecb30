"""Disciplines at `ingress` (net/sched/sch_ingress.c, sch_api.c): `ingress` and `clsact`, of which an interface has one."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.stack.egress import Discipline
from tcpip.stack.ingress import Ingress

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.nic import Nic

HANDLE: Final = 0xFFFF0000
PARENT: Final = 0xFFFFFFF1
KINDS: Final = ("ingress", "clsact")


def discipline(nic: Nic) -> Discipline | None:
    """What is there, as rtnetlink names it."""
    ingress = nic.ingress
    if ingress is None:
        return None
    found = ingress.named
    return found if isinstance(found, Discipline) else None


def all_of(nic: Nic) -> list[Discipline]:
    """All disciplines of an interface."""
    first = discipline(nic)
    return ([] if first is None else [first]) + (nic.egress.all() if nic.egress is not None else [])


def make(nic: Nic, kind: str, parent: int) -> Discipline:
    """EINVAL for others there, EOPNOTSUPP for these elsewhere."""
    from sandbox.sockets.netlink.qdisc_kinds import known

    if kind not in KINDS:
        if not known(kind):
            raise nl.Refusal(errno.ENOENT, "Specified qdisc kind is unknown")
        raise nl.Refusal(errno.EINVAL, "Specified parent ID is reserved for ingress and clsact Qdiscs")
    if parent != PARENT:
        raise SyscallError(errno.EOPNOTSUPP)
    qdisc = Ingress(kind == "clsact")
    made = qdisc.named = Discipline(nic, kind, HANDLE, qdisc, PARENT)
    nic.ingress = qdisc
    return made


def delete(network: Network, old: Discipline) -> None:
    """With its filters."""
    from sandbox.sockets.netlink import filter_place, filter_show, route_views

    old.nic.ingress = None
    notifier = network.notifier
    if notifier is None:
        return
    notifier.qdisc(False, route_views.egress_body(old, 1))
    for _, filters in filter_place.lists_of(old):
        if filters.filters:
            notifier.traffic(filter_show.RTM_DELCHAIN, filter_show.chain_body(old))
