"""RTM_GETNEIGHTBL and RTM_SETNEIGHTBL: how neighbours are looked for (ip-ntable(8), net/core/neighbour.c).

Told and set are those parameters that have an effect here, by interface and for those to come; both families have the same ones.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.netlink import message as nl
from tcpip.errors import NetworkError
from tcpip.network.neighbor import MAX_NEIGHBORS
from tcpip.stack.nic_settings import DEFAULT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request

RTM_NEWNEIGHTBL, RTM_GETNEIGHTBL, RTM_SETNEIGHTBL = 64, 66, 67
_NDTMSG: Final = struct.Struct("<B3x")
_NAME, _MOST, _PARAMETERS = 1, 4, 6
_INDEX, _REFERENCES, _QUEUE, _APP_PROBES, _QUEUE_BYTES = 1, 2, 8, 9, 16
_TABLES: Final = ((AF_INET, "arp_cache"), (AF_INET6, "ndisc_cache"))
_FRAME: Final = 2112  # bytes that one of full size takes while it waits (SKB_TRUESIZE)
_TIMES: Final = {4: "neigh/base_reachable_time_ms", 5: "neigh/retrans_time_ms", 7: "neigh/delay_first_probe_time"}
_COUNTS: Final = {10: "neigh/ucast_solicit", 11: "neigh/mcast_solicit"}
_WAITING: Final = "neigh/unres_qlen_bytes"
_MS: Final = {7: 1000}  # what is set in seconds


def _parameters(network: Network, name: str, number: int) -> bytes:
    """NDTA_PARMS of an interface, or (`number` 0) of those to come."""
    stack = network.stack
    parts = [nl.u32(_INDEX, number)] if number else []
    parts.append(nl.u32(_REFERENCES, 1))
    for kind, key in _TIMES.items():
        value = stack.nic_settings.read(stack, key, name) * _MS.get(kind, 1)
        parts.append(nl.attribute(kind, value.to_bytes(8, "little")))
    parts += [nl.u32(kind, stack.nic_settings.read(stack, key, name)) for kind, key in _COUNTS.items()]
    waiting = stack.nic_settings.read(stack, _WAITING, name)
    parts += [nl.u32(_QUEUE, -(-waiting // _FRAME)), nl.u32(_QUEUE_BYTES, waiting), nl.u32(_APP_PROBES, 0)]
    return nl.attribute(_PARAMETERS, b"".join(parts))


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """Both tables: what is usual, and each interface, the newest first."""
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    family = request.body[0] if request.body else 0
    bodies = []
    for wanted, name in _TABLES:
        if family not in (0, wanted):
            continue
        head = _NDTMSG.pack(wanted) + nl.string(_NAME, name)
        bodies.append(head + nl.u32(_MOST, MAX_NEIGHBORS) + _parameters(network, DEFAULT, 0))
        for number, nic in sorted(network.stack.nics.items(), reverse=True):
            bodies.append(head + _parameters(network, nic.name, number))
    return nl.dump(request, port, RTM_NEWNEIGHTBL, bodies)


def change(network: Network, request: Request) -> None:
    """neightbl_set: EINVAL without a name, ENOENT for a table or an interface that there is not, EOPNOTSUPP for what has no effect."""
    family = request.header(_NDTMSG)[0]
    attributes = request.attributes(_NDTMSG.size)
    if _NAME not in attributes:
        raise SyscallError(errno.EINVAL)
    name = attributes[_NAME].split(b"\0", 1)[0].decode("latin-1")
    if not any([name == known and family in (0, wanted) for wanted, known in _TABLES]):
        raise SyscallError(errno.ENOENT)
    if set(attributes) - {_NAME, _PARAMETERS}:
        raise SyscallError(errno.EOPNOTSUPP)
    asked = nl.attributes_in(attributes.get(_PARAMETERS, b""))
    number = int.from_bytes(asked.get(_INDEX, b"")[:4], "little")
    whose = DEFAULT
    if number:
        nic = network.stack.nics.get(number)
        if nic is None:
            raise SyscallError(errno.ENOENT)
        whose = nic.name
    if set(asked) - {_INDEX, _QUEUE, _QUEUE_BYTES, *_TIMES, *_COUNTS}:
        raise SyscallError(errno.EOPNOTSUPP)
    for kind, value in asked.items():
        if kind != _INDEX:
            _set(network, whose, kind, int.from_bytes(value[:8], "little"))


def _set(network: Network, whose: str, kind: int, value: int) -> None:
    key = _TIMES.get(kind) or _COUNTS.get(kind) or _WAITING
    value = value // _MS.get(kind, 1) if kind in _TIMES else value * (_FRAME if kind == _QUEUE else 1)
    try:
        network.stack.nic_settings.write(network.stack, key, whose, value)
    except NetworkError as error:
        raise syscall_error(error) from None
