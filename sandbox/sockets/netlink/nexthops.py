"""RTM_NEWNEXTHOP, RTM_DELNEXTHOP and RTM_GETNEXTHOP: next hops as objects (ip-nexthop(8), net/ipv4/nexthop.c).

Not supported: resilient groups, encapsulations, forwarding entries: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import carries
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import route_parts
from tcpip.stack.next_hops import MEMBERS_MOST, OBJECTS_MOST, HopObject

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP = 104, 105, 106
_NHMSG: Final = struct.Struct("<BBBBI")  # family, scope, protocol, reserved, flags
_MEMBER: Final = struct.Struct("<IBBH")  # struct nexthop_grp: number, weight less one, reserved
_ID, _GROUP, _GROUP_TYPE, _BLACKHOLE, _OIF, _GATEWAY, _GROUPS = 1, 2, 3, 4, 5, 6, 9
_KNOWN: Final = frozenset((_ID, _GROUP, _GROUP_TYPE, _BLACKHOLE, _OIF, _GATEWAY))
_WEIGHT_MOST: Final = 254
_SCOPE_LINK, _SCOPE_HOST = 253, 254
_SIZES: Final = {AF_INET: 4, AF_INET6: 16}


def _refuse(text: str, number: int = errno.EINVAL) -> nl.Refusal:
    return nl.Refusal(number, text)


def body(hop: HopObject) -> bytes:
    """nh_fill_node."""
    family = AF_UNSPEC if hop.group else AF_INET if hop.size == 4 else AF_INET6
    scope = 0 if hop.nic is None else _SCOPE_LINK if hop.gateway or hop.size == 16 else _SCOPE_HOST
    flags = route_parts.RTNH_F_ONLINK if hop.onlink else 0
    if hop.nic is not None and not carries(hop.nic):
        flags |= route_parts.RTNH_F_LINKDOWN
    parts = [_NHMSG.pack(family, scope, hop.protocol, 0, flags), nl.u32(_ID, hop.number)]
    if hop.group:
        parts.append(nl.attribute(_GROUP_TYPE, bytes(2)))
        members = [_MEMBER.pack(one.number, weight - 1, 0, 0) for one, weight in hop.members]
        parts.append(nl.attribute(_GROUP, b"".join(members)))
    elif hop.nic is None:
        parts.append(nl.attribute(_BLACKHOLE, b""))
    else:
        parts.append(nl.u32(_OIF, hop.nic.number))
        if hop.gateway:
            parts.append(nl.attribute(_GATEWAY, hop.gateway))
    return b"".join(parts)


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """One, or all that are asked for."""
    hops = network.stack.routes.next_hops.objects
    attributes = request.attributes(_NHMSG.size)
    family = request.header(_NHMSG)[0]
    if not request.dump:
        return [nl.message(RTM_NEWNEXTHOP, 0, request.seq, port, body(_named(network, attributes)))]
    number, groups = int.from_bytes(attributes.get(_OIF, b"")[:4], "little"), _GROUPS in attributes
    bodies = []
    for _, hop in sorted(hops.items()):
        if groups and not hop.group:
            continue
        if (number or family) and hop.group:
            continue
        if (family and _SIZES.get(family) != hop.size) or (number and (hop.nic is None or hop.nic.number != number)):
            continue
        bodies.append(body(hop))
    return nl.dump(request, port, RTM_NEWNEXTHOP, bodies, filtered=bool(number or family or groups))


def _named(network: Network, attributes: dict[int, bytes]) -> HopObject:
    """nh_valid_get_del_req: EINVAL, ENOENT."""
    if len(attributes.get(_ID, b"")) < 4:
        raise _refuse("Nexthop id is missing")
    number = int.from_bytes(attributes[_ID][:4], "little")
    if not number:
        raise _refuse("Invalid nexthop id")
    hop = network.stack.routes.next_hops.objects.get(number)
    if hop is None:
        raise SyscallError(errno.ENOENT)
    return hop


def change(network: Network, request: Request) -> None:
    """What is done is told to whoever listens."""
    attributes = request.attributes(_NHMSG.size)
    notifier = network.notifier
    if request.type == RTM_DELNEXTHOP:
        hop = _named(network, attributes)
        gone = body(hop)
        left = network.stack.routes.next_hops.remove(hop)
        if notifier is not None:
            notifier.next_hop(False, gone)
            for group in left:
                notifier.next_hop(True, body(group), nl.NLM_F_REPLACE)
    else:
        _new(network, request, attributes)
    network.stack.changed()


def _new(network: Network, request: Request, attributes: dict[int, bytes]) -> None:
    """rtm_to_nh_config and insert_nexthop."""
    table = network.stack.routes.next_hops
    number = int.from_bytes(attributes.get(_ID, b"")[:4], "little")
    asked = _asked(network, request, attributes, number)
    there = table.objects.get(number) if number else None
    replaces = request.flags & nl.NLM_F_REPLACE != 0
    if replaces and not number:
        raise _refuse("Replace requires nexthop id")
    if there is not None:
        if not replaces:
            raise SyscallError(errno.EEXIST)
        _replace(network, there, asked)
        return
    if replaces and not request.flags & nl.NLM_F_CREATE:
        raise _refuse("Replace specified without create and no entry exists", errno.ENOENT)
    if len(table.objects) >= OBJECTS_MOST:
        raise SyscallError(errno.ENOSPC)
    asked.number = number or table.free_number()
    table.objects[asked.number] = asked
    if network.notifier is not None:
        network.notifier.next_hop(True, body(asked), request.flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL))


def _asked(network: Network, request: Request, attributes: dict[int, bytes], number: int) -> HopObject:
    family, scope, protocol, reserved, flags = request.header(_NHMSG)
    if reserved or scope:
        raise _refuse("Invalid values in ancillary header")
    if flags & ~route_parts.RTNH_F_ONLINK:
        raise _refuse("Invalid nexthop flags in ancillary header")
    if family not in _SIZES and not (family == AF_UNSPEC and _GROUP in attributes):
        raise _refuse("Invalid address family", errno.EAFNOSUPPORT)
    if set(attributes) - _KNOWN or any(attributes.get(_GROUP_TYPE, b"")):
        raise SyscallError(errno.EOPNOTSUPP)
    if _GROUP in attributes:
        if family != AF_UNSPEC:
            raise _refuse("Invalid family for group")
        if set(attributes) - {_ID, _GROUP, _GROUP_TYPE}:
            raise _refuse("No other attributes can be set in nexthop groups")
        group = HopObject(number, 0, None, b"", False, protocol)
        group.members = _members(network, attributes[_GROUP])
        return group
    size, onlink = _SIZES[family], flags & route_parts.RTNH_F_ONLINK != 0
    gateway = attributes.get(_GATEWAY, b"")
    if _BLACKHOLE in attributes:
        if gateway or _OIF in attributes:
            raise _refuse("Blackhole attribute can not be used with gateway, oif, encap or fdb")
        if network.stack.lo is not None and not network.stack.lo.up:
            raise _refuse("Device for nexthop is not up", errno.ENETDOWN)
        return HopObject(number, size, None, b"", False, protocol)
    nic = _interface(network, attributes)
    if _GATEWAY in attributes and len(gateway) != size:
        raise _refuse("Invalid gateway")
    if onlink and not gateway:
        raise _refuse("ONLINK flag can not be set for nexthop without a gateway")
    from sandbox.sockets.netlink.route_change import next_hop

    return HopObject(number, size, next_hop(network, size, nic, gateway, onlink), gateway, onlink, protocol)


def _interface(network: Network, attributes: dict[int, bytes]) -> Nic:
    """EINVAL, ENETDOWN."""
    if _OIF not in attributes:
        raise _refuse("Device attribute required for non-blackhole and non-fdb nexthops")
    nic = network.stack.nics.get(int.from_bytes(attributes[_OIF][:4], "little"))
    if nic is None:
        raise _refuse("Invalid device index")
    if not nic.up:
        raise _refuse("Nexthop device is not up", errno.ENETDOWN)
    if not carries(nic):
        raise _refuse("Carrier for nexthop device is down", errno.ENETDOWN)
    return nic


def _members(network: Network, raw: bytes) -> list[tuple[HopObject, int]]:
    """nh_check_attr_group."""
    if not raw or len(raw) % _MEMBER.size:
        raise _refuse("Invalid length for nexthop group attribute")
    asked = list(_MEMBER.iter_unpack(raw))
    if len(asked) > MEMBERS_MOST:
        raise SyscallError(errno.EINVAL)
    found: list[tuple[HopObject, int]] = []
    for _, weight, reserved, more in asked:
        if reserved or more:
            raise _refuse("Reserved fields in nexthop_grp must be 0")
        if weight > _WEIGHT_MOST:
            raise _refuse("Invalid value for weight")
    if len({number for number, _, _, _ in asked}) != len(asked):
        raise _refuse("Nexthop id can not be used twice in a group")
    for number, weight, _, _ in asked:
        hop = network.stack.routes.next_hops.objects.get(number)
        if hop is None:
            raise _refuse("Invalid nexthop id")
        if hop.group:
            raise _refuse("Hash-threshold group can not be a nexthop within a group")
        if hop.nic is None and len(asked) > 1:
            raise _refuse("Blackhole nexthop can not be used in a group with more than 1 path")
        found.append((hop, weight + 1))
    return found


def _replace(network: Network, old: HopObject, new: HopObject) -> None:
    """replace_nexthop: the object stays, and so do the rows that go by it."""
    table = network.stack.routes.next_hops
    if new.group and not old.group:
        raise _refuse("Can not replace a nexthop with a nexthop group.")
    if old.group and not new.group:
        raise _refuse("Can not replace a nexthop group with a nexthop.")
    if any([member is old for member, _ in new.members]):
        raise _refuse("Hash-threshold group can not be a nexthop within a group")
    groups = table.groups_of(old)
    if not new.group and new.nic is None and any([len(group.members) > 1 for group in groups]):
        raise _refuse("Blackhole nexthop can not be a member of a group with more than one path")
    for size in {len(entry.prefix) for entry in table.users_of({old.number, *[group.number for group in groups]})}:
        check(new, size)
    old.size, old.nic, old.gateway, old.onlink, old.protocol = new.size, new.nic, new.gateway, new.onlink, new.protocol
    old.members = new.members
    followed = table.refresh(old)
    if network.notifier is not None:
        network.notifier.next_hop(True, body(old), nl.NLM_F_REPLACE)
        for entry in followed:
            network.notifier.route_replaced(entry)


def check(hop: HopObject, size: int) -> None:
    """A route of a family may go by it: EINVAL; EOPNOTSUPP for a gateway of the other one."""
    if size == 16 and 4 in hop.sizes():
        raise _refuse("IPv6 routes can not use an IPv4 nexthop")
    if size == 4 and any([len(way.gateway) == 16 for way in hop.ways()]):
        raise SyscallError(errno.EOPNOTSUPP)


def named(network: Network, number: int, size: int) -> HopObject:
    """The one that a new route names (fib_create_info): EINVAL."""
    hop = network.stack.routes.next_hops.objects.get(number)
    if hop is None:
        raise _refuse("Nexthop id does not exist")
    check(hop, size)
    return hop
