"""CPUID: what the processor says of itself, which every guest can ask it, too."""

from __future__ import annotations

import struct
from typing import Final

# push rbx; mov r8, rdx; mov eax, edi; mov ecx, esi; cpuid; mov [r8 …], eax, ebx, ecx, edx; pop rbx; ret
_CODE: Final = bytes.fromhex("53 4989d0 89f8 89f1 0fa2 418900 41895804 41894808 4189500c 5b c3")
_RESULT: Final = struct.Struct("<4I")
_DETERMINISTIC: Final = 4  # cache parameters, of Intel's and others'
_AMD_CACHES: Final = 0x8000001D
_AMD_FEATURES: Final = 0x80000001
_TOPOLOGY_EXTENSIONS: Final = 1 << 22
_MOST: Final = 8  # caches: no processor has more

Registers = tuple[int, int, int, int]


class Cache:
    """A cache: its level, what it holds (`Data`, `Instruction`, `Unified`), sizes in bytes."""

    __slots__ = ("level", "kind", "line", "partitions", "ways", "sets")

    def __init__(self, level: int, kind: str, line: int, partitions: int, ways: int, sets: int) -> None:
        self.level = level
        self.kind = kind
        self.line = line
        self.partitions = partitions
        self.ways = ways
        self.sets = sets

    def size(self) -> int:
        """Bytes."""
        return self.line * self.partitions * self.ways * self.sets


def ask(questions: list[tuple[int, int]]) -> list[Registers]:
    """eax, ebx, ecx and edx for each leaf and subleaf. OSError where no code can be mapped."""
    import ctypes
    import mmap

    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(_CODE)
        place = ctypes.c_char.from_buffer(page)
        call = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)(ctypes.addressof(place))
        out = ctypes.create_string_buffer(_RESULT.size)
        answers = []
        for leaf, subleaf in questions:
            call(leaf, subleaf, ctypes.addressof(out))
            answers.append(_RESULT.unpack(out.raw))
        del place
    return answers


def caches() -> list[Cache]:
    """Those of a processor, as it lists them; none where it does not."""
    try:
        highest, extended, features = ask([(0, 0), (0x80000000, 0), (_AMD_FEATURES, 0)])
        amd = extended[0] >= _AMD_CACHES and features[2] & _TOPOLOGY_EXTENSIONS != 0
        if not amd and highest[0] < _DETERMINISTIC:
            return []
        leaf = _AMD_CACHES if amd else _DETERMINISTIC
        return _listed(ask([(leaf, n) for n in range(_MOST)]))
    except (OSError, ValueError):
        return []


def _listed(answers: list[Registers]) -> list[Cache]:
    found = []
    for eax, ebx, ecx, _ in answers:
        kind = {1: "Data", 2: "Instruction", 3: "Unified"}.get(eax & 0x1F)
        if kind is None:
            break
        line, partitions, ways = (ebx & 0xFFF) + 1, (ebx >> 12 & 0x3FF) + 1, (ebx >> 22) + 1
        found.append(Cache(eax >> 5 & 7, kind, line, partitions, ways, ecx + 1))
    return found
