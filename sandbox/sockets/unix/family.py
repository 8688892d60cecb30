"""AF_UNIX as a protocol family: socket(2) and socketpair(2)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.socket import AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM
from sandbox.errors import SyscallError
from sandbox.sockets.base import Family
from sandbox.sockets.unix.connection import UnixConnection, join
from sandbox.sockets.unix.datagram import UnixDatagram
from sandbox.sockets.unix.socket import CONNECTED, UnixSocket

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


class UnixFamily(Family):
    """SOCK_RAW is taken for SOCK_DGRAM."""

    def create(self, t: Task, kind: int, protocol: int) -> UnixSocket:
        if protocol not in (0, AF_UNIX):
            raise SyscallError(errno.EPROTONOSUPPORT)
        if kind in (SOCK_STREAM, SOCK_SEQPACKET):
            return UnixConnection(t, kind, 0)
        if kind in (SOCK_DGRAM, SOCK_RAW):
            return UnixDatagram(t, 0)
        raise SyscallError(errno.ESOCKTNOSUPPORT)

    def pair(self, t: Task, kind: int, protocol: int) -> tuple[UnixSocket, UnixSocket]:
        one = self.create(t, kind, protocol)
        two = self.create(t, kind, protocol)
        one.remember_peer(t)
        two.remember_peer(t)
        if isinstance(one, UnixConnection) and isinstance(two, UnixConnection):
            join(one, two)
        else:
            one.peer, two.peer = two, one
            one.state = two.state = CONNECTED
        return one, two
