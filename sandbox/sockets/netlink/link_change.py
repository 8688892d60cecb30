"""RTM_NEWLINK, RTM_SETLINK and RTM_DELLINK (net/core/rtnetlink.c): links that a guest makes, changes, moves and deletes."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.inet.bridge import BridgeLink, enslave
from sandbox.sockets.inet.link_state import (
    IFF_ALLMULTI,
    IFF_NOARP,
    IFF_PROMISC,
    IFF_UP,
    carrier_changed,
    interface_flags,
    turn,
)
from sandbox.sockets.inet.own_links import (
    BRIDGE,
    DUMMY,
    MACVLAN,
    MTU,
    NAME_CHANGED,
    QUEUE_LENGTH,
    TUN,
    VETH,
    VLAN,
    OwnLink,
    announce,
    check_name,
    fresh_mac,
    move,
    own_link,
    put,
    remove,
)
from sandbox.sockets.inet.veth import pair
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import namespace_ids
from tcpip.errors import NetworkError
from tcpip.stack.nic_settings import write_one

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.macvlan import MacVlanLink
    from sandbox.sockets.inet.vlan import VlanLink
    from tcpip.stack.nic import Nic

RTM_NEWLINK: Final = 16
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_TXQLEN = 1, 3, 4, 5, 10, 13
IFLA_LINKINFO, IFLA_NET_NS_PID, IFLA_NET_NS_FD, IFLA_EXT_MASK, IFLA_LINK_NETNSID = 18, 19, 28, 29, 37
IFLA_ALT_IFNAME: Final = 53
IFLA_IFALIAS, IFLA_GROUP = 20, 27
IFLA_AF_SPEC: Final = 26
_TOKEN: Final = 7
_ADDR_GEN_MODE: Final = 8
_GEN_MODES: Final = (0, 1)  # from the link address, none; those of secrets are set by addr_gen_mode alone here
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND = 1, 2, 4
VETH_INFO_PEER: Final = 1
_NAMESPACE: Final = (IFLA_NET_NS_PID, IFLA_NET_NS_FD)
_NEW: Final = frozenset(
    (
        IFLA_ADDRESS,
        IFLA_IFNAME,
        IFLA_MTU,
        IFLA_LINKINFO,
        IFLA_MASTER,
        IFLA_TXQLEN,
        IFLA_EXT_MASK,
        IFLA_GROUP,
        *_NAMESPACE,
    )
)
_SET: Final = frozenset((*_NEW, IFLA_ALT_IFNAME, IFLA_AF_SPEC, IFLA_IFALIAS)) - {IFLA_LINKINFO}
_ON_OTHERS: Final = (MACVLAN, VLAN)
_KINDS: Final = (BRIDGE, DUMMY, VETH, *_ON_OTHERS)
_NUMBER: Final = struct.Struct("<I")
_IFINFO: Final = struct.Struct("<BxHiII")
Attributes = dict[int, bytes]


def _text(attributes: Attributes, kind: int) -> str:
    return attributes.get(kind, b"").split(b"\0", 1)[0].decode("latin-1")


def _u32(value: bytes) -> int:
    if len(value) < 4:
        raise SyscallError(errno.EINVAL)
    return int(_NUMBER.unpack_from(value)[0])


def find(network: Network, index: int, attributes: Attributes) -> Nic:
    """By index, else by IFLA_IFNAME or IFLA_ALT_IFNAME. ENODEV, EINVAL when neither is given."""
    name = _text(attributes, IFLA_IFNAME) or _text(attributes, IFLA_ALT_IFNAME)
    if index > 0:
        nic = network.stack.nics.get(index)
    elif name:
        nic = network.find_nic(name)
    else:
        raise SyscallError(errno.EINVAL)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    return nic


def change(t: Task, network: Network, request: nl.Request) -> None:
    """RTM_NEWLINK, RTM_SETLINK (__rtnl_newlink, do_setlink). ENODEV for a change of nothing, EINVAL by RTM_SETLINK."""
    _, _, index, flags, mask = request.header(_IFINFO)
    attributes = request.attributes(_IFINFO.size)
    new = request.flags & nl.NLM_F_CREATE and IFLA_LINKINFO in attributes
    named = index > 0 or bool(_text(attributes, IFLA_IFNAME)) or bool(_text(attributes, IFLA_ALT_IFNAME))
    if not named and not new and index == 0 and IFLA_GROUP in attributes and request.type == RTM_NEWLINK:
        _set_group(t, network, attributes, (flags, mask))
        return
    if not named and not new and request.type == RTM_NEWLINK:
        raise SyscallError(errno.ENODEV)
    try:
        nic = find(network, index, attributes) if named or not new else None
    except SyscallError as error:
        if not new or error.errno != errno.ENODEV:
            raise
        nic = None
    if nic is None:
        made = _new_link(t, network, attributes, index)
        turn_as(made, flags, mask)
        announce(made, True)
        if IFLA_MASTER in attributes:
            _set_master(made, _u32(attributes[IFLA_MASTER]))
        return
    if new and request.flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)
    if IFLA_LINKINFO in attributes:
        _change_kind(nic, attributes.pop(IFLA_LINKINFO))
    if set(attributes) - _SET:
        raise SyscallError(errno.EOPNOTSUPP)
    _set_link(t, network, nic, attributes, (flags, mask), index > 0)


def _set_group(t: Task, network: Network, attributes: Attributes, flags: tuple[int, int]) -> None:
    """The same change of every interface of a group (rtnl_group_changelink)."""
    group = _u32(attributes[IFLA_GROUP])
    for nic in [nic for nic in network.stack.nics.values() if nic.group == group]:
        _set_link(t, network, nic, attributes, flags, False)


def _change_kind(nic: Nic, raw: bytes) -> None:
    """What its kind has of its own (rtnl_link_ops.changelink): of macvlans. EOPNOTSUPP."""
    from sandbox.sockets.inet.macvlan import MacVlanLink
    from sandbox.sockets.netlink import macvlan_change

    info, link = nl.attributes_in(raw), own_link(nic)
    if not isinstance(link, MacVlanLink) or _text(info, IFLA_INFO_KIND) != MACVLAN or IFLA_INFO_SLAVE_KIND in info:
        raise SyscallError(errno.EOPNOTSUPP)
    macvlan_change.change(link, nl.attributes_in(info.get(IFLA_INFO_DATA, b"")))
    if nic.stack.watch is not None:
        nic.stack.watch.link_changed(nic)


def turn_as(nic: Nic, flags: int, mask: int) -> None:
    """ifi_flags where ifi_change says so; without a mask all of them are meant where any is given (rtnl_dev_combine_flags)."""
    mask = mask or (0xFFFFFFFF if flags else 0)
    if mask & IFF_UP:
        turn(nic, flags & IFF_UP != 0)
    link = own_link(nic)
    heard = mask & (IFF_PROMISC | IFF_ALLMULTI)
    if link is None or not heard:
        return
    asked = link.asked & ~heard | flags & heard
    if asked != link.asked:
        link.asked = asked
        if nic.stack.watch is not None:
            nic.stack.watch.link_changed(nic)


def _target(t: Task, network: Network, attributes: Attributes) -> Network:
    """The namespace that IFLA_NET_NS_PID or _FD names, else this one: ESRCH, EBADF, EINVAL, EPERM."""
    namespace = namespace_ids.named(t, attributes, IFLA_NET_NS_PID, IFLA_NET_NS_FD)
    if namespace is None:
        return network
    from sandbox.abi.linux.capability import CAP_NET_ADMIN

    if not t.creds.has_in(namespace.user, CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    return namespace.network


def _mac_of(attributes: Attributes) -> bytes:
    mac = attributes.get(IFLA_ADDRESS, b"")
    if mac and len(mac) != 6:
        raise SyscallError(errno.EINVAL)
    return station(mac) if mac else mac


def station(mac: bytes) -> bytes:
    """An address that an interface can have: EADDRNOTAVAIL for those of groups, and none."""
    if mac[0] & 1 or not any(mac):
        raise SyscallError(errno.EADDRNOTAVAIL)
    return mac


def _new_link(t: Task, network: Network, attributes: Attributes, index: int) -> Nic:
    """rtnl_newlink_create. EOPNOTSUPP for another kind and for what a link cannot have."""
    info = nl.attributes_in(attributes[IFLA_LINKINFO])
    kind = _text(info, IFLA_INFO_KIND)
    if kind == TUN:
        raise nl.Refusal(errno.EOPNOTSUPP, "tun/tap creation via rtnetlink is not supported.")
    if kind not in _KINDS:
        raise nl.Refusal(errno.EOPNOTSUPP, "Unknown device type")
    if set(attributes) - _NEW - ({IFLA_LINK} if kind in _ON_OTHERS else set()):
        raise SyscallError(errno.EOPNOTSUPP)
    if index < 0:
        raise SyscallError(errno.EINVAL)
    data = nl.attributes_in(info.get(IFLA_INFO_DATA, b""))
    target = _target(t, network, attributes)
    name, mac = _text(attributes, IFLA_IFNAME), _mac_of(attributes)
    link: OwnLink
    if kind == VETH:
        return _new_pair(t, network, target, attributes, data, index)
    if kind in _ON_OTHERS:
        return _new_upper(t, network, target, attributes, data, index)
    if data:
        raise SyscallError(errno.EOPNOTSUPP)
    link = BridgeLink(mac or fresh_mac(t.kernel)) if kind == BRIDGE else OwnLink(kind, mac or fresh_mac(t.kernel))
    link.chosen = bool(mac)
    return _configured(put(target, link, name, index), attributes)


def _new_pair(t: Task, network: Network, target: Network, attributes: Attributes, data: Attributes, index: int) -> Nic:
    """veth_newlink: the peer comes first."""
    if set(data) - {VETH_INFO_PEER}:
        raise SyscallError(errno.EOPNOTSUPP)
    peer, other, other_index, flags, mask = {}, target, 0, 0, 0
    raw = data.get(VETH_INFO_PEER)
    if raw is not None:
        if len(raw) < _IFINFO.size:
            raise SyscallError(errno.EINVAL)
        _, _, other_index, flags, mask = _IFINFO.unpack_from(raw)
        peer = nl.attributes_in(raw[_IFINFO.size :])
        if set(peer) - _NEW or IFLA_MASTER in peer:
            raise SyscallError(errno.EOPNOTSUPP)
        if other_index < 0:
            raise SyscallError(errno.EINVAL)
        other = _target(t, network, peer)
    macs = _mac_of(attributes) or fresh_mac(t.kernel), _mac_of(peer) or fresh_mac(t.kernel)
    one, two = pair(t.kernel, macs)
    second = _configured(put(other, two, _text(peer, IFLA_IFNAME), other_index), peer)
    try:
        first = _configured(put(target, one, _text(attributes, IFLA_IFNAME), index), attributes)
    except SyscallError:
        one.peer = two.peer = None
        second.stack.remove_nic(second)
        raise
    turn_as(second, flags, mask)
    announce(second)
    return first


def _new_upper(t: Task, network: Network, target: Network, attributes: Attributes, data: Attributes, index: int) -> Nic:
    """vlan_newlink, macvlan_newlink: it has the MTU of the one below, or a lower one that is asked for."""
    from sandbox.sockets.netlink import macvlan_change, vlan_change

    lower = _u32(attributes[IFLA_LINK]) if IFLA_LINK in attributes else None
    kind = _text(nl.attributes_in(attributes[IFLA_LINKINFO]), IFLA_INFO_KIND)
    mac = _mac_of(attributes)
    link: VlanLink | MacVlanLink
    if kind == VLAN:
        link = vlan_change.make(t, network, lower, mac, data)
    else:
        link = macvlan_change.make(t, network, lower, mac, data)
    link.chosen = IFLA_ADDRESS in attributes
    below = link.tied_to()
    most = below.mtu if below is not None else MTU
    try:
        if IFLA_MTU in attributes and _u32(attributes[IFLA_MTU]) > most:
            raise SyscallError(errno.EINVAL)
        nic = put(target, link, _text(attributes, IFLA_IFNAME), index)
    except SyscallError:
        link.close()
        raise
    nic.set_mtu(most)
    return _configured(nic, attributes)


def _configured(nic: Nic, attributes: Attributes) -> Nic:
    """IFLA_MTU and such of a new one; it goes again when they cannot be."""
    try:
        if IFLA_MTU in attributes:
            set_mtu(nic, _u32(attributes[IFLA_MTU]))
        _set_numbers(nic, attributes)
    except SyscallError:
        nic.stack.remove_nic(nic)
        raise
    return nic


def _set_numbers(nic: Nic, attributes: Attributes) -> None:
    """What a new one may be given as well as one that is there."""
    if IFLA_TXQLEN in attributes:
        set_queue_length(nic, _u32(attributes[IFLA_TXQLEN]))
    if IFLA_GROUP in attributes:
        nic.group = _u32(attributes[IFLA_GROUP])


def set_mtu(nic: Nic, mtu: int) -> None:
    """EINVAL; EPERM for the sandbox's way out."""
    link = own_link(nic)
    if link is None and not nic.loopback:
        raise SyscallError(errno.EPERM)
    before = nic.mtu
    if link is not None and link.kind in _ON_OTHERS:
        below = link.tied_to()
        if below is not None and mtu > below.mtu:
            raise SyscallError(errno.ERANGE if link.kind == VLAN else errno.EINVAL)
    try:
        nic.set_mtu(mtu)
    except NetworkError as error:
        words = "mtu less than device minimum" if mtu < nic.mtu_least else "mtu greater than device maximum"
        raise nl.Refusal(syscall_error(error).errno, words) from None
    if nic.stack.watch is not None and mtu != before:
        nic.stack.watch.link_changed(nic)
    if isinstance(link, BridgeLink):
        link.mtu_chosen = True
    if link is not None and link.port is not None:
        link.port.device.recalculate()
    if link is not None and link.vlans is not None:
        link.vlans.limit_mtu(mtu)
    if link is not None and link.macvlans is not None:
        link.macvlans.limit_mtu(mtu)


