"""IFLA_INFO_DATA of macvlans: what a request says and what is told (drivers/net/macvlan.c).

Not supported: lists of sources, flags, queues of another length: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet import macvlan
from sandbox.sockets.inet.own_links import fresh_mac, own_link
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.macvlan import MacVlanLink

_MODE, _FLAGS, _COUNT, _QUEUE, _QUEUE_USED = 1, 2, 5, 7, 8
_QUEUE_LENGTH: Final = 1000  # MACVLAN_DEFAULT_BC_QUEUE_LEN
_MODES: Final[tuple[int, ...]] = (macvlan.PRIVATE, macvlan.VEPA, macvlan.BRIDGED, macvlan.PASSTHRU, macvlan.SOURCE)
_KNOWN_FLAGS: Final = 3


def make(t: Task, network: Network, lower: int | None, mac: bytes, data: dict[int, bytes]) -> MacVlanLink:
    """What a request for a new one says (macvlan_validate, macvlan_newlink). EINVAL, ENODEV, EOPNOTSUPP, EBUSY."""
    flags = int.from_bytes(data.get(_FLAGS, b"")[:2], "little")
    mode = int.from_bytes(data[_MODE][:4], "little") if _MODE in data else macvlan.VEPA
    if flags & ~_KNOWN_FLAGS or mode not in _MODES:
        raise SyscallError(errno.EINVAL)
    if lower is None:
        raise SyscallError(errno.EINVAL)
    nic = network.stack.nics.get(lower)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if nic.loopback or not nic.mac:
        raise SyscallError(errno.EINVAL)
    below = own_link(nic)
    length = int.from_bytes(data[_QUEUE][:4], "little") if _QUEUE in data else _QUEUE_LENGTH
    if (
        below is None
        or flags
        or mode == macvlan.SOURCE
        or length != _QUEUE_LENGTH
        or set(data) - {_MODE, _FLAGS, _QUEUE}
    ):
        raise SyscallError(errno.EOPNOTSUPP)
    return macvlan.make(t.kernel, below, mac or fresh_mac(t.kernel), mode)


def told(link: MacVlanLink) -> bytes:
    """macvlan_fill_info."""
    head = nl.u32(_MODE, link.mode) + nl.attribute(_FLAGS, bytes(2)) + nl.u32(_COUNT, 0)
    return head + nl.u32(_QUEUE, _QUEUE_LENGTH) + nl.u32(_QUEUE_USED, _QUEUE_LENGTH)
