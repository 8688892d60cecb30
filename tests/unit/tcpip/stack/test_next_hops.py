"""Next hops as objects: rows go where the object says, and follow it."""

import pytest

from tcpip.addr import parse
from tcpip.link.channel import ChannelLink
from tcpip.stack.next_hops import HopObject, HopTable
from tcpip.stack.nic import Nic
from tcpip.stack.route_table import RouteEntry

from ..bench import PEER4, Host

FAR = parse("192.0.2.1")
OTHER4 = parse("10.1.0.9")


def hops(host: Host) -> tuple[HopObject, HopObject, Nic]:
    other = host.stack.add_nic(ChannelLink(mac=b"\x02\0\0\0\0\x02"), "eth1")
    other.add_address(parse("10.1.0.1"), 24, dad=False)
    one = HopObject(1, 4, host.nic, PEER4, False, 0)
    two = HopObject(2, 4, other, OTHER4, False, 0)
    host.stack.routes.next_hops.objects |= {1: one, 2: two}
    return one, two, other


def row(host: Host, hop: HopObject) -> RouteEntry:
    entry = RouteEntry(parse("192.0.2.0"), 24, None)
    hop.apply(entry)
    host.stack.routes.add(entry)
    host.stack.changed()
    return entry


def test_a_row_follows_its_object() -> None:
    host = Host()
    one, two, other = hops(host)
    row(host, one)
    assert host.stack.find_route(FAR).next_hop == PEER4
    one.nic, one.gateway = other, OTHER4
    assert len(host.stack.routes.next_hops.refresh(one)) == 1
    host.stack.changed()
    route = host.stack.find_route(FAR)
    assert (route.nic, route.next_hop) == (other, OTHER4)


def test_a_group_spreads_and_loses_its_members() -> None:
    host = Host()
    one, two, other = hops(host)
    group = HopObject(10, 0, None, b"", False, 0)
    group.members = [(one, 1), (two, 3)]
    table = host.stack.routes.next_hops
    table.objects[10] = group
    entry = row(host, group)
    found = [host.stack.find_route(parse(f"192.0.2.{last}")).next_hop for last in range(1, 200)]
    assert 20 < found.count(PEER4) < 80 and found.count(OTHER4) == 199 - found.count(PEER4)
    assert table.remove(one) == [group]
    host.stack.changed()
    assert entry.hops == [] and host.stack.find_route(FAR).next_hop == OTHER4
    assert table.remove(two) == [] and not table.objects
    assert entry not in host.stack.routes.entries


def test_what_leads_through_an_interface_goes_with_it() -> None:
    host = Host()
    one, two, other = hops(host)
    kept = row(host, one)
    host.stack.routes.drop(other)
    assert list(host.stack.routes.next_hops.objects) == [1]
    host.stack.routes.drop(host.nic)
    assert not host.stack.routes.next_hops.objects and kept not in host.stack.routes.entries


def test_the_last_of_many_members_is_gone_in_a_few_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    table = host.stack.routes.next_hops
    members = [HopObject(number, 4, host.nic, PEER4, False, 0) for number in range(1, 129)]
    table.objects |= {one.number: one for one in members}
    for number in range(129, 1025):
        group = HopObject(number, 0, None, b"", False, 0)
        group.members = [(one, 1) for one in members]
        table.objects[number] = group
        row(host, group)
    walks = []
    follow = HopTable.users_of
    monkeypatch.setattr(HopTable, "users_of", lambda self, numbers: walks.append(1) or follow(self, numbers))
    assert len(table.remove(members[0])) == 896 and len(walks) == 1
    assert [len(entry.hops) for entry in host.stack.routes.entries if entry.next_hop] == [127] * 896
    host.stack.routes.drop(host.nic)
    assert (
        len(walks) == 2 and not table.objects and not [entry for entry in host.stack.routes.entries if entry.next_hop]
    )
