"""What others install from the registries beside what is here, the same work in the same run: user-mode networking for a
namespace (slirp4netns, pasta), and whole TCP/IP stacks on a tap (gVisor's, lwIP, PyTCP). None of them is needed: what is
not there is named with the command that installs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.bench import netstack, netstack_tap, report
from tools.bench.peers import on_tap, through_gateway

HERE: Final = Path(__file__).resolve().parent
PYTCP: Final = HERE.parents[2] / "out" / "pytcp" / "bin" / "python"
GO_PATH: Final = Path("/usr/share/gocode")
LWIP: Final = Path("/usr/include/lwip")
GATEWAY, STACK = "gateway", "stack"
BUILD_S: Final = 300.0


@dataclass(frozen=True)
class Row:
    """`role` is one of `netstack_peer`'s, `serves` what it talks to; `tap`: the row of `netstack_tap` with the same work."""

    name: str
    title: str
    unit: str
    kind: str
    role: str
    serves: str
    tap: str = ""
    native: bool = True

    @property
    def more_is_better(self) -> bool:
        return self.unit != "us"


ROWS: Final = (
    Row("gateway_out", "a namespace's stream out", "Gbit/s", GATEWAY, "send", "sink"),
    Row("gateway_in", "a namespace's stream in", "Gbit/s", GATEWAY, "receive", "source"),
    Row("gateway_pingpong", "a namespace's TCP ping-pong, half", "us", GATEWAY, "ping_pong", "echo"),
    Row("gateway_connections", "a namespace's short connections", "1/s", GATEWAY, "connections", "echo"),
    Row("gateway_udp_out", "a namespace's UDP 64 B out", "1/s", GATEWAY, "datagrams_out", "count"),
    Row("gateway_udp_in", "a namespace's UDP 64 B in", "1/s", GATEWAY, "datagrams_in", "flood"),
    Row(
        "stack_out",
        "stack on a tap, MTU 1500, to the kernel",
        "Gbit/s",
        STACK,
        "receive",
        "source",
        "tap_plain_out",
        False,
    ),
    Row(
        "stack_in", "stack on a tap, MTU 1500, from the kernel", "Gbit/s", STACK, "send", "sink", "tap_plain_in", False
    ),
    Row("stack_pingpong", "stack on a tap, TCP ping-pong, half", "us", STACK, "ping_pong", "echo", "tap_pingpong"),
    Row(
        "stack_connections", "stack on a tap, short connections", "1/s", STACK, "connections", "echo", "tap_connections"
    ),
)
NAMES: Final = {row.name for row in ROWS}


@dataclass(frozen=True)
class Peer:
    """`prepare` gives the command that is a stack (a gateway's is in `through_gateway`), from a folder to build in."""

    name: str
    kind: str
    install: str
    is_there: Callable[[], bool]
    prepare: Callable[[Path], tuple[str, ...]] = lambda directory: ()


def _build_gvisor(directory: Path) -> tuple[str, ...]:
    program = directory / "gvisor_tap"
    command = ["go", "build", "-o", str(program), str(HERE / "gvisor_tap.go")]
    environ = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PATH)}
    subprocess.run(command, check=True, env=environ, timeout=BUILD_S)
    return (str(program),)


def _build_lwip(directory: Path) -> tuple[str, ...]:
    program = directory / "lwip_tap"
    command = ["gcc", "-O2", f"-I{LWIP}", str(HERE / "lwip_tap.c"), "-o", str(program), "-llwip"]
    subprocess.run(command, check=True, timeout=BUILD_S)
    return (str(program),)


