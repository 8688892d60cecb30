"""Another stack on a tap, the host's kernel as its peer: `python -m tools.bench.peers.on_tap ROLE SERVES COMMAND…` in a network
namespace of its own. The command gets the tap, its address and SERVES as arguments and says "ready"; ROLE is one of
`netstack_peer`'s. Prints what that measures."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tools.bench import netstack_peer

TAP: Final = "tap0"
HOST, STACK = "10.9.0.1", "10.9.0.2"
PATIENCE_S: Final = 40.0  # a peer that hangs


def make_tap() -> None:
    """Persistent, as long as the namespace; MTU 1500, no offloads."""
    for words in (
        ("tuntap", "add", TAP, "mode", "tap"),
        ("addr", "add", f"{HOST}/24", "dev", TAP),
        ("link", "set", TAP, "up"),
    ):
        subprocess.run(["ip", *words], check=True)


def main(role: str, serves: str, *command: str) -> float:
    """TimeoutExpired when the peer does not get on."""
    make_tap()
    server = subprocess.Popen([*command, TAP, STACK, serves], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if line.startswith("ready"):
                break
        else:
            raise SystemExit(f"{command[0]} ended with status {server.wait()}")
        peer = [sys.executable, "-m", netstack_peer.__name__, role, STACK]
        done = subprocess.run(peer, stdout=subprocess.PIPE, check=True, timeout=PATIENCE_S)
        return float(done.stdout)
    finally:
        server.kill()
        server.communicate()


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
