"""Congestion control: one file per algorithm, and the table that finds them by name."""

from __future__ import annotations

from typing import Final

from tcpip.transport.tcp.congestion.base import CongestionControl
from tcpip.transport.tcp.congestion.bbr import Bbr
from tcpip.transport.tcp.congestion.cubic import Cubic
from tcpip.transport.tcp.congestion.hystart_plus import CubicPlus
from tcpip.transport.tcp.congestion.reno import Reno

ALGORITHMS: Final[dict[str, type[CongestionControl]]] = {
    "bbr": Bbr,
    "cubic": Cubic,
    "cubic++": CubicPlus,
    "reno": Reno,
}
"""What TCP_CONGESTION accepts. A user's own class may be added."""
