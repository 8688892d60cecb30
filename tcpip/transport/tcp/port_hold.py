"""A local port held by an endpoint, and by the connections that were accepted on it.

Connections share their listener's reservation: it ends when the last of them, TIME_WAIT included, is gone.
"""

from __future__ import annotations

from tcpip.transport.ports import PortManager, Reservation


class PortHold:
    """One counted hold."""

    __slots__ = ("_ports", "reservation", "_count")

    def __init__(self, ports: PortManager, reservation: Reservation) -> None:
        self._ports = ports
        self.reservation = reservation
        self._count = 1

    @property
    def port(self) -> int:
        return self.reservation.port

    def share(self) -> PortHold:
        """One more holder."""
        self._count += 1
        return self

    def release(self) -> None:
        """One holder less; each calls it once."""
        self._count -= 1
        if self._count == 0:
            self._ports.release(self.reservation)
