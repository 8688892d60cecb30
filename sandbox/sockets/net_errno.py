"""From the stack's errors to errno: the one place where a `NetError` becomes a `SyscallError`."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError
from tcpip import errors
from tcpip.errors import NetError, NetworkError

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
    errors.NO_SUCH_DEVICE: errno.ENODEV,
    errors.NO_SUCH_OPTION: errno.ENOPROTOOPT,
    errors.PERMISSION_DENIED: errno.EACCES,
    errors.PROTOCOL_ERROR: errno.EPROTO,
    errors.PROTOCOL_NOT_SUPPORTED: errno.EPROTONOSUPPORT,
    errors.PROTOCOL_UNREACHABLE: errno.ENOPROTOOPT,
    errors.TIMED_OUT: errno.ETIMEDOUT,
    errors.TOO_MANY_MEMBERSHIPS: errno.ENOBUFS,
    errors.WOULD_BLOCK: errno.EAGAIN,
}


def syscall_error(error: NetworkError) -> SyscallError:
    """A fresh exception for a failed endpoint call: `raise syscall_error(error) from None`."""
    return SyscallError(ERRNO[error.error])
