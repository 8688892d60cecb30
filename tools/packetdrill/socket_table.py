"""/proc/net/tcp and /proc/net/tcp6 of the stack under test, for scripts that look whether a socket is there (proc_net(5))."""

from __future__ import annotations

import socket
from typing import Final

from tcpip.stack.stack import Stack
from tcpip.transport.tcp.endpoint import TcpEndpoint

SOCKET_TABLES: Final = {"/proc/net/tcp": socket.AF_INET, "/proc/net/tcp6": socket.AF_INET6}
_HEADING: Final = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def socket_table(stack: Stack, family: int) -> str:
    """Listeners, then connections, of sockets of one family."""
    demux = stack.tcp.demux
    found = [entry.handler for entries in demux.bound.values() for entry in entries]
    endpoints = [one for one in [*found, *demux.connected.values()] if isinstance(one, TcpEndpoint)]
    lines = [_line(number, ep) for number, ep in enumerate(ep for ep in endpoints if ep.family == family)]
    return _HEADING + "".join(lines)


def _line(number: int, ep: TcpEndpoint) -> str:
    local, remote = _place(ep, ep.local_addr, ep.local_port), _place(ep, ep.remote_addr, ep.remote_port)
    queues = f"{ep.unsent_bytes():08X}:{ep.readable_bytes():08X}" if ep.listener is None else "00000000:00000000"
    return f"{number:4}: {local} {remote} {ep.state:02X} {queues} 00:00000000 00000000 {0:5} {0:8} {0} 1\n"


def _place(ep: TcpEndpoint, addr: bytes, port: int) -> str:
    """Words of an address in the host's byte order."""
    whole = addr or bytes(16 if ep.family == socket.AF_INET6 else 4)
    if ep.family == socket.AF_INET6 and len(whole) == 4:
        whole = bytes(10) + b"\xff\xff" + whole
    words = (whole[at : at + 4][::-1].hex().upper() for at in range(0, len(whole), 4))
    return f"{''.join(words)}:{port:04X}"
