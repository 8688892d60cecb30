"""Bridges that a guest makes, with other interfaces of its own as ports (net/bridge/; ip-link(8), brctl(8)). No spanning
tree and no snooping."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.sockets.inet.own_links import (
    BRIDGE,
    MTU,
    NAME_SIZE,
    OwnLink,
    announce,
    fresh_mac,
    name_in,
    own_link,
    put,
    remove,
)
from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM, Dispatcher, LinkEndpoint
from tcpip.link.bridge import Bridge, BridgePort

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from tcpip.buffer import RxPacket, TxPacket
    from tcpip.stack.nic import Nic

SIOCBRADDBR: Final = 0x89A0
SIOCBRDELBR: Final = 0x89A1
SIOCBRADDIF: Final = 0x89A2
SIOCBRDELIF: Final = 0x89A3
BRIDGE_CALLS: Final = frozenset((SIOCBRADDBR, SIOCBRDELBR, SIOCBRADDIF, SIOCBRDELIF))
OFFLOAD: Final = CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6


class BridgeLink(OwnLink):
    """The bridge's own interface: one more port, of the host itself. `live`: a port carries, or there has not been any.
    `said`: the entries of the forwarding table that somebody has made, whose they are (None: the bridge's) and their NUD_*."""

    def __init__(self, mac: bytes) -> None:
        super().__init__(BRIDGE, mac, OFFLOAD)
        self.bridge = Bridge()
        self.ports: list[PortLink] = []
        self.live = True
        self.mtu_chosen = False
        self.own = self.bridge.add_port(_UpLink(self))
        self.said: dict[bytes, tuple[PortLink | None, int]] = {}

    def write_packets(self, batch: list[TxPacket]) -> int:
        self.bridge.forward(self.own, [pkt.to_rx() for pkt in batch])
        return len(batch)

    def carrier(self) -> bool:
        return self.live

    def recalculate(self) -> None:
        """Ports have come, gone or changed (br_stp_recalculate_bridge_id, br_port_state_selection)."""
        from sandbox.sockets.inet.link_state import carrier_changed, carries

        nic = self.nic
        if nic is None:
            return
        before = nic.mac, nic.mtu
        self.live = any([carries(port.nic) for port in self.ports])
        if not self.chosen:
            nic.mac = self.mac = min([port.nic.mac for port in self.ports], default=bytes(6))
        if not self.mtu_chosen:
            nic.set_mtu(min([port.nic.mtu for port in self.ports], default=MTU))
        nic.stack.changed()
        if nic.stack.watch is not None and (nic.mac, nic.mtu) != before:
            nic.stack.watch.link_changed(nic)
        carrier_changed(nic)


class _UpLink(LinkEndpoint):
    """What the bridge sends to this host."""

    def __init__(self, device: BridgeLink) -> None:
        super().__init__(device.mtu, b"", OFFLOAD)
        self.device = device

    def write_packets(self, batch: list[TxPacket]) -> int:
        if self.device.dispatcher is not None:
            self.device.dispatcher.deliver([pkt.to_rx() for pkt in batch])
        return len(batch)


class PortLink(LinkEndpoint):
    """An interface as a port: what it receives is the bridge's. `cost`, `priority`: what a spanning tree would go by."""

    def __init__(self, device: BridgeLink, nic: Nic, link: OwnLink) -> None:
        super().__init__(link.mtu, link.mac, OFFLOAD)
        self.device = device
        self.nic = nic
        self.link = link
        self.cost = 2
        self.priority = 32
        self.place = BridgePort(device.bridge, self)

    def join(self) -> None:
        """Become one."""
        self.link.port = self
        port = self.place = self.device.bridge.add_port(self)
        self.link.attach(_Receiver(self.device, self.nic, port))
        self.device.ports.append(self)
        if self.nic.stack.watch is not None:
            self.nic.stack.watch.link_changed(self.nic)
        self.device.recalculate()

    def leave(self) -> None:
        """No longer be one."""
        bridge = self.device.bridge
        for port in list(bridge.ports):
            if port.link is self:
                bridge.remove_port(port)
        said = self.device.said
        for mac in [mac for mac, (port_of, _) in said.items() if port_of is self]:
            del said[mac]
            bridge.fixed.pop(mac, None)
        self.device.ports.remove(self)
        self.link.port = None
        self.link.attach(self.nic)
        if self.nic.stack.watch is not None:
            self.nic.stack.watch.link_changed(self.nic)
        self.device.recalculate()

    def write_packets(self, batch: list[TxPacket]) -> int:
        for pkt in batch:
            self.nic.enqueue(pkt, b"")
        return len(batch)


class _Receiver(Dispatcher):
    """In the interface's place; it counts and is seen by packet sockets all the same."""

    __slots__ = ("device", "nic", "port")

    def __init__(self, device: BridgeLink, nic: Nic, port: Dispatcher) -> None:
        self.device = device
        self.nic = nic
        self.port = port

    def deliver(self, packets: list[RxPacket]) -> None:
        nic, bridge = self.nic, self.device.nic
        if not nic.up or bridge is None or not bridge.up:
            return
        for pkt in packets:
            nic.rx_packets += 1
            nic.rx_bytes += pkt.end - pkt.link
            if nic.stack.packets.endpoints:
                nic.stack.packets.received(nic, pkt)
        ingress = nic.ingress
        if ingress is not None:
            packets = [pkt for pkt in packets if not ingress.takes(nic, pkt)]
        upper = nic.upper
        self.port.deliver(packets if upper is None else [pkt for pkt in packets if not upper(pkt)])


def enslave(nic: Nic, bridge: Nic | None) -> None:
    """IFLA_MASTER; None: it is free again (do_set_master, br_add_if). EINVAL for a loopback, ELOOP for a bridge, EOPNOTSUPP
    for another master than a bridge, EPERM for the sandbox's own way out."""
    link = own_link(nic)
    if link is not None and link.port is not None:
        if bridge is not None and link.port.device.nic is bridge:
            return
        link.port.leave()
    if bridge is None:
        return
    device = own_link(bridge)
    if not isinstance(device, BridgeLink):
        raise SyscallError(errno.EOPNOTSUPP)
    if link is None:
        raise SyscallError(errno.EINVAL if nic.loopback else errno.EPERM)
    if link.kind == BRIDGE:
        from sandbox.sockets.netlink.message import Refusal

        raise Refusal(errno.ELOOP, "Can not enslave a bridge to a bridge")
    if link.macvlans is not None and link.macvlans.links:
        raise SyscallError(errno.EBUSY)
    PortLink(device, nic, link).join()


def bridge_ioctl(t: Task, network: Network, cmd: int, arg: int) -> int:
    """br_ioctl_stub. EPERM, EEXIST, ENXIO for a bridge that is not there, EBUSY for one that is up."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    request = t.copy_in(arg, NAME_SIZE + 4 if cmd in (SIOCBRADDIF, SIOCBRDELIF) else NAME_SIZE)
    name = name_in(request)
    if cmd == SIOCBRADDBR:
        if not name:
            raise SyscallError(errno.EINVAL)
        announce(put(network, BridgeLink(fresh_mac(t.kernel)), name))
        return 0
    nic = network.find_nic(name)
    if cmd in (SIOCBRADDIF, SIOCBRDELIF):
        if nic is None:
            raise SyscallError(errno.ENODEV)
        _port_ioctl(network, nic, cmd == SIOCBRADDIF, int.from_bytes(request[NAME_SIZE:], "little"))
        return 0
    if nic is None:
        raise SyscallError(errno.ENXIO)
    if not isinstance(nic.link, BridgeLink):
        raise SyscallError(errno.EPERM)
    if nic.up:
        raise SyscallError(errno.EBUSY)
    remove(nic)
    return 0


def _port_ioctl(network: Network, bridge: Nic, joins: bool, number: int) -> None:
    """add_del_if: EINVAL for no such interface or, when it goes, none of this bridge; EBUSY for a port already."""
    device = bridge.link
    if not isinstance(device, BridgeLink):
        raise SyscallError(errno.EOPNOTSUPP)
    nic = network.stack.nics.get(number)
    link = own_link(nic) if nic is not None else None
    if nic is None:
        raise SyscallError(errno.EINVAL)
    port = link.port if link is not None else None
    if not joins:
        if port is None or port.device is not device:
            raise SyscallError(errno.EINVAL)
        port.leave()
        return
    if port is not None:
        raise SyscallError(errno.EBUSY)
    enslave(nic, bridge)
