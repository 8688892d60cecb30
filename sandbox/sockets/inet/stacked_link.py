"""Links on top of another one of the same sandbox, through which their frames go."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Callable

from sandbox.sockets.inet.queued_link import QueuedLink

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from sandbox.sockets.inet.own_links import OwnLink
    from tcpip.buffer import RxPacket
    from tcpip.stack.nic import Nic


class StackedLink(QueuedLink):
    """`lower`: the one below; None once it is closed. It carries when that one does."""

    def __init__(
        self, kind: str, lower: OwnLink, mac: bytes, soon: Callable[[Callable[[], None]], None], totals: Totals
    ) -> None:
        super().__init__(kind, mac, lower.capabilities, soon, totals)
        self.lower: OwnLink | None = lower

    def below(self) -> Nic | None:
        """The interface below, while that sends."""
        nic = self.tied_to()
        return nic if nic is not None and nic.up else None

    def take(self, pkt: RxPacket) -> None:
        """A frame for it; lost where too much waits."""
        size = pkt.end - pkt.link
        if self.has_room(size):
            self.put(pkt, size)

    def carrier(self) -> bool:
        from sandbox.sockets.inet.link_state import carries

        nic = self.tied_to()
        return nic is not None and carries(nic)

    def tied_to(self) -> Nic | None:
        return self.lower.nic if self.lower is not None else None

    def close(self) -> None:
        lower, self.lower = self.lower, None
        if lower is not None:
            self.leave(lower)

    @abstractmethod
    def leave(self, lower: OwnLink) -> None:
        """It is no longer one of those on `lower`."""
