"""Every Internet socket and connection of a network, as /proc/net/tcp and sock_diag(7) list them: also those that no process
holds any more (FIN-WAIT, TIME-WAIT) or not yet (accept(2) has not been called)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.socket import AF_INET, AF_INET6, SOCK_RAW, SOCK_STREAM
from tcpip.addr import SockAddr, any_of, is_any
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.protocol import TcpProtocol
from tcpip.transport.tcp.state import CLOSED, CLOSING, ESTABLISHED, FIN_WAIT_1, LAST_ACK, LISTEN, TIME_WAIT
from tcpip.transport.tcp.time_wait import TimeWait

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.inet.socket import InetSocket
    from tcpip.transport.endpoint import Endpoint

FIN_NOT_ACKNOWLEDGED: Final = (FIN_WAIT_1, LAST_ACK, CLOSING)


class Connection:
    """One row. `inode` 0: no process holds it. `left_ns`: how long it stays in TIME-WAIT."""

    __slots__ = ("family", "state", "own", "peer", "received", "unsent", "uid", "inode", "endpoint", "left_ns")

    def __init__(self, family: int, state: int, own: SockAddr, peer: SockAddr) -> None:
        self.family = family
        self.state = state
        self.own = own
        self.peer = peer
        self.received = self.unsent = 0
        self.uid = self.inode = 0
        self.endpoint: Endpoint | None = None
        self.left_ns = 0

    def is_listening(self) -> bool:
        """It waits for connections."""
        return self.state == LISTEN


def connections(network: Network, family: int, protocol: int, raw: bool = False) -> Iterator[Connection]:
    """Sockets in the order in which they were made, then connections that nobody holds. TCP sockets that are neither bound for
    listening nor connected are not listed, as in Linux's hash tables."""
    held: set[Endpoint] = set()
    for socket in sorted(network.sockets, key=_inode):
        held.add(socket.endpoint)
        if socket not in network.sockets or socket.family != family or (socket.kind == SOCK_RAW) != raw:
            continue
        if raw or socket.protocol == protocol:
            row = _of_socket(socket)
            if row.state != CLOSED or socket.kind != SOCK_STREAM:
                yield row
    if protocol == IPPROTO_TCP and not raw:
        yield from _not_held(network, family, held)


def peer_of(endpoint: Endpoint) -> SockAddr:
    """The peer, unspecified when there is none."""
    try:
        return endpoint.getpeername()
    except NetworkError:
        return SockAddr(any_of(endpoint.family), 0)


def _inode(socket: InetSocket) -> int:
    return socket.inode


def _of_socket(socket: InetSocket) -> Connection:
    row = _of_endpoint(socket.endpoint, socket.family)
    row.inode, row.uid = socket.inode, socket.uid
    return row


def _of_endpoint(endpoint: Endpoint, family: int) -> Connection:
    peer = peer_of(endpoint)
    if isinstance(endpoint, TcpEndpoint):
        state = endpoint.state
    else:
        state = CLOSED if is_any(peer.addr) else ESTABLISHED
    row = Connection(family, state, endpoint.getsockname(), peer)
    row.endpoint = endpoint
    if not isinstance(endpoint, TcpEndpoint):
        facts = endpoint.memory_info()
        row.received, row.unsent = facts[0], facts[2]
    elif endpoint.listener is not None:
        row.received, row.unsent = len(endpoint.listener.ready), endpoint.listener.backlog
    else:  # a FIN counts like a byte
        rcv = endpoint.rcv
        row.received = rcv.queue.size + int(rcv.fin_taken and not rcv.fin_read)
        row.unsent = endpoint.unsent_bytes() + int(state in FIN_NOT_ACKNOWLEDGED)
    return row


def _not_held(network: Network, family: int, held: set[Endpoint]) -> Iterator[Connection]:
    tcp = network.stack.protocols.get(IPPROTO_TCP)
    if not isinstance(tcp, TcpProtocol):
        return
    now = network.stack.clock.now_ns()
    for handler in list(tcp.demux.connected.values()):
        if isinstance(handler, TimeWait):
            row = _of_time_wait(handler)
            row.left_ns = max(0, handler.expires - now)
        elif isinstance(handler, TcpEndpoint) and handler not in held:
            row = _of_endpoint(handler, handler.family)
        else:
            continue
        if row.family == family and row.state != CLOSED:
            yield row


def _of_time_wait(record: TimeWait) -> Connection:
    size = (len(record.key) - 4) // 2
    own, peer = SockAddr(record.key[size : 2 * size], record.ports[0]), SockAddr(record.key[:size], record.ports[1])
    return Connection(AF_INET if size == 4 else AF_INET6, TIME_WAIT, own, peer)
