"""The host's vDSO in guest spaces: what lies around its address, for maps(5)."""

from __future__ import annotations

from typing import Final

_NAMES: Final = ("[vvar]", "[vvar_vclock]", "[vdso]")
_parts: list[tuple[int, int, int, str]] = []


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
        _parts.extend((start - base, end - base, prot, name) for start, end, prot, name in found)
    return _parts