def _set_link(
    t: Task, network: Network, nic: Nic, attributes: Attributes, flags: tuple[int, int], by_index: bool
) -> None:
    """do_setlink, in its order."""
    name = _text(attributes, IFLA_IFNAME) if by_index else ""
    target = _target(t, network, attributes)
    if target is not network:
        if own_link(nic) is None and not nic.loopback:
            raise SyscallError(errno.EPERM)
        nic = move(nic, target, name)
        name = ""
    if IFLA_ADDRESS in attributes:
        set_mac(nic, _mac_of(attributes))
    if IFLA_MTU in attributes:
        set_mtu(nic, _u32(attributes[IFLA_MTU]))
    if IFLA_AF_SPEC in attributes:
        _set_families(nic, attributes[IFLA_AF_SPEC])
    if name and name != nic.name:
        rename(nic, name)
    turn_as(nic, *flags)
    if IFLA_MASTER in attributes:
        _set_master(nic, _u32(attributes[IFLA_MASTER]))
    _set_numbers(nic, attributes)
    if IFLA_IFALIAS in attributes:
        from sandbox.sockets.netlink.link_names import set_alias

        set_alias(nic, attributes[IFLA_IFALIAS])


def set_queue_length(nic: Nic, length: int) -> None:
    """EOPNOTSUPP for what is the sandbox's, whose queue it does not choose."""
    link = own_link(nic)
    if link is not None:
        link.queue_length = length
    elif length != QUEUE_LENGTH:
        raise SyscallError(errno.EOPNOTSUPP)


