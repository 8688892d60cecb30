"""The image of a checkpoint: one file of sections, each a kind, a length and its bytes.

Layout: the magic, `=HH` version and zero, then sections `=IQ` kind and length. The last one is END; a file without it was
not written to its end. Memory follows its description at once, so that an image is written and read in one pass.
"""

from __future__ import annotations

import os
import struct
from typing import Final

MAGIC: Final = b"stackbox checkpoint\n"
VERSION: Final = 4
_VERSION: Final = struct.Struct("=HH")
_SECTION: Final = struct.Struct("=IQ")

HEADER: Final = 1  # JSON: what the image needs of a host
GRAPH: Final = 2  # the kernel's objects (codec.py)
PAGES: Final = 3  # `=IQ` which memory, at which address or offset; then the bytes
END: Final = 4
PAGES_AT: Final = struct.Struct("=IQ")
SMALL_MOST: Final = 1 << 31  # bytes of one section
CHUNK: Final = 4 << 20  # bytes of memory in one section, at most


class BadImage(Exception):
    """It is none, or not one that can be read here; str() is one line."""


class ImageWriter:
    """Writes to a descriptor of a new, empty file, which stays the caller's. OSError."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.written = 0
        self._put(MAGIC + _VERSION.pack(VERSION, 0))

    def section(self, kind: int, *parts: bytes | memoryview) -> None:
        """One section."""
        self._put(_SECTION.pack(kind, sum(map(len, parts))))
        for part in parts:
            self._put(part)

    def pages(self, which: int, at: int, data: bytes | memoryview) -> None:
        """Bytes of memory number `which`."""
        self.section(PAGES, PAGES_AT.pack(which, at), data)

    def end(self) -> None:
        """All of it is there, and on disk."""
        self.section(END)
        os.fsync(self._fd)

    def _put(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            done = os.write(self._fd, view)
            self.written += done
            view = view[done:]


class ImageReader:
    """Reads from a descriptor, which stays the caller's. BadImage, OSError."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.lseek(fd, 0, os.SEEK_SET)
        if self._get(len(MAGIC), True) != MAGIC:
            raise BadImage("this is not an image of a checkpoint")
        version, _ = _VERSION.unpack(self._get(_VERSION.size))
        if version != VERSION:
            raise BadImage(f"an image of version {version}; this runsc reads version {VERSION}")

    def next(self) -> tuple[int, bytes]:
        """The next section: its kind and its bytes."""
        kind, size = _SECTION.unpack(self._get(_SECTION.size))
        if size > SMALL_MOST:
            raise BadImage("a section of the image is too large")
        return kind, self._get(size)

    def expect(self, kind: int) -> bytes:
        """The next section, which must be of this kind."""
        found, data = self.next()
        if found != kind:
            raise BadImage(f"section {found} of the image where {kind} belongs")
        return data

    def _get(self, size: int, short: bool = False) -> bytes:
        parts: list[bytes] = []
        while size:
            part = os.read(self._fd, min(size, CHUNK))
            if not part:
                if short:
                    break
                raise BadImage("the image ends too early: it was not written to its end")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
