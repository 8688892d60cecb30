"""socket(2) for AF_PACKET (net/packet/af_packet.c: packet_create)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_RAW
from sandbox.errors import SyscallError
from sandbox.sockets.base import Family, SocketFile
from sandbox.sockets.inet.family import MAX_SOCKETS
from sandbox.sockets.packet.socket import PacketSocket

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


class PacketFamily(Family):
    """SOCK_RAW and SOCK_DGRAM; SOCK_PACKET of old is not there."""

    def create(self, t: Task, kind: int, protocol: int) -> SocketFile:
        if not t.creds.has_in(t.ns.net.user, CAP_NET_RAW):
            raise SyscallError(errno.EPERM)
        if kind not in (abi.SOCK_RAW, abi.SOCK_DGRAM):
            raise SyscallError(errno.ESOCKTNOSUPPORT)
        network = t.ns.net.network
        if network.totals.sockets >= MAX_SOCKETS:
            raise SyscallError(errno.ENOBUFS)
        ethertype = int.from_bytes((protocol & 0xFFFF).to_bytes(2, "little"), "big")
        endpoint = network.stack.new_endpoint(abi.AF_PACKET, kind, ethertype)
        endpoint.settings().owner = t.creds.fsuid
        socket = PacketSocket(network, endpoint, kind, 0)
        network.sockets.add(socket)
        return socket
