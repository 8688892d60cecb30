"""The ioctls that change an interface (netdevice(7); net/core/dev_ioctl.c, net/ipv4/devinet.c) and IPv4's routes (route(8);
net/ipv4/fib_frontend.c), for who has CAP_NET_ADMIN. What leads out of the sandbox is not the guest's to change: EPERM.

Peers of addresses, metrics, multicast addresses and memory maps of interfaces: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import IFF_UP, interface_flags, interface_type, turn
from sandbox.sockets.inet.own_links import NAME_SIZE, kind_of, name_in, own_link
from sandbox.sockets.net_errno import syscall_error
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic

SIOCADDRT: Final = 0x890B
SIOCDELRT: Final = 0x890C
SIOCSIFFLAGS: Final = 0x8914
SIOCSIFADDR: Final = 0x8916
SIOCSIFDSTADDR: Final = 0x8918
SIOCSIFBRDADDR: Final = 0x891A
SIOCSIFNETMASK: Final = 0x891C
SIOCSIFMTU: Final = 0x8922
SIOCSIFNAME: Final = 0x8923
SIOCSIFHWADDR: Final = 0x8924
SIOCSIFTXQLEN: Final = 0x8943
OTHERS: Final = frozenset(
    (0x8911, 0x891E, 0x8931, 0x8932, 0x8971)
)  # SIOCSIFLINK, -METRIC, SIOCADDMULTI, -DELMULTI, SIOCSIFMAP
ADDRESSES: Final = frozenset((SIOCSIFADDR, SIOCSIFDSTADDR, SIOCSIFBRDADDR, SIOCSIFNETMASK))
ROUTES: Final = frozenset((SIOCADDRT, SIOCDELRT))
SIOCDIFADDR: Final = 0x8936
CHANGES6: Final = ROUTES | {SIOCSIFADDR, SIOCDIFADDR}  # of an AF_INET6 socket
CHANGES: Final = ADDRESSES | OTHERS | {SIOCSIFFLAGS, SIOCSIFMTU, SIOCSIFNAME, SIOCSIFHWADDR, SIOCSIFTXQLEN}

IFREQ_SIZE: Final = 40
_POINTOPOINT: Final = 0x10
_NOARP: Final = 0x80
_IN6_IFREQ: Final = struct.Struct("<16sIi")
_IN6_RTMSG: Final = struct.Struct("<16s16s16sIHHI4xQIi")
_INT: Final = struct.Struct("<i")
_SOCKADDR: Final = struct.Struct("<HH4s8x")
_RTENTRY: Final = struct.Struct("<8x16s16s16sH2x4x8xBB6xh6xQQQH6x")
_METRICS: Final = 0x40 | 0x80 | 0x100  # RTF_MTU, RTF_WINDOW, RTF_IRTT
RTF_GATEWAY, RTF_HOST, RTF_REJECT = 2, 4, 0x200


def change(t: Task, network: Network, cmd: int, arg: int) -> None:
    """One of CHANGES. EPERM, ENODEV, EINVAL, EADDRNOTAVAIL …"""
    request = t.copy_in(arg, IFREQ_SIZE)
    full = name_in(request)
    name = full.split(":", 1)[0]
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    union = request[NAME_SIZE:]
    if cmd in ADDRESSES and union[:2] != AF_INET.to_bytes(2, "little"):
        raise SyscallError(errno.EINVAL)
    nic = network.find_nic(name)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if not nic.loopback and not kind_of(nic):
        raise SyscallError(errno.EPERM)
    if cmd == SIOCSIFFLAGS:
        turn(nic, union[0] & IFF_UP != 0)
    elif cmd in ADDRESSES:
        _set_address(nic, cmd, union[4:8], full)
    elif cmd in OTHERS:
        raise SyscallError(errno.EOPNOTSUPP)
    else:
        _set_link(nic, cmd, union)


def _set_link(nic: Nic, cmd: int, union: bytes) -> None:
    from sandbox.sockets.netlink import link_change

    if cmd == SIOCSIFMTU:
        mtu = _INT.unpack_from(union)[0]
        if mtu < 0:
            raise SyscallError(errno.EINVAL)
        link_change.set_mtu(nic, mtu)
    elif cmd == SIOCSIFNAME:
        link_change.rename(nic, name_in(union))
    elif cmd == SIOCSIFHWADDR:
        if union[:2] != interface_type(nic).to_bytes(2, "little"):
            raise SyscallError(errno.EINVAL)
        link_change.set_mac(nic, link_change.station(union[2:8]))
    else:
        length, link = _INT.unpack_from(union)[0], own_link(nic)
        if length < 0:
            raise SyscallError(errno.EINVAL)
        if link is None:
            raise SyscallError(errno.EOPNOTSUPP)
        link.queue_length = length


def _set_address(nic: Nic, cmd: int, addr: bytes, label: str) -> None:
    """devinet_ioctl. The address is that of the label, or the first one."""
    mine = [address for address in nic.addresses.values() if len(address.addr) == 4]
    found = next((address for address in mine if (address.label or nic.name) == label), None)
    try:
        if cmd == SIOCSIFADDR:
            length = 32 if interface_flags(nic) & _POINTOPOINT else _class_length(addr)
            if found is not None:
                if found.addr == addr:
                    return
                nic.remove_address(found.addr)
            if any(addr):
                _add(nic, addr, length, label)
            return
        if found is None:
            raise SyscallError(errno.EADDRNOTAVAIL)
        if cmd == SIOCSIFNETMASK:
            length = _mask_length(addr)
            if length != found.prefix_len:
                nic.remove_address(found.addr)
                _add(nic, found.addr, length, label, found.peer)
        elif cmd == SIOCSIFBRDADDR:
            found.broadcast, found.broadcast_told = addr, True
        elif addr != (found.peer or found.addr):
            _class_length(addr)
            nic.remove_address(found.addr)
            _add(nic, found.addr, found.prefix_len, label, addr)
    except NetworkError as error:
        raise syscall_error(error) from None


def _add(nic: Nic, addr: bytes, length: int, label: str, peer: bytes = b"") -> None:
    def describe(address: NicAddress) -> None:
        if peer and peer != addr:
            address.set_peer(peer)
        address.broadcast_told = length < 31 and not interface_flags(nic) & _POINTOPOINT
        address.assigned = True
        address.label = label if label != nic.name else ""

    nic.add_address(addr, length, dad=False, on_link=nic.up, described=describe)


def address6(t: Task, network: Network, cmd: int, arg: int) -> None:
    """SIOCSIFADDR, SIOCDIFADDR of struct in6_ifreq (addrconf_add_ifaddr, addrconf_del_ifaddr)."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    addr, length, index = _IN6_IFREQ.unpack(t.copy_in(arg, _IN6_IFREQ.size))
    if length > 128:
        raise SyscallError(errno.EINVAL)
    nic = network.stack.nics.get(index)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if not nic.loopback and not kind_of(nic):
        raise SyscallError(errno.EPERM)
    found = nic.addresses.get(addr)
    if cmd == SIOCDIFADDR:
        if found is None or found.prefix_len != length:
            raise SyscallError(errno.EADDRNOTAVAIL)
        nic.remove_address(addr)
        return
    if found is not None:
        raise SyscallError(errno.EEXIST)
    try:
        nic.add_address(addr, length, dad=not interface_flags(nic) & _NOARP, on_link=nic.up)
    except NetworkError as error:
        raise syscall_error(error) from None


