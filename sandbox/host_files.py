"""Descriptors of the host's that the sentry keeps for guests: fewer than the host allows, since without any left nobody
could start a process, be told of an error or be served at all."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from typing import Final, Protocol

RESERVED: Final = 4  # one part in so many of what the host allows is for the sentry itself and for guest processes
NO_BOUND: Final = 1 << 62

_bound = 0  # what the host allowed when it was last asked: that is only when so many are reached


class Cache(Protocol):
    """Descriptors that nobody uses and that are kept because somebody may."""

    def idle_count(self) -> int:
        """How many there are, or more."""
        ...

    def give_up(self) -> None:
        """Close the one that was used least lately: there are fewer then."""
        ...


_caches: list[Cache] = []


def add_cache(cache: Cache) -> None:
    """From now on `cache` is asked before anybody is refused."""
    _caches.append(cache)


def remove_cache(cache: Cache) -> None:
    """It has none any more."""
    if cache in _caches:
        _caches.remove(cache)


def keep(fd: int) -> int:
    """A descriptor for what `fd` is, which was just opened (open(2) gives the lowest free number) and is to stay open as
    long as a guest likes. Idle ones, of whoever has most, make room for it. OSError (EMFILE), and it is closed, when
    guests have enough of them."""
    global _bound
    if fd < _bound:
        return fd
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    _bound = most = NO_BOUND if allowed == resource.RLIM_INFINITY else allowed - allowed // RESERVED
    if fd < most:
        return fd
    try:
        while _caches:
            cache = max(_caches, key=_count)
            if not cache.idle_count():
                break
            cache.give_up()
            lower = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 0)
            if lower < most:
                return lower
            os.close(lower)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    finally:
        os.close(fd)


def _count(cache: Cache) -> int:
    return cache.idle_count()
