"""A lease put into force on a NIC: address, routes, name servers, MTU; and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.config.dhcp_lease import Lease
from tcpip.errors import NetworkError
from tcpip.stack.route_table import RouteEntry

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic


class LeaseOnNic:
    """`apply` may be repeated with what a renewal says; only what differs is changed."""

    def __init__(self, nic: Nic) -> None:
        self.nic = nic
        self._lease: Lease | None = None
        self._routes: list[RouteEntry] = []
        self._dns: list[bytes] = []
        self._mtu_before = nic.mtu

    def apply(self, lease: Lease) -> None:
        """The address must be the same each time."""
        nic, old = self.nic, self._lease
        if old is not None and old.prefix_len != lease.prefix_len:
            self._remove_address(old.addr)
            old = None
        if old is None or lease.addr not in nic.addresses:
            nic.add_address(lease.addr, lease.prefix_len)
        self._lease = lease
        mtu = min(lease.mtu or self._mtu_before, nic.link.mtu)
        if mtu != nic.mtu:
            nic.set_mtu(mtu)
        if old is None or old.routes != lease.routes:
            self._remove_routes()
            for prefix, length, gateway in lease.routes:
                self._routes.append(nic.stack.add_route(prefix, length, gateway, nic, source=lease.addr))
        if self._dns != lease.dns:
            self._remove_dns()
            self._dns = list(lease.dns)
            nic.dns_servers = self._dns + nic.dns_servers

    def undo(self) -> None:
        """Harmless when repeated."""
        if self._lease is None:
            return
        self._remove_routes()
        self._remove_dns()
        self._remove_address(self._lease.addr)
        if self.nic.mtu != self._mtu_before:
            self.nic.set_mtu(self._mtu_before)
        self._lease = None

    def _remove_address(self, addr: bytes) -> None:
        try:
            self.nic.remove_address(addr)
        except NetworkError as error:
            if error.error is not errors.ADDRESS_NOT_AVAILABLE:
                raise

    def _remove_routes(self) -> None:
        for entry in self._routes:
            self.nic.stack.remove_route(entry)
        self._routes = []

    def _remove_dns(self) -> None:
        self.nic.dns_servers = [a for a in self.nic.dns_servers if a not in self._dns]
        self._dns = []
