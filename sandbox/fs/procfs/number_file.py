"""Files of /proc/sys that hold numbers, which root may change with effect (kernel/sysctl.c: proc_dointvec_minmax)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import PseudoFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task

Values = tuple[int, ...]
Get = Callable[["Task"], int]
Put = Callable[["Task", int], None]
GetAll = Callable[["Task"], Values]
PutAll = Callable[["Task", Values], None]
_LONGEST: Final = 20  # digits of 64 bits


class NumbersFile(PseudoFile):
    """One or more numbers, each `least` … `most` (or its own of `most`); writing fewer leaves the rest alone."""

    __slots__ = ("get", "put", "least", "most")

    def __init__(
        self, fs: ProcFs, ino: int, get: GetAll, put: PutAll, least: int, most: int | Values, mode: int = 0o644
    ) -> None:
        super().__init__(fs, ino, mode)
        self.get = get
        self.put = put
        self.least = least
        self.most = most

    def content(self, t: Task) -> bytes:
        """Separated by tabs."""
        return "\t".join(map(str, self.get(t))).encode() + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL for what is no number, or out of range."""
        words = data.split(b"\0")[0].split()
        values = list(self.get(t))
        if not words:
            raise SyscallError(errno.EINVAL)
        for n, word in enumerate(words[: len(values)]):
            digits = word[1:] if word[:1] == b"-" else word
            most = self.most if isinstance(self.most, int) else self.most[n]
            if not digits.isdigit() or len(digits) > _LONGEST or not self.least <= int(word) <= most:
                raise SyscallError(errno.EINVAL)
            values[n] = int(word)
        self.put(t, tuple(values))


class AdminNumbersFile(NumbersFile):
    """It asks for CAP_SYS_ADMIN too: EPERM (proc_dointvec_minmax_sysadmin)."""

    __slots__ = ()

    def store(self, t: Task, data: bytes) -> None:
        """EPERM, EINVAL."""
        if not t.creds.has(CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)
        super().store(t, data)


def one(get: Get, put: Put) -> tuple[GetAll, PutAll]:
    """Of a file with a single number."""

    def get_all(t: Task) -> Values:
        return (get(t),)

    def put_all(t: Task, values: Values) -> None:
        put(t, values[0])

    return get_all, put_all
