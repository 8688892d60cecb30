"""Who looks at packets at a hook, and in which order (struct nf_hook_ops, include/uapi/linux/netfilter_ipv4.h)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.filter.packet import FilteredPacket

RAW: Final = -300
CONNTRACK: Final = -200
MANGLE: Final = -150
NAT_DST: Final = -100
FILTER: Final = 0
NAT_SRC: Final = 100
CONFIRM: Final = 0x7FFFFFFF


class HookEntry:
    """One that is asked at a hook; the lowest `priority` first."""

    def __init__(self, priority: int) -> None:
        self.priority = priority

    @abstractmethod
    def passes(self, pkt: FilteredPacket, hook: str) -> bool:
        """The packet may go on. Malformed: it may not, and this is why."""


class HookList:
    """The entries of one hook, sorted."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[HookEntry] = []

    def add(self, entry: HookEntry) -> None:
        """Before those of the same priority, as nf_hook_entries_grow does it."""
        at = 0
        while at < len(self.entries) and self.entries[at].priority < entry.priority:
            at += 1
        self.entries = [*self.entries[:at], entry, *self.entries[at:]]

    def remove(self, entry: HookEntry) -> None:
        """Not asked any more, from the next packet on."""
        self.entries = [other for other in self.entries if other is not entry]
