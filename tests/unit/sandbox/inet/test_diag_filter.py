"""Filters of ss(8): programs that are refused, and what passes those that are not."""

from __future__ import annotations

import struct

import pytest

from sandbox.errors import SyscallError
from sandbox.sockets.inet.connections import Connection
from sandbox.sockets.netlink.diag_filter import D_COND, JMP, NOP, S_EQ, S_GE, checked, passes
from tcpip.addr import AF_INET, SockAddr


def op(code: int, yes: int, no: int) -> bytes:
    return struct.pack("<BBH", code, yes, no)


def port(code: int, number: int, no: int) -> bytes:
    return op(code, 8, no) + op(NOP, 0, number)


ROW = Connection(AF_INET, 1, SockAddr(bytes((10, 0, 0, 1)), 80), SockAddr(bytes((10, 9, 0, 7)), 4000))


def test_ports() -> None:
    assert passes(checked(port(S_EQ, 80, 12)), ROW)
    assert not passes(checked(port(S_EQ, 81, 12)), ROW)
    assert passes(checked(port(S_GE, 80, 20) + port(S_GE, 79, 12)), ROW)


def test_either() -> None:
    """(sport = 1 or sport = 80), as ss writes it: the first with a jump over the second."""
    second = port(S_EQ, 80, 12)
    first = port(S_EQ, 1, 12) + op(JMP, 4, 4 + len(second))
    assert passes(checked(first + second), ROW)


def test_prefixes() -> None:
    host = struct.pack("<BBxxi", AF_INET, 16, -1) + bytes((10, 9, 0, 0))
    assert passes(checked(op(D_COND, 16, 20) + host), ROW)
    host = struct.pack("<BBxxi", AF_INET, 16, -1) + bytes((10, 8, 0, 0))
    assert not passes(checked(op(D_COND, 16, 20) + host), ROW)


@pytest.mark.parametrize(
    "code",
    [
        b"\0",
        op(S_EQ, 8, 12),
        op(NOP, 0, 4),
        op(NOP, 4, 0),
        op(NOP, 8, 4),
        op(NOP, 4, 400),
        op(99, 4, 4),
        op(D_COND, 12, 16) + struct.pack("<BBxxi", AF_INET, 33, -1),
        op(D_COND, 12, 16) + struct.pack("<BBxxi", 77, 0, -1),
        op(JMP, 4, 6),
        port(S_EQ, 1, 4),
    ],
)
def test_refused(code: bytes) -> None:
    with pytest.raises(SyscallError):
        checked(code)


def test_no_filter() -> None:
    assert passes(checked(b""), ROW)
