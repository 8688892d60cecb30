"""`#!` scripts (fs/binfmt_script.c, execve(2) "Interpreter scripts")."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError

BINPRM_BUF_SIZE: Final = 256
MAX_DEPTH: Final = 5  # interpreters of interpreters


def is_script(head: bytes) -> bool:
    """`head`: the file's first bytes."""
    return head[:2] == b"#!"


def parse(head: bytes) -> tuple[bytes, bytes | None]:
    """(interpreter, its one optional argument) of the first line; ENOEXEC.

    The interpreter may be empty. Only the first 256 bytes count. A line that is longer may lose the end of its argument, not of its path.
    """
    buf = head[:BINPRM_BUF_SIZE].ljust(BINPRM_BUF_SIZE, b"\0")
    end = buf.split(b"\0", 1)[0].find(b"\n")
    if end < 0:
        end = BINPRM_BUF_SIZE - 1
        start = _skip_blanks(buf, 2, end + 1)
        if start > end or _terminator(buf, start, end + 1) > end:
            raise SyscallError(errno.ENOEXEC)  # no path, or it may be cut
    while end > 2 and buf[end - 1] in b" \t":
        end -= 1
    start = _skip_blanks(buf, 2, end)
    if start == end:
        raise SyscallError(errno.ENOEXEC)
    separator = _terminator(buf, start, end)
    name = buf[start:separator]
    argument: bytes | None = None
    if separator < end and buf[separator]:
        at = _skip_blanks(buf, separator, end)
        if at < end:
            argument = buf[at:end].split(b"\0", 1)[0]
    return name, argument


def _skip_blanks(buf: bytes, at: int, end: int) -> int:
    while at < end and buf[at] in b" \t":
        at += 1
    return at


def _terminator(buf: bytes, at: int, end: int) -> int:
    while at < end and buf[at] not in b" \t\0":
        at += 1
    return at
