"""LateGateway: the gateway's end of the guest's cable until there is something for the gateway to do.

Most programs send nothing, and a second stack with its services is a tenth of what a start would import and make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway.policy import HOST_NAME
from tcpip.buffer import RxPacket
from tcpip.link.base import Dispatcher

if TYPE_CHECKING:
    from sandbox.gateway.dns_service import DnsService
    from sandbox.gateway.egress_guard import EgressGuard
    from sandbox.gateway.gateway import Gateway
    from sandbox.gateway.network import Network
    from sandbox.gateway.resolver import Resolver
    from sandbox.gateway.stream_service import StreamService
    from sandbox.kernel.kernel import Kernel
    from tcpip.link.base import LinkEndpoint
    from tcpip.stack.stack import Stack

HTTP_PORT: Final = 80  # of the service at the gateway
_ARP: Final = b"\x08\x06"
_REPORTS4: Final = bytes((224, 0, 0, 22))  # all IGMPv3-capable routers
_REPORTS6: Final = b"\xff\x02" + bytes(13) + b"\x16"  # all MLDv2-capable routers


def announces(frame: bytes) -> bool:
    """What an interface says when it comes up, and no gateway answers: whose an address is, which groups it is in."""
    if frame[12:14] == _ARP:
        return frame[28:32] == frame[38:42]
    return frame[30:34] == _REPORTS4 or frame[38:54] == _REPORTS6


class LateGateway(Dispatcher):
    """`nameservers`: the host's; None: nothing is asked of them."""

    def __init__(
        self,
        kernel: Kernel,
        network: Network,
        link: LinkEndpoint,
        guard: EgressGuard,
        hostname: str,
        nameservers: tuple[str, ...] | None,
    ) -> None:
        self._kernel = kernel
        self._network = network
        self._link = link
        self._guard = guard
        self._hostname = hostname
        self._nameservers = nameservers
        self._gateway: Gateway | None = None
        self._dns: DnsService | None = None
        link.attach(self)

    def deliver(self, packets: list[RxPacket]) -> None:
        """The guest's, until one of them is for the gateway."""
        if not all([announces(pkt.data) for pkt in packets]):
            self.gateway().deliver(packets)

    def gateway(self) -> Gateway:
        """It is there, and has its end of the cable."""
        if self._gateway is None:
            from sandbox.gateway.gateway import Gateway
            from sandbox.gateway.networks import drive, new_stack

            kernel, network = self._kernel, self._network
            stack = new_stack(kernel)
            self._gateway = Gateway(
                stack, self._link, kernel.reactor, self._guard, network.counters, kernel.log.warning
            )
            network.on_close(self._gateway.close)
            self._start_services(self._gateway)
            drive(kernel.reactor, stack)
        return self._gateway

    def ask(self, nameservers: tuple[str, ...]) -> None:
        """Names of the outside are asked of these, if they were of nobody."""
        if self._nameservers is None:
            self._nameservers = nameservers
            if self._dns is not None:
                self._dns.use(self._new_resolver(nameservers))

    def _new_resolver(self, nameservers: tuple[str, ...]) -> Resolver:
        from sandbox.gateway.resolver import Resolver

        resolver = Resolver(self._kernel.reactor, nameservers, self._kernel.random)
        self._network.on_close(resolver.close)
        return resolver

    def _start_services(self, gateway: Gateway) -> None:
        from sandbox.gateway import dns_service, host_socket

        network, asked = self._network, self._nameservers
        resolver = self._new_resolver(asked) if asked is not None else None
        names = plan.embedded_names(self._hostname)
        if network.kind == "internal":
            del names[HOST_NAME]
        self._dns = dns_service.DnsService(
            gateway.stack, self._guard, network.counters, names, resolver, host_socket.has_ipv6
        )
        gateway.services[dns_service.PORT] = self._dns.streams
        gateway.services[HTTP_PORT] = lambda: _http_service(gateway.stack)


def _http_service(stack: Stack) -> StreamService:
    from sandbox.gateway.http_service import HttpConnection
    from sandbox.gateway.stream_service import StreamService

    return StreamService(stack, HttpConnection)
