"""/proc/net/tcp, udp, raw, packet and their kin (net/ipv4/tcp_ipv4.c: get_tcp4_sock)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.sockets.inet.connections import Connection, connections
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from tcpip.transport.packet import PacketEndpoint
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, TIME_WAIT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.inet.socket import InetSocket

PORTION: Final = 256  # sockets that are written down before others have a turn
PROTOCOLS: Final[dict[str, tuple[int, int]]] = {
    "tcp": (AF_INET, IPPROTO_TCP),
    "tcp6": (AF_INET6, IPPROTO_TCP),
    "udp": (AF_INET, IPPROTO_UDP),
    "udp6": (AF_INET6, IPPROTO_UDP),
    "udplite": (AF_INET, IPPROTO_UDPLITE),
    "udplite6": (AF_INET6, IPPROTO_UDPLITE),
    "icmp": (AF_INET, IPPROTO_ICMP),
    "icmp6": (AF_INET6, IPPROTO_ICMPV6),
    "raw": (AF_INET, -1),
    "raw6": (AF_INET6, -1),
}
PADDED: Final[dict[tuple[int, int], int]] = {
    (4, IPPROTO_TCP): 149,
    (4, IPPROTO_UDP): 127,
    (4, IPPROTO_UDPLITE): 127,
    (4, IPPROTO_ICMP): 127,
}
"""Length of a row by size of address and protocol, where it has one of its own (seq_setwidth)."""


def table(network: Network, head: bytes, name: str) -> Iterator[bytes]:
    """The sockets that there are now, in portions, without those that are closed before their turn comes."""
    family, protocol = PROTOCOLS[name]
    yield head
    rows: list[str] = []
    for number, row in enumerate(connections(network, family, protocol, protocol < 0)):
        rows.append(_row(number, row, protocol))
        if len(rows) == PORTION:
            yield "".join(rows).encode()
            rows.clear()
    yield "".join(rows).encode()


def packets(network: Network) -> list[str]:
    """AF_PACKET sockets (net/packet/af_packet.c: packet_seq_show)."""
    rows = []
    for socket, endpoint in packet_sockets(network):
        running = int(endpoint.ethertype != 0)
        rows.append(
            f"0000000000000000 {3:<6} {socket.kind:<4} {endpoint.ethertype:04x}   {endpoint.nic:<5} {running} "
            f"{endpoint.received_bytes:<6} {endpoint.options.owner:<6} {socket.inode:<6}\n"
        )
    return rows


def packet_sockets(network: Network) -> list[tuple[InetSocket, PacketEndpoint]]:
    """Those of AF_PACKET, in the order of their inodes."""
    ordered = sorted(network.sockets, key=_inode)
    return [(socket, socket.endpoint) for socket in ordered if isinstance(socket.endpoint, PacketEndpoint)]


def words(addr: bytes) -> str:
    """An address as the kernel prints it: each four bytes as one number of the host's byte order."""
    return "".join(addr[at : at + 4][::-1].hex().upper() for at in range(0, len(addr), 4))


def _inode(socket: InetSocket) -> int:
    return socket.inode


def _row(number: int, row: Connection, protocol: int) -> str:
    size = 4 if row.family == AF_INET else 16
    received, unsent = (row.received, 0) if row.is_listening() else (row.received, row.unsent)
    timer, until = (3, row.left_ns // 10_000_000) if row.state == TIME_WAIT else (0, 0)
    if protocol != IPPROTO_TCP:
        tail = " 2 0000000000000000 0"
    elif row.state in (TIME_WAIT, SYN_RECEIVED):
        tail = " 3 0000000000000000"
    else:
        tail = f" 1 0000000000000000 {_timing(row)}"
    width = 4 if protocol == IPPROTO_TCP or (protocol < 0 and size == 4) else 5
    peer_port = row.peer.port if protocol >= 0 else 0
    line = (
        f"{number:{width}}: {words(row.own.addr.ljust(size, bytes(1)))}:{row.own.port:04X} "
        f"{words(row.peer.addr.ljust(size, bytes(1)))}:{peer_port:04X} {row.state:02X} "
        f"{unsent:08X}:{received:08X} {timer:02X}:{until:08X} 00000000 {row.uid:5} {0:8} {row.inode}{tail}"
    )
    return line.ljust(PADDED.get((size, protocol), 0)) + "\n"


def _timing(row: Connection) -> str:
    """Retransmission time-out and delayed acknowledgement in ticks, quick acks, congestion window, slow-start threshold."""
    endpoint = row.endpoint
    if not isinstance(endpoint, TcpEndpoint) or row.state in (CLOSED, LISTEN):
        return "100 0 0 10 0"
    snd = endpoint.snd
    mss = max(snd.mss, 1)
    threshold = snd.cc.ssthresh // mss
    return f"{snd.rtt.rto // 10_000_000} {endpoint.rcv.ato // 10_000_000} 0 {snd.cc.cwnd // mss} {threshold if threshold < 0xFFFF else -1}"
