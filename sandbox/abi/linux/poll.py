"""poll(2), epoll(7) event bits and layouts (include/uapi/asm-generic/poll.h, linux/eventpoll.h)."""

from __future__ import annotations

import struct
from typing import Final

POLLIN: Final = 0x0001
POLLPRI: Final = 0x0002
POLLOUT: Final = 0x0004
POLLERR: Final = 0x0008
POLLHUP: Final = 0x0010
POLLNVAL: Final = 0x0020
POLLRDNORM: Final = 0x0040
POLLRDBAND: Final = 0x0080
POLLWRNORM: Final = 0x0100
POLLWRBAND: Final = 0x0200
POLLMSG: Final = 0x0400
POLLRDHUP: Final = 0x2000

EPOLLEXCLUSIVE: Final = 1 << 28
EPOLLWAKEUP: Final = 1 << 29
EPOLLONESHOT: Final = 1 << 30
EPOLLET: Final = 1 << 31

EPOLL_CTL_ADD: Final = 1
EPOLL_CTL_DEL: Final = 2
EPOLL_CTL_MOD: Final = 3
EPOLL_CLOEXEC: Final = 0o2000000

POLLFD: Final = struct.Struct("<ihh")
EPOLL_EVENT: Final = struct.Struct("<IQ")  # packed on x86-64
EPOLL_EVENT_SIZE: Final = 12
