"""Initial sequence numbers and timestamp offsets: a keyed hash of the connection plus a clock.

Implements: RFC 6528 3, RFC 7323 5.4 (a timestamp offset per pair of addresses).
"""

from __future__ import annotations

from random import Random
from typing import Final

from tcpip.keyed_hash import blake2s
from tcpip.seqnum import MASK

ISN_TICK_NS: Final = 64
"""The clock of the sequence space: one number each 64 ns, so 2**32 of them last 4.6 minutes (as Linux has it)."""


class IsnGenerator:
    """ISN = M + F(connection, secret)."""

    __slots__ = ("_secret",)

    def __init__(self, rng: Random) -> None:
        self._secret = rng.randbytes(16)

    def isn(self, key: bytes, now: int) -> int:
        """The first sequence number of the connection whose demultiplexer key is `key`."""
        return (self._hash(key, b"isn") + now // ISN_TICK_NS) & MASK

    def ts_offset(self, key: bytes) -> int:
        """What is added to the millisecond clock in timestamps to the peer: depends on the addresses only."""
        return self._hash(key[:-4], b"ts")

    def label_seed(self, addresses: bytes) -> int:
        """What the flow labels between two addresses are made of (RFC 6437 3)."""
        return self._hash(addresses, b"label")

    def _hash(self, data: bytes, label: bytes) -> int:
        return int.from_bytes(blake2s(data, digest_size=4, key=self._secret, person=label).digest(), "big")
