"""sock_diag(7) of Unix sockets: struct unix_diag_msg and its attributes (net/unix/diag.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.sock_diag import SOCK_DIAG_BY_FAMILY
from sandbox.abi.linux.socket import AF_UNIX
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.unix.connection import UnixConnection
from sandbox.sockets.unix.socket import CONNECTED, LISTENING, UnixSocket, not_accepted, unix_sockets_of
from tcpip.transport.tcp.state import CLOSED, ESTABLISHED, LISTEN

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.sockets.netlink.message import Request

NAME, VFS, PEER, ICONS, RQLEN, MEMINFO, SHUTDOWN, UID = range(8)
_REQUEST: Final = struct.Struct("<BBHIII8s")
_MESSAGE: Final = struct.Struct("<BBBBI8s")
_PAIR: Final = struct.Struct("<II")
_FACTS: Final = struct.Struct("<9I")


def answer(kernel: Kernel, network: Network, request: Request, port: int) -> list[bytes] | Iterator[bytes]:
    """A dump of those in the states that are asked for, or the one that has the inode number. EINVAL, ENOENT."""
    _, protocol, _, states, inode, show, _ = request.header(_REQUEST)
    if protocol:
        raise SyscallError(errno.EINVAL)
    number = network.owner.number if network.owner is not None else kernel.namespaces.net.number
    sockets = unix_sockets_of(kernel, number)
    if request.dump:
        return nl.long_dump(request, port, SOCK_DIAG_BY_FAMILY, _bodies(sockets, states, show))
    for socket in sockets:
        if inode and socket.inode & 0xFFFFFFFF == inode:
            return [nl.message(SOCK_DIAG_BY_FAMILY, 0, request.seq, port, _body(socket, show, not_accepted(sockets)))]
    raise SyscallError(errno.ENOENT if inode else errno.EINVAL)


def _bodies(sockets: list[UnixSocket], states: int, show: int) -> Iterator[bytes]:
    waiting = not_accepted(sockets)
    for socket in sockets:
        told = states >> _state(socket) & 1 and socket not in waiting and not socket.dead
        yield _body(socket, show, waiting) if told else b""


def _state(socket: UnixSocket) -> int:
    return {LISTENING: LISTEN, CONNECTED: ESTABLISHED}.get(socket.state, CLOSED)


def _body(socket: UnixSocket, show: int, waiting: set[UnixSocket]) -> bytes:
    cookie = socket.inode.to_bytes(8, "little")
    return _MESSAGE.pack(AF_UNIX, socket.kind, _state(socket), 0, socket.inode & 0xFFFFFFFF, cookie) + b"".join(
        _attributes(socket, show, waiting)
    )


def _attributes(socket: UnixSocket, show: int, waiting: set[UnixSocket]) -> Iterator[bytes]:
    """What the bits of `show` ask for, each bit for the attribute of its number."""
    if show >> NAME & 1 and socket.name:
        yield nl.attribute(NAME, socket.name)
    if show >> VFS & 1 and socket.bound is not None:
        yield nl.attribute(VFS, _PAIR.pack(socket.bound.ino & 0xFFFFFFFF, socket.bound.fs.dev & 0xFFFFFFFF))
    if show >> PEER & 1 and socket.peer is not None:
        yield nl.u32(PEER, 0 if socket.peer in waiting else socket.peer.inode)
    if show >> ICONS & 1 and isinstance(socket, UnixConnection) and socket.waiting:
        peers = [one.peer.inode & 0xFFFFFFFF if one.peer is not None else 0 for one in socket.waiting]
        yield nl.attribute(ICONS, b"".join([inode.to_bytes(4, "little") for inode in peers]))
    if show >> RQLEN & 1:
        yield nl.attribute(RQLEN, _PAIR.pack(*_queues(socket)))
    if show >> MEMINFO & 1:
        yield nl.attribute(MEMINFO, _FACTS.pack(*(number & 0xFFFFFFFF for number in socket.memory_info())))
    if show >> UID & 1:
        yield nl.u32(UID, socket.uid)
    yield nl.u8(SHUTDOWN, socket.shut)


def _queues(socket: UnixSocket) -> tuple[int, int]:
    """What waits to be read and what was sent and is not read yet, in bytes; of a listener who waits and how many may."""
    if isinstance(socket, UnixConnection) and socket.state == LISTENING:
        return len(socket.waiting), socket.backlog
    return sum(len(message.data) - message.pos for message in socket.inbox), socket.sent
