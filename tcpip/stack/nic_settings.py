"""Settings of interfaces by Linux's names: net.ipv4.conf.*, net.ipv6.conf.* and neigh.* (Documentation/networking/ip-sysctl.rst).

There are those only that have an effect. A setting is of one interface, of `all` (which is written to every interface and to
`default`) or of `default` (what interfaces that are added later begin with).
Deviates: times and counts of neighbours are the same for IPv4 and IPv6. `all` overrides what interfaces had, where Linux asks both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import AF_INET6, IPV6_ALL_ROUTERS, IPV6_LOOPBACK
from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.errors import NetworkError
from tcpip.transport.anycast import router_has

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_INT_MAX: Final = (1 << 31) - 1
_ROUTERS_WIDER: Final = (b"\xff\x01" + bytes(13) + b"\x02", b"\xff\x05" + bytes(13) + b"\x02")
_NIC, _AUTOCONF, _NEIGHBORS = 0, 1, 2

# By path: whose attribute, its name, its unit, its usual value, least and most.
SETTINGS: Final[dict[str, tuple[int, str, int, int, int, int]]] = {
    "ipv4/conf/accept_redirects": (_NIC, "accept_redirects", 1, 1, 0, 1),
    "ipv4/conf/forwarding": (_NIC, "forwards", 1, 0, ~_INT_MAX, _INT_MAX),
    "ipv4/conf/send_redirects": (_NIC, "send_redirects", 1, 1, 0, 1),
    "ipv4/conf/proxy_arp": (_NIC, "proxy_arp", 1, 0, 0, 1),
    "ipv4/conf/rp_filter": (_NIC, "rp_filter", 1, 0, 0, 2),
    "ipv6/conf/accept_dad": (_AUTOCONF, "accept_dad", 1, 1, 0, 1),
    "ipv6/conf/accept_ra": (_NIC, "accept_ra", 1, 1, 0, 2),
    "ipv6/conf/accept_ra_defrtr": (_AUTOCONF, "accept_defrtr", 1, 1, 0, 1),
    "ipv6/conf/accept_ra_mtu": (_AUTOCONF, "accept_mtu", 1, 1, 0, 1),
    "ipv6/conf/accept_ra_pinfo": (_AUTOCONF, "accept_pinfo", 1, 1, 0, 1),
    "ipv6/conf/accept_redirects": (_NIC, "accept_redirects_v6", 1, 1, 0, 1),
    "ipv6/conf/addr_gen_mode": (_AUTOCONF, "addr_gen_mode", 1, 0, 0, 3),
    "ipv6/conf/autoconf": (_AUTOCONF, "enabled", 1, 1, 0, 1),
    "ipv6/conf/dad_transmits": (_AUTOCONF, "dad_transmits", 1, 1, 0, 64),
    "ipv6/conf/disable_ipv6": (_NIC, "disable_ipv6", 1, 0, 0, 1),
    "ipv6/conf/forwarding": (_NIC, "forwards_v6", 1, 0, ~_INT_MAX, _INT_MAX),
    "ipv6/conf/hop_limit": (_NIC, "hop_limit", 1, 64, 1, 255),
    "ipv6/conf/max_addresses": (_AUTOCONF, "max_addresses", 1, 16, 0, 64),
    "ipv6/conf/max_desync_factor": (_AUTOCONF, "max_desync_factor", 1, 600, 0, _INT_MAX),
    "ipv6/conf/regen_max_retry": (_AUTOCONF, "regen_max_retry", 1, 3, 0, 255),
    "ipv6/conf/router_solicitation_interval": (_AUTOCONF, "solicit_interval_ns", NS_PER_S, 4, 1, 3600),
    "ipv6/conf/temp_prefered_lft": (_AUTOCONF, "temp_prefered_lft", 1, 86400, 0, _INT_MAX),
    "ipv6/conf/temp_valid_lft": (_AUTOCONF, "temp_valid_lft", 1, 604800, 0, _INT_MAX),
    "ipv6/conf/use_tempaddr": (_AUTOCONF, "use_tempaddr", 1, 0, -1, 2),
    "neigh/base_reachable_time": (_NIC, "reachable_ns", NS_PER_S, 30, 1, 86400),
    "neigh/base_reachable_time_ms": (_NIC, "reachable_ns", NS_PER_MS, 30000, 1, 86_400_000),
    "neigh/delay_first_probe_time": (_NEIGHBORS, "delay_ns", NS_PER_S, 5, 0, 86400),
    "neigh/mcast_solicit": (_NEIGHBORS, "mcast_solicit", 1, 3, 1, 255),
    "neigh/retrans_time_ms": (_NIC, "retrans_ns", NS_PER_MS, 1000, 10, 86_400_000),
    "neigh/ucast_solicit": (_NEIGHBORS, "ucast_solicit", 1, 3, 0, 255),
    "neigh/unres_qlen_bytes": (_NEIGHBORS, "queue_bytes", 1, 425_984, 0, 1 << 24),
}
ALL, DEFAULT = "all", "default"


class NicSettings:
    """What was set for all, and for those to come, of one stack."""

    __slots__ = ("everywhere", "later", "default_qdisc")

    def __init__(self) -> None:
        self.everywhere: dict[str, int] = {}
        self.later: dict[str, int] = {}
        self.default_qdisc = "fq_codel"

    def begin(self, nic: Nic) -> None:
        """A new interface. The loopback makes no discoveries whatever is set."""
        for key, value in self.later.items():
            write_one(nic, key, value)
        if (
            nic.forwards_v6
        ):  # of one that begins as a router only the link's is joined (net/ipv6/addrconf.c: ipv6_add_dev)
            for group in _ROUTERS_WIDER:
                nic.leave_group(group)

    def read(self, stack: Stack, key: str, name: str) -> int:
        """NO_SUCH_DEVICE."""
        usual = SETTINGS[key][3]
        if name == ALL:
            return self.everywhere.get(key, usual)
        if name == DEFAULT:
            return self.later.get(key, usual)
        return read_one(_nic(stack, name), key)

    def write(self, stack: Stack, key: str, name: str, value: int) -> None:
        """NO_SUCH_DEVICE, INVALID_ARGUMENT."""
        _, _, _, _, least, most = SETTINGS[key]
        if not least <= value <= most:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if name not in (ALL, DEFAULT):
            write_one(_nic(stack, name), key, value)
            return
        if name == ALL and key == "ipv4/conf/forwarding" and value == self.everywhere.get(key, 0):
            return  # nothing new: what single interfaces have stays (net/ipv4/devinet.c: devinet_sysctl_forward)
        self.later[key] = value
        if name == ALL:
            self.everywhere[key] = value
            for nic in list(stack.nics.values()):
                write_one(nic, key, value)


def _nic(stack: Stack, name: str) -> Nic:
    nic = stack.find_nic(name)
    if nic is None:
        raise NetworkError(errors.NO_SUCH_DEVICE)
    return nic


def _owner(nic: Nic, whose: int) -> object:
    return nic if whose == _NIC else nic.autoconf if whose == _AUTOCONF else nic.neighbors


def read_one(nic: Nic, key: str) -> int:
    """Of one interface."""
    whose, attribute, unit, _, _, _ = SETTINGS[key]
    return int(getattr(_owner(nic, whose), attribute)) // unit


def write_one(nic: Nic, key: str, value: int) -> None:
    """Of one interface, with what comes of it at once."""
    whose, attribute, unit, _, _, most = SETTINGS[key]
    if attribute == "disable_ipv6":
        set_disabled(nic, value != 0)
        return
    kept = _owner(nic, whose)
    if attribute == "forwards_v6" and (value != 0) != (nic.forwards_v6 != 0):
        _turn_router(nic, value != 0)
    if most == 1:
        setattr(kept, attribute, value != 0)  # alone: of `… if … else …` compiled code makes a number
    else:
        setattr(kept, attribute, value * unit)
    if attribute == "forwards_v6" and value and nic.accept_ra != 2:
        forget_routers(nic)
    if attribute in ("use_tempaddr", "rp_filter", "forwards", "forwards_v6"):
        nic.stack.changed()


def _turn_router(nic: Nic, on: bool) -> None:
    """A router listens to what is sent to routers (net/ipv6/addrconf.c: dev_forward_change)."""
    for address in list(nic.addresses.values()):
        if not address.tentative:
            router_has(nic, address, on)
    if nic.loopback:
        return
    for group in (IPV6_ALL_ROUTERS, *_ROUTERS_WIDER):
        if on:
            nic.join_group(group)
        else:
            nic.leave_group(group)


def forget_routers(nic: Nic) -> None:
    """A router does not go by what others advertise (net/ipv6/route.c: rt6_purge_dflt_routers)."""
    table = nic.stack.routes
    for entry in [e for e in table.entries if e.nic is nic and e.learnt and not e.length]:
        table.remove(entry)


def set_disabled(nic: Nic, disabled: bool) -> None:
    """An interface without IPv6 has no address of it and takes no packet (net/ipv6/addrconf.c: dev_disable_change)."""
    if nic.disable_ipv6 == disabled:
        return
    if disabled:
        for address in nic.addresses_of(AF_INET6):
            nic.remove_address(address.addr)
        table = nic.stack.routes
        for entry in [e for e in table.entries if e.nic is nic and len(e.prefix) == 16]:
            table.remove(entry)
        nic.router_timer.cancel()
        nic.mld.stop()
    nic.disable_ipv6 = disabled
    if not disabled and nic.up and nic.stack.ipv6_enabled:
        nic.mld.start()
        if nic.loopback:
            nic.add_address(IPV6_LOOPBACK, 128)
        else:
            nic.add_link_local()
    nic.stack.changed()
