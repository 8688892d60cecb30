"""The networks that a sandbox can have: `none`, `internal`, `user`, `sandbox`, `tap`.

`build(kernel, options)` makes the stack with its links and services, hangs it into the kernel's event loop and sets
`kernel.net`. It is called while the sentry still has its privileges: host sockets of published ports, taps and
packet sockets are opened here.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway.network import Network
from tcpip.stack.stack import Stack

if TYPE_CHECKING:
    from sandbox.boot.options import NetworkOptions
    from sandbox.gateway.late_gateway import LateGateway
    from sandbox.kernel.kernel import Kernel
    from sandbox.reactor import Reactor
    from tcpip.link.base import LinkEndpoint

KINDS: Final = ("none", "internal", "user", "sandbox", "tap")
HOST_RESOLV_CONF: Final = "/etc/resolv.conf"


class NetworkError(Exception):
    """The network cannot be had; one line says why."""


def build(kernel: Kernel, options: NetworkOptions) -> Network:
    """Make the network and set `kernel.net`. Raises NetworkError."""
    stack = new_stack(kernel)
    network = Network(stack, options.kind)
    hostname = kernel.hostname.decode("ascii", "replace")
    if options.kind == "none":
        network.hosts = hosts_file(hostname, "", "")
    elif options.kind in ("internal", "user"):
        _build_own(kernel, options, network, hostname)
    elif options.kind in ("sandbox", "tap"):
        from sandbox.gateway.attached import attach

        attach(kernel, options, network, hostname)
    else:
        raise NetworkError(f"unknown network {options.kind!r}; there are {', '.join(KINDS)}")
    drive(kernel.reactor, stack)
    kernel.net = network
    return network


def new_stack(kernel: Kernel) -> Stack:
    """An empty one, on the sandbox's clock."""
    stack = Stack(kernel.clock, Random(int.from_bytes(kernel.random(32), "big")))
    stack.buffers = kernel.settings.buffers
    return stack


def drive(reactor: Reactor, stack: Stack) -> None:
    """Timers and output of a stack from the event loop."""
    stack.on_output = lambda: reactor.call_soon(stack.flush)
    stack.on_more = lambda: reactor.call_later(stack.flush)
    reactor.add_timers(stack.timers, stack.run_timers)
    reactor.call_soon(stack.flush)


def hosts_file(hostname: str, addr4: str, addr6: str) -> bytes:
    """/etc/hosts inside; without an address of its own the machine's name is on the loopback."""
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    if addr4:
        lines.append(f"{addr4}\t{hostname}")
    if addr6:
        lines.append(f"{addr6}\t{hostname}")
    if not addr4 and not addr6:
        lines.append(f"127.0.1.1\t{hostname}")
    return ("\n".join(lines) + "\n").encode("ascii", "replace")


def _build_own(kernel: Kernel, options: NetworkOptions, network: Network, hostname: str) -> None:
    """Guest's stack, cable, and what makes the gateway and its services."""
    from sandbox.gateway.egress_guard import EgressGuard
    from sandbox.gateway.late_gateway import LateGateway
    from sandbox.gateway.pins import NamePins
    from sandbox.gateway.policy import Policy, PolicyError
    from tcpip.addr import text
    from tcpip.link.pipe import pipe

    internal = options.kind == "internal"
    try:
        policy = Policy.parse(options.allow)
    except PolicyError as error:
        raise NetworkError(f"--allow {error}") from None
    if internal and options.allow:
        raise NetworkError("--allow: the network `internal` has no outside; --network user has one")
    guard = EgressGuard(policy, NamePins(kernel.clock), network.counters, kernel.log.warning, internal)
    guest_link, gateway_link = pipe(plan.MTU, (plan.GUEST_MAC, plan.GATEWAY_MAC))
    nameservers = None
    if not internal and (policy.has_names() or any(rule.any_host for rule in policy.rules)):
        from sandbox.gateway.resolver import read_nameservers

        nameservers = read_nameservers(host_resolv_conf())
    late = LateGateway(kernel, network, gateway_link, guard, hostname, nameservers)
    _configure_guest(kernel, options, network, guest_link)
    _publish(options, network, late)
    network.guard, network.gateway = guard, late
    network.resolv_conf = f"nameserver {text(plan.GATEWAY4)}\noptions timeout:3 attempts:2\n".encode("ascii")
    network.hosts = hosts_file(hostname, text(plan.GUEST4), text(plan.GUEST6))


def _configure_guest(kernel: Kernel, options: NetworkOptions, network: Network, link: LinkEndpoint) -> None:
    from sandbox.gateway.capture import captured
    from tcpip.addr import IPV4_ANY, IPV6_ANY

    stack = network.stack
    nic = stack.add_nic(captured(kernel, options, network, link), "eth0")
    nic.accept_ra = False
    nic.add_address(plan.GUEST4, plan.PREFIX4_LEN)
    nic.add_address(plan.GUEST6, plan.PREFIX6_LEN, dad=False)
    stack.add_route(IPV4_ANY, 0, plan.GATEWAY4, nic)
    stack.add_route(IPV6_ANY, 0, plan.GATEWAY6, nic)


def host_resolv_conf() -> str:
    """The host's, read at start, before the sentry's root changes; no file: no server but the loopback's."""
    try:
        with open(HOST_RESOLV_CONF, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _publish(options: NetworkOptions, network: Network, late: LateGateway) -> None:
    if not options.publish:
        return
    from sandbox.gateway.publish import PublishedDatagrams, PublishedStream, PublishError, PublishRule

    for text in options.publish:
        try:
            rule = PublishRule(text)
            sock = rule.open()
        except PublishError as error:
            raise NetworkError(f"--publish {error}") from None
        kind = PublishedDatagrams if rule.datagram else PublishedStream
        network.on_close(kind(late.gateway(), sock, rule.guest_port).close)
