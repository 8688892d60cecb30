"""The XSAVE image in a signal frame (asm/sigcontext.h): its size, and one with the values of another."""

from __future__ import annotations

import struct
from typing import Final

LEGACY_SIZE: Final = 512
LIKELY_SIZE: Final = 4096  # at least that of the CPUs there are, tile registers aside
# struct _fpx_sw_bytes at byte 464
_SW_RESERVED: Final = 464
_SW: Final = struct.Struct("<IIQI")
_MAGIC1: Final = 0x46505853
_MAGIC2: Final = b"EXPF"
_TILE_DATA: Final = 18  # AMX's, behind all others
_TILE_DATA_AT: Final = 2816
_MXCSR_MASK: Final = 0xFFFF
_MXCSR_INITIAL: Final = (0x1F80).to_bytes(4, "little")


def image_size(legacy: bytes) -> int:
    """The whole image's, from its first 512 bytes."""
    magic, size, _, _ = _SW.unpack_from(legacy, _SW_RESERVED)
    return int(size) if magic == _MAGIC1 and size >= 576 else LEGACY_SIZE


def kind(image: bytes) -> tuple[int, int]:
    """The features of an XSAVE image and its size without what follows it; zeros of another image, or one of another
    shape than is usual."""
    if len(image) < LEGACY_SIZE:
        return 0, 0
    magic, extended, features, size = _SW.unpack_from(image, _SW_RESERVED)
    return (features, size) if magic == _MAGIC1 and size >= 576 and extended == size + 4 == len(image) else (0, 0)


def merge(mine: bytes, image: bytes) -> bytes | None:
    """The frame's own image with the guest's values in it; None when the CPU would refuse them.

    The software bytes and the layout stay the frame's; reserved MXCSR bits and unknown features
    are refused, as the kernel does (arch/x86/kernel/fpu/signal.c: check_xstate_in_sigframe).
    """
    if not image:
        if len(mine) < 576:
            return None
        # XSTATE_BV = 0: everything in its initial state, but XRSTOR takes MXCSR from memory all the same
        return mine[:24] + _MXCSR_INITIAL + mine[28:512] + bytes(8) + mine[520:]
    if len(image) < 512:
        return None
    if int.from_bytes(image[24:28], "little") & ~_MXCSR_MASK:
        return None
    merged = bytearray(mine)
    merged[:416] = image[:416]
    if len(mine) < 580:
        return bytes(merged)
    magic, _, features, xsize = _SW.unpack_from(mine, _SW_RESERVED)
    their_magic, their_size, _, their_xsize = _SW.unpack_from(image, _SW_RESERVED)
    extended = their_magic == _MAGIC1 and their_size <= len(image) and their_xsize <= their_size and their_xsize >= 576
    if not extended:  # legacy image: x87 and SSE from it, the rest initial
        merged[512:520] = (3 & features).to_bytes(8, "little")
        return bytes(merged)
    present = int.from_bytes(image[512:520], "little")
    if present & ~features or any(image[520:536]):  # XRSTOR looks at no more of the header
        return None
    size = min(xsize, their_xsize, len(image))
    merged[512:size] = image[512:size]
    return bytes(merged)


def framed(image: bytes) -> bytes:
    """An XSAVE image as in a signal frame, from one of ptrace(2)'s NT_X86_XSTATE, which has XCR0 in the software bytes."""
    if len(image) < 576:
        return image
    features = int.from_bytes(image[_SW_RESERVED : _SW_RESERVED + 8], "little")
    if features >> _TILE_DATA & 1:  # a process has to ask for it before it is in its frames (arch_prctl(2))
        features &= ~(1 << _TILE_DATA)
        image = image[:_TILE_DATA_AT]
    software = _SW.pack(_MAGIC1, len(image) + 4, features, len(image)).ljust(LEGACY_SIZE - _SW_RESERVED, b"\0")
    return image[:_SW_RESERVED] + software + image[LEGACY_SIZE:] + _MAGIC2


def unframed(image: bytes, like: bytes) -> bytes:
    """The other way, as long as `like`. XRSTOR looks at no more of the header than `merge`, ptrace(2) at all of it."""
    if len(like) < 576:
        return image[: len(like)]
    whole = image[: min(len(image) - len(_MAGIC2), len(like))] + like[len(image) - len(_MAGIC2) :]
    return whole[:536] + bytes(40) + whole[576:]
