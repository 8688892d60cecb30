"""Pings of the guest to the outside, through the host's ping sockets where those are permitted."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket, icmp_reply
from sandbox.reactor import READ
from tcpip.clock import NS_PER_S

if TYPE_CHECKING:
    import _socket

    from sandbox.gateway.flow_key import FlowKey
    from sandbox.gateway.gateway import Gateway
    from tcpip.buffer import RxPacket

MAX_FLOWS: Final = 256
IDLE_NS: Final = 30 * NS_PER_S
BATCH: Final = 32


class PingFlow:
    """One destination and identifier."""

    __slots__ = ("flow", "identifier", "sock", "fd", "used")

    def __init__(self, flow: FlowKey, identifier: int, sock: _socket.socket) -> None:
        self.flow = flow
        self.identifier = identifier
        self.sock = sock
        self.fd = sock.fileno()
        self.used = 0


class PingEgress:
    """All of them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._flows: dict[bytes, PingFlow] = {}
        self._told = False

    def echo(self, flow: FlowKey, pkt: RxPacket) -> None:
        """An echo request that the policy permits."""
        message = pkt.data[flow.transport : flow.end]
        if len(message) < 8:
            return
        key = flow.key + message[4:6]
        known = self._flows.pop(key, None) or self._open(flow, int.from_bytes(message[4:6], "big"), pkt.data)
        if known is None:
            return
        self._flows[key] = known
        known.used = self._gateway.now()
        self._gateway.counters.bytes_out += len(message)
        try:
            known.sock.send(message[:2] + b"\0\0" + message[4:])
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOBUFS, errno.ECONNREFUSED):
                self._gateway.unreachable(flow, pkt.data, icmp_reply.HOST)

    def _open(self, flow: FlowKey, identifier: int, packet: bytes) -> PingFlow | None:
        gateway = self._gateway
        if len(self._flows) >= MAX_FLOWS:
            self._end(next(iter(self._flows)))
        family, address, _ = host_socket.targets(flow.dst, 0)[0]
        number = 0
        try:
            sock = host_socket.open_ping(family)
            number = sock.connect_ex((address, 0))
            if number:
                sock.close()
        except OSError as error:
            number = error.errno or errno.EIO
        if number:
            refused = number in (errno.EACCES, errno.EPERM)
            if refused and not self._told:
                self._told = True
                gateway.warn("ping: this host has no ping sockets for us (sysctl net.ipv4.ping_group_range)")
            cause = icmp_reply.PROHIBITED if refused else icmp_reply.NO_ROUTE
            gateway.unreachable(flow, packet, cause)
            return None
        new = PingFlow(flow, identifier, sock)
        gateway.reactor.watch(new.fd, READ, lambda events: self._from_host(new))
        gateway.counters.flows += 1
        gateway.expect_sweep()
        return new

    def _from_host(self, ping: PingFlow) -> None:
        reply = 0 if len(ping.flow.dst) == 4 else 129
        for _ in range(BATCH):
            try:
                message = ping.sock.recv(65536)
            except OSError:
                return
            if len(message) < 8 or message[0] != reply:
                continue
            self._gateway.counters.bytes_in += len(message)
            sequence = int.from_bytes(message[6:8], "big")
            self._gateway.write_frame(
                icmp_reply.echo_reply(ping.flow.dst, ping.flow.src, ping.identifier, sequence, message[8:])
            )

    def _end(self, key: bytes) -> None:
        ping = self._flows.pop(key)
        self._gateway.reactor.unwatch(ping.fd)
        ping.sock.close()

    def sweep(self, now: int) -> bool:
        """Forget idle ones; True: there are some left."""
        for key, ping in list(self._flows.items()):
            if ping.used + IDLE_NS <= now:
                self._end(key)
        return bool(self._flows)

    def close(self) -> None:
        """The sandbox ends."""
        for key in list(self._flows):
            self._end(key)
