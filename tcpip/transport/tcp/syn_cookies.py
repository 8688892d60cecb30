"""SYN cookies: a listener under flood keeps nothing for a SYN; the ACK brings everything back.

A cookie is 5 bits of a 64-second counter, 3 bits of an MSS table's index and 24 bits of a keyed hash over the
connection, the peer's ISN, the counter and the index. Window scale, SACK and ECN travel in the low 6 bits of the timestamp,
when there is one (as net/ipv4/syncookies.c does).
Implements: RFC 4987 3.6, appendix A.
"""

from __future__ import annotations

from random import Random
from typing import Final

from tcpip.clock import NS_PER_S
from tcpip.keyed_hash import blake2s
from tcpip.seqnum import MASK

PERIOD_NS: Final = 64 * NS_PER_S
MAX_AGE: Final = 2
MSS_IPV4: Final = (536, 1300, 1440, 1460)
MSS_IPV6: Final = (1220, 1420, 1440, 8940)
"""What a cookie can say, as on Linux (net/ipv4/syncookies.c, net/ipv6/syncookies.c)."""
IPV4_KEY: Final = 12
TS_BITS: Final = 6
NO_SCALE: Final = 15
SACK_BIT: Final = 16
ECN_BIT: Final = 32


class SynCookies:
    """Makes and checks cookies with one secret."""

    __slots__ = ("_secret",)

    def __init__(self, rng: Random) -> None:
        self._secret = rng.randbytes(16)

    def _mac(self, key: bytes, irs: int, counter: int, index: int) -> int:
        data = key + (irs & MASK).to_bytes(4, "big") + counter.to_bytes(8, "big") + bytes((index,))
        return int.from_bytes(blake2s(data, digest_size=3, key=self._secret).digest(), "big")

    def make(self, key: bytes, irs: int, mss: int, now: int) -> int:
        """The ISN to answer a SYN with."""
        counter = now // PERIOD_NS
        index = 0
        table = _sizes(key)
        while index + 1 < len(table) and table[index + 1] <= mss:
            index += 1
        return (counter & 31) << 27 | index << 24 | self._mac(key, irs, counter, index)

    def check(self, key: bytes, irs: int, cookie: int, now: int) -> int:
        """The MSS that a valid cookie carries, -1 for any other number."""
        counter = now // PERIOD_NS
        age = (counter - (cookie >> 27)) & 31
        if age >= MAX_AGE or age > counter:
            return -1
        index = cookie >> 24 & 7
        table = _sizes(key)
        if index >= len(table) or cookie & 0xFFFFFF != self._mac(key, irs, counter - age, index):
            return -1
        return table[index]


def _sizes(key: bytes) -> tuple[int, ...]:
    """By the family of a connection's key."""
    return MSS_IPV4 if len(key) == IPV4_KEY else MSS_IPV6


def options_into_timestamp(ts_val: int, window_scale: int, sack: bool, ecn: bool) -> int:
    """A timestamp not later than `ts_val` that carries the peer's offer; `window_scale` -1 for none."""
    bits = (NO_SCALE if window_scale < 0 else window_scale) | (SACK_BIT if sack else 0) | (ECN_BIT if ecn else 0)
    value = ts_val & ~((1 << TS_BITS) - 1) | bits
    return (value if value <= ts_val else value - (1 << TS_BITS)) & MASK


def options_from_timestamp(ts_ecr: int) -> tuple[int, bool, bool]:
    """(window scale or -1, SACK permitted, ECN asked for and granted) out of the echo."""
    scale = ts_ecr & 15
    return (-1 if scale == NO_SCALE else scale), bool(ts_ecr & SACK_BIT), bool(ts_ecr & ECN_BIT)
