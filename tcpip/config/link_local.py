"""An IPv4 link-local address for one NIC: chosen at random, probed, defended, changed when somebody else has it.

Implements: RFC 3927 2.1 (selection), 2.2 (claiming), 2.4 (announcing), 2.5 (defence). That all its ARP packets are
broadcast is in `tcpip.network.arp`, that it is not forwarded in `tcpip.network.forward`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.network.acd import MAX_CONFLICTS, RATE_LIMIT_INTERVAL, ConflictDetector

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

PREFIX_LEN: Final = 16
FIRST: Final = 0xA9FE0100
LAST: Final = 0xA9FEFEFF
"""169.254.1.0 to 169.254.254.255: the first and the last 256 are reserved."""


class LinkLocal:
    """`start` it, and `stop` it before the NIC goes. `addr` is empty without an address; `on_change` says when it is not
    what it was. The first choice depends on the MAC only, so a host comes back to its address."""

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self.addr = b""
        self.conflicts = 0
        self.on_change: Callable[[], None] | None = None
        self._random = Random(nic.mac)
        self._detector: ConflictDetector | None = None
        self._timer = nic.stack.timers.timer(self._claim)

    def start(self) -> None:
        """Choose and probe; harmless when it runs."""
        if self._detector is None and self._timer.deadline is None:
            self._claim()

    def stop(self) -> None:
        """Give the address up."""
        self._timer.cancel()
        self._let_go()

    def _claim(self) -> None:
        addr = self._random.randint(FIRST, LAST).to_bytes(4, "big")
        self._detector = ConflictDetector(self.nic, addr, self._ready, self._conflict)
        self._detector.start()

    def _ready(self) -> None:
        detector = self._detector
        if detector is None:
            return
        self.addr = detector.addr
        try:
            self.nic.add_address(self.addr, PREFIX_LEN)
        except NetworkError as error:
            if error.error is not errors.ADDRESS_IN_USE:
                raise
        if self.on_change is not None:
            self.on_change()

    def _conflict(self) -> None:
        self.conflicts += 1
        self._let_go()
        if self.conflicts >= MAX_CONFLICTS:
            self._timer.arm(self.nic.stack.clock.now_ns() + RATE_LIMIT_INTERVAL)
        else:
            self._claim()

    def _let_go(self) -> None:
        if self._detector is not None:
            self._detector.stop()
            self._detector = None
        addr, self.addr = self.addr, b""
        if addr and addr in self.nic.addresses:
            self.nic.remove_address(addr)
        if addr and self.on_change is not None:
            self.on_change()
