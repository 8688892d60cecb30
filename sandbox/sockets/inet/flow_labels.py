"""IPV6_FLOWLABEL_MGR, an option whose value is an answer, too (net/ipv6/ip6_flowlabel.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux import socket as abi
from sandbox.errors import SyscallError
from sandbox.sockets.inet.socket import InetSocket
from sandbox.sockets.inet.socket_options import grant
from sandbox.sockets.net_errno import syscall_error
from tcpip.errors import NetworkError
from tcpip.sockopt import IPV6_FLOWLABEL_MGR
from tcpip.transport import flow_labels

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.sockets.base import SocketFile


def manage(socket: SocketFile, t: Task, value: bytes) -> bytes:
    """setsockopt(2): the label that was drawn, as it lies in the request; nothing where none was."""
    if not isinstance(socket, InetSocket):
        raise SyscallError(errno.ENOPROTOOPT)
    grant(socket, t, abi.SOL_IPV6, IPV6_FLOWLABEL_MGR)
    options = socket.endpoint.settings()
    flow_labels.labels_of(options).process = t.pid
    try:
        drawn = flow_labels.manage(socket.network.stack, options, value)
    except NetworkError as error:
        raise syscall_error(error) from None
    return drawn.to_bytes(4, "big") if drawn else b""


def asked(socket: SocketFile, value: bytes) -> bytes:
    """getsockopt(2)."""
    if not isinstance(socket, InetSocket):
        raise SyscallError(errno.ENOPROTOOPT)
    try:
        return flow_labels.asked(socket.network.stack, socket.endpoint.settings(), value)
    except NetworkError as error:
        raise syscall_error(error) from None
