"""IPPROTO_IP and IPPROTO_IPV6 options that need more than the endpoint's own values: interfaces, ports, MTUs.

Source: ip(7), ipv6(7), net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6
from tcpip.errors import NetworkError
from tcpip.transport.anycast import set_anycast
from tcpip.transport.flow_labels import get_label, set_label
from tcpip.transport.memberships import Memberships
from tcpip.transport.option_values import int_or_char_value, int_value
from tcpip.transport.source_filters import get_whole_filter, set_whole_filter

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint
    from tcpip.transport.socket_options import SocketOptions

IP_MAX_MTU: Final = 65535
_INT: Final = struct.Struct("=i")
_UINT: Final = struct.Struct("=I")
_INDEX: Final = struct.Struct("!i")
_PKTINFO6: Final = struct.Struct("=16si")
_SOCKADDR_IN6_SIZE: Final = 28
_MULTICAST_MEMBERS: Final = (so.IP_ADD_MEMBERSHIP, so.IP_DROP_MEMBERSHIP)
_MULTICAST_MEMBERS_6: Final = (so.IPV6_ADD_MEMBERSHIP, so.IPV6_DROP_MEMBERSHIP)


def set_ip(stack: Stack, family: int, options: SocketOptions, level: int, name: int, value: int | bytes) -> bool:
    """setsockopt(2); False when the option is none of these."""
    if level == so.SOL_IP:
        if name == so.IP_UNICAST_IF:
            options.unicast_nic = _interface(stack, options, value)
        elif name == so.IP_LOCAL_PORT_RANGE:
            options.port_range = _port_range(value)
        elif options.stream:
            return _refused_on_streams(stack, family, level, name, value)
        else:
            return False
        return True
    if level != so.SOL_IPV6 or family != AF_INET6:
        return False
    if name == so.IPV6_UNICAST_IF:
        options.unicast_nic6 = _interface(stack, options, value)
    elif name == so.IPV6_ADDR_PREFERENCES:
        _set_preferences(options, int_value(value))
    elif name == so.IPV6_PKTINFO:
        _set_sticky_interface(options, value)
    elif set_label(stack, options, name, value) or set_anycast(stack, options, name, value):
        pass
    elif options.stream:
        return _refused_on_streams_6(stack, name, value)
    else:
        return False
    return True


def get_ip(stack: Stack, family: int, options: SocketOptions, level: int, name: int, number: int) -> int | bytes | None:
    """getsockopt(2); None when the option is none of these. `number` is the endpoint's port, or a raw one's protocol."""
    if level == so.SOL_IP:
        if name == so.IP_UNICAST_IF:
            return _network_order(options.unicast_nic)
        if name == so.IP_LOCAL_PORT_RANGE:
            return options.port_range
        if name == so.IP_TTL and options.ttl < 0:
            return stack.default_ttl
        if name == so.IP_PROTOCOL:
            return number
        if name == so.IP_HDRINCL:
            return 0
        return None
    if level != so.SOL_IPV6:
        return None
    if family != AF_INET6:
        raise NetworkError(errors.NO_SUCH_OPTION)
    if name == so.IPV6_UNICAST_IF:
        return _network_order(options.unicast_nic6)
    if name == so.IPV6_ADDR_PREFERENCES:
        return options.preferences
    return get_label(stack, options, name)


def mtu_of(family: int, level: int, name: int, route: Route | None) -> int | bytes | None:
    """IP_MTU, IPV6_MTU, IPV6_PATHMTU of who has a `route` to its peer; None when the option is none of these.
    NOT_CONNECTED, INVALID_ARGUMENT."""
    if (level, name) == (so.SOL_IP, so.IP_MTU) or (
        family == AF_INET6 and level == so.SOL_IPV6 and name in (so.IPV6_MTU, so.IPV6_PATHMTU)
    ):
        if route is None:
            raise NetworkError(errors.NOT_CONNECTED)
        if level == so.SOL_IP:
            return min(route.mtu(), IP_MAX_MTU)
        if name == so.IPV6_MTU:
            return route.mtu()
        return bytes(_SOCKADDR_IN6_SIZE) + _UINT.pack(route.mtu())  # struct ip6_mtuinfo; nobody fills in the address
    return None


def out_interface(options: SocketOptions, destination: bytes) -> int:
    """IP_UNICAST_IF, IPV6_UNICAST_IF: where unicasts to `destination` leave, 0 when the routes decide."""
    return options.unicast_nic if len(destination) == 4 else options.unicast_nic6


def preferred_source(stack: Stack, options: SocketOptions, destination: bytes, number: int) -> bytes:
    """IPV6_ADDR_PREFERENCES: the source for who wants temporary addresses or none (RFC 5014); empty when nobody has said, or
    there is no choice. What `Stack.find_route` raises."""
    wanted = options.preferences & (_TMP | _PUBLIC)
    if not wanted or len(destination) == 4:
        return b""
    route = stack.find_route(destination, b"", number, options.mark)
    return b"" if route.local else route.nic.source_preferring(route.dst, wanted == _TMP)


def _network_order(number: int) -> int:
    shown: int = _INT.unpack(_INDEX.pack(number))[0]
    return shown


def _interface(stack: Stack, options: SocketOptions, value: int | bytes) -> int:
    """An interface's number in network order. INVALID_ARGUMENT, ADDRESS_NOT_AVAILABLE."""
    if isinstance(value, bytes) and len(value) != 4:
        raise NetworkError(errors.INVALID_ARGUMENT)
    number: int = _INDEX.unpack(_INT.pack(value) if isinstance(value, int) else value)[0]
    if number and number not in stack.nics:
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    if number and options.nic and options.nic != number:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return number


