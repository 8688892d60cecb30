"""Links over a host descriptor that carries one frame per read: a passed-in tap, a datagram socket, a packet socket.

Non-blocking; `receive` is to be called when the descriptor is readable. Batches are read until the descriptor is
empty or `BUDGET` frames are there.
"""

from __future__ import annotations

import os
from typing import Final

from tcpip.buffer import RxPacket, TxPacket
from tcpip.link import vnet
from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM, CAP_USO, LinkEndpoint

BUDGET: Final = 64
READ_SIZE: Final = 65536 + 64
USO_KERNEL: Final = (6, 2)


def host_cuts_udp() -> bool:
    """The host's virtio_net_hdr knows UDP super-packets (Linux 6.2)."""
    major, minor = os.uname().release.split("-")[0].split(".")[:2]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= USO_KERNEL


class FdLink(LinkEndpoint):
    """`with_vnet`: every frame has a virtio_net_hdr in front, and checksums and segmentation are left to the host.

    The descriptor is closed with the link. `errors` counts writes that the host refused.
    """

    def __init__(self, fd: int, mtu: int, mac: bytes, capabilities: int = 0, with_vnet: bool = False) -> None:
        if with_vnet:
            capabilities |= CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6
            if host_cuts_udp():
                capabilities |= CAP_USO
        super().__init__(mtu, mac, capabilities)
        os.set_blocking(fd, False)
        self.fd = fd
        self.with_vnet = with_vnet
        self.errors = 0

    def fileno(self) -> int:
        """What to poll for reading."""
        return self.fd

    def write_packets(self, batch: list[TxPacket]) -> int:
        fd = self.fd
        taken = 0
        emit = vnet.emit if self.with_vnet else None
        for pkt in batch:
            head = emit(pkt) + pkt.header if emit is not None else pkt.header
            try:
                os.writev(fd, [head, *pkt.payload])
            except OSError:
                self.errors += 1
                continue
            taken += 1
        return taken

    def receive(self) -> bool:
        """Read and deliver one batch; True when there may be more."""
        fd = self.fd
        packets: list[RxPacket] = []
        parse = vnet.parse if self.with_vnet else RxPacket
        least = vnet.VNET_LEN if self.with_vnet else 1
        more = True
        while len(packets) < BUDGET:
            try:
                data = os.read(fd, READ_SIZE)
            except BlockingIOError:
                more = False
                break
            except OSError:
                self.errors += 1
                more = False
                break
            if len(data) >= least:
                packets.append(parse(data))
            elif not data:
                more = False
                break
        if packets and self.dispatcher is not None:
            self.dispatcher.deliver(packets)
        return more

    def give_up(self) -> int:
        """The descriptor, which somebody else closes."""
        fd, self.fd = self.fd, -1
        return fd

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
