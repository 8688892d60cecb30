"""NFNLGRP_CONNTRACK_NEW, _UPDATE and _DESTROY: who listens is told of connections (ctnetlink_conntrack_event)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import connections
from tcpip.filter.tracking import EVENT_DESTROY, EVENT_NEW, ConnectionWatch

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.filter.connection import Connection

NETLINK_NETFILTER: Final = 12
_GROUP_NEW, _GROUP_UPDATE, _GROUP_DESTROY = 1, 2, 3


class Watcher(ConnectionWatch):
    """`port`: of who has asked for what happens now; 0: nobody."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.port = 0

    def listens(self) -> bool:
        ports = self.network.netlink_ports
        groups = (_GROUP_NEW, _GROUP_UPDATE, _GROUP_DESTROY)
        return ports is not None and any([bool(ports.members(NETLINK_NETFILTER, group)) for group in groups])

    def told(self, conn: Connection, events: int) -> None:
        ports = self.network.netlink_ports
        if ports is None:
            return
        kind, flags, group = connections.NEW, 0, _GROUP_UPDATE
        if events & EVENT_DESTROY:
            kind, group = connections.DELETE, _GROUP_DESTROY
        elif events & EVENT_NEW:
            flags, group = nl.NLM_F_CREATE | nl.NLM_F_EXCL, _GROUP_NEW
        listeners = ports.members(NETLINK_NETFILTER, group)
        if not listeners:
            return
        body = connections.event_body(conn, self.network.stack.clock.now_ns(), events)
        datagram = nl.message(connections.SUBSYSTEM << 8 | kind, flags, 0, self.port, body)
        for socket in listeners:
            socket.deliver(datagram, group)


def watch(network: Network) -> Watcher:
    """From now on somebody may listen."""
    found = network.stack.tracking.watch
    if not isinstance(found, Watcher):
        found = network.stack.tracking.watch = Watcher(network)
    if network.stack.tracking.rule_watch is None:
        from sandbox.sockets.netlink.netfilter.rule_trace import Tracer

        network.stack.tracking.rule_watch = Tracer(network)
    return found
