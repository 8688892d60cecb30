"""sock_diag(7) of netlink sockets: struct netlink_diag_msg and its attributes (net/netlink/diag.c). As there, who has joined a group is told
a second time."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.sock_diag import SOCK_DIAG_BY_FAMILY
from sandbox.abi.linux.socket import AF_NETLINK, SOCK_DGRAM
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.socket import NETLINK_SOCK_DIAG
from tcpip.transport.tcp.state import CLOSED, ESTABLISHED

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from sandbox.sockets.netlink.socket import NetlinkSocket

_REQUEST: Final = struct.Struct("<BBHII8s")
_MESSAGE: Final = struct.Struct("<4B4I8s")  # family, type, protocol, state, port, peer's port and group, inode, cookie
_FACTS: Final = struct.Struct("<9I")
_MEMORY, _GROUPS, _FLAGS = 0, 1, 4
_SHOW_MEMORY, _SHOW_GROUPS, _SHOW_FLAGS = 1, 2, 8
_ALL: Final = 255
_MOST: Final = 32
_RUNNING: Final = 1  # a dump goes to it
_BUFFER: Final = 212992
_WORD: Final = 0xFFFFFFFF


def answer(network: Network, request: Request, port: int) -> list[bytes]:
    """A dump of those of a protocol, or of all. EOPNOTSUPP for one."""
    _, protocol, _, _, show, _ = request.header(_REQUEST)
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if protocol != _ALL and protocol >= _MOST:
        return nl.dump(request, port, SOCK_DIAG_BY_FAMILY, [], error=errno.ENOENT)
    bodies: list[bytes] = []
    for number in kernel_protocols():
        if protocol in (_ALL, number):
            bodies.append(_kernel_body(number, show))
            bodies += [
                _body(one, show, number == NETLINK_SOCK_DIAG and one.port == port) for one in _of(network, number)
            ]
    return nl.dump(request, port, SOCK_DIAG_BY_FAMILY, bodies)


def kernel_protocols() -> list[int]:
    """Those that are answered: each has a socket of the kernel's."""
    from sandbox.sockets.netlink.family import PROTOCOLS

    return sorted(PROTOCOLS)


def _of(network: Network, protocol: int) -> list[NetlinkSocket]:
    table = network.netlink_ports
    if table is None:
        return []
    bound = [one for (number, _), one in sorted(table.ports.items()) if number == protocol]
    members = [one for one in (*bound, *table.listeners) if one.protocol == protocol and one.in_groups()]
    return bound + list(dict.fromkeys(members))


def _kernel_body(protocol: int, show: int) -> bytes:
    body = _MESSAGE.pack(AF_NETLINK, SOCK_DGRAM, protocol, CLOSED, 0, 0, 0, 0, bytes(8))
    if show & _SHOW_MEMORY:
        body += nl.attribute(_MEMORY, _FACTS.pack(0, _BUFFER, 0, _BUFFER, 0, 0, 0, 0, 0))
    return body + nl.u32(_FLAGS, 0) if show & _SHOW_FLAGS else body


def _body(one: NetlinkSocket, show: int, asks: bool) -> bytes:
    inode, peer = one.inode, one.peer_port()
    connected = one.connected()
    head = (AF_NETLINK, one.kind, one.protocol, ESTABLISHED if connected else CLOSED, one.port, *peer, inode & _WORD)
    return _MESSAGE.pack(*head, inode.to_bytes(8, "little")) + b"".join(_attributes(one, show, asks))


def _attributes(one: NetlinkSocket, show: int, asks: bool) -> Iterator[bytes]:
    groups = one.group_bits()
    if show & _SHOW_GROUPS and groups:
        yield nl.attribute(_GROUPS, groups.ljust(-(-len(groups) // 8) * 8, b"\0"))  # a bit mask of longs
    if show & _SHOW_MEMORY:
        options = one.options
        facts = (one.queued(), options.rcvbuf, 0, options.sndbuf, 0, 0, 0, 0, 0)
        yield nl.attribute(_MEMORY, _FACTS.pack(*facts))
    if show & _SHOW_FLAGS:
        yield nl.u32(_FLAGS, one.diag_flags() | _RUNNING * asks)
