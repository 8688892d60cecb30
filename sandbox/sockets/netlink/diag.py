"""NETLINK_SOCK_DIAG (sock_diag(7)): which sockets there are, as ss(8) lists them."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Iterator

from sandbox.abi.linux.sock_diag import SOCK_DESTROY, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK
from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import diag_inet, diag_unix

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.message import Request


def answer(t: Task, network: Network, request: Request, port: int) -> list[bytes] | Iterator[bytes]:
    """The datagrams for one request. SyscallError becomes NLMSG_ERROR: ENOENT for families that tell nothing
    (vsock), EOPNOTSUPP for SOCK_DESTROY, as a kernel without CONFIG_INET_DIAG_DESTROY has it."""
    if request.type == TCPDIAG_GETSOCK:
        return diag_inet.answer_old(network, request, port)
    if request.type not in (SOCK_DIAG_BY_FAMILY, SOCK_DESTROY) or not request.body:
        raise SyscallError(errno.EINVAL)
    family = request.body[0]
    if family not in (AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX):
        raise SyscallError(errno.ENOENT)
    if request.type == SOCK_DESTROY:
        raise SyscallError(errno.EOPNOTSUPP)
    if family == AF_PACKET:
        from sandbox.sockets.netlink import diag_packet

        return diag_packet.answer(t, network, request, port)
    if family == AF_NETLINK:
        from sandbox.sockets.netlink import diag_netlink

        return diag_netlink.answer(network, request, port)
    if family == AF_UNIX:
        return diag_unix.answer(t.kernel, network, request, port)
    return diag_inet.answer(network, request, port)
