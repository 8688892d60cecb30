"""Descriptors of the host's that the sentry keeps for guests: fewer than the host allows, since without any left nobody
could start a process, be told of an error or be served at all."""

from __future__ import annotations

import errno
import os
import resource
from typing import Final

RESERVED: Final = 4  # one part in so many of what the host allows is for the sentry itself and for guest processes


def keep(fd: int) -> int:
    """`fd`, which was just opened (open(2) gives the lowest free number) and is to stay open as long as a guest likes.
    OSError (EMFILE), and it is closed, when guests have enough of them."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY and fd >= allowed - allowed // RESERVED:
        os.close(fd)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return fd
