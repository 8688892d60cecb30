"""IPV6_JOIN_ANYCAST and IPV6_LEAVE_ANYCAST: an interface takes packets to an address that others may have, too.

Implements: RFC 4291 2.6 (anycast addresses are no sources). Source: net/ipv6/anycast.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import is_multicast, masked, solicited_node
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack
    from tcpip.transport.socket_options import SocketOptions

_MREQ6: Final = struct.Struct("=16si")
MAX_ADDRESSES: Final = 64
"""Per socket, and per interface."""


def set_anycast(stack: Stack, options: SocketOptions, name: int, value: int | bytes) -> bool:
    """setsockopt(2); False when the option is none of these."""
    if name not in (so.IPV6_JOIN_ANYCAST, so.IPV6_LEAVE_ANYCAST):
        return False
    if isinstance(value, int) or len(value) < _MREQ6.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    addr, number = _MREQ6.unpack_from(value)
    if name == so.IPV6_JOIN_ANYCAST:
        join(stack, options, addr, number)
    else:
        leave(stack, options, addr, number)
    return True


def join(stack: Stack, options: SocketOptions, addr: bytes, number: int) -> None:
    """NOT_PERMITTED, INVALID_ARGUMENT, ADDRESS_NOT_AVAILABLE, NO_SUCH_DEVICE, NO_BUFFER_SPACE."""
    if not options.privileged:
        raise NetworkError(errors.NOT_PERMITTED)
    nic = stack.nics.get(number) if number else None
    if is_multicast(addr) or (addr in nic.addresses if nic is not None else addr in stack.local):
        raise NetworkError(errors.INVALID_ARGUMENT)
    if not number:
        entry = stack.routes.lookup(addr)
        nic = entry.nic if entry is not None else None
        if nic is None:
            raise NetworkError(errors.NO_SUCH_DEVICE if stack.forwarding_v6 else errors.ADDRESS_NOT_AVAILABLE)
    if nic is None or nic.disable_ipv6:
        raise NetworkError(errors.NO_SUCH_DEVICE)
    if not stack.forwarding_v6 and not any(_on_link(a.addr, a.prefix_len, addr) for a in nic.addresses.values()):
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    if len(options.anycast) >= MAX_ADDRESSES or len(nic.anycast) >= MAX_ADDRESSES:
        raise NetworkError(errors.NO_BUFFER_SPACE)
    _change(nic, addr, 1)
    options.anycast = (*options.anycast, (addr, nic.number))


def leave(stack: Stack, options: SocketOptions, addr: bytes, number: int) -> None:
    """The latest join of it. NO_SUCH_FILE."""
    for at in reversed(range(len(options.anycast))):
        kept, index = options.anycast[at]
        if kept == addr and number in (0, index):
            options.anycast = options.anycast[:at] + options.anycast[at + 1 :]
            _give_up(stack, kept, index)
            return
    raise NetworkError(errors.NO_SUCH_FILE)


def closed(stack: Stack, options: SocketOptions) -> None:
    """The socket is gone."""
    for addr, number in options.anycast:
        _give_up(stack, addr, number)
    options.anycast = ()


def _give_up(stack: Stack, addr: bytes, number: int) -> None:
    nic = stack.nics.get(number)
    if nic is not None and addr in nic.anycast:
        _change(nic, addr, -1)


def _change(nic: Nic, addr: bytes, by: int) -> None:
    count = nic.anycast.get(addr, 0) + by
    if count:
        nic.anycast[addr] = count
    else:
        del nic.anycast[addr]
    if count == by > 0:
        nic.join_group(solicited_node(addr))
    elif not count:
        nic.leave_group(solicited_node(addr))
    nic.stack.addresses_changed()


def _on_link(addr: bytes, length: int, other: bytes) -> bool:
    return len(addr) == 16 and masked(addr, length) == masked(other, length)


def router_has(nic: Nic, address: NicAddress, has: bool) -> None:
    """The Subnet-Router anycast address of the address's prefix (RFC 4291 2.6.1), which routers have; not of pairs (RFC 6164).
    Source: net/ipv6/addrconf.c: addrconf_join_anycast."""
    prefix = masked(address.addr, address.prefix_len)
    if has != address.at_router and len(prefix) == 16 and address.prefix_len < 127 and any(prefix):
        address.at_router = has
        _change(nic, prefix, 1 if has else -1)
