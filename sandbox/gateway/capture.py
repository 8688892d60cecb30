"""Capturing the guest's packets: a donated descriptor gets a pcapng file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.boot.options import NetworkOptions
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from tcpip.link.base import LinkEndpoint


def captured(kernel: Kernel, options: NetworkOptions, network: Network, link: LinkEndpoint) -> LinkEndpoint:
    """`link`, wrapped in a sniffer when a capture was asked for."""
    if options.pcap_fd < 0:
        return link
    import os

    from tcpip.link.pcapng import PcapngWriter
    from tcpip.link.sniffer import SnifferLink

    file = os.fdopen(options.pcap_fd, "wb", closefd=False)
    network.on_close(file.close)
    kernel.reactor.add_before_sleep(file.flush)
    return SnifferLink(link, PcapngWriter(file, "stackbox"), kernel.clock, "eth0")
