"""Which names led the guest to which addresses: what the DNS service answered for allowed names.

A pin outlives the record's TTL by `GRACE_NS`, for programs that keep an address as long as they run.
The table is bounded; the oldest answers go first.
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_S, Clock

GRACE_NS: Final = 3600 * NS_PER_S
MAX_TTL_S: Final = 86400  # an answer's own word is not taken for longer
MAX_ADDRESSES: Final = 4096
MAX_NAMES: Final = 16  # per address


class NamePins:
    """`address → {name: when it expires}`."""

    __slots__ = ("_clock", "_names")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._names: dict[bytes, dict[str, int]] = {}

    def pin(self, name: str, address: bytes, ttl_s: int) -> None:
        """The (normalised, allowed) name was answered with `address`."""
        names = self._names.pop(address, None)
        if names is None:
            names = {}
            if len(self._names) >= MAX_ADDRESSES:
                del self._names[next(iter(self._names))]
        self._names[address] = names
        names.pop(name, None)
        if len(names) >= MAX_NAMES:
            del names[next(iter(names))]
        names[name] = self._clock.now_ns() + min(ttl_s, MAX_TTL_S) * NS_PER_S + GRACE_NS

    def names(self, address: bytes) -> tuple[str, ...]:
        """The names under which `address` may be reached now, the latest last."""
        names = self._names.get(address)
        if not names:
            return ()
        now = self._clock.now_ns()
        for name in [name for name, expires in names.items() if expires <= now]:
            del names[name]
        if not names:
            del self._names[address]
        return tuple(names)
