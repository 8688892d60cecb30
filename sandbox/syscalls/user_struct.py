"""Structures of guests that grow with the kernel's version (include/linux/uaccess.h: copy_struct_from_user)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

PAGE: Final = 4096


def copy_in_struct(t: Task, address: int, size: int, known: int) -> bytes:
    """The `known` bytes of one of which the caller has given `size`, zeros where it is shorter. E2BIG for more than a page, and for
    what is unknown and not zero; EFAULT."""
    if size > PAGE:
        raise SyscallError(errno.E2BIG)
    raw = t.copy_in(address, size)
    if any(raw[known:]):
        raise SyscallError(errno.E2BIG)
    return raw[:known].ljust(known, b"\0")
