"""StackWatch: who wants to know of changes to a stack's interfaces, addresses, routes and neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.native import mypyc_attr

if TYPE_CHECKING:
    from tcpip.network.neighbor import Neighbor
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic
    from tcpip.stack.route_table import RouteEntry


@mypyc_attr(allow_interpreted_subclasses=True)
class StackWatch:
    """Told after the change; set as `Stack.watch`. Each default ignores what it is told. Nothing here may change the stack."""

    def link_turned(self, nic: Nic, told: int) -> None:
        """It is up or down now. `told`: the flags (IFF_*) that are said to have changed."""

    def link_added(self, nic: Nic, asked: bool = False) -> None:
        """It is complete: made, or moved here. `asked`: it is the one that a request is about."""

    def link_leaving(self, nic: Nic) -> None:
        """It is about to go: its addresses have gone."""

    def link_removed(self, nic: Nic, moved: tuple[int, int] | None = None) -> None:
        """It is gone. `moved`: the numbers of the namespace where it is now, and its own there."""

    def link_changed(self, nic: Nic) -> None:
        """Another MTU, link address or master."""

    def link_renamed(self, nic: Nic, old_name: str) -> None:
        """Another name."""

    def link_settled(self, nic: Nic) -> None:
        """It may carry now, or no longer."""

    def prefix_routed(self, nic: Nic, address: NicAddress, route: RouteEntry | None) -> None:
        """An address has got its route now that the interface is up; `route` None: it had kept it."""

    def address_added(self, nic: Nic, address: NicAddress, route: RouteEntry | None) -> None:
        """`route`: what came with it."""

    def address_changed(self, nic: Nic, address: NicAddress) -> None:
        """It is no longer tentative, or deprecated."""

    def address_removed(self, nic: Nic, address: NicAddress, route: RouteEntry | None) -> None:
        """`route`: what went with it."""

    def route_added(self, entry: RouteEntry) -> None:
        """A row more."""

    def route_removed(self, entry: RouteEntry) -> None:
        """A row less; not told of those that go with an interface or an address."""

    def neighbor_changed(self, neighbor: Neighbor) -> None:
        """Another state or link address (not told: INCOMPLETE and DELAY)."""

    def neighbor_removed(self, neighbor: Neighbor) -> None:
        """It has left the cache."""
