"""Capturing the guest's packets: a donated descriptor gets a pcapng file."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sandbox.boot.options import NetworkOptions
    from sandbox.gateway.network import Network
    from sandbox.kernel.kernel import Kernel
    from tcpip.link.base import LinkEndpoint


class CaptureFile(io.RawIOBase):
    """The donated descriptor. When the host takes no more (a full disk) the capture ends there, not the sandbox."""

    def __init__(self, kernel: Kernel, fd: int) -> None:
        self._log = kernel.log
        self._fd = fd

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        left = memoryview(data)
        size = len(left)
        while self._fd >= 0 and left:
            try:
                left = left[os.write(self._fd, left) :]
            except OSError as error:
                self._fd = -1
                self._log.warning(f"the capture ends here: {os.strerror(error.errno or 0)}")
        return size


def captured(kernel: Kernel, options: NetworkOptions, network: Network, link: LinkEndpoint) -> LinkEndpoint:
    """`link`, wrapped in a sniffer when a capture was asked for."""
    if options.pcap_fd < 0:
        return link
    from tcpip.link.pcapng import PcapngWriter
    from tcpip.link.sniffer import SnifferLink

    file = io.BufferedWriter(CaptureFile(kernel, options.pcap_fd), 1 << 16)
    network.on_close(file.close)
    kernel.reactor.add_before_sleep(file.flush)
    return SnifferLink(link, PcapngWriter(file, "stackbox"), kernel.clock, "eth0")
