"""PacketSocket: one AF_PACKET socket, thin over a packet endpoint, with the ring that libpcap reads from.

Every call is net/packet/af_packet.c's. Of rings there are TPACKET_V1's and V2's for receiving; TPACKET_V3 is refused as by
kernels before Linux 3.2, and a ring for sending as one that cannot be had.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.errors import SyscallError
from sandbox.sockets.base import ControlMessage, Received
from sandbox.sockets.inet.socket import InetSocket
from sandbox.sockets.net_errno import syscall_error
from sandbox.sockets.packet.ring import PacketRing, RingShape
from sandbox.vfs.file_description import WOULD_BLOCK
from tcpip import errors
from tcpip.addr import LinkAddress, SockAddr
from tcpip.errors import NetworkError
from tcpip.transport.packet import PacketEndpoint

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from tcpip.transport.endpoint import Endpoint

TPACKET_V2: Final = 1
MAX_RINGS: Final = 32  # of the whole sandbox: each holds a descriptor
ADDRESS: Final = struct.Struct("<HHiHBB8s")
_ADDRESS_MIN: Final = 12
_REQUEST: Final = struct.Struct("<IIII")


class PacketSocket(InetSocket):
    """`version`, `reserve` and `copy_threshold` are for the ring that is asked for next."""

    def __init__(self, network: Network, endpoint: Endpoint, kind: int, protocol: int, flags: int = 0) -> None:
        super().__init__(network, endpoint, kind, protocol, flags)
        self.version = 0
        self.reserve = 0
        self.copy_threshold = 0
        self.ring: PacketRing | None = None

    def release(self) -> None:
        self._drop_ring()
        super().release()

    # --- names ---

    def bind(self, t: Task, address: bytes) -> None:
        if len(address) < ADDRESS.size or int.from_bytes(address[:2], "little") != abi.AF_PACKET:
            raise SyscallError(errno.EINVAL)
        try:
            self.endpoint.bind(decode(address, self.kind))
        except NetworkError as error:
            raise syscall_error(error) from None

    def getsockname(self, t: Task) -> bytes:
        own = self.endpoint.getsockname()
        return encode(own)[: _ADDRESS_MIN + len(own.addr)]

    def connect(self, t: Task, address: bytes) -> int:
        raise SyscallError(errno.EOPNOTSUPP)

    def getpeername(self, t: Task) -> bytes:
        raise SyscallError(errno.EOPNOTSUPP)

    # --- data ---

    def sendmsg(self, t: Task, data: memoryview, address: bytes, flags: int, control: list[ControlMessage]) -> int:
        where = decode(address, self.kind) if address else None
        try:
            return self.endpoint.sendmsg(data, where, flags)
        except NetworkError as error:
            raise syscall_error(error) from None

    def recvmsg(self, t: Task, dst: memoryview, flags: int, got: Received | None) -> int:
        try:
            message = self.endpoint.recvmsg(dst, flags | abi.MSG_TRUNC if got is not None else flags)
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return WOULD_BLOCK
            raise syscall_error(error) from None
        if got is not None:
            got.size = message.length
            got.flags |= message.flags
            if message.address is not None:
                got.address = encode(message.address)
            got.control.extend(ControlMessage(level, kind, data) for level, kind, data in message.control)
        return min(message.length, len(dst))

    # --- options ---

    def setsockopt(self, t: Task, level: int, name: int, value: bytes) -> None:
        if level != abi.SOL_PACKET:
            super().setsockopt(t, level, name, value)
        elif name in (abi.PACKET_RX_RING, abi.PACKET_TX_RING):
            self._set_ring(t, name, value)
        elif name in (abi.PACKET_VERSION, abi.PACKET_RESERVE, abi.PACKET_COPY_THRESH):
            if len(value) != 4 if name != abi.PACKET_COPY_THRESH else len(value) < 4:
                raise SyscallError(errno.EINVAL)
            self._set_ring_option(name, abi.INT.unpack_from(value)[0])
        else:
            super().setsockopt(t, level, name, value)

    def _set_ring_option(self, name: int, number: int) -> None:
        if name == abi.PACKET_COPY_THRESH:
            self.copy_threshold = number
            return
        if name == abi.PACKET_VERSION and not 0 <= number <= TPACKET_V2:
            raise SyscallError(errno.EINVAL)
        if number < 0:
            raise SyscallError(errno.EINVAL)
        if self.ring is not None:
            raise SyscallError(errno.EBUSY)
        if name == abi.PACKET_VERSION:
            self.version = number
        else:
            self.reserve = number

    def getsockopt(self, t: Task, level: int, name: int, size: int) -> bytes:
        if level == abi.SOL_PACKET:
            known = {
                abi.PACKET_VERSION: self.version,
                abi.PACKET_RESERVE: self.reserve,
                abi.PACKET_COPY_THRESH: self.copy_threshold,
            }
            if name in known:
                return abi.INT.pack(known[name])
        elif level != abi.SOL_SOCKET:
            raise SyscallError(errno.ENOPROTOOPT)
        return super().getsockopt(t, level, name, size)

    # --- the ring ---

    def _set_ring(self, t: Task, name: int, value: bytes) -> None:
        """PACKET_RX_RING: make one, or with no blocks give it back. EBUSY, EINVAL, ENOMEM."""
        if len(value) < _REQUEST.size or name == abi.PACKET_TX_RING:
            raise SyscallError(errno.EINVAL)
        block_size, blocks, frame_size, frames = _REQUEST.unpack_from(value)
        if self.ring is not None and self.ring.mappings:
            raise SyscallError(errno.EBUSY)
        if not blocks:
            if frames:
                raise SyscallError(errno.EINVAL)
            self._drop_ring()
            return
        if self.ring is not None:
            raise SyscallError(errno.EBUSY)
        shape = RingShape(block_size, blocks, frame_size, frames, self.version, self.reserve)
        shape.check()
        if self.network.totals.packet_rings >= MAX_RINGS:
            raise SyscallError(errno.ENOMEM)
        endpoint = self._packet_endpoint()
        ring = PacketRing(t, shape, self, endpoint)
        self.network.totals.packet_rings += 1
        self.ring = ring
        endpoint.sink = ring
        endpoint.received.clear()
        endpoint.received_bytes = 0

    def _packet_endpoint(self) -> PacketEndpoint:
        endpoint = self.endpoint
        assert isinstance(endpoint, PacketEndpoint)
        return endpoint

    def _drop_ring(self) -> None:
        ring = self.ring
        if ring is not None:
            self.ring = None
            self._packet_endpoint().sink = None
            self.network.totals.packet_rings -= 1
            ring.close()

    def check_mapping(self, size: int, offset: int) -> None:
        if offset or self.ring is None or size != self.ring.shape.size:
            raise SyscallError(errno.EINVAL)

    def backing(self, t: Task, shared: bool, prot: int) -> Backing:
        if self.ring is None:
            raise SyscallError(errno.EINVAL)
        return self.ring


def decode(raw: bytes, kind: int) -> SockAddr:
    """struct sockaddr_ll; EINVAL when it is too short for what it says."""
    if len(raw) < ADDRESS.size:
        raise SyscallError(errno.EINVAL)
    _, protocol, index, hardware, packet_type, length, address = ADDRESS.unpack_from(raw)
    if len(raw) < _ADDRESS_MIN + length:
        raise SyscallError(errno.EINVAL)
    ethertype = int.from_bytes(protocol.to_bytes(2, "little"), "big")
    if kind == abi.SOCK_DGRAM and length:
        address = raw[_ADDRESS_MIN : _ADDRESS_MIN + max(length, 6)]
    return LinkAddress(address[:6] if length else b"", ethertype, index, hardware, packet_type)


def encode(address: SockAddr) -> bytes:
    """The raw form, 20 bytes."""
    assert isinstance(address, LinkAddress)
    protocol = int.from_bytes(address.port.to_bytes(2, "big"), "little")
    return ADDRESS.pack(
        abi.AF_PACKET,
        protocol,
        address.scope_id,
        address.hardware,
        address.kind,
        len(address.addr),
        address.addr,
    )
