"""Attributes of nfnetlink, which are in network order, and where in the message each of them is (for extended
acknowledgements)."""

from __future__ import annotations

import errno
from typing import Final, Iterator

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl

_HEADER: Final = 4
_TYPE_MASK: Final = 0x3FFF
MAX_NAME: Final = 256
LIST_ELEM: Final = 1


class NfError(SyscallError):
    """A request fails with `errno`, because of the attribute at `offset` of its message (0: none in particular)."""

    def __init__(self, number: int, offset: int = 0) -> None:
        super().__init__(number)
        self.offset = offset


class Attributes:
    """The attributes in raw[start:end], the last of each type. NfError (EINVAL) for broken ones."""

    __slots__ = ("raw", "found", "list")

    def __init__(self, raw: bytes, start: int, end: int) -> None:
        self.raw = raw
        self.found: dict[int, tuple[int, int]] = {}
        self.list: list[tuple[int, int, int]] = []
        at = start
        while at + _HEADER <= end:
            length = raw[at] | raw[at + 1] << 8
            if length < _HEADER or at + length > end:
                raise NfError(errno.EINVAL)
            kind = (raw[at + 2] | raw[at + 3] << 8) & _TYPE_MASK
            self.found[kind] = at, at + length
            self.list.append((kind, at, at + length))
            at += (length + 3) & ~3

    def __contains__(self, kind: int) -> bool:
        return kind in self.found

    def at(self, kind: int) -> int:
        """Where it is; 0 when it is not there."""
        return self.found[kind][0] if kind in self.found else 0

    def bad(self, kind: int, number: int) -> NfError:
        """The error that is about this attribute."""
        return NfError(number, self.at(kind))

    def get(self, kind: int) -> bytes:
        """Its bytes; EINVAL when it is not there."""
        if kind not in self.found:
            raise NfError(errno.EINVAL)
        start, end = self.found[kind]
        return self.raw[start + _HEADER : end]

    def number(self, kind: int, size: int, default: int | None = None) -> int:
        """An unsigned number of `size` bytes. EINVAL, ERANGE."""
        if kind not in self.found and default is not None:
            return default
        value = self.get(kind)
        if len(value) < size:
            raise NfError(errno.ERANGE, self.at(kind))
        return int.from_bytes(value[:size], "big")

    def u8(self, kind: int, default: int | None = None) -> int:
        return self.number(kind, 1, default)

    def u16(self, kind: int, default: int | None = None) -> int:
        return self.number(kind, 2, default)

    def u32(self, kind: int, default: int | None = None) -> int:
        return self.number(kind, 4, default)

    def u64(self, kind: int, default: int | None = None) -> int:
        return self.number(kind, 8, default)

    def s32(self, kind: int) -> int:
        value = self.u32(kind)
        return value - (1 << 32) if value >> 31 else value

    def text(self, kind: int) -> str:
        """A string, up to a NUL. EINVAL, ERANGE when it is too long."""
        value = self.get(kind).split(b"\0", 1)[0]
        if len(value) >= MAX_NAME:
            raise NfError(errno.ERANGE, self.at(kind))
        return value.decode("latin-1")

    def nested(self, kind: int) -> Attributes:
        """The attributes in it; EINVAL when it is not there."""
        if kind not in self.found:
            raise NfError(errno.EINVAL)
        start, end = self.found[kind]
        return Attributes(self.raw, start + _HEADER, end)

    def elements(self, kind: int) -> Iterator[tuple[int, Attributes]]:
        """Of a list the place and the attributes of each, whatever their types (nft numbers elements of sets)."""
        for _, start, end in self.nested(kind).list:
            yield start, Attributes(self.raw, start + _HEADER, end)


def be16(kind: int, value: int) -> bytes:
    return nl.attribute(kind, value.to_bytes(2, "big"))


def be32(kind: int, value: int) -> bytes:
    return nl.attribute(kind, (value & 0xFFFFFFFF).to_bytes(4, "big"))


def be64(kind: int, value: int) -> bytes:
    return nl.attribute(kind, (value & (1 << 64) - 1).to_bytes(8, "big"))


def nested(kind: int, *parts: bytes) -> bytes:
    """One attribute that holds others."""
    return nl.attribute(kind | 0x8000, b"".join(parts))
