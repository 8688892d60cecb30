"""SIOCETHTOOL (net/ethtool/ioctl.c, include/uapi/linux/ethtool.h): what drivers of links without hardware answer, and what can be
turned off of what a `veth` leaves to its other end: checksums and segmentation.

What such drivers have nothing of is EOPNOTSUPP, as are lists of features by name (ETHTOOL_GFEATURES): those are told by netlink.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.sockets.inet import link_driver
from sandbox.sockets.inet.own_links import TUN, VETH, OwnLink, kind_of, own_link
from tcpip.link.base import CAP_NO_ARP, CAP_TSO4, CAP_TSO6, CAP_TX_CSUM

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from tcpip.stack.nic import Nic

GSET: Final = 0x01
GDRVINFO, GLINK, GSTRINGS, GSTATS, GPERMADDR, GSSET_INFO, GET_TS_INFO, GLINKSETTINGS = (
    0x03,
    0x0A,
    0x1B,
    0x1D,
    0x20,
    0x37,
    0x41,
    0x4C,
)
_DRVINFO: Final = struct.Struct("<I32s32s32s32s32s12x5I")
_VALUE: Final = struct.Struct("<II")
_TS_INFO: Final = struct.Struct("<IIiI12xI12x")
_SETTINGS: Final = struct.Struct("<II7Bb4B28x")
_OLD_SETTINGS: Final = struct.Struct("<I8xHBB4x8xH14x")  # struct ethtool_cmd, with the speed in two halves
_MASK_WORDS: Final = 4  # of each of three masks of link modes, all of them empty
_SS_STATS: Final = 1
_STRING_SIZE: Final = 32
_SEGMENTS: Final = CAP_TSO4 | CAP_TSO6
# Command: what it asks for. Receiving needs no checksums, and what was split is never joined.
_FLAGS: Final = {0x14: 0, 0x16: CAP_TX_CSUM, 0x18: 0, 0x1E: _SEGMENTS, 0x21: 0, 0x23: 0, 0x25: 0, 0x2B: 0}
_ALWAYS: Final = frozenset((0x14, 0x18, 0x23))  # receive checksums, scatter and gather, segmentation in software
_SETS: Final = {0x17: CAP_TX_CSUM, 0x1F: _SEGMENTS}


def ioctl(t: Task, network: Network, nic: Nic, data: int) -> int:
    """dev_ethtool: 0. EFAULT, EPERM, EOPNOTSUPP."""
    cmd = int.from_bytes(t.copy_in(data, 4), "little")
    if not nic.loopback and own_link(nic) is None:
        raise SyscallError(errno.EOPNOTSUPP)  # the way out: as by a driver that has none of it
    if cmd in _SETS:
        _set(t, network, nic, _SETS[cmd], _VALUE.unpack(t.copy_in(data, _VALUE.size))[1])
    elif cmd in _FLAGS:
        t.copy_out(data, _VALUE.pack(cmd, int(cmd in _ALWAYS or nic.link.capabilities & _FLAGS[cmd] != 0)))
    elif cmd == GLINK:
        found = link_driver.detected(nic)
        if found is None:
            raise SyscallError(errno.EOPNOTSUPP)
        t.copy_out(data, _VALUE.pack(cmd, int(found)))
    elif cmd == GPERMADDR:
        _permanent(t, nic, data)
    elif cmd == GET_TS_INFO:
        t.copy_out(data, _TS_INFO.pack(cmd, link_driver.times(nic), -1, 0, 0))
    else:
        _of_driver(t, nic, data, cmd)
    return 0


def _permanent(t: Task, nic: Nic, data: int) -> None:
    """Links without hardware have no permanent address, which is told as zeros; some have not even room for one. ETOOSMALL is EINVAL's kin, and not met."""
    size = _VALUE.unpack(t.copy_in(data, _VALUE.size))[1]
    length = 0 if kind_of(nic) == TUN and nic.link.capabilities & CAP_NO_ARP else 6
    if size < length:
        raise SyscallError(errno.EINVAL)
    t.copy_out(data, _VALUE.pack(GPERMADDR, length) + bytes(length))


def _of_driver(t: Task, nic: Nic, data: int, cmd: int) -> None:
    """What the driver is asked for: EOPNOTSUPP."""
    known, settings, statistics = link_driver.driver(nic), link_driver.settings(nic), link_driver.statistics(nic)
    if cmd == GDRVINFO and known is not None:
        t.copy_out(data, _DRVINFO.pack(cmd, *known, b"", 0, len(statistics or ()), 0, 0, 0))
    elif cmd == GSET and settings is not None:
        speed, duplex, port = settings
        t.copy_out(data, _OLD_SETTINGS.pack(cmd, speed & 0xFFFF, duplex, port, speed >> 16))
    elif cmd == GLINKSETTINGS and settings is not None:
        _settings(t, data, *settings)
    elif cmd == GSSET_INFO:
        mask = int.from_bytes(t.copy_in(data + 8, 8), "little") & (0 if statistics is None else 1 << _SS_STATS)
        t.copy_out(data + 8, mask.to_bytes(8, "little"))
        if statistics is not None and mask:
            t.copy_out(data + 16, len(statistics).to_bytes(4, "little"))
    elif cmd == GSTRINGS and statistics is not None:
        if int.from_bytes(t.copy_in(data + 4, 4), "little") != _SS_STATS:
            raise SyscallError(errno.EOPNOTSUPP)
        names = b"".join([name.encode().ljust(_STRING_SIZE, b"\0") for name, _ in statistics])
        t.copy_out(data + 8, len(statistics).to_bytes(4, "little") + names)
    elif cmd == GSTATS and statistics is not None:
        values = b"".join([value.to_bytes(8, "little") for _, value in statistics])
        t.copy_out(data + 4, len(statistics).to_bytes(4, "little") + values)
    else:
        raise SyscallError(errno.EOPNOTSUPP)


def _settings(t: Task, data: int, speed: int, duplex: int, port: int) -> None:
    """ethtool_get_link_ksettings: who does not know how long the masks are is told first."""
    words = struct.unpack_from("<b", t.copy_in(data + 15, 1))[0]
    known = words == _MASK_WORDS
    if not known:
        speed = duplex = port = 0
    more = _MASK_WORDS if known else -_MASK_WORDS
    head = _SETTINGS.pack(GLINKSETTINGS, speed, duplex, port, 0, 0, 0, 0, 0, more, 0, 0, 0, 0)
    t.copy_out(data, head + (bytes(12 * _MASK_WORDS) if known else b""))


def _set(t: Task, network: Network, nic: Nic, what: int, on: int) -> None:
    """Of a veth: what is turned off, this end does by itself. Without checksums there is no segmentation (netdev_fix_features)."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    link = own_link(nic)
    if link is None or link.kind != VETH:
        if bool(on) != (nic.link.capabilities & what != 0):
            raise SyscallError(errno.EOPNOTSUPP)
        return
    _turn(link, nic, what, on != 0)


def _turn(link: OwnLink, nic: Nic, what: int, on: bool) -> None:
    link.off = link.off & ~what if on else link.off | what
    allowed = (CAP_TX_CSUM | _SEGMENTS) & ~link.off
    link.capabilities = allowed if allowed & CAP_TX_CSUM else 0
    nic.capabilities_changed()
