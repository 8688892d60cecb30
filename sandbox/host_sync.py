"""HostSyncs: the host brings files to disk while the sentry serves everybody else.

A disk takes as long as it likes for fsync(2). Through the host's asynchronous I/O (io_submit(2) with IOCB_CMD_FSYNC or
IOCB_CMD_FDSYNC; an eventfd, IOCB_FLAG_RESFD, is readable when some have ended) nobody waits for it but who asked. Where
the host has none of it, or no more (fs.aio-max-nr, what is under way), the sentry waits itself: `sync_now`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.platform.hostcalls import call

if TYPE_CHECKING:
    from sandbox.reactor import Reactor

_SYS_IO_SETUP: Final = 206
_SYS_IO_GETEVENTS: Final = 208
_SYS_IO_SUBMIT: Final = 209
_FSYNC: Final = 2  # IOCB_CMD_FSYNC
_FDSYNC: Final = 3
_RESFD: Final = 1  # IOCB_FLAG_RESFD
_IOCB: Final = struct.Struct("<QIIHhIQQqQII")  # struct iocb (include/uapi/linux/aio_abi.h)
_EVENT: Final = struct.Struct("<QQqq")  # struct io_event
MOST: Final = 64  # under way at once, or a little more
_READ: Final = 1  # EPOLLIN


def sync_now(fd: int, data: bool) -> None:
    """fsync(2), or fdatasync(2), and wait for it; SyscallError. A directory that can only be looked in has nothing of its own."""
    try:
        if data:
            os.fdatasync(fd)
        else:
            os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise SyscallError(error.errno or errno.EIO) from None


class HostSyncs:
    """Those of one sentry. The host's context is made for the first one, and ends with the process."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._event_fd = -1
        self._context = 0
        self._hopeless = False
        self._ended: dict[int, Callable[[int], None]] = {}
        self._last = 0
        self._block = ctypes.create_string_buffer(_IOCB.size)
        self._pointer = ctypes.create_string_buffer(struct.pack("=Q", ctypes.addressof(self._block)), 8)
        self._events = ctypes.create_string_buffer(MOST * _EVENT.size)

    def busy(self) -> bool:
        """Some are under way."""
        return bool(self._ended)

    def begin(self, fd: int, data: bool, ended: Callable[[int], None]) -> bool:
        """`ended` will be called with 0 or a negative errno, from the event loop. False: it was not begun, use `sync_now`."""
        if self._event_fd < 0 and not self._open():
            return False
        self._last += 1
        operation = _FDSYNC if data else _FSYNC
        _IOCB.pack_into(self._block, 0, self._last, 0, 0, operation, 0, fd, 0, 0, 0, 0, _RESFD, self._event_fd)
        try:
            call("io_submit", _SYS_IO_SUBMIT, self._context, 1, self._pointer)
        except OSError:
            return False
        self._ended[self._last] = ended
        return True

    def _open(self) -> bool:
        if self._hopeless:
            return False
        context = ctypes.create_string_buffer(8)
        try:
            call("io_setup", _SYS_IO_SETUP, MOST, context)
        except OSError:
            self._hopeless = True
            return False
        self._context = int.from_bytes(context.raw, "little")
        self._event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._reactor.watch(self._event_fd, _READ, self._some_ended)
        return True

    def _some_ended(self, events: int) -> None:
        try:
            os.read(self._event_fd, 8)
        except BlockingIOError:
            return
        while self._ended:
            count = call("io_getevents", _SYS_IO_GETEVENTS, self._context, 0, MOST, self._events, None)
            for at in range(count):
                number, _, result, _ = _EVENT.unpack_from(self._events, at * _EVENT.size)
                self._ended.pop(number)(result)
            if count < MOST:  # the host has room for more than was asked for
                return
