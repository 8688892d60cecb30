"""The host's kernel in place of the stack: the same scripts, in real time, through a tun device of a network namespace.

What a script expects is Linux's behaviour; `--native` shows whether Linux agrees. It needs root (it makes a namespace for
this process) and a quiet machine: times are real ones.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import subprocess
import time
from collections import deque
from typing import Any, Final

from tcpip import errors
from tcpip.addr import SockAddr, text
from tcpip.errors import NetError, NetworkError
from tcpip.transport.endpoint import AGAIN, Control, Endpoint, Message
from tcpip.transport.socket_options import SocketOptions
from tcpip.waiter import WaitQueue
from tools.packetdrill.errors import CallError
from tools.packetdrill.settings import Settings

TUNSETIFF: Final = 0x400454CA
IFF_TUN_NO_PI: Final = 0x1001
CLONE_NEWNET: Final = 0x40000000
TICK_US: Final = 200
_TRANSLATED: Final[dict[int, NetError]] = {
    errno.EAGAIN: errors.WOULD_BLOCK,
    errno.EINPROGRESS: errors.CONNECT_STARTED,
    errno.EALREADY: errors.ALREADY_IN_PROGRESS,
}


def _failure(error: OSError) -> Exception:
    known = _TRANSLATED.get(error.errno or 0)
    return NetworkError(known) if known is not None else CallError(error.errno or errno.EIO)


def call(function: Any, *arguments: Any) -> Any:
    """One attempt on a real socket."""
    try:
        return function(*arguments)
    except OSError as error:
        raise _failure(error) from None


class NativeEndpoint(Endpoint):
    """A real, non-blocking socket with the stack's interface."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.family = sock.family
        self.type = sock.type & 15
        self.protocol = sock.proto
        self.queue = WaitQueue()
        self._last = 0

    def _address(self, where: SockAddr) -> tuple[Any, ...]:
        return (text(where.addr), where.port)

    def handle_packet(self, pkt: Any) -> None:
        """The kernel does."""

    def handle_error(self, error: Any) -> None:
        """The kernel does."""

    def bind(self, address: SockAddr) -> None:
        call(self.sock.bind, self._address(address))

    def connect(self, address: SockAddr | None) -> None:
        if address is None:
            unspecified = ctypes.create_string_buffer(16)
            if ctypes.CDLL(None, use_errno=True).connect(self.sock.fileno(), unspecified, 16):
                raise CallError(ctypes.get_errno())
            return
        call(self.sock.connect, self._address(address))

    def listen(self, backlog: int) -> None:
        call(self.sock.listen, backlog)

    def accept(self) -> Endpoint:
        sock, _ = call(self.sock.accept)
        return NativeEndpoint(sock)

    @property
    def remote_port(self) -> int:
        return self.getpeername().port

    @property
    def local_port(self) -> int:
        return self.getsockname().port

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        try:
            return int(self.sock.send(data, flags | socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT))
        except BlockingIOError as error:
            if error.errno == errno.EAGAIN:
                return AGAIN
            raise _failure(error) from None
        except OSError as error:
            raise _failure(error) from None

    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        if control:
            where = (self._address(address),) if address is not None else ()
            return int(call(self.sock.sendmsg, [data], control, flags | socket.MSG_NOSIGNAL, *where))
        if address is None:
            return self.send(data, flags)
        return int(call(self.sock.sendto, data, flags | socket.MSG_NOSIGNAL, self._address(address)))

    def recv_into(self, buffer: memoryview, flags: int = 0) -> int:
        try:
            return self.sock.recv_into(buffer, 0, flags)
        except BlockingIOError:
            return AGAIN
        except OSError as error:
            raise _failure(error) from None

    def recvmsg(self, buffer: memoryview, flags: int = 0) -> Message:
        count, control, seen, _ = call(self.sock.recvmsg_into, [buffer], 1024, flags)
        return Message(count, None, control, seen & ~socket.MSG_CTRUNC)

    def shutdown(self, how: int) -> None:
        call(self.sock.shutdown, how)

    def close(self) -> None:
        self.sock.close()

    def readiness(self) -> int:
        poll = select.poll()
        poll.register(self.sock.fileno(), 0x203F)
        ready = poll.poll(0)
        return ready[0][1] & 0x203F if ready else 0

    def poll_changes(self) -> None:
        """Tell who waits, when readiness has changed: what edge triggering needs (nearly)."""
        now = self.readiness()
        if now & ~self._last:
            self.queue.notify(now)
        self._last = now

    def _named(self, name: tuple[Any, ...]) -> SockAddr:
        return SockAddr(socket.inet_pton(self.family, name[0]), name[1], 0)

    def getsockname(self) -> SockAddr:
        return self._named(call(self.sock.getsockname))

    def getpeername(self) -> SockAddr:
        return self._named(call(self.sock.getpeername))

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        call(self.sock.setsockopt, level, name, value)

    def get_option(self, level: int, name: int) -> int | bytes:
        data: bytes = call(self.sock.getsockopt, level, name, 1024)
        return int.from_bytes(data, "little", signed=True) if len(data) == 4 else data

    def settings(self) -> SocketOptions:
        """The kernel's alone."""
        return SocketOptions()

    def take_error(self) -> NetError | None:
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not number:
            return None
        from tcpip.errno_map import ERRNO

        return next(error for error, known in ERRNO.items() if known == number)

    def _ioctl(self, request: int) -> int:
        return int(struct.unpack("=i", call(fcntl.ioctl, self.sock.fileno(), request, b"\0" * 4))[0])

    def readable_bytes(self) -> int:
        return self._ioctl(0x541B)

    def unsent_bytes(self) -> int:
        return self._ioctl(0x5411)

    def at_mark(self) -> bool:
        return bool(self._ioctl(0x8905))

    def not_sent_bytes(self) -> int:
        return self._ioctl(0x894B)


