"""The netstack alone: a stack on a tap with the kernel as its peer, and stacks in memory. What runs is in `netstack_tap`,
`netstack_peer` and `netstack_memory`; here are the rows. `python -m tools.bench.netstack FILE.svg` draws what a segment
and a timer cost against how many there are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tools import netns
from tools.bench import report, unit

MANY: Final = 10000


@dataclass(frozen=True)
class Row:
    """`bound` is for U = 3.7 µs and follows it (a rate falls as U grows) if `scaled`."""

    name: str
    title: str
    unit: str
    bound: float | None
    module: str
    words: tuple[str, ...]
    more_is_better: bool = False
    scaled: bool = True
    native: tuple[str, ...] = ()  # of the second column: a role of the peer against the kernel, or words for `module`


def _tap(name: str, title: str, unit_: str, bound: float, more: bool = True, native: str = "") -> Row:
    return Row(name, title, unit_, bound, "tap", (name,), more, native=(native,) if native else ())


def _memory(name: str, title: str, unit_: str, bound: float | None, *words: str, **more: Any) -> Row:
    return Row(name, title, unit_, bound, "memory", words, **more)


ROWS: Final = (
    _tap("tap_out", "tap, offloads, to the kernel", "Gbit/s", 12),
    _tap("tap_in", "tap, offloads, from the kernel", "Gbit/s", 8),
    _tap("tap_plain_out", "tap, MTU 1500, no offloads, to", "Gbit/s", 0.6),
    _tap("tap_plain_in", "tap, MTU 1500, no offloads, from", "Gbit/s", 0.6),
    _memory("pipe", "two stacks over a pipe", "Gbit/s", 10, "pipe", more_is_better=True),
    _tap("tap_pingpong", "tap, TCP ping-pong, half", "us", 60, False, "ping_pong"),
    _tap("tap_connections", "tap, short connections", "1/s", 3000, native="connections"),
    _tap("udp_out", "tap, UDP 64 B to the kernel", "1/s", 40000),
    _tap("udp_in", "tap, UDP 64 B from the kernel", "1/s", 40000),
    _memory("idle_memory", "10,000 idle connections", "MB", 150, "idle_memory", str(MANY), scaled=False),
    _memory(
        "idle_turn", "a turn, 10,000 idle (native: 1)", "us", None, "idle_turn", str(MANY), native=("idle_turn", "1")
    ),
    _memory(
        "segment",
        "a segment, 10,000 conn. (native: 1)",
        "us",
        None,
        "per_segment",
        str(MANY),
        native=("per_segment", "1"),
    ),
    _memory("timer", "a timer, 10,000 set (native: 1)", "us", None, "per_timer", str(MANY), native=("per_timer", "1")),
    _memory("import", "import tcpip with a stack", "ms", 60, "import"),
)
NAMES: Final = {row.name for row in ROWS}


def _run(row: Row, words: tuple[str, ...], environ: dict[str, str]) -> float | None:
    """One measurement, of a tap in a namespace that lives as long. None, said on stderr, when it fails."""
    command = [sys.executable, "-m", f"tools.bench.netstack_{row.module}", *words]
    return output(row.name, ["unshare", "--net", *command] if row.module == "tap" else command, environ)


def output(name: str, command: list[str], environ: dict[str, str]) -> float | None:
    """The number that a command ends its output with. None, said on stderr, when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, timeout=180)
    if done.returncode:
        print(f"{name}: {' '.join(command)}: status {done.returncode} {done.stderr.strip()[-200:]}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def kernel(name: str, role: str) -> float | None:
    """What the peer measures against the kernel's own sockets, over the loopback."""
    space = netns.add()
    try:
        command = ["ip", "netns", "exec", space, sys.executable, "-m", "tools.bench.netstack_peer"]
        server = subprocess.Popen([*command, "echo_server", "127.0.0.1"], stdout=subprocess.PIPE)
        assert server.stdout is not None
        server.stdout.readline()
        try:
            return output(name, [*command, role, "127.0.0.1"], {})
        finally:
            server.kill()
            server.communicate()
    finally:
        netns.remove(space)


def can_make_taps() -> bool:
    """In namespaces of their own."""
    return os.geteuid() == 0 and os.path.exists("/dev/net/tun") and shutil.which("ip") is not None


def can_run(row: Row) -> bool:
    return row.module == "memory" or can_make_taps()


def bound_of(row: Row, u: float) -> float | None:
    if row.bound is None or not row.scaled:
        return row.bound
    factor = u / unit.NETSTACK_US
    return row.bound / factor if row.more_is_better else row.bound * factor


def rows(
    sides: dict[str, dict[str, str]], rounds: int, wanted: set[str], u: float, result: Callable[..., report.Result]
) -> list[report.Result]:
    """Sides are environments to run the stack in, by name; all in turn."""
    chosen = [row for row in ROWS if (not wanted or row.name in wanted) and can_run(row)]
    values: dict[str, dict[str, list[float]]] = {row.name: {side: [] for side in ("native", *sides)} for row in chosen}
    for _ in range(rounds):
        for row in chosen:
            native = None
            if row.native:
                native = kernel(row.name, *row.native) if row.module == "tap" else _run(row, row.native, {})
            found = {"native": native, **{side: _run(row, row.words, environ) for side, environ in sides.items()}}
            for side, value in found.items():
                if value is not None:
                    values[row.name][side].append(value)
    return [
        result(
            row.name,
            row.title,
            row.unit,
            values[row.name],
            bound=bound_of(row, u),
            scaled=row.scaled and row.bound is not None,
            more_is_better=row.more_is_better,
        )
        for row in chosen
    ]


def picture() -> str:
    """An SVG: cost against number, both measured now; the number's axis is logarithmic."""
    counts = (1, 10, 100, 1000, MANY)
    lines = []
    for name, colour, title in (
        ("per_segment", "#1f6fb4", "a segment"),
        ("per_timer", "#c0392b", "a timer, armed again"),
    ):
        row = Row(name, "", "", None, "memory", ())
        costs = [_run(row, (name, str(count)), {}) or 0.0 for count in counts]
        points = [(60 + 130 * index, 240 - 8 * cost) for index, cost in enumerate(costs)]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [
            f'<text x="{x:.0f}" y="{y - 6:.0f}" fill="{colour}" text-anchor="middle">{cost:.1f}</text>'
            for (x, y), cost in zip(points, costs, strict=True)
        ]
        lines.append(f'<text x="595" y="{points[-1][1] + 4:.0f}" fill="{colour}">{title}</text>')
    axis = "".join(
        f'<text x="{60 + 130 * index}" y="262" text-anchor="middle">{count}</text>'
        for index, count in enumerate(counts)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="740" height="290" font-family="sans-serif" font-size="12">'
        '<rect width="740" height="290" fill="white"/><line x1="40" y1="240" x2="590" y2="240" stroke="#333"/>'
        f'{axis}<text x="320" y="282" text-anchor="middle">connections, or timers that are set</text>'
        f'<text x="40" y="14">µs</text>{"".join(lines)}</svg>\n'
    )


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(picture())
