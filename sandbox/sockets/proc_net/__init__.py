"""The tables of /proc/net and /sys/class/net, from the sandbox's network (proc_pid_net(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.vfs.net_attributes import NetAttributes


def show(kernel: Kernel, network: Network) -> None:
    """Let /proc/net and /sys/class/net show the network of whoever looks."""

    def table(net: NetNamespace, name: str) -> bytes | Iterator[bytes] | None:
        from sandbox.sockets.proc_net import tables

        return tables.table(kernel, net, name)

    def attributes() -> NetAttributes:
        from sandbox.sockets.class_net import SocketNetAttributes

        return SocketNetAttributes()

    kernel.mounts.vfs.proc_net = table
    kernel.mounts.vfs.sys_class_net = attributes
    kernel.mounts.vfs.stack = network.stack