def _class_length(addr: bytes) -> int:
    """inet_abc_len: the prefix of the days of classes. EINVAL for what is none's."""
    first = addr[0]
    if not any(addr):
        return 0
    if first >= 224:
        raise SyscallError(errno.EINVAL)
    return 8 if first < 128 else 16 if first < 192 else 24


def _mask_length(mask: bytes) -> int:
    """EINVAL for one with holes."""
    inverse = ~int.from_bytes(mask, "big") & 0xFFFFFFFF
    if inverse & (inverse + 1):
        raise SyscallError(errno.EINVAL)
    return 32 - inverse.bit_length()


def route(t: Task, network: Network, cmd: int, arg: int) -> None:
    """SIOCADDRT, SIOCDELRT of struct rtentry, as the same request over rtnetlink (rtentry_to_fib_config)."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    from sandbox.sockets.netlink import message as nl
    from sandbox.sockets.netlink import route_change

    raw = t.copy_in(arg, _RTENTRY.size)
    dst, gateway, mask, flags, _, _, metric, device, *_ = _RTENTRY.unpack(raw)
    (family, _, target), (way_family, _, way) = _SOCKADDR.unpack(dst), _SOCKADDR.unpack(gateway)
    (mask_family, _, bits) = _SOCKADDR.unpack(mask)
    if family != AF_INET:
        raise SyscallError(errno.EAFNOSUPPORT)
    if flags & _METRICS:
        raise SyscallError(errno.EOPNOTSUPP)
    length = 32
    if not flags & RTF_HOST:
        if mask_family != AF_INET and (any(bits) or mask_family != AF_UNSPEC):
            raise SyscallError(errno.EAFNOSUPPORT)
        length = _mask_length(bits)
        if int.from_bytes(target, "big") & ~int.from_bytes(bits, "big") & 0xFFFFFFFF:
            raise SyscallError(errno.EINVAL)
    parts = [nl.attribute(1, target)]
    if device:
        name = t.copy_in_path(device)[: NAME_SIZE - 1].decode("latin-1")
        nic = network.find_nic(name.split(":", 1)[0])
        if nic is None:
            raise SyscallError(errno.ENODEV)
        parts.append(nl.u32(4, nic.number))
    if flags & RTF_GATEWAY and way_family == AF_INET and any(way):
        parts.append(nl.attribute(5, way))
    elif flags & RTF_GATEWAY:
        raise SyscallError(errno.EINVAL)
    if metric:
        parts.append(nl.u32(6, metric - 1))
    kind = 7 if flags & RTF_REJECT else 1 if cmd == SIOCADDRT else 0
    scope = 0 if flags & (RTF_GATEWAY | RTF_REJECT) or cmd == SIOCDELRT else 253
    header = struct.pack("<BBBBBBBBI", AF_INET, length, 0, 0, 254, 3 if cmd == SIOCADDRT else 0, scope, kind, 0)
    wanted = nl.NLM_F_CREATE if cmd == SIOCADDRT else 0
    request_type = 24 if cmd == SIOCADDRT else route_change.RTM_DELROUTE
    body = header + b"".join(parts)
    route_change.change(network, nl.Request(request_type, wanted, 0, bytes(nl.HEADER.size) + body))


def route6(t: Task, network: Network, cmd: int, arg: int) -> None:
    """The same of struct in6_rtmsg (ipv6_route_ioctl)."""
    from sandbox.sockets.netlink import message as nl
    from sandbox.sockets.netlink import route_change

    raw = t.copy_in(arg, _IN6_RTMSG.size)
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    target, _, way, _, length, source_length, metric, _, flags, index = _IN6_RTMSG.unpack(raw)
    if length > 128 or source_length:
        raise SyscallError(errno.EINVAL)
    parts = [nl.attribute(1, _prefix(target, length))]
    if index:
        parts.append(nl.u32(4, index & 0xFFFFFFFF))
    if flags & RTF_GATEWAY:
        parts.append(nl.attribute(5, way))
    if metric:
        parts.append(nl.u32(6, metric))
    adds = cmd == SIOCADDRT
    kind = 7 if flags & RTF_REJECT else 1 if adds else 0
    header = struct.pack("<BBBBBBBBI", AF_INET6, length, 0, 0, 254, 3 if adds else 0, 0, kind, 0)
    wanted = nl.NLM_F_CREATE if adds else 0
    body = header + b"".join(parts)
    number = 24 if adds else route_change.RTM_DELROUTE
    route_change.change(network, nl.Request(number, wanted, 0, bytes(nl.HEADER.size) + body))


def _prefix(addr: bytes, length: int) -> bytes:
    """The first `length` bits of it."""
    return (int.from_bytes(addr, "big") >> 128 - length << 128 - length).to_bytes(16, "big")
