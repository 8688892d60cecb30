"""Network namespaces: whose stack a task's sockets are on (network_namespaces(7)). A new one has a loopback, which is down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from tcpip.stack.stack import Stack

UNIX_QUEUE: Final = 10  # net.unix.max_dgram_qlen begins with it: datagrams that wait in a socket


class NetNamespace:
    """`number` is its inode number. The first one's network is the sandbox's, `kernel.net`."""

    __slots__ = ("kernel", "number", "users", "user", "unprivileged_port", "ping_groups", "unix_queue", "_network")

    def __init__(
        self, kernel: Kernel, number: int, user: UserNamespace = INITIAL, network: Network | None = None
    ) -> None:
        self.kernel = kernel
        self.number = number
        self.users = 0
        self.user = user
        self.unprivileged_port = 1024  # net.ipv4.ip_unprivileged_port_start
        self.ping_groups: tuple[int, int] = (0, 2147483647) if network is None else (1, 0)  # net.ipv4.ping_group_range
        self.unix_queue = UNIX_QUEUE
        self._network = network
        if network is not None:
            network.owner = self

    @property
    def network(self) -> Network:
        """The stack and what is known of it."""
        return self.kernel.net if self._network is None else self._network

    @property
    def stack(self) -> Stack | None:
        """None in a sandbox without a network."""
        return self.kernel.mounts.vfs.stack if self._network is None else self._network.stack

    def let_go(self) -> None:
        """A socket is closed."""
        from sandbox.kernel.namespaces import leave

        leave(self.kernel, self)

    def end(self) -> None:
        """Nobody uses it any more."""
        if self._network is not None:
            from sandbox.sockets.inet.own_links import remove_all
            from sandbox.sockets.netlink.namespace_ids import forget

            forget(self._network)
            remove_all(self._network)
            self._network.close()


def new_net_namespace(kernel: Kernel, user: UserNamespace, loopback: bool = False) -> NetNamespace:
    """Another stack on the sandbox's clock and event loop; `loopback`: its loopback is up."""
    from sandbox.gateway.network import Network
    from sandbox.gateway.networks import drive, new_stack

    stack = new_stack(kernel)
    lo = stack.lo
    assert lo is not None
    for address in () if loopback else list(lo.addresses):
        lo.remove_address(address)
    lo.set_up(loopback)
    network = Network(stack, "none")
    network.totals = kernel.net.totals
    drive(kernel.reactor, stack)
    network.on_close(lambda: kernel.reactor.remove_timers(stack.timers))
    return NetNamespace(kernel, kernel.new_namespace_number(), user, network)
