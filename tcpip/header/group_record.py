"""Group records: what reports of IGMP version 3 and MLD version 2 are lists of, and how they fill packets.

Implements: RFC 3376 4.2.4-4.2.12, 4.2.16, RFC 3810 5.2.5-5.2.12, 5.2.15.
"""

from __future__ import annotations

from typing import Final, Sequence

MODE_IS_INCLUDE: Final = 1
MODE_IS_EXCLUDE: Final = 2
CHANGE_TO_INCLUDE: Final = 3
CHANGE_TO_EXCLUDE: Final = 4
ALLOW_NEW_SOURCES: Final = 5
BLOCK_OLD_SOURCES: Final = 6

Record = tuple[int, bytes, Sequence[bytes]]
"""Type, group, sources."""


def pack(records: list[Record], room: int) -> list[tuple[int, bytes]]:
    """Bodies of at most `room` bytes, each with how many records it has, in their order. Sources that do not fit go into
    another record of the same type; of those that are excluded the rest is left out, as a second such record would
    contradict the first."""
    bodies: list[tuple[int, bytes]] = []
    count, body = 0, bytearray()
    for kind, group, sources in records:
        width = len(group)
        whole = kind in (MODE_IS_EXCLUDE, CHANGE_TO_EXCLUDE)
        left = list(sources)
        if count and whole and room - len(body) < 4 + width * (1 + len(left)):
            bodies.append((count, bytes(body)))
            count, body = 0, bytearray()
        while True:
            fit = (room - len(body) - 4 - width) // width
            if count and fit < min(len(left), 1):
                bodies.append((count, bytes(body)))
                count, body = 0, bytearray()
                continue
            now = left[: max(fit, 0)]
            body += bytes((kind, 0)) + len(now).to_bytes(2, "big") + group + b"".join(now)
            count += 1
            left = left[len(now) :]
            if not left or whole or fit < 1:
                break
    if count:
        bodies.append((count, bytes(body)))
    return bodies
