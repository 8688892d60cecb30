"""The tap device of the network `tap`: one of our own making, or one that was prepared for us.

A prepared one is used as it is: whoever made it has given its host end an address or put it into a bridge.
Source: Documentation/networking/tuntap.rst, drivers/net/tun.c:tun_set_iff, netdevice(7).
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway.networks import NetworkError
from tcpip.addr import AF_INET, in_prefix, parse, text

if TYPE_CHECKING:
    from tcpip.link.tap import TapLink

SIOCGIFFLAGS: Final = 0x8913
SIOCGIFMTU: Final = 0x8921
SIOCETHTOOL: Final = 0x8946
ETHTOOL_GDRVINFO: Final = 3
DRVINFO_SIZE: Final = 196
IFF_UP: Final = 1
TUN: Final = "/dev/net/tun"


class PreparedTap:
    """What a device of this network namespace is: `kind` is `tap`, `tun`, or something else's driver."""

    __slots__ = ("kind", "up", "mtu")

    def __init__(self, name: str) -> None:
        """OSError when there is no device of that name."""
        request = struct.pack("16s24x", name.encode())
        with closing(_socket.socket(AF_INET, _socket.SOCK_DGRAM)) as sock:
            fd = sock.fileno()
            self.up = struct.unpack_from("=16xH", fcntl.ioctl(fd, SIOCGIFFLAGS, request))[0] & IFF_UP != 0
            self.mtu: int = struct.unpack_from("=16xi", fcntl.ioctl(fd, SIOCGIFMTU, request))[0]
            self.kind = _kind(fd, name)


def _kind(fd: int, name: str) -> str:
    """The driver says `tun` of both kinds, and which it is where others name their bus (struct ethtool_drvinfo)."""
    import ctypes

    info = ctypes.create_string_buffer(struct.pack("=I", ETHTOOL_GDRVINFO), DRVINFO_SIZE)
    try:
        fcntl.ioctl(fd, SIOCETHTOOL, struct.pack("16sQ16x", name.encode(), ctypes.addressof(info)))
    except OSError:
        return "another"
    driver, bus = (info.raw[at : at + 32].split(b"\0")[0].decode("ascii", "replace") for at in (4, 100))
    return bus if driver == "tun" else driver


def open_tap(name: str) -> tuple[TapLink, bool]:
    """The link, and whether its host end has IPv6. `name` empty: the host chooses. Raises NetworkError; OSError when
    no device can be made at all; ImportError without python-pytun."""
    from tcpip.link.tap import TapLink

    prepared = None
    if name:
        try:
            prepared = PreparedTap(name)
        except OSError:
            prepared = None  # to be made
    if prepared is not None and prepared.kind != "tap":
        raise NetworkError(f"--tap {name}: this is not a tap device but one of the kind {prepared.kind}")
    if prepared is not None and not prepared.up:
        raise NetworkError(f"--tap {name}: the device is down; ip link set {name} up")
    if prepared is None and _plan_is_taken():
        network4 = f"{text(plan.PREFIX4)}/{plan.PREFIX4_LEN}"
        raise NetworkError(f"--network tap: {network4} is in use in this network namespace; give it one of its own")
    try:
        link = TapLink(name, plan.GUEST_MAC, plan.MTU if prepared is None else prepared.mtu)
    except OSError as error:
        if not name:
            raise
        raise NetworkError(f"--tap {name}: {_why(error, prepared is not None)}") from None
    if prepared is not None:
        return link, _has_ipv6(name)
    link.host_up(text(plan.GATEWAY4), "255.255.255.0")
    return link, link.host_address6(plan.GATEWAY6, plan.PREFIX6_LEN)


def _why(error: OSError, exists: bool) -> str:
    if error.errno == errno.EBUSY:
        return "the device is in use by another program"
    if error.errno in (errno.EPERM, errno.EACCES):
        if not os.access(TUN, os.R_OK | os.W_OK):
            return f"no permission to open {TUN}"
        if exists:
            return "no permission: the device belongs to somebody else"
        return "no such device, and no permission to make it (CAP_NET_ADMIN)"
    return os.strerror(error.errno) if error.errno else str(error)


def _has_ipv6(name: str) -> bool:
    """An address of the plan's network is on the device (proc_net(5): if_inet6)."""
    try:
        with open("/proc/self/net/if_inet6", encoding="ascii") as file:
            entries = [line.split() for line in file]
    except OSError:
        return False
    return any(e[5] == name and in_prefix(bytes.fromhex(e[0]), plan.PREFIX6, plan.PREFIX6_LEN) for e in entries)


def _plan_is_taken() -> bool:
    """The guest's address lies on a wire that is there already: another sandbox's tap, or a network with our numbers."""
    with closing(_socket.socket(AF_INET, _socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((text(plan.GUEST4), 9))
            return in_prefix(parse(probe.getsockname()[0]), plan.PREFIX4, plan.PREFIX4_LEN)
        except OSError:
            return False
