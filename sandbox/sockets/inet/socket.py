"""InetSocket: one AF_INET or AF_INET6 socket, thin over an endpoint of the netstack.

What the network's egress policy refuses is refused here at once (EACCES, with a line in the log that names
the process); the gateway refuses it again for packets that come another way.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.kernel.broken_pipe import broken_pipe
from sandbox.sockets.base import IN_PROGRESS, ControlMessage, Received, SocketFile
from sandbox.sockets.inet import interface_change, interface_ioctl, socket_options
from sandbox.sockets.inet.interface_change import CHANGES6, ROUTES
from sandbox.sockets.inet.sockaddr import decode, decode_mapped, encode, family_of
from sandbox.sockets.net_errno import ERRNO, syscall_error
from sandbox.vfs.file_description import WOULD_BLOCK
from sandbox.vfs.poll import NORM
from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPV6_V6ONLY, SOL_IPV6
from tcpip.transport.endpoint import AGAIN, Control
from tcpip.waiter import EVENT_OUT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from tcpip.addr import SockAddr
    from tcpip.transport.endpoint import Endpoint

_STAMPING: Final = (abi.SO_TIMESTAMPING, abi.SO_TIMESTAMPING_NEW)
_DATAGRAM_MOST: Final = 0xFFFF  # more is refused whatever it is
_UDP: Final = (IPPROTO_UDP, IPPROTO_UDPLITE)
_SPECIAL: Final = abi.MSG_OOB | abi.MSG_ERRQUEUE


class InetSocket(SocketFile):
    """`endpoint` does the work; its queue is the file's."""

    def __init__(self, network: Network, endpoint: Endpoint, kind: int, protocol: int, flags: int = 0) -> None:
        super().__init__(endpoint.family, kind, protocol, flags)
        self.network = network
        self.options.user = network.user()
        network.totals.sockets += 1
        if network.owner is not None:
            network.owner.users += 1
        self.endpoint = endpoint
        self.queue = endpoint.queue
        self.connect_queue = endpoint.queue
        self.stream = kind == abi.SOCK_STREAM
        self.target: SockAddr | None = None  # of a connect that is under way
        self.unchecked: SockAddr | None = None  # the peer of a datagram socket until something is sent to it
        self.listening = False
        self.mirrored = 0  # the port that is told of outside, too
        self.drops_truncated = self.stream
        if self.stream:
            self.norm = NORM  # tcp_poll

    def release(self) -> None:
        self.network.sockets.discard(self)
        self.network.totals.sockets -= 1
        self.endpoint.close()
        if self.network.owner is not None:
            self.network.owner.let_go()
        if self.mirrored and self.network.mirror is not None:
            self.network.mirror.closed(self.mirrored)

    # --- names ---

    def bind(self, t: Task, address: bytes) -> None:
        where = decode(address, self.family)
        if where is None:
            # AF_UNSPEC with 0.0.0.0 is taken for AF_INET (net/ipv4/af_inet.c:__inet_bind)
            if self.family != abi.AF_INET or len(address) < 16 or any(address[4:8]):
                raise SyscallError(errno.EAFNOSUPPORT)
            where = decode(abi.FAMILY.pack(abi.AF_INET) + address[2:], self.family)
            assert where is not None
        if where.port and self.stream and not socket_options.may_bind(t, self.network, where.port):
            raise SyscallError(errno.EACCES)
        try:
            self.endpoint.bind(where)
        except NetworkError as error:
            raise syscall_error(error) from None

    def getsockname(self, t: Task) -> bytes:
        try:
            return encode(self.endpoint.getsockname())
        except NetworkError as error:
            raise syscall_error(error) from None

    def getpeername(self, t: Task) -> bytes:
        try:
            return encode(self.endpoint.getpeername())
        except NetworkError as error:
            raise syscall_error(error) from None

    # --- connections ---

    def connect(self, t: Task, address: bytes) -> int:
        where = self._peer(address, errno.EAFNOSUPPORT)
        if where is not None and self.stream:
            self.network.check(t, self.protocol, where)
        try:
            self.endpoint.connect(where)
        except NetworkError as error:
            if error.error is errors.CONNECT_STARTED or (
                error.error is errors.ALREADY_IN_PROGRESS and not self.flags & O_NONBLOCK
            ):
                self.target = where
                if where is not None:
                    self.network.sent(t, self.protocol, where, self.endpoint)
                return IN_PROGRESS
            raise syscall_error(error) from None
        self.target = None
        if not self.stream:
            self.unchecked = where  # nothing was sent: getaddrinfo(3) connects only to learn source addresses
        if where is not None:
            self.network.sent(t, self.protocol, where, self.endpoint)
        return 0

    def connect_result(self, t: Task) -> int:
        if self.target is None:
            return 0
        try:
            self.endpoint.connect(self.target)
        except NetworkError as error:
            if error.error is errors.ALREADY_IN_PROGRESS:
                return IN_PROGRESS
            self.target = None
            if error.error is errors.ALREADY_CONNECTED:
                return 0
            raise syscall_error(error) from None
        self.target = None
        return 0

    def listen(self, t: Task, backlog: int) -> None:
        try:
            self.endpoint.listen(backlog)
        except NetworkError as error:
            raise syscall_error(error) from None
        if self.network.mirror is not None and not self.mirrored:
            self.mirrored = self.network.mirror.opened(self.endpoint.getsockname())
        self.listening = True

    def accepting(self) -> bool:
        return self.listening

    def accept(self, t: Task, flags: int) -> SocketFile | None:
        try:
            endpoint = self.endpoint.accept()
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return None
            raise syscall_error(error) from None
        new = InetSocket(self.network, endpoint, self.kind, self.protocol, flags)
        new.options = self.options.copy()
        self.network.sockets.add(new)
        return new

    def shutdown(self, t: Task, how: int) -> None:
        try:
            self.endpoint.shutdown(how)
        except NetworkError as error:
            raise syscall_error(error) from None

    # --- data ---

    def unread(self, data: memoryview) -> None:
        if self.stream:
            self.endpoint.unread(data)

    def before_data(self, t: Task, size: int, address: bytes, flags: int) -> int:
        if self.stream:
            self.sendmsg(t, memoryview(b""), address, flags & abi.MSG_NOSIGNAL, [])
            return 0 if self.endpoint.readiness() & EVENT_OUT else WOULD_BLOCK
        if size > _DATAGRAM_MOST:
            raise SyscallError(errno.EMSGSIZE)
        if flags & abi.MSG_OOB:
            raise SyscallError(errno.EOPNOTSUPP)
        try:
            if self._destination(t, address) is None:
                self.endpoint.getpeername()
            self.endpoint.check_send()
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return WOULD_BLOCK
            if error.error is errors.NOT_CONNECTED:
                raise SyscallError(errno.EDESTADDRREQ) from None
            raise syscall_error(error) from None
        return 0

    def sendmsg(self, t: Task, data: memoryview, address: bytes, flags: int, control: list[ControlMessage]) -> int:
        if self.unchecked is not None and not address:
            self._check_peer(t)
        try:
            if flags & abi.MSG_FASTOPEN and self.stream:
                return self._open_fast(t, data, address, flags)
            if not address and not control:
                taken = self.endpoint.send(data, flags)
                return WOULD_BLOCK if taken == AGAIN else taken
            where = self._destination(t, address)
            ancillary: list[Control] = [
                (c.level, c.type, c.data) for c in control if c.level != abi.SOL_SOCKET or c.type in _STAMPING
            ]
            for level, kind, _ in ancillary:
                socket_options.grant(self, t, level, kind)
            taken = self.endpoint.sendmsg(data, where, flags, ancillary or None)
            if where is not None:
                self.network.sent(t, self.protocol, where, self.endpoint)
            return taken
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return WOULD_BLOCK
            if error.error is errors.BROKEN_PIPE and self.stream:
                broken_pipe(t, flags)
            raise syscall_error(error) from None

    def _open_fast(self, t: Task, data: memoryview, address: bytes, flags: int) -> int:
        """MSG_FASTOPEN: connect and send in one. A blocking call comes again until the handshake is over."""
        where = decode(address, self.family) if address else None
        if address and where is None:
            raise SyscallError(errno.EOPNOTSUPP)
        if where is not None and self.target is None:
            self.network.check(t, self.protocol, where)
        try:
            taken = self.endpoint.sendmsg(data, where, flags)
        except NetworkError as error:
            blocking = not (self.flags & O_NONBLOCK or flags & abi.MSG_DONTWAIT)
            started = error.error is errors.CONNECT_STARTED
            if started and where is not None:
                self.target = where
                self.network.sent(t, self.protocol, where, self.endpoint)
            if blocking and (started or (self.target is not None and error.error is errors.ALREADY_IN_PROGRESS)):
                return WOULD_BLOCK
            raise
        self.target = None
        if where is not None:
            self.network.sent(t, self.protocol, where, self.endpoint)
        return WOULD_BLOCK if taken == AGAIN else taken

    def _check_peer(self, t: Task) -> None:
        """The first message to the peer of a datagram socket: EACCES when no rule allows it."""
        if self.unchecked is not None:
            self.network.check(t, self.protocol, self.unchecked)
            self.unchecked = None

    def _peer(self, address: bytes, only_ipv6: int) -> SockAddr | None:
        """Whom a connect or one message names; None for AF_UNSPEC.

        An AF_INET6 socket of UDP takes a sockaddr_in for the mapped address, unless it is IPV6_V6ONLY: then that is the
        error `only_ipv6` (net/ipv6/datagram.c:__ip6_datagram_connect, net/ipv6/udp.c:udpv6_sendmsg). getaddrinfo(3) connects
        one socket to addresses of both families to learn what they would be reached from.
        """
        if self.family == abi.AF_INET6 and self.protocol in _UDP and family_of(address) == abi.AF_INET:
            if self.endpoint.get_option(SOL_IPV6, IPV6_V6ONLY):
                raise SyscallError(only_ipv6)
            return decode_mapped(address)
        return decode(address, self.family)

    def _destination(self, t: Task, address: bytes) -> SockAddr | None:
        """The address of one message; a stream ignores it (TCP), AF_UNSPEC means the connected peer."""
        if not address or self.stream:
            return None
        where = self._peer(address, errno.ENETUNREACH)
        if where is None and self.family == abi.AF_INET:  # udp_sendmsg takes AF_UNSPEC for AF_INET
            where = decode(abi.FAMILY.pack(abi.AF_INET) + address[2:], self.family)
        if where is None:
            self._check_peer(t)
        else:
            self.network.check(t, self.protocol, where)
        return where

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        try:
            if got is None or (self.stream and not flags & _SPECIAL):
                count = self.endpoint.recv_into(dst, flags)
                if count == AGAIN:
                    return WOULD_BLOCK
                if got is not None:
                    got.size = count
                return count
            message = self.endpoint.recvmsg(dst, flags if self.stream else flags | abi.MSG_TRUNC)
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return WOULD_BLOCK
            raise syscall_error(error) from None
        got.size = message.length
        got.flags |= message.flags
        if message.address is not None:
            got.address = encode(message.address)
        got.control.extend(ControlMessage(level, kind, data) for level, kind, data in message.control)
        return min(message.length, len(dst))

    def is_raw(self) -> bool:
        return self.kind == abi.SOCK_RAW

    def at_mark(self) -> bool:
        return self.endpoint.at_mark()

    def poll(self, t: Task | None) -> int:
        return self.endpoint.readiness()

    def take_error(self) -> int:
        pending = self.endpoint.socket_error()
        return 0 if pending is None else ERRNO[pending]

    # --- options ---

    def setsockopt(self, t: Task, level: int, name: int, value: bytes) -> None:
        if not socket_options.set_option(self, t, level, name, value):
            super().setsockopt(t, level, name, value)

    def getsockopt(self, t: Task, level: int, name: int, size: int) -> bytes:
        value = socket_options.get_option(self, level, name, size)
        return super().getsockopt(t, level, name, size) if value is None else value

    def net_number(self, t: Task) -> int:
        return t.kernel.net_ns.number if self.network.owner is None else self.network.owner.number

    def memory_info(self) -> tuple[int, ...]:
        return self.endpoint.memory_info()

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        if cmd == abi.SIOCINQ:
            if self.listening:
                raise SyscallError(errno.EINVAL)
            t.copy_out(arg, abi.INT.pack(self.endpoint.readable_bytes()))
            return 0
        if cmd == abi.SIOCOUTQ:
            if self.listening:
                raise SyscallError(errno.EINVAL)
            t.copy_out(arg, abi.INT.pack(self.endpoint.unsent_bytes()))
            return 0
        if cmd == abi.SIOCATMARK and self.protocol == IPPROTO_TCP:
            if self.listening:
                raise SyscallError(errno.EINVAL)
            t.copy_out(arg, abi.INT.pack(int(self.endpoint.at_mark())))
            return 0
        four = self.family == abi.AF_INET
        if cmd in (ROUTES if four else CHANGES6):
            routes = interface_change.route if four else interface_change.route6
            (routes if cmd in ROUTES else interface_change.address6)(t, self.network, cmd, arg)
            return 0
        return interface_ioctl.ioctl(t, self.network, cmd, arg, four)
