"""Reading an input of the fuzzer as decisions: what is missing reads as zeros."""

from __future__ import annotations


class Cursor:
    """`data` from the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def number(self, size: int = 1) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size).ljust(size, b"\0"), "big")

    def signed(self) -> int:
        """Near zero mostly: one byte, or four when it is -128."""
        value = self.number()
        if value == 0x80:
            return self.number(4) - (1 << 31)
        return value - 256 if value > 127 else value

    def take(self, size: int) -> bytes:
        """Up to `size` bytes."""
        taken = self.data[self.at : self.at + size]
        self.at += size
        return taken

    def rest(self) -> bytes:
        return self.take(len(self.data))
