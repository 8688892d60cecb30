"""POSIX message queues: include/uapi/linux/mqueue.h, include/linux/ipc_namespace.h."""

from __future__ import annotations

import struct
from typing import Final

MQ_PRIO_MAX: Final = 32768
DFLT_QUEUESMAX: Final = 256
DFLT_MSG: Final = 10
DFLT_MSGMAX: Final = 10
DFLT_MSGSIZE: Final = 8192
DFLT_MSGSIZEMAX: Final = 8192
HARD_MSGMAX: Final = 65536
HARD_MSGSIZEMAX: Final = 16 << 20
MQ_BYTES_MAX: Final = 819200  # RLIMIT_MSGQUEUE at boot
MIN_MSGSIZEMAX: Final = 128

NOTIFY_WOKENUP: Final = 1
NOTIFY_REMOVED: Final = 2
NOTIFY_COOKIE_LEN: Final = 32

MQ_ATTR: Final = struct.Struct("<4q32x")  # flags, maxmsg, msgsize, curmsgs
FILENT_SIZE: Final = 80  # of the text that read(2) gives; st_size
DIRENT_SIZE: Final = 20  # what a name adds to the directory's size
MQUEUE_MAGIC: Final = 0x19800202
