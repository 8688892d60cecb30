"""Where a command is looked for, and how a failure is told."""

from __future__ import annotations

import errno

import pytest

from sandbox.boot.first_program import candidates, why_not
from sandbox.boot.options import Program
from sandbox.errors import SyscallError


def program(name: bytes, *env: bytes) -> Program:
    return Program([name], env)


def test_a_name_with_a_slash_is_not_searched_for() -> None:
    assert candidates(program(b"./x", b"PATH=/a:/b")) is None


def test_a_bare_name_is_searched_for_in_its_own_path() -> None:
    assert candidates(program(b"x", b"A=1", b"PATH=/a::/b")) == [b"/a/x", b"./x", b"/b/x"]
    assert candidates(program(b"x")) == candidates(program(b"x", b"PATH=")) == []


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOENT, 127),
        (errno.ENOTDIR, 127),
        (errno.EACCES, 126),
        (errno.ENOEXEC, 126),
        (errno.ELOOP, 126),
        (errno.ENOMEM, 126),
    ],
)
def test_statuses(number: int, status: int) -> None:
    failure = why_not(b"/a/b\n", SyscallError(number))
    assert failure.status == status and str(failure).startswith("/a/b\n: ")
