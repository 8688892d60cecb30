"""sock_diag(7) of packet sockets: struct packet_diag_msg and its attributes (net/packet/diag.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.abi.linux.sock_diag import SOCK_DIAG_BY_FAMILY
from sandbox.abi.linux.socket import AF_PACKET
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.proc_net.inet_sockets import packet_sockets
from tcpip import sockopt as so

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.socket import InetSocket
    from sandbox.sockets.netlink.message import Request
    from tcpip.transport.packet import PacketEndpoint

_REQUEST: Final = struct.Struct("<BBHII8s")
_MESSAGE: Final = struct.Struct("<BBHI8s")
_INFO: Final = struct.Struct("<6I")  # interface, version, reserve, threshold of copies, time stamps, flags
_GROUP: Final = struct.Struct("<IIHH32s")  # struct packet_diag_mclist
_FACTS: Final = struct.Struct("<9I")
_SHOW_INFO, _SHOW_GROUPS, _SHOW_MEMORY, _SHOW_FILTER = 1, 2, 16, 32
_ATTR_INFO, _ATTR_GROUPS, _ATTR_UID, _ATTR_MEMORY, _ATTR_FILTER = 0, 1, 5, 6, 7
_RUNNING, _AUXDATA, _ORIGDEV = 1, 2, 4
_WORD: Final = 0xFFFFFFFF


def answer(t: Task, network: Network, request: Request, port: int) -> list[bytes]:
    """A dump of all of them. EINVAL, EOPNOTSUPP for one."""
    _, protocol, _, _, show, _ = request.header(_REQUEST)
    if protocol:
        raise SyscallError(errno.EINVAL)
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        show &= ~_SHOW_FILTER
    bodies = [_body(socket, endpoint, show) for socket, endpoint in packet_sockets(network)]
    return nl.dump(request, port, SOCK_DIAG_BY_FAMILY, bodies)


def _body(socket: InetSocket, endpoint: PacketEndpoint, show: int) -> bytes:
    inode = socket.inode
    head = _MESSAGE.pack(AF_PACKET, socket.kind, endpoint.ethertype, inode & _WORD, inode.to_bytes(8, "little"))
    return head + b"".join(_attributes(endpoint, show))


def _attributes(endpoint: PacketEndpoint, show: int) -> Iterator[bytes]:
    options = endpoint.packet
    if show & _SHOW_INFO:
        flags = _RUNNING * (endpoint.ethertype != 0) | _AUXDATA * options.flags[so.PACKET_AUXDATA]
        flags |= _ORIGDEV * options.flags[so.PACKET_ORIGDEV]
        yield nl.attribute(_ATTR_INFO, _INFO.pack(endpoint.nic, 0, 0, 0, options.timestamp & _WORD, flags))
        yield nl.u32(_ATTR_UID, endpoint.options.owner)
    if show & _SHOW_GROUPS:
        groups = [
            _GROUP.pack(index, count, kind, len(addr), addr)
            for (index, kind, addr), count in reversed(options.memberships.items())
        ]
        yield nl.attribute(_ATTR_GROUPS, b"".join(groups))
    if show & _SHOW_MEMORY:
        yield nl.attribute(_ATTR_MEMORY, _FACTS.pack(*[number & _WORD for number in endpoint.memory_info()]))
    if show & _SHOW_FILTER and endpoint.options.filter:
        yield nl.attribute(_ATTR_FILTER, endpoint.options.filter)
