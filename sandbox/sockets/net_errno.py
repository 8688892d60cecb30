"""From the stack's errors to errno: the one place where a `NetError` becomes a `SyscallError`."""

from __future__ import annotations

from sandbox.errors import SyscallError
from tcpip.errno_map import ERRNO as ERRNO
from tcpip.errors import NetworkError


def syscall_error(error: NetworkError) -> SyscallError:
    """A fresh exception for a failed endpoint call: `raise syscall_error(error) from None`."""
    return SyscallError(ERRNO[error.error])
