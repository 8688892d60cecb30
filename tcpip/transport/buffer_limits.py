"""BufferLimits: how large the buffers of a stack's sockets are, and may be."""

from __future__ import annotations

from typing import Final

from tcpip.toil import Toil

MAX_BUF: Final = 212992
DEFAULT_BUF: Final = 212992


class BufferLimits:
    """Bytes of socket buffers: what new sockets have, and what SO_RCVBUF and SO_SNDBUF may ask for at most (socket(7):
    net.core.rmem_default, rmem_max, wmem_default, wmem_max). `toil`: what the programs of all these sockets do."""

    __slots__ = ("rmem_default", "rmem_max", "wmem_default", "wmem_max", "toil")

    def __init__(self) -> None:
        self.toil = Toil()
        self.rmem_default = self.wmem_default = DEFAULT_BUF
        self.rmem_max = self.wmem_max = MAX_BUF
