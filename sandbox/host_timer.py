"""A host timerfd: wakes the event loop at a nanosecond deadline (timerfd_create(2)).

poll(2) rounds to milliseconds; a guest that sleeps for 100 µs would notice.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

from tcpip.timers import NEVER

_libc: Final = ctypes.CDLL(None, use_errno=True)
_ITIMERSPEC: Final = struct.Struct("4q")
_CLOCK_MONOTONIC: Final = 1
_FLAGS: Final = 0o2000000 | 0o4000  # TFD_CLOEXEC | TFD_NONBLOCK
_TFD_TIMER_ABSTIME: Final = 1


class HostTimer:
    """`fd` becomes readable at the deadline, in CLOCK_MONOTONIC ns."""

    __slots__ = ("fd", "armed", "_buffer", "_reference")

    def __init__(self) -> None:
        self.fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self.armed = NEVER  # the deadline; NEVER while idle
        self._buffer = ctypes.create_string_buffer(_ITIMERSPEC.size)
        self._reference = ctypes.byref(self._buffer)

    def arm(self, deadline: int) -> None:
        """Be readable at `deadline`, at once when that has passed: a time of CLOCK_REALTIME may be before the machine's
        start, and a negative one is no time to the host."""
        self.armed = deadline
        deadline = max(deadline, 1)
        _ITIMERSPEC.pack_into(self._buffer, 0, 0, 0, deadline // 1_000_000_000, deadline % 1_000_000_000 or 1)
        _libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, self._reference, None)

    def fired(self) -> None:
        """The descriptor was readable: it is idle from now on."""
        self.armed = NEVER
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Release the descriptor."""
        os.close(self.fd)