def _set_master(nic: Nic, number: int) -> None:
    """A bridge of its own namespace; 0: none. EINVAL (do_set_master)."""
    bridge = nic.stack.nics.get(number)
    if number and bridge is None:
        raise SyscallError(errno.EINVAL)
    enslave(nic, bridge)


def _set_families(nic: Nic, raw: bytes) -> None:
    """IFLA_AF_SPEC: how IPv6 makes addresses (inet6_set_link_af). EINVAL, EOPNOTSUPP for anything else."""
    for family, body in nl.attributes_in(raw).items():
        asked = nl.attributes_in(body)
        if family != AF_INET6 or set(asked) - {_ADDR_GEN_MODE, _TOKEN}:
            raise SyscallError(errno.EOPNOTSUPP)
        if _TOKEN in asked:
            _set_token(nic, asked[_TOKEN])
        mode = asked.get(_ADDR_GEN_MODE, b"")[:1]
        if mode and mode[0] > 3:
            raise SyscallError(errno.EINVAL)
        if mode and mode[0] not in _GEN_MODES:
            raise SyscallError(errno.EOPNOTSUPP)
        if mode:
            write_one(nic, "ipv6/conf/addr_gen_mode", mode[0])


def _set_token(nic: Nic, raw: bytes) -> None:
    """What addresses that routers advertise end in (inet6_set_iftoken): EINVAL where none are made."""
    if len(raw) < 16:
        raise SyscallError(errno.EINVAL)
    if nic.loopback or interface_flags(nic) & IFF_NOARP:
        raise nl.Refusal(
            errno.EINVAL, "ipv6: Device is loopback" if nic.loopback else "ipv6: Device does not do neighbour discovery"
        )
    if not nic.accept_ra or (nic.forwards_v6 and nic.accept_ra != 2):
        raise nl.Refusal(errno.EINVAL, "ipv6: Router advertisement is disabled on device")
    nic.autoconf.set_token(raw[8:16] if any(raw[:16]) else b"")
    if nic.stack.watch is not None:
        nic.stack.watch.link_settled(nic)


