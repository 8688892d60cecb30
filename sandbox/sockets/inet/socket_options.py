"""Socket options of the inet families: what the endpoint keeps, and what the socket layer keeps.

The stack's endpoint knows the buffers, keep-alive, IP, IPv6, TCP and UDP options by Linux's numbers; time-outs of
calls, credentials and the like are the socket layer's (sandbox/sockets/options.py).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_BIND_SERVICE, CAP_NET_RAW
from sandbox.errors import SyscallError
from sandbox.sockets.message_filter import read_program
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.privileges import privileges
from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import (
    IP_PKTOPTIONS,
    IPV6_PATHMTU,
    SO_ATTACH_FILTER,
    SO_ATTACH_REUSEPORT_CBPF,
    SO_BINDTOIFINDEX,
    TCP_REPAIR_WINDOW,
    TCP_SAVED_SYN,
)
from tcpip.transport.ip_options import source_filter
from tcpip.transport.tcp.endpoint import TcpEndpoint

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.base import SocketFile
    from sandbox.sockets.inet.socket import InetSocket

# SOL_SOCKET options that the socket layer answers for every family.
_OURS: Final = frozenset(
    (
        abi.SO_TYPE,
        abi.SO_DOMAIN,
        abi.SO_PROTOCOL,
        abi.SO_ACCEPTCONN,
        abi.SO_ERROR,
        abi.SO_COOKIE,
        abi.SO_RCVTIMEO,
        abi.SO_SNDTIMEO,
        abi.SO_RCVTIMEO_NEW,
        abi.SO_SNDTIMEO_NEW,
        abi.SO_PASSCRED,
        abi.SO_DEBUG,
        abi.SO_PASSSEC,
        abi.SO_PASSPIDFD,
        abi.SO_PEERNAME,
        abi.SO_PEERCRED,
        abi.SO_PEERGROUPS,
        abi.SO_PEERPIDFD,
        abi.SO_MEMINFO,
        abi.SO_NETNS_COOKIE,
        abi.SO_ATTACH_BPF,
        abi.SO_ATTACH_REUSEPORT_EBPF,
    )
)


_REPAIR_WINDOW: Final = 20  # sizeof(struct tcp_repair_window)
_NAME_SIZE: Final = 16
_MTUINFO: Final = 32  # sizeof(struct ip6_mtuinfo)


def may_bind(t: Task, network: Network, port: int) -> bool:
    """Not everybody may have the low ones (ip(7): ip_unprivileged_port_start)."""
    first = t.kernel.net_ns if network.owner is None else network.owner
    return port >= first.unprivileged_port or t.creds.has_in(network.user(), CAP_NET_BIND_SERVICE)


def set_option(socket: InetSocket, t: Task, level: int, name: int, value: bytes) -> bool:
    """False: the socket layer keeps it."""
    if level == abi.SOL_SOCKET:
        if name in _OURS:
            return False
        if name == abi.SO_BINDTODEVICE:
            _bind_device(socket, t, value)
            return True
        if name in (SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF):
            value = read_program(t, value, socket.endpoint.settings().filter_locked)
    grant(socket, t, level, name)
    try:
        socket.endpoint.set_option(level, name, value)
    except NetworkError as error:
        if error.error is errors.NO_SUCH_OPTION and level == abi.SOL_SOCKET:
            return False
        raise syscall_error(error) from None
    socket.family = socket.endpoint.family  # IPV6_ADDRFORM changes it
    return True


def _fitted(messages: bytes, room: int) -> bytes:
    """Of control messages what put_cmsg has room for: the last one may be cut, and says so in its length."""
    out, at = b"", 0
    while at < len(messages) and room - len(out) >= abi.CMSGHDR_SIZE:
        length, level, kind = abi.CMSGHDR.unpack_from(messages, at)
        whole = (length + 7) & ~7
        left = room - len(out)
        body = messages[at + abi.CMSGHDR_SIZE : at + whole]
        out += (abi.CMSGHDR.pack(min(length, left), level, kind) + body)[: min(whole, left)]
        at += whole
    return out


def grant(socket: InetSocket, t: Task, level: int, name: int) -> None:
    """Let the endpoint know what the caller may do, where an option or control message depends on it."""
    needed = privileges(level, name, socket.network.user())
    if needed:
        socket.endpoint.settings().privileged = any(t.creds.has_in(owner, capability) for owner, capability in needed)


def get_option(socket: InetSocket, level: int, name: int, size: int) -> bytes | None:
    """None: the socket layer keeps it."""
    if level == abi.SOL_SOCKET and (name in _OURS or name == abi.SO_BINDTODEVICE):
        if name == abi.SO_BINDTODEVICE and socket.options.device and size < _NAME_SIZE:
            raise SyscallError(errno.EINVAL)
        return None
    if socket.family == abi.AF_INET6 and (level, name) == (abi.SOL_IPV6, IPV6_PATHMTU) and size < _MTUINFO:
        raise SyscallError(errno.EINVAL)
    if level == abi.SOL_TCP and socket.stream and name in (TCP_REPAIR_WINDOW, TCP_SAVED_SYN):
        _check_room(socket, name, size)
    try:
        value = socket.endpoint.get_option(level, name)
    except NetworkError as error:
        if error.error is errors.NO_SUCH_OPTION:
            if level == abi.SOL_SOCKET:
                return None
            if socket.family == abi.AF_INET and level not in (abi.SOL_IP, socket.protocol):
                raise SyscallError(errno.EOPNOTSUPP) from None  # do_ip_getsockopt, for a level that is not its own
        raise syscall_error(error) from None
    if (level, name) == (abi.SOL_IP, IP_PKTOPTIONS) and isinstance(value, bytes):
        return _fitted(value, size)
    if isinstance(value, bytes):
        return value
    if level == abi.SOL_IP and 0 < size < 4 and 0 <= value <= 255:
        return bytes((value,))
    return abi.INT.pack(value) if value < 1 << 31 else abi.UINT.pack(value & 0xFFFFFFFF)


def get_source_filter(socket: SocketFile, level: int, name: int, asked: bytes) -> bytes:
    """IP_MSFILTER, MCAST_MSFILTER: `asked` says of which group (ip_get_mcast_msfilter)."""
    from sandbox.sockets.inet.socket import InetSocket

    if not isinstance(socket, InetSocket) or (
        level == abi.SOL_IP and socket.family == abi.AF_INET6 and socket.is_raw()
    ):
        raise SyscallError(errno.ENOPROTOOPT)
    if level == abi.SOL_IPV6 and socket.family == abi.AF_INET:
        raise SyscallError(errno.EOPNOTSUPP)
    try:
        return source_filter(socket.endpoint, level, name, asked)
    except NetworkError as error:
        raise syscall_error(error) from None


def _check_room(socket: InetSocket, name: int, size: int) -> None:
    """What is not cut off when there is no room for it. EINVAL."""
    endpoint = socket.endpoint
    if name == TCP_REPAIR_WINDOW and size != _REPAIR_WINDOW:
        raise SyscallError(errno.EINVAL)
    if name == TCP_SAVED_SYN and isinstance(endpoint, TcpEndpoint) and size < len(endpoint.tcp_options.saved_syn):
        raise SyscallError(errno.EINVAL)


def _bind_device(socket: InetSocket, t: Task, value: bytes) -> None:
    """SO_BINDTODEVICE: an interface's name, empty to undo it."""
    if socket.options.device and not t.creds.has_in(socket.network.user(), CAP_NET_RAW):
        raise SyscallError(errno.EPERM)
    name = value[:15].split(b"\0", 1)[0]
    number = 0
    if name:
        nic = socket.network.find_nic(name.decode("latin-1"))
        if nic is None:
            raise SyscallError(errno.ENODEV)
        number = nic.number
    try:
        socket.endpoint.set_option(abi.SOL_SOCKET, SO_BINDTOIFINDEX, number)
    except NetworkError as error:
        raise syscall_error(error) from None
    socket.options.device = name
