"""Whether an answer to a packet would leave by the interface that it came in by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, is_multicast
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from tcpip.buffer import RxPacket
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack


def reverse_path_ok(stack: Stack, nic: Nic, pkt: RxPacket) -> bool:
    """RFC 3704 2.2 (strict, `nic.rp_filter` 1) and 2.4 (loose, 2), as net/ipv4/fib_frontend.c:fib_validate_source."""
    if pkt.src == IPV4_ANY:
        return pkt.dst == IPV4_BROADCAST or is_multicast(pkt.dst)
    try:
        entry = stack.rules.lookup(stack.routes, pkt.src, pkt.dst, nic.name, "", 0, 0)
    except NetworkError:
        return False
    return entry is not None and entry.kind == "unicast" and (nic.rp_filter == 2 or entry.through(nic.number))
