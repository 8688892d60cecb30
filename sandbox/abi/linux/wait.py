"""wait4(2), waitid(2) (include/uapi/linux/wait.h)."""

from __future__ import annotations

from typing import Final

WNOHANG: Final = 0x00000001
WUNTRACED: Final = 0x00000002
WSTOPPED: Final = WUNTRACED
WEXITED: Final = 0x00000004
WCONTINUED: Final = 0x00000008
WNOWAIT: Final = 0x01000000
WNOTHREAD: Final = 0x20000000
WALL: Final = 0x40000000
WCLONE: Final = 0x80000000

P_ALL: Final = 0
P_PID: Final = 1
P_PGID: Final = 2
P_PIDFD: Final = 3
