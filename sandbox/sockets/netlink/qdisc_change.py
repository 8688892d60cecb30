"""RTM_NEWQDISC and RTM_DELQDISC (net/sched/sch_api.c). What sends on an interface is its link's affair and stays: as on a kernel
that has no other disciplines, others are unknown."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.route_bodies import qdisc

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request

RTM_DELQDISC: Final = 37
_TCMSG: Final = struct.Struct("<B3xiIII")  # family, interface, handle, parent, info
_KIND: Final = 1
_ROOT: Final = 0xFFFFFFFF
_BUILT_IN: Final = frozenset((b"noqueue", b"mq", b"pfifo_fast", b"pfifo", b"bfifo", b"pfifo_head_drop"))


def change(network: Network, request: Request) -> None:
    """ENODEV, ENOENT, EINVAL; EOPNOTSUPP for what every kernel has."""
    _, index, handle, parent, _ = request.header(_TCMSG)
    kind = request.attributes(_TCMSG.size).get(_KIND, b"").split(b"\0", 1)[0]
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if request.type != RTM_DELQDISC:
        if not kind or kind in _BUILT_IN or kind == qdisc(nic).encode():
            raise SyscallError(errno.EOPNOTSUPP)
        if not request.flags & nl.NLM_F_CREATE:
            raise nl.Refusal(errno.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag")
        raise nl.Refusal(errno.ENOENT, "Specified qdisc kind is unknown")
    if parent != _ROOT:
        raise nl.Refusal(errno.ENOENT, "Failed to find qdisc with specified classid")
    if handle:
        raise nl.Refusal(errno.EINVAL, "Invalid handle")
    if kind and kind != qdisc(nic).encode():
        raise nl.Refusal(errno.EINVAL, "Invalid qdisc name: must match existing qdisc")
    raise nl.Refusal(errno.ENOENT, "Cannot delete qdisc with handle of zero")
