"""iperf3 between the sandbox and a namespace over a veth, beside the same between two namespaces.

Everything is made here and removed again: two network namespaces and a veth pair between them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Callable

from tools import netns

UP, DOWN = "iperf3_up", "iperf3_down"
NAMES = {UP, DOWN}
BOUNDS = {UP: 3.0, DOWN: 2.0}
SERVER, CLIENT = "10.199.0.1", "10.199.0.2"
SECONDS = "3"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Pair:
    """Two namespaces, a veth between them, an iperf3 server in the first."""

    def __init__(self) -> None:
        self.a, self.b = netns.add(), netns.add()
        self.server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Pair:
        _ip("-n", self.a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.b)
        for name, address in ((self.a, SERVER), (self.b, CLIENT)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        command = ["ip", "netns", "exec", self.a, "iperf3", "-s", "-B", SERVER, "--forceflush"]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self.server.stdout is not None
        for line in self.server.stdout:
            if b"listening" in line:
                break
        return self

    def __exit__(self, *_: object) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.communicate()
        for name in (self.a, self.b):
            netns.remove(name)


def measure(command: list[str], down: bool) -> float:
    """Gbit/s that arrived. RuntimeError with iperf3's words."""
    words = [*command, "iperf3", "-c", SERVER, "-t", SECONDS, "-J"] + (["-R"] if down else [])
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    try:
        return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e9
    except (ValueError, KeyError):
        raise RuntimeError(f"iperf3: {done.stdout.strip()[-200:]} {done.stderr.strip()[-200:]}") from None


def rows(inside: dict[str, list[str]], rounds: int, result: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """Up and down; none where iperf3, ip or the privilege to make namespaces is missing."""
    if not (shutil.which("iperf3") and shutil.which("ip") and os.geteuid() == 0):
        return []
    values: dict[str, dict[str, list[float]]] = {UP: {}, DOWN: {}}
    with Pair() as pair:
        native = ["ip", "netns", "exec", pair.b]
        commands = {"native": native}
        for side, do in inside.items():
            verb = do.index("do")
            commands[side] = [*native, *do[:verb], "--network", "sandbox", *do[verb:]]
        for side, command in commands.items():  # one after the other: a sandbox takes the interface's addresses
            for _ in range(rounds):
                for name in (UP, DOWN):
                    values[name].setdefault(side, []).append(measure(command, name == DOWN))
    titles = {UP: "iperf3 upload over a veth", DOWN: "iperf3 download over a veth"}
    return [
        result(name, titles[name], "Gbit/s", sides, bound=BOUNDS[name], more_is_better=True)
        for name, sides in values.items()
    ]
