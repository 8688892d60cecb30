"""What connection tracking is set to (net.netfilter.nf_conntrack_*), and who is told of connections.

Source: net/netfilter/nf_conntrack_standalone.c, include/uapi/linux/netfilter/nf_conntrack_common.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.clock import NS_PER_S
from tcpip.native import mypyc_attr

if TYPE_CHECKING:
    from tcpip.filter.connection import Connection
    from tcpip.filter.nft.machine import Evaluation
    from tcpip.filter.nft.ruleset import Chain, Rule

EVENT_NEW: Final = 1 << 0
EVENT_DESTROY: Final = 1 << 2
EVENT_REPLY: Final = 1 << 3
EVENT_ASSURED: Final = 1 << 4
EVENT_PROTOCOL: Final = 1 << 5
EVENT_MARK: Final = 1 << 7

TCP_TIMEOUTS: Final = (120, 120, 60, 432000, 120, 60, 30, 120, 10, 120)
"""By state of `tcp_states`, seconds."""
UNACKNOWLEDGED_TIMEOUT: Final = 300


class TrackingSettings:
    """Times in seconds. `loose`: connections older than the table are picked up in the middle; `liberal`: segments outside the
    windows are not INVALID; `checksum`: what has a wrong one is; `events`: 0: nobody is told, 1: of all connections, 2: of those that
    began while somebody listened; `acct`: what is counted of connections that begin now is told.
    `watch`: who is told of connections, `rule_watch`: of
    packets that are traced through rules."""

    __slots__ = (
        "loose",
        "liberal",
        "checksum",
        "events",
        "acct",
        "udp",
        "udp_stream",
        "icmp",
        "icmpv6",
        "generic",
        "unacknowledged",
        "tcp",
        "watch",
        "rule_watch",
    )

    def __init__(self) -> None:
        self.loose = True
        self.liberal = False
        self.checksum = True
        self.events = 2
        self.acct = False
        self.udp = 30
        self.udp_stream = 120
        self.icmp = 30
        self.icmpv6 = 30
        self.generic = 600
        self.unacknowledged = UNACKNOWLEDGED_TIMEOUT
        self.tcp = list(TCP_TIMEOUTS)
        self.watch: ConnectionWatch | None = None
        self.rule_watch: RuleWatch | None = None

    def of_tcp(self, state: int, unacknowledged: bool) -> int:
        """How long without a packet a connection of TCP lives, ns."""
        seconds = self.tcp[state]
        return (min(seconds, self.unacknowledged) if unacknowledged else seconds) * NS_PER_S


@mypyc_attr(allow_interpreted_subclasses=True)
class ConnectionWatch:
    """Who is told of connections."""

    def listens(self) -> bool:
        """Anybody is there now."""
        raise NotImplementedError

    def told(self, conn: Connection, events: int) -> None:
        """EVENT_* have happened to it."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class RuleWatch:
    """Who is told what becomes of packets that are traced (`meta nftrace set 1`)."""

    def rule(self, e: Evaluation, chain: Chain, rule: Rule | None, code: int) -> None:
        """A rule was met and has decided so; None: the end of the chain."""
        raise NotImplementedError

    def policy(self, e: Evaluation, chain: Chain) -> None:
        """No rule of the base chain has decided."""
        raise NotImplementedError
