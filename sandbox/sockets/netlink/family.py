"""socket(2) for AF_NETLINK, and who has which port id."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.errors import SyscallError
from sandbox.sockets.base import Family, SocketFile
from sandbox.sockets.netlink.socket import (
    NETLINK_GENERIC,
    NETLINK_KOBJECT_UEVENT,
    NETLINK_NETFILTER,
    NETLINK_ROUTE,
    NETLINK_SOCK_DIAG,
    NetlinkSocket,
)

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

PROTOCOLS: Final = frozenset(
    (NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER, NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC)
)
MAX_PROTOCOL: Final = 32
MAX_SOCKETS: Final = 4096


class PortTable:
    """The port ids of one sandbox: (protocol, port id) → socket."""

    def __init__(self) -> None:
        self.ports: dict[tuple[int, int], NetlinkSocket] = {}
        self.listeners: set[NetlinkSocket] = set()  # who has joined groups before it had a port
        self.open = 0
        self._next = 0xFFFFFFFF  # for a second socket of a process: from the top down, as Linux picks negative numbers

    def bind(self, socket: NetlinkSocket, port: int) -> None:
        """Take a port id; EADDRINUSE."""
        if (socket.protocol, port) in self.ports:
            raise SyscallError(errno.EADDRINUSE)
        self.ports[socket.protocol, port] = socket
        socket.port = port

    def autobind(self, socket: NetlinkSocket, pid: int) -> None:
        """The process id when it is free (netlink_autobind)."""
        port = pid
        while (socket.protocol, port) in self.ports:
            port = self._next
            self._next = self._next - 1 if self._next > 1 << 31 else 0xFFFFFFFF
        self.bind(socket, port)

    def members(self, protocol: int, group: int) -> list[NetlinkSocket]:
        """Who listens to a group."""
        found = [one for (number, _), one in self.ports.items() if number == protocol and one.listens(group)]
        if self.listeners:
            found += [one for one in self.listeners if not one.port and one.protocol == protocol and one.listens(group)]
        return found

    def forget(self, socket: NetlinkSocket) -> None:
        """It is closed."""
        self.open -= 1
        self.listeners.discard(socket)
        self.ports.pop((socket.protocol, socket.port), None)


class NetlinkFamily(Family):
    """Makes netlink sockets."""

    def create(self, t: Task, kind: int, protocol: int) -> SocketFile:
        if kind not in (abi.SOCK_RAW, abi.SOCK_DGRAM):
            raise SyscallError(errno.ESOCKTNOSUPPORT)
        if not 0 <= protocol < MAX_PROTOCOL or protocol not in PROTOCOLS:
            raise SyscallError(errno.EPROTONOSUPPORT)
        network = t.ns.net.network
        table = network.netlink_ports
        if table is None:
            table = network.netlink_ports = PortTable()
        if table.open >= MAX_SOCKETS:
            raise SyscallError(errno.ENOBUFS)
        table.open += 1
        return NetlinkSocket(network, table, kind, protocol)
