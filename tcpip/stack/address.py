"""One address of a NIC."""

from __future__ import annotations

from collections.abc import Callable

from tcpip.addr import subnet_broadcast


class NicAddress:
    """`addr`/`prefix_len`. Times are ns on the stack's clock, None for ever. A tentative address is not ours yet (DAD).

    `broadcast` is empty for IPv6, /31 and /32. `dynamic`: from SLAAC or DHCPv6. `temporary` ones (RFC 8981) were `created`
    for the prefix of `public`, and are `renewed` once there is a successor.
    `unchecked`: who has assigned it wants nobody asked (IFA_F_NODAD). `label`: another name than the
    interface's. `assigned`: an administrator's. `on_duplicate` is told when somebody else has it. `broadcast_told` off: who lists addresses is not shown it, as nobody has
    asked for it by name.
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
