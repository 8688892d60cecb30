"""What an image says of the network: sockets and their protocols' tables are state; interfaces, routes and counters are those of
the sandbox that it is restored in, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.checkpoint.image import BadImage
from sandbox.sockets.inet.socket import InetSocket
from tcpip.errors import NetworkError
from tcpip.stack.route import Route
from tcpip.transport.tcp.endpoint import TcpEndpoint

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from tcpip.stack.stack import Stack

_COUNTERS: Final = ("ip", "ip6", "icmp", "icmp6", "tcp", "tcp_ext", "udp", "udp6")
STACK_STATE: Final = ("tcp", "udp", "ports", "pings", "raws")


def names(stack: Stack) -> dict[str, object]:
    """What belongs to the stack itself."""
    found: dict[str, object] = {
        "stack": stack,
        "stack timers": stack.timers,
        "stack random": stack.random,
        "stack stats": stack.stats,
    }
    found.update({f"stats {name}": getattr(stack.stats, name) for name in _COUNTERS})
    found.update({f"nic {nic.name}": nic for nic in stack.nics.values()})
    return found


def record(value: Route) -> tuple[object, ...]:
    """A route is looked up again."""
    return "route", value.dst, value.src, value.mark


def route(stack: Stack, dst: bytes, src: bytes, mark: int) -> Route:
    """The opposite of `record`. BadImage."""
    try:
        return stack.find_route(dst, src, 0, mark)
    except NetworkError:
        raise BadImage("a socket of the image is bound to an address that this sandbox does not have") from None


def leads_out(socket: InetSocket) -> bool:
    """Its peer is not in this sandbox."""
    endpoint = socket.endpoint
    return isinstance(endpoint, TcpEndpoint) and endpoint.route is not None and not endpoint.route.loopback


def state_of(kernel: Kernel) -> dict[str, object]:
    """The protocols' tables, with nothing under way on the loopback."""
    stack = kernel.net.stack
    stack.flush()
    stack._route_cache.clear()
    return {name: getattr(stack, name) for name in STACK_STATE}


def install(kernel: Kernel, state: dict[object, object], sockets: list[InetSocket]) -> None:
    """The opposite."""
    stack = kernel.net.stack
    for name in STACK_STATE:
        setattr(stack, name, state[name])
    for protocol in (stack.tcp, stack.udp):
        stack.protocols[protocol.number] = protocol
    for socket in sockets:
        socket.mirrored = 0
        kernel.net.sockets.add(socket)
    kernel.net.totals.sockets += len(sockets)