def set_mac(nic: Nic, mac: bytes) -> None:
    """dev_set_mac_address: EOPNOTSUPP for a loopback, EPERM for the sandbox's way out."""
    link = own_link(nic)
    if link is None:
        raise SyscallError(errno.EOPNOTSUPP if nic.loopback else errno.EPERM)
    if not mac:
        raise SyscallError(errno.EINVAL)
    if link.kind == MACVLAN:
        _check_free(nic, mac)
    link.mac = nic.mac = mac
    link.chosen = True
    nic.stack.changed()
    if nic.stack.watch is not None:
        nic.stack.watch.link_changed(nic)
    for addr in list(nic.neighbors.entries):
        nic.neighbors.remove(addr)
    if isinstance(link, BridgeLink):
        link.recalculate()
    else:
        carrier_changed(nic)


def _check_free(nic: Nic, mac: bytes) -> None:
    """No other macvlan beside it has the address (macvlan_sync_address): EADDRINUSE."""
    from sandbox.sockets.inet.macvlan import MacVlanLink

    link = own_link(nic)
    if isinstance(link, MacVlanLink) and link.lower is not None and link.lower.macvlans is not None:
        if link.lower.macvlans.busy(mac, link):
            raise SyscallError(errno.EADDRINUSE)


def rename(nic: Nic, name: str) -> None:
    """dev_change_name: EINVAL, EEXIST; EPERM for what is not the guest's."""
    if own_link(nic) is None and not nic.loopback:
        raise SyscallError(errno.EPERM)
    check_name(name)
    if nic.stack.find_nic(name) is not None:
        raise SyscallError(errno.EEXIST)
    link = own_link(nic)
    if link is not None:
        link.named = NAME_CHANGED
    nic.rename(name)


def delete_link(network: Network, nic: Nic) -> None:
    """RTM_DELLINK. EOPNOTSUPP for what the sandbox has."""
    if own_link(nic) is None:
        raise SyscallError(errno.EOPNOTSUPP)
    remove(nic)
