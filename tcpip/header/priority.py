"""What the type of service says of a packet's priority (net/ipv4/route.c: ip_tos2prio)."""

from __future__ import annotations

from typing import Final

_OF_TOS: Final[tuple[int, ...]] = (0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4)


def priority_of_tos(tos: int) -> int:
    """rt_tos2priority."""
    return _OF_TOS[(tos & 0x1E) >> 1]
