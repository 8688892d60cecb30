"""sock_diag(7) of netlink sockets: struct netlink_diag_msg and its attributes (net/netlink/diag.c). The kernel's own are not among them."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.sock_diag import SOCK_DIAG_BY_FAMILY
from sandbox.abi.linux.socket import AF_NETLINK
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import socket as of

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request

_REQUEST: Final = struct.Struct("<BBHII8s")
_MESSAGE: Final = struct.Struct("<BBBBIIII8s")
_FACTS: Final = struct.Struct("<9I")
_ALL: Final = 255  # NDIAG_PROTO_ALL
_MOST: Final = 32  # MAX_LINKS
_SHOW_MEMORY, _SHOW_GROUPS, _SHOW_FLAGS = 1, 2, 8
_ATTR_MEMORY, _ATTR_GROUPS, _ATTR_FLAGS = 0, 1, 4
_RUNNING: Final = 1
_FLAGS: Final = (
    (of.NETLINK_PKTINFO, 2),
    (of.NETLINK_BROADCAST_ERROR, 4),
    (of.NETLINK_NO_ENOBUFS, 8),
    (of.NETLINK_CAP_ACK, 32),
)
_CONNECTED: Final = 1
_CLOSED: Final = 7
_WORD: Final = 0xFFFFFFFF


def answer(network: Network, request: Request, port: int) -> list[bytes]:
    """A dump of all of them, or of one protocol's. EINVAL, EOPNOTSUPP for one; ENOENT ends it where there is no such protocol."""
    _, protocol, _, _, show, _ = request.header(_REQUEST)
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if protocol != _ALL and protocol >= _MOST:
        return nl.dump(request, port, SOCK_DIAG_BY_FAMILY, [], error=errno.ENOENT)
    bodies = [
        _body(one, show, (one.protocol, one.port) == (of.NETLINK_SOCK_DIAG, port))
        for one in _sockets(network)
        if protocol in (_ALL, one.protocol)
    ]
    return nl.dump(request, port, SOCK_DIAG_BY_FAMILY, bodies)


def _sockets(network: Network) -> Iterator[of.NetlinkSocket]:
    """By protocol those with a port, then, maybe once more, those in groups."""
    table = network.netlink_ports
    if table is None:
        return
    bound = [one for _, one in sorted(table.ports.items())]
    members = [*bound, *[one for one in table.listeners if not one.port]]
    for protocol in range(_MOST):
        yield from [one for one in bound if one.protocol == protocol]
        yield from [one for one in members if one.protocol == protocol and one.has_groups()]


def _body(socket: of.NetlinkSocket, show: int, running: bool) -> bytes:
    inode = socket.inode
    peer, group, connected = socket.peer()
    state = _CONNECTED if connected else _CLOSED
    head = _MESSAGE.pack(
        AF_NETLINK,
        socket.kind,
        socket.protocol,
        state,
        socket.port,
        peer,
        group,
        inode & _WORD,
        inode.to_bytes(8, "little"),
    )
    return head + b"".join(_attributes(socket, show, running))


def _attributes(socket: of.NetlinkSocket, show: int, running: bool) -> Iterator[bytes]:
    groups = socket.group_bits()
    if show & _SHOW_GROUPS and groups:
        yield nl.attribute(_ATTR_GROUPS, groups.ljust(-(-len(groups) // 8) * 8, b"\0"))
    if show & _SHOW_MEMORY:
        yield nl.attribute(_ATTR_MEMORY, _FACTS.pack(*[number & _WORD for number in socket.memory_info()]))
    if show & _SHOW_FLAGS:
        flags = sum([bit for option, bit in _FLAGS if socket.has_set(option)])
        yield nl.u32(_ATTR_FLAGS, flags | _RUNNING * running)
