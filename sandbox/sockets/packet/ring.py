"""The ring of frames that an AF_PACKET socket shares with its reader (PACKET_RX_RING, TPACKET_V1 and V2).

It is a memfd that the guest maps and the sentry only reads and writes by calls: a guest can do what it likes with its
pages, and what it writes there is believed for one thing, whether it has done with a frame.
Source: Documentation/networking/packet_mmap.rst, net/packet/af_packet.c: packet_set_ring, tpacket_rcv, packet_poll.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_PACKET, SOCK_DGRAM
from sandbox.errors import SyscallError
from tcpip.transport.packet import Frame, FrameSink, PacketEndpoint

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.sockets.packet.socket import PacketSocket
    from sandbox.vfs.path import Path

MAX_SIZE: Final = 32 << 20  # bytes of one ring
STATUS_USER: Final = 1
STATUS_COPY: Final = 2
STATUS_LOSING: Final = 4
_ALIGNMENT: Final = 16
_PAGE: Final = 4096
_HEADER: Final = 32  # struct tpacket_hdr and tpacket2_hdr, aligned
_ADDRESS: Final = struct.Struct("<HHiHBB8s")
_V1: Final = struct.Struct("<IIHHII")  # what follows tp_status, a long
_V2: Final = struct.Struct("<IIHHIIHH4x")  # and an int
_STATUS_SIZES: Final = (8, 4)
_LINK_HEADER: Final = 16  # room that tpacket_rcv leaves for it


def hdrlen_option(value: bytes) -> bytes:
    """PACKET_HDRLEN, whose answer depends on what is asked: the length of a version's frame header. EINVAL, also for
    versions that are not there."""
    if len(value) < 4 or int.from_bytes(value[:4], "little") not in (0, 1):
        raise SyscallError(errno.EINVAL)
    return _HEADER.to_bytes(4, "little")


class RingShape:
    """struct tpacket_req, the version and what is reserved in each frame."""

    __slots__ = ("block_size", "blocks", "frame_size", "frames", "version", "reserve")

    def __init__(self, block_size: int, blocks: int, frame_size: int, frames: int, version: int, reserve: int) -> None:
        self.block_size = block_size
        self.blocks = blocks
        self.frame_size = frame_size
        self.frames = frames
        self.version = version
        self.reserve = reserve

    @property
    def size(self) -> int:
        """In bytes."""
        return self.block_size * self.blocks

    def check(self) -> None:
        """EINVAL as Linux has it; ENOMEM for what is too large."""
        block, frame = self.block_size, self.frame_size
        if not 0 < block < 1 << 31 or block % _PAGE or frame < _HEADER + _ADDRESS.size + self.reserve:
            raise SyscallError(errno.EINVAL)
        if frame % _ALIGNMENT or frame > block or self.size >= 1 << 32 or block // frame * self.blocks != self.frames:
            raise SyscallError(errno.EINVAL)
        if self.size > MAX_SIZE:
            raise SyscallError(errno.ENOMEM)

    def place(self, index: int) -> int:
        """Where a frame lies."""
        in_block = self.block_size // self.frame_size
        return index // in_block * self.block_size + index % in_block * self.frame_size


class PacketRing(FrameSink):
    """Also what mmap(2) maps (a `Backing`); it goes when socket and mappings are gone. `mappings`: areas of it."""

    def __init__(self, t: Task, shape: RingShape, socket: PacketSocket, endpoint: PacketEndpoint) -> None:
        """ENOMEM."""
        self.base = 0
        self.counted = True
        self.outside = False
        self.keepable: object = None
        self.place: Path | None = None
        self.device = 0
        self.key: object = self
        self.name = socket.link_text()
        self.inode = socket.inode
        self.shape = shape
        self.socket = socket
        self.endpoint = endpoint
        self.mappings = 0
        self.head = 0
        self._closed = False
        self._space = t.kernel.mounts.vfs.space
        self._pages = shape.size // _PAGE
        if self._pages > self._space.free():
            raise SyscallError(errno.ENOMEM)
        try:
            self._fd = os.memfd_create("packet", os.MFD_CLOEXEC)
            os.ftruncate(self._fd, shape.size)
        except OSError:
            raise SyscallError(errno.ENOMEM) from None
        self._space.charge(self._pages)

    # --- as memory ---

    def host_fd(self, writable: bool) -> int:
        """Read-write: the reader gives frames back."""
        return self._fd

    def acquire(self) -> None:
        """One area more."""
        self.mappings += 1

    def drop(self) -> None:
        """One area fewer."""
        self.mappings -= 1
        self._release()

    def close(self) -> None:
        """The socket needs it no longer."""
        self._closed = True
        self._release()

    def _release(self) -> None:
        if self._closed and not self.mappings and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._space.charge(-self._pages)

    # --- as a place for frames ---

    def _status(self, index: int) -> int:
        raw = os.pread(self._fd, _STATUS_SIZES[self.shape.version], self.shape.place(index))
        return int.from_bytes(raw, "little")

    def readable(self) -> bool:
        """The frame that was written last is still the reader's."""
        return self._status((self.head or self.shape.frames) - 1) != 0

    def put(self, frame: Frame) -> bool:
        shape, endpoint = self.shape, self.endpoint
        link = 0 if endpoint.type == SOCK_DGRAM else frame.network
        network = -(-(_HEADER + _ADDRESS.size) // _ALIGNMENT) * _ALIGNMENT + _LINK_HEADER + shape.reserve
        if endpoint.type != SOCK_DGRAM:
            room = max(link, _LINK_HEADER)
            network = -(-(_HEADER + _ADDRESS.size + room) // _ALIGNMENT) * _ALIGNMENT + shape.reserve
        start = network - link
        status = frame.status
        kept = min(len(frame.data), max(shape.frame_size - start, 0))
        if self._status(self.head):
            return False
        if kept < len(frame.data) and self.socket.copy_threshold:
            if endpoint.received_bytes < endpoint.options.rcvbuf:
                endpoint.enqueue(frame)
                status |= STATUS_COPY
        if endpoint.packet.drops:
            status |= STATUS_LOSING
        place = shape.place(self.head)
        body = self._header(frame, kept, start, network)
        room = min(start, shape.frame_size)  # a reserve may leave nothing for the frame
        text = (body.ljust(room, b"\0")[:room] + frame.data[:kept])[: shape.frame_size]
        size = _STATUS_SIZES[shape.version]
        os.pwrite(self._fd, text[size:], place + size)
        os.pwrite(self._fd, status.to_bytes(size, "little"), place)
        self.head = (self.head + 1) % shape.frames
        return True

    def _header(self, frame: Frame, kept: int, start: int, network: int) -> bytes:
        """Header with a status of 0, and the address behind it."""
        seconds, ns = divmod(frame.time_ns, 10**9)
        seconds &= 0xFFFFFFFF
        if self.shape.version:
            head = bytes(4) + _V2.pack(frame.length, kept, start, network, seconds, ns, 0, 0)
        else:
            head = bytes(8) + _V1.pack(frame.length, kept, start, network, seconds, ns // 1000)
        address = frame.address
        protocol = int.from_bytes(address.port.to_bytes(2, "big"), "little")
        return head.ljust(_HEADER, b"\0") + _ADDRESS.pack(
            AF_PACKET,
            protocol,
            address.scope_id,
            address.hardware,
            address.kind,
            len(address.addr),
            address.addr,
        )
