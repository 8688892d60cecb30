"""The errno(3) number of each `NetError`: for adapters and for the sandbox, never used to decide anything in here."""

from __future__ import annotations

import errno
from typing import Final

from tcpip import errors
from tcpip.errors import NetError

ERRNO: Final[dict[NetError, int]] = {
    errors.ADDRESS_FAMILY_NOT_SUPPORTED: errno.EAFNOSUPPORT,
    errors.ADDRESS_IN_USE: errno.EADDRINUSE,
    errors.ADDRESS_NOT_AVAILABLE: errno.EADDRNOTAVAIL,
    errors.ALREADY_CONNECTED: errno.EISCONN,
    errors.ALREADY_IN_PROGRESS: errno.EALREADY,
    errors.BAD_ADDRESS_LENGTH: errno.EINVAL,
    errors.BROADCAST_NOT_ALLOWED: errno.EACCES,
    errors.BROKEN_PIPE: errno.EPIPE,
    errors.CONNECTION_ABORTED: errno.ECONNABORTED,
    errors.CONNECTION_REFUSED: errno.ECONNREFUSED,
    errors.CONNECTION_RESET: errno.ECONNRESET,
    errors.CONNECT_STARTED: errno.EINPROGRESS,
    errors.DESTINATION_REQUIRED: errno.EDESTADDRREQ,
    errors.DOMAIN_ERROR: errno.EDOM,
    errors.FILE_EXISTS: errno.EEXIST,
    errors.FILE_TOO_LARGE: errno.EFBIG,
    errors.HOST_DOWN: errno.EHOSTDOWN,
    errors.HOST_UNREACHABLE: errno.EHOSTUNREACH,
    errors.INVALID_ARGUMENT: errno.EINVAL,
    errors.MESSAGE_TOO_LONG: errno.EMSGSIZE,
    errors.NETWORK_DOWN: errno.ENETDOWN,
    errors.NETWORK_UNREACHABLE: errno.ENETUNREACH,
    errors.NOT_CONNECTED: errno.ENOTCONN,
    errors.NOT_PERMITTED: errno.EPERM,
    errors.NOT_SUPPORTED: errno.EOPNOTSUPP,
    errors.NO_BUFFER_SPACE: errno.ENOBUFS,
    errors.NO_SUCH_ADDRESS: errno.ENXIO,
    errors.NO_SUCH_DEVICE: errno.ENODEV,
    errors.NO_SUCH_FILE: errno.ENOENT,
    errors.NO_SUCH_OPTION: errno.ENOPROTOOPT,
    errors.NO_SUCH_PROCESS: errno.ESRCH,
    errors.OUT_OF_RANGE: errno.ERANGE,
    errors.PERMISSION_DENIED: errno.EACCES,
    errors.PROTOCOL_ERROR: errno.EPROTO,
    errors.PROTOCOL_NOT_SUPPORTED: errno.EPROTONOSUPPORT,
    errors.PROTOCOL_UNREACHABLE: errno.ENOPROTOOPT,
    errors.TIMED_OUT: errno.ETIMEDOUT,
    errors.TOO_MANY_MEMBERSHIPS: errno.ENOBUFS,
    errors.WOULD_BLOCK: errno.EAGAIN,
}


def errno_of(error: NetError) -> int:
    """The errno that Linux's socket layer would answer."""
    return ERRNO[error]
