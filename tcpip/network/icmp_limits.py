"""How many ICMP messages leave: all together, and to each host.

`ICMPv4` and `ICMPv6` ask before they send a type that their `ratemask` has. `RateLimiter` bounds the sum over all hosts,
`PeerLimits` what one host gets. Neither holds for what goes over the loopback.

Implements: RFC 1812 4.3.2.8, RFC 4443 2.4 (f), as net/ipv4/icmp.c (icmp_global_allow, icmpv4_xrlim_allow), net/ipv6/icmp.c
and net/ipv4/inetpeer.c (inet_peer_xrlim_allow) do it; the sum is blurred against off-path attackers who count errors to find
out which ports are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S

if TYPE_CHECKING:
    from random import Random

PER_SECOND: Final = 1000
BURST: Final = 50
BLUR: Final = 3
"""A message takes 0 … `BLUR` - 1 of what is left, one on average."""
PEER_BURST: Final = 6
"""Messages to one host at once (XRLIM_BURST_FACTOR)."""
MAX_PEERS: Final = 4096
"""Hosts that are remembered; of more, those that were told least recently are forgotten."""


class RateLimiter:
    """All hosts: `per_second` messages, `burst` at once (icmp_msgs_per_sec, icmp_msgs_burst)."""

    __slots__ = ("per_second", "burst", "_random", "_credit", "_at")

    def __init__(self, random: Random) -> None:
        self.per_second = PER_SECOND
        self.burst = BURST
        self._random = random
        self._credit = BURST * NS_PER_S
        self._at = 0

    def allow(self, now: int) -> bool:
        """Whether one more may leave at `now` (ns); it is counted then."""
        refill = min(now - self._at, NS_PER_S) * self.per_second
        self._at = now
        self._credit = min(self.burst * NS_PER_S, self._credit + refill)
        if self._credit < NS_PER_S:
            return False
        self._credit = max(0, self._credit - self._random.randrange(BLUR) * NS_PER_S)
        return True


class PeerLimits:
    """Each host by its address: one message in `interval` ns, `PEER_BURST` at once after a pause."""

    __slots__ = ("_full_at",)

    def __init__(self) -> None:
        # By address, the least recently told first: when it may have a burst again.
        self._full_at: dict[bytes, int] = {}

    def allow(self, address: bytes, interval: int, now: int) -> bool:
        """Whether `address` may be told one thing more at `now` (ns); it is counted then. An `interval` of 0: always."""
        if not interval:
            return True
        full_at = max(self._full_at.get(address, 0), now) + interval
        if full_at > now + PEER_BURST * interval:
            return False
        self._full_at.pop(address, None)
        self._full_at[address] = full_at
        if len(self._full_at) > MAX_PEERS:
            del self._full_at[next(iter(self._full_at))]
        return True
