"""socket(2) for AF_INET and AF_INET6: which types and protocols there are, and who may have them."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_RAW
from sandbox.errors import SyscallError
from sandbox.sockets.base import Family, SocketFile
from sandbox.sockets.inet.socket import InetSocket
from sandbox.sockets.net_errno import syscall_error
from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

MAX_SOCKETS: Final = 65536  # of the whole sandbox


class InetFamily(Family):
    """`number` AF_INET or AF_INET6."""

    def __init__(self, number: int) -> None:
        self.number = number

    def create(self, t: Task, kind: int, protocol: int) -> SocketFile:
        if not 0 <= protocol <= 255:
            raise SyscallError(errno.EINVAL)
        protocol = self._protocol(kind, protocol)
        if kind == abi.SOCK_RAW and not t.creds.has_in(t.ns.net.user, CAP_NET_RAW):
            raise SyscallError(errno.EPERM)
        if kind == abi.SOCK_DGRAM and protocol not in (IPPROTO_UDP, IPPROTO_UDPLITE) and not _may_ping(t):
            raise SyscallError(errno.EACCES)
        network = t.ns.net.network
        if network.totals.sockets >= MAX_SOCKETS:
            raise SyscallError(errno.ENOBUFS)
        try:
            endpoint = network.stack.new_endpoint(self.number, kind, protocol)
        except NetworkError as error:
            if error.error is errors.PROTOCOL_NOT_SUPPORTED and kind == abi.SOCK_RAW:
                raise SyscallError(errno.EPROTONOSUPPORT) from None
            raise syscall_error(error) from None
        settings = endpoint.settings()
        settings.owner, settings.owner_group = t.creds.fsuid, t.creds.fsgid
        socket = InetSocket(network, endpoint, kind, protocol)
        network.sockets.add(socket)
        return socket

    def _protocol(self, kind: int, protocol: int) -> int:
        """The protocol, the type's default for 0. ESOCKTNOSUPPORT, EPROTONOSUPPORT (inet_create)."""
        if kind == abi.SOCK_STREAM:
            known, default = frozenset((IPPROTO_TCP,)), IPPROTO_TCP
        elif kind == abi.SOCK_DGRAM:
            ping = IPPROTO_ICMP if self.number == abi.AF_INET else IPPROTO_ICMPV6
            known, default = frozenset((IPPROTO_UDP, IPPROTO_UDPLITE, ping)), IPPROTO_UDP
        elif kind == abi.SOCK_RAW:
            if protocol == 0:
                raise SyscallError(errno.EPROTONOSUPPORT)
            return protocol
        else:
            raise SyscallError(errno.ESOCKTNOSUPPORT)
        if protocol == 0:
            return default
        if protocol not in known:
            raise SyscallError(errno.EPROTONOSUPPORT)
        return protocol


def _may_ping(t: Task) -> bool:
    """One of its groups is in net.ipv4.ping_group_range (net/ipv4/ping.c: ping_init_sock)."""
    low, high = t.ns.net.ping_groups
    return any(low <= group <= high for group in (t.creds.egid, *t.creds.groups))