def _port_range(value: int | bytes) -> int:
    """The lowest port in the lower half, the highest in the upper; 0 leaves one to the host. INVALID_ARGUMENT."""
    if isinstance(value, bytes) and len(value) != 4:
        raise NetworkError(errors.INVALID_ARGUMENT)
    number = int_or_char_value(value) & 0xFFFFFFFF
    low, high = number & 0xFFFF, number >> 16
    if low and high and low > high:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return number


def _set_sticky_interface(options: SocketOptions, value: int | bytes) -> None:
    """IPV6_PKTINFO: where what has no other interface leaves; Linux keeps the address and does nothing with it."""
    if isinstance(value, int) or len(value) < _PKTINFO6.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    number: int = _PKTINFO6.unpack_from(value)[1]
    if options.nic and number != options.nic:
        raise NetworkError(errors.INVALID_ARGUMENT)
    options.sticky_nic = number


def source_filter(endpoint: Endpoint, level: int, name: int, asked: bytes) -> bytes:
    """getsockopt(2) of IP_MSFILTER and MCAST_MSFILTER, which say in what is `asked` which group they are about.
    INVALID_ARGUMENT, ADDRESS_NOT_AVAILABLE, NO_SUCH_DEVICE."""
    return get_whole_filter(endpoint.multicast_members(), level, name, asked)


def _refused_on_streams(stack: Stack, family: int, level: int, name: int, value: int | bytes) -> bool:
    if set_whole_filter(Memberships(stack), family, level, name, value):
        return True
    if name in _MULTICAST_MEMBERS:
        raise NetworkError(errors.PROTOCOL_ERROR)
    if name in (so.IP_MULTICAST_IF, so.IP_MULTICAST_TTL):
        raise NetworkError(errors.INVALID_ARGUMENT)
    return False


def _refused_on_streams_6(stack: Stack, name: int, value: int | bytes) -> bool:
    if set_whole_filter(Memberships(stack), AF_INET6, so.SOL_IPV6, name, value):
        return True
    if name in _MULTICAST_MEMBERS_6:
        short = isinstance(value, int) or len(value) < 20
        raise NetworkError(errors.INVALID_ARGUMENT if short else errors.PROTOCOL_ERROR)
    if name in (so.IPV6_MULTICAST_IF, so.IPV6_MULTICAST_HOPS):
        raise NetworkError(errors.NO_SUCH_OPTION)
    return False


# RFC 5014: temporary, public and care-of addresses.
_TMP: Final = 0x1
_PUBLIC: Final = 0x2
_PUBTMP_DEFAULT: Final = 0x100
_COA: Final = 0x4
_HOME: Final = 0x400
_CGA: Final = 0x8
_NONCGA: Final = 0x800
DEFAULT_PREFERENCES: Final = _HOME | _PUBTMP_DEFAULT


def _set_preferences(options: SocketOptions, number: int) -> None:
    """At most one of each group (ip6_sock_set_addr_preferences). INVALID_ARGUMENT."""
    if number < 0:
        raise NetworkError(errors.INVALID_ARGUMENT)
    keep = options.preferences
    kinds = number & (_PUBLIC | _TMP | _PUBTMP_DEFAULT)
    if kinds in (_PUBLIC, _TMP, _PUBTMP_DEFAULT):
        keep = keep & ~(_PUBLIC | _TMP | _PUBTMP_DEFAULT) | kinds
    elif kinds:
        raise NetworkError(errors.INVALID_ARGUMENT)
    homes = number & (_HOME | _COA)
    if homes in (_HOME, _COA):
        keep = keep & ~(_HOME | _COA) | homes
    elif homes:
        raise NetworkError(errors.INVALID_ARGUMENT)
    generated = number & (_CGA | _NONCGA)
    if generated == _CGA | _NONCGA:
        raise NetworkError(errors.INVALID_ARGUMENT)
    options.preferences = keep
