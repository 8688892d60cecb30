"""TUN and TAP: interfaces whose other end is an open file of /dev/net/tun (Documentation/networking/tuntap.rst,
drivers/net/tun.c). The files are tun_file.py.

What is written to a file does not arrive inside the call, but in a later turn of the event loop, as after a softirq.
"""

from __future__ import annotations

import zlib
from collections import deque
from typing import TYPE_CHECKING, Callable, Final

from sandbox.sockets.inet.own_links import MTU_MOST, TUN, OwnLink
from sandbox.sockets.inet.queued_link import BACKLOG, TOTAL_BYTES
from sandbox.sockets.netlink import message as nl
from tcpip.link import vnet
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.qdisc import flow_key
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT, WaitQueue

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from tcpip.buffer import RxPacket, TxPacket
    from tcpip.stack.nic import Nic

IFF_TUN: Final = 1
IFF_TAP: Final = 2
IFF_MULTI_QUEUE: Final = 0x100
IFF_NO_PI: Final = 0x1000
IFF_VNET_HDR: Final = 0x4000
IFF_PERSIST: Final = 0x800
QUEUE_LENGTH: Final = 500  # packets that wait for a reader of a TUN device (TUN_READQ_SIZE)
ETHERNET_SIZE: Final = 14  # of a frame's head
OVERHEAD: Final = 256  # bytes that a packet takes besides its own: the length of a queue is the guest's to choose
MOST_QUEUES: Final = 256  # MAX_TAP_QUEUES


class TunQueue:
    """One open file's end: the packets that wait for its reader, each with its virtio_net_hdr. `link`: the interface, None
    before TUNSETIFF and after the interface has gone."""

    def __init__(self, totals: Totals, soon: Callable[[Callable[[], None]], None]) -> None:
        self.link: TunLink | None = None
        self.waiting: deque[tuple[bytes, bytes]] = deque()
        self.queue = WaitQueue()
        self.disabled = False  # by TUNSETQUEUE
        self._arrived: list[RxPacket] = []
        self._held = 0  # bytes of what has arrived and what waits
        self._totals = totals
        self._soon = soon

    def put(self, header: bytes, data: bytes, most: int) -> bool:
        """A packet for the reader, behind fewer than `most`; False: there is no room."""
        size = len(data) + OVERHEAD
        if len(self.waiting) >= most or self._totals.veth_bytes + size > TOTAL_BYTES:
            return False
        self._charge(size)
        self.waiting.append((header, data))
        self.queue.notify(EVENT_IN)
        return True

    def take(self) -> tuple[bytes, bytes] | None:
        """The next packet for the reader."""
        if not self.waiting:
            return None
        header, data = self.waiting.popleft()
        self._charge(-len(data) - OVERHEAD)
        return header, data

    def write(self, packet: RxPacket) -> bool:
        """A packet of the writer is on its way to the stack; False: dropped, there is no room."""
        size = len(packet.data)
        if len(self._arrived) >= BACKLOG or self._totals.veth_bytes + size > TOTAL_BYTES:
            return False
        self._charge(size)
        if not self._arrived:
            self._soon(self._deliver)
        self._arrived.append(packet)
        return True

    def _deliver(self) -> None:
        packets, self._arrived = self._arrived, []
        for packet in packets:
            self._charge(-len(packet.data))
        if self.link is not None and self.link.dispatcher is not None:
            self.link.dispatcher.deliver(packets)

    def _charge(self, size: int) -> None:
        self._held += size
        self._totals.veth_bytes += size

    def gone(self) -> None:
        """Its interface has gone: a reader has nothing to wait for."""
        self.link = None
        self.disabled = False
        self.empty()
        self.queue.notify(EVENT_IN | EVENT_OUT | EVENT_ERR)

    def empty(self) -> None:
        """Nobody will read what waits."""
        self.waiting.clear()
        self._arrived = []
        self._charge(-self._held)


class TunLink(OwnLink):
    """The interface. `flags`: IFF_TUN or IFF_TAP, IFF_NO_PI …, as TUNSETIFF got them; `queues`: the files that are attached;
    `wants_carrier`: TUNSETCARRIER; `carrier_lost`: it was without one since it was made; `persistent`, `owner`, `group`: TUNSETPERSIST …, in the kernel's ids, -1 for nobody."""

    def __init__(self, flags: int, mac: bytes) -> None:
        most = MTU_MOST - (ETHERNET_SIZE if flags & IFF_TAP else 0)
        super().__init__(TUN, mac, 0 if flags & IFF_TAP else CAP_NO_ARP, most)
        self.flags = flags
        if not self.tap:
            self.queue_length = QUEUE_LENGTH
        self.queues: list[TunQueue] = []
        self.unused: list[TunQueue] = []  # attached, and disabled
        self.persistent = False
        self.owner = self.group = -1
        self.wants_carrier = True
        self.carrier_lost = False
        self.header_size = vnet.VNET_LEN
        self.send_buffer = 0x7FFFFFFF

    @property
    def tap(self) -> bool:
        """It carries frames."""
        return self.flags & IFF_TAP != 0

    def write_packets(self, batch: list[TxPacket]) -> int:
        queues = self.queues
        if not queues:
            return 0
        taken = 0
        for pkt in batch:
            queue = queues[zlib.crc32(flow_key(pkt)) % len(queues)] if len(queues) > 1 else queues[0]
            taken += queue.put(vnet.emit(pkt), pkt.join(), self.queue_length)
        return taken

    def carrier(self) -> bool:
        return bool(self.queues or self.unused) and self.wants_carrier

    def close(self) -> None:
        queues, self.queues, self.unused = self.queues + self.unused, [], []
        for queue in queues:
            queue.gone()


def shown_flags(link: TunLink) -> int:
    """As TUNGETIFF and sysfs tell them (tun_flags)."""
    return link.flags & 0xFFFF | (IFF_PERSIST if link.persistent else 0)


def attributes_of(nic: Nic) -> dict[str, str]:
    """What /sys/class/net/NAME has besides what every interface has."""
    link = nic.link
    if not isinstance(link, TunLink):
        return {}
    return {"tun_flags": hex(shown_flags(link)), "owner": str(link.owner), "group": str(link.group)}


def link_data(link: TunLink) -> bytes:
    """IFLA_INFO_DATA (tun_fill_info)."""
    parts = [nl.u32(number, value) for number, value in ((1, link.owner), (2, link.group)) if value >= 0]
    parts.append(nl.u8(3, link.flags & (IFF_TUN | IFF_TAP)))
    parts.append(nl.u8(4, int(not link.flags & IFF_NO_PI)))
    parts.append(nl.u8(5, int(link.flags & IFF_VNET_HDR != 0)))
    parts.append(nl.u8(6, int(link.persistent)))
    several = link.flags & IFF_MULTI_QUEUE
    parts.append(nl.u8(7, int(several != 0)))
    if several:
        parts += [nl.u32(8, len(link.queues)), nl.u32(9, len(link.unused))]
    return b"".join(parts)
