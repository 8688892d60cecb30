"""Socket options of a fresh TCP endpoint: the host's kernel is the oracle."""

from __future__ import annotations

import errno
import socket

import pytest

from tcpip import errors
from tcpip.addr import AF_INET
from tcpip.clock import ManualClock
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack

SOL_SOCKET, SOL_TCP = 1, 6
NAMES = [(SOL_SOCKET, name) for name in (2, 3, 6, 9, 10, 15, 19, 30, 38, 39)] + [
    (SOL_TCP, name) for name in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 18, 25, 999)
]
VALUES = (None, -5, 0, 1, 5, 100, 2000, 40_000, 1_000_000)
ERRNO = {errors.INVALID_ARGUMENT: errno.EINVAL, errors.NO_SUCH_OPTION: errno.ENOPROTOOPT}


def on_host(level: int, name: int, value: int | None) -> tuple[int, int]:
    with socket.socket() as sock:
        try:
            if value is not None:
                sock.setsockopt(level, name, value)
            return 0, sock.getsockopt(level, name)
        except OSError as failure:
            return failure.errno or 0, 0


def on_ours(level: int, name: int, value: int | None) -> tuple[int, int]:
    endpoint = Stack(ManualClock()).new_endpoint(AF_INET, SOCK_STREAM)
    try:
        if value is not None:
            endpoint.set_option(level, name, value)
        got = endpoint.get_option(level, name)
    except NetworkError as failure:
        return ERRNO[failure.error], 0
    assert isinstance(got, int)
    return 0, got


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("level", "name"), NAMES)
def test_same_answer(level: int, name: int, value: int | None) -> None:
    assert on_ours(level, name, value) == on_host(level, name, value)
