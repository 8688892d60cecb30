"""The seccomp listener: where parked threads and ordered calls arrive (seccomp_unotify(2))."""

from __future__ import annotations

import errno
import fcntl
import struct
from typing import Final

_RECV: Final = 0xC0502100
_SEND: Final = 0xC0182101
_ID_VALID: Final = 0x40082102
_ADDFD: Final = 0x40182103
_SET_FLAGS: Final = 0x40082104

_ADDFD_SETFD: Final = 1
_CONTINUE: Final = 1
_SYNC_WAKE_UP: Final = 1

_NOTIF: Final = struct.Struct("QIIiIQ6Q")  # id, pid, flags, nr, arch, instruction pointer, args
_RESPONSE: Final = struct.Struct("QqiI")  # id, val, error, flags
_ADDFD_STRUCT: Final = struct.Struct("QIIII")  # id, flags, srcfd, newfd, newfd_flags

Notification = tuple[int, int, int, int, int, int, int, int, int, int, int, int]


class Listener:
    """Wraps the listener's descriptor. Never blocks if `receive` is called only after POLLIN."""

    __slots__ = ("fd", "_buffer", "_zero", "_response", "synchronous")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._buffer = bytearray(80)
        self._zero = bytes(80)
        self._response = bytearray(24)
        self.synchronous: bool | None = None  # None: not set yet, or this kernel has no such flag (before 6.6)

    def set_synchronous(self, on: bool) -> None:
        """Wake the other side on the waker's own CPU (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6)."""
        if on is self.synchronous:
            return
        try:
            fcntl.ioctl(self.fd, _SET_FLAGS, _SYNC_WAKE_UP if on else 0)
            self.synchronous = on
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise

    def receive(self) -> Notification | None:
        """The next notification, or None when its sender has died meanwhile."""
        buffer = self._buffer
        buffer[:] = self._zero
        try:
            fcntl.ioctl(self.fd, _RECV, buffer, True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        return _NOTIF.unpack_from(buffer)

    def answer(self, id_: int, value: int) -> bool:
        """The notified call returns `value`; False when the sender is not there any more."""
        _RESPONSE.pack_into(self._response, 0, id_, value, 0, 0)
        return self._send()

    def proceed(self, id_: int) -> bool:
        """The notified call is executed by the host with the registers it came with."""
        _RESPONSE.pack_into(self._response, 0, id_, 0, 0, _CONTINUE)
        return self._send()

    def _send(self) -> bool:
        try:
            fcntl.ioctl(self.fd, _SEND, self._response, True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINPROGRESS):
                return False
            raise
        return True

    def lend(self, id_: int, fd: int, at: int) -> bool:
        """Install our descriptor `fd` as number `at` in the sender's process."""
        try:
            fcntl.ioctl(self.fd, _ADDFD, _ADDFD_STRUCT.pack(id_, _ADDFD_SETFD, fd, at, 0))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINPROGRESS):
                return False
            raise
        return True

    def valid(self, id_: int) -> bool:
        """The sender is still waiting: its pid has not been used again."""
        try:
            fcntl.ioctl(self.fd, _ID_VALID, struct.pack("Q", id_))
        except OSError:
            return False
        return True
