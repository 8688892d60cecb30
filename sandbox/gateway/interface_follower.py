"""What becomes of a container's interfaces while it runs: an engine connects it to one more network or takes one away, an
operator changes an MTU, an address or a route in its network namespace. The sandbox's stack follows.

The sentry has no rights there any more by then. So its sockets are made before: one that hears of changes, one that asks,
and packet sockets that are bound to the interfaces that come (binding needs no right). The host's own stack must not answer
for what comes: `close_ears` has seen to that, or only MTUs and states are followed.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Callable, Final

from sandbox.gateway.host_interfaces import interfaces_of, routes_of
from sandbox.gateway.host_rtnetlink import LINKS, RtNetlink
from sandbox.reactor import READ
from tcpip.errors import NetworkError
from tcpip.link.fdbased import FdLink
from tcpip.link.packetsocket import bind, open_socket

if TYPE_CHECKING:
    from sandbox.gateway.host_interfaces import HostInterface, HostRoute
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from tcpip.stack.nic import Nic

RouteKey = tuple[bytes, int, bytes, int, int]
SPARES: Final = 2
"""How many interfaces more there can be at a time. Few: the end of a sandbox waits for the host to close each of these sockets,
which takes a grace period of its RCU, 8 to 16 ms (packet_release in net/packet/af_packet.c)."""
DRAINS: Final = 16
"""Batches of frames of an interface that has gone."""


class Followed:
    """One of the host's interfaces, as it was when it was last looked at, and ours. `spare`: it came later."""

    __slots__ = ("host", "nic", "link", "spare")

    def __init__(self, host: HostInterface, nic: Nic, link: FdLink, spare: bool = False) -> None:
        self.host = host
        self.nic = nic
        self.link = link
        self.spare = spare


class InterfaceFollower:
    """`whole`: also interfaces that come, addresses and routes. `add` makes a NIC of a link and a name, as the first ones
    were made. OSError when the sockets cannot be had."""

    def __init__(self, kernel: Kernel, network: Network, whole: bool, add: Callable[[FdLink, str], Nic]) -> None:
        self.kernel = kernel
        self.network = network
        self.add = add
        self.whole = whole
        self.joined: Callable[[], None] | None = None  # an interface has come
        self.known: dict[int, Followed] = {}
        self.refused: set[int] = set()
        self.routes: dict[RouteKey, HostRoute] = {}
        self.news = RtNetlink(LINKS)
        self.host = RtNetlink()
        self.spares = [open_socket().detach() for _ in range(SPARES)] if whole else []
        network.on_close(self.close)
        kernel.reactor.watch(self.news.fileno(), READ, self.on_news)

    def close(self) -> None:
        """Nothing is followed any more."""
        self.kernel.reactor.unwatch(self.news.fileno())
        for one in self.known.values():
            if one.spare:
                self.kernel.reactor.unwatch(one.link.fileno())
                one.link.close()
        for fd in self.spares:
            os.close(fd)
        self.news.close()
        self.host.close()

    def begin(self, interface: HostInterface, nic: Nic, link: FdLink) -> None:
        """With one that is there at the start; its addresses are not the host's any more."""
        interface.addresses = []
        self.known[interface.index] = Followed(interface, nic, link)

    def on_news(self, events: int) -> None:
        """Look at all there is: what is told may be incomplete, and out of date."""
        try:
            if self.news.heard():
                self.look()
        except OSError as error:
            self.kernel.log.warning(
                f"the interfaces of the network namespace are not followed any more: {error.strerror}"
            )
            self.kernel.reactor.unwatch(self.news.fileno())

    def look(self) -> None:
        """Compare what there is with what there was, so that what guests have changed stays as it is."""
        interfaces = {interface.index: interface for interface in interfaces_of(self.host)}
        for index in [index for index in self.known if index not in interfaces]:
            self._leave(self.known.pop(index))
        self.refused.intersection_update(interfaces)
        for interface in interfaces.values():
            one = self.known.get(interface.index)
            if one is not None:
                self._change(one, interface)
            elif interface.up and self.spares:
                self._join(interface)
            elif interface.up and self.whole and interface.index not in self.refused:
                self.refused.add(interface.index)
                self.kernel.log.warning(
                    f"{interface.name} is not followed: only {SPARES} interfaces more at a time are"
                )
        if self.whole:
            self._change_routes({route.key(): route for route in routes_of(self.host, set(self.known))})

    def _join(self, interface: HostInterface) -> None:
        fd = self.spares.pop()
        try:
            bind(fd, interface.name)
        except OSError:  # it has gone again, or has another name, of which there is word
            self.spares.append(fd)
            return
        link = FdLink(fd, interface.mtu, interface.mac, 0, True)
        nic = self.add(link, interface.name)
        self.known[interface.index] = Followed(interface, nic, link, True)
        add_addresses(nic, interface)
        if self.joined is not None:
            self.joined()

    def _leave(self, one: Followed) -> None:
        one.nic.stack.detach_nic(one.nic)
        self.kernel.reactor.unwatch(one.link.fileno())
        if one.spare:
            one.link.attach(None)
            for _ in range(DRAINS):
                one.link.receive()
            self.spares.append(one.link.give_up())
        else:
            one.link.close()

    def _change(self, one: Followed, now: HostInterface) -> None:
        nic, before = one.nic, one.host
        one.host = now
        if now.mtu != before.mtu:
            one.link.mtu = nic.link.mtu = now.mtu
            _try(lambda: nic.set_mtu(now.mtu))
        if now.up != before.up:
            nic.set_up(now.up)
        if now.name != before.name and self.network.stack.find_nic(now.name) is None:
            nic.rename(now.name)
        if self.whole:
            for addr, _ in [pair for pair in before.addresses if pair not in now.addresses]:
                _try(partial(nic.remove_address, addr))
            for addr, length in [pair for pair in now.addresses if pair not in before.addresses]:
                _try(partial(nic.add_address, addr, length, dad=False))

    def _change_routes(self, now: dict[RouteKey, HostRoute]) -> None:
        before, self.routes = self.routes, now
        for key, route in before.items():
            if key not in now and route.index in self.known:
                self._remove_route(self.known[route.index].nic, route)
        for key, route in now.items():
            if key not in before:
                _try(partial(add_route, self.network, self.known[route.index].nic, route))

    def _remove_route(self, nic: Nic, route: HostRoute) -> None:
        stack = self.network.stack
        for e in list(stack.routes.entries):
            if e.nic is nic and (e.prefix, e.length, e.gateway, e.metric) == route.key()[:4]:
                stack.remove_route(e)


def add_addresses(nic: Nic, interface: HostInterface) -> None:
    """As the host had them: nobody else has them."""
    for addr, length in interface.addresses:
        _try(partial(nic.add_address, addr, length, dad=False))
    if interface.ipv6:
        nic.add_link_local()


def add_route(network: Network, nic: Nic, route: HostRoute) -> None:
    """A route of the host's; the on-link ones that came with the addresses are there already."""
    table = network.stack.routes.entries
    if not route.gateway and any(e.nic is nic and e.prefix == route.prefix and e.length == route.length for e in table):
        return
    network.stack.add_route(route.prefix, route.length, route.gateway, nic, route.metric)


def _try(change: Callable[[], object]) -> None:
    """What a guest has done, too, is done; what it has undone stays so."""
    with contextlib.suppress(NetworkError):
        change()
