"""Turning a stack's errors into the standard library's exceptions."""

from __future__ import annotations

import os

from tcpip.errno_map import errno_of
from tcpip.errors import NetError, NetworkError


def os_error(error: NetworkError | NetError) -> OSError:
    """The OSError (or subclass, by errno) that a socket of the standard library would raise."""
    number = errno_of(error.error if isinstance(error, NetworkError) else error)
    return OSError(number, os.strerror(number))
