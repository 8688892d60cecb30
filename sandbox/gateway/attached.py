"""The networks `sandbox` and `tap`: our stack on an interface of a network namespace.

`sandbox` takes over the namespace's interfaces as runsc does: their addresses and routes move from the host's stack
to ours, and packet sockets carry the frames. `tap` opens a tap device (tap_device.py) whose host end has the gateway's
address of the sandbox's own plan. The surrounding network decides what may be reached, unless `--allow` is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway.capture import captured
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.networks import NetworkError, host_resolv_conf, hosts_file
from sandbox.gateway.pins import NamePins
from sandbox.gateway.policy import Policy, PolicyError
from sandbox.reactor import READ
from tcpip.addr import AF_INET, AF_INET6, IPV4_ANY, IPV6_ANY, text

if TYPE_CHECKING:
    import _socket

    from sandbox.boot.options import NetworkOptions
    from sandbox.gateway.interface_follower import InterfaceFollower
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from tcpip.link.base import LinkEndpoint
    from tcpip.link.fdbased import FdLink
    from tcpip.stack.nic import Nic

CLONE_NEWNET: Final = 0x40000000


def attach(kernel: Kernel, options: NetworkOptions, network: Network, hostname: str) -> None:
    """Configure `network` for one of the two. Raises NetworkError."""
    if options.publish:
        raise NetworkError(
            f"--publish: the network `{options.kind}` has an address of its own; nothing is to be published"
        )
    _set_guard(kernel, options, network)
    if options.namespace_fd >= 0:
        from sandbox.boot import libc

        libc.setns(options.namespace_fd, CLONE_NEWNET)
    try:
        if options.kind == "tap":
            _attach_tap(kernel, options, network)
        else:
            follower = _attach_interfaces(kernel, options, network)
            if options.mirror:
                _mirror_ports(kernel, network, options.entered)
            if options.fresh and network.guard is None:  # no rule of `--allow` would cover what it is asked
                follower.joined = _DockersResolver(kernel, network).begin
    except ImportError:
        raise NetworkError("--network tap needs the Python package python-pytun: pip install python-pytun") from None
    except OSError as error:
        raise NetworkError(f"the network `{options.kind}` cannot be had: {error.strerror or error}") from None
    network.resolv_conf = host_resolv_conf().encode("utf-8", "replace")
    network.hosts = hosts_file(hostname, _first(network, AF_INET), _first(network, AF_INET6))


def _set_guard(kernel: Kernel, options: NetworkOptions, network: Network) -> None:
    if not options.allow:
        return
    try:
        policy = Policy.parse(options.allow)
    except PolicyError as error:
        raise NetworkError(f"--allow {error}") from None
    if policy.has_names():
        raise NetworkError(
            f"--allow with names needs --network user; on `{options.kind}` only addresses, networks and * can be held"
        )
    network.guard = EgressGuard(policy, NamePins(kernel.clock), network.counters, kernel.log.warning, own_network=False)


def _first(network: Network, family: int) -> str:
    """The first address of an interface that is not the loopback."""
    found = [a for nic in network.stack.nics.values() if not nic.loopback for a in nic.addresses_of(family)]
    return text(found[0].addr) if found else ""


def _add_nic(kernel: Kernel, options: NetworkOptions, network: Network, link: FdLink, name: str) -> Nic:
    """A NIC over a host descriptor: filtered, captured, read by the event loop."""
    outer: LinkEndpoint = link
    if network.guard is not None:
        from sandbox.gateway.egress_filter import EgressFilter

        outer = EgressFilter(link, network.guard)
    nic = network.stack.add_nic(captured(kernel, options, network, outer), name)
    kernel.reactor.watch(link.fileno(), READ, lambda events: _receive(link))
    return nic


def _receive(link: FdLink) -> None:
    """One batch; the reactor is level-triggered and comes back for more."""
    link.receive()


def _close(kernel: Kernel, link: FdLink) -> None:
    if link.fileno() >= 0:
        kernel.reactor.unwatch(link.fileno())
        link.close()


# --- sandbox ---


def _attach_interfaces(kernel: Kernel, options: NetworkOptions, network: Network) -> InterfaceFollower:
    from sandbox.gateway.host_interfaces import close_ears, in_host_namespace, take_over
    from sandbox.gateway.interface_follower import InterfaceFollower, add_addresses, add_route
    from tcpip.link.packetsocket import PacketSocketLink

    if in_host_namespace():
        which = "this one" if options.namespace_fd < 0 else "the one of the bundle"
        raise NetworkError(f"--network sandbox needs a network namespace of its own: {which} is the host's")
    own = options.namespace_fd < 0 and not options.fresh  # and is to be given back as it was
    whole = not own and close_ears()
    follower = InterfaceFollower(
        kernel, network, whole, lambda link, name: _add_nic(kernel, options, network, link, name)
    )
    interfaces, routes = take_over()
    if not interfaces and own:
        raise NetworkError("--network sandbox: no interface but the loopback is up in this network namespace")
    for interface in interfaces:
        link = PacketSocketLink(interface.name)
        nic = _add_nic(kernel, options, network, link, interface.name)
        network.on_close(lambda link=link: _close(kernel, link))  # type: ignore[misc]
        nic.accept_ra = not any(len(addr) == 16 for addr, _ in interface.addresses)
        add_addresses(nic, interface)
        follower.begin(interface, nic, link)
    for route in routes:
        add_route(network, follower.known[route.index].nic, route)
    return follower


class _DockersResolver:
    """Made when the container is on a network that has it: from the start, or from when it is connected to one."""

    def __init__(self, kernel: Kernel, network: Network) -> None:
        from sandbox.gateway import embedded_resolver, resolver_upstream

        self.kernel = kernel
        self.network = network
        self.begun = False
        self.upstream: list[_socket.socket] = []
        try:
            resolver_upstream.lead_here()
        except OSError:  # the namespace's loopback is down: nobody listens there, nor will
            return
        self.upstream = [resolver_upstream.open_socket(datagram) for datagram in (True, False)]
        network.on_close(self.close)
        if embedded_resolver.is_here():
            self.begin()

    def begin(self) -> None:
        """From now on, if it has not begun yet."""
        from sandbox.gateway.embedded_resolver import EmbeddedResolver
        from sandbox.gateway.networks import drive, new_stack
        from sandbox.gateway.resolver_upstream import UpstreamDatagrams, UpstreamStream

        kernel, network = self.kernel, self.network
        if self.begun or not self.upstream or network.stack.lo is None:
            return
        self.begun = True
        stack = new_stack(kernel)
        resolver = EmbeddedResolver(stack, network.stack.lo, kernel.reactor, network.counters, kernel.log.warning)
        drive(kernel.reactor, stack)
        network.on_close(resolver.close)
        datagrams, stream = self.upstream
        network.on_close(UpstreamDatagrams(network.stack, kernel.reactor, network.counters, datagrams).close)
        network.on_close(UpstreamStream(network.stack, kernel.reactor, network.counters, stream).close)

    def close(self) -> None:
        """What was never of use."""
        for sock in () if self.begun else self.upstream:
            sock.close()


def _mirror_ports(kernel: Kernel, network: Network, entered: bool) -> None:
    from sandbox.gateway.loopback import LOOPBACK4, Mirror, lead_here, let_low_ports_be_bound

    let_low_ports_be_bound()
    if entered:
        lead_here(
            [a.addr for nic in network.stack.nics.values() if not nic.loopback for a in nic.addresses_of(AF_INET)]
        )
    where = "0.0.0.0" if entered else LOOPBACK4
    mirror = network.mirror = Mirror(network.stack, kernel.reactor, network.counters, where)
    network.on_close(mirror.close)


# --- tap ---


def _attach_tap(kernel: Kernel, options: NetworkOptions, network: Network) -> None:
    from sandbox.gateway.tap_device import open_tap

    link, six = open_tap(options.tap)
    nic = _add_nic(kernel, options, network, link, "eth0")
    network.on_close(lambda: _close(kernel, link))
    nic.accept_ra = False
    nic.add_address(plan.GUEST4, plan.PREFIX4_LEN)
    network.stack.add_route(IPV4_ANY, 0, plan.GATEWAY4, nic)
    if six:
        nic.add_address(plan.GUEST6, plan.PREFIX6_LEN, dad=False)
        network.stack.add_route(IPV6_ANY, 0, plan.GATEWAY6, nic)
    else:
        nic.add_link_local()
