"""What a task of an image has in place of an address space when it had ended before: a zombie that nobody has waited for."""

from __future__ import annotations

from sandbox.platform.base import AddressSpace, MemoryFault


class EndedSpace(AddressSpace):
    """Nothing is there."""

    def read(self, address: int, size: int) -> bytes:
        if size:
            raise MemoryFault(address)
        return b""

    def read_into(self, address: int, dst: memoryview) -> None:
        if dst:
            raise MemoryFault(address)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        if data:
            raise MemoryFault(address)

    def read_cstr(self, address: int, limit: int) -> bytes:
        raise MemoryFault(address)

    def kill(self) -> None:
        """It is gone."""

    def alive(self) -> bool:
        return False

    def resident_pages(self) -> int:
        return 0
