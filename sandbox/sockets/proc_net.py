"""The tables of /proc/net and /sys/class/net, from the sandbox's network (proc_pid_net(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.socket import AF_INET, AF_INET6, SOCK_RAW
from tcpip.addr import is_link_local, is_loopback
from tcpip.stack.route_table import TABLE_MAIN
from tcpip.transport.packet import PacketEndpoint

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.sockets.inet.socket import InetSocket

IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17
PORTION: Final = 256  # sockets that are written down before others have a turn
RTF_UP: Final = 1
RTF_GATEWAY: Final = 2
RTF_HOST: Final = 4
RTF_REJECT: Final = 0x200
_PROTOCOLS: Final[dict[str, tuple[int, int]]] = {
    "tcp": (AF_INET, IPPROTO_TCP),
    "tcp6": (AF_INET6, IPPROTO_TCP),
    "udp": (AF_INET, IPPROTO_UDP),
    "udp6": (AF_INET6, IPPROTO_UDP),
    "raw": (AF_INET, -1),
    "raw6": (AF_INET6, -1),
}
_LO_SCOPE, _LINK_SCOPE, _GLOBAL_SCOPE = 0x10, 0x20, 0x00


class ProcNet:
    """`table` and `class_net` are what `Vfs.proc_net` and `Vfs.sys_class_net` call for a network namespace."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def table(self, name: str) -> bytes | Iterator[bytes] | None:
        """The text of /proc/net/NAME, in portions where it may be long; None: as in an empty stack."""
        from sandbox.fs.procfs.net import EMPTY

        wanted = _PROTOCOLS.get(name)
        if wanted is not None:
            return self._sockets(EMPTY[name], wanted[0], wanted[1])
        if name == "packet":
            rows = self._packets()
        elif name == "dev":
            rows = self._devices()
        elif name == "route":
            rows = self._routes()
        elif name == "if_inet6":
            rows = self._addresses6()
        else:
            return None
        return EMPTY[name] + "".join(rows).encode()

    def _sockets(self, head: bytes, family: int, protocol: int) -> Iterator[bytes]:
        """The sockets that there are now, without those that are closed before their turn comes."""
        from sandbox.sockets.netlink.diag import TCP_CLOSE, state_of

        yield head
        rows: list[str] = []
        number = 0
        for socket in sorted(self.network.sockets, key=_inode):
            if len(rows) == PORTION:
                yield "".join(rows).encode()
                rows.clear()
            if socket not in self.network.sockets:
                continue
            if socket.family != family or (socket.kind == SOCK_RAW) != (protocol == -1):
                continue
            if protocol in (-1, socket.protocol) and (protocol != IPPROTO_TCP or state_of(socket) != TCP_CLOSE):
                rows.append(_socket_row(number, socket, protocol))
                number += 1
        yield "".join(rows).encode()

    def _packets(self) -> list[str]:
        """AF_PACKET sockets (net/packet/af_packet.c: packet_seq_show)."""
        rows = []
        for socket in sorted(self.network.sockets, key=_inode):
            endpoint = socket.endpoint
            if isinstance(endpoint, PacketEndpoint):
                running = int(endpoint.ethertype != 0)
                rows.append(
                    f"0000000000000000 {3:<6} {socket.kind:<4} {endpoint.ethertype:04x} {endpoint.nic:<5} {running} "
                    f"{endpoint.received_bytes:<6} {endpoint.options.owner:<6} {socket.inode:<6}\n"
                )
        return rows

    def _devices(self) -> list[str]:
        return [
            f"{nic.name:>6}: {nic.rx_bytes:7} {nic.rx_packets:7}    0 {nic.rx_dropped:4}    0     0          0         0 "
            f"{nic.tx_bytes:8} {nic.tx_packets:7}    0 {nic.tx_dropped:4}    0     0       0          0\n"
            for nic in self.network.stack.nics.values()
        ]

    def _routes(self) -> list[str]:
        rows = []
        for entry in self.network.stack.routes.entries:
            if len(entry.prefix) != 4 or entry.table != TABLE_MAIN:
                continue
            mask = (0xFFFFFFFF << 32 - entry.length & 0xFFFFFFFF).to_bytes(4, "big")
            flags = RTF_UP | (RTF_GATEWAY if entry.gateway else 0) | (RTF_HOST if entry.length == 32 else 0)
            if entry.error is not None:
                flags |= RTF_REJECT
            fields = (
                entry.nic.name if entry.nic is not None else "*",
                _words(entry.prefix),
                _words(entry.gateway or bytes(4)),
                f"{flags:04X}\t0\t0\t{entry.metric}",
                _words(mask),
                "0\t0\t0",
            )
            rows.append("\t".join(fields).ljust(127) + "\n")
        return rows

    def _addresses6(self) -> list[str]:
        rows = []
        for nic in self.network.stack.nics.values():
            for address in nic.addresses_of(AF_INET6):
                addr = address.addr
                scope = _LO_SCOPE if is_loopback(addr) else _LINK_SCOPE if is_link_local(addr) else _GLOBAL_SCOPE
                flags = (0x40 if address.tentative else 0) | (0x80 if address.valid_until is None else 0)
                rows.append(
                    f"{addr.hex()} {nic.number:02x} {address.prefix_len:02x} {scope:02x} {flags:02x} {nic.name:>8}\n"
                )
        return rows

    def class_net(self) -> dict[str, dict[str, str]]:
        """The attributes of each interface."""
        from sandbox.sockets.inet.link_state import carries, interface_flags, interface_type, operational
        from sandbox.sockets.inet.own_links import own_link

        out = {}
        for nic in self.network.stack.nics.values():
            mac = (nic.mac or bytes(6)).hex(":")
            link = own_link(nic)
            other = link.other_end() if link is not None else None
            out[nic.name] = {
                "address": mac,
                "addr_len": "6",
                "broadcast": "ff:ff:ff:ff:ff:ff" if nic.mac else "00:00:00:00:00:00",
                "carrier": "1" if carries(nic) else "0",
                "flags": hex(interface_flags(nic)),
                "ifindex": str(nic.number),
                "iflink": str(nic.number if other is None else other.number),
                "mtu": str(nic.mtu),
                "operstate": operational(nic),
                "tx_queue_len": "1000",
                "type": str(interface_type(nic)),
            }
        return out


