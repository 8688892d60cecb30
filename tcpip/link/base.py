"""What a link endpoint is: it takes batches of packets from a NIC and gives it batches of received ones."""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

from tcpip.buffer import GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, RxPacket, TxPacket
from tcpip.native import mypyc_attr

CAP_TX_CSUM: Final = 1
"""Completes CSUM_PARTIAL packets, or carries them to a peer that knows what that means."""
CAP_TSO4: Final = 2
CAP_TSO6: Final = 4
CAP_LOOPBACK: Final = 8
"""What is written comes back to the same stack."""
CAP_NO_ARP: Final = 16
"""No link addresses and no neighbour resolution: a point-to-point or raw-IP link."""
CAP_USO: Final = 32
"""Cuts UDP super-packets of either family (virtio's USO)."""
GSO_NEEDS: Final = {GSO_TCPV4: CAP_TSO4, GSO_TCPV6: CAP_TSO6, GSO_UDP_L4: CAP_USO}
"""What a link must be capable of to take a super-packet of a type."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Dispatcher:
    """Who receives: a NIC, or a wrapper around one."""

    __slots__ = ()

    @abstractmethod
    def deliver(self, packets: list[RxPacket]) -> None:
        """Packets from the wire, in order, as one batch. Each starts with the Ethernet header, or with IP (CAP_NO_ARP)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class LinkEndpoint:
    """One attachment to a wire. `mtu` is without the link header; `mac` is empty when there are no link addresses."""

    def __init__(self, mtu: int, mac: bytes, capabilities: int, gso_max: int = 65535) -> None:
        self.mtu = mtu
        self.mac = mac
        self.capabilities = capabilities
        self.gso_max = gso_max
        self.dispatcher: Dispatcher | None = None

    def attach(self, dispatcher: Dispatcher | None) -> None:
        """From now on received packets go to `dispatcher`; None detaches."""
        self.dispatcher = dispatcher

    @abstractmethod
    def write_packets(self, batch: list[TxPacket]) -> int:
        """Send; how many were taken. The rest are dropped and counted by the caller. Never raises for a full queue."""

    def close(self) -> None:
        """Release what the link holds on the host."""


@mypyc_attr(allow_interpreted_subclasses=True)
class WrapperLink(LinkEndpoint):
    """A link around another one: what `inner` receives comes to `received` before it goes to the dispatcher."""

    def __init__(self, inner: LinkEndpoint, capabilities: int) -> None:
        super().__init__(inner.mtu, inner.mac, capabilities, inner.gso_max)
        self.inner = inner

    def attach(self, dispatcher: Dispatcher | None) -> None:
        super().attach(dispatcher)
        self.inner.attach(None if dispatcher is None else Inbound(self))

    @abstractmethod
    def received(self, packets: list[RxPacket]) -> None:
        """A batch from `inner`."""

    def close(self) -> None:
        self.inner.close()


class Inbound(Dispatcher):
    """Hands what a wrapped link receives to its wrapper."""

    __slots__ = ("wrapper",)

    def __init__(self, wrapper: WrapperLink) -> None:
        self.wrapper = wrapper

    def deliver(self, packets: list[RxPacket]) -> None:
        self.wrapper.received(packets)
