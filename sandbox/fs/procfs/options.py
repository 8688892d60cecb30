"""What a proc is mounted with: hidepid, gid, subset (proc(5), "Mount options"; fs/proc/root.c: proc_parse_param)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import NO_ID

if TYPE_CHECKING:
    from sandbox.kernel.user_namespace import UserNamespace

OFF: Final = 0
NO_ACCESS: Final = 1  # other users' processes are seen and not entered
INVISIBLE: Final = 2  # nor seen
PTRACEABLE: Final = 4  # only what the reader could trace is there, whatever its groups

HIDE_NAMES: Final = {OFF: "off", NO_ACCESS: "noaccess", INVISIBLE: "invisible", PTRACEABLE: "ptraceable"}
_HIDES: Final = {name.encode(): number for number, name in HIDE_NAMES.items()}
_KEYS: Final = (b"hidepid", b"gid", b"subset")
_SUPER_FLAGS: Final = frozenset(
    (b"rw", b"ro", b"sync", b"async", b"dirsync", b"lazytime", b"nolazytime", b"mand", b"nomand")
)


class ProcOptions:
    """What was given, None for what was not; `gid` is the kernel's. EINVAL for an option that there is not, or a value that it cannot have."""

    __slots__ = ("hide", "gid", "pids_only", "readonly")

    def __init__(self, data: dict[bytes, bytes], user: UserNamespace) -> None:
        self.hide: int | None = None
        self.gid: int | None = None
        self.pids_only = False
        self.readonly = b"ro" in data
        for key, value in data.items():
            if key == b"hidepid":
                self.hide = _hide(value)
            elif key == b"gid":
                self.gid = user.gids.to_kernel(_number(value))
                if self.gid == NO_ID:
                    raise SyscallError(errno.EINVAL)
            elif key == b"subset":
                if not value or any(word not in (b"", b"pid") for word in value.split(b",")):
                    raise SyscallError(errno.EINVAL)
                self.pids_only = True
            elif key not in _SUPER_FLAGS:
                raise SyscallError(errno.EINVAL)

    @staticmethod
    def knows(key: bytes) -> bool:
        """There is such an option."""
        return key in _KEYS


def _hide(value: bytes) -> int:
    number = _HIDES.get(value)
    if number is None:
        number = _number(value)
    if number not in HIDE_NAMES:
        raise SyscallError(errno.EINVAL)
    return number


def _number(text: bytes) -> int:
    """Decimal, or as C has it after 0 and 0x (lib/kstrtox.c: kstrtouint with base 0)."""
    base = 16 if text[:2].lower() == b"0x" else 8 if text[:1] == b"0" and len(text) > 1 else 10
    digits = text[2:] if base == 16 else text
    if not digits.isalnum() or len(digits) > 11:
        raise SyscallError(errno.EINVAL)
    try:
        value = int(digits, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None
    if value >> 32:
        raise SyscallError(errno.EINVAL)
    return value
