"""IPv4 options of packets that are for this host: routes and times are recorded in them (RFC 791 3.1).

Source: net/ipv4/ip_options.c: ip_options_compile with a packet.
"""

from __future__ import annotations

from typing import Final

from tcpip.buffer import RxPacket
from tcpip.checksum import partial_sum
from tcpip.header.ipv4 import OPTION_END, OPTION_NOP, OPTION_RECORD_ROUTE, OPTION_TIMESTAMP

_TS_ONLY: Final = 0
_TS_AND_ADDRESS: Final = 1
_TS_PRESPECIFIED: Final = 3


def record_passage(pkt: RxPacket, time: int) -> None:
    """Write the packet's destination and `time` (milliseconds of the day) where its options have room for it; they have
    been parsed without error."""
    data = bytearray(pkt.data)
    at, end = pkt.network + 20, pkt.transport
    changed = False
    while at < end and data[at] != OPTION_END:
        if data[at] == OPTION_NOP:
            at += 1
            continue
        size = data[at + 1]
        if data[at] == OPTION_RECORD_ROUTE and size >= 3 and 4 <= data[at + 2] <= size - 3:
            slot = at + data[at + 2] - 1
            data[slot : slot + 4] = pkt.dst
            data[at + 2] += 4
            changed = True
        elif data[at] == OPTION_TIMESTAMP and size >= 4:
            changed = _record_time(data, at, size, pkt.dst, time) or changed
        at += size
    if not changed:
        return
    head = slice(pkt.network + 10, pkt.network + 12)
    data[head] = b"\0\0"
    data[head] = (0xFFFF - (partial_sum(data[pkt.network : end]) or 0xFFFF)).to_bytes(2, "big")
    pkt.data = bytes(data)


def _record_time(data: bytearray, at: int, size: int, own: bytes, time: int) -> bool:
    pointer, flag = data[at + 2], data[at + 3] & 15
    slot = at + pointer - 1
    if pointer < 5:
        return False
    if pointer > size:
        if flag == _TS_PRESPECIFIED or data[at + 3] >> 4 == 15:
            return False
        data[at + 3] += 16  # one more host had no room
        return True
    if flag == _TS_ONLY and pointer + 3 <= size:
        data[slot : slot + 4] = time.to_bytes(4, "big")
        data[at + 2] += 4
        return True
    if pointer + 7 > size or flag not in (_TS_AND_ADDRESS, _TS_PRESPECIFIED):
        return False
    if flag == _TS_PRESPECIFIED and bytes(data[slot : slot + 4]) != own:
        return False
    data[slot : slot + 8] = own + time.to_bytes(4, "big")
    data[at + 2] += 8
    return True
