"""Writing pcapng: section header, interface descriptions, enhanced packets with direction, comment and ns time stamps.

Implements: draft-ietf-opsawg-pcapng 4.1, 4.2, 4.3 (little-endian sections).
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Protocol

LINKTYPE_ETHERNET: Final = 1
LINKTYPE_RAW: Final = 101
INBOUND: Final = 1
OUTBOUND: Final = 2

_BLOCK: Final = Struct("<II")
_SECTION: Final = Struct("<IHHq")
_INTERFACE: Final = Struct("<HHI")
_PACKET: Final = Struct("<IIIII")
_OPTION: Final = Struct("<HH")


def option(code: int, value: bytes) -> bytes:
    """One option, padded."""
    return _OPTION.pack(code, len(value)) + value + bytes(-len(value) & 3)


class Sink(Protocol):
    """What it is written to: a binary file, or what takes bytes as one does."""

    def write(self, data: bytes, /) -> object:
        """All of it."""

    def flush(self) -> object:
        """Push what is buffered."""


class PcapngWriter:
    """One section. Flushed with `flush`; never seeks, so a pipe will do."""

    def __init__(self, out: Sink, application: str = "tcpip") -> None:
        self.out = out
        self.interfaces = 0
        body = _SECTION.pack(0x1A2B3C4D, 1, 0, -1) + option(4, application.encode()) + _OPTION.pack(0, 0)
        self._block(0x0A0D0D0A, body)

    def _block(self, kind: int, body: bytes) -> None:
        size = len(body) + 12
        self.out.write(_BLOCK.pack(kind, size) + body + size.to_bytes(4, "little"))

    def add_interface(self, name: str, link_type: int = LINKTYPE_ETHERNET, snap_len: int = 0) -> int:
        """Describe an interface; the number to name it by."""
        body = _INTERFACE.pack(link_type, 0, snap_len)
        body += option(2, name.encode()) + option(9, b"\x09") + _OPTION.pack(0, 0)
        self._block(1, body)
        self.interfaces += 1
        return self.interfaces - 1

    def packet(
        self, interface: int, time_ns: int, data: bytes, direction: int, comment: str = "", length: int = -1
    ) -> None:
        """One packet; `length` is what was on the wire when `data` was cut short."""
        options = option(2, direction.to_bytes(4, "little"))
        if comment:
            options += option(1, comment.encode()[:65535])
        size = len(data)
        body = _PACKET.pack(interface, time_ns >> 32, time_ns & 0xFFFFFFFF, size, size if length < 0 else length)
        self._block(6, body + data + bytes(-size & 3) + options + _OPTION.pack(0, 0))

    def flush(self) -> None:
        """Push what is buffered to the file."""
        self.out.flush()
