"""The code that patched call sites jump to, and the memory that it lies in.

A thunk is 64 bytes of code and data. The mov form stands for `mov $number,%eax; syscall`, the cmp form for
`syscall; cmp $-4095,%rax` (or -4096). The data's shape is told in stub/thunk.c.

    mov form                                 cmp form
     0  lahf; seto %al                        0  lea data(%rip), %rcx; jmp *entry
     4  lea data(%rip), %rcx; jmp *entry     14  syscall           for threads that have a gs of their own
                                             16  cmp $-4095, %rax; jmp site+8
    32  data, entry                          32  data, entry

rax is dead where the mov form begins, so the flags go through it; the comparison of the cmp form sets them anyway, and
rcx and r11 are the instruction's own in both. So a thread that is stopped in the first instructions is as if it stood
at the site still, and is shown there.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from typing import Final

from sandbox.platform.lane import layout

AREA_SIZE: Final = 65536
_SLOT: Final = 64
_DATA: Final = 32
_ENTRY: Final = 56
CMP_TRAP: Final = 16  # the address after the cmp thunk's own syscall instruction: its tail
_CMP_LEFT: Final = 22  # its last jump
MOV_SIZE: Final = 7  # of the code at the site; the first five bytes change
CMP_SIZE: Final = 8
PATCH_SIZE: Final = 5
_REACH: Final = 1 << 31
_UNDEFINED: Final = 0x06  # an opcode that no 64-bit code has: the byte at site + 2 of a patched cmp form
_SEAL_FUTURE_WRITE: Final = 0x10
_MFD_EXEC: Final = 0x10
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _SEAL_FUTURE_WRITE | fcntl.F_SEAL_SEAL


class Site:
    """A call in guest code. `number` None: the cmp form, which takes the number from rax; `cmp` is its comparison."""

    __slots__ = ("start", "number", "cmp", "old", "new", "thunk")

    def __init__(self, start: int, number: int | None, code: bytes) -> None:
        self.start = start
        self.number = number
        self.cmp = code[2:8] if number is None else b""
        self.old = code[:PATCH_SIZE]
        self.new = b""  # once it has a thunk
        self.thunk = 0

    @property
    def key(self) -> tuple[int, int | None, bytes]:
        """What its thunk is made from."""
        return (self.start, self.number, self.cmp)

    @property
    def visible(self) -> int:
        """Where the thread is while it is in the call, as the guest sees it."""
        return self.start + (2 if self.number is None else MOV_SIZE)

    @property
    def tail(self) -> int:
        """Where it goes on."""
        return self.thunk + CMP_TRAP if self.number is None else self.visible

    def hide(self, address: int, data: bytearray) -> None:
        """In `data`, read at `address`, put the guest's own bytes in place of the jump."""
        for n, byte in enumerate(self.old):
            at = self.start + n - address
            if 0 <= at < len(data) and data[at] == self.new[n]:
                data[at] = byte

    def shown(self, rip: int) -> int:
        """What the guest sees of a thread that is stopped in the thunk at `rip`."""
        at = rip - self.thunk
        if self.number is not None or at < CMP_TRAP:
            return self.start
        return self.start + CMP_SIZE if at == _CMP_LEFT else self.visible


class ThunkArea:
    """64 KiB of thunks, mapped at `base` in a guest process and in those that were forked from it: what a thunk is made
    from is part of its key, so it does not matter who adds it. None is ever used for another site: a thread may still
    be in it. The guest can never write here (F_SEAL_FUTURE_WRITE). OSError when the host refuses."""

    __slots__ = ("base", "fd", "memory", "_slots", "_taken")

    def __init__(self) -> None:
        self.base = 0
        self.fd = _memfd()
        try:
            os.ftruncate(self.fd, AREA_SIZE)
            self.memory = mmap.mmap(self.fd, AREA_SIZE)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
        except OSError:
            os.close(self.fd)
            raise
        self._slots: dict[tuple[int, int | None, bytes], int] = {}
        self._taken = bytearray(AREA_SIZE // _SLOT)

    def close_fd(self) -> None:
        """It is mapped: nobody else will have to."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def holds(self, address: int) -> bool:
        """`address` lies in it."""
        return 0 <= address - self.base < AREA_SIZE

    def place(self, site: Site) -> bool:
        """Give the site a thunk; False when there is no room for it, or it is too far away."""
        slot = self._slots.get(site.key)
        if slot is None:
            slot = self._free(site)
            if slot is None:
                return False
            self._taken[slot] = 1
            self._slots[site.key] = slot
            self.memory[slot * _SLOT : (slot + 1) * _SLOT] = _code(site, self.base + slot * _SLOT)
        site.thunk = self.base + slot * _SLOT
        site.new = _jump(site.start, site.thunk)
        return True

    def _free(self, site: Site) -> int | None:
        after = site.start + PATCH_SIZE
        if not (self.base - after >= -_REACH and self.base + AREA_SIZE - after < _REACH):
            return None
        if site.number is not None:
            slot = self._taken.find(0)
            return slot if slot >= 0 else None
        first = (after + (_UNDEFINED << 8) - self.base) % AREA_SIZE // _SLOT
        for slot in range(first, first + 5):
            slot %= AREA_SIZE // _SLOT
            if not self._taken[slot] and (self.base + slot * _SLOT - after) >> 8 & 0xFF == _UNDEFINED:
                return slot
        return None


def _memfd() -> int:
    """Whose pages may be mapped executable, also where vm.memfd_noexec is 1."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create("thunks", flags | _MFD_EXEC)
    except OSError:
        return os.memfd_create("thunks", flags)


def _jump(start: int, to: int) -> bytes:
    """jmp rel32."""
    return b"\xe9" + struct.pack("<i", to - start - PATCH_SIZE)


def _code(site: Site, thunk: int) -> bytes:
    """The whole slot."""
    number = site.number
    out = bytearray(b"\xcc" * _SLOT)
    head = b"" if number is None else b"\x9f\x0f\x90\xc0"  # lahf; seto %al
    head += b"\x48\x8d\x0d" + struct.pack("<i", _DATA - len(head) - 7)  # lea
    head += b"\xff\x25" + struct.pack("<i", _ENTRY - len(head) - 6)  # jmp *
    if number is None:
        tail = thunk + CMP_TRAP
        head = head.ljust(CMP_TRAP - 2, b"\x90") + b"\x0f\x05" + site.cmp
        head += _jump(thunk + len(head), site.start + CMP_SIZE)
        entry, last = layout.ENTER_CMP, thunk + CMP_TRAP - 2
    else:
        tail, entry, last = site.visible, layout.ENTER_MOV, number
    out[: len(head)] = head
    struct.pack_into("<QQQQ", out, _DATA, site.visible, tail, last, entry)
    return bytes(out)


def find_site(code: bytes, rip: int, number: int) -> Site | None:
    """The call that ends at `rip`, if it has one of the two forms. `code` is what lies from 8 bytes before it to 6 after
    it. Before a mov there must be no REX prefix: it would be another instruction's."""
    if code[6:8] != b"\x0f\x05":
        return None
    if code[1] == 0xB8 and code[2:6] == struct.pack("<I", number) and not 0x40 <= code[0] <= 0x4F:
        return Site(rip - MOV_SIZE, number, code[1:8])
    if code[8:10] == b"\x48\x3d" and code[10:14] in (b"\x01\xf0\xff\xff", b"\x00\xf0\xff\xff"):
        return Site(rip - 2, None, code[6:14])
    return None
