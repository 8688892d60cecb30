"""Every error of the stack has an errno."""

from __future__ import annotations

import errno

from sandbox.sockets.net_errno import ERRNO, syscall_error
from tcpip import errors


def test_the_map_is_total() -> None:
    known = {value for value in vars(errors).values() if isinstance(value, errors.NetError)}
    assert known == ERRNO.keys()
    assert all(number in errno.errorcode for number in ERRNO.values())


def test_a_failed_call_becomes_a_failed_system_call() -> None:
    assert syscall_error(errors.NetworkError(errors.CONNECTION_RESET)).errno == errno.ECONNRESET
