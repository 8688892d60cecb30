"""SocketNetAttributes: the interfaces of the sandbox's network as sysfs shows them (net/core/net-sysfs.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.sockets.inet import link_driver
from sandbox.sockets.inet.bridge import BridgeLink
from sandbox.sockets.inet.link_state import (
    IFF_ALLMULTI,
    IFF_PROMISC,
    IFF_RUNNING,
    IFF_UP,
    carries,
    interface_flags,
    interface_type,
    operational,
    queue_length,
)
from sandbox.sockets.inet.own_links import NAME_CHANGED, TUN, own_link
from sandbox.vfs.net_attributes import NetAttributes

if TYPE_CHECKING:
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.own_links import OwnLink
    from tcpip.stack.nic import Nic

# Those of every interface whose values the fields below do not make, and those that can be stored. `carrier`, `proto_down`,
# `threaded` and the two of NAPI are for drivers that have it; none here does.
_ZERO: Final = ("gro_flush_timeout", "link_mode", "napi_defer_hard_irqs", "proto_down", "threaded")
_WRITABLE: Final = frozenset(
    ("carrier", "flags", "gro_flush_timeout", "ifalias", "mtu", "napi_defer_hard_irqs", "netdev_group", "proto_down",
     "threaded", "tx_queue_len")
)  # fmt: skip
STATISTICS: Final = (
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast",
    "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors",
    "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors",
    "tx_window_errors", "rx_compressed", "tx_compressed", "rx_nohandler",
)  # fmt: skip
"""In the order of struct rtnl_link_stats64."""
_DUPLEX: Final = ("half", "full")
_SPEED_UNKNOWN: Final = 0xFFFFFFFF


def _carrier(nic: Nic) -> str:
    _check_up(nic)
    return str(int(carries(nic)))


def _never(nic: Nic) -> str:
    """Of a state that none here gets into."""
    _check_up(nic)
    return "0"


def _check_up(nic: Nic) -> None:
    if not interface_flags(nic) & IFF_UP:
        raise SyscallError(errno.EINVAL)


def _flags(nic: Nic) -> str:
    """dev->flags: not what its state adds, but what a bridge asks of its ports."""
    link = own_link(nic)
    heard = IFF_PROMISC | IFF_ALLMULTI if link is not None and link.port is not None else 0
    return hex(interface_flags(nic) & 0xFFFF & ~IFF_RUNNING | heard)


def _link_settings(nic: Nic) -> tuple[int, int]:
    """Speed and duplex; EINVAL for drivers that have none, and for who is down."""
    _check_up(nic)
    settings = link_driver.settings(nic)
    if settings is None:
        raise SyscallError(errno.EINVAL)
    return settings[0], settings[1]


def _speed(nic: Nic) -> str:
    speed = _link_settings(nic)[0]
    return "-1" if speed == _SPEED_UNKNOWN else str(speed)


def _duplex(nic: Nic) -> str:
    duplex = _link_settings(nic)[1]
    return _DUPLEX[duplex] if duplex < len(_DUPLEX) else "unknown"


def _assigned(nic: Nic) -> str:
    """NET_ADDR_PERM, NET_ADDR_RANDOM or NET_ADDR_SET."""
    link = own_link(nic)
    return "0" if link is None else "3" if link.chosen else "1"


def _carriers(nic: Nic, ups: bool, downs: bool) -> str:
    """How often the carrier has come or gone."""
    link = own_link(nic)
    return "0" if link is None else str(link.ups * ups + link.downs * downs)


def _named(nic: Nic) -> str:
    """Who has said its name: the kernel, where that is fixed, or who has made or renamed it. EINVAL for drivers that do not say."""
    link = own_link(nic)
    if link is None:
        return "2" if nic.loopback else str(NAME_CHANGED)
    if link.kind == TUN and link.named != NAME_CHANGED:
        raise SyscallError(errno.EINVAL)
    return str(link.named)


def _tied(nic: Nic) -> str:
    link = own_link(nic)
    other = link.tied_to() if link is not None else None
    return str(nic.number if other is None else other.number)


_SHOW: Final[dict[str, Callable[[Nic], str]]] = {
    "addr_assign_type": _assigned,
    "addr_len": lambda nic: "6",
    "address": lambda nic: (nic.mac or bytes(6)).hex(":"),
    "broadcast": lambda nic: "ff:ff:ff:ff:ff:ff" if nic.mac else "00:00:00:00:00:00",
    "carrier": _carrier,
    "carrier_changes": lambda nic: _carriers(nic, True, True),
    "carrier_down_count": lambda nic: _carriers(nic, False, True),
    "carrier_up_count": lambda nic: _carriers(nic, True, False),
    "dev_id": lambda nic: "0x0",
    "dev_port": lambda nic: "0",
    "dormant": _never,
    "duplex": _duplex,
    "flags": _flags,
    "ifalias": lambda nic: nic.alias,
    "ifindex": lambda nic: str(nic.number),
    "iflink": _tied,
    "mtu": lambda nic: str(nic.mtu),
    "name_assign_type": _named,
    "netdev_group": lambda nic: str(nic.group),
    "operstate": operational,
    "speed": _speed,
    "testing": _never,
    "tx_queue_len": lambda nic: str(queue_length(nic)),
    "type": lambda nic: str(interface_type(nic)),
    "uevent": lambda nic: f"INTERFACE={nic.name}\nIFINDEX={nic.number}",
}


class SocketNetAttributes(NetAttributes):
    """See there."""

    def interfaces(self, net: NetNamespace) -> dict[str, int]:
        return {nic.name: number for number, nic in net.network.stack.nics.items()}

    def attributes(self, net: NetNamespace, number: int) -> dict[str, int]:
        names = [*_SHOW, *_ZERO, *_own_attributes(_nic(net, number))]
        return {name: 0o644 if name in _WRITABLE else 0o444 for name in sorted(names)}

    def statistics(self) -> tuple[str, ...]:
        return STATISTICS

    def show(self, net: NetNamespace, number: int, name: str) -> str:
        nic = _nic(net, number)
        show = _SHOW.get(name)
        if show is None:
            value = _own_attributes(nic).get(name, "0")
        else:
            value = show(nic)
        return value + "\n" if value or name != "ifalias" else ""

    def count(self, net: NetNamespace, number: int, name: str) -> int:
        from sandbox.sockets.netlink.route_bodies import counts

        return counts(_nic(net, number))[STATISTICS.index(name)]

    def store(self, t: Task, net: NetNamespace, number: int, name: str, value: bytes) -> None:
        if not t.creds.has_in(net.user, CAP_NET_ADMIN):
            raise SyscallError(errno.EPERM)
        nic = _nic(net, number)
        if name == "ifalias":
            from sandbox.sockets.netlink.link_names import set_alias

            set_alias(nic, value.removesuffix(b"\n"))
            return
        if name == "carrier":
            raise SyscallError(errno.EOPNOTSUPP)
        _store_number(nic, name, _number(value))

    def relatives(self, net: NetNamespace, number: int) -> dict[str, str]:
        nic = _nic(net, number)
        link = own_link(nic)
        found: dict[str, str] = {}
        if link is None:
            return found
        if link.port is not None and link.port.device.nic is not None:
            name = link.port.device.nic.name
            found["master"] = found[f"upper_{name}"] = name
        for other in _below(link):
            found[f"lower_{other.name}"] = other.name
        for upper in link.on_top():
            if upper.nic is not None and upper.network is link.network:
                found[f"upper_{upper.nic.name}"] = upper.nic.name
        return found


def _below(link: OwnLink) -> list[Nic]:
    """What it is made of, in its own namespace: ports of a bridge, or the one that it is on top of."""
    if isinstance(link, BridgeLink):
        return [port.nic for port in link.ports]
    lower = link.tied_to() if link.other_end() is None else None
    return [lower] if lower is not None and link.nic is not None and lower.stack is link.nic.stack else []


def _own_attributes(nic: Nic) -> dict[str, str]:
    """What interfaces of its kind have besides."""
    link = own_link(nic)
    if link is None or link.kind != TUN:
        return {}
    from sandbox.sockets.inet.tun import attributes_of

    return attributes_of(nic)


def _nic(net: NetNamespace, number: int) -> Nic:
    nic = net.network.stack.nics.get(number)
    if nic is None:
        raise SyscallError(errno.ENODEV)
    return nic


def _number(value: bytes) -> int:
    """kstrtoul with any base: EINVAL, ERANGE."""
    text = value.removesuffix(b"\n").removeprefix(b"+")
    digits, base = text, 10
    if text[:2].lower() == b"0x":
        digits, base = text[2:], 16
    elif text[:1] == b"0" and len(text) > 1:
        digits, base = text[1:], 8
    if not digits.isalnum():
        raise SyscallError(errno.EINVAL)
    try:
        number = int(digits, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None
    if number >= 1 << 64:
        raise SyscallError(errno.ERANGE)
    return number


def _store_number(nic: Nic, name: str, value: int) -> None:
    from sandbox.sockets.netlink import link_change

    if name == "mtu":
        link_change.set_mtu(nic, value & 0xFFFFFFFF)
    elif name == "tx_queue_len":
        if value > 0xFFFFFFFF:
            raise SyscallError(errno.ERANGE)
        link_change.set_queue_length(nic, value)
    elif name == "netdev_group":
        nic.group = value & 0xFFFFFFFF
    elif name == "flags":
        link_change.turn_as(nic, value & 0xFFFFFFFF, IFF_UP | IFF_PROMISC | IFF_ALLMULTI)
    else:
        raise SyscallError(errno.EOPNOTSUPP)