def _inode(socket: InetSocket) -> int:
    return socket.inode


def _words(addr: bytes) -> str:
    """An address as the kernel prints it: each four bytes as one number of the host's byte order."""
    return "".join(addr[at : at + 4][::-1].hex().upper() for at in range(0, len(addr), 4))


def _socket_row(number: int, socket: InetSocket, protocol: int) -> str:
    from sandbox.sockets.netlink.diag import peer_of, state_with

    own, peer = socket.endpoint.getsockname(), peer_of(socket)
    size = 4 if socket.family == AF_INET else 16
    queues = (0, 0) if socket.listening else (socket.endpoint.unsent_bytes(), socket.endpoint.readable_bytes())
    tail = " 1 0000000000000000 100 0 0 10 0" if protocol == IPPROTO_TCP else " 2 0000000000000000 0"
    return (
        f"{number:4}: {_words(own.addr.ljust(size, bytes(1)))}:{own.port:04X} "
        f"{_words(peer.addr.ljust(size, bytes(1)))}:{peer.port:04X} {state_with(socket, peer):02X} "
        f"{queues[0]:08X}:{queues[1]:08X} 00:00000000 00000000 {0:5} {0:8} {socket.inode}{tail}\n"
    )


def show(kernel: Kernel, network: Network) -> None:
    """Let /proc/net and /sys/class/net show `network`."""
    kernel.mounts.vfs.proc_net = lambda net, table: ProcNet(net.network).table(table)
    kernel.mounts.vfs.sys_class_net = lambda net: ProcNet(net.network).class_net()
    kernel.mounts.vfs.stack = network.stack
