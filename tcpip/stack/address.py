"""One address of a NIC."""

from __future__ import annotations

from collections.abc import Callable

from tcpip.addr import in_prefix, is_link_local, masked, subnet_broadcast

SCOPE_LINK = 253
"""Of rtnetlink(7): RT_SCOPE_LINK; greater numbers reach less far."""


class NicAddress:
    """`addr`/`prefix_len`. Times are ns on the stack's clock, None for ever. A tentative address is not ours yet (DAD).

    `broadcast` is empty for IPv6, /31 and /32. `dynamic`: from SLAAC or DHCPv6. `temporary` ones (RFC 8981) were `created`
    for the prefix of `public`, and are `renewed` once there is a successor.
    `unchecked`: who has assigned it wants nobody asked (IFA_F_NODAD). `label`: another name than the
    interface's. `assigned`: an administrator's. `on_duplicate` is told when somebody else has it. `broadcast_told` off: who lists addresses is not shown it, as nobody has
    asked for it by name. `peer`: who is at the other end, whose prefix it then is; empty for none. `routed` off: no route comes with it
    (IFA_F_NOPREFIXROUTE), else one of this `metric`, 0: as usual. `scope`: where it can be used (rtnetlink(7)); None: as its kind is.
    `at_router`: it is a router's, which has the anycast address of its subnet with it.
    """

    __slots__ = (
        "addr",
        "prefix_len",
        "broadcast",
        "broadcast_told",
        "tentative",
        "deprecated",
        "dynamic",
        "valid_until",
        "preferred_until",
        "temporary",
        "public",
        "created",
        "renewed",
        "unchecked",
        "label",
        "assigned",
        "on_duplicate",
        "peer",
        "routed",
        "metric",
        "scope",
        "at_router",
    )

    def __init__(self, addr: bytes, prefix_len: int, dynamic: bool = False) -> None:
        self.addr = addr
        self.prefix_len = prefix_len
        self.broadcast = subnet_broadcast(addr, prefix_len) if len(addr) == 4 and prefix_len < 31 else b""
        self.broadcast_told = True
        self.tentative = False
        self.deprecated = False
        self.dynamic = dynamic
        self.valid_until: int | None = None
        self.preferred_until: int | None = None
        self.temporary = False
        self.public = b""
        self.created = 0
        self.renewed = False
        self.unchecked = False
        self.label = ""
        self.assigned = False
        self.on_duplicate: Callable[[bytes], None] | None = None
        self.peer = b""
        self.routed = True
        self.metric = 0
        self.scope: int | None = None
        self.at_router = False

    def subnet(self) -> bytes:
        """The prefix of those who are on the link."""
        return masked(self.peer or self.addr, self.prefix_len)

    def reaches(self, addr: bytes) -> bool:
        """`addr`, of the same family, is on the link (inet_ifa_match)."""
        return in_prefix(addr, self.peer or self.addr, self.prefix_len)

    def is_global(self) -> bool:
        """It can be used beyond the link."""
        return not is_link_local(self.addr) if self.scope is None else self.scope < SCOPE_LINK

    def set_peer(self, peer: bytes) -> None:
        """Before the address is in use."""
        self.peer = peer
        if self.broadcast:
            self.broadcast = subnet_broadcast(peer, self.prefix_len)