PEERS: Final = (
    Peer("slirp4netns", GATEWAY, "apt-get install slirp4netns", lambda: shutil.which("slirp4netns") is not None),
    Peer("pasta", GATEWAY, "apt-get install passt", lambda: shutil.which("pasta") is not None),
    Peer(
        "gVisor",
        STACK,
        "apt-get install golang-go golang-gvisor-gvisor-dev",
        lambda: shutil.which("go") is not None and (GO_PATH / "src/gvisor.dev/gvisor/pkg/tcpip").exists(),
        _build_gvisor,
    ),
    Peer(
        "lwIP",
        STACK,
        "apt-get install gcc liblwip-dev",
        lambda: shutil.which("gcc") is not None and LWIP.exists(),
        _build_lwip,
    ),
    Peer(
        "PyTCP",
        STACK,
        "python3.11 -m venv out/pytcp && out/pytcp/bin/pip install PyTCP==2.7.6",
        PYTCP.exists,
        lambda directory: (str(PYTCP), "-O", str(HERE / "pytcp_tap.py")),
    ),
)


def missing() -> list[str]:
    """A line for each peer that is not installed."""
    return [f"{peer.name}: not installed ({peer.install})" for peer in PEERS if not peer.is_there()]


def _prepared(wanted: list[Row], directory: Path) -> dict[Peer, tuple[str, ...]]:
    """Those that can be measured; what cannot be built is said on stderr."""
    kinds = {row.kind for row in wanted}
    found: dict[Peer, tuple[str, ...]] = {}
    for peer in PEERS:
        if peer.kind in kinds and peer.is_there():
            try:
                found[peer] = peer.prepare(directory)
            except (subprocess.SubprocessError, OSError) as error:
                print(f"{peer.name}: {error}", file=sys.stderr)
    return found


def _gateway(row: Row, gateway: str, environ: dict[str, str]) -> float | None:
    command = [sys.executable, "-m", through_gateway.__name__, gateway, row.role, row.serves]
    return netstack.output(f"{row.name}: {gateway}", command, environ)


def _stack(row: Row, name: str, command: tuple[str, ...]) -> float | None:
    words = ["unshare", "--net", sys.executable, "-m", on_tap.__name__, row.role, row.serves, *command]
    return netstack.output(f"{row.name}: {name}", words, {})


def _our_stack(row: Row, environ: dict[str, str]) -> float | None:
    words = ["unshare", "--net", sys.executable, "-m", netstack_tap.__name__, row.tap]
    return netstack.output(row.name, words, environ)


def _one_round(
    row: Row, sides: dict[str, dict[str, str]], peers: dict[Peer, tuple[str, ...]]
) -> dict[str, float | None]:
    """A value for native, each side and each peer, one after the other."""
    found: dict[str, float | None] = {}
    if row.kind == GATEWAY:
        found["native"] = _gateway(row, "veth", {})
        found |= {side: _gateway(row, "ours", environ) for side, environ in sides.items()}
        return found | {peer.name: _gateway(row, peer.name, {}) for peer in peers if peer.kind == GATEWAY}
    if row.native:
        found["native"] = netstack.kernel(row.name, row.role)
    found |= {side: _our_stack(row, environ) for side, environ in sides.items()}
    return found | {peer.name: _stack(row, peer.name, words) for peer, words in peers.items() if peer.kind == STACK}


def rows(
    sides: dict[str, dict[str, str]],
    directory: Path,
    rounds: int,
    wanted: set[str],
    result: Callable[..., report.Result],
) -> list[report.Result]:
    """Sides as in `netstack.rows`. None without the privilege to make namespaces."""
    chosen = [row for row in ROWS if not wanted or row.name in wanted]
    if not netstack.can_make_taps():
        return []
    peers = _prepared(chosen, directory)
    values: dict[str, dict[str, list[float]]] = {row.name: {} for row in chosen}
    for _ in range(rounds):
        for row in chosen:
            for side, value in _one_round(row, sides, peers).items():
                if value is not None:
                    values[row.name].setdefault(side, []).append(value)
    return [_result(row, values[row.name], sides, result) for row in chosen]


def _result(
    row: Row, values: dict[str, list[float]], sides: dict[str, dict[str, str]], result: Callable[..., report.Result]
) -> report.Result:
    ours: dict[str, list[float]] = {side: values.get(side, []) for side in ("native", *sides)}
    others: dict[str, Any] = {peer.name: values.get(peer.name, []) for peer in PEERS if peer.kind == row.kind}
    return result(row.name, row.title, row.unit, ours, more_is_better=row.more_is_better, others=others)
