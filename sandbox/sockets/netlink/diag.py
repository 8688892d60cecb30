"""NETLINK_SOCK_DIAG (sock_diag(7)): the sandbox's inet sockets, as ss(8) lists them. No filters by byte code."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, SOCK_STREAM
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.addr import SockAddr, any_of, is_any
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.inet.socket import InetSocket
    from sandbox.sockets.netlink.message import Request

SOCK_DIAG_BY_FAMILY: Final = 20
TCP_ESTABLISHED: Final = 1
TCP_CLOSE: Final = 7
TCP_LISTEN: Final = 10

_REQUEST: Final = struct.Struct("<BBBBI")
_MESSAGE: Final = struct.Struct("<BBBBHH16s16sI8sIIIII")


def answer(network: Network, request: Request, port: int) -> list[bytes]:
    """The datagrams for one request. SyscallError becomes NLMSG_ERROR."""
    if request.type != SOCK_DIAG_BY_FAMILY:
        raise SyscallError(errno.EINVAL)
    family, protocol, _, _, states = request.header(_REQUEST)
    if family not in (AF_INET, AF_INET6):
        raise SyscallError(errno.ENOENT)
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    bodies = []
    for socket in sorted(network.sockets, key=_inode):
        if socket.family != family or socket.protocol != protocol:
            continue
        state = state_of(socket)
        if states & 1 << state and (state != TCP_CLOSE or socket.kind != SOCK_STREAM):
            bodies.append(_body(socket, state))
    return nl.dump(request, port, SOCK_DIAG_BY_FAMILY, bodies)


def _inode(socket: InetSocket) -> int:
    return socket.inode


def state_of(socket: InetSocket) -> int:
    """TCP_* as far as the socket layer can tell: listening, connected, closed (datagrams: unconnected)."""
    return TCP_LISTEN if socket.listening else state_with(socket, peer_of(socket))


def state_with(socket: InetSocket, peer: SockAddr) -> int:
    """The same of whose peer is known."""
    if socket.listening:
        return TCP_LISTEN
    return TCP_CLOSE if is_any(peer.addr) else TCP_ESTABLISHED


def peer_of(socket: InetSocket) -> SockAddr:
    """The peer, unspecified when there is none."""
    try:
        return socket.endpoint.getpeername()
    except NetworkError:
        return SockAddr(any_of(socket.family), 0)


def _body(socket: InetSocket, state: int) -> bytes:
    """struct inet_diag_msg."""
    own, peer = socket.endpoint.getsockname(), peer_of(socket)
    return _MESSAGE.pack(
        socket.family,
        state,
        0,
        0,
        _swapped(own.port),
        _swapped(peer.port),
        own.addr.ljust(16, b"\0"),
        peer.addr.ljust(16, b"\0"),
        0,
        socket.inode.to_bytes(8, "little"),
        0,
        0 if socket.listening else socket.endpoint.readable_bytes(),
        0 if socket.listening else socket.endpoint.unsent_bytes(),
        0,
        socket.inode & 0xFFFFFFFF,
    )


def _swapped(port: int) -> int:
    return port >> 8 | (port & 0xFF) << 8
