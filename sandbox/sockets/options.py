"""SOL_SOCKET options that every family has (net/core/sock.c: sk_setsockopt, sk_getsockopt)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_ADMIN, CAP_NET_RAW
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.privileges import privileges
from tcpip.clock import NS_PER_S, NS_PER_US
from tcpip.errors import NetworkError
from tcpip.transport.kept_options import find, get_kept, set_kept
from tcpip.transport.socket_level import get_more, set_more
from tcpip.transport.socket_options import SocketOptions as GeneralOptions

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from tcpip.transport.buffer_limits import BufferLimits

# Options that are a plain number for `SocketOptions.values`: booleans, and numbers kept as given.
_BOOLEANS: Final = frozenset(
    (
        abi.SO_REUSEADDR,
        abi.SO_REUSEPORT,
        abi.SO_DONTROUTE,
        abi.SO_BROADCAST,
        abi.SO_KEEPALIVE,
        abi.SO_OOBINLINE,
        abi.SO_NO_CHECK,
        abi.SO_PASSCRED,
        abi.SO_PASSSEC,
        abi.SO_PASSPIDFD,
    )
)
_MAX_SECONDS: Final = (1 << 63) // NS_PER_S - 1


class SocketOptions:
    """`values` holds the booleans and SO_PRIORITY, SO_MARK; the fields what is read often. Times are ns, 0: none.
    `sndbuf` and `rcvbuf` are the doubled values that getsockopt shows."""

    __slots__ = (
        "values",
        "sndbuf",
        "rcvbuf",
        "rcvlowat",
        "rcv_timeout",
        "snd_timeout",
        "linger",
        "device",
        "user",
        "general",
    )

    def __init__(self) -> None:
        self.user: UserNamespace = INITIAL  # who owns the network namespace
        self.values: dict[int, int] = {}
        self.general = GeneralOptions()  # of what the network stack's endpoints keep themselves
        self.sndbuf = abi.WMEM_DEFAULT
        self.rcvbuf = abi.RMEM_DEFAULT
        self.rcvlowat = 1
        self.rcv_timeout = 0
        self.snd_timeout = 0
        self.linger = -1  # seconds; -1: off
        self.device = b""  # SO_BINDTODEVICE

    def copy(self) -> SocketOptions:
        """What an accepted socket inherits from its listener."""
        new = SocketOptions()
        new.values = dict(self.values)
        new.general = self.general.copy()
        new.sndbuf, new.rcvbuf, new.rcvlowat = self.sndbuf, self.rcvbuf, self.rcvlowat
        new.rcv_timeout, new.snd_timeout = self.rcv_timeout, self.snd_timeout
        new.linger, new.device = self.linger, self.device
        return new

    def take_defaults(self, buffers: BufferLimits) -> None:
        """The sizes of a new socket's buffers, unless it has got others already."""
        if self.sndbuf == abi.WMEM_DEFAULT and self.rcvbuf == abi.RMEM_DEFAULT:
            self.sndbuf, self.rcvbuf = buffers.wmem_default, buffers.rmem_default

    def get(self, name: int) -> int:
        """A boolean or number option, 0 when never set."""
        return self.values.get(name, 0)

    def set(self, t: Task, name: int, value: bytes) -> None:
        """setsockopt at SOL_SOCKET for what is kept here. ENOPROTOOPT for the rest."""
        if name == abi.SO_BINDTODEVICE:
            self._bind_device(t, value)
            return
        if len(value) < 4:
            raise SyscallError(errno.EINVAL)
        number = abi.INT.unpack_from(value)[0]
        if name in _BOOLEANS:
            self._set_boolean(name, number)
        elif name in (abi.SO_SNDBUF, abi.SO_SNDBUFFORCE):
            _check_force(t, name == abi.SO_SNDBUFFORCE)
            self.sndbuf = _buffer(
                number, t.kernel.settings.buffers.wmem_max, abi.SOCK_MIN_SNDBUF, name == abi.SO_SNDBUFFORCE
            )
        elif name in (abi.SO_RCVBUF, abi.SO_RCVBUFFORCE):
            _check_force(t, name == abi.SO_RCVBUFFORCE)
            self.rcvbuf = _buffer(
                number, t.kernel.settings.buffers.rmem_max, abi.SOCK_MIN_RCVBUF, name == abi.SO_RCVBUFFORCE
            )
        elif name == abi.SO_RCVLOWAT:
            self.rcvlowat = 0x7FFFFFFF if number < 0 else number or 1
        elif name in (abi.SO_RCVTIMEO, abi.SO_RCVTIMEO_NEW):
            self.rcv_timeout = _timeout(value)
        elif name in (abi.SO_SNDTIMEO, abi.SO_SNDTIMEO_NEW):
            self.snd_timeout = _timeout(value)
        elif name == abi.SO_LINGER:
            if len(value) < 8:
                raise SyscallError(errno.EINVAL)
            on, seconds = abi.LINGER.unpack_from(value)
            self.linger = max(0, seconds) if on else -1
        elif name == abi.SO_PRIORITY:
            if not 0 <= number <= 6 and not (
                t.creds.has_in(self.user, CAP_NET_RAW) or t.creds.has_in(self.user, CAP_NET_ADMIN)
            ):
                raise SyscallError(errno.EPERM)
            self.values[name] = number
        elif name == abi.SO_MARK:
            if not (t.creds.has_in(self.user, CAP_NET_RAW) or t.creds.has_in(self.user, CAP_NET_ADMIN)):
                raise SyscallError(errno.EPERM)
            self.values[name] = number
        elif name == abi.SO_DEBUG:
            if number and not t.creds.has(CAP_NET_ADMIN):
                raise SyscallError(errno.EACCES)
            self.values[name] = int(number != 0)
        elif name == abi.SO_INCOMING_CPU:
            self.values[name] = number
        elif name == abi.SO_CNX_ADVICE:
            pass  # about the way to the peer, and these sockets' peers are here
        else:
            self._set_general(t, name, value)

    def _set_general(self, t: Task, name: int, value: bytes) -> None:
        """What the network stack keeps for its own endpoints is kept alike for the others."""
        self.general.privileged = any(
            t.creds.has_in(owner, capability) for owner, capability in privileges(abi.SOL_SOCKET, name, self.user)
        )
        try:
            rule = find(abi.AF_UNSPEC, abi.SOL_SOCKET, name)
            if rule is not None:
                set_kept(self.general, rule, abi.SOL_SOCKET, name, abi.INT.unpack_from(value)[0])
            elif not set_more(self.general, name, value):
                raise SyscallError(errno.ENOPROTOOPT)
        except NetworkError as error:
            raise syscall_error(error) from None

    def _set_boolean(self, name: int, number: int) -> None:
        self.values[name] = int(number != 0)

    def _bind_device(self, t: Task, value: bytes) -> None:
        """The family checks that there is such a device."""
        if self.device and not t.creds.has_in(self.user, CAP_NET_RAW):
            raise SyscallError(errno.EPERM)
        self.device = value[:15].split(b"\0", 1)[0]

    def get_bytes(self, name: int) -> bytes:
        """getsockopt at SOL_SOCKET for what is kept here. ENOPROTOOPT for the rest."""
        if name in _BOOLEANS or name in (abi.SO_PRIORITY, abi.SO_MARK, abi.SO_DEBUG):
            return abi.INT.pack(self.values.get(name, 0))
        if name == abi.SO_SNDBUF:
            return abi.INT.pack(self.sndbuf)
        if name == abi.SO_RCVBUF:
            return abi.INT.pack(self.rcvbuf)
        if name == abi.SO_RCVLOWAT:
            return abi.INT.pack(self.rcvlowat)
        if name == abi.SO_SNDLOWAT:
            return abi.INT.pack(1)
        if name in (abi.SO_RCVTIMEO, abi.SO_RCVTIMEO_NEW):
            return abi.TIMEVAL.pack(self.rcv_timeout // NS_PER_S, self.rcv_timeout % NS_PER_S // NS_PER_US)
        if name in (abi.SO_SNDTIMEO, abi.SO_SNDTIMEO_NEW):
            return abi.TIMEVAL.pack(self.snd_timeout // NS_PER_S, self.snd_timeout % NS_PER_S // NS_PER_US)
        if name == abi.SO_LINGER:
            return abi.LINGER.pack(int(self.linger >= 0), max(0, self.linger))
        if name == abi.SO_BINDTODEVICE:
            return self.device + b"\0" if self.device else b""
        if name == abi.SO_INCOMING_CPU:
            return abi.INT.pack(self.values.get(name, -1))
        return self._get_general(name)

    def _get_general(self, name: int) -> bytes:
        try:
            value = get_kept(self.general, abi.AF_UNSPEC, abi.SOL_SOCKET, name)
            more = get_more(self.general, name) if value is None else value
        except NetworkError as error:
            raise syscall_error(error) from None
        if more is None:
            raise SyscallError(errno.ENOPROTOOPT)
        return more if isinstance(more, bytes) else abi.INT.pack(more)


def _check_force(t: Task, force: bool) -> None:
    if force and not t.creds.has(CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)


def _buffer(number: int, maximum: int, minimum: int, force: bool) -> int:
    """SO_SNDBUF and SO_RCVBUF double what they are given; FORCE may pass the maximum, but not 64 MiB."""
    if number < 0:
        number = 0 if force else maximum  # compared as unsigned
    bound = 64 << 20 if force else maximum
    return max(min(number, bound) * 2, minimum)


def _timeout(value: bytes) -> int:
    """A struct timeval as ns; zero or negative seconds mean what sock_set_timeout makes of them."""
    if len(value) < 16:
        raise SyscallError(errno.EINVAL)
    seconds, micros = abi.TIMEVAL.unpack_from(value)
    if not 0 <= micros < 1_000_000:
        raise SyscallError(errno.EDOM)
    if seconds < 0:
        return 1  # the wait is over at once
    if seconds > _MAX_SECONDS:
        return 0
    return int(seconds * NS_PER_S + micros * NS_PER_US)
