"""The options of packet endpoints at SOL_PACKET (packet(7), net/packet/af_packet.c: packet_setsockopt, packet_getsockopt).

Tags stay in their frames and interfaces are not stacked, so PACKET_ORIGDEV changes nothing, as on Linux for such
interfaces; PACKET_TIMESTAMP chooses among clocks of hardware that there is none of. Fan-out, PACKET_VNET_HDR and what is
for sending through a ring are not there (NO_SUCH_OPTION).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.errors import NetworkError
from tcpip.transport.option_values import in_range, int_value

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack

MAX_MEMBERSHIPS: Final = 256
_MAC: Final = 6
_ADDRESSED: Final = (0, 3)  # PACKET_MR_MULTICAST, PACKET_MR_UNICAST
_MREQ: Final = struct.Struct("=iHH8s")
_STATS: Final = struct.Struct("=II")
_FLAGS: Final = (so.PACKET_AUXDATA, so.PACKET_ORIGDEV, so.PACKET_QDISC_BYPASS, so.PACKET_IGNORE_OUTGOING)


class PacketOptions:
    """`packets` and `drops` since PACKET_STATISTICS was read."""

    __slots__ = ("stack", "flags", "timestamp", "packets", "drops", "memberships")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.flags = dict.fromkeys(_FLAGS, False)
        self.timestamp = 0
        self.packets = 0
        self.drops = 0
        self.memberships: dict[tuple[int, int, bytes], int] = {}

    def set(self, name: int, value: int | bytes) -> None:
        """setsockopt(2). NO_SUCH_OPTION, INVALID_ARGUMENT, NO_SUCH_DEVICE, NO_BUFFER_SPACE."""
        if name in (so.PACKET_ADD_MEMBERSHIP, so.PACKET_DROP_MEMBERSHIP):
            self._membership(name == so.PACKET_ADD_MEMBERSHIP, value)
        elif name == so.PACKET_IGNORE_OUTGOING:
            self.flags[name] = in_range(int_value(value), 0, 1) != 0
        elif name in self.flags:
            self.flags[name] = int_value(value) != 0
        elif name == so.PACKET_TIMESTAMP:
            self.timestamp = int_value(value)
        else:
            raise NetworkError(errors.NO_SUCH_OPTION)

    def get(self, name: int) -> int | bytes:
        """getsockopt(2). NO_SUCH_OPTION."""
        if name in self.flags:
            return int(self.flags[name])
        if name == so.PACKET_STATISTICS:
            value = _STATS.pack((self.packets + self.drops) & 0xFFFFFFFF, self.drops & 0xFFFFFFFF)
            self.packets = self.drops = 0
            return value
        if name == so.PACKET_TIMESTAMP:
            return self.timestamp
        raise NetworkError(errors.NO_SUCH_OPTION)

    def _membership(self, add: bool, value: int | bytes) -> None:
        """Promiscuous reception and groups of the link. Interfaces here hand over every frame, so it is only kept."""
        if isinstance(value, int) or len(value) < _MREQ.size:
            raise NetworkError(errors.INVALID_ARGUMENT)
        index, kind, length, address = _MREQ.unpack_from(value)
        if length > len(address):
            raise NetworkError(errors.INVALID_ARGUMENT)
        key = (index, kind, address[:length])
        if not add:
            count = self.memberships.pop(key, 0)
            if count > 1:
                self.memberships[key] = count - 1
            return
        if index not in self.stack.nics:
            raise NetworkError(errors.NO_SUCH_DEVICE)
        if length > _MAC or (length != _MAC and kind in _ADDRESSED):
            raise NetworkError(errors.INVALID_ARGUMENT)
        if key not in self.memberships and len(self.memberships) >= MAX_MEMBERSHIPS:
            raise NetworkError(errors.NO_BUFFER_SPACE)
        self.memberships[key] = self.memberships.get(key, 0) + 1
