"""PyTCP 2.7 on a tap: `python -O pytcp_tap.py TAP ADDRESS ROLE`, TCP port 7, with the Python that has it. Prints "ready", runs
until it is killed. Roles: echo (all that comes), source (sends without end), sink (reads to the end, then closes)."""

from __future__ import annotations

import sys
import threading
from typing import Any, Final

PORT: Final = 7
BLOCK: Final = bytes(1 << 16)


def serve(sock: Any, role: str) -> None:
    """One connection."""
    while True:
        data = BLOCK if role == "source" else sock.recv()
        if not data:
            break
        if role != "sink":
            sock.send(data)
    sock.close()


def main(tap: str, address: str, role: str) -> None:
    """Threads of its own do the work; this one accepts."""
    from pytcp import TcpIpStack, config
    from pytcp.lib.socket import AF_INET4, SOCK_STREAM, socket

    config.IP6_SUPPORT = False
    stack = TcpIpStack(interface=tap, ip4_address=f"{address}/24")
    config.IP6_SUPPORT = False  # it has set it again
    stack.start()
    listener = socket(AF_INET4, SOCK_STREAM)
    listener.bind((address, PORT))
    listener.listen()
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, role), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:4])
