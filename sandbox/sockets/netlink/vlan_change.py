"""IFLA_INFO_DATA of VLANs: what a request says and what is told (net/8021q/vlan_netlink.c).

Not supported: maps of priorities, GVRP, MVRP, bindings to bridges, headers that are not reordered: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet import vlan
from sandbox.sockets.inet.own_links import fresh_mac, own_link
from sandbox.sockets.inet.tun import TunLink
from sandbox.sockets.netlink import message as nl
from tcpip.link.vlan import TYPE_VLAN

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.inet.vlan import VlanLink

_ID, _FLAGS, _PROTOCOL = 1, 2, 5
_KNOWN_FLAGS: Final = 0x1F
_FLAGS_HERE: Final = vlan.REORDER_HDR | vlan.LOOSE_BINDING
_FLAG_WORDS: Final = struct.Struct("<II")
_ID_END: Final = 0xFFF
_ALL: Final = 0xFFFFFFFF


def make(t: Task, network: Network, lower: int | None, mac: bytes, data: dict[int, bytes]) -> VlanLink:
    """What a request for a new one says (vlan_validate, vlan_newlink). EINVAL, EPROTONOSUPPORT, ERANGE, ENODEV, EOPNOTSUPP, EEXIST."""
    if not data:
        raise nl.Refusal(errno.EINVAL, "VLAN properties not specified")
    protocol = int.from_bytes(data[_PROTOCOL][:2], "big") if _PROTOCOL in data else TYPE_VLAN
    if protocol not in vlan.PROTOCOLS:
        raise nl.Refusal(errno.EPROTONOSUPPORT, "Invalid VLAN protocol")
    number = int.from_bytes(data.get(_ID, b"")[:2], "little")
    if number >= _ID_END:
        raise nl.Refusal(errno.ERANGE, "Invalid VLAN id")
    flags = _flags(data.get(_FLAGS))
    if _ID not in data:
        raise nl.Refusal(errno.EINVAL, "VLAN id not specified")
    if lower is None:
        raise nl.Refusal(errno.EINVAL, "link not specified")
    nic = network.stack.nics.get(lower)
    if nic is None:
        raise nl.Refusal(errno.ENODEV, "link does not exist")
    below = own_link(nic)
    if below is None or (isinstance(below, TunLink) and not nic.mac):
        raise nl.Refusal(errno.EOPNOTSUPP, "VLANs not supported on device")
    if set(data) - {_ID, _FLAGS, _PROTOCOL}:
        raise SyscallError(errno.EOPNOTSUPP)
    link = vlan.make(t.kernel, below, mac or nic.mac or fresh_mac(t.kernel), protocol, number)
    link.flags = flags
    return link


def _flags(raw: bytes | None) -> int:
    if raw is None:
        return vlan.REORDER_HDR
    if len(raw) < _FLAG_WORDS.size:
        raise SyscallError(errno.EINVAL)
    flags, mask = _FLAG_WORDS.unpack_from(raw)
    if (flags & mask) & ~_KNOWN_FLAGS:
        raise nl.Refusal(errno.EINVAL, "Invalid VLAN flags")
    wanted = int(vlan.REORDER_HDR & ~mask | flags & mask)
    if wanted & ~_FLAGS_HERE or not wanted & vlan.REORDER_HDR:
        raise SyscallError(errno.EOPNOTSUPP)
    return wanted


def told(link: VlanLink) -> bytes:
    """vlan_fill_info."""
    protocol = nl.attribute(_PROTOCOL, link.protocol.to_bytes(2, "big"))
    number = nl.attribute(_ID, link.number.to_bytes(2, "little"))
    return protocol + number + nl.attribute(_FLAGS, _FLAG_WORDS.pack(link.flags, _ALL))
