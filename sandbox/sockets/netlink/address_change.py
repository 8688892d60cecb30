"""RTM_NEWADDR and RTM_DELADDR: what `ip addr` adds, changes and deletes (net/ipv4/devinet.c, net/ipv6/addrconf.c).

Not supported: one address with several peers (EEXIST), IFA_F_MANAGETEMPADDR, IFA_F_HOMEADDRESS and the like, IFA_PROTO: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import IFA_F_NODAD, IFA_F_NOPREFIXROUTE, is_secondary
from sandbox.sockets.inet.own_links import DUMMY, kind_of
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.netlink import message as nl
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.stack import prefix_routes

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic

_IFADDR: Final = struct.Struct("<BBBBI")
_LIFETIMES: Final = struct.Struct("<II")
_ADDRESS, _LOCAL, _LABEL, _BROADCAST, _CACHEINFO, _FLAGS, _METRIC = 1, 2, 3, 4, 6, 8, 9
_SUPPORTED: Final = frozenset((_ADDRESS, _LOCAL, _LABEL, _BROADCAST, _CACHEINFO, _FLAGS, _METRIC))
_HERE: Final = IFA_F_NODAD | IFA_F_NOPREFIXROUTE | 0xC0  # IFA_F_PERMANENT and IFA_F_TENTATIVE are the kernel's to say
_FOREVER: Final = 0xFFFFFFFF


class Wanted:
    """What a request says. EINVAL, EAFNOSUPPORT, ENODEV."""

    def __init__(self, network: Network, request: Request) -> None:
        self.family, self.length, flags, self.scope, index = request.header(_IFADDR)
        self.attributes = request.attributes(_IFADDR.size)
        if self.family not in (AF_INET, AF_INET6):
            raise SyscallError(errno.EOPNOTSUPP)
        peer = self.attributes.get(_ADDRESS, b"")
        self.addr = self.attributes.get(_LOCAL, peer)
        size = 4 if self.family == AF_INET else 16
        if len(self.addr) != size or (peer and len(peer) != size):
            raise SyscallError(errno.EINVAL)
        self.peer = peer if peer != self.addr else b""
        raw = self.attributes.get(_FLAGS, b"")
        self.flags = int.from_bytes(raw[:4], "little") if len(raw) >= 4 else flags
        found = network.stack.nics.get(index)
        if found is None:
            raise SyscallError(errno.ENODEV)
        self.nic: Nic = found
        self.label = self.attributes.get(_LABEL, b"").split(b"\0", 1)[0].decode("latin-1")
        self.metric = int.from_bytes(self.attributes.get(_METRIC, b"")[:4], "little")

    def lifetimes(self) -> tuple[int, int]:
        """Preferred and valid, in seconds. EINVAL."""
        raw = self.attributes.get(_CACHEINFO)
        if raw is None:
            return _FOREVER, _FOREVER
        if len(raw) < _LIFETIMES.size:
            raise SyscallError(errno.EINVAL)
        preferred, valid = _LIFETIMES.unpack_from(raw)
        if not valid or preferred > valid:
            raise SyscallError(errno.EINVAL)
        return preferred, valid


def add(wanted: Wanted, request: Request) -> None:
    """RTM_NEWADDR. EEXIST, EINVAL, EOPNOTSUPP."""
    nic, addr = wanted.nic, wanted.addr
    if set(wanted.attributes) - _SUPPORTED or wanted.flags & ~_HERE:
        raise SyscallError(errno.EOPNOTSUPP)
    preferred, valid = wanted.lifetimes()
    old = nic.addresses.get(addr)
    if old is not None:
        if request.flags & nl.NLM_F_EXCL or not request.flags & nl.NLM_F_REPLACE:
            raise nl.Refusal(errno.EEXIST, f"{_who(wanted)} already assigned")
        _live(nic, old, preferred, valid)
        _reroute(wanted, old)
        if nic.stack.watch is not None:
            nic.stack.watch.address_changed(nic, old)
        return
    unchecked = wanted.flags & IFA_F_NODAD != 0
    dad = not unchecked and kind_of(nic) != DUMMY
    try:
        address = nic.add_address(addr, wanted.length, dad=dad, on_link=nic.up, described=_Description(wanted).apply)
    except NetworkError as error:
        raise syscall_error(error) from None
    _live(nic, address, preferred, valid)


def _reroute(wanted: Wanted, old: NicAddress) -> None:
    """A change of an address says another metric; of IPv6 also whether there is a route (inet6_addr_modify)."""
    routed = old.routed if wanted.family == AF_INET else not wanted.flags & IFA_F_NOPREFIXROUTE
    if old.metric == wanted.metric and old.routed == routed:
        return
    nic = wanted.nic
    told = nic.up and nic.stack.watch is not None
    before = prefix_routes.of(nic, old.subnet(), old.prefix_len)
    if before is not None and (wanted.family == AF_INET6 or before.source == old.addr):
        nic.stack.routes.remove(before)
        if told and nic.stack.watch is not None:
            nic.stack.watch.route_removed(before)
    old.metric, old.routed = wanted.metric, routed
    route = prefix_routes.add(nic, old) if nic.up else None
    nic.stack.changed()
    if route is not None and nic.stack.watch is not None:
        nic.stack.watch.route_added(route)


def _who(wanted: Wanted) -> str:
    return "ipv4: Address" if wanted.family == AF_INET else "ipv6: address"


class _Description:
    """What is to be known of an address before anybody hears of it."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def apply(self, address: NicAddress) -> None:
        wanted = self.wanted
        address.broadcast_told = _BROADCAST in wanted.attributes
        address.unchecked = wanted.family == AF_INET6 and wanted.flags & IFA_F_NODAD != 0
        address.assigned = True
        address.routed = not wanted.flags & IFA_F_NOPREFIXROUTE
        address.metric = wanted.metric
        if wanted.peer:
            address.set_peer(wanted.peer)
        if wanted.family == AF_INET:
            address.scope = wanted.scope
        address.label = wanted.label if wanted.label != wanted.nic.name else ""


