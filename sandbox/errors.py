"""The one exception that a system call ends with."""

from __future__ import annotations

import errno


class SyscallError(Exception):
    """A system call fails with `errno` (a positive number, as in errno(3)).

    Raised anywhere in the kernel, caught in one place: kernel/task_syscall.py.
    """

    __slots__ = ("errno",)

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode.get(number, str(number)))
        self.errno = number
