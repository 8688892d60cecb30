"""The host's vDSO in guest spaces: what lies around its address, for maps(5), and where it reads clocks."""

from __future__ import annotations

import ctypes
import struct
from typing import Final

_NAMES: Final = ("[vvar]", "[vvar_vclock]", "[vdso]")
_parts: list[tuple[int, int, int, str]] = []
_base: list[int] = []  # of the sentry's own
_clock: list[tuple[int, bytes, bytes]] = []
_PT_LOAD, _PT_DYNAMIC, _DT_STRTAB, _DT_SYMTAB = 1, 2, 5, 6
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_CLOCK_GETTIME: Final = b"__vdso_clock_gettime"
_ASK: Final = bytes.fromhex("f30f1efa b8e4000000 0f05 c3")  # endbr64; mov $228, %eax; syscall; ret


def parts() -> list[tuple[int, int, int, str]]:
    """(start, end, PROT_* bits, name) of the vDSO's areas, addresses relative to the vDSO itself.

    They are the same in every process of one host, so the sentry's own are looked at, once.
    """
    if not _parts:
        found: list[tuple[int, int, int, str]] = []
        base = 0
        with open("/proc/self/maps", "rb") as file:
            for line in file:
                fields = line.split()
                name = fields[-1].decode("ascii", "replace")
                if name in _NAMES:
                    start, end = (int(x, 16) for x in fields[0].split(b"-"))
                    prot = sum(bit for bit, c in ((1, b"r"), (2, b"w"), (4, b"x")) if c in fields[1])
                    found.append((start, end, prot, name))
                    if name == "[vdso]":
                        base = start
        _base.append(base)
        _parts.extend((start - base, end - base, prot, name) for start, end, prot, name in found)
    return _parts


def asking_clock() -> tuple[int, bytes, bytes] | None:
    """Where clock_gettime begins, relative to the vDSO, what is there and what asks the kernel instead. None: no vDSO, or
    none that can be read."""
    if not _clock:
        size = max((end for start, end, _, name in parts() if name == "[vdso]"), default=0)
        image = ctypes.string_at(_base[0], size) if size and _base[0] else b""
        at = symbol(image, _CLOCK_GETTIME)
        if at:
            _clock.append((at, image[at : at + len(_ASK)], _ASK))
    return _clock[0] if _clock else None


def symbol(image: bytes, name: bytes) -> int:
    """The offset of a function in a vDSO; 0 for none. Its names follow its symbols (arch/x86/entry/vdso/vdso-layout.lds.S)."""
    try:
        segments, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
        load, tags = 0, {}
        for n in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", image, segments + 56 * n)
            if kind == _PT_LOAD:
                load = address - offset
            elif kind == _PT_DYNAMIC:
                tags = dict(struct.iter_unpack("<QQ", image[offset : offset + length & ~15]))
        strings, symbols = tags[_DT_STRTAB] - load, tags[_DT_SYMTAB] - load
        for found, _, _, section, value, size in _SYMBOL.iter_unpack(
            image[symbols : symbols + (strings - symbols) // 24 * 24]
        ):
            if (
                image[strings + found : strings + found + len(name) + 1] == name + b"\0"
                and section
                and size >= len(_ASK)
            ):
                return int(value - load)
    except (struct.error, KeyError, OverflowError):
        pass
    return 0
