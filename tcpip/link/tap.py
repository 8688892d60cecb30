"""A tap or tun device of this host, with checksum and segmentation offload where the host grants it.

The device is python-pytun's; offload is negotiated by TUNSETOFFLOAD. Needs CAP_NET_ADMIN or a device prepared for us.
Source: Documentation/networking/tuntap.rst, drivers/net/tun.c.
"""

from __future__ import annotations

import _socket
import fcntl
import struct
from typing import Any, Final

from tcpip.addr import AF_INET6
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.fdbased import FdLink, host_cuts_udp

TUNSETOFFLOAD: Final = 0x400454D0
TUNSETVNETHDRSZ: Final = 0x400454D8
TUN_F_CSUM: Final = 1
TUN_F_TSO4: Final = 2
TUN_F_TSO6: Final = 4
TUN_F_USO: Final = 0x20 | 0x40  # over IPv4, over IPv6
SIOCSIFADDR: Final = 0x8916
SIOCGIFINDEX: Final = 0x8933


class TapLink(FdLink):
    """A frame device (tap) or, with `tun`, a raw-IP one. The host's end is configured by `host_*` calls or by others.

    `mac` is the stack's own address, not the host's end. Closing removes the device unless it is persistent.
    OSError or pytun.Error when the device cannot be had.
    """

    def __init__(
        self, name: str = "", mac: bytes = b"\x02\0\0\0\0\x02", mtu: int = 1500, tun: bool = False, offload: bool = True
    ) -> None:
        import pytun

        flags = (pytun.IFF_TUN if tun else pytun.IFF_TAP) | pytun.IFF_NO_PI
        if offload:
            flags |= pytun.IFF_VNET_HDR
        self.device: Any = pytun.TunTapDevice(name=name, flags=flags)
        fd = self.device.fileno()
        if offload:
            fcntl.ioctl(fd, TUNSETVNETHDRSZ, (10).to_bytes(4, "little"))
            udp = TUN_F_USO if host_cuts_udp() else 0
            fcntl.ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | udp)
        super().__init__(fd, mtu, b"" if tun else mac, CAP_NO_ARP if tun else 0, offload)

    @property
    def name(self) -> str:
        """The device's name on the host."""
        return str(self.device.name)

    def host_up(self, address: str = "", netmask: str = "") -> None:
        """Bring the host's end up, with an IPv4 address if one is given."""
        self.device.mtu = self.mtu
        if address:
            self.device.addr = address
            self.device.netmask = netmask
        self.device.up()

    def host_address6(self, address: bytes, prefix_len: int) -> bool:
        """Give the host's end an IPv6 address, which is of use at once. False on a host without IPv6."""
        try:
            with open(f"/proc/sys/net/ipv6/conf/{self.name}/accept_dad", "w", encoding="ascii") as file:
                file.write("0")
            sock = _socket.socket(AF_INET6, _socket.SOCK_DGRAM)
        except OSError:
            return False
        try:
            name = struct.pack("16s16x", self.name.encode())
            index = struct.unpack_from("=i", fcntl.ioctl(sock.fileno(), SIOCGIFINDEX, name), 16)[0]
            fcntl.ioctl(sock.fileno(), SIOCSIFADDR, struct.pack("=16sIi", address, prefix_len, index))
        except OSError:
            return False
        finally:
            sock.close()
        return True

    def close(self) -> None:
        if self.fd >= 0:
            self.fd = -1
            self.device.close()
