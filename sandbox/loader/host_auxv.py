"""What the host's kernel told the sentry about the CPU, for the guest's auxiliary vector."""

from __future__ import annotations

import struct

from sandbox.abi.linux.auxvec import AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ

_known: dict[int, int] = {}


def host_auxv() -> dict[int, int]:
    """The sentry's own auxiliary vector by type."""
    if not _known:
        with open("/proc/self/auxv", "rb") as file:
            data = file.read()
        _known.update({key: value for key, value in struct.iter_unpack("<QQ", data[: len(data) // 16 * 16]) if key})
    return _known


def cpu_entries() -> tuple[int, int, int]:
    """(AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ)."""
    known = host_auxv()
    return known.get(AT_HWCAP, 0), known.get(AT_HWCAP2, 0), known.get(AT_MINSIGSTKSZ, 2048)
