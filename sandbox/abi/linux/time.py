"""Clocks, timers and their structures (include/uapi/linux/time.h)."""

from __future__ import annotations

import struct
from typing import Final

NS_PER_S: Final = 1_000_000_000
USER_HZ: Final = 100
NS_PER_TICK: Final = NS_PER_S // USER_HZ

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_PROCESS_CPUTIME_ID: Final = 2
CLOCK_THREAD_CPUTIME_ID: Final = 3
CLOCK_MONOTONIC_RAW: Final = 4
CLOCK_REALTIME_COARSE: Final = 5
CLOCK_MONOTONIC_COARSE: Final = 6
CLOCK_BOOTTIME: Final = 7
CLOCK_REALTIME_ALARM: Final = 8
CLOCK_BOOTTIME_ALARM: Final = 9
CLOCK_TAI: Final = 11

TIMER_ABSTIME: Final = 1
ITIMER_REAL: Final = 0
ITIMER_VIRTUAL: Final = 1
ITIMER_PROF: Final = 2

TIMESPEC: Final = struct.Struct("<qq")
TIMEVAL: Final = struct.Struct("<qq")
ITIMERSPEC: Final = struct.Struct("<qqqq")  # interval, value
ITIMERVAL: Final = struct.Struct("<qqqq")
TMS: Final = struct.Struct("<qqqq")
