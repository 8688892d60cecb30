"""RTM_NEWADDRLABEL, RTM_DELADDRLABEL and RTM_GETADDRLABEL: labels of IPv6 prefixes (net/ipv6/addrlabel.c, ip-addrlabel(8))."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.addr import in_prefix
from tcpip.stack.policy_table import NO_LABEL, ROWS_MOST

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.policy_table import PolicyRow

RTM_NEWADDRLABEL, RTM_DELADDRLABEL, RTM_GETADDRLABEL = 72, 73, 74
_LABELMSG: Final = struct.Struct("<BxBxII")  # family, length, index, sequence number
_ADDRESS, _LABEL = 1, 2
_LENGTH_MOST: Final = 128
_MAPPED: Final = bytes(10) + b"\xff\xff" + bytes(4)


def _body(network: Network, row: PolicyRow) -> bytes:
    head = _LABELMSG.pack(AF_INET6, row.length, row.number, network.stack.labels.changes)
    return head + nl.attribute(_ADDRESS, row.prefix) + nl.u32(_LABEL, row.label)


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """All of them, or the one that an address goes by: EINVAL, ESRCH."""
    labels = network.stack.labels
    if request.dump:
        return nl.dump(request, port, RTM_NEWADDRLABEL, [_body(network, row) for row in labels.rows])
    family, length, number, _ = request.header(_LABELMSG)
    address = request.attributes(_LABELMSG.size).get(_ADDRESS, b"")[:16]
    if family != AF_INET6 or length != _LENGTH_MOST or len(address) != 16:
        raise SyscallError(errno.EINVAL)
    if number and number not in network.stack.nics:
        raise SyscallError(errno.EINVAL)
    row = labels.find(address, number)
    if row is None:
        raise SyscallError(errno.ESRCH)
    return [nl.message(RTM_NEWADDRLABEL, 0, request.seq, port, _body(network, row))]


def change(network: Network, request: Request) -> None:
    """ip6addrlbl_newdel: EINVAL, EEXIST unless it is to be replaced, ESRCH."""
    family, length, number, _ = request.header(_LABELMSG)
    attributes = request.attributes(_LABELMSG.size)
    prefix, raw = attributes.get(_ADDRESS, b"")[:16], attributes.get(_LABEL, b"")[:4]
    if family != AF_INET6 or length > _LENGTH_MOST or len(prefix) != 16 or len(raw) != 4:
        raise SyscallError(errno.EINVAL)
    label = int.from_bytes(raw, "little")
    if label == NO_LABEL:
        raise SyscallError(errno.EINVAL)
    labels = network.stack.labels
    there = labels.row(prefix, length, number)
    if request.type == RTM_DELADDRLABEL:
        if there is None:
            raise SyscallError(errno.ESRCH)
        labels.remove(there)
    else:
        _check(network, prefix, length, number)
        if there is not None and not request.flags & nl.NLM_F_REPLACE:
            raise SyscallError(errno.EEXIST)
        if len(labels.rows) >= ROWS_MOST:
            raise SyscallError(errno.ENOMEM)
        labels.put(prefix, length, number, label)
    network.stack.changed()


def _check(network: Network, prefix: bytes, length: int, number: int) -> None:
    """What a new one may be about (ip6addrlbl_alloc)."""
    if number and number not in network.stack.nics:
        raise SyscallError(errno.EINVAL)
    if in_prefix(prefix, _MAPPED, 96) and length > 96:
        raise SyscallError(errno.EINVAL)
