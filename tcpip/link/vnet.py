"""struct virtio_net_hdr: how offload state travels with a frame through a tap or a packet socket.

Source: virtio 1.2 5.1.6, include/uapi/linux/virtio_net.h. Ten bytes, host order (legacy layout).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.buffer import CSUM_NONE, CSUM_PARTIAL, CSUM_VALID, RxPacket, TxPacket

VNET_LEN: Final = 10
NEEDS_CSUM: Final = 1
DATA_VALID: Final = 2
HEADER: Final = Struct("=BBHHHH")
PLAIN: Final = bytes(VNET_LEN)


def emit(pkt: TxPacket) -> bytes:
    """The header of a packet to send."""
    if pkt.csum != CSUM_PARTIAL:
        return PLAIN
    header = len(pkt.header)
    return HEADER.pack(NEEDS_CSUM, pkt.gso_type, header, pkt.gso_size, pkt.transport, pkt.csum_offset)


def parse(data: bytes) -> RxPacket:
    """A received frame with its header in front, which stays where it is. At least VNET_LEN bytes."""
    flags = data[0]
    csum = CSUM_PARTIAL if flags & NEEDS_CSUM else CSUM_VALID if flags & DATA_VALID else CSUM_NONE
    if data[1]:
        return RxPacket(data, csum, data[1] & 0x7F, HEADER.unpack_from(data)[3], VNET_LEN)
    return RxPacket(data, csum, 0, 0, VNET_LEN)
