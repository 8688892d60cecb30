"""Next hops as objects of their own, which routes name by number (ip-nexthop(8), net/ipv4/nexthop.c): one way, or a group of them.

A row of the routing table that goes by one has what the object says as if it were its own, and anew when the object changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.stack.route_table import ERRORS, NextHop, RouteEntry, RouteTable

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic

OBJECTS_MOST: Final = 1024
MEMBERS_MOST: Final = 128
_UNICAST, _BLACKHOLE = "unicast", "blackhole"


class HopObject:
    """`nic` None: what goes there is dropped, or it is a group. `gateway` empty: on link. `size`: of its family's addresses, 0 for
    a group. `members`: a group's, each with its weight."""

    __slots__ = ("number", "size", "nic", "gateway", "onlink", "protocol", "members")

    def __init__(self, number: int, size: int, nic: Nic | None, gateway: bytes, onlink: bool, protocol: int) -> None:
        self.number = number
        self.size = size
        self.nic = nic
        self.gateway = gateway
        self.onlink = onlink
        self.protocol = protocol
        self.members: list[tuple[HopObject, int]] = []

    @property
    def group(self) -> bool:
        """It has members."""
        return not self.size

    def ways(self) -> list[NextHop]:
        """Those that lead somewhere, with their weights."""
        members = self.members or [(self, 1)]
        return [NextHop(one.nic, one.gateway, weight, one.onlink) for one, weight in members if one.nic is not None]

    def sizes(self) -> set[int]:
        """Of the addresses that lead somewhere."""
        return {one.size for one, _ in self.members or [(self, 1)]}

    def apply(self, entry: RouteEntry) -> None:
        """The row goes this way."""
        ways = self.ways()
        entry.next_hop = self.number
        entry.hops = ways if len(ways) > 1 else []
        entry.nic, entry.gateway, entry.onlink = None, b"", False
        entry.kind = _UNICAST if ways else _BLACKHOLE
        entry.error = ERRORS.get(entry.kind)
        if ways:
            entry.nic, entry.gateway, entry.onlink = ways[0].nic, ways[0].gateway, ways[0].onlink


class HopTable:
    """Those of a stack, by number, and the rows that go by them."""

    __slots__ = ("objects", "routes", "_last")

    def __init__(self, routes: RouteTable) -> None:
        self.objects: dict[int, HopObject] = {}
        self.routes = routes
        self._last = 0

    def free_number(self) -> int:
        """One that nobody has."""
        self._last += 1
        while self._last in self.objects:
            self._last += 1
        return self._last

    def groups_of(self, hop: HopObject) -> list[HopObject]:
        """Those that it belongs to."""
        return [one for one in self.objects.values() if any([member is hop for member, _ in one.members])]

    def users_of(self, numbers: set[int]) -> list[RouteEntry]:
        """The rows that go by those objects themselves."""
        return [entry for entry in self.routes.entries if entry.next_hop in numbers]

    def refresh(self, hop: HopObject) -> list[RouteEntry]:
        """It has changed, and with it its groups: the rows that follow."""
        return self._follow({hop.number, *[group.number for group in self.groups_of(hop)]})

    def _follow(self, numbers: set[int]) -> list[RouteEntry]:
        followed = self.users_of(numbers)
        for entry in followed:
            self.objects[entry.next_hop].apply(entry)
        self.routes.multipath = self.routes.multipath or any([entry.hops != [] for entry in followed])
        return followed

    def remove(self, hop: HopObject) -> list[HopObject]:
        """With its rows, and out of its groups, of which those go along that it leaves empty. What is left of the others."""
        return self._remove({hop.number})

    def _remove(self, numbers: set[int]) -> list[HopObject]:
        """As `remove`. One walk through the objects and one through the rows, however many they are: groups are in no group."""
        left = []
        gone = set(numbers)
        for group in self.objects.values():
            kept = [pair for pair in group.members if pair[0].number not in numbers]
            if len(kept) == len(group.members):
                continue
            group.members = kept
            if kept:
                left.append(group)
            else:
                gone.add(group.number)
        for number in gone:
            self.objects.pop(number, None)
        self.routes.entries = [entry for entry in self.routes.entries if entry.next_hop not in gone]
        self._follow({group.number for group in left})
        return left

    def drop(self, nic: Nic) -> None:
        """No way leads through `nic` any more."""
        numbers = {hop.number for hop in self.objects.values() if hop.nic is nic}
        if numbers:
            self._remove(numbers)
