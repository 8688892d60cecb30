"""TunFile: an open /dev/net/tun (drivers/net/tun.c). One read or write is one packet.

Not there, as in a kernel without BPF: TUNSETSTEERINGEBPF, TUNSETFILTEREBPF, TUNATTACHFILTER; nor TUNSETTXFILTER: EINVAL.
"""

from __future__ import annotations

import errno
from struct import Struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.inet import tun_ioctl
from sandbox.sockets.inet.tun import IFF_NO_PI, IFF_VNET_HDR, TunLink, TunQueue
from sandbox.vfs.file_description import WOULD_BLOCK
from sandbox.vfs.regular_file import InodeFile
from tcpip.buffer import RxPacket
from tcpip.link import vnet
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

ETHERTYPES: Final = {4: 0x0800, 6: 0x86DD}  # by the version that an IP packet begins with
FRAME_LEAST: Final = 14
PACKET_MOST: Final = 65535 + 256
_PI: Final = Struct(">HH")  # struct tun_pi: flags, protocol; the flags are in host order, and 0 or:
STRIPPED: Final = 1
_TWO: Final = Struct("=H")


class TunFile(InodeFile):
    """`end` is what the interface knows of it; `net`: the namespace that it makes interfaces in; `index`: TUNSETIFINDEX."""

    positioned = False

    def __init__(self, flags: int, path: Path, inode: Inode, t: Task) -> None:
        super().__init__(flags, path, inode)
        self.net: NetNamespace = t.ns.net
        self.end = TunQueue(t.kernel.net.totals, t.kernel.reactor.call_soon)
        self.queue = self.end.queue
        self.index = 0

    @property
    def epollable(self) -> bool:
        """It can be polled."""
        return True

    @property
    def write_once(self) -> bool:
        return True

    @property
    def fault_unit(self) -> int:
        return 1 << 31

    def _link(self) -> TunLink:
        """EBADFD: it has no interface."""
        link = self.end.link
        if link is None:
            raise SyscallError(errno.EBADFD)
        return link

    def read(self, t: Task, dst: memoryview) -> int:
        """The next packet, cut to what there is room for. EBADFD; EINVAL: not even the headers have room."""
        link = self._link()
        found = self.end.take()
        if found is None:
            return WOULD_BLOCK
        header, data = found
        head = header + bytes(link.header_size - len(header)) if link.flags & IFF_VNET_HDR else b""
        if not link.flags & IFF_NO_PI:
            cut = _TWO.pack(STRIPPED if len(dst) < 4 + len(head) + len(data) else 0)
            protocol = int.from_bytes(data[12:14], "big") if link.tap else _protocol(data)
            head = cut + _PI.pack(0, protocol)[2:] + head
        if len(dst) < len(head):
            raise SyscallError(errno.EINVAL)
        dst[: len(head)] = head
        part = data[: len(dst) - len(head)]
        dst[len(head) : len(head) + len(part)] = part
        return len(head) + len(part)

    def write(self, t: Task, src: memoryview) -> int:
        """A packet for the stack. EBADFD; EINVAL: it is none; EIO: the interface is down."""
        link = self._link()
        nic = link.nic
        data, at, protocol = bytes(src[:PACKET_MOST]), 0, 0
        if not link.flags & IFF_NO_PI:
            if len(data) < 4:
                raise SyscallError(errno.EINVAL)
            protocol = _PI.unpack_from(data)[1]
            at = 4
        header = vnet.PLAIN
        if link.flags & IFF_VNET_HDR:
            if len(data) < at + link.header_size:
                raise SyscallError(errno.EINVAL)
            header = data[at : at + vnet.VNET_LEN]
            at += link.header_size
        data = data[at:]
        _check_offload(header, len(data), FRAME_LEAST if link.tap else 0)
        if not link.tap and link.flags & IFF_NO_PI:
            protocol = _protocol(data)
            if not protocol:
                raise SyscallError(errno.EINVAL)
        if nic is None or not nic.up:
            raise SyscallError(errno.EIO)
        known = link.tap or protocol == _protocol(data) != 0
        packet = vnet.parse(header + data) if header != vnet.PLAIN else RxPacket(data)
        if not known or not self.end.write(packet):
            nic.rx_dropped += 1
        return len(src)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """As read."""
        return self.read(t, dst)

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """As write."""
        return self.write(t, src)

    def poll(self, t: Task | None) -> int:
        link = self.end.link
        if link is None:
            return EVENT_ERR
        writable = EVENT_OUT if link.nic is not None and link.nic.up else 0
        return writable | (EVENT_IN if self.end.waiting else 0)

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        return tun_ioctl.ioctl(t, self, cmd, arg)

    def release(self) -> None:
        tun_ioctl.detach(self.end)
        super().release()


def _protocol(data: bytes) -> int:
    """Of an IP packet; 0 for what is none."""
    return ETHERTYPES.get(data[0] >> 4, 0) if data else 0


def _check_offload(header: bytes, size: int, least: int) -> None:
    """EINVAL: the packet is too short, or its virtio_net_hdr points out of it (virtio_net_hdr_to_skb)."""
    flags, kind, head, _, start, offset = vnet.HEADER.unpack_from(header)
    if flags & vnet.NEEDS_CSUM:
        head = max(head, start + offset + 2)
    if size < least or head > size or (head and head < least) or (kind and not flags & vnet.NEEDS_CSUM):
        raise SyscallError(errno.EINVAL)


def open_tun(t: Task, path: Path, inode: Inode, flags: int) -> TunFile:
    """Of no interface yet."""
    return TunFile(flags, path, inode, t)