class NativeLink:
    """The tun device: what the kernel sends is kept with its time."""

    def __init__(self, host: NativeHost) -> None:
        self.host = host
        self.frames: deque[tuple[int, bytes]] = deque()
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN_NO_PI))

    def wait(self, seconds: float) -> None:
        """Take what comes within that time; ends with the first."""
        if select.select([self.fd], [], [], seconds)[0]:
            self.drain()

    def drain(self) -> None:
        while True:
            try:
                packet = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return
            self.frames.append((time.monotonic_ns(), packet))


class NativeStack:
    """The part of a stack that calls use."""

    def __init__(self) -> None:
        self.endpoints: list[NativeEndpoint] = []
        self.congestion = b"cubic"  # set on each socket: a namespace may not be allowed to make it its default

    def new_endpoint(self, family: int, sock_type: int, protocol: int = 0) -> Endpoint:
        sock = call(socket.socket, family, sock_type, protocol)
        if sock_type & 15 == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion)
        endpoint = NativeEndpoint(sock)
        self.endpoints.append(endpoint)
        return endpoint

    def flush(self) -> None:
        """The kernel does."""


class NativeHost:
    """As host.Host, on the kernel of this machine."""

    start_ns: int = 0

    def __init__(self, settings: Settings) -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
        self.origin = 0
        self.stack: Any = NativeStack()
        self.link: Any = NativeLink(self)
        self.counters: dict[str, int] = {}
        self._configure(settings)
        time.sleep(0.05)
        self.restart()

    def _configure(self, settings: Settings) -> None:
        length = settings.prefix_len
        six = "-6" if settings.ipv6 else "-4"
        for line in (
            "link set lo up",
            f"link set tun0 mtu {settings.mtu} up",
            f"{six} addr add {text(settings.local)}/{length} dev tun0" + (" nodad" if settings.ipv6 else ""),
            f"{six} route add default dev tun0",
        ):
            subprocess.run(["ip", *line.split()], check=True, capture_output=True)

    def restart(self) -> None:
        """The script begins now."""
        self.link.drain()
        self.link.frames.clear()
        self.origin = time.monotonic_ns()

    def since_start(self, realtime_ns: int) -> int:
        return realtime_ns - time.time_ns() + time.monotonic_ns() - self.origin

    @property
    def now(self) -> int:
        return (time.monotonic_ns() - self.origin) // 1000

    def inject(self, packet: bytes, gso_type: int = 0, gso_size: int = 0) -> None:
        """Super-segments go in whole: the device has no virtio header."""
        os.write(self.link.fd, packet)
        self.link.drain()

    def next_deadline(self) -> int | None:
        return self.now + TICK_US

    def step(self, until: int) -> None:
        """Let time pass, until a packet comes or a tick is over."""
        wait = min(max(until - self.now, 0), TICK_US if until > self.now else 0)
        self.link.wait(wait / 1e6)
        for endpoint in self.stack.endpoints:
            if endpoint.sock.fileno() >= 0:
                endpoint.poll_changes()
