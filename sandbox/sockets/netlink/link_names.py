"""What an interface is called besides its name: its alias, and other names that it is found by (RTM_NEWLINKPROP and RTM_DELLINKPROP,
net/core/rtnetlink.c: rtnl_linkprop, dev_set_alias)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.link_change import IFLA_ALT_IFNAME, find

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.nic import Nic

RTM_NEWLINKPROP: Final = 108
RTM_DELLINKPROP: Final = 109
IFLA_PROP_LIST: Final = 52
_ALIAS_MOST: Final = 255  # bytes
_NAME_MOST: Final = 127
_IFINFO: Final = struct.Struct("<BxHiII")
MAX_ALT_NAMES: Final = 496  # each is reckoned with 132 bytes, and all have to fit into an attribute


def set_alias(nic: Nic, alias: bytes) -> None:
    """EINVAL for one that is too long."""
    if len(alias) > _ALIAS_MOST:
        raise SyscallError(errno.EINVAL)
    nic.alias = alias.split(b"\0", 1)[0].decode("latin-1")
    if nic.stack.watch is not None:
        nic.stack.watch.link_changed(nic)


def change(network: Network, request: nl.Request) -> None:
    """Other names are added or taken away, until one of them cannot be: EINVAL, ENODEV, EEXIST, ENOENT; E2BIG for more than there
    is room for."""
    attributes = request.attributes(_IFINFO.size)
    nic = find(network, request.header(_IFINFO)[2], attributes)
    if IFLA_PROP_LIST not in attributes:
        return
    for kind, value in nl.each_attribute(attributes[IFLA_PROP_LIST]):
        if kind != IFLA_ALT_IFNAME:
            raise SyscallError(errno.EINVAL)
        name = value.split(b"\0", 1)[0]
        if len(name) > _NAME_MOST:
            raise nl.Refusal(errno.ERANGE, "Attribute failed policy validation")
        if not name:
            raise SyscallError(errno.EINVAL)
        _change_one(nic, name.decode("latin-1"), request.type == RTM_NEWLINKPROP)


def _change_one(nic: Nic, name: str, add: bool) -> None:
    if add:
        if nic.stack.find_nic(name) is not None:
            raise SyscallError(errno.EEXIST)
        if len(nic.alt_names) >= MAX_ALT_NAMES:
            raise nl.Refusal(errno.E2BIG, "effective property list too long")
        nic.alt_names.append(name)
    elif name in nic.alt_names:
        nic.alt_names.remove(name)
    elif nic.stack.find_nic(name) is None:
        raise SyscallError(errno.ENOENT)
    else:
        raise SyscallError(errno.EINVAL)  # a name, or another's
    nic.stack.changed()
    if nic.stack.watch is not None:
        nic.stack.watch.link_changed(nic)
