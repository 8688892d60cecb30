"""What is known of how much fits on the way to somebody (RFC 1191, RFC 8201)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

MOST: Final = 1024
LIFETIME: Final = 600 * NS_PER_S


class PathMtus:
    """By destination; each for a while."""

    __slots__ = ("stack", "_known", "_expiry")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._known: dict[bytes, tuple[int, int]] = {}
        self._expiry = stack.timers.timer(self._expire)

    def get(self, nic: Nic, dst: bytes) -> int:
        """What is known to fit to `dst` through `nic`."""
        known = self._known.get(dst)
        if known is None:
            return nic.mtu
        mtu, until = known
        if until <= self.stack.clock.now_ns():
            del self._known[dst]
            return nic.mtu
        return min(mtu, nic.mtu)

    def learn(self, dst: bytes, mtu: int) -> int:
        """A report says that only `mtu` bytes fit to `dst`: believed for ten minutes, never below 552 (IPv4) or 1280.

        Answers the path MTU that holds now.
        """
        now = self.stack.clock.now_ns()
        mtu = max(mtu, 552 if len(dst) == 4 else 1280)
        known = self._known.get(dst)
        if known is not None and known[0] <= mtu and known[1] > now:
            return known[0]
        if known is None and len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        until = now + LIFETIME
        self._known[dst] = (mtu, until)
        if self._expiry.deadline is None:
            self._expiry.arm(until)
        self.stack.changed()
        return mtu

    def forget(self, dst: bytes) -> None:
        """The way to `dst` may have changed: what was learnt about it is not believed any more (SO_CNX_ADVICE)."""
        if self._known.pop(dst, None) is not None:
            self.stack.changed()

    def _expire(self) -> None:
        now = self.stack.clock.now_ns()
        self._known = {dst: known for dst, known in self._known.items() if known[1] > now}
        if self._known:
            self._expiry.arm(min(until for _, until in self._known.values()))
        self.stack.changed()
