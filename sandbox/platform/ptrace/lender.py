"""Lending descriptors of the sentry's to guest processes: over a socket that all of them have (unix(7): SCM_RIGHTS)."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Final

from sandbox.platform import hostcalls
from sandbox.platform.ptrace.first_process import SOCKET_FD
from sandbox.platform.ptrace.stub_image import SCRATCH

if TYPE_CHECKING:
    from sandbox.platform.ptrace.thread import PtraceThread

_SYS_RECVMSG: Final = 47
_MSG_CMSG_CLOEXEC: Final = 0x40000000
_MSGHDR: Final = struct.Struct("<QIIQQQQII")
_IOVEC: Final = struct.Struct("<QQ")
_IOVEC_AT, _CONTROL_AT, _BYTE_AT, _CONTROL_SIZE = 64, 128, 256, 24


class Lender:
    """A descriptor is sent, and at once received by the thread that it is for: nothing else is ever under way."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.theirs.setblocking(False)
        header = _MSGHDR.pack(0, 0, 0, SCRATCH + _IOVEC_AT, 1, SCRATCH + _CONTROL_AT, _CONTROL_SIZE, 0, 0)
        self._request = header.ljust(_IOVEC_AT, b"\0") + _IOVEC.pack(SCRATCH + _BYTE_AT, 1)

    def lend(self, thread: PtraceThread, fd: int) -> int:
        """`fd` is LENT_FD in the stopped thread's process then: 0, else a negative errno."""
        try:
            socket.send_fds(self.ours, [b"\0"], [fd])
            hostcalls.vm_write(thread.space.pid, SCRATCH, self._request)
            flags = socket.MSG_DONTWAIT | _MSG_CMSG_CLOEXEC
            got = thread.call(_SYS_RECVMSG, (SOCKET_FD, SCRATCH, flags, 0, 0, 0))
        except OSError:
            got = -errno.ENOMEM
        finally:
            self._drain()
        return 0 if got == 1 else min(got, -errno.ENOMEM)

    def _drain(self) -> None:
        """Nobody gets what was for another."""
        while True:
            try:
                _, fds, _, _ = socket.recv_fds(self.theirs, 1, 1)
            except OSError:
                return
            for fd in fds:
                os.close(fd)

    def close(self) -> None:
        """Both ends."""
        self.ours.close()
        self.theirs.close()