def _live(nic: Nic, address: NicAddress, preferred: int, valid: int) -> None:
    now = nic.stack.clock.now_ns()
    address.valid_until = None if valid == _FOREVER else now + valid * NS_PER_S
    address.preferred_until = None if preferred == _FOREVER else now + preferred * NS_PER_S
    address.deprecated = preferred == 0
    nic.schedule_expiry()


def _elsewhere(wanted: Wanted, found: NicAddress) -> bool:
    """The request means an address of IPv4 with another peer, or another label."""
    if wanted.family != AF_INET:
        return False
    if wanted.label and wanted.label != (found.label or wanted.nic.name):
        return True
    return _ADDRESS in wanted.attributes and not found.reaches(wanted.attributes[_ADDRESS])


def delete(wanted: Wanted) -> None:
    """RTM_DELADDR. EADDRNOTAVAIL. An IPv4 address takes those with it that are secondary to it, and the routes that need it
    (__inet_del_ifa, fib_sync_down_addr); the last one those of the interface (fib_disable_ip)."""
    nic = wanted.nic
    found = nic.addresses.get(wanted.addr)
    if (
        found is None
        or (_ADDRESS in wanted.attributes and found.prefix_len != wanted.length)
        or _elsewhere(wanted, found)
    ):
        raise nl.Refusal(errno.EADDRNOTAVAIL, f"{_who(wanted)} not found")
    gone = [other for other in nic.addresses.values() if is_secondary(nic, other) is found]
    for address in (*gone, found):
        nic.remove_address(address.addr)
    if wanted.family != AF_INET:
        return
    stack = nic.stack
    sources = {address.addr for address in (*gone, found)}
    for entry in list(stack.routes.entries):
        if entry.source in sources and entry.protocol != "kernel":
            stack.remove_route(entry)
    if not nic.addresses_of(AF_INET):
        stack.routes.entries = [e for e in stack.routes.entries if e.nic is not nic or len(e.prefix) != 4]
        stack.changed()
