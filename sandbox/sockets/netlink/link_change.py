"""RTM_NEWLINK and RTM_DELLINK of links that a guest makes (net/core/rtnetlink.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import KINDS, add, kind_of
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.netlink import message as nl
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from tcpip.stack.nic import Nic

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_TXQLEN, IFLA_EXT_MASK = 1, 3, 4, 18, 13, 29
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
_KNOWN: Final = frozenset((IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_TXQLEN, IFLA_EXT_MASK))
_NUMBER: Final = struct.Struct("<I")


def new_link(t: Task, network: Network, attributes: dict[int, bytes]) -> Nic:
    """RTM_NEWLINK with a kind. EOPNOTSUPP for another kind and for what a link cannot have."""
    info = nl.attributes_in(attributes[IFLA_LINKINFO])
    kind = info.get(IFLA_INFO_KIND, b"").split(b"\0", 1)[0].decode("latin-1")
    name = attributes.get(IFLA_IFNAME, b"").split(b"\0", 1)[0].decode("latin-1")
    if name and network.find_nic(name) is not None:
        raise SyscallError(errno.EEXIST)
    if kind not in KINDS or info.get(IFLA_INFO_DATA) or set(attributes) - _KNOWN:
        raise SyscallError(errno.EOPNOTSUPP)
    mac, mtu = attributes.get(IFLA_ADDRESS, b""), attributes.get(IFLA_MTU, b"")
    if (mac and (len(mac) != 6 or mac[0] & 1 or not any(mac))) or len(mtu) not in (0, 4):
        raise SyscallError(errno.EADDRNOTAVAIL if len(mac) == 6 else errno.EINVAL)
    nic = add(t.kernel, network, kind, name, mac)
    if mtu:
        try:
            nic.set_mtu(_NUMBER.unpack(mtu)[0])
        except NetworkError as error:
            network.stack.remove_nic(nic)
            raise syscall_error(error) from None
    return nic


def delete_link(network: Network, nic: Nic) -> None:
    """RTM_DELLINK. EOPNOTSUPP for what the sandbox has."""
    if not kind_of(nic):
        raise SyscallError(errno.EOPNOTSUPP)
    network.stack.remove_nic(nic)


def info(nic: Nic) -> bytes:
    """IFLA_LINKINFO of a link that has a kind."""
    kind = kind_of(nic)
    return nl.attribute(IFLA_LINKINFO, nl.string(IFLA_INFO_KIND, kind)) if kind else b""
