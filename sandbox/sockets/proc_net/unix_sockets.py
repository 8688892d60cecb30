"""/proc/net/unix (net/unix/af_unix.c: unix_seq_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.sockets.unix.socket import CONNECTED, LISTENING, not_accepted

if TYPE_CHECKING:
    from sandbox.sockets.unix.socket import UnixSocket

SO_ACCEPTCON: Final = 0x10000
SS_UNCONNECTED: Final = 1
SS_CONNECTING: Final = 2
SS_CONNECTED: Final = 3


def rows(sockets: list[UnixSocket]) -> list[str]:
    """A line for each. Those that nobody has accepted yet have no inode."""
    lines = []
    waiting = not_accepted(sockets)
    for socket in sockets:
        references = 2 + (socket.peer is not None)
        flags = SO_ACCEPTCON if socket.state == LISTENING else 0
        state = SS_CONNECTED if socket.state == CONNECTED else SS_UNCONNECTED
        inode = socket.inode
        if socket in waiting:
            state, inode = SS_CONNECTING, 0
        name = shown(socket.name)
        lines.append(
            f"0000000000000000: {references:08X} 00000000 {flags:08X} {socket.kind:04X} {state:02X} {inode:5d}"
            f"{' ' + name if name else ''}\n"
        )
    return lines


def shown(name: bytes | None) -> str:
    """A path, or an abstract name with `@` for each NUL."""
    return "" if not name else name.replace(b"\0", b"@").decode("utf-8", "surrogateescape")
