"""Packet endpoints: frames as they are on an interface, both ways (AF_PACKET).

SOCK_RAW has the link header in front of the data, SOCK_DGRAM has not. An endpoint for every protocol (ETH_P_ALL) also
sees what this host sends. On the loopback each packet is seen twice, sent and received, with a link header of zeros.
What arrives waits in a bounded queue, or goes to `sink`. Who may have one is the caller's business (CAP_NET_RAW).
Source of behaviour: packet(7), net/packet/af_packet.c, net/core/dev.c: dev_queue_xmit_nit, __netif_receive_skb_core.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_PACKET, LinkAddress, SockAddr
from tcpip.buffer import CSUM_NONE, CSUM_PARTIAL, GSO_ECN, GSO_TCPV4, GSO_TCPV6, TO_OUTGOING, RxPacket
from tcpip.errors import NetError, NetworkError
from tcpip.header.ethernet import FIXED, HEADER_LEN
from tcpip.link.vlan import TYPE_VLAN
from tcpip.native import mypyc_attr
from tcpip.transport.endpoint import Control, Endpoint, Message
from tcpip.transport.packet_options import PacketOptions
from tcpip.transport.packet_table import hardware_type, own_address
from tcpip.transport.protocol import IcmpError
from tcpip.transport.socket_filter import TOO_MANY, passes
from tcpip.transport.socket_level import timestamp_message
from tcpip.transport.socket_options import SocketOptions
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

OVERHEAD: Final = 512
"""What a queued frame is charged beside its bytes (an sk_buff with its shared info)."""
VLAN_TAG: Final = 4
STATUS_USER: Final = 1
STATUS_CSUM_NOT_READY: Final = 8
STATUS_CSUM_VALID: Final = 0x80
STATUS_GSO_TCP: Final = 0x100
_AUXDATA: Final = struct.Struct("=IIIHHHH")
_TIMEVAL: Final = struct.Struct("=qq")
_RECV_FLAGS: Final = so.MSG_PEEK | so.MSG_DONTWAIT | so.MSG_TRUNC | so.MSG_ERRQUEUE | so.MSG_NOSIGNAL


class Frame:
    """One frame for one endpoint: `data` as the endpoint sees it, cut by its filter; `length` before that. `network`:
    where the network header begins in `data`. `status` as in struct tpacket_auxdata."""

    __slots__ = ("data", "length", "network", "status", "address", "time_ns")

    def __init__(self, data: bytes, length: int, network: int, status: int, address: LinkAddress, time_ns: int) -> None:
        self.data = data
        self.length = length
        self.network = network
        self.status = status
        self.address = address
        self.time_ns = time_ns


@mypyc_attr(allow_interpreted_subclasses=True)
class FrameSink:
    """Takes frames in place of the queue, for instance a ring that is shared with a reader."""

    def put(self, frame: Frame) -> bool:
        """False: there is no room."""
        raise NotImplementedError

    def readable(self) -> bool:
        """Something is there that was not read."""
        raise NotImplementedError


class PacketEndpoint(Endpoint):
    """socket(AF_PACKET, SOCK_RAW or SOCK_DGRAM, htons(ethertype)). Ethertype 0 receives nothing; addresses are
    `LinkAddress`."""

    __slots__ = (
        "stack",
        "options",
        "packet",
        "ethertype",
        "nic",
        "received",
        "received_bytes",
        "error",
        "sink",
        "closed",
    )

    def __init__(self, stack: Stack, sock_type: int, ethertype: int) -> None:
        super().__init__(AF_PACKET, sock_type, 0)
        self.stack = stack
        self.options = SocketOptions(stack.buffers)
        self.packet = PacketOptions(stack)
        self.ethertype = ethertype
        self.nic = 0
        self.received: deque[Frame] = deque()
        self.received_bytes = 0
        self.error: NetError | None = None
        self.sink: FrameSink | None = None
        self.closed = False
        self.hook()

    # Addresses.

    def hook(self) -> None:
        """Be shown packets from now on, if there are any that it wants."""
        self.stack.packets.remove(self)
        if self.ethertype and not self.closed:
            self.stack.packets.add(self)

    def bind(self, address: SockAddr) -> None:
        """To an interface (`scope_id`, 0: all) and a protocol (`port`, 0: as before). NO_SUCH_DEVICE."""
        if not isinstance(address, LinkAddress):
            raise NetworkError(errors.INVALID_ARGUMENT)
        nic = self.stack.nics.get(address.scope_id)
        if nic is None and address.scope_id:
            raise NetworkError(errors.NO_SUCH_DEVICE)
        self.nic = address.scope_id
        self.ethertype = address.port or self.ethertype
        self.hook()
        if nic is not None and not nic.up:
            self.fail(errors.NETWORK_DOWN)

    def connect(self, address: SockAddr | None) -> None:
        raise NetworkError(errors.NOT_SUPPORTED)

    def shutdown(self, how: int) -> None:
        raise NetworkError(errors.NOT_SUPPORTED)

    def getsockname(self) -> SockAddr:
        nic = self.stack.nics.get(self.nic)
        if nic is None:
            return LinkAddress(b"", self.ethertype, self.nic)
        return LinkAddress(own_address(nic), self.ethertype, self.nic, hardware_type(nic))

    def getpeername(self) -> SockAddr:
        raise NetworkError(errors.NOT_SUPPORTED)

    # Receiving.

    def fail(self, error: NetError) -> None:
        """Its interface is down or gone."""
        self.error = error
        self.queue.notify(EVENT_ERR | EVENT_IN)

    def handle_packet(self, pkt: RxPacket) -> None:
        """A frame that it wants: `pkt.network` is set, and `pkt.link` is where the link header begins."""
        start = pkt.link if self.type == so.SOCK_RAW else pkt.network
        end = passes(self.options, pkt, start, 0, self.stack.random) if self.options.filter else pkt.end
        if end < 0:
            self.packet.drops += end == TOO_MANY
            return
        if self.sink is None and self.received_bytes >= self.options.rcvbuf:
            self.packet.drops += 1
            return
        nic = pkt.nic
        assert nic is not None
        address = LinkAddress(pkt.link_src, pkt.ethertype, nic.number, hardware_type(nic), pkt.kind)
        now = self.stack.clock.realtime_ns()
        frame = Frame(pkt.data[start:end], pkt.end - start, pkt.network - start, _status(pkt), address, now)
        if self.sink is None:
            self.enqueue(frame)
        elif not self.sink.put(frame):
            self.packet.drops += 1
            return
        self.packet.packets += 1
        self.queue.notify(EVENT_IN)

    def enqueue(self, frame: Frame) -> None:
        """Into the queue that `recvmsg` reads."""
        self.received.append(frame)
        self.received_bytes += len(frame.data) + OVERHEAD

    def handle_error(self, error: IcmpError) -> None:
        """ICMP knows nothing of frames."""

    def recvmsg(self, buffer: memoryview, flags: int = 0) -> Message:
        if flags & ~_RECV_FLAGS:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if flags & so.MSG_ERRQUEUE:
            raise NetworkError(errors.WOULD_BLOCK)
        if self.error is not None:
            error, self.error = self.error, None
            raise NetworkError(error)
        if not self.received:
            raise NetworkError(errors.WOULD_BLOCK)
        frame = self.received[0]
        size = len(frame.data)
        count = min(size, len(buffer))
        buffer[:count] = memoryview(frame.data)[:count]
        if not flags & so.MSG_PEEK:
            self.received.popleft()
            self.received_bytes -= size + OVERHEAD
        length = size if flags & so.MSG_TRUNC else count
        return Message(length, frame.address, self._ancillary(frame), so.MSG_TRUNC if size > count else 0)

    def _ancillary(self, frame: Frame) -> list[Control]:
        control: list[Control] = []
        seconds, ns = divmod(frame.time_ns, 10**9)
        if self.options.timestamp:
            part = ns if self.options.timestamp_ns else ns // 1000
            control.append((so.SOL_SOCKET, timestamp_message(self.options), _TIMEVAL.pack(seconds, part)))
        if self.packet.flags[so.PACKET_AUXDATA]:
            data = _AUXDATA.pack(frame.status, frame.length, len(frame.data), 0, frame.network, 0, 0)
            control.append((so.SOL_PACKET, so.PACKET_AUXDATA, data))
        return control

    # Sending.

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        return self.sendmsg(data, None, flags)

    def sendmsg(
        self,
        data: bytes | memoryview,
        address: SockAddr | None = None,
        flags: int = 0,
        control: list[Control] | None = None,
    ) -> int:
        """NO_SUCH_ADDRESS without an interface, NETWORK_DOWN, MESSAGE_TOO_LONG, INVALID_ARGUMENT for what is shorter
        than a link header."""
        nic = self.stack.nics.get(self.nic if address is None else address.scope_id)
        if nic is None:
            raise NetworkError(errors.NO_SUCH_ADDRESS)
        if self.error is not None:
            error, self.error = self.error, None
            raise NetworkError(error)
        if not nic.up:
            raise NetworkError(errors.NETWORK_DOWN)
        frame = bytes(data)
        room = nic.mtu
        header = HEADER_LEN if own_address(nic) else 0
        if self.type == so.SOCK_RAW:
            room += header
            if nic.mac and frame[12:14] == TYPE_VLAN.to_bytes(2, "big"):
                room += VLAN_TAG
        if len(frame) > room:
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        ethertype = self.ethertype if address is None else address.port
        if self.type == so.SOCK_DGRAM:
            frame = _link_header(nic, address, ethertype) + frame
        elif len(frame) < max(1, header):
            raise NetworkError(errors.INVALID_ARGUMENT)
        self.stack.packets.transmit(nic, frame, ethertype, self)
        return len(data)

    # The rest.

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.hook()
            self.received.clear()
            self.received_bytes = 0
            self.sink = None

    def readiness(self) -> int:
        mask = EVENT_OUT
        if self.received or self.error is not None or (self.sink is not None and self.sink.readable()):
            mask |= EVENT_IN
        return mask | EVENT_ERR if self.error is not None else mask

    def readable_bytes(self) -> int:
        return len(self.received[0].data) if self.received else 0

    def settings(self) -> SocketOptions:
        return self.options

    def take_error(self) -> NetError | None:
        error, self.error = self.error, None
        return error

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        if level == so.SOL_PACKET:
            self.packet.set(name, value)
        elif level != so.SOL_SOCKET or not self.options.set(AF_PACKET, level, name, value):
            raise NetworkError(errors.NO_SUCH_OPTION)

    def get_option(self, level: int, name: int) -> int | bytes:
        if level == so.SOL_PACKET:
            return self.packet.get(name)
        value = self.options.get(AF_PACKET, level, name) if level == so.SOL_SOCKET else None
        if value is None:
            raise NetworkError(errors.NO_SUCH_OPTION)
        return value


def _status(pkt: RxPacket) -> int:
    status = STATUS_USER
    if pkt.csum == CSUM_PARTIAL:
        status |= STATUS_CSUM_NOT_READY
    elif pkt.csum != CSUM_NONE and pkt.kind != TO_OUTGOING:
        status |= STATUS_CSUM_VALID
    if pkt.gso_size and pkt.gso_type & ~GSO_ECN in (GSO_TCPV4, GSO_TCPV6):
        status |= STATUS_GSO_TCP
    return status


def _link_header(nic: Nic, address: SockAddr | None, ethertype: int) -> bytes:
    """What SOCK_DGRAM does not write itself (eth_header). Without a destination only the loopback knows where to."""
    own = own_address(nic)
    if not own:
        return b""
    to = address.addr[:6] if address is not None else b""
    if not to and not nic.loopback:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return FIXED.pack(to.ljust(6, b"\0"), own, ethertype)
