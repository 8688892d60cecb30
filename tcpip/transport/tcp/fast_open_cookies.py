"""What servers have said of TCP fast open, as their clients remember it (RFC 7413 4.1.3)."""

from __future__ import annotations

from typing import Final

MAX_SERVERS: Final = 1024


class KnownServer:
    """What one server has said: its MSS, its cookie, and whether the option is to be the experimental one."""

    __slots__ = ("mss", "cookie", "experimental", "try_experimental")

    def __init__(self) -> None:
        self.mss = 0
        self.cookie = b""
        self.experimental = False
        self.try_experimental = 0


class CookieCache:
    """The servers of one stack by (our address, theirs); the oldest makes room."""

    __slots__ = ("servers",)

    def __init__(self) -> None:
        self.servers: dict[tuple[bytes, bytes], KnownServer] = {}

    def find(self, local: bytes, remote: bytes) -> KnownServer:
        """What is known; an empty entry, which is not kept, when nothing is."""
        return self.servers.get((local, remote)) or KnownServer()

    def learn(self, local: bytes, remote: bytes) -> KnownServer:
        """An entry to be written to."""
        key = (local, remote)
        known = self.servers.get(key)
        if known is None:
            if len(self.servers) >= MAX_SERVERS:
                del self.servers[next(iter(self.servers))]
            known = self.servers[key] = KnownServer()
        return known

    def clear(self) -> None:
        """ip tcp_metrics flush."""
        self.servers.clear()
