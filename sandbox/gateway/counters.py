"""What went through the sandbox's network: the numbers of the closing summary."""

from __future__ import annotations

from typing import Final

MAX_NAMES: Final = 256


class Counters:
    """`connections`: TCP, both ways, that were established; bytes of payload as the guest sees them out and in."""

    __slots__ = ("connections", "flows", "bytes_out", "bytes_in", "names", "packets_out", "packets_in", "denials")

    def __init__(self) -> None:
        self.connections = 0
        self.flows = 0  # UDP and ping
        self.bytes_out = 0
        self.bytes_in = 0
        self.names: dict[str, int] = {}  # resolved for the guest, and how often
        self.packets_out = 0
        self.packets_in = 0
        self.denials = 0

    def resolved(self, name: str) -> None:
        """A name was answered with an address."""
        if name in self.names or len(self.names) < MAX_NAMES:
            self.names[name] = self.names.get(name, 0) + 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "connections": self.connections,
            "flows": self.flows,
            "bytes_out": self.bytes_out,
            "bytes_in": self.bytes_in,
            "names": sorted(self.names),
            "packets_out": self.packets_out,
            "packets_in": self.packets_in,
            "denials": self.denials,
        }

    def lines(self) -> list[str]:
        """For people."""
        names = ", ".join(list(self.names)[:5]) + (" …" if len(self.names) > 5 else "")
        return [
            f"connections {self.connections}, other flows {self.flows}, denied {self.denials}",
            f"bytes out {self.bytes_out}, in {self.bytes_in}; packets out {self.packets_out}, in {self.packets_in}",
            f"names resolved: {len(self.names)}" + (f" ({names})" if names else ""),
        ]
