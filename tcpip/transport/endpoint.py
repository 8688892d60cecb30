"""What every endpoint offers: a socket in Linux's terms, one attempt per call, nothing blocks.

A call that fails raises `NetworkError`; one that would block raises `NetworkError(WOULD_BLOCK)`, save for
`send` and `recv_into`, which answer `AGAIN`. Wait on `queue` and try again. Packets that a call produces leave
with the next `Stack.flush()`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

from tcpip import errors
from tcpip.addr import SockAddr
from tcpip.errors import NetError, NetworkError
from tcpip.transport.memberships import Memberships
from tcpip.transport.protocol import PacketHandler
from tcpip.transport.socket_options import SocketOptions
from tcpip.waiter import WaitQueue

AGAIN: Final = -1
"""Answer of `send` and `recv_into`: it would block."""

Control = tuple[int, int, bytes]
"""One control message: level, type, data in Linux's layout."""


class Message:
    """What one `recvmsg` got. `length` is what was copied, or the datagram's real length with MSG_TRUNC asked for."""

    __slots__ = ("length", "address", "control", "flags")

    def __init__(self, length: int, address: SockAddr | None, control: list[Control], flags: int) -> None:
        self.length = length
        self.address = address
        self.control = control
        self.flags = flags


class Endpoint(PacketHandler):
    """A socket. `family` AF_INET or AF_INET6, `type` SOCK_*, `protocol` IPPROTO_*.

    Addresses at this edge have the endpoint's family: an AF_INET6 endpoint that talks IPv4 shows v4-mapped ones.
    """

    __slots__ = ("family", "type", "protocol", "queue")

    def __init__(self, family: int, sock_type: int, protocol: int) -> None:
        self.family = family
        self.type = sock_type
        self.protocol = protocol
        self.queue = WaitQueue()

    @abstractmethod
    def bind(self, address: SockAddr) -> None:
        """bind(2). ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE, INVALID_ARGUMENT when bound already."""

    @abstractmethod
    def connect(self, address: SockAddr | None) -> None:
        """connect(2); None is AF_UNSPEC. A stream raises CONNECT_STARTED, later ALREADY_IN_PROGRESS,
        the outcome once, ALREADY_CONNECTED."""

    def listen(self, backlog: int) -> None:
        """listen(2)."""
        raise NetworkError(errors.NOT_SUPPORTED)

    def accept(self) -> Endpoint:
        """accept(2): the oldest established connection."""
        raise NetworkError(errors.NOT_SUPPORTED)

    @abstractmethod
    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        """Bytes taken, or AGAIN. `bytes` are kept as they are; of a memoryview what is taken is copied."""

    @abstractmethod
    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        """sendmsg(2): bytes taken."""

    def unread(self, data: memoryview) -> None:
        """The last bytes that a stream's reader took could not be kept: the next read finds them again. Of a message they are lost."""

    def check_send(self) -> None:
        """What refuses a datagram before its bytes are looked at: an error that waits to be told, no room (WOULD_BLOCK), a socket
        that is shut for writing."""

    def recv_into(self, buffer: memoryview, flags: int = 0) -> int:
        """Bytes copied into `buffer`, 0 at the end of a stream, or AGAIN."""
        try:
            return self.recvmsg(buffer, flags).length
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return AGAIN
            raise

    @abstractmethod
    def recvmsg(self, buffer: memoryview, flags: int = 0) -> Message:
        """recvmsg(2)."""

    @abstractmethod
    def shutdown(self, how: int) -> None:
        """shutdown(2) with SHUT_*."""

    @abstractmethod
    def close(self) -> None:
        """The last reference is gone. A stream goes on on its own until it is closed; harmless when repeated."""

    @abstractmethod
    def readiness(self) -> int:
        """EVENT_* bits that hold now."""

    @abstractmethod
    def getsockname(self) -> SockAddr:
        """getsockname(2): unspecified address and port 0 when unbound."""

    @abstractmethod
    def getpeername(self) -> SockAddr:
        """getpeername(2); NOT_CONNECTED."""

    @abstractmethod
    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        """setsockopt(2). An int option takes an int or its bytes in host order; structures come as bytes.

        NO_SUCH_OPTION for what is not known. SO_RCVTIMEO and SO_SNDTIMEO belong to who blocks, not here.
        """

    @abstractmethod
    def get_option(self, level: int, name: int) -> int | bytes:
        """getsockopt(2). SO_ERROR is not here: see `socket_error`."""

    @abstractmethod
    def settings(self) -> SocketOptions:
        """The options that all endpoints share; `owner` and `privileged` are set by who keeps users and capabilities."""

    def multicast_members(self) -> Memberships:
        """The groups that it has joined. NO_SUCH_OPTION."""
        raise NetworkError(errors.NO_SUCH_OPTION)

    def is_transparent(self) -> bool:
        return self.settings().transparent

    @abstractmethod
    def take_error(self) -> NetError | None:
        """The pending error, which is cleared."""

    def socket_error(self) -> NetError | None:
        """SO_ERROR: the pending error, else what has gone wrong without consequence; cleared."""
        return self.take_error()

    def readable_bytes(self) -> int:
        """FIONREAD / SIOCINQ."""
        return 0

    def memory_info(self) -> tuple[int, ...]:
        """SO_MEMINFO: bytes received and their bound, bytes sent and theirs, reserved, queued, of options, backlog, drops."""
        settings = self.settings()
        return (self.held_bytes(), settings.rcvbuf, 0, settings.sndbuf, 0, self.queued_bytes(), 0, 0, self.dropped())

    def held_bytes(self) -> int:
        """Received and not read yet."""
        return 0

    def queued_bytes(self) -> int:
        """To be sent, or not acknowledged yet."""
        return 0

    def dropped(self) -> int:
        """Packets that there was no room for."""
        return 0

    def at_mark(self) -> bool:
        """SIOCATMARK: the next byte to read is the urgent one."""
        return False

    def unsent_bytes(self) -> int:
        """SIOCOUTQ: bytes not yet acknowledged (stream) or not yet handed to the link."""
        return 0

    def send_space(self) -> int:
        """How many bytes `send` would take now: who copies from elsewhere copies no more than that."""
        return 1 << 30
